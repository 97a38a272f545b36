//! Spiking transformers for 224² images: four 3×3 convolutions with maximum pools, a fifth that encodes places, and blocks of
//! self-attention and two 1×1 convolutions, each with a shortcut.
//!
//! In the spike-driven form the shortcut carries the membrane and neurons stand before the convolutions; in Spikformer it
//! carries sums of spikes and neurons stand behind them.

use super::net::{leaky, Conv, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Compare, Neuron};
use pulvinar_ir::op::spiking_attention::{Form, SpikingAttention};
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const SDT: &str = "Spike-driven Transformer: Yao et al., NeurIPS 2023 (arXiv 2307.01694)";
const SPIKFORMER: &str = "Spikformer: Zhou et al., \"Spikformer: When Spiking Neural Network Meets Transformer\", ICLR 2023 (arXiv 2209.15425)";

/// Heads of every network here.
const HEADS: usize = 8;

/// tau 2: the membrane goes half the way to its input.
fn neuron(threshold: f64) -> Neuron {
    leaky(0.5, 0.5, threshold, Compare::AtLeast, 0.0)
}

/// Convolution and norm; a neuron before them in the spike-driven form, behind them in the other.
fn layer(net: &mut Net, name: &str, x: NodeId, conv: Conv, form: Form) -> Result<NodeId> {
    let spikes = format!("{name}.spikes");
    if form == Form::Sdsa {
        let x = net.node(&spikes, neuron(1.0), &[x])?;
        return net.conv_norm(name, x, conv);
    }
    let x = net.conv_norm(name, x, conv)?;
    net.node(&spikes, neuron(1.0), &[x])
}

/// The image as tokens, a sixteenth of its rows and columns.
fn patches(net: &mut Net, mut x: NodeId, width: usize, form: Form) -> Result<NodeId> {
    for i in 0..4 {
        let name = format!("patch{i}");
        x = net.conv_norm(&name, x, Conv::new(width >> (3 - i), 3))?;
        // The last membrane of the spike-driven form is a shortcut's: its neuron stands before the next convolution.
        if form == Form::Ssa || i < 3 {
            x = net.node(&format!("{name}.spikes"), neuron(1.0), &[x])?;
        }
        x = net.max_pool(&format!("{name}.pool"), x, 3, 1)?;
    }
    let y = layer(net, "place", x, Conv::new(width, 3), form)?;
    net.add("place.sum", y, x)
}

fn attention(net: &mut Net, name: &str, x: NodeId, form: Form) -> Result<NodeId> {
    let width = net.shape(x).c;
    let membrane = form == Form::Sdsa;
    let s = if membrane { net.node(&format!("{name}.spikes"), neuron(1.0), &[x])? } else { x };
    let mut operands = Vec::new();
    for part in ["q", "k", "v"] {
        let part = format!("{name}.{part}");
        let y = net.conv_norm(&part, s, Conv::new(width, 1))?;
        operands.push(net.node(&format!("{part}.spikes"), neuron(1.0), &[y])?);
    }
    let scale = if membrane { 1.0 } else { 0.125 };
    let module = SpikingAttention { form, heads: HEADS, scale, neuron: neuron(0.5) };
    let y = net.node(&format!("{name}.attention"), module, &operands)?;
    // What leaves the attention is spikes in both forms.
    let project = format!("{name}.project");
    let mut y = net.conv_norm(&project, y, Conv::new(width, 1).biased())?;
    if !membrane {
        y = net.node(&format!("{project}.spikes"), neuron(1.0), &[y])?;
    }
    net.add(&format!("{name}.sum"), y, x)
}

fn block(net: &mut Net, name: &str, x: NodeId, form: Form) -> Result<NodeId> {
    let width = net.shape(x).c;
    let x = attention(net, name, x, form)?;
    let y = layer(net, &format!("{name}.up"), x, Conv::new(4 * width, 1).biased(), form)?;
    let y = layer(net, &format!("{name}.down"), y, Conv::new(width, 1).biased(), form)?;
    net.add(&format!("{name}.out"), y, x)
}

fn build(setting: &Setting, fill: Fill, depth: usize, width: usize, form: Form) -> Result<Graph> {
    let (mut net, x) = Net::new("transformer", setting, InputKind::Real, fill)?;
    let mut x = patches(&mut net, x, setting.width(width), form)?;
    for b in 0..depth {
        x = block(&mut net, &format!("block{b}"), x, form)?;
    }
    let mut x = net.mean(x, &[Axis::H, Axis::W])?;
    if form == Form::Sdsa {
        x = net.node("spikes", neuron(1.0), &[x])?;
    }
    let x = net.linear("head", x, setting.classes, true)?;
    net.answer(x)
}

/// A layer between the heads of this many blocks.
const fn idle(blocks: u64) -> (u64, &'static str) {
    (blocks * (HEADS * HEADS) as u64, "a layer between the heads of every block, which it does not call")
}

const IMAGE: Setting = Setting::new(4, [3, 224, 224], 1000);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("sdt-8-384", "ImageNet, 8 blocks of 384", SDT, IMAGE, |s, f| {
        build(s, f, 8, 384, Form::Sdsa)
    })
    .beside(&[idle(8)]),
    Builder::new("sdt-6-512", "ImageNet, 6 blocks of 512", SDT, IMAGE, |s, f| {
        build(s, f, 6, 512, Form::Sdsa)
    })
    .beside(&[idle(6)]),
    Builder::new("sdt-8-512", "ImageNet, 8 blocks of 512", SDT, IMAGE, |s, f| {
        build(s, f, 8, 512, Form::Sdsa)
    })
    .beside(&[idle(8)]),
    Builder::new("sdt-10-512", "ImageNet, 10 blocks of 512", SDT, IMAGE, |s, f| {
        build(s, f, 10, 512, Form::Sdsa)
    })
    .beside(&[idle(10)]),
    Builder::new("sdt-8-768", "ImageNet, 8 blocks of 768", SDT, IMAGE, |s, f| {
        build(s, f, 8, 768, Form::Sdsa)
    })
    .beside(&[idle(8)]),
    Builder::new("spikformer-8-384", "ImageNet, 8 blocks of 384", SPIKFORMER, IMAGE, |s, f| {
        build(s, f, 8, 384, Form::Ssa)
    }),
];
