//! A graph under construction: layers with their weights, sized by what they stand on.

use super::{Fill, Setting};
use crate::random::{stream, uniform};
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::tensor::FIXED;
use pulvinar_ir::{Axes, Axis, Graph, Level, NodeId, Op, Result, Shape, Tensor};

/// Added under the root of every norm; the default of PyTorch.
const EPS: f64 = 1e-5;

/// Running variance of every norm: twice the mean square of a spike, which is its rate, here 0.05 (He's weights).
const SPARSE_VARIANCE: f32 = 0.1;

/// Outputs and window of a convolution; padding keeps the size at stride 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    pub out: usize,
    pub kernel: usize,
    pub stride: usize,
    pub bias: bool,
}

impl Conv {
    /// Stride 1, no bias.
    pub fn new(out: usize, kernel: usize) -> Self {
        Conv { out, kernel, stride: 1, bias: false }
    }
    /// With this stride.
    pub fn stride(self, stride: usize) -> Self {
        Conv { stride, ..self }
    }
    /// With a bias.
    pub fn biased(self) -> Self {
        Conv { bias: true, ..self }
    }
}

/// A leaky neuron that starts at 0, whose membrane a spike sets to `reset`.
pub(super) fn leaky(leak: f64, input_gain: f64, threshold: f64, compare: Compare, reset: f64) -> Neuron {
    Neuron {
        leak,
        input_gain,
        input_bias: 0.0,
        threshold,
        compare,
        reset: Reset::Value { value: reset },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    }
}

/// Equal blocks: width, number, stride of the first.
pub(super) type Stage = (usize, usize, usize);

/// Name, width and stride of every block; the first is `stage1.block0`.
pub(super) fn stage_blocks(stages: &[Stage]) -> impl Iterator<Item = (String, usize, usize)> + '_ {
    stages.iter().enumerate().flat_map(|(s, &(width, count, stride))| {
        (0..count).map(move |b| (format!("stage{}.block{b}", s + 1), width, if b == 0 { stride } else { 1 }))
    })
}

/// A graph under construction.
pub(super) struct Net {
    graph: Graph,
    fill: Fill,
    gates: i32,
}

impl Net {
    /// A network of one input node, which is `input`.
    pub fn new(name: &str, setting: &Setting, kind: InputKind, fill: Fill) -> Result<(Self, NodeId)> {
        let mut graph = Graph::new(name, Level::Trained, setting.timesteps);
        let input = graph.push("input", Input { shape: setting.input, kind, max: 0 }.into(), &[])?;
        Ok((Net { graph, fill, gates: 0 }, input))
    }

    /// Shape of a node's value.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }

    /// Adds a node.
    pub fn node(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.graph.push(name, op.into(), inputs)
    }

    /// Adds a weight; axis 0 is that of the outputs.
    pub fn weight(&mut self, name: &str, shape: &[usize]) -> String {
        self.scaled_weight(name, shape, 1.0)
    }

    /// Adds a weight of an MLP or a kernel that makes gates: so small that the gates of random weights are near one half.
    pub fn gate_weight(&mut self, name: &str, shape: &[usize]) -> String {
        self.scaled_weight(name, shape, 0.05)
    }

    /// Tells how many gates stand between the norms and neurons to come; norms make up for their halving.
    pub fn expect_gates(&mut self, gates: usize) {
        self.gates = gates as i32;
    }

    fn scaled_weight(&mut self, name: &str, shape: &[usize], gain: f64) -> String {
        let (n, inputs): (usize, usize) = (shape.iter().product(), shape[1..].iter().product());
        let values = match self.fill {
            Fill::Zeros => vec![0.0; n],
            Fill::Random { seed } => {
                let (numbers, bound) =
                    (stream(seed, self.graph.tensors.len() as u64), gain * (6.0 / inputs as f64).sqrt());
                (0..n as u64).map(|k| ((2.0 * uniform(numbers, k) - 1.0) * bound) as f32).collect()
            }
        };
        self.constant(name, Tensor::real(shape.to_vec(), values))
    }

    /// Adds a vector of equal numbers.
    pub fn vector(&mut self, name: &str, n: usize, value: f32) -> String {
        self.constant(name, Tensor::real(vec![n], vec![value; n]))
    }

    fn constant(&mut self, name: &str, tensor: Tensor) -> String {
        self.graph.insert_tensor(name, tensor)
    }

    /// A convolution.
    pub fn conv(&mut self, name: &str, x: NodeId, conv: Conv) -> Result<NodeId> {
        let (k, before) = (conv.kernel, (conv.kernel - 1) / 2);
        let inputs = self.shape(x).c;
        let weight = self.weight(&format!("{name}.weight"), &[conv.out, inputs, k, k]);
        let bias = conv.bias.then(|| self.vector(&format!("{name}.bias"), conv.out, 0.0));
        let after = k - 1 - before;
        let padding = [before, after, before, after];
        let op = Conv2d { weight, bias, stride: [conv.stride; 2], padding, dilation: [1, 1], groups: 1 };
        self.node(name, op, &[x])
    }

    /// A norm; its running statistics are those of sums over sparse spikes, so that neurons behind it fire.
    pub fn norm(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let (c, variance) = (self.shape(x).c, SPARSE_VARIANCE / 4f32.powi(self.gates));
        let mut vector = |part: &str, value| self.vector(&format!("{name}.{part}"), c, value);
        let (weight, bias) = (vector("weight", 1.0), vector("bias", 0.0));
        let (mean, var) = (vector("mean", 0.0), vector("var", variance));
        self.node(name, BatchNorm { weight, bias, mean, var, eps: EPS }, &[x])
    }

    /// A convolution and its norm, `{name}.norm`.
    pub fn conv_norm(&mut self, name: &str, x: NodeId, conv: Conv) -> Result<NodeId> {
        let x = self.conv(name, x, conv)?;
        self.norm(&format!("{name}.norm"), x)
    }

    /// A fully connected layer.
    pub fn linear(&mut self, name: &str, x: NodeId, out: usize, bias: bool) -> Result<NodeId> {
        let weight = self.weight(&format!("{name}.weight"), &[out, self.shape(x).c]);
        let bias = bias.then(|| self.vector(&format!("{name}.bias"), out, 0.0));
        self.node(name, Linear { weight, bias }, &[x])
    }

    /// An average over windows of k × k, stride k; the value itself for k = 1.
    pub fn avg_pool(&mut self, name: &str, x: NodeId, k: usize) -> Result<NodeId> {
        if k == 1 {
            return Ok(x);
        }
        self.node(name, AvgPool { kernel: [k; 2], stride: [k; 2], padding: [0; 4] }, &[x])
    }

    /// A maximum over windows of k × k, stride 2, with padding on all sides.
    pub fn max_pool(&mut self, name: &str, x: NodeId, k: usize, padding: usize) -> Result<NodeId> {
        self.node(name, MaxPool { kernel: [k; 2], stride: [2; 2], padding: [padding; 4] }, &[x])
    }

    /// A sum.
    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> Result<NodeId> {
        self.node(name, Add {}, &[a, b])
    }

    /// Channels, rows and columns as one axis.
    pub fn flatten(&mut self, x: NodeId) -> Result<NodeId> {
        self.node("flatten", Flatten {}, &[x])
    }

    /// The mean over axes, `mean`.
    pub fn mean(&mut self, x: NodeId, axes: &[Axis]) -> Result<NodeId> {
        self.node("mean", Reduce { kind: ReduceKind::Mean, axes: Axes::of(axes) }, &[x])
    }

    /// The mean of every `voters` neighbours, `vote`.
    pub fn vote(&mut self, x: NodeId, voters: usize) -> Result<NodeId> {
        let groups = self.shape(x).c / voters;
        let share = Tensor::real(vec![groups, voters, 1, 1], vec![1.0 / voters as f32; groups * voters]);
        let weight = self.constant(&format!("{FIXED}vote"), share);
        self.node("vote", Conv2d { groups, ..Conv2d::same(&weight, [1, 1]) }, &[x])
    }

    /// The graph, whose answer is the mean of `x` over time.
    pub fn answer(self, x: NodeId) -> Result<Graph> {
        self.answer_by(x, ReadoutKind::Mean)
    }

    /// The graph, whose answer is this readout of `x`.
    pub fn answer_by(mut self, x: NodeId, kind: ReadoutKind) -> Result<Graph> {
        self.node("output", Readout { kind }, &[x])?;
        Ok(self.graph)
    }
}
