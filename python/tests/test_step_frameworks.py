"""Neurons of Norse and sinabs, against the frameworks themselves: every spike of the stored vectors."""

import pytest
import torch
from nets import randomise
from pulvinar_export import EveryStep, ExportError, export, verify
from torch import nn


class Net(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.steps = EveryStep(
            nn.Conv2d(2, 4, 3, padding=1), make(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 16, 5), make()
        )

    def forward(self, x):
        return self.steps(x).mean(0)


def exact(make, inputs, folder, seed):
    torch.manual_seed(seed)
    export(randomise(Net(make)).eval(), inputs, folder / "net")
    found = verify(folder / "net")
    assert found.flips == 0 and found.spikes > 0, str(found)


@pytest.mark.parametrize("case", ["box", "box-leak", "current"])
def test_norse(case, inputs, tmp_path):
    norse = pytest.importorskip("norse.torch")
    t = torch.as_tensor
    box = dict(tau_mem_inv=t(300.0), v_th=t(0.2))
    make = {
        "box": lambda: norse.LIFBoxCell(norse.LIFBoxParameters(**box)),
        "box-leak": lambda: norse.LIFBoxCell(norse.LIFBoxParameters(**box, v_leak=t(0.1), v_reset=t(-0.1))),
        "current": lambda: norse.LIFCell(norse.LIFParameters(tau_syn_inv=t(400.0), **box)),
    }[case]
    exact(make, inputs, tmp_path, len(case))


@pytest.mark.parametrize("case", ["iaf", "lif", "reset", "clamp", "current"])
def test_sinabs(case, inputs, tmp_path):
    layers = pytest.importorskip("sinabs.layers")
    from sinabs.activation import MembraneReset, SingleSpike

    one = dict(spike_fn=SingleSpike, spike_threshold=torch.tensor(0.5))
    make = {
        "iaf": lambda: layers.IAF(**one),
        "lif": lambda: layers.LIF(tau_mem=4.0, **one),
        "reset": lambda: layers.LIF(tau_mem=4.0, norm_input=False, reset_fn=MembraneReset(), **one),
        "clamp": lambda: layers.IAF(min_v_mem=-0.4, **one),
        "current": lambda: layers.LIF(tau_mem=4.0, tau_syn=3.0, norm_input=False, **one),
    }[case]
    exact(make, inputs, tmp_path, len(case))


def test_several_spikes_a_step(inputs, tmp_path):
    layers = pytest.importorskip("sinabs.layers")
    with pytest.raises(ExportError, match="SingleSpike"):
        export(randomise(Net(layers.IAF)).eval(), inputs, tmp_path / "net")
