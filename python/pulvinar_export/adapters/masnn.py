"""The neuron of the MA-SNN authors' code."""

from ..neurons import MaSnnNeuron
from ..registry import register
from .common import neuron


@register(MaSnnNeuron, neuron=True)
def ma_snn_neuron(emit, module, x):
    return neuron(emit, x, leak=module.alpha, threshold=module.threshold, reset=module.threshold)
