"""Makes the lava-dl files of these tests and the answers they are held against.

    pip install h5py numpy && python make.py

The files have the layout of `lava.lib.dl.slayer`'s export. The answers are those of the chip's integers: currents and
potentials in 1/64 of a weight, decays in 1/4096 cut towards 0, a spike above the threshold, a reset to 0. The simulation
shares nothing with the importer; every layer answers in the same step.
"""

import json
import pathlib

import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent
STEPS = 24


def cut(value, decay):
    """(4096 - decay) / 4096 of an integer, cut towards 0."""
    return np.sign(value) * ((np.abs(value) * (4096 - decay)) >> 12)


class Cuba:
    def __init__(self, threshold, i_decay, v_decay, grade=False, kind="CUBA", refractory=1):
        self.params = {"type": kind, "iDecay": i_decay, "vDecay": v_decay, "vThMant": threshold, "refDelay": refractory,
            "gradedSpike": grade}

    def run(self, x):
        p, u, v, out = self.params, np.zeros(x.shape[1:], np.int64), np.zeros(x.shape[1:], np.int64), []
        for step in x:
            u = cut(u, p["iDecay"]) + (step << 6)
            v = cut(v, p["vDecay"]) + u
            s = v > (p["vThMant"] << 6)
            v = np.where(s, 0, v)
            out.append(s.astype(np.int64))
        return np.array(out)


def windows(x, k, stride, pad):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    w = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))
    return w[:, :, ::stride, ::stride]


def dense(weight, neuron, bias=None, delay=None):
    def run(x):
        x = x.reshape(len(x), -1) @ weight.T.astype(np.int64)
        out = neuron.run(x + (0 if bias is None else bias))
        shift = 0 if delay is None else int(delay[0])
        return np.concatenate([np.zeros((shift, *out.shape[1:]), np.int64), out])[:STEPS]

    data = {"type": "dense", "shape": [len(weight)], "inFeatures": weight.shape[1], "outFeatures": len(weight), "weight": weight}
    data.update({k: v for k, v in (("bias", bias), ("delay", delay)) if v is not None})
    return data, neuron, run


def conv(weight, neuron, shape, stride=1, pad=0, groups=1):
    def run(x):
        w = windows(x, weight.shape[2], stride, pad)
        n, per = len(weight) // groups, weight.shape[1]
        part = lambda g: np.einsum("tcyxab,ocab->toyx", w[:, g * per : (g + 1) * per], weight[g * n : (g + 1) * n].astype(np.int64))
        return neuron.run(np.concatenate([part(g) for g in range(groups)], 1))

    k = weight.shape[2]
    data = {"type": "conv", "shape": shape, "inChannels": weight.shape[1] * groups, "outChannels": len(weight), "kernelSize": [k, k],
        "stride": [stride] * 2, "padding": [pad] * 2, "dilation": [1, 1], "groups": groups, "weight": weight}
    return data, neuron, run


def pool(k, factor, neuron, shape):
    run = lambda x: neuron.run(windows(x, k, k, 0).sum((4, 5)) * factor)
    data = {"type": "pool", "shape": shape, "kernelSize": [k, k], "stride": [k, k], "padding": [0, 0], "dilation": [1, 1],
        "weight": np.full((1, 1, k, k), factor)}
    return data, neuron, run


def plain(kind, **data):
    return {"type": kind, **data}, None, (lambda x: x)


def write(path, layers, old=False):
    with h5py.File(path, "w") as f:
        for i, (data, neuron, _) in enumerate(layers):
            group = f.create_group(f"layer/{i}")
            for key, value in data.items():
                if key == "type":
                    group.create_dataset("type", (1,), "S10", [value.encode("ascii")])
                else:
                    group.create_dataset(key, data=np.asarray(value))
            for key, value in (neuron.params if neuron else {}).items():
                if not (old and key in ("gradedSpike", "refDelay")):
                    group.create_dataset(f"neuron/{key}", data=value)


def networks():
    rng = np.random.default_rng(3)
    w = lambda *s: rng.integers(-24, 40, s) * 2
    yield "dense", [plain("input", shape=[6]), dense(w(9, 6), Cuba(60, 4096, 0)), dense(w(4, 9), Cuba(50, 4096, 4096), bias=np.array([3, -2, 5, 0]))], (6,)
    yield "leaky", [dense(w(8, 6), Cuba(90, 1024, 128)), dense(w(4, 8), Cuba(80, 2048, 400))], (6,)
    yield "conv", [plain("input", shape=[2, 8, 8]), conv(w(4, 2, 3, 3), Cuba(80, 4096, 0), [4, 4, 4], stride=2, pad=1),
        conv(w(4, 2, 3, 3), Cuba(70, 4096, 0), [4, 4, 4], pad=1, groups=2), pool(2, 30, Cuba(40, 4096, 0), [4, 2, 2]),
        plain("flatten", shape=[16]), dense(w(5, 16), Cuba(60, 4096, 0)), plain("average")], (2, 8, 8)
    many = [dense(w(6, 6), Cuba(20, 4096, 0), delay=np.array([1.0] * 6) if i == 5 else None) for i in range(11)]
    yield "deep", many, (6,)
    yield "old", [dense(w(4, 6), Cuba(60, 4096, 0, kind="LOIHI"))], (6,)


def good(folder):
    rng, answers = np.random.default_rng(5), {}
    for name, layers, shape in networks():
        write(folder / f"{name}.net", layers, old=name == "old")
        frames = (rng.random((STEPS, *shape)) < 0.4).astype(np.int64)
        x = frames
        for _, _, run in layers:
            x = run(x)
        if layers[-1][0]["type"] == "average":
            x = x.mean(0, keepdims=True)
        assert x.any() and not x.all(), name
        answers[name] = {"input": frames.reshape(-1).tolist(), "output": x.reshape(-1).tolist()}
    (folder / "answers.json").write_text(json.dumps(answers).replace("}, ", "},\n") + "\n")


def broken(folder):
    w = np.arange(24).reshape(4, 6)
    good = lambda **k: dense(k.pop("weight", w), k.pop("neuron", Cuba(60, 4096, 0)), **k)
    cases = {
        "E0511-nan": [good(weight=np.where(w == 7, np.nan, w))],
        "E0511-decay": [good(neuron=Cuba(60, 5000, 0))],
        "E0512-unknown": [plain("input", shape=[6]), plain("kwta", shape=[6])],
        "E0514-weights": [good(), good()],
        "E0514-shape": [plain("input", shape=[2, 3, 3]), conv(np.ones((4, 2, 3, 3), int), Cuba(60, 4096, 0), [4, 2, 2])],
        "E0515-graded": [good(neuron=Cuba(60, 4096, 0, grade=True))],
        "E0515-sigma-delta": [good(neuron=Cuba(60, 4096, 0, kind="SDNN"))],
        "E0515-refractory": [good(neuron=Cuba(60, 4096, 0, refractory=3))],
        "E0515-delays": [good(delay=np.array([0.0, 1.0, 2.0, 0.0]))],
        "E0513-after-average": [good(), plain("average"), dense(np.ones((2, 4), int), Cuba(1, 4096, 0))],
    }
    for name, layers in cases.items():
        write(folder / f"bad-{name}.net", layers)
    whole = (folder / "dense.net").read_bytes()
    (folder / "bad-E0510-truncated.net").write_bytes(whole[:1200])
    with h5py.File(folder / "bad-E0513-gap.net", "w") as f:
        f.create_group("layer/1").create_dataset("type", (1,), "S10", [b"input"])
    write(folder / "bad-E0511-no-threshold.net", [good()])
    with h5py.File(folder / "bad-E0511-no-threshold.net", "r+") as f:
        del f["layer/0/neuron/vThMant"]


if __name__ == "__main__":
    good(HERE)
    broken(HERE)
