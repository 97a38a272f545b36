//! A generator of small random trained networks, and measures on them.
#![allow(dead_code, clippy::unwrap_used)] // every test uses its own part

use proptest::prelude::*;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::ma_attention::MaAttention;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming, State};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::op::sigmoid::Sigmoid;
use pulvinar_ir::op::t_attention::TAttention;
use pulvinar_ir::op::upsample::Upsample;
use pulvinar_ir::{interpret, Axes, Axis, Graph, Level, NodeId, Op, Shape, Tensor, Type, Value};

/// One convolutional layer of a random network.
#[allow(clippy::struct_excessive_bools)] // independent features
#[derive(Debug, Clone)]
pub struct ConvSpec {
    pub channels: usize,
    pub kernel: usize,
    pub padding: usize,
    pub stride: usize,
    /// 0 none, 1 batch norm, 2 affine.
    pub norm: u8,
    /// The norm comes after the pool.
    pub norm_late: bool,
    /// 0 none, 1 average behind, 2 maximum behind, 3 average before, 4 padded average behind, 5 an upsampling behind, and the
    /// convolution is a transposed one.
    pub pool: u8,
    /// 0 none, 1 times its own mean over rows and columns (any sign), 2 times the sigmoid of that.
    pub own_gate: u8,
    /// Bits: t, c, s.
    pub gates: u8,
    pub relu: bool,
    pub residual: bool,
    pub neuron: u8,
}

/// A random network.
#[allow(clippy::struct_excessive_bools)] // independent features
#[derive(Debug, Clone)]
pub struct NetSpec {
    pub seed: u64,
    pub timesteps: usize,
    pub size: usize,
    pub counts: bool,
    pub convs: Vec<ConvSpec>,
    pub norm: bool,
    pub attention: bool,
    pub recurrent: bool,
    pub neuron: u8,
}

prop_compose! {
    fn conv_spec()(
        channels in 1usize..4, kernel in 1usize..4, padding in 0usize..2, stride in 1usize..3,
        norm in 0u8..4, norm_late: bool, pool in 0u8..6, own_gate in 0u8..3, gates in 0u8..8, relu: bool, residual: bool, neuron in 0u8..6,
    ) -> ConvSpec {
        ConvSpec { channels, kernel, padding, stride, norm, norm_late, pool, own_gate, gates, relu, residual, neuron }
    }
}

prop_compose! {
    pub fn net_spec()(
        seed: u64, timesteps in 1usize..5, size in 6usize..9, counts: bool,
        convs in prop::collection::vec(conv_spec(), 1..3), norm: bool, attention: bool, recurrent: bool, neuron in 0u8..6,
    ) -> NetSpec {
        NetSpec { seed, timesteps, size, counts, convs, norm, attention, recurrent, neuron }
    }
}

/// A number in 0..1 that depends on its arguments only (SplitMix64's finaliser).
pub fn uniform(seed: u64, unit: &str, index: usize) -> f64 {
    let mut z = unit
        .bytes()
        .fold(seed ^ 0x9e37_79b9_7f4a_7c15, |a, b| (a ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    z = z.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

struct Builder {
    graph: Graph,
    seed: u64,
}

impl Builder {
    fn tensor(&mut self, name: &str, shape: &[usize], lo: f64, hi: f64) -> String {
        let n = shape.iter().product();
        let values = (0..n).map(|i| (lo + (hi - lo) * uniform(self.seed, name, i)) as f32).collect();
        self.graph.tensors.insert(name.to_owned(), Tensor::real(shape.to_vec(), values));
        name.to_owned()
    }
    fn push(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(name, op.into(), inputs).unwrap()
    }
    fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }
    fn conv(&mut self, name: &str, x: NodeId, s: &ConvSpec) -> NodeId {
        let fan = self.shape(x).c * s.kernel * s.kernel;
        let bound = 2.0 / (fan as f64).sqrt();
        let weight = self.tensor(
            &format!("{name}.w"),
            &[s.channels, self.shape(x).c, s.kernel, s.kernel],
            -bound,
            bound * 1.3,
        );
        let bias = Some(self.tensor(&format!("{name}.b"), &[s.channels], -0.2, 0.3));
        let p = s.padding.min(s.kernel - 1);
        let (stride, padding, dilation) = ([s.stride; 2], [p, 0, p, 0], [1, 1]);
        if s.pool == 5 {
            let output_padding = [s.stride - 1, 0];
            let op = ConvTranspose2d { weight, bias, stride, padding, output_padding, dilation, groups: 1 };
            return self.push(name, op, &[x]);
        }
        let op = Conv2d {
            weight,
            bias,
            stride: [s.stride; 2],
            padding: [s.padding; 4],
            dilation: [1, 1],
            groups: 1,
        };
        self.push(name, op, &[x])
    }
    fn norm(&mut self, name: &str, kind: u8, x: NodeId) -> NodeId {
        let c = self.shape(x).c;
        match kind {
            1 => {
                let op = BatchNorm {
                    weight: self.tensor(&format!("{name}.g"), &[c], 0.5, 1.5),
                    bias: self.tensor(&format!("{name}.o"), &[c], -0.3, 0.5),
                    mean: self.tensor(&format!("{name}.m"), &[c], -0.2, 0.2),
                    var: self.tensor(&format!("{name}.v"), &[c], 0.4, 1.4),
                    eps: 1e-5,
                };
                self.push(name, op, &[x])
            }
            2 => self.push(name, Affine { mul: 0.8, add: 0.1 }, &[x]),
            3 => {
                let factor = self.tensor(&format!("{name}.f"), &[c], 0.5, 1.5);
                self.push(name, Scale { factor }, &[x])
            }
            _ => x,
        }
    }
    fn pool(&mut self, name: &str, kind: u8, x: NodeId) -> NodeId {
        let s = self.shape(x);
        if s.h < 2 || s.w < 2 {
            return x;
        }
        let (kernel, stride, padding) = ([2, 2], [2, 2], [0; 4]);
        match kind {
            1 | 3 => self.push(name, AvgPool { kernel, stride, padding }, &[x]),
            2 => self.push(name, MaxPool { kernel, stride, padding }, &[x]),
            4 => self.push(name, AvgPool { kernel, stride, padding: [1, 0, 1, 0] }, &[x]),
            5 => self.push(name, Upsample { scale: [1, 2] }, &[x]),
            _ => x,
        }
    }
    fn own_gate(&mut self, i: usize, kind: u8, x: NodeId) -> NodeId {
        if kind == 0 {
            return x;
        }
        let mean = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::H, Axis::W]) };
        let mut gate = self.push(&format!("own{i}.mean"), mean, &[x]);
        if kind == 2 {
            gate = self.push(&format!("own{i}.gate"), Sigmoid {}, &[gate]);
        }
        self.push(&format!("own{i}"), Mul {}, &[x, gate])
    }
    fn attention(&mut self, name: &str, x: NodeId, gates: u8, relu: bool) -> NodeId {
        let s = self.shape(x);
        let (rt, rc) = ((s.t / 2).max(1), (s.c / 2).max(1));
        let mut pair = |on: bool, what: &str, r: usize, n: usize| {
            let w0 = on.then(|| self.tensor(&format!("{name}.{what}0"), &[r, n], -0.5, 1.0));
            let w1 = on.then(|| self.tensor(&format!("{name}.{what}1"), &[n, r], -0.5, 1.5));
            (w0, w1)
        };
        let (ta0, ta1) = pair(gates & 1 != 0, "ta", rt, s.t);
        let (ca0, ca1) = pair(gates & 2 != 0, "ca", rc, s.c);
        let sa = (gates & 4 != 0).then(|| self.tensor(&format!("{name}.sa"), &[1, 2, 3, 3], -0.5, 0.6));
        let gates = [(1, 't'), (2, 'c'), (4, 's')]
            .iter()
            .filter(|(bit, _)| gates & bit != 0)
            .map(|(_, c)| *c)
            .collect();
        self.push(name, MaAttention { gates, ta0, ta1, ca0, ca1, sa, relu }, &[x])
    }
    fn neuron(&mut self, name: &str, kind: u8, x: NodeId) -> NodeId {
        let op = Neuron {
            leak: [0.4, 0.5, 1.0, 0.0, 0.9, 0.75][kind as usize],
            input_gain: if kind == 1 { 0.5 } else { 1.0 },
            input_bias: if kind == 4 { 0.03 } else { 0.0 },
            threshold: [0.5, 0.4, 0.9, 0.6, 0.7, 0.55][kind as usize],
            compare: if kind % 2 == 0 { Compare::AtLeast } else { Compare::Above },
            reset: match kind {
                0 => Reset::Value { value: 0.5 },
                1 | 3 => Reset::Value { value: 0.0 },
                2 | 4 => Reset::Subtract { value: 0.6 },
                _ => Reset::None,
            },
            reset_timing: if kind >= 4 { ResetTiming::NextStep } else { ResetTiming::SameStep },
            initial: if kind == 3 { 0.1 } else { 0.0 },
            clamp_min: (kind == 2).then_some(-1.0),
            ..Neuron::default()
        };
        self.push(name, op, &[x])
    }
    fn conv_layer(&mut self, i: usize, mut x: NodeId, spec: &ConvSpec) -> NodeId {
        if spec.pool == 3 {
            x = self.pool(&format!("pool{i}"), 3, x);
        }
        let s = self.shape(x);
        let fits = s.h + 2 * spec.padding >= spec.kernel;
        let spec = if fits { spec.clone() } else { ConvSpec { kernel: 1, padding: 0, ..spec.clone() } };
        let source = x;
        x = self.conv(&format!("conv{i}"), x, &spec);
        if !spec.norm_late {
            x = self.norm(&format!("bn{i}"), spec.norm, x);
        }
        if spec.residual {
            let shortcut = self.conv(&format!("short{i}"), source, &spec);
            x = self.push(&format!("add{i}"), Add {}, &[x, shortcut]);
        }
        if spec.pool != 3 {
            x = self.pool(&format!("pool{i}"), spec.pool, x);
        }
        if spec.norm_late {
            x = self.norm(&format!("bn{i}"), spec.norm, x);
        }
        x = self.own_gate(i, spec.own_gate, x);
        if spec.gates != 0 {
            x = self.attention(&format!("att{i}"), x, spec.gates, spec.relu);
        } else if spec.relu {
            x = self.push(&format!("relu{i}"), Relu {}, &[x]);
        }
        self.neuron(&format!("neuron{i}"), spec.neuron, x)
    }
    fn linear_layer(&mut self, spec: &NetSpec, x: NodeId) -> NodeId {
        let n = self.shape(x).c;
        let bound = 2.0 / (n as f64).sqrt();
        let weight = self.tensor("fc.w", &[5, n], -bound, bound * 1.3);
        let bias = Some(self.tensor("fc.b", &[5], -0.1, 0.2));
        let mut y = self.push("fc", Linear { weight, bias }, &[x]);
        y = self.norm("fc_bn", u8::from(spec.norm), y);
        let mut delay = None;
        if spec.recurrent {
            let ty = Type::real(self.shape(y));
            let back = self.graph.push_typed("back", Delay {}.into(), &[y], ty);
            let weight = self.tensor("rec.w", &[5, 5], -0.6, 0.5);
            let rec = self.push("rec", Linear { weight, bias: None }, &[back]);
            y = self.push("fc_add", Add {}, &[y, rec]);
            delay = Some(back);
        }
        if spec.attention && !spec.recurrent {
            let t = spec.timesteps;
            let w0 = self.tensor("fc_att.w0", &[(t / 2).max(1), t], -0.5, 1.0);
            let w1 = self.tensor("fc_att.w1", &[t, (t / 2).max(1)], -0.5, 1.5);
            y = self.push("fc_att", TAttention { w0, w1 }, &[y]);
            y = self.push("fc_relu", Relu {}, &[y]);
        }
        y = self.neuron("fc_neuron", spec.neuron, y);
        if let Some(back) = delay {
            self.graph.nodes[back.index()].inputs = vec![y];
        }
        y
    }
}

/// The network of a specification.
pub fn build(spec: &NetSpec) -> Graph {
    let mut b = Builder { graph: Graph::new("random", Level::Trained, spec.timesteps), seed: spec.seed };
    let kind = if spec.counts { InputKind::Counts } else { InputKind::Binary };
    let mut x = b.push("input", Input { shape: [2, spec.size, spec.size], kind, max: 0 }, &[]);
    for (i, conv) in spec.convs.iter().enumerate() {
        x = b.conv_layer(i, x, conv);
    }
    x = b.push("flatten", Flatten {}, &[x]);
    x = b.linear_layer(spec, x);
    b.push("readout", Readout { kind: ReadoutKind::Mean }, &[x]);
    pulvinar_ir::verify::verify(&b.graph).unwrap();
    b.graph
}

/// Sample inputs of a network: events at a third of the places, counts up to 3.
pub fn inputs(spec: &NetSpec, n: usize) -> Vec<Value> {
    let shape = Shape::new(spec.timesteps, 2, spec.size, spec.size);
    let draw = |k: usize, i: usize| {
        let u = uniform(spec.seed, &format!("input{k}"), i);
        match (u < 0.33, spec.counts) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 1 + (u * 9.0) as i64,
        }
    };
    (0..n).map(|k| Value::int(shape, (0..shape.len()).map(|i| draw(k, i)).collect())).collect()
}

/// The same value in reals.
pub fn real(value: &Value) -> Value {
    Value::real(value.shape, value.ints().iter().map(|&v| v as f64).collect())
}

/// Smallest |H − threshold| over all neurons and steps of a run.
pub fn smallest_margin(graph: &Graph, values: &[Value]) -> f64 {
    let mut smallest = f64::INFINITY;
    for id in graph.ids() {
        let Op::Neuron(n) = &graph.node(id).op else { continue };
        let x = &values[graph.node(id).inputs[0].index()];
        let step = x.shape.step_len();
        let mut state = vec![State::at(n.initial); step];
        let table = n.table(|name| &graph.tensors[name]);
        for (i, &current) in x.reals().iter().enumerate() {
            let state = &mut state[i % step];
            let start = match (n.reset_timing, state.last, n.reset) {
                (ResetTiming::NextStep, 1, Reset::Value { value }) => value,
                (ResetTiming::NextStep, 1, Reset::Subtract { value }) => state.membrane - value,
                _ => state.membrane,
            };
            let h = n.leak * start + n.input_gain * current + n.input_bias;
            smallest = smallest.min((h - n.threshold).abs());
            n.step(table.at(i / step, 0), state, current);
        }
    }
    smallest
}

/// Every neuron's input current and spikes, and the output, by name.
pub fn observed(graph: &Graph, input: &Value) -> Vec<(String, Value, Value)> {
    let values = interpret::run(graph, input).unwrap();
    let seen =
        graph.ids().filter(|&i| matches!(graph.node(i).op, Op::Neuron(_) | Op::Lif(_) | Op::Readout(_)));
    let mut out: Vec<_> = seen
        .map(|i| {
            let node = graph.node(i);
            (node.name.clone(), values[node.inputs[0].index()].clone(), values[i.index()].clone())
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// A fixed tiny network: one convolutional layer with all three gates, one linear layer without.
pub fn tiny() -> NetSpec {
    let conv = ConvSpec {
        channels: 2,
        kernel: 3,
        padding: 1,
        stride: 1,
        norm: 1,
        norm_late: false,
        pool: 1,
        own_gate: 0,
        gates: 7,
        relu: true,
        residual: false,
        neuron: 0,
    };
    NetSpec {
        seed: 7,
        timesteps: 4,
        size: 6,
        counts: true,
        convs: vec![conv],
        norm: true,
        attention: false,
        recurrent: false,
        neuron: 0,
    }
}
