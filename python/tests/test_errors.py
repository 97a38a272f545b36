"""What cannot be exported is refused by name, and nothing is left behind."""

import pytest
import torch
from nets import Net, randomise
from pulvinar_export import ExportError, export
from pulvinar_export.registry import adapter_of
from spikingjelly.activation_based import layer, neuron
from torch import nn


def lif():
    return neuron.LIFNode(step_mode="m")


def refused(model, inputs, folder, *words, **options):
    """Asserts one error that has all words, and an untouched folder."""
    with pytest.raises(ExportError) as caught:
        export(randomise(model), inputs, folder / "net", **options)
    for word in words:
        assert word in str(caught.value)
    assert list(folder.iterdir()) == []


class Selects(nn.Module):
    def forward(self, x):
        return x + x[:, :, :1]


class Branches(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


class Scales(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, x):
        return x * self.gain


class Batch(nn.Module):
    def forward(self, x):
        return x - x.mean(1, keepdim=True)


class Loud(nn.ReLU):
    def forward(self, x):
        return super().forward(x) * 2


@pytest.mark.parametrize(
    ("middle", "words"),
    [
        (nn.Tanh(), ["middle", "Tanh", "no adapter"]),
        (Selects(), ["getitem", "selects part of a tensor"]),
        (Branches(), ["middle", "Branches", "control flow"]),
        (Scales(), ["middle.gain", "(8, 1, 1)", "module"]),
        (Batch(), ["mean", "batch"]),
        (neuron.QIFNode(step_mode="m"), ["middle", "QIFNode", "no adapter"]),
        (layer.Conv2d(8, 8, 3, padding=1, padding_mode="circular", step_mode="m"), ["middle", "circular"]),
        (layer.AvgPool2d(3, 1, 1, count_include_pad=False, step_mode="m"), ["middle", "count_include_pad"]),
        (layer.BatchNorm2d(8, track_running_stats=False, step_mode="m"), ["middle", "running statistics"]),
        (nn.Sequential(nn.ReLU(), nn.Softmax(2)), ["middle.1", "Softmax"]),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "",
)
def test_a_module_that_cannot_be_exported(middle, words, inputs, tmp_path):
    refused(Net(lif, middle), inputs, tmp_path, *words)


def test_a_window_over_the_edge(inputs, tmp_path):
    pool = layer.AvgPool2d(3, 2, ceil_mode=True, step_mode="m")
    refused(Net(lif, pool=pool), inputs, tmp_path, "pool", "AvgPool2d", "ceil_mode")


def test_a_model_that_does_not_fit_the_sample(inputs, tmp_path):
    refused(Net(lif), inputs[..., :4], tmp_path, "fc", "does not run on the sample input")


def test_a_subclass_with_its_own_forward_is_not_its_base():
    assert adapter_of(nn.ReLU()) is not None
    assert adapter_of(Loud()) is None


def test_single_step_mode(inputs, tmp_path):
    model = Net(lif)
    model.sn0 = nn.Sequential(neuron.LIFNode(step_mode="s"))
    refused(model, inputs, tmp_path, "sn0.0", "LIFNode", "step_mode", "set_step_mode")


def test_a_neuron_called_twice(inputs, tmp_path):
    model = Net(lif)
    model.sn1 = model.sn0
    refused(model, inputs, tmp_path, "sn0", "LIFNode", "called 2 times")


def test_no_readout(inputs, tmp_path):
    class Raw(Net):
        def forward(self, x):
            return self.sn0(self.conv(x))

    refused(Raw(lif), inputs, tmp_path, "mean or sum over time")


def test_weights_that_are_not_finite(inputs, tmp_path):
    model = randomise(Net(lif))
    with torch.no_grad():
        model.fc.weight[0, 0] = float("nan")
    with pytest.raises(ExportError, match="fc.weight.*finite"):
        export(model, inputs, tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_inputs_of_the_wrong_kind(inputs, tmp_path):
    refused(Net(lif), inputs, tmp_path, "sample_input", "binary", input_kind="binary")
    refused(Net(lif), inputs[0, 0, 0], tmp_path, "sample_input", "[T, B, C, H, W]")
    refused(Net(lif), inputs[0], tmp_path, "conv", "sample input")
    refused(Net(lif), inputs, tmp_path, "2 labels", labels=[1, 2])


def test_an_older_export_survives_a_failure(inputs, tmp_path):
    export(randomise(Net(lif)), inputs, tmp_path / "net")
    before = (tmp_path / "net/graph.json").read_bytes()
    with pytest.raises(ExportError):
        export(Net(lif, nn.Tanh()), inputs, tmp_path / "net")
    assert (tmp_path / "net/graph.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net"]
