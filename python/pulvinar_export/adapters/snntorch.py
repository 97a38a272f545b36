"""Adapters for snnTorch 1.x. Its neurons take one step at a time: put them into `pulvinar_export.EveryStep`.

All fire strictly above the threshold. With the delayed reset, r = [mem(t-1) > threshold]:

    Leaky     subtract  mem = beta mem + x - r thr             zero  mem = beta (1 - r) mem + x
    Lapicque  subtract  mem = (1 - dt/RC) mem + x dt/C - r thr  zero  the whole new value times (1 - r)
    Synaptic  subtract  syn = alpha syn + x, mem = beta mem + syn - r thr
              zero      the whole new mem times (1 - r); syn goes on

so "zero" keeps the input of the step for Leaky and discards it for the others.
"""

import snntorch as snn
import torch

from ..registry import register
from . import common


def _number(emit, name: str, value) -> float:
    value = torch.as_tensor(value).detach().double()
    if value.numel() != 1 and not bool((value == value.flatten()[0]).all()):
        emit.fail(f"its {name} differs between neurons", "use one value for the layer")
    return float(value.flatten()[0])


def _neuron(emit, module, x, *, leak: float, input_gain: float = 1.0, keeps_input: bool, **more):
    if not emit.per_step:
        emit.fail("it takes one step and was given all", "put it into pulvinar_export.EveryStep with its layers")
    if not module.init_hidden or module.output:
        emit.fail("its state is passed from outside", "set init_hidden=True and output=False")
    if module.inhibition or module.state_quant:
        emit.fail("inhibition or state_quant is set", "leave them out")
    kind = ("subtract", "zero", "none")[int(module.reset_mechanism_val)]
    threshold = _number(emit, "threshold", module.threshold)
    if not getattr(module, "reset_delay", True) and kind != "none":
        if kind == "subtract":
            emit.fail("it subtracts in the step of the spike, and again if it is still above", "set reset_delay=True")
        timing = "same_step"
    elif kind == "zero" and keeps_input:
        # beta (1 - r) mem + x: a reset before the leak, or in the step of the spike.
        timing = "same_step"
    else:
        timing = "next_charge" if kind != "none" else "same_step"
    graded = _number(emit, "graded_spikes_factor", module.graded_spikes_factor)
    if graded != 1.0:
        more["amplitude"] = graded
    return common.neuron(
        emit,
        x,
        leak=leak,
        input_gain=input_gain,
        threshold=threshold,
        compare=">",
        reset_kind={"subtract": "subtract", "zero": "value", "none": "none"}[kind],
        reset=threshold if kind == "subtract" else 0.0,
        reset_timing=timing,
        **more,
    )


def _share(emit, name: str, value) -> float:
    return min(max(_number(emit, name, value), 0.0), 1.0)


@register(snn.Leaky, neuron=True)
def leaky(emit, module, x):
    return _neuron(emit, module, x, leak=_share(emit, "beta", module.beta), keeps_input=True)


@register(snn.Lapicque, neuron=True)
def lapicque(emit, module, x):
    dt, r, c = (_number(emit, k, getattr(module, k)) for k in ("time_step", "R", "C"))
    return _neuron(emit, module, x, leak=1.0 - dt / (r * c), input_gain=dt / c, keeps_input=False)


@register(snn.Synaptic, neuron=True)
def synaptic(emit, module, x):
    current = {"leak": _share(emit, "alpha", module.alpha), "delayed": False, "reset": False}
    leak = _share(emit, "beta", module.beta)
    return _neuron(emit, module, x, leak=leak, keeps_input=False, current=current)
