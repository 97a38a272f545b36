//! MS-ResNet behind gated attention coding: the spikes of the stem's neuron, each times a gate of its time, channel and
//! place, are what the first block reads.

use super::ms_resnet::{self, Body};
use super::net::{leaky, Conv, Net, Stage};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Compare, Neuron};
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const SOURCE: &str = "GAC: Qiu et al., \"Gated Attention Coding for Training High-performance and Efficient Spiking Neural Networks\", AAAI 2024 (arXiv 2308.06582)";

/// Stages for 32² inputs; the last has none.
const CIFAR: [Stage; 4] = [(128, 3, 1), (256, 3, 2), (512, 2, 2), (512, 0, 1)];

fn body(stages: [Stage; 4]) -> Body {
    Body { stages, gates: None, pooled: false }
}

/// The gated spikes of a current.
fn encode(net: &mut Net, x: NodeId, own: &Neuron) -> Result<NodeId> {
    let spikes = net.node("encoder.spikes", own.clone(), &[x])?;
    net.gac("encoder.gated", x, spikes)
}

fn cifar(setting: &Setting, fill: Fill) -> Result<Graph> {
    let (mut net, x) = Net::new("gac", setting, InputKind::Real, fill)?;
    let own = leaky(0.5, 1.0, 1.0, Compare::Above, 0.0);
    let x = net.conv_norm("stem", x, Conv::new(setting.width(64), 3))?;
    let x = encode(&mut net, x, &own)?;
    let x = ms_resnet::blocks(&mut net, x, &own, setting, &body(CIFAR))?;
    let x = net.node("spikes", own, &[x])?;
    let x = net.mean(x, &[Axis::H, Axis::W])?;
    let x = net.linear("fc", x, setting.classes, true)?;
    net.answer(x)
}

fn imagenet(setting: &Setting, fill: Fill, blocks: [usize; 4]) -> Result<Graph> {
    let (mut net, x) = Net::new("gac", setting, InputKind::Real, fill)?;
    let own = ms_resnet::neuron();
    let x = net.conv_norm("stem", x, Conv::new(setting.width(64), 7).stride(2))?;
    let x = encode(&mut net, x, &own)?;
    let x = ms_resnet::blocks(&mut net, x, &own, setting, &body(ms_resnet::stages(blocks)))?;
    ms_resnet::head(net, x, setting)
}

const fn small(timesteps: usize, classes: usize) -> Setting {
    Setting::new(timesteps, [3, 32, 32], classes)
}

const LARGE: Setting = Setting::new(4, [3, 224, 224], 1000);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("gac-cifar10-t2", "CIFAR-10, MS-ResNet-18, T = 2", SOURCE, small(2, 10), cifar),
    Builder::new("gac-cifar10-t4", "CIFAR-10, MS-ResNet-18, T = 4", SOURCE, small(4, 10), cifar),
    Builder::new("gac-cifar10-t6", "CIFAR-10, MS-ResNet-18, T = 6", SOURCE, small(6, 10), cifar),
    Builder::new("gac-cifar100", "CIFAR-100, MS-ResNet-18, T = 6", SOURCE, small(6, 100), cifar),
    Builder::new("gac-imagenet-18", "ImageNet, MS-ResNet-18", SOURCE, LARGE, |s, f| {
        imagenet(s, f, [2, 2, 2, 2])
    }),
    Builder::new("gac-imagenet-34", "ImageNet, MS-ResNet-34", SOURCE, LARGE, |s, f| {
        imagenet(s, f, [3, 4, 6, 3])
    }),
];
