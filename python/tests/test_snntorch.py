"""snnTorch's neurons, against snnTorch itself: every spike of the stored vectors."""

import json

import pytest
import torch
from nets import randomise
from pulvinar_export import EveryStep, ExportError, export, verify
from torch import nn

snn = pytest.importorskip("snntorch")

RESETS = ("subtract", "zero", "none")


class Net(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.steps = EveryStep(
            nn.Conv2d(2, 4, 3, padding=1), make(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4 * 16, 5), make()
        )

    def forward(self, x):
        return self.steps(x).sum(0)


def makers():
    for reset in RESETS:
        yield f"leaky-{reset}", lambda r=reset: snn.Leaky(0.8, threshold=0.6, reset_mechanism=r, init_hidden=True)
        yield f"lapicque-{reset}", lambda r=reset: snn.Lapicque(R=2.0, C=2.0, time_step=1.0, threshold=0.4, reset_mechanism=r, init_hidden=True)
        yield f"synaptic-{reset}", lambda r=reset: snn.Synaptic(0.5, 0.7, threshold=0.9, reset_mechanism=r, init_hidden=True)
    yield "leaky-now", lambda: snn.Leaky(0.8, threshold=0.6, reset_mechanism="zero", reset_delay=False, init_hidden=True)


@pytest.mark.parametrize(("name", "make"), list(makers()), ids=lambda v: v if isinstance(v, str) else "")
def test_every_spike(name, make, inputs, tmp_path):
    torch.manual_seed(len(name))
    model = randomise(Net(make)).eval()
    export(model, inputs, tmp_path / "net")
    found = verify(tmp_path / "net")
    assert found.flips == 0 and found.spikes > 0, str(found)
    nodes = {n["name"]: n for n in json.loads((tmp_path / "net/graph.json").read_text())["nodes"]}
    neuron = nodes["steps.1"]["attrs"]
    assert neuron["compare"] == ">"
    late = "next_charge" if name.split("-")[1] == "subtract" or name in ("lapicque-zero", "synaptic-zero") else "same_step"
    assert neuron["reset_timing"] == late
    assert ("current" in neuron) == name.startswith("synaptic")


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: snn.Leaky(0.8, init_hidden=False), "init_hidden"),
        (lambda: snn.Leaky(torch.linspace(0.1, 0.9, 4)[:, None, None], init_hidden=True), "its beta differs"),
        (lambda: snn.Leaky(0.8, reset_delay=False, init_hidden=True), "reset_delay"),
        (lambda: snn.Alpha(0.9, 0.8, init_hidden=True), "no adapter"),
    ],
)
def test_refusals(make, word, inputs, tmp_path):
    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.steps = EveryStep(nn.Conv2d(2, 4, 3, padding=1), make())

        def forward(self, x):
            return self.steps(x).sum(0)

    with pytest.raises(ExportError, match=word):
        export(randomise(One()), inputs, tmp_path / "net")
    assert not (tmp_path / "net").exists()


def test_a_neuron_outside_of_a_sequence(inputs, tmp_path):
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.sn = snn.Leaky(0.8, init_hidden=True)

        def forward(self, x):
            return self.sn(x).sum(0)

    with pytest.raises(ExportError, match="EveryStep"):
        export(Bare(), inputs, tmp_path / "net")
