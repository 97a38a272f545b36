"""Makes the NIR files of these tests and the answers they are held against.

    pip install nir==1.0.8 h5py numpy && python make.py

The answers come from the simple simulation below (forward Euler, the membrane after the input), which shares nothing with
the Rust importer. Everything is seeded; the files are committed.
"""

import json
import pathlib
import shutil

import h5py
import nir
import numpy as np

HERE = pathlib.Path(__file__).parent
DT = 1e-3
STEPS = 12


def arr(shape, value):
    return np.full(shape, value, dtype=np.float64)


# Simulation: a function a node, called once a step with the sum of its inputs.


def conv2d(x, w, b, stride, pad, dilation, groups):
    (top, bottom), (left, right) = pad
    x = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    o, i, kh, kw = w.shape
    h = (x.shape[1] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    wd = (x.shape[2] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((o, h, wd))
    for out in range(o):
        first = out // (o // groups) * i
        for r in range(h):
            for c in range(wd):
                rows = r * stride[0] + dilation[0] * np.arange(kh)
                cols = c * stride[1] + dilation[1] * np.arange(kw)
                y[out, r, c] = b[out] + np.sum(w[out] * x[first : first + i][:, rows][:, :, cols])
    return y


def both(value):
    return tuple(int(v) for v in np.broadcast_to(value, (2,)))


class Cell:
    """State and one step of a node."""

    def __init__(self, node, reset):
        self.node, self.reset, self.v, self.i, self.line = node, reset, 0.0, 0.0, []

    def fire(self):
        n = self.node
        spike = (self.v > n.v_threshold).astype(float)
        if self.reset == "value":
            self.v = np.where(spike > 0, n.v_reset, self.v)
        else:
            self.v = self.v - spike * n.v_threshold
        return spike

    def step(self, x):
        n = self.node
        kind = type(n).__name__
        if kind in ("Output", "Input"):
            return x
        if kind in ("Affine", "Linear"):
            return n.weight @ x + (n.bias if kind == "Affine" else 0.0)
        if kind == "Scale":
            return n.scale * x
        if kind == "Conv1d":
            pad = (int(n.padding),) * 2
            y = conv2d(x[:, None], n.weight[:, :, None], n.bias, (1, int(n.stride)), ((0, 0), pad), (1, int(n.dilation)), n.groups)
            return y[:, 0]
        if kind == "Conv2d":
            stride, dilation = both(n.stride), both(n.dilation)
            if isinstance(n.padding, str):
                total = [dilation[a] * (n.weight.shape[2 + a] - 1) for a in range(2)]
                pad = [(t // 2, t - t // 2) for t in total]
            else:
                pad = [(p, p) for p in both(n.padding)]
            return conv2d(x, n.weight, n.bias, stride, pad, dilation, n.groups)
        if kind in ("AvgPool2d", "SumPool2d"):
            k, s, p = both(n.kernel_size), both(n.stride), both(n.padding)
            c = x.shape[0]
            w = np.ones((c, 1, *k)) / (k[0] * k[1] if kind == "AvgPool2d" else 1)
            return conv2d(x, w, np.zeros(c), s, [(q, q) for q in p], (1, 1), c)
        if kind == "Flatten":
            return x.reshape(-1)
        if kind == "Delay":
            steps = int(np.round(np.max(n.delay) / DT))
            self.line.append(x)
            return self.line[-1 - steps] if len(self.line) > steps else np.zeros_like(x)
        if kind == "Threshold":
            return (x > n.threshold).astype(float)
        if kind in ("I", "IF"):
            self.v = self.v + DT * n.r * x
            return self.v if kind == "I" else self.fire()
        if kind in ("CubaLI", "CubaLIF"):
            k = DT / n.tau_syn
            self.i = self.i - k * self.i + k * n.w_in * x
            x = self.i
        k = DT / (n.tau_mem if kind.startswith("Cuba") else n.tau)
        self.v = self.v + k * (n.v_leak - self.v + n.r * x)
        return self.fire() if kind.endswith("LIF") else self.v


def unnest(graph, prefix=""):
    """Nodes and edges without inner graphs; ports stay as nodes."""
    nodes, edges = {}, []
    port = lambda name, kind: next(k for k, n in graph.nodes[name].nodes.items() if isinstance(n, kind))
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            inner = unnest(node, f"{prefix}{name}.")
            nodes.update(inner[0])
            edges += inner[1]
        else:
            nodes[prefix + name] = node
    for a, b in graph.edges:
        a = f"{a}.{port(a, nir.Output)}" if isinstance(graph.nodes[a], nir.NIRGraph) else a
        b = f"{b}.{port(b, nir.Input)}" if isinstance(graph.nodes[b], nir.NIRGraph) else b
        edges.append((prefix + a, prefix + b))
    return nodes, edges


def simulate(graph, order, frames, late=(), reset="value"):
    """Output of every step; `order` names the nodes in order, `late` the sources that are read one step late."""
    nodes, edges = unnest(graph)
    cells = {name: Cell(nodes[name], reset) for name in order}
    before, outputs = {}, []
    for x in frames:
        now = {"input": np.asarray(x, dtype=float)}
        for name in order:
            sources = [a for a, b in edges if b == name]
            zero = lambda a: np.zeros(nodes[a].v_threshold.shape)
            terms = [before[a] if before else zero(a) for a in sources if (a, name) in late]
            terms += [now[a] for a in sources if (a, name) not in late]
            now[name] = cells[name].step(sum(terms))
        outputs.append(now["output"])
        before = now
    return np.array(outputs)


# Networks.


def io(shape, answer, **nodes):
    return {"input": nir.Input({"input": np.array(shape)}), **nodes, "output": nir.Output({"output": np.array(answer)})}


def chain(nodes):
    names = list(nodes)
    return nir.NIRGraph(nodes, list(zip(names, names[1:])))


def lif(shape, tau=0.005, r=1.0, leak=0.0, threshold=0.3, reset=0.0, kind=nir.LIF):
    if kind is nir.LIF:
        return nir.LIF(tau=arr(shape, tau), r=arr(shape, r), v_leak=arr(shape, leak), v_threshold=arr(shape, threshold), v_reset=arr(shape, reset))
    return nir.IF(r=arr(shape, r), v_threshold=arr(shape, threshold), v_reset=arr(shape, reset))


def weight(rng, *shape):
    return rng.normal(0.3, 0.6, shape).astype(np.float32)


def networks():
    rng = np.random.default_rng(7)
    w = lambda *s: weight(rng, *s)
    yield "dense", chain(io((4,), (3,), fc1=nir.Affine(w(6, 4), w(6)), spk1=lif((6,), leak=0.02, reset=0.05), fc2=nir.Linear(w(3, 6)),
        spk2=lif((3,), r=1000.0, threshold=1.0, kind=nir.IF))), {}
    yield "subtract", chain(io((4,), (6,), fc=nir.Linear(w(6, 4)), spk=lif((6,), tau=0.01, r=4.0))), {"reset": "subtract"}
    conv = nir.Conv2d(None, w(4, 2, 3, 3), 1, "same", 1, 1, w(4))
    group = nir.Conv2d(None, w(4, 2, 2, 2), np.array([2, 1]), np.array([1, 0]), np.array([1, 2]), 2, np.zeros(4))
    yield "conv", chain(io((2, 6, 6), (5,), conv=conv, spk=lif((4, 6, 6)), pool=nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        group=group, act=nir.Threshold(arr((4, 2, 1), 0.2)), sum=nir.SumPool2d(np.array([2, 1]), np.array([1, 1]), np.array([0, 0])),
        flat=nir.Flatten({"input": np.array([4, 1, 1])}, 0, -1), fc=nir.Affine(w(5, 4), w(5)), out=lif((5,)))), {}
    yield "conv1d", chain(io((2, 9), (3, 4), conv=nir.Conv1d(9, w(3, 2, 3), 2, 1, 2, 1, w(3)), spk=lif((3, 4), threshold=0.2))), {}
    theta = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
    channel = nir.LIF(tau=arr((5,), 0.004), r=np.array([1.0, 2.0, 3.0, -1.0, 0.5]), v_leak=arr((5,), 0.0), v_threshold=theta, v_reset=arr((5,), 0.0))
    yield "channels", chain(io((4,), (5,), fc=nir.Linear(w(5, 4)), gain=nir.Scale(np.array([1.0, 0.5, 2.0, 1.5, 3.0])), spk=channel)), {}
    rest = nir.LIF(tau=arr((5,), 0.004), r=np.array([1.0, 2.0, 3.0, 1.0, 0.5]), v_leak=0.1 * theta, v_threshold=theta, v_reset=0.1 * theta)
    yield "rest", chain(io((4,), (5,), fc=nir.Linear(w(5, 4)), spk=rest)), {}
    steps = nir.IF(r=np.array([500.0, 250.0, 400.0, 900.0, 300.0]), v_threshold=theta, v_reset=arr((5,), 0.0))
    yield "steps", chain(io((4,), (5,), fc=nir.Linear(w(5, 4)), spk=steps)), {"reset": "subtract"}
    ones = lambda v: arr((4,), v)
    cuba = nir.CubaLIF(tau_syn=ones(0.002), tau_mem=ones(0.008), r=ones(3.0), v_leak=ones(0.01), v_threshold=ones(0.25), v_reset=ones(0.0), w_in=ones(2.0))
    yield "cuba", chain(io((4,), (4,), fc=nir.Linear(w(4, 4)), spk=cuba)), {}
    tau = np.array([0.002, 0.004, 0.008])
    li = nir.LI(tau=tau, r=arr((3,), 2.0), v_leak=np.array([0.1, 0.0, -0.2]))
    yield "integrators", chain(io((4,), (3,), sum=nir.I(ones(100.0)), fc=nir.Linear(w(3, 4)), li=li,
        cli=nir.CubaLI(tau_syn=arr((3,), 0.003), tau_mem=arr((3,), 0.006), r=arr((3,), 1.5), v_leak=arr((3,), 0.0)))), {}
    nodes = io((4,), (5,), fc=nir.Linear(w(5, 4)), wait=nir.Delay(arr((5,), 2 * DT)), skip=nir.Scale(arr((5,), 0.5)), spk=lif((5,)))
    edges = [("input", "fc"), ("fc", "wait"), ("fc", "skip"), ("wait", "spk"), ("skip", "spk"), ("spk", "output")]
    yield "branches", nir.NIRGraph(nodes, edges), {"order": ["fc", "wait", "skip", "spk", "output"]}
    small = nir.Conv2d(None, w(2, 1, 2, 2), 1, 0, 1, 1, w(2))
    yield "old", chain(io((1, 3, 3), (2, 2, 2), conv=small, spk=lif((2, 2, 2)))), {"old": True}
    inner = nir.NIRGraph(io((5,), (5,), lif=lif((5,)), w_rec=nir.Linear(w(5, 5))),
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")])
    nodes = io((4,), (5,), fc=nir.Linear(w(5, 4)), rec=inner)
    nested = nir.NIRGraph(nodes, [("input", "fc"), ("fc", "rec"), ("rec", "output")])
    order = ["fc", "rec.input", "rec.w_rec", "rec.lif", "rec.output", "output"]
    yield "recurrent", nested, {"order": order, "late": [("rec.lif", "rec.w_rec")]}


def change(path, edit):
    """Edits the file and packs it, so that no hole is left."""
    with h5py.File(path, "r+") as f:
        edit(f)
    packed = path.with_suffix(".tmp")
    with h5py.File(path, "r") as old, h5py.File(packed, "w") as new:
        for key in old:
            old.copy(key, new)
    packed.replace(path)


def put(node, key, value, **kwargs):
    if key in node:
        del node[key]
    node.create_dataset(key, data=value, **kwargs)


TEXT = h5py.string_dtype()


def age(f):
    """As older packages wrote files: their version, no reset, no input shape."""
    put(f, "version", "0.2.0", dtype=TEXT)
    f["node/nodes/spk"].pop("v_reset")
    f["node/nodes/conv"].pop("input_shape")


def good(folder):
    answers = {}
    rng = np.random.default_rng(11)
    for name, graph, how in networks():
        nir.write(folder / f"{name}.nir", graph, compression=None if how.get("old") else "gzip")
        if how.get("old"):
            change(folder / f"{name}.nir", age)
        shape = [int(n) for n in graph.nodes["input"].input_type["input"]]
        frames = (rng.random((STEPS, *shape)) < 0.4).astype(int)
        order = how.get("order", [n for n in graph.nodes if n != "input"])
        reset = how.get("reset", "value")
        out = simulate(graph, order, frames, how.get("late", ()), reset)
        spikes = bool(np.all((out == 0) | (out == 1)))
        assert np.any(out) and (not spikes or not np.all(out)), f"{name} answers the same in every step"
        answers[name] = {"dt": DT, "reset": reset, "frames": frames.reshape(STEPS, -1).tolist(), "shape": list(out.shape[1:]),
            "output": out.reshape(STEPS, -1).tolist()}
    (folder / "answers.json").write_text(json.dumps(answers).replace("}, ", "},\n") + "\n")


# Broken files: the code of the refusal is the first part of the name.


def broken(folder):
    base = folder / "base.tmp"
    layers = {"fc1": nir.Affine(np.ones((3, 2)), np.zeros(3)), "spk1": lif((3,))}
    nir.write(base, chain(io((2,), (3,), **layers)))

    def edit(name, broken):
        path = folder / f"bad-{name}.nir"
        shutil.copy(base, path)
        change(path, lambda f: broken(f["node"]))

    nodes = lambda f: f["nodes"]
    edges = lambda f, pairs: put(f, "edges", np.array(pairs, dtype=object), dtype=TEXT)
    chain_edges = [("input", "fc1"), ("fc1", "spk1"), ("spk1", "output")]
    (folder / "bad-E0510-truncated.nir").write_bytes(base.read_bytes()[:1500])
    (folder / "bad-E0510-text.nir").write_text("this is no HDF5 file\n")
    edit("E0510-no-edges", lambda f: f.pop("edges"))
    edit("E0511-no-weight", lambda f: nodes(f)["fc1"].pop("weight"))
    edit("E0511-nan", lambda f: put(nodes(f)["fc1"], "weight", np.full((3, 2), np.nan)))
    edit("E0511-text", lambda f: put(nodes(f)["spk1"], "tau", "five", dtype=TEXT))
    edit("E0511-negative-tau", lambda f: put(nodes(f)["spk1"], "tau", np.full(3, -1.0)))
    edit("E0512-unknown", lambda f: put(nodes(f)["spk1"], "type", "Attention", dtype=TEXT))
    edit("E0513-missing-node", lambda f: edges(f, [("input", "fc9"), *chain_edges]))
    edit("E0513-twice", lambda f: edges(f, [*chain_edges, chain_edges[0]]))
    edit("E0513-no-output", lambda f: put(nodes(f)["output"], "type", "Scale", dtype=TEXT))
    edit("E0513-loose", lambda f: edges(f, chain_edges[1:]))
    edit("E0514-shapes", lambda f: put(nodes(f)["fc1"], "weight", np.ones((3, 5))))
    edit("E0514-huge", lambda f: put(nodes(f)["input"], "shape", np.array([1 << 20, 1 << 20])))
    edit("E0514-neuron", lambda f: put(nodes(f)["spk1"], "tau", np.full(7, 0.005)))
    edit("E0515-start", lambda f: put(nodes(f)["spk1"], "v_leak", np.array([0.0, 0.1, 0.2])))
    edit("E0515-tau", lambda f: put(nodes(f)["spk1"], "tau", np.linspace(0.005, 0.01, 3)))
    edit("E0516-tau", lambda f: put(nodes(f)["spk1"], "tau", np.full(3, 1e-5)))
    base.unlink()


if __name__ == "__main__":
    good(HERE)
    broken(HERE)
