"""The native graph under construction, and the values that flow between its nodes."""

import re
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from .errors import ExportError

#: Axes of a native value, in order; a torch tensor has "b" (batch) as well.
AXES = ("t", "c", "h", "w")
#: A torch dimension of size 1 that stands for no native axis.
UNIT = "1"


@dataclass(frozen=True)
class Value:
    """A torch tensor and the native value that holds the same numbers.

    `axes` names each torch dimension: t, b, c, h, w or UNIT. A native axis without a torch dimension
    has size 1. `statistic`: computed from a reduction without a layer in between, as in a gate.
    """

    node: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    statistic: bool = False

    def size(self, axis: str) -> int:
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def native_shape(self) -> tuple[int, ...]:
        return tuple(self.size(a) for a in AXES)

    def relabel(self, axes: tuple[str, ...], shape: tuple[int, ...]) -> "Value":
        return replace(self, axes=tuple(axes), shape=tuple(shape))


def fresh_name(wanted: str, taken) -> str:
    """`wanted` reduced to [A-Za-z0-9_.], with a number behind it if taken."""
    base = re.sub(r"[^A-Za-z0-9_.]", "_", wanted) or "node"
    name, n = base, 1
    while name in taken:
        name, n = f"{base}_{n}", n + 1
    return name


@dataclass
class Graph:
    """Nodes in topological order and their float32 tensors by name."""

    nodes: list[dict] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    #: where in the PyTorch model each node comes from
    paths: dict[str, str] = field(default_factory=dict)

    def node(self, name: str) -> dict | None:
        return next((n for n in self.nodes if n["name"] == name), None)

    def add(self, name: str, op: str, inputs: list[str], attrs: dict) -> str:
        path, name = name, fresh_name(name, {"input", *(n["name"] for n in self.nodes)})
        self.paths[name] = path
        self.nodes.append({"name": name, "op": op, "inputs": inputs, "attrs": attrs})
        return name

    def tensor(self, name: str, value: torch.Tensor) -> str:
        """Stores a weight; one name always means one tensor."""
        if value.dtype == torch.float64:
            self.assume(f"{name}: rounded from float64 to float32")
        array = np.ascontiguousarray(value.detach().cpu().to(torch.float32).numpy())
        if not np.isfinite(array).all():
            raise ExportError(f"{name} holds values that are not finite; train the model again or repair them")
        if name in self.tensors and not np.array_equal(self.tensors[name], array):
            raise ExportError(f"two different tensors would be called {name}; rename one of the modules")
        self.tensors[name] = array
        return name

    def assume(self, text: str) -> None:
        if text not in self.assumptions:
            self.assumptions.append(text)
