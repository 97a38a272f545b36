//! Event networks of MA-SNN: convolution, norm, average pool, gates, ReLU and neuron; then fully connected layers with the
//! temporal gate alone. `Dialect::Paper` gates the membrane, channel and space, step by step.

use super::attention::Gates;
use super::net::{leaky, Conv, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Compare, Neuron};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::{Graph, NodeId, Result};

const SOURCE: &str =
    "MA-SNN: Yao et al., \"Attention Spiking Neural Networks\", IEEE TPAMI 2023 (arXiv 2209.13929)";

/// Where the gates act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// All on the current, over the whole sequence, as in the authors' code.
    Code,
    /// Channel and space on the membrane, step by step, as in the equations.
    Paper,
}

/// Blocks of a network: width and pool of each convolution, and its gates.
struct Plan {
    blocks: &'static [(usize, usize)],
    gates: Gates,
    dialect: Dialect,
}

const GESTURE: &[(usize, usize)] = &[(64, 1), (128, 2), (128, 2)];
const GAIT: &[(usize, usize)] = &[(32, 2), (64, 2), (128, 2), (256, 2), (512, 4)];

const fn code(blocks: &'static [(usize, usize)], which: &'static str, time_ratio: usize) -> Plan {
    Plan { blocks, gates: Gates { which, time_ratio, channel_ratio: 8, kernel: 3 }, dialect: Dialect::Code }
}

const fn paper(blocks: &'static [(usize, usize)], which: &'static str, time_ratio: usize) -> Plan {
    Plan { blocks, gates: Gates { which, time_ratio, channel_ratio: 16, kernel: 7 }, dialect: Dialect::Paper }
}

/// The neuron of the code goes to its threshold before it decays, that of the paper to 0.
fn neuron(dialect: Dialect) -> Neuron {
    leaky(0.3, 1.0, 0.3, Compare::AtLeast, if dialect == Dialect::Code { 0.3 } else { 0.0 })
}

/// Gates, ReLU and neuron on the current of a convolution.
fn fire(net: &mut Net, name: &str, x: NodeId, plan: &Plan) -> Result<NodeId> {
    let (gates, own) = (plan.gates, neuron(plan.dialect));
    if plan.dialect == Dialect::Code {
        let x = net.ma_attention(&format!("{name}.attention"), x, gates)?;
        return net.node(&format!("{name}.spikes"), own, &[x]);
    }
    let x = if gates.has('t') { net.t_attention(&format!("{name}.ta"), x, gates.time_ratio)? } else { x };
    net.ma_neuron(&format!("{name}.spikes"), x, &own, gates)
}

/// A fully connected layer with norm, temporal gate and neuron.
fn dense(net: &mut Net, name: &str, x: NodeId, out: usize, plan: &Plan) -> Result<NodeId> {
    let x = net.linear(name, x, out, true)?;
    let mut x = net.norm(&format!("{name}.norm"), x)?;
    if plan.gates.has('t') {
        x = net.t_attention(&format!("{name}.ta"), x, plan.gates.time_ratio)?;
    }
    if plan.dialect == Dialect::Code {
        x = net.node(&format!("{name}.relu"), Relu {}, &[x])?;
    }
    net.node(&format!("{name}.spikes"), neuron(plan.dialect), &[x])
}

fn build(setting: &Setting, fill: Fill, plan: Plan) -> Result<Graph> {
    let (mut net, mut x) = Net::new("ma-snn", setting, InputKind::Counts, fill)?;
    net.expect_gates(plan.gates.which.len());
    for (i, &(width, pool)) in plan.blocks.iter().enumerate() {
        let name = format!("conv{i}");
        x = net.conv_norm(&name, x, Conv::new(setting.width(width), 3).biased())?;
        x = net.avg_pool(&format!("{name}.pool"), x, pool)?;
        x = fire(&mut net, &name, x, &plan)?;
    }
    x = net.flatten(x)?;
    x = dense(&mut net, "fc0", x, setting.width(256), &plan)?;
    x = dense(&mut net, "fc1", x, setting.classes, &plan)?;
    net.answer(x)
}

const AT_GESTURE: Setting = Setting::new(60, [2, 32, 32], 11);
const AT_GAIT: Setting = Setting::new(8, [2, 128, 128], 21);
const AT_CIFAR: Setting = Setting::new(20, [2, 128, 128], 10);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("ma-gesture", "DVS Gesture, no gates", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "", 5))
    }),
    Builder::new("ma-gesture-ta", "DVS Gesture, time", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "t", 5))
    }),
    Builder::new("ma-gesture-ca", "DVS Gesture, channel", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "c", 5))
    }),
    Builder::new("ma-gesture-sa", "DVS Gesture, space", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "s", 5))
    }),
    Builder::new("ma-gesture-tca", "DVS Gesture, time and channel", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "tc", 5))
    }),
    Builder::new("ma-gesture-tsa", "DVS Gesture, time and space", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "ts", 5))
    }),
    Builder::new("ma-gesture-csa", "DVS Gesture, channel and space", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "cs", 5))
    }),
    Builder::new("ma-gesture-tcsa", "DVS Gesture, time, channel and space", SOURCE, AT_GESTURE, |s, f| {
        build(s, f, code(GESTURE, "tcs", 5))
    }),
    Builder::new(
        "ma-gesture-paper-ca",
        "DVS Gesture, channel on the membrane, r 16",
        SOURCE,
        AT_GESTURE,
        |s, f| build(s, f, paper(GESTURE, "c", 5)),
    ),
    Builder::new(
        "ma-gesture-paper-tcsa",
        "DVS Gesture, channel and space on the membrane",
        SOURCE,
        AT_GESTURE,
        |s, f| build(s, f, paper(GESTURE, "tcs", 5)),
    ),
    Builder::new("ma-gait", "DVS Gait, the network of the code, no gates", SOURCE, AT_GAIT, |s, f| {
        build(s, f, code(GAIT, "", 2))
    }),
    Builder::new("ma-gait-ta", "DVS Gait, time", SOURCE, AT_GAIT, |s, f| build(s, f, code(GAIT, "t", 2))),
    Builder::new("ma-gait-ca", "DVS Gait, channel", SOURCE, AT_GAIT, |s, f| build(s, f, code(GAIT, "c", 2))),
    Builder::new("ma-gait-sa", "DVS Gait, space", SOURCE, AT_GAIT, |s, f| build(s, f, code(GAIT, "s", 2))),
    Builder::new("ma-gait-tcsa", "DVS Gait, time, channel and space", SOURCE, AT_GAIT, |s, f| {
        build(s, f, code(GAIT, "tcs", 2))
    }),
    Builder::new("ma-cifar10-dvs", "CIFAR10-DVS, no gates", SOURCE, AT_CIFAR, |s, f| {
        build(s, f, code(GAIT, "", 2))
    }),
    Builder::new("ma-cifar10-dvs-tcsa", "CIFAR10-DVS, time, channel and space", SOURCE, AT_CIFAR, |s, f| {
        build(s, f, code(GAIT, "tcs", 2))
    }),
];
