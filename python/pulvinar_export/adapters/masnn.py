"""What this package brings itself: the neuron of the MA-SNN authors' code, and sequences over time."""

from ..neurons import EveryStep, MaSnnNeuron
from ..registry import register
from .common import neuron


@register(MaSnnNeuron, neuron=True)
def ma_snn_neuron(emit, module, x):
    return neuron(emit, x, leak=module.alpha, threshold=module.threshold, reset=module.threshold)


@register(EveryStep)
def every_step(emit, module, x):
    for name, child in module.named_children():
        x = emit.child(name, child, x)
    return x
