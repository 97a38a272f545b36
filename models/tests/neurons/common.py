"""What all cases share: inputs, attributes, the list of cases."""

import torch

T, C = 16, 5
torch.set_default_dtype(torch.float64)
cases = []


def currents(seed, scale=1.0, offset=0.25, steps=T):
    """Inputs in 64ths, so that no rounding of the input differs."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(steps, C, generator=g) * scale + offset
    return (x * 64).round() / 64


def neuron(**attrs):
    """Attributes of `neuron`: integrate and fire at 1, reset to 0, and what is given."""
    base = dict(
        leak=1.0, input_gain=1.0, input_bias=0.0, threshold=1.0, compare=">=", reset=value(0.0),
        reset_timing="same_step", initial=0.0, clamp_min=None,
    )
    return {**base, **attrs}


def value(v):
    return {"kind": "value", "value": float(v)}


def subtract(v):
    return {"kind": "subtract", "value": float(v)}


NONE = {"kind": "none"}


def single(attrs):
    return [{"name": "neuron", "op": "neuron", "inputs": ["input"], "attrs": attrs}]


def node(name, op, inputs, **attrs):
    return {"name": name, "op": op, "inputs": inputs, "attrs": attrs}


def listed(x):
    return [[round(float(v), 10) for v in row] for row in x.reshape(x.shape[0], -1)]


def add(name, nodes, x, out, membrane=None, tensors=None):
    nodes = nodes if isinstance(nodes, list) else single(nodes)
    case = dict(name=name, nodes=nodes, input=listed(x), output=listed(out))
    case["membrane"] = None if membrane is None else listed(membrane)
    case["tensors"] = {
        k: {"shape": list(v.shape), "values": [float(f) for f in v.reshape(-1)]} for k, v in (tensors or {}).items()
    }
    answers = [abs(v) for row in case["output"] for v in row]
    assert sum(v > 0 for v in answers) >= 3, f"{name} does nothing"
    cases.append(case)
