"""Adapters for the modules of torch.nn."""

from torch import nn

from ..registry import register
from .common import as_matrix, pair, same_padding, sides


@register(nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
def identity(_emit, _module, x):
    return x


@register(nn.ReLU)
def relu(emit, _module, x):
    return emit("relu", [x], {}, axes=x.axes, shape=x.shape)


@register(nn.Sigmoid)
def sigmoid(emit, _module, x):
    return emit("sigmoid", [x], {}, axes=x.axes, shape=x.shape)


def _bias(emit, module):
    return None if module.bias is None else emit.tensor("bias", module.bias)


def _along(emit, x, position: int) -> str:
    """The native axis, t or c, at a torch position; a unit axis counts as c where c is free."""
    axis = x.axes[position]
    if axis == "1" and "c" not in x.axes:
        return "c"
    if axis not in ("t", "c"):
        emit.fail(f"it maps along axis {axis}", "only maps along the channel or the time axis can be exported")
    return axis


def _renamed(x, position: int, axis: str):
    axes = list(x.axes)
    axes[position] = axis
    return tuple(axes)


def dense(emit, module, x, position: int):
    """A linear map along the axis at torch `position`; a layer's own op where it is a layer."""
    axis = _along(emit, x, position)
    weight = emit.tensor("weight", as_matrix(module.weight))
    attrs = {"weight": weight, "bias": _bias(emit, module)}
    layer = axis == "c" and not x.statistic and x.size("h") == x.size("w") == 1
    axes = _renamed(x, position, axis)
    if layer:
        return emit("linear", [x], attrs, axes=axes)
    return emit("dense", [x], {**attrs, "axis": axis}, axes=axes)


@register(nn.Linear)
def linear(emit, module, x):
    return dense(emit, module, x, len(x.axes) - 1)


@register(nn.Conv3d)
def conv3d(emit, module, x):
    plain = module.padding in ("same", "valid", (0, 0, 0)) and module.stride == (1, 1, 1) and module.groups == 1
    if module.kernel_size != (1, 1, 1) or not plain:
        emit.fail("only a plain 1x1x1 Conv3d, as in gates, can be exported", "use Conv2d for spatial layers")
    return dense(emit, module, x, len(x.axes) - 4)


@register(nn.Conv2d)
def conv2d(emit, module, x):
    if module.padding_mode != "zeros":
        emit.fail(f"padding_mode is {module.padding_mode!r}", "use padding_mode='zeros'")
    kernel, dilation = pair(module.kernel_size), pair(module.dilation)
    if x.axes[-3] == "t" or (x.statistic and kernel == [1, 1] and module.groups == 1 and x.shape[-2:] == (1, 1)):
        if kernel != [1, 1]:
            emit.fail("it convolves with time as its channels", "use a 1x1 kernel or Linear")
        return dense(emit, module, x, len(x.axes) - 3)
    _spatial(emit, x)
    if module.padding == "same":
        padding = same_padding(kernel, dilation)
    else:
        padding = [0] * 4 if module.padding == "valid" else sides(module.padding)
    attrs = {
        "weight": emit.tensor("weight", module.weight),
        "bias": _bias(emit, module),
        "stride": pair(module.stride),
        "padding": padding,
        "dilation": dilation,
        "groups": int(module.groups),
    }
    return emit("conv2d", [x], attrs, axes=_renamed(x, len(x.axes) - 3, "c"))


@register(nn.ConvTranspose2d)
def conv_transpose2d(emit, module, x):
    _spatial(emit, x)
    groups = int(module.groups)
    inputs, each, *kernel = module.weight.shape
    # [in, out / groups] a group to [out, in / groups].
    weight = module.weight.reshape(groups, inputs // groups, each, *kernel).transpose(1, 2)
    attrs = {
        "weight": emit.tensor("weight", weight.reshape(groups * each, inputs // groups, *kernel)),
        "bias": _bias(emit, module),
        "stride": pair(module.stride),
        "padding": sides(module.padding),
        "output_padding": pair(module.output_padding),
        "dilation": pair(module.dilation),
        "groups": groups,
    }
    return emit("conv_transpose2d", [x], attrs, axes=_renamed(x, len(x.axes) - 3, "c"))


@register(nn.Upsample, nn.UpsamplingNearest2d)
def upsample(emit, module, x):
    return nearest(emit, x, module.mode)


def nearest(emit, x, mode: str):
    """Upsampling to the call's own size."""
    _spatial(emit, x)
    (height, width), (out_height, out_width) = x.shape[-2:], emit.out_shape[-2:]
    if mode != "nearest" or out_height % height or out_width % width:
        emit.fail(f"it resizes {height} x {width} to {out_height} x {out_width} by {mode!r}", "use mode='nearest' and a whole scale")
    return emit("upsample", [x], {"scale": [out_height // height, out_width // width]}, axes=x.axes)


def _spatial(emit, x) -> None:
    names = tuple("c" if a == "1" and i == 0 else a for i, a in enumerate(x.axes[-3:]))
    if names != ("c", "h", "w"):
        emit.fail(f"its input's last axes are {x.axes[-3:]}", "give it values of shape [..., C, H, W]")


@register(nn.BatchNorm1d, nn.BatchNorm2d)
def batch_norm(emit, module, x):
    if module.running_mean is None:
        emit.fail("it keeps no running statistics", "set track_running_stats=True and train again")
    if "c" not in x.axes:
        emit.fail("its input has no channel axis", "apply it to values of shape [..., C, ...]")
    ones, zeros = module.running_var.new_ones, module.running_var.new_zeros
    n = module.num_features
    attrs = {
        "weight": emit.tensor("weight", ones(n) if module.weight is None else module.weight),
        "bias": emit.tensor("bias", zeros(n) if module.bias is None else module.bias),
        "mean": emit.tensor("running_mean", module.running_mean),
        "var": emit.tensor("running_var", module.running_var),
        "eps": float(module.eps),
    }
    return emit("batch_norm", [x], attrs, axes=x.axes, shape=x.shape)


def _pool(emit, module, x, op: str):
    _spatial(emit, x)
    kernel, padding = pair(module.kernel_size), pair(module.padding)
    stride = kernel if module.stride is None else pair(module.stride)
    if module.ceil_mode:
        for size, k, s, p in zip(x.shape[-2:], kernel, stride, padding):
            if (size + 2 * p - k) % s:
                emit.fail("ceil_mode lets its last window hang over the edge", "set ceil_mode=False and pad")
    attrs = {"kernel": kernel, "stride": stride, "padding": sides(padding)}
    return emit(op, [x], attrs, axes=x.axes)


@register(nn.AvgPool2d)
def avg_pool(emit, module, x):
    if module.divisor_override is not None:
        emit.fail("divisor_override is set", "leave it None")
    if not module.count_include_pad and any(pair(module.padding)):
        emit.fail("count_include_pad is False", "set count_include_pad=True or padding=0")
    return _pool(emit, module, x, "avg_pool")


@register(nn.MaxPool2d)
def max_pool(emit, module, x):
    if module.return_indices or pair(module.dilation) != [1, 1]:
        emit.fail("return_indices or dilation is set", "use a plain MaxPool2d")
    return _pool(emit, module, x, "max_pool")


def _global_pool(emit, module, x, dims: int, kind: str):
    wanted = module.output_size
    if any(v != 1 for v in (wanted if isinstance(wanted, tuple) else (wanted,))):
        emit.fail(f"its output_size is {wanted}", "use output_size 1, or a pool with a fixed kernel")
    return emit.reduce(x, list(range(len(x.axes) - dims, len(x.axes))), kind, keepdim=True)


for _dims, _mean, _max in (
    (1, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d),
    (2, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d),
    (3, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool3d),
):
    register(_mean)(lambda emit, module, x, dims=_dims: _global_pool(emit, module, x, dims, "mean"))
    register(_max)(lambda emit, module, x, dims=_dims: _global_pool(emit, module, x, dims, "max"))


@register(nn.Flatten)
def flatten(emit, module, x):
    # A module that sees one step does not see the axis of time.
    past = 1 if emit.per_step else 0
    start, end = (d + past if d >= 0 else d for d in (module.start_dim, module.end_dim))
    return emit.flatten(x, start, end)
