"""Translation of torch functions, operators and tensor methods.

Each entry takes (emit, *arguments) with Values in place of tensors and returns a Value. Shape-only
operations move names of axes; they add no node.
"""

import operator

import torch
from torch.nn import functional as F

from .builder import UNIT, Value

_TABLE: dict = {}


def _on(*targets):
    """Registers a translation for functions and for tensor methods (given by name)."""

    def keep(f):
        _TABLE.update(dict.fromkeys(targets, f))
        return f

    return keep


def lookup(target):
    return _TABLE.get(target)


def _join(emit, a: Value, b: Value) -> tuple[str, ...]:
    """Axes of a broadcast result, aligned from the right as torch does."""
    n = max(len(a.axes), len(b.axes))
    axes = []
    for p, q in zip((UNIT,) * (n - len(a.axes)) + a.axes, (UNIT,) * (n - len(b.axes)) + b.axes):
        if p != q and UNIT not in (p, q):
            emit.fail(f"its operands have axes {a.axes} and {b.axes}", "bring both to the same order of axes")
        axes.append(q if p == UNIT else p)
    named = [a for a in axes if a != UNIT]
    if len(named) != len(set(named)):
        emit.fail(f"its operands have axes {a.axes} and {b.axes}", "bring both to the same order of axes")
    return tuple(axes)


def _affine(emit, x: Value, mul: float, add: float) -> Value:
    attrs = {"mul": float(mul), "add": float(add)}
    return emit("affine", [x], attrs, axes=x.axes, shape=x.shape)


@_on(operator.add, operator.iadd, torch.add, "add", "add_")
def add(emit, a, b):
    if not isinstance(a, Value):
        a, b = b, a
    if not isinstance(b, Value):
        return _affine(emit, a, 1, b)
    return emit("add", [a, b], {}, axes=_join(emit, a, b))


@_on(operator.mul, operator.imul, torch.mul, "mul", "mul_")
def mul(emit, a, b):
    if not isinstance(a, Value):
        a, b = b, a
    if not isinstance(b, Value):
        return _affine(emit, a, b, 0)
    return emit("mul", [a, b], {}, axes=_join(emit, a, b))


@_on(operator.sub, torch.sub, "sub")
def sub(emit, a, b):
    if not isinstance(b, Value):
        return _affine(emit, a, 1, -b)
    if not isinstance(a, Value):
        return _affine(emit, b, -1, a)
    return emit("add", [a, _affine(emit, b, -1, 0)], {}, axes=_join(emit, a, b))


@_on(operator.truediv, torch.div, "div")
def div(emit, a, b):
    if isinstance(b, Value):
        emit.fail("it divides by a computed value", "only division by a constant can be exported")
    return _affine(emit, a, 1 / b, 0)


@_on(operator.neg, torch.neg, "neg")
def neg(emit, x):
    return _affine(emit, x, -1, 0)


@_on(F.relu, torch.relu, "relu", "relu_")
def relu(emit, x, inplace=False):
    return emit("relu", [x], {}, axes=x.axes, shape=x.shape)


@_on(torch.sigmoid, F.sigmoid, "sigmoid")
def sigmoid(emit, x):
    return emit("sigmoid", [x], {}, axes=x.axes, shape=x.shape)


def _reduction(kind: str):
    def translate(emit, x, dim=None, keepdim=False, **others):
        if dim is None or isinstance(dim, Value) or any(v is not None for v in others.values()):
            emit.fail("it needs the dimensions to reduce over", "give dim=..., without a dtype")
        return emit.reduce(x, dim, kind, keepdim)

    return translate


_on(torch.mean, "mean")(_reduction("mean"))
_on(torch.sum, "sum")(_reduction("sum"))
_on(torch.amax, "amax", torch.max, "max")(_reduction("max"))


@_on(getattr)
def get_attribute(emit, x, name):
    """`.values` of torch.max(x, dim)."""
    if name != "values":
        emit.fail(f"its attribute {name!r} is used", "only the values of a maximum can be exported")
    return x


@_on(operator.getitem)
def get_item(emit, x, index):
    """Indexing with None, Ellipsis and full slices, [-1] over time, and [0] of torch.max(x, dim)."""
    if emit.of_pair:
        if index != 0:
            emit.fail("the indices of a maximum are used", "only its values can be exported")
        return x
    if index == -1 and x.axes[0] == "t":
        return emit("reduce", [x], {"kind": "last", "axes": ["t"]}, axes=x.axes[1:], statistic=True)
    index = index if isinstance(index, tuple) else (index,)
    whole = slice(None)
    if any(i is not None and i is not Ellipsis and i != whole for i in index):
        emit.fail("it selects part of a tensor", "only None, Ellipsis and ':' can be exported as indices")
    taken = sum(i == whole for i in index if i is not None and i is not Ellipsis)
    axes: list[str] = []
    rest = list(x.axes)
    for i in index:
        if i is None:
            axes.append(UNIT)
        elif i is Ellipsis:
            n = len(x.axes) - taken
            axes, rest = axes + rest[:n], rest[n:]
        else:
            axes.append(rest.pop(0))
    return x.relabel((*axes, *rest), emit.out_shape)


@_on(torch.unsqueeze, "unsqueeze")
def unsqueeze(emit, x, dim):
    at = dim % (len(x.axes) + 1)
    return x.relabel((*x.axes[:at], UNIT, *x.axes[at:]), emit.out_shape)


@_on(torch.squeeze, "squeeze")
def squeeze(emit, x, dim=None):
    dims = range(len(x.axes)) if dim is None else [dim] if isinstance(dim, int) else dim
    gone = {d % len(x.axes) for d in dims if x.shape[d] == 1}
    return x.relabel(tuple(a for d, a in enumerate(x.axes) if d not in gone), emit.out_shape)


@_on(torch.transpose, "transpose", "swapaxes")
def transpose(emit, x, dim0, dim1):
    axes = list(x.axes)
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return x.relabel(tuple(axes), emit.out_shape)


@_on(torch.permute, "permute")
def permute(emit, x, *dims):
    dims = dims[0] if len(dims) == 1 else dims
    return x.relabel(tuple(x.axes[d] for d in dims), emit.out_shape)


@_on(torch.flatten, "flatten")
def flatten(emit, x, start_dim=0, end_dim=-1):
    return emit.flatten(x, start_dim, end_dim)


@_on(torch.reshape, "reshape", "view")
def reshape(emit, x, *_shape):
    """Adds and drops axes of size 1, or flattens channels and pixels."""
    out = emit.out_shape
    for start in range(len(x.shape)):
        if out[: start + 1] == (*x.shape[:start], torch.Size(x.shape[start:]).numel()) and len(out) == start + 1:
            return emit.flatten(x, start, -1)
    large = [a for a, s in zip(x.axes, x.shape) if s != 1]
    if [s for s in x.shape if s != 1] != [s for s in out if s != 1]:
        emit.fail(f"it reshapes {x.shape} to {out}", "only flattening and axes of size 1 can be exported")
    return x.relabel(tuple(UNIT if s == 1 else large.pop(0) for s in out), out)


@_on("view_as", "reshape_as")
def reshape_as(emit, x, _other):
    return reshape(emit, x)


@_on(torch.cat, torch.concat)
def cat(emit, tensors, dim=0):
    """Along channels; a unit axis becomes the channel axis where there is none."""
    at = dim % len(tensors[0].axes)
    axes = tensors[0].axes
    for value in tensors[1:]:
        axes = tuple(q if p == UNIT else p for p, q in zip(axes, value.axes))
    if axes[at] == UNIT and "c" not in axes:
        axes = (*axes[:at], "c", *axes[at + 1 :])
    if axes[at] != "c" or any(p not in (q, UNIT) for v in tensors for p, q in zip(v.axes, axes)):
        emit.fail(f"it joins along axis {axes[at]}", "only joining along channels can be exported")
    return emit("concat", list(tensors), {}, axes=axes)


@_on(torch.stack)
def stack(emit, tensors, dim=0):
    at = dim % (len(tensors[0].axes) + 1)
    wider = [v.relabel((*v.axes[:at], UNIT, *v.axes[at:]), (*v.shape[:at], 1, *v.shape[at:])) for v in tensors]
    return cat(emit, wider, at)


@_on("expand_as", "expand", "contiguous", "clone", "detach", "float", F.dropout, F.dropout2d, F.dropout3d, torch.clone)
def same(emit, x, *_args, **_kwargs):
    """The same numbers; expansion is left to the broadcast of whatever comes next."""
    if emit.out_shape is not None and len(emit.out_shape) > len(x.axes):
        units = (UNIT,) * (len(emit.out_shape) - len(x.axes))
        return x.relabel(units + x.axes, (1,) * len(units) + x.shape)
    return x


@_on(F.interpolate)
def interpolate(emit, x, size=None, scale_factor=None, mode="nearest", **_others):
    from .adapters.torch_nn import nearest

    return nearest(emit, x, mode)


@_on(F.adaptive_avg_pool2d, F.adaptive_max_pool2d)
def adaptive_pool(emit, x, output_size, **_others):
    if output_size not in (1, (1, 1)):
        emit.fail(f"its output_size is {output_size}", "use output_size 1, or a pool with a fixed kernel")
    kind = "mean" if "avg" in emit.what else "max"
    return emit.reduce(x, (-2, -1), kind, keepdim=True)
