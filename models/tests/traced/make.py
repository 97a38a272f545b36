"""Makes the .pt2 and .onnx files of these tests, and the answers of the frameworks themselves.

    pip install torch spikingjelly==2.0.0 snntorch==1.0.0 onnx onnxscript && python make.py

Every network is run by its own framework on seeded inputs; `answers.json` holds inputs and outputs. The files are those of
`torch.export.save` and `torch.onnx.export`, without the lines of source code that the former keeps.
"""

import io
import json
import pathlib
import warnings
import zipfile

import numpy as np
import snntorch as snn
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
T = 6


class Steps(nn.Module):
    """A loop over time of snnTorch modules; the output is every step's, or their sum."""

    def __init__(self, make, total=False):
        super().__init__()
        self.fc1, self.lif1, self.fc2, self.lif2 = nn.Linear(6, 7), make(), nn.Linear(7, 3), make()
        self.total = total

    def forward(self, x):
        m1, m2, out = self.lif1.init_leaky(), self.lif2.init_leaky(), []
        for t in range(x.shape[0]):
            s, m1 = self.lif1(self.fc1(x[t]), m1)
            s, m2 = self.lif2(self.fc2(s), m2)
            out.append(s)
        return sum(out) if self.total else torch.stack(out)


class Frame(Steps):
    """The same, one frame seen in every step; returns spikes and potentials."""

    def forward(self, x):
        m1, m2, out, mem = self.lif1.init_leaky(), self.lif2.init_leaky(), [], []
        for _ in range(T):
            s, m1 = self.lif1(self.fc1(x), m1)
            s, m2 = self.lif2(self.fc2(s), m2)
            out.append(s)
            mem.append(m2)
        return torch.stack(out), torch.stack(mem)


class OneStep(Steps):
    """One step whose potentials come in and go out."""

    def forward(self, x, m1, m2):
        s, m1 = self.lif1(self.fc1(x), m1)
        s, m2 = self.lif2(self.fc2(s), m2)
        return s, m1, m2


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 5)
        self.lif = snn.RLeaky(beta=0.8, linear_features=5, reset_mechanism="subtract")

    def forward(self, x):
        spk, mem = self.lif.init_rleaky()
        spk = torch.zeros(x.shape[1], 5)
        out = []
        for t in range(x.shape[0]):
            spk, mem = self.lif(self.fc(x[t]), spk, mem)
            out.append(spk)
        return torch.stack(out)


class Length(nn.Module):
    """1-D convolutions over a data axis, [B, T, C, L]."""

    def __init__(self):
        super().__init__()
        self.conv, self.lif, self.fc = nn.Conv1d(2, 4, 3, stride=2, padding=1), snn.Leaky(beta=0.7), nn.Linear(16, 3)
        self.out = snn.Leaky(beta=0.9, reset_mechanism="zero")

    def forward(self, x):
        m1, m2, out = self.lif.init_leaky(), self.out.init_leaky(), []
        for t in range(x.shape[1]):
            s, m1 = self.lif(self.conv(x[:, t]), m1)
            s, m2 = self.out(self.fc(s.flatten(1)), m2)
            out.append(s)
        return torch.stack(out).mean(0)


class OwnNeuron(nn.Module):
    """A neuron written by hand: after a spike the potential is the threshold, and decays (MA-SNN's code)."""

    def forward(self, x):
        h, out = torch.zeros_like(x[0]), []
        for t in range(x.shape[0]):
            u = h + x[t]
            s = (u >= 0.3).float()
            h = (s * 0.3 + (1 - s) * u) * 0.3
            out.append(s)
        return torch.stack(out)


class Own(nn.Module):
    def __init__(self, between=lambda x: x):
        super().__init__()
        self.fc, self.sn, self.between = nn.Linear(6, 5), OwnNeuron(), between

    def forward(self, x):
        return self.sn(self.between(self.fc(x)))


def modules(mode, *parts):
    net = nn.Sequential(*parts)
    functional.set_step_mode(net, mode)
    return net


class Conv(nn.Module):
    def __init__(self, lif, out):
        super().__init__()
        self.body = modules("m", layer.Conv2d(2, 4, 3, padding=1), layer.BatchNorm2d(4), lif, layer.AvgPool2d(2),
            layer.Flatten(), layer.Linear(64, 5), out)

    def forward(self, x):
        return self.body(x).mean(0)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        m = lambda x: modules("m", *x)
        self.stem = m([layer.Conv2d(2, 4, 3, padding=1, bias=False), neuron.IFNode(v_threshold=0.5)])
        self.body = m([layer.Conv2d(4, 4, 3, padding="same", groups=2), layer.BatchNorm2d(4)])
        self.skip = m([layer.Conv2d(4, 4, 1, bias=False), layer.BatchNorm2d(4)])
        self.sn = m([neuron.IFNode(v_threshold=0.8)])
        self.head = m([layer.MaxPool2d(2), layer.Conv2d(8, 3, 3, stride=2), layer.AdaptiveAvgPool2d(1), layer.Flatten(),
            layer.Linear(3, 4), neuron.IFNode(v_threshold=0.3)])

    def forward(self, x):
        x = self.stem(x)
        y = self.sn(self.body(x) + self.skip(x))
        return self.head(torch.cat([x, y], 2)).sum(0)


class Loop(nn.Module):
    """SpikingJelly's single-step mode in a loop over time."""

    def __init__(self):
        super().__init__()
        self.body = modules("s", layer.Linear(6, 8), neuron.LIFNode(v_threshold=0.4), layer.Linear(8, 3), neuron.LIFNode(tau=3.0, v_threshold=0.3))

    def forward(self, x):
        return torch.stack([self.body(x[t]) for t in range(x.shape[0])]).mean(0)


class Gated(nn.Module):
    """SpikingJelly's attention over time, channels and space."""

    def __init__(self):
        super().__init__()
        self.conv = layer.Conv2d(2, 4, 3, padding=1, step_mode="m")
        self.gate = layer.MultiDimensionalAttention(T, 4, reduction_t=2, reduction_c=2, kernel_size=3)
        self.sn = neuron.LIFNode(v_threshold=0.3, step_mode="m")

    def forward(self, x):
        return self.sn(self.gate(self.conv(x))).flatten(2).sum(0)


class SingleStep(nn.Module):
    """One step, potential kept nowhere: what the trace holds is frozen."""

    def __init__(self, sn):
        super().__init__()
        self.fc, self.sn = nn.Linear(6, 5), sn

    def forward(self, x):
        y = self.sn(self.fc(x))
        return y[0] if isinstance(y, tuple) else y


def lif(**k):
    return neuron.LIFNode(v_threshold=0.4, **k)


def networks():
    leaky = lambda **k: lambda: snn.Leaky(beta=0.85, threshold=0.5, **k)
    frames, rows = (T, 1, 2, 8, 8), (T, 1, 6)
    yield "sj-conv", Conv(lif(), neuron.IFNode(v_threshold=0.5, v_reset=None)), frames
    yield "sj-plif", Conv(neuron.ParametricLIFNode(v_threshold=0.3), lif(tau=3.0, decay_input=False)), (T, 2, 2, 8, 8)
    yield "sj-reset", Conv(lif(v_reset=0.1), neuron.IFNode(v_threshold=0.5, v_reset=-0.2)), frames
    yield "sj-residual", Residual(), frames
    yield "sj-loop", Loop(), rows
    yield "sj-attention", Gated(), frames
    yield "snn-subtract", Steps(leaky()), rows
    yield "snn-zero", Steps(leaky(reset_mechanism="zero"), total=True), (T, 3, 6)
    yield "snn-none", Steps(leaky(reset_mechanism="none")), rows
    yield "snn-frame", Frame(leaky()), (1, 6)
    yield "snn-step", OneStep(leaky()), (1, 6)
    yield "snn-recurrent", Recurrent(), rows
    yield "snn-length", Length(), (1, T, 2, 8)
    yield "snn-synaptic", Synaptic(), rows
    yield "own-neuron", Own(), rows


def refused():
    rows = (T, 1, 6)
    yield "E0519-sj-frozen", SingleStep(neuron.LIFNode()), (1, 6)
    yield "E0519-snn-frozen", SingleStep(snn.Leaky(beta=0.9, init_hidden=True)), (1, 6)
    yield "E0515-synaptic-zero", Synaptic(reset_mechanism="zero"), rows
    yield "E0512-izhikevich", nn.Sequential(nn.Linear(6, 5), neuron.IzhikevichNode(step_mode="m")), rows
    yield "E0512-erf", Own(torch.erf), rows
    yield "E0513-no-neuron", nn.Sequential(nn.Linear(6, 5), nn.ReLU()), rows


class Synaptic(nn.Module):
    """Two states a neuron."""

    def __init__(self, **k):
        super().__init__()
        self.fc, self.lif = nn.Linear(6, 5), snn.Synaptic(alpha=0.6, beta=0.8, **k)

    def forward(self, x):
        syn, mem = self.lif.init_synaptic()
        out = []
        for t in range(x.shape[0]):
            spk, syn, mem = self.lif(self.fc(x[t]), syn, mem)
            out.append(spk)
        return torch.stack(out)


def randomise(net):
    for m in net.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(m.weight, 0.8, 1.5)
            nn.init.uniform_(m.bias, -0.1, 0.4)
            nn.init.uniform_(m.running_mean, -0.2, 0.2)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
        elif isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            nn.init.normal_(m.weight, 0.5 / m.weight[0].numel(), 1.2 / m.weight[0].numel() ** 0.5)
    return net.eval()


def fresh(net):
    for m in net.modules():
        if hasattr(m, "reset") and hasattr(m, "_memories"):
            m.reset()
        if isinstance(m, snn.SpikingNeuron) and getattr(m, "init_hidden", False):
            m.mem = torch.zeros(0)


def sample(shape):
    return (torch.rand(shape) < 0.4).float()


def arguments(net, x):
    if isinstance(net, OneStep):
        return (x, torch.zeros(1, 7), torch.zeros(1, 3))
    return (x,)


def without_sources(data, store):
    """The archive without lines of source code."""
    out = io.BytesIO()
    how = zipfile.ZIP_STORED if store else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", how) as new:
        for info in old.infolist():
            content = old.read(info.filename)
            if info.filename.endswith("model.json"):
                model = json.loads(content)
                for node in model["graph_module"]["graph"]["nodes"]:
                    node["metadata"].pop("stack_trace", None)
                model["guards_code"] = []
                content = json.dumps(model, separators=(",", ":")).encode()
            new.writestr(zipfile.ZipInfo(info.filename), content, how)
    return out.getvalue()


def torch_export(net, x, path, store=False):
    fresh(net)
    with torch.no_grad():
        program = torch.export.export(net, arguments(net, x))
    fresh(net)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path.write_bytes(without_sources(buffer.getvalue(), store))


def onnx_export(net, x, path, dynamo=True):
    fresh(net)
    with torch.no_grad():
        if dynamo:
            program = torch.onnx.export(net, arguments(net, x), dynamo=True, verbose=False)
            model = program.model_proto
            for node in model.graph.node:
                node.ClearField("metadata_props")
                node.ClearField("doc_string")
            for value in [*model.graph.input, *model.graph.output, *model.graph.value_info, *model.graph.initializer]:
                value.ClearField("metadata_props")
            path.write_bytes(model.SerializeToString())
        else:
            torch.onnx.export(net, arguments(net, x), path, dynamo=False)
    fresh(net)


@torch.no_grad()
def answer(net, shape):
    """Two samples: frames, step by step, and what the framework answers."""
    inputs, outputs = [], []
    for _ in range(3):
        x = sample(shape)
        fresh(net)
        if isinstance(net, OneStep):
            xs, state, out = sample((T, *shape)), (torch.zeros(1, 7), torch.zeros(1, 3)), []
            for x in xs:
                s, *state = net(x, *state)
                out.append(s)
            x, y = xs, torch.stack(out)
        else:
            y = net(x)
            y = y[0] if isinstance(y, tuple) else y
        fresh(net)
        # the first sample of a batch; time first
        if isinstance(net, Length):
            x, y = x[0], y[:1]
        elif isinstance(net, Frame):
            x, y = x.expand(T, -1), y[:, 0]
        elif isinstance(net, OneStep):
            x, y = x[:, 0], y[:, 0]
        else:
            x, y = x[:, 0], (y[:, 0] if y.shape[0] == T else y[:1])
        inputs.append(x.reshape(-1).tolist())
        outputs.append([round(v, 6) for v in y.reshape(-1).tolist()])
    return {"inputs": inputs, "outputs": outputs}


def lively(net, shape, seed):
    """Random weights with which the inputs have different answers."""
    for attempt in range(40):
        torch.manual_seed(100 * seed + attempt)
        randomise(net)
        found = answer(net, shape)
        if len({str(o) for o in found["outputs"]}) > 1:
            return found
    raise AssertionError(f"network {seed} answers alike")


def good():
    answers = {}
    torch.manual_seed(0)
    for i, (name, net, shape) in enumerate(networks()):
        answers[name] = lively(net, shape, i)
        x = sample(shape)
        torch_export(net, x, HERE / f"{name}.pt2", store=name == "snn-subtract")
        onnx_export(net, x, HERE / f"{name}.onnx")
        if name in ("snn-zero", "snn-recurrent", "own-neuron"):
            onnx_export(net, x, HERE / f"{name}-script.onnx", dynamo=False)
            answers[f"{name}-script"] = answers[name]
    text = json.dumps(answers).replace("}, ", "},\n") + "\n"
    (HERE / "answers.json").write_text(text)
    for name, net, shape in refused():
        torch.manual_seed(1)
        randomise(net)
        torch_export(net, sample(shape), HERE / f"bad-{name}.pt2")
        if "izhikevich" not in name:
            onnx_export(net, sample(shape), HERE / f"bad-{name}.onnx")


def damaged():
    """Copies of a good archive and a good model with one fault each; the code of the refusal comes first."""
    archive = (HERE / "snn-zero.pt2").read_bytes()
    (HERE / "bad-E0510-truncated.pt2").write_bytes(archive[: len(archive) // 2])
    (HERE / "bad-E0510-text.pt2").write_text("this is no archive\n")

    def edit(name, change):
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            files = {i.filename: old.read(i.filename) for i in old.infolist()}
            change(files)
            for key, content in files.items():
                new.writestr(zipfile.ZipInfo(key), content, zipfile.ZIP_DEFLATED)
        (HERE / f"bad-{name}.pt2").write_bytes(out.getvalue())

    def in_json(end, change):
        def run(files):
            key = next(k for k in files if k.endswith(end))
            document = json.loads(files[key])
            change(document)
            files[key] = json.dumps(document, separators=(",", ":")).encode()
        return run

    graph = lambda m: m["graph_module"]["graph"]
    nan = np.full(42, np.nan, np.float32).tobytes()
    weight = lambda files: next(k for k in files if k.endswith("weights/weight_0"))
    edit("E0511-nan", lambda files: files.update({weight(files): nan}))
    edit("E0514-short-weight", lambda files: files.update({weight(files): nan[:40]}))
    edit("E0510-missing-weight", lambda files: files.pop(weight(files)))
    config = "model_weights_config.json"
    dtype = lambda c: c["config"]["fc1.weight"]["tensor_meta"].update(dtype=9)
    edit("E0511-complex", in_json(config, dtype))
    edit("E0510-pickled", in_json(config, lambda c: c["config"]["fc1.weight"].update(use_pickle=True)))
    edit("E0510-schema", in_json("model.json", lambda m: m["schema_version"].update(major=99)))
    edit("E0513-missing-node", in_json("model.json", lambda m: graph(m)["nodes"].pop(4)))
    sizes = lambda m: next(v for k, v in graph(m)["tensor_values"].items() if k == "linear").update(sizes=[{"as_int": 3}, {"as_int": 9}])
    edit("E0514-shape", in_json("model.json", sizes))

    import onnx

    model = onnx.load(HERE / "snn-zero.onnx")
    data = model.SerializeToString()
    (HERE / "bad-E0510-truncated.onnx").write_bytes(data[: len(data) // 2])

    def model_with(name, change):
        copy = onnx.ModelProto.FromString(data)
        change(copy.graph)
        (HERE / f"bad-{name}.onnx").write_bytes(copy.SerializeToString())

    first = lambda g: next(t for t in g.initializer if t.name == "fc1.weight")
    model_with("E0511-nan", lambda g: setattr(first(g), "raw_data", nan))
    model_with("E0511-complex", lambda g: setattr(first(g), "data_type", onnx.TensorProto.COMPLEX64))
    model_with("E0514-short-weight", lambda g: setattr(first(g), "raw_data", nan[:40]))
    model_with("E0513-missing-node", lambda g: g.node.pop(0))


if __name__ == "__main__":
    torch.set_num_threads(1)
    good()
    damaged()
