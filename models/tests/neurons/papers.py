"""The neurons of the seed papers."""

import torch
from common import NONE, T, add, cases, currents, neuron, node, single, subtract, value

# The seed papers' neurons, each as its code writes it down (numbers as in docs/neurons.md).


def paper(name, attrs, x, update):
    """`update(x, t, memory)` gives what leaves and the potential of a step; `memory` starts empty."""
    memory, out, v = {}, [], []
    for t, row in enumerate(x):
        y, u = update(row, t, memory)
        out.append(y.to(x.dtype)), v.append(u.clone())
    add("paper." + name, attrs, x, torch.stack(out), torch.stack(v))


def zero(memory, name, row):
    return memory.get(name, torch.zeros_like(row))


def papers_hard():
    def masnn(row, t, m):  # N1: set to the threshold, then decayed
        u = zero(m, "h", row) + row
        s = (u >= 0.3).double()
        kept = s * 0.3 + (1 - s) * u
        m["h"] = kept * 0.3
        return s, kept

    def hard(leak, threshold, above):
        def update(row, t, m):
            u = leak * zero(m, "u", row) + row
            s = (u > threshold if above else u >= threshold).double()
            m["u"] = u * (1 - s)
            return s, m["u"]
        return update

    def late(row, t, m):  # N4, N8: the reset is in the next step's decay
        u = 0.25 * zero(m, "u", row) * (1 - zero(m, "s", row)) + row
        m["u"], m["s"] = u, (u > 0.5).double()
        return m["s"], u

    x = currents(50, 0.5, 0.2)
    paper("N1", neuron(leak=0.3, threshold=0.3, reset=value(0.3)), x, masnn)
    paper("N2", neuron(leak=0.3, threshold=0.3), x, hard(0.3, 0.3, False))
    paper("N4", neuron(leak=0.25, threshold=0.5, compare=">", reset_timing="next_step"), x, late)
    paper("N5", neuron(leak=0.5, compare=">"), currents(51, 1.0, 0.5), hard(0.5, 1.0, True))
    paper("N6", neuron(leak=0.25, threshold=0.5, compare=">"), x, hard(0.25, 0.5, True))
    constant = torch.full((10, 1), 0.25)
    add("paper.N1.constant", neuron(leak=0.3, threshold=0.3, reset=value(0.3)), constant,
        torch.tensor([[0.0]] + [[1.0]] * 9))
    add("paper.N1.hard", neuron(leak=0.3, threshold=0.3), constant, torch.tensor([[0.0], [1.0]] * 5))


def papers_soft():
    def tandem(row, t, m):  # N10
        u = 0.9 * zero(m, "u", row) + row - 0.75 * zero(m, "s", row)
        m["u"], m["s"] = u, (u >= 0.75).double()
        return m["s"], u

    def half(row, t, m):  # N13
        u = m.get("u", torch.full_like(row, 0.5)) + row
        s = (u >= 1.0).double()
        m["u"] = u - s
        return s * 1.0, m["u"]

    def stdb(row, t, m):  # N14: the spike of the old potential comes first
        old = zero(m, "u", row)
        s = (old / 0.75 - 1 > 0).double()
        m["u"] = 0.9 * old + row - 0.75 * s
        return s, m["u"]

    leak, gain = torch.linspace(0.4, 0.9, T).float().double(), torch.linspace(1.0, 0.5, T).float().double()

    def stepwise(row, t, m):  # N15
        u = leak[t] * zero(m, "u", row) + gain[t] * row
        s = (u - 1 > 0).double()
        m["u"] = u - s
        return s, m["u"]

    x = currents(52, 0.5, 0.3)
    paper("N10", neuron(leak=0.9, threshold=0.75, reset=subtract(0.75), reset_timing="next_charge"), x, tandem)
    paper("N13", neuron(initial=0.5, reset=subtract(1.0)), x, half)
    late = node("late", "delay", ["neuron"])
    attrs = neuron(leak=0.9, threshold=0.75, compare=">", reset=subtract(0.75), reset_timing="next_charge")
    paper("N14", single(attrs) + [late], x, stdb)
    attrs = neuron(compare=">", reset=subtract(1.0), each={"leak": "leak", "input_gain": "gain"})
    paper("N15", attrs, currents(53, 1.0, 0.5), stepwise)
    cases[-1]["tensors"] = {
        k: {"shape": [T, 1], "values": [float(f) for f in v]} for k, v in [("leak", leak), ("gain", gain)]
    }


def papers_other():
    def slope(row, t, m):  # N17: sum of w (t - t_i)+, one spike
        inputs = m.setdefault("x", [])
        inputs.append(row)
        u = sum((t - i) * w for i, w in enumerate(inputs))
        s = ((u >= 2.0) & (zero(m, "n", row) == 0)).double()
        m["n"] = zero(m, "n", row) + s
        return s, u

    def radix(row, t, m):  # N18
        m["u"] = 2 * zero(m, "u", row) + row
        return m["u"], m["u"]

    def liaf(row, t, m):  # N19 with N1's neuron
        u = zero(m, "h", row) + row
        s = (u >= 0.3).double()
        kept = s * 0.3 + (1 - s) * u
        m["h"] = kept * 0.3
        return torch.relu(u), kept

    current = {"leak": 1.0, "delayed": True, "reset": False}
    attrs = neuron(threshold=2.0, reset=NONE, current=current, budget=[0, 1])
    paper("N17", attrs, currents(54, 0.25, 0.125), slope)
    membrane = {"kind": "membrane", "above_threshold": False, "relu": False}
    x = currents(55, 1.0, 0.0, 6)
    paper("N18", neuron(leak=2.0, reset=NONE, output=membrane), x, radix)
    attrs = neuron(leak=0.3, threshold=0.3, reset=value(0.3), output={**membrane, "relu": True})
    paper("N19", attrs, currents(56, 0.5, 0.0), liaf)
