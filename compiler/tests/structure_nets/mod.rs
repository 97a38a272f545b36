//! Small trained networks, one for each structure that a network may have; weights are functions of the seed.
#![allow(dead_code, clippy::unwrap_used)] // every test uses its own part

use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::concat::Concat;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::radix::Radix;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::upsample::Upsample;
use pulvinar_ir::{Axes, Axis, Graph, Level, NodeId, Op, Shape, Tensor, Value};

#[path = "neuron.rs"]
mod neuron;

/// A structure: its name and a network of it.
pub type Structure = (&'static str, fn(u64) -> Graph);

/// All structures.
pub const STRUCTURES: &[Structure] = &[
    ("residual of spikes", |s| residual(s, true)),
    ("residual of membranes", |s| residual(s, false)),
    ("analog shortcut", analog_shortcut),
    ("concatenation of spikes", |s| concatenation(s, true)),
    ("concatenation of currents", |s| concatenation(s, false)),
    ("grouped, depthwise and dilated convolutions", grouped),
    ("causal convolutions over a data axis", temporal_convolutions),
    ("recurrence", recurrence),
    ("analog head on a mean over time", |s| hybrid(s, ReduceKind::Mean)),
    ("analog head on a sum over time", |s| hybrid(s, ReduceKind::Sum)),
    ("encoder and decoder", encoder_decoder),
    ("adaptive LeNet", adaptive_lenet),
    ("trains of bits", trains),
    ("vote of neurons", vote),
    ("value of the last step", last_step),
];

/// A number in −1..1 that depends on its arguments only (SplitMix64's finaliser).
fn uniform(seed: u64, index: u64) -> f64 {
    let mut z =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Counts 0 to 2 for a network's input.
pub fn counts(graph: &Graph, seed: u64) -> (Value, Value) {
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    let counts: Vec<i64> =
        (0..shape.len()).map(|i| ((uniform(seed ^ 0xabcd, i as u64) * 2.5) as i64).max(0)).collect();
    (Value::real(shape, counts.iter().map(|&v| v as f64).collect()), Value::int(shape, counts))
}

struct Net {
    graph: Graph,
    seed: u64,
}

impl Net {
    fn new(seed: u64, timesteps: usize, shape: [usize; 3]) -> (Net, NodeId) {
        let mut net = Net { graph: Graph::new("structure", Level::Trained, timesteps), seed };
        let x = net.node("input", Input { shape, kind: InputKind::Counts, max: 0 }, &[]);
        (net, x)
    }

    fn node(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        let name = self.graph.fresh_name(name);
        self.graph.push(&name, op.into(), inputs).unwrap()
    }

    fn shape(&self, x: NodeId) -> Shape {
        self.graph.node(x).ty.shape
    }

    fn weight(&mut self, shape: &[usize]) -> String {
        let n: usize = shape.iter().product();
        let fan: usize = shape[1..].iter().product();
        let unit = self.seed.wrapping_mul(1 << 20).wrapping_add(self.graph.tensors.len() as u64);
        // A mean above 0, so that deep neurons fire too.
        let value = |i: usize| ((uniform(unit, i as u64) + 0.3) * 1.5 / (fan as f64).sqrt()) as f32;
        self.graph.insert_tensor("w", Tensor::real(shape.to_vec(), (0..n).map(value).collect()))
    }

    /// A convolution; [out, kernel, stride, dilation, groups], padded to keep the size at stride 1.
    fn conv(&mut self, x: NodeId, [out, k, stride, dilation, groups]: [usize; 5]) -> NodeId {
        let inputs = self.shape(x).c / groups;
        let (weight, bias) = (self.weight(&[out, inputs, k, k]), self.weight(&[out, 4]));
        let bias_values = self.graph.tensors[&bias].as_real().unwrap()[..out].to_vec();
        self.graph.tensors.insert(bias.clone(), Tensor::real(vec![out], bias_values));
        let padding = [k / 2 * dilation; 4];
        let op = Conv2d {
            weight,
            bias: Some(bias),
            stride: [stride; 2],
            padding,
            dilation: [dilation; 2],
            groups,
        };
        self.node("conv", op, &[x])
    }

    fn linear(&mut self, x: NodeId, out: usize) -> NodeId {
        let inputs = self.shape(x).c;
        let weight = self.weight(&[out, inputs]);
        self.node("linear", Linear { weight, bias: None }, &[x])
    }

    fn spikes(&mut self, x: NodeId) -> NodeId {
        self.node("spikes", neuron::leaky(0.5, 1.0), &[x])
    }

    fn layer(&mut self, x: NodeId, conv: [usize; 5]) -> NodeId {
        let x = self.conv(x, conv);
        self.spikes(x)
    }

    fn answer(mut self, x: NodeId, kind: ReadoutKind) -> Graph {
        self.node("output", Readout { kind }, &[x]);
        self.graph
    }
}

/// Blocks whose shortcut adds spikes, or the current before a neuron.
fn residual(seed: u64, of_spikes: bool) -> Graph {
    let (mut net, x) = Net::new(seed, 3, [2, 6, 6]);
    let mut x = if of_spikes { net.layer(x, [4, 3, 1, 1, 1]) } else { net.conv(x, [4, 3, 1, 1, 1]) };
    for _ in 0..2 {
        let y = if of_spikes {
            net.layer(x, [4, 3, 1, 1, 1])
        } else {
            let spikes = net.spikes(x);
            net.conv(spikes, [4, 3, 1, 1, 1])
        };
        x = net.node("add", Add {}, &[x, y]);
    }
    if !of_spikes {
        x = net.spikes(x);
    }
    let x = net.node("flatten", Flatten {}, &[x]);
    let x = net.linear(x, 5);
    net.answer(x, ReadoutKind::Mean)
}

/// A shortcut by a convolution of currents, which are no spikes.
fn analog_shortcut(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 3, [2, 6, 6]);
    let current = net.conv(x, [4, 3, 1, 1, 1]);
    let spikes = net.spikes(current);
    let inner = net.layer(spikes, [6, 3, 2, 1, 1]);
    let outer = net.conv(inner, [6, 3, 1, 1, 1]);
    let short = net.conv(current, [6, 1, 2, 1, 1]);
    let sum = net.node("add", Add {}, &[outer, short]);
    let x = net.spikes(sum);
    net.answer(x, ReadoutKind::Mean)
}

fn concatenation(seed: u64, of_spikes: bool) -> Graph {
    let (mut net, x) = Net::new(seed, 3, [2, 5, 5]);
    let (a, b) = (net.conv(x, [3, 3, 1, 1, 1]), net.conv(x, [5, 1, 1, 1, 1]));
    let parts = if of_spikes { [net.spikes(a), net.spikes(b)] } else { [a, b] };
    let mut both = net.node("both", Concat {}, &parts);
    if !of_spikes {
        both = net.spikes(both);
    }
    let x = net.layer(both, [4, 3, 1, 1, 1]);
    let x = net.node("again", Concat {}, &[both, x]);
    let x = net.node("pool", MaxPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }, &[x]);
    let x = net.layer(x, [3, 1, 1, 1, 1]);
    net.answer(x, ReadoutKind::Mean)
}

fn grouped(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 3, [4, 7, 7]);
    let x = net.layer(x, [6, 3, 1, 1, 2]);
    let x = net.layer(x, [6, 3, 1, 1, 6]);
    let x = net.layer(x, [6, 1, 1, 1, 1]);
    let x = net.layer(x, [4, 3, 1, 2, 1]);
    let x = net.layer(x, [4, 3, 2, 2, 4]);
    net.answer(x, ReadoutKind::Sum)
}

/// Blocks of dilated causal convolutions over the columns, as in SpikeTCN: values at a place see places before it only.
fn temporal_convolutions(seed: u64) -> Graph {
    let (mut net, mut x) = Net::new(seed, 4, [3, 1, 12]);
    for dilation in [1, 2, 4] {
        let inputs = net.shape(x).c;
        let weight = net.weight(&[6, inputs, 1, 3]);
        let op = Conv2d {
            weight,
            bias: None,
            stride: [1, 1],
            padding: [0, 0, 2 * dilation, 0],
            dilation: [1, dilation],
            groups: 1,
        };
        let y = net.node("causal", op, &[x]);
        let y = net.spikes(y);
        x = if inputs == 6 { net.node("add", Add {}, &[x, y]) } else { y };
    }
    let x = net.node("flatten", Flatten {}, &[x]);
    let x = net.linear(x, 4);
    net.answer(x, ReadoutKind::Mean)
}

/// Neurons that read their own spikes of the step before, as in SpikeRNN.
fn recurrence(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 5, [7, 1, 1]);
    let drive = net.linear(x, 6);
    let ty = net.graph.node(drive).ty.clone();
    // The delay reads the neuron, three nodes on.
    let source = NodeId(net.graph.nodes.len() as u32 + 3);
    let back = net.graph.push_typed("back", Delay {}.into(), &[source], ty);
    let own = net.linear(back, 6);
    let sum = net.node("add", Add {}, &[drive, own]);
    let spikes = net.spikes(sum);
    assert_eq!(spikes, source);
    let x = net.linear(spikes, 3);
    net.answer(x, ReadoutKind::Mean)
}

/// A spiking backbone, a readout over time, and analog layers on it.
fn hybrid(seed: u64, kind: ReduceKind) -> Graph {
    let (mut net, x) = Net::new(seed, 4, [2, 6, 6]);
    let x = net.layer(x, [4, 3, 1, 1, 1]);
    let x = net.layer(x, [4, 3, 1, 1, 1]);
    let mean = net.node("readout", Reduce { kind, axes: Axes::of(&[Axis::T]) }, &[x]);
    let y = net.conv(mean, [5, 3, 2, 1, 1]);
    let y = net.node("relu", Relu {}, &[y]);
    let pooled = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::H, Axis::W]) };
    let y = net.node("pool", pooled, &[y]);
    let y = net.linear(y, 3);
    net.graph.output = y;
    net.graph
}

/// An encoder of strided layers, and a decoder that enlarges and joins, with an analog map as answer.
fn encoder_decoder(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 3, [2, 8, 8]);
    let fine = net.layer(x, [4, 3, 2, 1, 1]);
    let coarse = net.layer(fine, [6, 3, 2, 1, 1]);
    let weight = net.weight(&[4, 6, 3, 3]);
    let up = ConvTranspose2d {
        weight,
        bias: None,
        stride: [2, 2],
        padding: [1; 4],
        output_padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let up = net.node("up", up, &[coarse]);
    let up = net.spikes(up);
    let both = net.node("skip", Concat {}, &[fine, up]);
    let large = net.node("larger", Upsample { scale: [2, 2] }, &[both]);
    let flow = net.conv(large, [2, 3, 1, 1, 1]);
    net.answer(flow, ReadoutKind::Sum)
}

/// LeNet whose layers have their own leaks and input gains.
fn adaptive_lenet(seed: u64) -> Graph {
    let (mut net, mut x) = Net::new(seed, 4, [1, 12, 12]);
    for (out, leak, gain) in [(4, 0.75, 1.0), (6, 0.25, 1.5)] {
        x = net.conv(x, [out, 5, 1, 1, 1]);
        x = net.node("spikes", neuron::leaky(leak, gain), &[x]);
        x = net.node("pool", AvgPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }, &[x]);
    }
    x = net.node("flatten", Flatten {}, &[x]);
    x = net.linear(x, 8);
    x = net.spikes(x);
    x = net.linear(x, 4);
    net.answer(x, ReadoutKind::Mean)
}

/// Radix coding: a layer a window of three steps.
fn trains(seed: u64) -> Graph {
    let (window, layers) = (3, 3);
    let (mut net, mut x) = Net::new(seed, window * layers, [2, 6, 6]);
    for out in [3, 5] {
        let inputs = net.shape(x).c;
        let (weight, bias) = (net.weight(&[out, inputs, 3, 3]), net.weight(&[1, out]));
        let values = net.graph.tensors[&bias].as_real().unwrap().to_vec();
        net.graph.tensors.insert(bias.clone(), Tensor::real(vec![out], values));
        x = net.node("conv", Conv2d::same(&weight, [3, 3]), &[x]);
        x = net.node("train", Radix { window, bias: Some(bias), step: 0.75 }, &[x]);
        x = net.node("pool", AvgPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }, &[x]);
    }
    x = net.node("flatten", Flatten {}, &[x]);
    x = net.linear(x, 4);
    x = net.node("sum", Accumulate { kind: AccumulateKind::Radix, window, bias: None }, &[x]);
    net.answer(x, ReadoutKind::Last)
}

/// Three neurons a class, the mean of whose spikes is the answer.
fn vote(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 4, [9, 1, 1]);
    let x = net.linear(x, 6);
    let x = net.spikes(x);
    let share = net.graph.insert_tensor("vote", Tensor::real(vec![2, 3, 1, 1], vec![1.0 / 3.0; 6]));
    let x = net.node("vote", Conv2d { groups: 2, ..Conv2d::same(&share, [1, 1]) }, &[x]);
    net.answer(x, ReadoutKind::Mean)
}

fn last_step(seed: u64) -> Graph {
    let (mut net, x) = Net::new(seed, 4, [9, 1, 1]);
    let x = net.linear(x, 6);
    let x = net.spikes(x);
    let x = net.linear(x, 3);
    net.answer(x, ReadoutKind::Last)
}
