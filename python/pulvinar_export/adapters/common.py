"""Node attributes that several frameworks share."""

import torch


def pair(value) -> list[int]:
    return [int(v) for v in value] if isinstance(value, (tuple, list)) else [int(value)] * 2


def sides(padding) -> list[int]:
    """Symmetric padding as [top, bottom, left, right]."""
    vertical, horizontal = pair(padding)
    return [vertical, vertical, horizontal, horizontal]


def same_padding(kernel: list[int], dilation: list[int]) -> list[int]:
    """PyTorch's "same": floor of half the total in front, the rest behind."""
    out = []
    for k, d in zip(kernel, dilation):
        total = d * (k - 1)
        out += [total // 2, total - total // 2]
    return out


def as_matrix(weight: torch.Tensor) -> torch.Tensor:
    """[out, in, 1, 1, ...] to [out, in]."""
    return weight.reshape(weight.shape[0], -1)


def neuron(
    emit,
    x,
    *,
    leak,
    threshold,
    reset,
    input_gain=1.0,
    input_bias=0.0,
    initial=0.0,
    reset_kind="value",
    compare=">=",
    reset_timing="same_step",
    **more,
):
    """A neuron node; `more` holds attributes that a file may leave out, and the lower clamp."""
    if not x.axes or x.axes[0] != "t":
        emit.fail("its input's first axis is not time", "give it values of shape [T, B, ...]")
    attrs = {
        "leak": float(leak),
        "input_gain": float(input_gain),
        "input_bias": float(input_bias),
        "threshold": float(threshold),
        "compare": compare,
        "reset": {"kind": "none"} if reset_kind == "none" else {"kind": reset_kind, "value": float(reset)},
        "reset_timing": reset_timing,
        "initial": float(initial),
        "clamp_min": None,
        **more,
    }
    return emit("neuron", [x], attrs, axes=x.axes, shape=x.shape, statistic=False)
