"""Energies of one small network by the profiles of SpikingJelly 2.0.0.

    python spikingjelly_profiles.py > spikingjelly_profiles.json

The network is three layers of neurons on an image, three timesteps. Weights and biases are such that whole channels fire
in every step and the others never do: rates are 0.25, 0.2 and 0.3, equal in space and time, and counts are exact.
"""

import json

import torch
from torch import nn

from spikingjelly.activation_based import functional, neuron
from spikingjelly.activation_based.op_counter import analytical_energy, simple_energy, spikesim
from spikingjelly.activation_based.op_counter.neuromc import core as neuromc

STEPS = 3


def signs(weight, firing):
    """Ones for the outputs that fire, minus ones for the others."""
    with torch.no_grad():
        weight[:firing] = 1.0
        weight[firing:] = -1.0


class Net(nn.Module):
    """Convolution on reals, on spikes with stride 2, and a fully connected layer; `norm` adds a norm behind the second."""

    def __init__(self, norm):
        super().__init__()
        self.stem = nn.Conv2d(3, 20, 3, padding=1)
        self.spikes0 = neuron.LIFNode()
        self.conv = nn.Conv2d(20, 80, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(80) if norm else None
        self.spikes1 = neuron.IFNode()
        self.fc = nn.Linear(80 * 6 * 5, 10)
        self.spikes2 = neuron.LIFNode()
        for layer, firing in ((self.stem, 5), (self.conv, 16), (self.fc, 3)):
            signs(layer.weight, firing)

    def forward(self, x):
        x = self.spikes0(self.stem(x))
        x = self.conv(x)
        x = self.spikes1(x if self.norm is None else self.norm(x))
        return self.spikes2(self.fc(x.flatten(1)))


def steps(net, image):
    functional.reset_net(net)
    rates = []
    with torch.no_grad():
        for _ in range(STEPS):
            rates.append(net(image).mean().item())
    return rates


def profile(profiler, net, image):
    if hasattr(profiler, "bind_model"):
        profiler.bind_model(net)
    functional.reset_net(net)
    with profiler, torch.no_grad():
        for _ in range(STEPS):
            net(image)
    return profiler.get_report()


def main():
    image = torch.full((1, 3, 12, 10), 0.7)
    net = Net(norm=False).eval()
    assert all(abs(rate - 0.3) < 1e-6 for rate in steps(net, image)), steps(net, image)
    out = {"spikingjelly": "2.0.0", "timesteps": STEPS}
    lemaire = profile(analytical_energy.LemaireEnergyProfiler(config=analytical_energy.LemaireEnergyConfig(strict=False)), net, image)
    out["lemaire"] = {"total_pj": lemaire.total_pj, **lemaire.breakdown_pj}
    simple = profile(simple_energy.SimpleEnergyProfiler(), net, image)
    # The count of accumulations holds those inside the neurons' Python code too; synaptic ones are `synop`.
    keys = ("mac", "synop", "weight_read_bytes", "bias_read_bytes", "neuron_state_read_bytes", "neuron_state_write_bytes")
    out["simple"] = {key: simple.counts[key] for key in keys}
    for device in ("rram", "sram"):
        config = spikesim.SpikeSimEnergyConfig(device=device)
        report = profile(spikesim.SpikeSimEnergyProfiler(config=config, strict=False), net, image)
        out[f"spikesim_{device}"] = report.energy_total_pj
    for name, normed in (("neuromc", False), ("neuromc_norm", True)):
        other = Net(norm=normed).eval()
        report = profile(neuromc.NeuroMCEnergyProfiler(), other, image)
        out[name] = {"compute_pj": report.energy_compute_pj, "memory_pj": report.energy_memory_pj}
    print(json.dumps(out, indent=2))


if __name__ == "__main__":
    main()
