"""What PyTorch computed is what the exported files mean, spike by spike."""

import json

import numpy as np
import pytest
import torch
from nets import AnalogHead, AuthorsAttention, Enlarged, LastStep, Line, Net, PooledHead, Residual, SqueezeExcite, StepGate, T, randomise
from pulvinar_export import export, reference, verify
from pulvinar_export.neurons import MaSnnNeuron
from spikingjelly.activation_based import layer, neuron
from torch import nn

NEURONS = {
    "if-hard": lambda: neuron.IFNode(step_mode="m"),
    "if-soft": lambda: neuron.IFNode(v_threshold=0.7, v_reset=None, step_mode="m"),
    "if-half": lambda: neuron.HalfThresholdIFNode(step_mode="m"),
    "lif-hard": lambda: neuron.LIFNode(tau=2.0, step_mode="m"),
    "lif-hard-no-decay": lambda: neuron.LIFNode(tau=1.7, decay_input=False, step_mode="m"),
    "lif-rest": lambda: neuron.LIFNode(tau=3.0, v_reset=-0.3, v_threshold=0.6, step_mode="m"),
    "lif-rest-no-decay": lambda: neuron.LIFNode(tau=3.0, v_reset=0.2, decay_input=False, step_mode="m"),
    "lif-soft": lambda: neuron.LIFNode(tau=2.5, v_reset=None, v_threshold=0.4, step_mode="m"),
    "plif": lambda: neuron.ParametricLIFNode(init_tau=2.3, step_mode="m"),
    "plif-rest-no-decay": lambda: neuron.ParametricLIFNode(3.1, False, 0.8, -0.1, step_mode="m"),
    "plif-soft": lambda: neuron.ParametricLIFNode(init_tau=1.6, v_reset=None, step_mode="m"),
    "ma-snn": lambda: MaSnnNeuron(0.3, 0.3),
}


def lif():
    return neuron.LIFNode(tau=2.0, v_threshold=0.5, step_mode="m")


def attention(**options):
    return layer.MultiDimensionalAttention(T, 8, reduction_t=2, reduction_c=4, **options)


MIDDLES = {
    "tcs": lambda: attention(),
    "tc": lambda: attention(use_spatial=False),
    "ts-7": lambda: attention(use_channel=False, kernel_size=7),
    "cs": lambda: attention(use_temporal=False),
    "t": lambda: attention(use_channel=False, use_spatial=False),
    "c": lambda: attention(use_temporal=False, use_spatial=False),
    "s": lambda: attention(use_temporal=False, use_channel=False),
    "temporal-wise": lambda: layer.TemporalWiseAttention(T, reduction=2, dimension=4),
    "squeeze-excite": lambda: SqueezeExcite(8),
    "authors": lambda: AuthorsAttention(T, 8),
    "step-gate": lambda: StepGate(T),
    "residual": lambda: Residual(),
    "enlarged": lambda: Enlarged(),
    "sequential": lambda: nn.Sequential(nn.ReLU(), nn.Dropout(), nn.Sigmoid()),
}


def check(model, inputs, folder):
    """Exports, then asserts that the interpreter reproduces every spike and that spikes are varied."""
    export(randomise(model), inputs, folder)
    agreement = verify(folder)
    assert agreement.flips == 0
    assert agreement.output_error < 1e-6
    document, _, vectors = reference.read(folder)
    for node in document["nodes"]:
        if node["op"] == "neuron":
            rate = np.unpackbits(vectors[f"spikes.{node['name']}"]).mean()
            assert 0.01 < rate < 0.99, f"{node['name']} fires at a rate of {rate}: nothing is tested"
    return document


@pytest.mark.parametrize("name", NEURONS)
def test_neurons(name, inputs, tmp_path):
    torch.manual_seed(1)
    document = check(Net(NEURONS[name]), inputs, tmp_path / "net")
    assert [n["op"] for n in document["nodes"]] == [
        "conv2d", "batch_norm", "avg_pool", "neuron", "flatten", "linear", "neuron", "readout",
    ]  # fmt: skip


def test_layers_behind_a_mean_over_time(inputs, tmp_path):
    torch.manual_seed(2)
    document = check(AnalogHead(), inputs, tmp_path / "net")
    assert [n["op"] for n in document["nodes"]][-5:] == ["reduce", "conv2d", "relu", "flatten", "linear"]


def test_the_last_step(inputs, tmp_path):
    torch.manual_seed(2)
    document = check(LastStep(), inputs, tmp_path / "net")
    assert document["nodes"][-1]["attrs"] == {"kind": "last"}


def test_one_data_axis(tmp_path):
    torch.manual_seed(2)
    inputs = (torch.rand(6, 3, 2, 32) < 0.4).float()
    document = check(Line(), inputs, tmp_path / "net")
    kernels = [n["attrs"]["stride"] for n in document["nodes"] if n["op"] == "conv2d"]
    assert kernels == [[1, 1], [2, 1]]
    assert document["input"]["shape"] == [2, 32, 1]


@pytest.mark.parametrize("name", MIDDLES)
def test_what_lies_before_a_neuron(name, inputs, tmp_path):
    torch.manual_seed(2)
    check(Net(lif, MIDDLES[name]()), inputs, tmp_path / "net")


def test_max_pool_with_padding(inputs, tmp_path):
    torch.manual_seed(2)
    pool = layer.MaxPool2d(3, stride=2, padding=1, step_mode="m")
    document = check(Net(lif, pool=pool), inputs, tmp_path / "net")
    assert document["nodes"][2]["attrs"] == {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1, 1, 1]}


def test_lif_attributes_are_all_explicit(inputs, tmp_path):
    document = check(Net(NEURONS["lif-rest"]), inputs, tmp_path / "net")
    attrs = next(n for n in document["nodes"] if n["op"] == "neuron")["attrs"]
    assert attrs.pop("leak") == pytest.approx(2 / 3)
    assert attrs.pop("input_gain") == pytest.approx(1 / 3)
    assert attrs.pop("input_bias") == pytest.approx(-0.1)
    assert attrs == {
        "threshold": 0.6,
        "compare": ">=",
        "reset": {"kind": "value", "value": -0.3},
        "reset_timing": "same_step",
        "initial": -0.3,
        "clamp_min": None,
    }


def test_spikes_at_the_threshold(tmp_path):
    """Integer weights and inputs reach the threshold exactly; `>=` must fire there."""
    model = nn.Sequential(layer.Linear(3, 2, bias=False, step_mode="m"), neuron.IFNode(3.0, None, step_mode="m"))

    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = model

        def forward(self, x):
            return self.body(x).mean(0)

    nn.init.ones_(model[0].weight)
    x = torch.ones(4, 2, 3)
    export(Mean(), x, tmp_path / "net", input_kind="binary")
    assert verify(tmp_path / "net").flips == 0
    _, _, vectors = reference.read(tmp_path / "net")
    assert np.unpackbits(vectors["spikes.body.1"], axis=1, count=8).all()


def test_neurons_inside_a_per_step_container(inputs, tmp_path):
    torch.manual_seed(2)
    middle = layer.MultiStepContainer(nn.Conv2d(8, 8, 1), neuron.LIFNode(v_threshold=0.3))
    check(Net(lif, middle), inputs, tmp_path / "net")


def test_even_kernel_same_padding(inputs, tmp_path):
    document = check(Net(lif, Residual()), inputs, tmp_path / "net")
    conv = next(n for n in document["nodes"] if n["name"] == "middle.body.0")
    assert conv["attrs"]["padding"] == [1, 2, 1, 2]


def test_gates_are_dense_maps_and_layers_are_linear(inputs, tmp_path):
    document = check(Net(lif, SqueezeExcite(8)), inputs, tmp_path / "net")
    ops = {n["name"]: n["op"] for n in document["nodes"]}
    assert ops["middle.down"] == ops["middle.up"] == "dense"
    assert ops["fc"] == "linear"


def test_a_map_after_global_pooling_is_a_layer(inputs, tmp_path):
    torch.manual_seed(4)
    document = check(PooledHead(), inputs, tmp_path / "net")
    ops = [n["op"] for n in document["nodes"]]
    assert ops == ["conv2d", "neuron", "reduce", "linear", "neuron", "readout"]
    assert document["nodes"][-1]["attrs"] == {"kind": "sum"}


def test_reference_inputs_labels_and_name(inputs, tmp_path):
    labels = [1, 0, 2, 1, 3, 4]
    model = randomise(Net(lif))
    export(model, inputs[:, :1], tmp_path / "net", reference_inputs=inputs, labels=labels, name="small")
    document, _, vectors = reference.read(tmp_path / "net")
    assert document["name"] == "small"
    assert vectors["labels"].tolist() == labels
    assert np.array_equal(vectors["input"], inputs.transpose(0, 1).numpy())
    assert vectors["output"].shape == (6, 5)


def test_the_model_is_left_as_it_was(inputs, tmp_path):
    model = randomise(Net(lif)).train()
    model.bn.eval()
    export(model, inputs, tmp_path / "net")
    assert model.training and not model.bn.training
    assert model.sn0.v == 0.0


def test_export_is_deterministic(inputs, tmp_path):
    model = randomise(Net(lif, attention()))
    for folder in ("a", "b"):
        export(model, inputs, tmp_path / folder, name="net")
    for file in ("graph.json", "weights.safetensors", "vectors.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert json.loads((tmp_path / "a/graph.json").read_text())["format_version"] == 1


def test_verify_sees_a_changed_weight(inputs, tmp_path):
    model = randomise(Net(lif))
    export(model, inputs, tmp_path / "net")
    document, weights, vectors = reference.read(tmp_path / "net")
    weights["conv.weight"] = -weights["conv.weight"]
    values = reference.run(document, weights, vectors["input"])
    stored = np.unpackbits(vectors["spikes.sn0"], axis=1)
    assert not np.array_equal(values["sn0"].reshape(len(stored), -1), stored)
