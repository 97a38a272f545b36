"""Vectors of the encoders of SpikingJelly 2.0 and snnTorch 1.0, in the planes of `models/src/encode`.

    python make.py > vectors.json
"""

import json

import torch
from snntorch import spikegen
from spikingjelly.activation_based import encoding


def steps(encoder, x, count):
    encoder.reset()
    return torch.stack([encoder(x) for _ in range(count)])


def case(name, x, count, spikes):
    return {
        "encoder": name,
        "x": x.flatten().tolist(),
        "timesteps": count,
        "spikes": [int(v) for v in spikes.flatten().tolist()],
    }


torch.manual_seed(7)
x = torch.cat([torch.rand(40) * 0.98 + 0.01, torch.tensor([0.25, 0.5, 0.75, 1.0])])
cases = []
for count in (2, 5, 9):
    cases.append(case("latency", x, count, steps(encoding.LatencyEncoder(count), x, count)))
    cases.append(case("latency-log", x, count, steps(encoding.LatencyEncoder(count, "log"), x, count)))
# Exact multiples of 1/256 and others.
phases = torch.cat([torch.arange(0, 256, 17) / 256, torch.rand(20) * 0.99])
for count in (8, 19):
    spikes = steps(encoding.WeightedPhaseEncoder(8), phases, count)
    cases.append(case("phase", phases, count, spikes))
# SpikingJelly: one observation of 44 values, fields of a value together; here a plane a field.
population = encoding.PopSpikeEncoderDeterministic(len(x), 10, 12, (0.0, 1.0), 0.15)
spikes = population(x[None]).reshape(12, len(x), 10).transpose(1, 2)
cases.append(case("population", x, 12, spikes))
recording = torch.rand(6, 20)
up = spikegen.delta(recording, threshold=0.1, padding=False, off_spike=False)
down = spikegen.delta(-recording, threshold=0.1, padding=False, off_spike=False)
cases.append({**case("delta", recording, 6, torch.stack([up, down], 1)), "elements": 20})
pattern = torch.bernoulli(torch.full((3, 8), 0.5))
repeated = encoding.PeriodicEncoder(pattern)
cases.append({**case("periodic", pattern, 10, torch.stack([repeated(pattern) for _ in range(10)])), "elements": 8})
print(json.dumps(cases))
