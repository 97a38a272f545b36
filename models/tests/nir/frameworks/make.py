"""Makes NIR files with the frameworks' own exporters, and the frameworks' own answers.

    pip install torch spikingjelly==2.0.0 snntorch==1.0.0 nir==1.0.8 && python make.py
"""

import json
import pathlib
import warnings

import nir
import snntorch as snn
import torch
from snntorch.export_nir import export_to_nir as snn_export
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir as sj_export
from torch import nn

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
T, DT = 10, 1e-4


def multi(*parts):
    net = nn.Sequential(*parts)
    functional.set_step_mode(net, "m")
    return net


def spikingjelly():
    lif = lambda **k: neuron.LIFNode(v_threshold=0.4, **k)
    yield "sj-dense", multi(layer.Linear(6, 8), lif(), layer.Linear(8, 3), neuron.IFNode(v_threshold=0.6)), (6,)
    yield "sj-conv", multi(layer.Conv2d(2, 4, 3, padding=1), lif(tau=3.0, decay_input=False), layer.AvgPool2d(2), layer.Flatten(),
        layer.Linear(64, 5), lif()), (2, 8, 8)
    yield "sj-plif", multi(layer.Linear(6, 8), neuron.ParametricLIFNode(init_tau=3.0, v_threshold=0.3)), (6,)
    yield "sj-cuba", multi(layer.Linear(6, 8), neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_threshold=0.5)), (6,)


def snntorch():
    beta = lambda n: dict(beta=torch.full((n,), 0.8), threshold=torch.full((n,), 0.5), init_hidden=True)
    yield "snn-subtract", nn.Sequential(nn.Linear(6, 7), snn.Leaky(**beta(7)), nn.Linear(7, 3), snn.Leaky(**beta(3), output=True)), (6,)
    yield "snn-zero", nn.Sequential(nn.Linear(6, 7), snn.Leaky(**beta(7), reset_mechanism="zero"), nn.Linear(7, 3),
        snn.Leaky(**beta(3), reset_mechanism="zero", output=True)), (6,)


def randomise(net):
    for m in net.modules():
        if isinstance(m, (nn.Linear, nn.Conv2d)):
            nn.init.normal_(m.weight, 0.5 / m.weight[0].numel(), 1.2 / m.weight[0].numel() ** 0.5)
    return net.eval()


@torch.no_grad()
def run(net, x):
    if any(isinstance(m, snn.SpikingNeuron) for m in net.modules()):
        for m in net.modules():
            if isinstance(m, snn.SpikingNeuron):
                m.reset_mem() if hasattr(m, "reset_mem") else None
        out = []
        for step in x:
            y = net(step)
            out.append(y[0] if isinstance(y, tuple) else y)
        return torch.stack(out)
    functional.reset_net(net)
    y = net(x)
    functional.reset_net(net)
    return y


def main():
    answers = {}
    for exporter, networks in ((sj_export, spikingjelly()), (snn_export, snntorch())):
        for name, net, shape in networks:
            torch.manual_seed(len(name))
            for _ in range(40):
                randomise(net)
                x = (torch.rand(T, 1, *shape) < 0.4).float()
                y = run(net, x)
                if 0 < y.mean() < 0.6:
                    break
            try:
                if exporter is sj_export:
                    graph = sj_export(net, x, dt=DT)
                else:
                    graph = snn_export(net, x[0], ignore_dims=[0])
                nir.write(HERE / f"{name}.nir", graph)
            except Exception as error:
                print(name, "is not exported:", type(error).__name__, error)
                continue
            answers[name] = {"frames": x[:, 0].reshape(T, -1).tolist(), "output": y[:, 0].reshape(T, -1).tolist()}
    (HERE / "answers.json").write_text(json.dumps(answers).replace("}, ", "},\n") + "\n")


main()
