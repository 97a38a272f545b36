"""Small networks to export: one for each thing the exporter has to get right."""

import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn
from torch.nn import functional as F

T = 4


class Net(nn.Module):
    """conv -> bn -> pool -> `middle` -> neuron -> flatten -> linear -> neuron -> mean over time."""

    def __init__(self, make_neuron, middle=None, pool=None):
        super().__init__()
        self.conv = layer.Conv2d(2, 8, 3, padding=1, step_mode="m")
        self.bn = layer.BatchNorm2d(8, step_mode="m")
        self.pool = pool or layer.AvgPool2d(2, step_mode="m")
        self.middle = middle or nn.Identity()
        self.sn0 = make_neuron()
        self.flatten = layer.Flatten(step_mode="m")
        self.fc = layer.Linear(8 * 4 * 4, 5, step_mode="m")
        self.sn1 = make_neuron()

    def forward(self, x):
        x = self.sn0(self.middle(self.pool(self.bn(self.conv(x)))))
        return self.sn1(self.fc(self.flatten(x))).mean(0)


class SqueezeExcite(nn.Module):
    """A gate for each step and channel, written with torch functions."""

    def __init__(self, channels: int):
        super().__init__()
        self.down = nn.Linear(channels, channels // 2)
        self.up = nn.Linear(channels // 2, channels)

    def forward(self, x):
        g = torch.sigmoid(self.up(F.relu(self.down(x.mean((3, 4))))))
        return x * g[..., None, None]


class AuthorsAttention(nn.Module):
    """Temporal, channel and spatial gates as in the MA-SNN authors' code: batch first, 1x1x1 MLPs."""

    def __init__(self, steps: int, channels: int):
        super().__init__()
        self.mean, self.largest = nn.AdaptiveAvgPool3d(1), nn.AdaptiveMaxPool3d(1)
        self.t0 = nn.Conv3d(steps, steps // 2, 1, bias=False)
        self.t1 = nn.Conv3d(steps // 2, steps, 1, bias=False)
        self.c0 = nn.Conv3d(channels, channels // 2, 1, bias=False)
        self.c1 = nn.Conv3d(channels // 2, channels, 1, bias=False)
        self.s = nn.Conv2d(2, 1, 3, padding=1, bias=False)

    def forward(self, x):
        x = x.transpose(0, 1)
        g = [self.t1(F.relu(self.t0(p(x)))) for p in (self.mean, self.largest)]
        x = x * torch.sigmoid(g[0] + g[1])
        y = x.permute(0, 2, 1, 3, 4)
        g = [self.c1(F.relu(self.c0(p(y)))) for p in (self.mean, self.largest)]
        x = x * torch.sigmoid(g[0] + g[1]).permute(0, 2, 1, 3, 4)
        maps = torch.stack([x.mean((1, 2)), x.amax((1, 2))], 1)
        x = x * torch.sigmoid(self.s(maps)).unsqueeze(1)
        return F.relu(x).transpose(0, 1)


class StepGate(nn.Module):
    """1 + a gate over steps, from `max(...).values`, with a learned scalar and reshapes."""

    def __init__(self, steps: int):
        super().__init__()
        self.mix = nn.Parameter(torch.tensor(0.7))
        self.map = nn.Linear(steps, steps)

    def forward(self, x):
        a = x.flatten(2).max(2).values * self.mix + x.mean((2, 3, 4)) * 0.5
        g = torch.sigmoid(self.map(a.transpose(0, 1))).transpose(0, 1)
        return x * (1 + g.view(x.shape[0], x.shape[1], 1, 1, 1)) - 0.1


class Residual(nn.Module):
    """Adds a spike path to a convolved one; a container that flattens time; concat; even kernel."""

    def __init__(self):
        super().__init__()
        self.body = layer.SeqToANNContainer(
            nn.Conv2d(8, 8, 4, padding="same", bias=False), nn.BatchNorm2d(8), nn.Dropout(0.5)
        )
        self.sn = neuron.IFNode(step_mode="m")
        self.join = layer.Conv2d(16, 8, (3, 1), padding=(1, 0), groups=2, step_mode="m")

    def forward(self, x):
        y = self.sn(self.body(x) + x)
        return self.join(torch.cat([y, x], 2)) / 2


class Enlarged(nn.Module):
    """A transposed convolution in groups, an upsampling by a module and one by a function, and back."""

    def __init__(self):
        super().__init__()
        self.up = layer.SeqToANNContainer(
            nn.ConvTranspose2d(8, 16, (3, 2), stride=2, padding=(1, 0), output_padding=(1, 0), groups=2),
            nn.Upsample(scale_factor=2),
        )
        self.sn = neuron.IFNode(v_threshold=0.5, step_mode="m")
        self.down = layer.SeqToANNContainer(nn.Conv2d(16, 8, 2, stride=4))

    def forward(self, x):
        y = self.sn(self.up(x))
        return self.down(y) * 3


class AnalogHead(nn.Module):
    """A spiking backbone, its mean over time, and layers without neurons on that."""

    def __init__(self):
        super().__init__()
        self.conv = layer.Conv2d(2, 8, 3, padding=1, step_mode="m")
        self.sn = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.head = nn.Sequential(nn.Conv2d(8, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 3 * 3, 5))

    def forward(self, x):
        return self.head(self.sn(self.conv(x)).mean(0))


class LastStep(nn.Module):
    """The last step of a layer."""

    def __init__(self):
        super().__init__()
        self.conv = layer.Conv2d(2, 8, 3, step_mode="m")
        self.sn = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.fc = layer.Linear(8 * 6 * 6, 5, step_mode="m")

    def forward(self, x):
        return self.fc(self.sn(self.conv(x)).flatten(2))[-1]


class Line(nn.Module):
    """Convolutions and pools over one data axis, dilated and in groups."""

    def __init__(self):
        super().__init__()
        self.conv0 = layer.Conv1d(2, 8, 5, padding="same", dilation=2, step_mode="m")
        self.bn = layer.BatchNorm1d(8, step_mode="m")
        self.max = layer.MaxPool1d(3, stride=2, padding=1, step_mode="m")
        self.sn0 = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.conv1 = layer.Conv1d(8, 8, 3, stride=2, padding=1, groups=4, bias=False, step_mode="m")
        self.sn1 = neuron.IFNode(v_threshold=0.3, step_mode="m")
        self.mean = layer.AvgPool1d(2, step_mode="m")
        self.flatten = layer.Flatten(step_mode="m")
        self.fc = layer.Linear(8 * 4, 5, step_mode="m")

    def forward(self, x):
        x = self.sn0(self.max(self.bn(self.conv0(x))))
        return self.fc(self.flatten(self.mean(self.sn1(self.conv1(x))))).mean(0)


class PooledHead(nn.Module):
    """Global pooling before the classifier, as in residual networks."""

    def __init__(self):
        super().__init__()
        self.conv = layer.Conv2d(2, 8, 3, step_mode="m")
        self.sn0 = neuron.LIFNode(v_threshold=0.5, step_mode="m")
        self.pool = layer.AdaptiveAvgPool2d(1, step_mode="m")
        self.fc = layer.Linear(8, 5, step_mode="m")
        self.sn1 = neuron.LIFNode(v_threshold=0.2, step_mode="m")

    def forward(self, x):
        return self.sn1(self.fc(self.pool(self.sn0(self.conv(x))).flatten(2))).sum(0)


def randomise(model: nn.Module) -> nn.Module:
    """Batch norms as after a training: no statistic or weight at its start value."""
    for m in model.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(m.weight, 1.5, 4.0)
            nn.init.uniform_(m.bias, -0.3, 0.8)
            if m.track_running_stats:
                nn.init.uniform_(m.running_mean, -0.2, 0.2)
                nn.init.uniform_(m.running_var, 0.5, 2.0)
        elif isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            nn.init.normal_(m.weight, 0.05, 1.2 / m.weight[0].numel() ** 0.5)
    return model
