"""Adapters for Norse 1.x. Its cells take one step and their state: put them into `pulvinar_export.EveryStep`.

    LIFBoxCell  v = v + dt/tau_mem (v_leak - v + x)
    LIFCell     i = (1 - dt/tau_syn) i + x,  v = v + dt/tau_mem (v_leak - v + i)

Both fire above the threshold and reset to v_reset in the same step; the potential starts at v_leak.
"""

import torch
from norse.torch.module.lif import LIFCell
from norse.torch.module.lif_box import LIFBoxCell

from ..registry import register
from . import common


def _number(emit, name: str, value) -> float:
    value = torch.as_tensor(value).detach().double().flatten()
    if not bool((value == value[0]).all()):
        emit.fail(f"its {name} differs between neurons", "use one value for the layer")
    return float(value[0])


def _neuron(emit, module, x, **more):
    if not emit.per_step:
        emit.fail("it takes one step and was given all", "put it into pulvinar_export.EveryStep with its layers")
    p = module.p
    method = getattr(p, "reset_method", None)
    if method is not None and getattr(method, "__name__", "") != "reset_value":
        emit.fail("its reset_method is not reset_value", "use reset_value")
    share = float(module.dt) * _number(emit, "tau_mem_inv", p.tau_mem_inv)
    leak = _number(emit, "v_leak", p.v_leak)
    return common.neuron(
        emit,
        x,
        leak=1.0 - share,
        input_gain=share,
        input_bias=share * leak,
        threshold=_number(emit, "v_th", p.v_th),
        compare=">",
        reset=_number(emit, "v_reset", p.v_reset),
        initial=leak,
        **more,
    )


@register(LIFBoxCell, neuron=True)
def lif_box(emit, module, x):
    return _neuron(emit, module, x)


@register(LIFCell, neuron=True)
def lif(emit, module, x):
    leak = 1.0 - float(module.dt) * _number(emit, "tau_syn_inv", module.p.tau_syn_inv)
    return _neuron(emit, module, x, current={"leak": leak, "delayed": False, "reset": False})
