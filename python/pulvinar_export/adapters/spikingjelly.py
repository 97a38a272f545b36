"""Adapters for SpikingJelly 2.x (`activation_based`). Values are [T, B, ...] in step mode "m"."""

import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

from ..registry import adapter_of, register
from . import common, line, torch_nn


def _multi_step(emit, module) -> None:
    if getattr(module, "step_mode", "m") != "m" and not emit.per_step:
        emit.fail("its step_mode is 's'", "call functional.set_step_mode(model, 'm') and feed [T, B, ...]")


def _like(adapter):
    """The adapter of the torch.nn class that a SpikingJelly wrapper calls on every step."""

    def translate(emit, module, x):
        _multi_step(emit, module)
        return adapter(emit, module, x)

    return translate


for _wrapper, _adapter in (
    (layer.Conv1d, line.conv1d),
    (layer.Conv2d, torch_nn.conv2d),
    (layer.Linear, torch_nn.linear),
    (layer.BatchNorm1d, torch_nn.batch_norm),
    (layer.BatchNorm2d, torch_nn.batch_norm),
    (layer.ThresholdDependentBatchNorm1d, torch_nn.batch_norm),
    (layer.ThresholdDependentBatchNorm2d, torch_nn.batch_norm),
    (layer.AvgPool1d, line.avg_pool1d),
    (layer.MaxPool1d, line.max_pool1d),
    (layer.AvgPool2d, torch_nn.avg_pool),
    (layer.MaxPool2d, torch_nn.max_pool),
    (layer.AdaptiveAvgPool2d, adapter_of(nn.AdaptiveAvgPool2d(1))),
    (layer.Dropout, torch_nn.identity),
    (layer.Dropout2d, torch_nn.identity),
):
    register(_wrapper)(_like(_adapter))


@register(layer.Flatten)
def flatten(emit, module, x):
    _multi_step(emit, module)
    inner = module.start_dim + 1 if module.start_dim >= 0 else module.start_dim
    end = module.end_dim + 1 if module.end_dim >= 0 else module.end_dim
    return emit.flatten(x, inner, end)


@register(layer.SeqToANNContainer, layer.MultiStepContainer)
def container(emit, module, x):
    """Applies its children to every step."""
    for name, child in module.named_children():
        x = emit.child(name, child, x)
    return x


def _neuron(emit, module, x, leak: float, input_gain: float):
    """H = V + leak terms; SpikingJelly's rest potential is v_reset (0 with soft reset)."""
    _multi_step(emit, module)
    if not getattr(module.surrogate_function, "spiking", True):
        emit.fail("its surrogate function has spiking=False", "export with spiking=True")
    initial = module._memories_rv["v"]
    if not isinstance(initial, (int, float)):
        emit.fail("its initial membrane is a tensor", "use one number for the whole layer")
    rest = 0.0 if module.v_reset is None else float(module.v_reset)
    soft = module.v_reset is None
    return common.neuron(
        emit,
        x,
        leak=leak,
        input_gain=input_gain,
        input_bias=rest * (1.0 - leak),
        threshold=module.v_threshold,
        initial=initial,
        reset_kind="subtract" if soft else "value",
        reset=module.v_threshold if soft else rest,
    )


@register(neuron.IFNode, neuron.HalfThresholdIFNode, neuron=True)
def if_node(emit, module, x):
    """H = V + X."""
    return _neuron(emit, module, x, leak=1.0, input_gain=1.0)


@register(neuron.LIFNode, neuron=True)
def lif_node(emit, module, x):
    """H = V + (X - (V - V_r)) / tau, or H = V - (V - V_r) / tau + X."""
    gain = 1.0 / module.tau
    return _neuron(emit, module, x, leak=1.0 - gain, input_gain=gain if module.decay_input else 1.0)


@register(neuron.ParametricLIFNode, neuron=True)
def plif_node(emit, module, x):
    """As LIF, with 1 / tau = sigmoid(w)."""
    gain = float(torch.sigmoid(module.w.detach().double()))
    return _neuron(emit, module, x, leak=1.0 - gain, input_gain=gain if module.decay_input else 1.0)


def _mlp(emit, prefix: str, mlp) -> tuple[str, str]:
    """Names of the two matrices of a shared MLP: Linear or 1x1x1 convolution, ReLU between."""
    down, up = mlp[0], mlp[2]
    return (
        emit.tensor(f"{prefix}0.weight", common.as_matrix(down.weight)),
        emit.tensor(f"{prefix}2.weight", common.as_matrix(up.weight)),
    )


@register(layer.MultiDimensionalAttention)
def ma_attention(emit, module, x):
    """Whole-T attention over time, channels and space (arXiv 2209.13929, authors' code)."""
    attrs = {"gates": "", "ta0": None, "ta1": None, "ca0": None, "ca1": None, "sa": None, "relu": True}
    if module.ta is not None:
        attrs["gates"] += "t"
        attrs["ta0"], attrs["ta1"] = _mlp(emit, "ta.sharedMLP.", module.ta.sharedMLP)
    if module.ca is not None:
        attrs["gates"] += "c"
        attrs["ca0"], attrs["ca1"] = _mlp(emit, "ca.sharedMLP.", module.ca.sharedMLP)
    if module.sa is not None:
        attrs["gates"] += "s"
        attrs["sa"] = emit.tensor("sa.conv.weight", module.sa.conv.weight)
    return emit("ma_attention", [x], attrs, axes=x.axes, shape=x.shape)


@register(layer.TemporalWiseAttention)
def t_attention(emit, module, x):
    """One gate a step from the step's mean and maximum (Yao et al., ICCV 2021)."""
    w0, w1 = _mlp(emit, "sharedMLP.", module.sharedMLP)
    return emit("t_attention", [x], {"w0": w0, "w1": w1}, axes=x.axes, shape=x.shape)
