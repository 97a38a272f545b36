"""Runs SANA-FE on the networks of docs/peers.md and writes what it reports, as JSON.

    python -m venv env && env/bin/pip install sanafe==2.2.9
    cargo run --release -p pulvinar-tests --example peers -- --export nets
    env/bin/python tests/peers/sanafe_runs.py nets > tests/peers/sanafe_runs.json

The Loihi of the package with its own constants, one thread, dense synapses unless the third column says otherwise.
"""

import json
import sys
from pathlib import Path

import sanafe

# Network, steps, kind of synapses, timing models.
RUNS = [
    ("dense1k", 500, "dense", ["simple", "detailed"]),
    ("dense1k", 20, "dense", ["simple", "detailed", "cycle"]),
    ("sparse10k", 50, "dense", ["simple", "detailed"]),
    ("sparse10k", 5, "dense", ["simple", "detailed", "cycle"]),
    ("conv1m", 100, "dense", ["simple", "detailed"]),
    ("conv1m", 100, "conv", ["detailed"]),
    ("conv1m", 10, "dense", ["simple", "detailed", "cycle"]),
    ("noc128", 100, "dense", ["simple", "detailed"]),
    ("noc128", 10, "dense", ["simple", "detailed", "cycle"]),
    ("noc128", 10, "sparse", ["simple"]),
]


def load(path, kind):
    """The chip with the network on it."""
    lines = path.read_text().split("\n")
    layers = [int(n) for n in lines[0].split(",")]
    first = [sum(layers[:i]) for i in range(len(layers) + 1)]
    arch, net = sanafe.load_loihi(), sanafe.Network()
    cores = [core for tile in arch.tiles for core in tile.cores]
    groups = []
    for i, size in enumerate(layers):
        group = net.create_neuron_group(
            f"layer{i}",
            size,
            soma_hw_name="loihi_lif",
            default_synapse_hw_name=f"loihi_{kind}_synapse",
            default_dendrite_hw_name="loihi_dendrites",
        )
        for j in range(size):
            core, bias, threshold = (int(n) for n in lines[1 + first[i] + j].split(","))
            attributes = {"bias": bias, "threshold": threshold, "reset": 0.0, "reset_mode": "hard"}
            group[j].set_attributes(model_attributes={**attributes, "leak_decay": 1.0, "input_decay": 0.0})
            group[j].map_to_core(cores[core])
        groups.append(group)
    layer_of = [i for i, size in enumerate(layers) for _ in range(size)]
    edges = {}
    for line in lines[1 + first[-1] :]:
        if line:
            source, target, weight = (int(n) for n in line.split(","))
            a, b = layer_of[source], layer_of[target]
            pairs, weights = edges.setdefault((a, b), ([], []))
            pairs.append((source - first[a], target - first[b]))
            weights.append(float(weight))
    for (a, b), (pairs, weights) in edges.items():
        groups[a].connect_neurons_sparse(groups[b], {"weight": weights}, pairs)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    return chip


def run(chip, network, steps, kind, timing):
    """One run from the first step on; energies in J, the time in s."""
    chip.reset()
    result = chip.sim(steps, timing_model=timing, processing_threads=1)
    names = ["spikes", "packets_sent", "neurons_updated", "neurons_fired", "energy", "sim_time"]
    return {"network": network, "steps": steps, "synapses": kind, "timing": timing} | {n: result[n] for n in names}


def main():
    folder = Path(sys.argv[1])
    wanted = sys.argv[2:] or sorted({r[0] for r in RUNS})
    rows, chips = [], {}
    for network, steps, kind, timings in RUNS:
        for timing in timings if network in wanted else []:
            if (network, kind) not in chips:
                chips = {(network, kind): load(folder / f"{network}.net", kind)}
            rows.append(json.dumps(run(chips[network, kind], network, steps, kind, timing)))
            print(rows[-1], file=sys.stderr, flush=True)
    print("[\n" + ",\n".join(rows) + "\n]")


if __name__ == "__main__":
    main()
