//! Residual networks of neurons with three levels: three membranes share a current, each with its own threshold, and their
//! spikes add up to 0 to 3. A block is 3×3 convolution, norm and neuron, twice, and the sum with its input; the shortcut
//! carries such integers, through a 1×1 convolution with norm and neuron where the shape changes.

use super::net::{leaky, stage_blocks, Conv, Net, Stage};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const SOURCE: &str =
    "MLF: Feng et al., \"Multi-Level Firing with Spiking DS-ResNet: Enabling Better and Deeper Directly-Trained Spiking Neural Networks\", IJCAI 2022 (arXiv 2210.06386)";

/// Thresholds of the three levels.
const LEVELS: [f64; 3] = [0.6, 1.6, 2.6];

/// Three neurons on one current; the sum of their spikes.
fn fire(net: &mut Net, name: &str, x: NodeId) -> Result<NodeId> {
    let mut level = |i: usize| {
        let neuron = leaky(0.25, 1.0, LEVELS[i], Compare::Above, 0.0);
        net.node(&format!("{name}.level{i}"), neuron, &[x])
    };
    let [low, middle, high] = [level(0)?, level(1)?, level(2)?];
    let sum = net.add(&format!("{name}.two"), low, middle)?;
    net.add(&format!("{name}.three"), sum, high)
}

fn layer(net: &mut Net, name: &str, x: NodeId, conv: Conv) -> Result<NodeId> {
    let x = net.conv_norm(name, x, conv)?;
    fire(net, name, x)
}

fn block(net: &mut Net, name: &str, x: NodeId, out: usize, stride: usize) -> Result<NodeId> {
    let y = layer(net, &format!("{name}.conv0"), x, Conv::new(out, 3).stride(stride))?;
    let y = layer(net, &format!("{name}.conv1"), y, Conv::new(out, 3))?;
    let mut short = x;
    if stride != 1 || net.shape(x).c != out {
        short = layer(net, &format!("{name}.shortcut"), x, Conv::new(out, 1).stride(stride))?;
    }
    net.add(&format!("{name}.sum"), y, short)
}

/// Three stages of `count` blocks, `width` wide and twice as wide in each that follows.
fn build(setting: &Setting, fill: Fill, kind: InputKind, width: usize, count: usize) -> Result<Graph> {
    let (mut net, x) = Net::new("mlf", setting, kind, fill)?;
    let stages: [Stage; 3] = [(width, count, 1), (2 * width, count, 2), (4 * width, count, 2)];
    let mut x = layer(&mut net, "stem", x, Conv::new(setting.width(width), 3))?;
    for (name, width, stride) in stage_blocks(&stages) {
        x = block(&mut net, &name, x, setting.width(width), stride)?;
    }
    let x = net.mean(x, &[Axis::H, Axis::W])?;
    let x = net.linear("fc", x, setting.classes, true)?;
    net.answer(x)
}

fn cifar(setting: &Setting, fill: Fill, count: usize) -> Result<Graph> {
    build(setting, fill, InputKind::Real, 64, count)
}

const IMAGE: Setting = Setting::new(4, [3, 32, 32], 10);
const GESTURE: Setting = Setting::new(40, [2, 32, 32], 11);
const EVENTS: Setting = Setting::new(10, [2, 42, 42], 10);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("mlf-14", "CIFAR-10, DS-ResNet-14", SOURCE, IMAGE, |s, f| cifar(s, f, 2)),
    Builder::new("mlf-20", "CIFAR-10, DS-ResNet-20", SOURCE, IMAGE, |s, f| cifar(s, f, 3)),
    Builder::new("mlf-32", "CIFAR-10, DS-ResNet-32", SOURCE, IMAGE, |s, f| cifar(s, f, 5)),
    Builder::new("mlf-44", "CIFAR-10, DS-ResNet-44", SOURCE, IMAGE, |s, f| cifar(s, f, 7)),
    Builder::new("mlf-68", "CIFAR-10, DS-ResNet-68", SOURCE, IMAGE, |s, f| cifar(s, f, 11)),
    Builder::new("mlf-gesture-20", "DVS Gesture, DS-ResNet-20", SOURCE, GESTURE, |s, f| {
        build(s, f, InputKind::Counts, 16, 3)
    }),
    Builder::new("mlf-cifar10-dvs-14", "CIFAR10-DVS, DS-ResNet-14", SOURCE, EVENTS, |s, f| {
        build(s, f, InputKind::Counts, 32, 2)
    }),
];
