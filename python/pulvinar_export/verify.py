"""Compares an exported folder with the reference vectors that PyTorch computed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import reference


@dataclass(frozen=True)
class Agreement:
    """Spikes compared, spikes that differ, and the largest difference of an output."""

    spikes: int
    flips: int
    output_error: float

    def __str__(self) -> str:
        return f"{self.flips} of {self.spikes} spikes differ; outputs differ by at most {self.output_error:.3g}"


def verify(folder: str | Path) -> Agreement:
    """Runs the stored inputs through the numpy interpreter of the format."""
    document, weights, vectors = reference.read(folder)
    total = flips = 0
    error = 0.0
    chunk = 16
    for i in range(0, len(vectors["input"]), chunk):
        values = reference.run(document, weights, vectors["input"][i : i + chunk])
        out = values[document["output"]].reshape(len(vectors["output"][i : i + chunk]), -1)
        error = max(error, float(np.abs(out - vectors["output"][i : i + chunk]).max()))
        for node in document["nodes"]:
            if node["op"] == "neuron":
                spikes = values[node["name"]]
                flat = spikes.reshape(len(spikes), -1).astype(np.uint8)
                packed = vectors[f"spikes.{node['name']}"][i : i + chunk]
                stored = np.unpackbits(packed, axis=1, count=flat.shape[1])
                total += flat.size
                flips += int((flat != stored).sum())
    return Agreement(total, flips, error)
