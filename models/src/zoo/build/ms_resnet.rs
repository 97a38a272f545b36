//! Residual networks whose shortcut carries the membrane: MS-ResNet, and Att-Res-SNN with channel and spatial gates of every
//! step on the branch.
//!
//! A block is neuron, 3×3 convolution, norm, neuron, 3×3 convolution, norm, and the sum with its input, which has gone
//! through a 1×1 convolution with norm where the shape changes.

use super::attention::Gates;
use super::net::{leaky, stage_blocks, Conv, Net, Stage};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Compare, Neuron};
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const MS: &str =
    "MS-ResNet: Hu et al., \"Advancing Spiking Neural Networks Towards Deep Residual Learning\" (arXiv 2112.08954)";
const ATT: &str =
    "Att-Res-SNN: Yao et al., \"Attention Spiking Neural Networks\", IEEE TPAMI 2023 (arXiv 2209.13929)";

/// What the stages have in common.
pub(super) struct Body {
    /// Stages.
    pub stages: [Stage; 4],
    /// Gates at the end of each branch.
    pub gates: Option<Gates>,
    /// Whether the shortcut averages before its convolution, which else has the stride.
    pub pooled: bool,
}

/// Channel gates with r 8 and a spatial kernel of 3×3.
const CSA: Gates = Gates { which: "cs", time_ratio: 1, channel_ratio: 8, kernel: 3 };

/// Stages for 224² inputs.
pub(super) const fn stages(blocks: [usize; 4]) -> [Stage; 4] {
    [(64, blocks[0], 2), (128, blocks[1], 2), (256, blocks[2], 2), (512, blocks[3], 2)]
}

const R18: [usize; 4] = [2, 2, 2, 2];
const R34: [usize; 4] = [3, 4, 6, 3];
const R104: [usize; 4] = [3, 8, 32, 8];

/// `u = 0.25 u + x`, fires above 0.5, hard reset.
pub(super) fn neuron() -> Neuron {
    leaky(0.25, 1.0, 0.5, Compare::Above, 0.0)
}

/// One block.
pub(super) fn block(
    net: &mut Net,
    name: &str,
    x: NodeId,
    own: &Neuron,
    (out, stride): (usize, usize),
    body: &Body,
) -> Result<NodeId> {
    let mut y = net.node(&format!("{name}.spikes0"), own.clone(), &[x])?;
    y = net.conv_norm(&format!("{name}.conv0"), y, Conv::new(out, 3).stride(stride))?;
    y = net.node(&format!("{name}.spikes1"), own.clone(), &[y])?;
    y = net.conv_norm(&format!("{name}.conv1"), y, Conv::new(out, 3))?;
    if let Some(gates) = body.gates {
        y = net.step_attention(&format!("{name}.attention"), y, gates)?;
    }
    let mut short = x;
    if stride != 1 || net.shape(x).c != out {
        let mut conv = Conv::new(out, 1).stride(stride);
        if body.pooled {
            short = net.avg_pool(&format!("{name}.pool"), x, stride)?;
            conv.stride = 1;
        }
        short = net.conv_norm(&format!("{name}.shortcut"), short, conv)?;
    }
    net.add(&format!("{name}.sum"), y, short)
}

/// All blocks.
pub(super) fn blocks(
    net: &mut Net,
    mut x: NodeId,
    own: &Neuron,
    setting: &Setting,
    body: &Body,
) -> Result<NodeId> {
    for (name, width, stride) in stage_blocks(&body.stages) {
        x = block(net, &name, x, own, (setting.width(width), stride), body)?;
    }
    Ok(x)
}

/// Neuron, mean over the plane and all timesteps, classes.
pub(super) fn head(mut net: Net, x: NodeId, setting: &Setting) -> Result<Graph> {
    let x = net.node("spikes", neuron(), &[x])?;
    let x = net.mean(x, &[Axis::T, Axis::H, Axis::W])?;
    let x = net.linear("fc", x, setting.classes, true)?;
    net.answer(x)
}

/// The stem of three 3×3 convolutions with bias in place of one of 7×7.
fn deep_stem(net: &mut Net, mut x: NodeId, width: usize) -> Result<NodeId> {
    for (i, stride) in [2, 1, 1].into_iter().enumerate() {
        x = net.conv(&format!("stem{i}"), x, Conv::new(width, 3).stride(stride).biased())?;
    }
    net.norm("stem.norm", x)
}

fn build(setting: &Setting, fill: Fill, body: Body, deep: bool) -> Result<Graph> {
    let (mut net, x) = Net::new("ms-resnet", setting, InputKind::Real, fill)?;
    let width = setting.width(64);
    let x = if deep {
        deep_stem(&mut net, x, width)?
    } else {
        net.conv_norm("stem", x, Conv::new(width, 7).stride(2))?
    };
    let x = blocks(&mut net, x, &neuron(), setting, &body)?;
    head(net, x, setting)
}

fn attention(setting: &Setting, fill: Fill, blocks: [usize; 4]) -> Result<Graph> {
    build(setting, fill, Body { stages: stages(blocks), gates: Some(CSA), pooled: true }, false)
}

fn plain(setting: &Setting, fill: Fill, blocks: [usize; 4], deep: bool) -> Result<Graph> {
    build(setting, fill, Body { stages: stages(blocks), gates: None, pooled: deep }, deep)
}

const ONE: Setting = Setting::new(1, [3, 224, 224], 1000);
const SIX: Setting = Setting::new(6, [3, 224, 224], 1000);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("att-res-18", "ImageNet, gates of every step", ATT, ONE, |s, f| attention(s, f, R18)),
    Builder::new("att-res-34", "ImageNet, gates of every step", ATT, ONE, |s, f| attention(s, f, R34)),
    Builder::new("att-res-104", "ImageNet, gates of every step", ATT, ONE, |s, f| attention(s, f, R104)),
    Builder::new("ms-resnet-18", "ImageNet, membrane shortcut", MS, SIX, |s, f| plain(s, f, R18, false)),
    Builder::new("ms-resnet-34", "ImageNet, membrane shortcut", MS, SIX, |s, f| plain(s, f, R34, false)),
    Builder::new("ms-resnet-104", "ImageNet, membrane shortcut, deep stem", MS, SIX, |s, f| {
        plain(s, f, R104, true)
    }),
];
