"""The default network: MA-SNN in the dialect of its authors' code, its twin without attention, and a small net.

Conv -> BN -> AvgPool -> attention (T, C, S) -> ReLU -> neuron; Linear -> BN -> attention (T) -> ReLU
-> neuron. Source: Yao et al., "Attention Spiking Neural Networks", arXiv 2209.13929, and
BICLab/Attention-SNN. Tensors are [T, B, C, H, W] or [T, B, N].
"""

from pulvinar_export.neurons import MaSnnNeuron
from spikingjelly.activation_based import layer
from torch import nn

T = 8
CHANNELS = (2, 16, 32)
HIDDEN = 64
CLASSES = 10
THRESHOLD = 0.5
ALPHA = 0.4
#: Standard deviation of a fresh layer's input to its neurons. A sigmoid gate starts near 1/2, so
#: the batch norm before n gates starts with a gain of START_STD * 2^n; else a fresh net is silent.
START_STD = 0.6


def _norm(norm: nn.Module, gates: int) -> nn.Module:
    nn.init.constant_(norm.weight, START_STD * 2**gates)
    return norm


class Network(nn.Module):
    """`attention=False` gives the vanilla twin. Output: firing rate of each class, [B, 10]."""

    def __init__(self, attention: bool):
        super().__init__()
        gates = (3, 1) if attention else (0, 0)
        for i, (inside, outside) in enumerate(zip(CHANNELS, CHANNELS[1:])):
            self.add_module(f"conv{i}", layer.Conv2d(inside, outside, 3, padding=1, step_mode="m"))
            norm = layer.BatchNorm2d(outside, step_mode="m")
            self.add_module(f"bn{i}", _norm(norm, gates[0]))
            self.add_module(f"pool{i}", layer.AvgPool2d(2, step_mode="m"))
            gate = layer.MultiDimensionalAttention(T, outside, reduction_t=2, reduction_c=8, kernel_size=3)
            self.add_module(f"att{i}", gate if attention else nn.ReLU())
            self.add_module(f"neuron{i}", MaSnnNeuron(THRESHOLD, ALPHA))
        self.flatten = layer.Flatten(step_mode="m")
        sizes = (CHANNELS[2] * 7 * 7, HIDDEN, CLASSES)
        for i, (inside, outside) in enumerate(zip(sizes, sizes[1:])):
            self.add_module(f"fc{i}", layer.Linear(inside, outside, step_mode="m"))
            norm = layer.BatchNorm1d(outside, step_mode="m")
            self.add_module(f"fc_bn{i}", _norm(norm, gates[1]))
            gate = layer.TemporalWiseAttention(T, reduction=2, dimension=2)
            self.add_module(f"fc_att{i}", gate if attention else nn.Identity())
            self.add_module(f"fc_relu{i}", nn.ReLU())
            self.add_module(f"fc_neuron{i}", MaSnnNeuron(THRESHOLD, ALPHA))

    def forward(self, x):
        x = self.neuron0(self.att0(self.pool0(self.bn0(self.conv0(x)))))
        x = self.neuron1(self.att1(self.pool1(self.bn1(self.conv1(x)))))
        x = self.flatten(x)
        x = self.fc_neuron0(self.fc_relu0(self.fc_att0(self.fc_bn0(self.fc0(x)))))
        x = self.fc_neuron1(self.fc_relu1(self.fc_att1(self.fc_bn1(self.fc1(x)))))
        return x.mean(0)

    def neurons(self) -> dict[str, MaSnnNeuron]:
        return {n: m for n, m in self.named_modules() if isinstance(m, MaSnnNeuron)}


class Small(nn.Module):
    """A net for a device of 5,280 logic cells: one convolution that is also the pooling, one linear layer.

    Conv 4x4 of stride 4 -> BN -> neuron; Linear -> BN -> attention (T) -> neuron. Output as above.
    """

    FEATURES = 8
    SIDE = 7
    DECAY = 0.5

    def __init__(self):
        super().__init__()
        self.conv0 = layer.Conv2d(CHANNELS[0], self.FEATURES, 4, stride=4, step_mode="m")
        self.bn0 = _norm(layer.BatchNorm2d(self.FEATURES, step_mode="m"), 0)
        self.neuron0 = MaSnnNeuron(THRESHOLD, self.DECAY)
        self.flatten = layer.Flatten(step_mode="m")
        self.fc0 = layer.Linear(self.FEATURES * self.SIDE**2, CLASSES, step_mode="m")
        self.fc_bn0 = _norm(layer.BatchNorm1d(CLASSES, step_mode="m"), 1)
        self.fc_att0 = layer.TemporalWiseAttention(T, reduction=4, dimension=2)
        self.fc_neuron0 = MaSnnNeuron(THRESHOLD, self.DECAY)

    def forward(self, x):
        x = self.neuron0(self.bn0(self.conv0(x)))
        x = self.fc_att0(self.fc_bn0(self.fc0(self.flatten(x))))
        return self.fc_neuron0(x).mean(0)

    def neurons(self) -> dict[str, MaSnnNeuron]:
        return {n: m for n, m in self.named_modules() if isinstance(m, MaSnnNeuron)}


#: By name on the command line.
NETS = {
    "ma-snn-tcsa": lambda: Network(attention=True),
    "vanilla": lambda: Network(attention=False),
    "small-ta": Small,
}
