"""Makes vectors.json: neurons of the packages, their settings here, an input and what the package answers.

    pip install spikingjelly==2.0.0 snntorch==1.0.0 torch && python make.py

Every case is one neuron class with its arguments. `nodes` is the same neuron in attributes of this project's ops, `input` and
`output` are [steps][channels], `membrane` is the package's potential after each step where it keeps one. All runs are in
double precision and seeded. The constants on the left come from the package's objects, not from the answers.
"""

import json
import math
import pathlib

import numpy as np
import snntorch as snn
import torch
from common import NONE, C, T, add, cases, currents, neuron, node, subtract, value
from papers import papers_hard, papers_other, papers_soft
from spikingjelly.activation_based import layer
from spikingjelly.activation_based import neuron as sj

HERE = pathlib.Path(__file__).parent


# SpikingJelly


def steps(net, x, shape=(1, C)):
    """Outputs and potentials, a step at a time."""
    net.eval()
    out, v = [], []
    with torch.no_grad():
        for row in x:
            out.append(net(row.reshape(shape)).reshape(-1))
            if hasattr(net, "v"):
                v.append(net.v.reshape(-1).clone())
    return torch.stack(out), torch.stack(v) if v else None


def sj_reset(net):
    return subtract(net.v_threshold) if net.v_reset is None else value(net.v_reset)


def sj_lif(net, tau=None):
    """Charge of a leaky neuron; it starts at v_reset."""
    rate = 1.0 / (net.tau if tau is None else tau)
    rest = 0.0 if net.v_reset is None else net.v_reset
    return dict(
        leak=1.0 - rate, input_gain=rate if net.decay_input else 1.0, input_bias=rate * rest,
        threshold=net.v_threshold, reset=sj_reset(net), initial=rest,
    )


def simple(name, net, attrs, x, **kw):
    out, v = steps(net, x, **kw)
    add("sj." + name, attrs, x, out, v)


def spikingjelly_if():
    for label, v_reset in [("hard", 0.0), ("soft", None), ("below", -0.25)]:
        net = sj.IFNode(v_threshold=0.75, v_reset=v_reset)
        rest = v_reset or 0.0
        simple(f"IFNode.{label}", net, neuron(threshold=0.75, reset=sj_reset(net), initial=rest), currents(1))
    net = sj.SimpleIFNode(v_threshold=0.75)
    simple("SimpleIFNode", net, neuron(threshold=0.75), currents(2))
    net = sj.HalfThresholdIFNode(v_threshold=1.5)
    simple("HalfThresholdIFNode", net, neuron(threshold=1.5, reset=subtract(1.5), initial=0.75), currents(3))
    threshold, offset = torch.linspace(0.5, 1.5, C), torch.linspace(-0.25, 0.25, C)
    for label, v_reset in [("soft", None), ("hard", 0.0)]:
        net = sj.ActivationAwareIFNode(threshold.clone(), offset.clone(), v_reset=v_reset)
        x = currents(4)
        out, v = steps(net, x)
        each = {"threshold": "threshold"}
        if v_reset is None:
            each["reset"] = "reset"
        attrs = neuron(reset=subtract(1.0) if v_reset is None else value(0.0), each=each)
        tensors = {"threshold": threshold - offset, "reset": threshold}
        add(f"sj.ActivationAwareIFNode.{label}", attrs, x, out, v, {k: tensors[k] for k in each.values()})


def spikingjelly_lif():
    for label, kw in [
        ("decay", dict(tau=2.0)), ("current", dict(tau=2.5, decay_input=False)),
        ("rest", dict(tau=3.0, v_reset=-0.25)), ("soft", dict(tau=4.0, v_reset=None, v_threshold=0.5)),
    ]:
        net = sj.LIFNode(**kw)
        simple(f"LIFNode.{label}", net, neuron(**sj_lif(net)), currents(5, 1.5, 0.5))
    net = sj.SimpleLIFNode(tau=2.5, decay_input=False)
    simple("SimpleLIFNode", net, neuron(**sj_lif(net)), currents(6))
    net = sj.ParametricLIFNode(init_tau=3.0, decay_input=False)
    simple("ParametricLIFNode", net, neuron(**sj_lif(net, 1.0 / float(net.w.sigmoid()))), currents(7))
    for name, cls in [("OTTTLIFNode", sj.OTTTLIFNode), ("SLTTLIFNode", sj.SLTTLIFNode)]:
        net = cls(tau=2.0)
        simple(name, net, neuron(**sj_lif(net)), currents(8, 1.5, 0.5))
    net = sj.ILIFNode()
    attrs = neuron(**sj_lif(net))
    simple("ILIFNode", net, {**attrs, "levels": net.surrogate_function.max_spike_count}, currents(9, 2.0, 0.5))
    relu = torch.nn.functional.relu
    for label, act, related in [("relu", relu, False), ("above", relu, True), ("linear", lambda y: y, True)]:
        net = sj.LIAFNode(act, related, tau=2.0, decay_input=False)
        output = {"kind": "membrane", "above_threshold": related, "relu": act is relu}
        simple(f"LIAFNode.{label}", net, neuron(**sj_lif(net), output=output), currents(10))


def spikingjelly_variants():
    k = 1.25
    for label, kw in [
        ("plain", dict()), ("soft", dict(v_reset=None)), ("scaled", dict(scale_reset=True, v_reset=None)),
        ("scaled_hard", dict(scale_reset=True)),
    ]:
        net = sj.KLIFNode(tau=2.0, decay_input=False, **kw)
        net.k.data.fill_(k)
        base = sj_lif(net)
        # The potential is k times the charge, or the charge itself if the reset is scaled back.
        unit = 1.0 if net.scale_reset else k
        base["leak"], base["input_gain"] = unit * base["leak"], unit * base["input_gain"]
        base["threshold"] = 1.0 if unit == k else 1.0 / k
        if net.v_reset is None:
            base["reset"] = subtract(base["threshold"])
        simple(f"KLIFNode.{label}", net, neuron(**base, clamp_min=0.0), currents(11))
    for label, v_reset in [("hard", 0.0), ("soft", None)]:
        net = sj.CUBALIFNode(v_reset=v_reset)
        current = {"leak": net.c_decay, "delayed": False, "reset": False}
        attrs = neuron(leak=net.v_decay, threshold=net.v_threshold, reset=sj_reset(net), current=current)
        simple(f"CUBALIFNode.{label}", net, attrs, currents(12, 0.5, 0.1))
        for kind, cls in [("IF", sj.TernaryIFNode), ("LIF", sj.TernaryLIFNode)]:
            net = cls(v_reset=v_reset)
            base = sj_lif(net) if kind == "LIF" else dict(reset=sj_reset(net))
            attrs = neuron(**base, negative={"threshold": 1.0, "compare": ">="})
            simple(f"Ternary{kind}Node.{label}", net, attrs, currents(13, 1.5, 0.0))
    for sym in [False, True]:
        net = sj.STBIFNode(0.5, level=6, sym=sym)
        q = float(net.q_threshold)
        attrs = neuron(
            threshold=q, initial=q / 2, reset=subtract(q), amplitude=q,
            negative={"threshold": 0.0, "compare": ">"}, budget=[int(net.neg_min), int(net.pos_max)],
        )
        x = currents(14, 0.75, 0.0)
        out, _ = steps(net, x)
        add(f"sj.STBIFNode.{'sym' if sym else 'plain'}", attrs, x, out)
    gated()
    membrane_norm()


def gated():
    for label, plane in [("one", None), ("each", C)]:
        torch.manual_seed(15), np.random.seed(15)
        net = sj.GatedLIFNode(T=T, inplane=plane)
        for p in net.parameters():
            p.data += 0.5 * torch.randn(p.shape)
        x = currents(15, 1.0, 0.5)
        with torch.no_grad():
            out = net(x.reshape(T, 1, C, 1, 1)).reshape(T, C)
            a, b, g, tau, theta, decay, sub = (
                p.sigmoid() for p in
                (net.alpha, net.beta, net.gamma, net.tau, net.v_threshold, net.linear_decay, net.v_subreset)
            )
            leak = 1 - a * (1 - tau)
            gain = (1 - b * (1 - net.conduct.sigmoid())).reshape(T, -1)
            values = dict(
                leak=leak, leak_fired=leak * (1 - g), input_gain=gain, input_bias=-(1 - a) * decay,
                threshold=theta, reset=(1 - g) * sub,
            )
            tensors = {k: v if k == "input_gain" else v.reshape(-1) for k, v in values.items()}
        attrs = neuron(
            reset=subtract(1.0), reset_timing="next_charge", leak_fired=1.0, each={k: k for k in tensors}
        )
        add(f"sj.GatedLIFNode.{label}", attrs, x, out, None, tensors)


def membrane_norm():
    def net_with(v_reset):
        torch.manual_seed(16)
        net = sj.MPBNLIFNode(out_features=C, v_reset=v_reset)
        bn = net.vbn
        bn.running_mean.uniform_(-0.2, 0.2), bn.running_var.uniform_(0.5, 1.5)
        bn.weight.data.uniform_(0.8, 1.3), bn.bias.data.uniform_(-0.2, 0.2)
        return net

    net = net_with(0.0)
    bn = net.vbn
    a = (bn.weight / (bn.running_var + bn.eps).sqrt()).detach()
    b = (bn.bias - bn.running_mean * a).detach()
    x = currents(16, 1.0, 0.4)
    out, v = steps(net, x)
    each = {k: k for k in ("leak", "input_gain", "input_bias")}
    tensors = {"leak": a * (1 - 1 / net.tau), "input_gain": a, "input_bias": b}
    add("sj.MPBNLIFNode.norm", neuron(each=each), x, out, v, tensors)
    net = net_with(None)
    theta = ((net.v_threshold - net.vbn.bias) * (net.vbn.running_var + net.vbn.eps).sqrt() / net.vbn.weight)
    theta = (theta + net.vbn.running_mean).detach()
    net.re_parameterize_v_threshold()
    out, v = steps(net, x)
    attrs = neuron(leak=1 - 1 / net.tau, reset=subtract(net.v_threshold), each={"threshold": "threshold"})
    add("sj.MPBNLIFNode.folded", attrs, x, out, v, {"threshold": theta})


def spikingjelly_sequences():
    x = currents(17, 2.0, 2.0)
    net = sj.DSRIFNode(T=T, v_threshold=3.0, alpha=0.5)
    with torch.no_grad():
        add("sj.DSRIFNode", neuron(threshold=1.5, reset=subtract(3.0), amplitude=3.0), x, net(x.reshape(T, 1, C)))
        net = sj.DSRLIFNode(T=T)
        beta = math.exp(-net.delta_t / net.tau)
        attrs = neuron(
            leak=beta, input_gain=1 - beta, threshold=0.3, reset=subtract(1.0), amplitude=1.0 / net.delta_t
        )
        x = currents(18, 4.0, 6.0)
        add("sj.DSRLIFNode", attrs, x, net(x.reshape(T, 1, C)))
        table = sj.FewSpikeTable(
            torch.tensor([1.0, 0.5, 0.25, 0.125]), torch.tensor([1.0, 0.5, 0.25, 0.125]),
            torch.tensor([0.5, 0.25, 0.25, 0.125]),
        )
        net = sj.FewSpikeNode(table, step_mode="m")
        x = torch.zeros(4, C)
        x[0] = currents(19, 0.75, 0.75, 1)[0]
        each = {"threshold": "theta", "reset": "h", "amplitude": "d"}
        tensors = {"theta": table.theta.reshape(4, 1), "h": table.h.reshape(4, 1), "d": table.d.reshape(4, 1)}
        add("sj.FewSpikeNode", neuron(reset=subtract(1.0), each=each), x, net(x.reshape(4, 1, C)), None, tensors)
        parallel()
        for label, net in [("IF", sj.NonSpikingIFNode()), ("LIF", sj.NonSpikingLIFNode(tau=2.5))]:
            rate = 1.0 if label == "IF" else 1.0 / net.tau
            output = {"kind": "membrane", "above_threshold": False, "relu": False}
            leak = 1.0 if label == "IF" else 1.0 - rate
            x = currents(20)
            out = torch.stack(net(x.reshape(T, 1, C)))
            add(f"sj.NonSpiking{label}Node", neuron(leak=leak, input_gain=rate, reset=NONE, output=output), x, out)


def parallel():
    """Neurons without reset: a matrix over time, then a comparison."""
    torch.manual_seed(21)
    compare = node("neuron", "neuron", ["mixed"], **neuron(leak=0.0, threshold=0.0, reset=NONE))

    def mixed(name, net, weight, bias, x):
        nodes = [node("mixed", "dense", ["input"], weight="weight", bias="bias", axis="t"), compare]
        tensors = {"weight": weight.detach(), "bias": bias.detach().reshape(-1).expand(T)}
        add("sj." + name, nodes, x, net(x.reshape(T, 1, C)), None, tensors)

    x = currents(21, 2.0, 1.0)
    net = sj.PSN(T)
    mixed("PSN", net, net.weight, net.bias, x)
    for label, portion in [("lambda", 0.5), ("masked", 1.0)]:
        net = sj.MaskedPSN(3, T, lambda_init=portion, step_mode="m")
        net.weight.data *= 2.0
        mixed(f"MaskedPSN.{label}", net, net.masked_weight(), net.bias, x)
    net = sj.SlidingPSN(4, step_mode="m")
    mixed("SlidingPSN", net, net.gen_gemm_weight(T), net.bias, x)


# snnTorch


def snn_steps(net, x, states, recurrent=False):
    out, v, state = [], [], []
    with torch.no_grad():
        for row in x:
            spikes, *state = net(row.reshape(1, C), *state[:states])
            out.append(spikes.reshape(-1))
            v.append(state[-1].reshape(-1).clone())
            state = [spikes.to(row.dtype), *state] if recurrent else state
    return torch.stack(out), torch.stack(v)


def snn_reset(net, leaky=False):
    """Reset and timing; only Leaky keeps the input of the step that resets to zero."""
    kind = net.reset_mechanism
    reset = {"subtract": subtract(net.threshold), "zero": value(0.0), "none": NONE}[kind]
    now = not getattr(net, "reset_delay", True)
    late = "next_step" if kind == "zero" and leaky else "next_charge"
    return dict(compare=">", threshold=float(net.threshold), reset=reset, reset_timing="same_step" if now else late)


def snntorch_leaky():
    for kind in ["subtract", "zero", "none"]:
        net = snn.Leaky(beta=0.8, threshold=0.75, reset_mechanism=kind)
        x = currents(30, 0.5, 0.1)
        out, v = snn_steps(net, x, 1)
        add(f"snn.Leaky.{kind}", neuron(leak=0.8, **snn_reset(net, True)), x, out, v)
        if kind != "none":
            net = snn.Leaky(beta=0.8, threshold=0.75, reset_mechanism=kind, reset_delay=False)
            # A soft reset at once agrees as long as no potential reaches twice the threshold.
            x = currents(31, 0.25, 0.25)
            out, v = snn_steps(net, x, 1)
            add(f"snn.Leaky.{kind}.now", neuron(leak=0.8, **snn_reset(net, True)), x, out, v)
        net = snn.Lapicque(beta=0.9, threshold=0.75, reset_mechanism=kind)
        rc, dt = float(net.R * net.C), float(net.time_step)
        base = dict(leak=1 - dt / rc, input_gain=dt / float(net.C), **snn_reset(net))
        x = currents(32, 4.0, 2.0)
        out, v = snn_steps(net, x, 1)
        add(f"snn.Lapicque.{kind}", neuron(**base), x, out, v)
    beta, threshold = torch.linspace(0.3, 0.95, C), torch.linspace(0.5, 1.0, C)
    net = snn.Leaky(beta=beta, threshold=threshold, graded_spikes_factor=2.5)
    x = currents(33, 0.5, 0.2)
    out, v = snn_steps(net, x, 1)
    attrs = neuron(
        compare=">", reset=subtract(1.0), reset_timing="next_charge", amplitude=2.5,
        each={"leak": "beta", "threshold": "threshold", "reset": "threshold"},
    )
    add("snn.Leaky.each", attrs, x, out, v, {"beta": beta, "threshold": threshold})


def snntorch_currents():
    for kind in ["subtract", "zero", "none"]:
        net = snn.Synaptic(alpha=0.7, beta=0.8, reset_mechanism=kind)
        x = currents(34, 0.4, 0.05)
        out, v = snn_steps(net, x, 2)
        current = {"leak": 0.7, "delayed": False, "reset": False}
        add(f"snn.Synaptic.{kind}", neuron(leak=0.8, current=current, **snn_reset(net)), x, out, v)
    alpha, beta = 0.8, 0.6
    for kind in ["zero", "none"]:
        net = snn.Alpha(alpha=alpha, beta=beta, reset_mechanism=kind, threshold=0.5)
        x = currents(35, 0.75, 0.25)
        out, v = snn_steps(net, x, 3)
        peak = math.log(alpha) / (math.log(beta) - math.log(alpha)) + 1
        attrs = neuron(
            leak=beta, input_gain=peak * (alpha - beta), **snn_reset(net),
            current={"leak": alpha, "delayed": True, "reset": kind == "zero"},
        )
        add(f"snn.Alpha.{kind}", attrs, x, out, v)


def back(drive):
    """The spikes of the step before through `drive`, added to the input."""
    return [
        node("back", "delay", ["neuron"]), drive, node("sum", "add", ["input", "fed"]),
    ]


def snntorch_recurrent():
    for kind in ["subtract", "zero"]:
        net = snn.RLeaky(beta=0.8, V=-0.5, all_to_all=False, reset_mechanism=kind)
        x = currents(36, 0.75, 0.4)
        out, v = snn_steps(net, x, 2, True)
        attrs = neuron(leak=0.8, **snn_reset(net))
        nodes = back(node("fed", "affine", ["back"], mul=-0.5, add=0.0)) + [node("neuron", "neuron", ["sum"], **attrs)]
        add(f"snn.RLeaky.{kind}", nodes, x, out, v)
    torch.manual_seed(37)
    net = snn.RLeaky(beta=0.8, linear_features=C)
    net.recurrent.weight.data *= 2.0
    x = currents(37, 0.75, 0.4)
    out, v = snn_steps(net, x, 2, True)
    weight, bias = net.recurrent.weight.detach(), net.recurrent.bias.detach()
    fed = node("fed", "linear", ["back"], weight="weight", bias="bias")
    nodes = back(fed) + [node("neuron", "neuron", ["sum"], **neuron(leak=0.8, **snn_reset(net)))]
    add("snn.RLeaky.all", nodes, x, out, v, {"weight": weight, "bias": bias})
    net = snn.RSynaptic(alpha=0.6, beta=0.8, V=0.25, all_to_all=False)
    x = currents(38, 0.4, 0.05)
    out, v = snn_steps(net, x, 3, True)
    current = {"leak": 0.6, "delayed": False, "reset": False}
    attrs = neuron(leak=0.8, current=current, **snn_reset(net))
    nodes = back(node("fed", "affine", ["back"], mul=0.25, add=0.0)) + [node("neuron", "neuron", ["sum"], **attrs)]
    add("snn.RSynaptic", nodes, x, out, v)


def snntorch_parallel():
    beta = torch.linspace(0.4, 0.9, C)
    net = snn.StateLeaky(beta=beta, channels=C)
    x = currents(39, 0.5, 0.2)
    with torch.no_grad():
        out, v = net(x.reshape(T, 1, C))
        # Its kernel is exp(−t/tau) with tau = 1/(1 − beta).
        leak = torch.exp(-1.0 / net.tau)
        attrs = neuron(compare=">", reset=NONE, each={"leak": "leak"})
        add("snn.StateLeaky", attrs, x, out, v, {"leak": leak})
        torch.manual_seed(40)
        net = snn.LinearLeaky(beta=0.7, in_features=C, out_features=C, dtype=torch.float64)
        x = currents(40, 2.0, 0.5)
        out, v = net(x.reshape(T, 1, C))
        linear = node("linear", "linear", ["input"], weight="weight", bias="bias")
        attrs = neuron(compare=">", reset=NONE, leak=float(torch.exp(-1.0 / net.tau)))
        tensors = {"weight": net.linear.weight.detach(), "bias": net.linear.bias.detach()}
        add("snn.LinearLeaky", [linear, node("neuron", "neuron", ["linear"], **attrs)], x, out, v, tensors)
        net = snn.LeakyParallel(C, C, beta=0.7)
        out = net(x.reshape(T, 1, C))
        bias = (net.rnn.bias_ih_l0 + net.rnn.bias_hh_l0).detach()
        tensors = {"weight": net.rnn.weight_ih_l0.detach(), "bias": bias}
        attrs = neuron(compare=">", reset=NONE, leak=0.7, clamp_min=0.0)
        add("snn.LeakyParallel", [linear, node("neuron", "neuron", ["linear"], **attrs)], x, out, None, tensors)
        weights = torch.rand(C)
        x = (currents(41) > 0.5).double()
        net = snn.GradedSpikes(size=C, constant_factor=None)
        net.weights.data = weights.reshape(C, 1)
        add("snn.GradedSpikes", [node("scaled", "scale", ["input"], factor="weights")], x, net(x.T).T, None, {"weights": weights})


# Dialects of batch norm before a neuron, in evaluation.


def trained(bn, seed):
    """Running statistics and affine parameters that are not those of the start, in single precision."""
    torch.manual_seed(seed)
    for tensor, low, high in [(bn.running_mean, -0.3, 0.3), (bn.running_var, 0.5, 1.5)]:
        tensor.copy_((low + (high - low) * torch.rand(C)).float())
    bn.weight.data.copy_((0.7 + 0.6 * torch.rand(C)).float())
    if bn.bias is not None:
        bn.bias.data.copy_((0.2 * torch.rand(C)).float())
    return bn.eval()


def norms():
    x = currents(60, 1.0, 0.5)
    fire = dict(leak=0.5, threshold=0.75)

    def fired(current):
        return steps(sj.LIFNode(tau=2.0, decay_input=False, v_threshold=0.75), current)

    def plain(name, bn, weight, var, eps, current):
        tensors = {"weight": weight, "bias": bn.bias, "mean": bn.running_mean, "var": var}
        names = {k: k for k in tensors}
        nodes = [
            node("normed", "batch_norm", ["input"], eps=eps, **names),
            node("neuron", "neuron", ["normed"], **neuron(**fire)),
        ]
        out, v = fired(current)
        add("norm." + name, nodes, x, out, v, {k: t.detach() for k, t in tensors.items()})

    with torch.no_grad():
        bn = trained(layer.ThresholdDependentBatchNorm1d(0.5, 0.75, C), 61)
        plain("ThresholdDependent", bn, bn.weight, bn.running_var, bn.eps, bn(x.reshape(T, 1, C)).reshape(T, C))
        bn = trained(torch.nn.BatchNorm1d(C), 62)
        shifted, deviation = x - bn.running_mean, bn.running_var.sqrt()
        # STBP-simple scales by alpha V_th, MLF adds eps outside the root, tandem learning has no eps.
        scaled = bn.weight * 0.75
        plain("tdBN", bn, scaled, bn.running_var, bn.eps, scaled * shifted / (bn.running_var + bn.eps).sqrt() + bn.bias)
        eps = 0.01
        plain("outside", bn, bn.weight, (deviation + eps) ** 2, 0.0, bn.weight * shifted / (deviation + eps) + bn.bias)
        plain("tandem", bn, bn.weight, bn.running_var, 0.0, bn.weight * shifted / deviation + bn.bias)
        stepwise(x, fire, fired)


def stepwise(x, fire, fired):
    """Norms that differ between steps are constants of the neuron."""
    bn = trained(layer.TemporalEffectiveBatchNorm1d(T, C), 63)
    bn.scale.data.copy_((0.5 + torch.rand(bn.scale.shape)).float())
    a = bn.weight / (bn.running_var + bn.eps).sqrt()
    b, p = bn.bias - a * bn.running_mean, bn.scale.reshape(T, 1)
    out, v = fired(bn(x.reshape(T, 1, C)).reshape(T, C))
    each = {"input_gain": "gain", "input_bias": "bias"}
    add("norm.TemporalEffective", neuron(**fire, each=each), x, out, v, {"gain": p * a, "bias": p * b})
    through = layer.BatchNormThroughTime1d(T, C, step_mode="m")
    for t, bn in enumerate(through.bn_list):
        trained(bn, 64 + t)
    a = torch.stack([bn.weight / (bn.running_var + bn.eps).sqrt() for bn in through.bn_list])
    b = torch.stack([-bn.running_mean * row for bn, row in zip(through.bn_list, a)])
    out, v = fired(through.eval()(x.reshape(T, 1, C)).reshape(T, C))
    add("norm.ThroughTime", neuron(**fire, each=each), x, out, v, {"gain": a, "bias": b})


for make in [
    spikingjelly_if, spikingjelly_lif, spikingjelly_variants, spikingjelly_sequences,
    snntorch_leaky, snntorch_currents, snntorch_recurrent, snntorch_parallel,
    papers_hard, papers_soft, papers_other, norms,
]:
    make()
text = ",\n".join(json.dumps(c) for c in cases)
(HERE / "vectors.json").write_text(f"[\n{text}\n]\n")
print(len(cases), "cases")
