"""Layers over one data axis, [..., C, L]: two-dimensional ones of width 1, the axis being the native h."""

from torch import nn

from ..registry import register
from .common import same_padding


def _one(value) -> int:
    return int(value[0] if isinstance(value, (tuple, list)) else value)


def _line(emit, x) -> None:
    names = tuple("c" if a == "1" and i == 0 else a for i, a in enumerate(x.axes[-2:]))
    if names != ("c", "h"):
        emit.fail(f"its input's last axes are {x.axes[-2:]}", "give it values of shape [..., C, L], with time in front")


@register(nn.Conv1d)
def conv1d(emit, module, x):
    if module.padding_mode != "zeros":
        emit.fail(f"padding_mode is {module.padding_mode!r}", "use padding_mode='zeros'")
    _line(emit, x)
    kernel, dilation = [_one(module.kernel_size), 1], [_one(module.dilation), 1]
    if module.padding == "same":
        padding = same_padding(kernel, dilation)
    else:
        padding = [0] * 4 if module.padding == "valid" else [_one(module.padding)] * 2 + [0, 0]
    attrs = {
        "weight": emit.tensor("weight", module.weight[..., None]),
        "bias": None if module.bias is None else emit.tensor("bias", module.bias),
        "stride": [_one(module.stride), 1],
        "padding": padding,
        "dilation": dilation,
        "groups": int(module.groups),
    }
    return emit("conv2d", [x], attrs, axes=(*x.axes[:-2], "c", "h"))


def _pool(emit, module, x, op: str):
    _line(emit, x)
    kernel, padding = _one(module.kernel_size), _one(module.padding)
    stride = kernel if module.stride is None else _one(module.stride)
    if module.ceil_mode and (x.shape[-1] + 2 * padding - kernel) % stride:
        emit.fail("ceil_mode lets its last window hang over the edge", "set ceil_mode=False and pad")
    attrs = {"kernel": [kernel, 1], "stride": [stride, 1], "padding": [padding, padding, 0, 0]}
    return emit(op, [x], attrs, axes=x.axes)


@register(nn.AvgPool1d)
def avg_pool1d(emit, module, x):
    if not module.count_include_pad and _one(module.padding):
        emit.fail("count_include_pad is False", "set count_include_pad=True or padding=0")
    return _pool(emit, module, x, "avg_pool")


@register(nn.MaxPool1d)
def max_pool1d(emit, module, x):
    if module.return_indices or _one(module.dilation) != 1:
        emit.fail("return_indices or dilation is set", "use a plain MaxPool1d")
    return _pool(emit, module, x, "max_pool")
