"""What an adapter is given to add nodes with."""

from torch import nn

from .builder import AXES, UNIT, Graph, Value
from .errors import ExportError
from .registry import adapter_of


class Emit:
    """Adds the nodes of one call at `path`; `out_shape` is the torch shape of the call's result."""

    def __init__(self, graph: Graph, path: str, what: str, out_shape, child_shapes=None, per_step: bool = False):
        self.graph = graph
        self.path = path
        self.what = what
        self.out_shape = tuple(out_shape) if out_shape is not None else None
        self.child_shapes = child_shapes or {}
        #: inside a container that calls its children on every step
        self.per_step = per_step
        #: the first argument is the (values, indices) of a maximum
        self.of_pair = False

    def __call__(self, op: str, inputs: list[Value], attrs: dict, *, axes, shape=None, statistic=None) -> Value:
        if statistic is None:
            statistic = all(v.statistic for v in inputs)
        name = self.graph.add(self.path, op, [v.node for v in inputs], attrs)
        return Value(name, tuple(axes), tuple(self.out_shape if shape is None else shape), statistic)

    def tensor(self, suffix: str, value) -> str:
        return self.graph.tensor(f"{self.path}.{suffix}", value)

    def fail(self, what: str, remedy: str):
        raise ExportError(f"{self.path} ({self.what}): {what}; {remedy}")

    def child(self, name: str, module: nn.Module, x: Value) -> Value:
        """The value of calling the submodule `name` on every step of `x`."""
        path = f"{self.path}.{name}"
        emit = Emit(self.graph, path, type(module).__name__, None, self.child_shapes, per_step=True)
        adapter = adapter_of(module)
        if adapter is None:
            emit.fail("no adapter is registered for this class", "see pulvinar_export.register")
        emit.out_shape = x.shape[:2] + tuple(self.child_shapes[path][1:])
        return adapter(emit, module, x)

    def reduce(self, x: Value, dims, kind: str, keepdim: bool) -> Value:
        """mean, max or sum over torch dimensions."""
        dims = sorted(d % len(x.axes) for d in ([dims] if isinstance(dims, int) else dims))
        names = [x.axes[d] for d in dims]
        if "b" in names:
            self.fail("it reduces over the batch", "reduce over time, channels or pixels only")
        if keepdim:
            axes, shape = x.axes, tuple(1 if d in dims else s for d, s in enumerate(x.shape))
        else:
            axes = tuple(a for d, a in enumerate(x.axes) if d not in dims)
            shape = tuple(s for d, s in enumerate(x.shape) if d not in dims)
        over = [a for a in AXES if a in names]
        if not over:
            return x.relabel(axes, shape)
        return self("reduce", [x], {"kind": kind, "axes": over}, axes=axes, shape=shape, statistic=True)

    def flatten(self, x: Value, start: int, end: int) -> Value:
        """Merges the torch dimensions start..end: channels and pixels to channels, or units away."""
        start, end = start % len(x.axes), end % len(x.axes)
        merged = x.axes[start : end + 1]
        size = 1
        for s in x.shape[start : end + 1]:
            size *= s
        shape = (*x.shape[:start], size, *x.shape[end + 1 :])
        large = [a for a, s in zip(merged, x.shape[start : end + 1]) if s > 1]
        if len(large) <= 1:
            named = large or [a for a in merged if a != UNIT][:1] or [UNIT]
            return x.relabel((*x.axes[:start], named[0], *x.axes[end + 1 :]), shape)
        if tuple(a for a in merged if a != UNIT) not in (("c", "h", "w"), ("c", "h")) or {"h", "w"} & set(x.axes[end + 1 :]):
            self.fail(f"it merges the axes {merged}", "flatten channels and pixels, after time and batch")
        axes = (*x.axes[:start], "c", *x.axes[end + 1 :])
        return self("flatten", [x], {}, axes=axes, shape=shape)
