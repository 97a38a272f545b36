"""Adapters for sinabs 2.x and 3.x. Its layers take [B, T, ...]: `pulvinar_export.EveryStep` gives them a step at a time.

    IAF  v = v + i                    i = x, or with tau_syn  i = a_syn (i + x),  a = exp(-1 / tau)
    LIF  v = a_mem v + (1 - a_mem) i  (norm_input), or  a_mem v + i

They fire at the threshold (`SingleSpike`), subtract it or reset to 0 in the same step, and may keep v above a bound.
"""

import torch
from sinabs import layers
from sinabs.activation import MembraneReset, MembraneSubtract, SingleSpike

from ..registry import register
from . import common


def _number(emit, name: str, value) -> float:
    value = torch.as_tensor(value).detach().double().flatten()
    if not bool((value == value[0]).all()):
        emit.fail(f"its {name} differs between neurons", "use one value for the layer")
    return float(value[0])


def _reset(emit, module, threshold: float) -> dict:
    reset = module.reset_fn
    if isinstance(reset, MembraneSubtract):
        return {"reset_kind": "subtract", "reset": threshold if reset.subtract_value is None else reset.subtract_value}
    if isinstance(reset, MembraneReset) and reset.reset_value == 0:
        return {"reset_kind": "value", "reset": 0.0}
    emit.fail(f"its reset_fn is {reset}", "use MembraneSubtract() or MembraneReset()")


def _neuron(emit, module, x, leak: float, gain: float):
    if not emit.per_step:
        emit.fail("its time is the second axis", "put it into pulvinar_export.EveryStep with its layers")
    if module.spike_fn is not SingleSpike:
        emit.fail("it may fire several spikes a step", "train and export with spike_fn=SingleSpike")
    threshold = _number(emit, "spike_threshold", module.spike_threshold)
    more = {}
    if module.alpha_syn_calculated is not None:
        synapse = _number(emit, "tau_syn", module.alpha_syn_calculated)
        gain *= synapse
        more["current"] = {"leak": synapse, "delayed": False, "reset": False}
    if module.min_v_mem is not None:
        more["clamp_min"] = _number(emit, "min_v_mem", module.min_v_mem)
    return common.neuron(emit, x, leak=leak, input_gain=gain, threshold=threshold, **_reset(emit, module, threshold), **more)


@register(layers.IAF, neuron=True)
def iaf(emit, module, x):
    return _neuron(emit, module, x, 1.0, 1.0)


@register(layers.LIF, neuron=True)
def lif(emit, module, x):
    leak = _number(emit, "tau_mem", module.alpha_mem_calculated)
    return _neuron(emit, module, x, leak, 1.0 - leak if module.norm_input else 1.0)
