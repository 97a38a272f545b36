//! Shapes that Prosperity's simulator runs: chains of layers on spikes, without the layer that makes them from the image,
//! without shortcuts and without a head, as its lists of operators have them.

use super::net::{leaky, Conv, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Compare, Neuron};
use pulvinar_ir::op::spiking_attention::{Form, SpikingAttention};
use pulvinar_ir::{Axis, Graph, NodeId, Result};

const SOURCE: &str = "Prosperity: Wei et al., \"Prosperity: Accelerating Spiking Neural Networks via Product Sparsity\", HPCA 2025; operators of its simulator (commit 6ee1c6f1)";

/// tau 2: the membrane goes half the way to its input.
fn neuron(threshold: f64) -> Neuron {
    leaky(0.5, 0.5, threshold, Compare::AtLeast, 0.0)
}

/// Convolution, norm, neuron.
fn layer(net: &mut Net, name: &str, x: NodeId, conv: Conv) -> Result<NodeId> {
    let x = net.conv_norm(name, x, conv)?;
    net.node(&format!("{name}.spikes"), neuron(1.0), &[x])
}

/// Fully connected layer, neuron.
fn full(net: &mut Net, name: &str, x: NodeId, out: usize) -> Result<NodeId> {
    let x = net.linear(name, x, out, false)?;
    net.node(&format!("{name}.spikes"), neuron(1.0), &[x])
}

/// The lists end with spikes; here classes read the means of their channels.
fn classes(mut net: Net, x: NodeId, classes: usize) -> Result<Graph> {
    let x = net.mean(x, &[Axis::H, Axis::W])?;
    let x = net.linear("classes", x, classes, false)?;
    net.answer(x)
}

/// Layers before a pool over 2×2, by their widths; pools stand between the groups.
fn convolutions(setting: &Setting, fill: Fill, groups: &[&[usize]], full_widths: &[usize]) -> Result<Graph> {
    let (mut net, mut x) = Net::new("prosperity", setting, InputKind::Binary, fill)?;
    let mut number = 0;
    for (g, widths) in groups.iter().enumerate() {
        for &width in *widths {
            number += 1;
            x = layer(&mut net, &format!("conv{number}"), x, Conv::new(setting.width(width), 3))?;
        }
        if g + 1 < groups.len() {
            x = net.max_pool(&format!("conv{number}.pool"), x, 2, 0)?;
        }
    }
    if !full_widths.is_empty() {
        x = net.flatten(x)?;
    }
    for (i, &width) in full_widths.iter().enumerate() {
        x = full(&mut net, &format!("fc{i}"), x, setting.width(width))?;
    }
    classes(net, x, setting.classes)
}

const VGG: [&[usize]; 3] = [&[64], &[128, 128], &[256, 256, 256, 512, 512, 512, 512, 512, 512]];
const RESIDUAL: [usize; 16] = [64, 64, 64, 64, 128, 128, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512];

/// One encoder: query, key, value, attention, output, and two layers of which the inner is four times as wide.
fn encoder(net: &mut Net, name: &str, x: NodeId, heads: usize, form: Form) -> Result<NodeId> {
    let width = net.shape(x).c;
    let mut operands = Vec::new();
    for part in ["q", "k", "v"] {
        operands.push(layer(net, &format!("{name}.{part}"), x, Conv::new(width, 1))?);
    }
    let scale = if form == Form::Sdsa { 1.0 } else { 0.125 };
    let module = SpikingAttention { form, heads, scale, neuron: neuron(0.5) };
    let x = net.node(&format!("{name}.attention"), module, &operands)?;
    let x = layer(net, &format!("{name}.o"), x, Conv::new(width, 1))?;
    let x = layer(net, &format!("{name}.fc1"), x, Conv::new(4 * width, 1))?;
    layer(net, &format!("{name}.fc2"), x, Conv::new(width, 1))
}

/// Encoders over words; a narrow copy has fewer of them, since words keep their channels.
fn encoders(setting: &Setting, fill: Fill, depth: usize, heads: usize) -> Result<Graph> {
    let (mut net, mut x) = Net::new("prosperity", setting, InputKind::Binary, fill)?;
    for b in 0..setting.width(depth) {
        x = encoder(&mut net, &format!("encoder{b}"), x, heads, Form::Ssa)?;
    }
    classes(net, x, setting.classes)
}

/// Three convolutions and pools down to 8×8 tokens, a fourth, and encoders. The input has an eighth of the tokens' channels.
fn transformer(setting: &Setting, fill: Fill, depth: usize, heads: usize, form: Form) -> Result<Graph> {
    let (mut net, mut x) = Net::new("prosperity", setting, InputKind::Binary, fill)?;
    let width = setting.width(8 * setting.input[0]);
    let pools = (setting.input[1] / 8).ilog2() as usize;
    for i in 1..=3 {
        x = layer(&mut net, &format!("conv{i}"), x, Conv::new(width >> (3 - i), 3))?;
        if i > 3 - pools {
            x = net.max_pool(&format!("conv{i}.pool"), x, 3, 1)?;
        }
    }
    x = layer(&mut net, "place", x, Conv::new(width, 3))?;
    for b in 0..depth {
        x = encoder(&mut net, &format!("encoder{b}"), x, heads, form)?;
    }
    classes(net, x, setting.classes)
}

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new(
        "prosperity-vgg16",
        "CIFAR, twelve convolutions on spikes and two full layers",
        SOURCE,
        Setting::new(32, [64, 32, 32], 10),
        |s, f| convolutions(s, f, &VGG, &[4096, 4096]),
    ),
    Builder::new(
        "prosperity-resnet18",
        "CIFAR, sixteen convolutions on 8×8",
        SOURCE,
        Setting::new(32, [64, 8, 8], 10),
        |s, f| convolutions(s, f, &[&RESIDUAL], &[]),
    ),
    Builder::new(
        "prosperity-spikformer",
        "CIFAR, 4 blocks of 384",
        SOURCE,
        Setting::new(4, [48, 32, 32], 10),
        |s, f| transformer(s, f, 4, 12, Form::Ssa),
    ),
    Builder::new(
        "prosperity-spikformer-dvs",
        "CIFAR10-DVS, 2 blocks of 256",
        SOURCE,
        Setting::new(16, [32, 64, 64], 10),
        |s, f| transformer(s, f, 2, 16, Form::Ssa),
    ),
    Builder::new(
        "prosperity-sdt",
        "CIFAR, 4 blocks of 512",
        SOURCE,
        Setting::new(4, [64, 32, 32], 10),
        |s, f| transformer(s, f, 4, 8, Form::Sdsa),
    ),
    Builder::new(
        "prosperity-sdt-dvs",
        "CIFAR10-DVS, 2 blocks of 512",
        SOURCE,
        Setting::new(10, [64, 64, 64], 10),
        |s, f| transformer(s, f, 2, 8, Form::Sdsa),
    ),
    Builder::new(
        "prosperity-spikebert",
        "128 words, 12 blocks of 768; norms in the weights",
        SOURCE,
        Setting::new(4, [768, 1, 128], 2),
        |s, f| encoders(s, f, 12, 8),
    ),
    Builder::new(
        "prosperity-spikebert-mr",
        "256 words, 12 blocks of 768; norms in the weights",
        SOURCE,
        Setting::new(4, [768, 1, 256], 2),
        |s, f| encoders(s, f, 12, 8),
    ),
    Builder::new(
        "prosperity-spikingbert",
        "128 words, 4 blocks of 768; products of spikes for the softmax, norms in the weights",
        SOURCE,
        Setting::new(16, [768, 1, 128], 2),
        |s, f| encoders(s, f, 4, 12),
    ),
];
