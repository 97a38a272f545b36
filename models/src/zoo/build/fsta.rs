//! Residual networks with frequency-based attention before every neuron. A block is 3×3 convolution, norm, attention, neuron,
//! 3×3 convolution, norm, the sum with its input, attention, neuron; the shortcut carries spikes, through an average and a
//! 1×1 convolution with norm where the shape changes.

use super::net::{leaky, stage_blocks, Conv, Net, Stage};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const SOURCE: &str = "FSTA-SNN: Yu et al., \"FSTA-SNN: Frequency-based Spatial-Temporal Attention Module for Spiking Neural Networks\", AAAI 2025 (arXiv 2501.14744)";

/// What stands before the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stem {
    /// Three 3×3 convolutions of 64 and an average over 2×2.
    Three,
    /// One 3×3 convolution of 128.
    One,
    /// A 7×7 convolution of 64 with stride 2 and a maximum over 3×3 with stride 2.
    Large,
}

/// Reduction of the 49 filters in the blocks of ResNet-19; all other modules have none.
const RATIO: usize = 16;

/// Attention and neuron.
fn fire(net: &mut Net, name: &str, x: NodeId, ratio: usize) -> Result<NodeId> {
    let x = net.fsta(&format!("{name}.attention"), x, ratio)?;
    net.node(&format!("{name}.spikes"), leaky(0.25, 1.0, 0.5, Compare::Above, 0.0), &[x])
}

fn stem(net: &mut Net, mut x: NodeId, stem: Stem, setting: &Setting) -> Result<NodeId> {
    let (count, conv) = match stem {
        Stem::Three => (3, Conv::new(setting.width(64), 3)),
        Stem::One => (1, Conv::new(setting.width(128), 3)),
        Stem::Large => (1, Conv::new(setting.width(64), 7).stride(2)),
    };
    for i in 0..count {
        let name = format!("stem{i}");
        x = net.conv_norm(&name, x, conv)?;
        x = fire(net, &name, x, 1)?;
    }
    match stem {
        Stem::Three => net.avg_pool("stem.pool", x, 2),
        Stem::One => Ok(x),
        Stem::Large => net.max_pool("stem.pool", x, 3, 1),
    }
}

fn block(
    net: &mut Net,
    name: &str,
    x: NodeId,
    (out, stride): (usize, usize),
    ratio: usize,
) -> Result<NodeId> {
    let y = net.conv_norm(&format!("{name}.conv0"), x, Conv::new(out, 3).stride(stride))?;
    let y = fire(net, &format!("{name}.fire0"), y, ratio)?;
    let y = net.conv_norm(&format!("{name}.conv1"), y, Conv::new(out, 3))?;
    let mut short = x;
    if stride != 1 || net.shape(x).c != out {
        short = net.avg_pool(&format!("{name}.pool"), x, stride)?;
        short = net.conv_norm(&format!("{name}.shortcut"), short, Conv::new(out, 1))?;
    }
    let y = net.add(&format!("{name}.sum"), y, short)?;
    fire(net, &format!("{name}.fire1"), y, ratio)
}

fn build(setting: &Setting, fill: Fill, first: Stem, stages: &[Stage]) -> Result<Graph> {
    let (mut net, x) = Net::new("fsta", setting, InputKind::Real, fill)?;
    let mut x = stem(&mut net, x, first, setting)?;
    let ratio = if first == Stem::One { RATIO } else { 1 };
    for (name, width, stride) in stage_blocks(stages) {
        x = block(&mut net, &name, x, (setting.width(width), stride), ratio)?;
    }
    let x = net.mean(x, &[Axis::H, Axis::W])?;
    let x = net.linear("fc", x, setting.classes, true)?;
    net.answer(x)
}

const R18: &[Stage] = &[(64, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2)];
const R34: &[Stage] = &[(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)];
const R19: &[Stage] = &[(128, 3, 1), (256, 3, 2), (512, 2, 2)];

/// Scalars of this many modules.
const fn idle(modules: u64) -> (u64, &'static str) {
    (3 * modules, "three scalars of every attention module that its equations do not read")
}

const TEN: Setting = Setting::new(2, [3, 32, 32], 10);
const HUNDRED: Setting = Setting::new(2, [3, 32, 32], 100);
const LARGE: Setting = Setting::new(4, [3, 224, 224], 1000);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("fsta-resnet20", "CIFAR-10, ResNet-20", SOURCE, TEN, |s, f| build(s, f, Stem::Three, R18))
        .beside(&[idle(19)]),
    Builder::new("fsta-resnet19", "CIFAR-100, ResNet-19", SOURCE, HUNDRED, |s, f| {
        build(s, f, Stem::One, R19)
    })
    .beside(&[idle(17)]),
    Builder::new("fsta-resnet18", "ImageNet, ResNet-18", SOURCE, LARGE, |s, f| build(s, f, Stem::Large, R18))
        .beside(&[idle(17)]),
    Builder::new("fsta-resnet34", "ImageNet, ResNet-34", SOURCE, LARGE, |s, f| build(s, f, Stem::Large, R34))
        .beside(&[idle(33)]),
];
