//! Random small valid trained graphs. Used from other crates' tests too, by `#[path]`.

#![allow(dead_code)] // no user needs all of it

mod flow;
mod modules;
mod steps;

pub use flow::flow;

use proptest::prelude::*;
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::ma_attention::MaAttention;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::neuron::{Compare, Current, Negative, Neuron, Output, Parameter, Reset, ResetTiming};
use pulvinar_ir::op::radix::Radix;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::op::t_attention::TAttention;
use pulvinar_ir::op::upsample::Upsample;
use pulvinar_ir::op::{add, concat, delay, flatten, mul, relu, sigmoid};
use pulvinar_ir::tensor::Value;
use pulvinar_ir::{Axes, Axis, Graph, Level, NodeId, Op, Shape, Tensor};

/// What one step of the builder is made of: kind of op, and two free choices.
type Step = (u8, u8, u8);

/// Random graphs: an input, up to 12 ops, a readout. Steps that do not fit are left out, so shrinking drops ops.
pub fn graphs() -> impl Strategy<Value = Graph> {
    let input = (1usize..5, 1usize..4, 1usize..7, 1usize..7, 0u8..3);
    (input, prop::collection::vec(any::<Step>(), 0..12), any::<u32>()).prop_map(
        |((t, c, h, w, kind), steps, seed)| {
            let mut builder = Builder { graph: Graph::new("random \"net\"", Level::Trained, t), seed };
            let kind = [InputKind::Binary, InputKind::Counts, InputKind::Real][kind as usize];
            let input = Input { shape: [c, h, w], kind, max: 0 };
            builder.graph.push("input", input.into(), &[]).expect("small shapes are valid");
            builder.graph.assumptions.push("tab\tand\nline".to_owned());
            steps.into_iter().for_each(|step| builder.step(step));
            let kind = [ReadoutKind::Mean, ReadoutKind::Sum, ReadoutKind::Last][seed as usize % 3];
            let last = builder.graph.output;
            builder
                .graph
                .push("readout", Readout { kind }.into(), &[last])
                .expect("a readout takes every value");
            pulvinar_ir::verify::verify(&builder.graph).expect("the generator makes valid graphs");
            builder.graph
        },
    )
}

/// An input for a graph, whole numbers 0 to 3 (0 and 1 for a binary input), a pure function of the seed.
pub fn input_for(graph: &Graph, seed: u32) -> Value {
    let id = graph.input().expect("every generated graph has an input");
    let node = graph.node(id);
    let Op::Input(input) = &node.op else { unreachable!("`input` finds input nodes only") };
    let levels = if input.kind == InputKind::Binary { 2 } else { 4 };
    let shape = node.ty.shape;
    Value::real(shape, (0..shape.len()).map(|i| f64::from(mix(seed, i as u32) % levels)).collect())
}

fn mix(seed: u32, i: u32) -> u32 {
    let x = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
    let x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

struct Builder {
    graph: Graph,
    seed: u32,
}

impl Builder {
    fn tensor(&mut self, shape: &[usize], low: f32, high: f32) -> String {
        let k = self.graph.tensors.len();
        let name = format!("w{:08x}.{k}", self.seed);
        let n: usize = shape.iter().product();
        let at = |i: usize| {
            low + (high - low) * (mix(self.seed ^ (k as u32) << 20, i as u32) % 1001) as f32 / 1000.0
        };
        self.graph.tensors.insert(name.clone(), Tensor::real(shape.to_vec(), (0..n).map(at).collect()));
        name
    }

    /// A neuron, every other one with something that not all have.
    fn neuron(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let Op::Neuron(mut n) = neuron(a, b) else { unreachable!("`neuron` makes neurons") };
        let current = Current { leak: 0.75, delayed: a % 2 == 0, reset: b % 2 == 0 };
        let negative = Negative { threshold: 0.5, compare: Compare::AtLeast };
        match a.wrapping_mul(31).wrapping_add(b) % 16 {
            0 => n.leak_fired = Some(0.125),
            1 => n.amplitude = 0.5,
            2 => n.levels = 3,
            3 => n.negative = Some(negative),
            4 => (n.negative, n.budget) = (Some(negative), Some([-1, 2])),
            5 => n.budget = Some([0, 1]),
            6 => n.current = Some(current),
            7 => n.output = Output::Membrane { above_threshold: a % 2 == 0, relu: b % 2 == 0 },
            8 | 9 => {
                let (kind, step) = ([Parameter::Threshold, Parameter::InputGain][a as usize % 2], b % 2 == 0);
                let sizes: &[usize] = if step { &[shape.t, shape.c] } else { &[shape.c] };
                n.each.insert(kind, self.tensor(sizes, 0.5, 1.5));
            }
            _ => {}
        }
        n.into()
    }

    /// Appends one op after the last node, or leaves the graph as it is.
    fn step(&mut self, (kind, a, b): Step) {
        let (last, before) = (self.graph.output, self.graph.tensors.clone());
        let shape = self.graph.node(last).ty.shape;
        let earlier = NodeId(u32::from(a) % self.graph.nodes.len() as u32);
        let name = format!("n{}", self.graph.nodes.len());
        let (op, inputs): (Op, Vec<NodeId>) = match kind % 25 {
            0..=2 => (self.conv(shape, a, b), vec![last]),
            3..=5 => (self.neuron(shape, a, b), vec![last]),
            6 if b % 4 == 0 => (
                Scale { factor: self.tensor(&[if a % 2 == 0 { 1 } else { shape.c }], 0.5, 2.0) }.into(),
                vec![last],
            ),
            6 | 7 => (self.batch_norm(shape), vec![last]),
            8 | 9 => (self.attention(shape, a, b), vec![last]),
            10 => (self.map(shape, a, b), vec![last]),
            11 => (pool(a, b), vec![last]),
            12 => (add::Add {}.into(), vec![last, earlier]),
            13 => (mul::Mul {}.into(), vec![last, earlier]),
            14 => (concat::Concat {}.into(), vec![last, earlier, last]),
            15 => (flatten::Flatten {}.into(), vec![last]),
            16 => (relu::Relu {}.into(), vec![last]),
            17 => (sigmoid::Sigmoid {}.into(), vec![last]),
            18 => (Affine { mul: f64::from(a) / 7.0, add: -f64::from(b) / 3.0 }.into(), vec![last]),
            19 => self.module(shape, a, b),
            20 => self.step_module(last, shape, a, b),
            21 => (Upsample { scale: [1 + a as usize % 3, 1 + b as usize % 2] }.into(), vec![last]),
            22 => (self.transposed(shape, a, b), vec![last]),
            23 if b % 3 == 0 => (self.radix(shape, a, b), vec![last]),
            23 => (self.accumulate(shape, a, b), vec![last]),
            _ => return self.feedback(last),
        };
        if shape.len() > 4000 || self.graph.push(&name, op, &inputs).is_err() {
            self.graph.tensors = before;
        }
    }

    /// `s = last + delay(s)`: a cycle.
    fn feedback(&mut self, last: NodeId) {
        let ty = self.graph.node(last).ty.clone();
        let id = self.graph.nodes.len() as u32;
        self.graph.push_typed(&format!("n{id}"), delay::Delay {}.into(), &[NodeId(id + 1)], ty.clone());
        self.graph.push_typed(&format!("n{}", id + 1), add::Add {}.into(), &[last, NodeId(id)], ty);
    }

    fn conv(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        if shape.h == 1 && shape.w == 1 && b % 2 == 0 {
            let weight = self.tensor(&[1 + a as usize % 5, shape.c], -1.0, 1.0);
            return Linear { weight, bias: None }.into();
        }
        let (k, groups) = (1 + a as usize % 3, if b % 3 == 0 { shape.c } else { 1 });
        let outputs = groups * (1 + a as usize / 3 % 3);
        let weight = self.tensor(&[outputs, shape.c / groups, k, k], -1.0, 1.0);
        let bias = (b % 2 == 0).then(|| self.tensor(&[outputs], -0.5, 0.5));
        let (stride, pad) = (1 + b as usize / 4 % 2, b as usize / 8 % 2);
        Conv2d {
            weight,
            bias,
            stride: [stride, 1],
            padding: [pad, pad, pad, 0],
            dilation: [1, 1 + b as usize / 16 % 2],
            groups,
        }
        .into()
    }

    fn radix(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let bias = (b % 2 == 0).then(|| self.tensor(&[shape.c], -0.5, 0.5));
        Radix { window: if a % 2 == 0 { shape.t } else { 1 }, bias, step: f64::from(b % 4 + 1) / 4.0 }.into()
    }

    fn accumulate(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let kind = [AccumulateKind::Sum, AccumulateKind::Mean, AccumulateKind::Radix][a as usize % 3];
        let bias = (b % 2 == 0).then(|| self.tensor(&[if b % 4 == 0 { 1 } else { shape.c }], -0.5, 0.5));
        Accumulate { kind, window: shape.t, bias }.into()
    }

    fn transposed(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let groups = if b % 3 == 0 { shape.c } else { 1 };
        let outputs = groups * (1 + a as usize / 3 % 2);
        let weight = self.tensor(&[outputs, shape.c / groups, 1 + a as usize % 3, 2], -1.0, 1.0);
        let bias = (b % 2 == 0).then(|| self.tensor(&[outputs], -0.5, 0.5));
        ConvTranspose2d {
            weight,
            bias,
            stride: [1 + b as usize / 4 % 2, 2],
            padding: [b as usize / 8 % 2, 0, 1, 0],
            output_padding: [0, b as usize / 16 % 2],
            dilation: [1, 1 + b as usize / 32 % 2],
            groups,
        }
        .into()
    }

    fn batch_norm(&mut self, shape: Shape) -> Op {
        let c = [shape.c];
        let (weight, bias) = (self.tensor(&c, 0.5, 1.5), self.tensor(&c, -0.5, 0.5));
        BatchNorm {
            weight,
            bias,
            mean: self.tensor(&c, -0.5, 0.5),
            var: self.tensor(&c, 0.5, 2.0),
            eps: 1e-5,
        }
        .into()
    }

    fn attention(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let hidden = 1 + b as usize % 2;
        if a % 8 == 0 {
            let (w0, w1) =
                (self.tensor(&[hidden, shape.t], -1.0, 1.0), self.tensor(&[shape.t, hidden], -1.0, 1.0));
            return TAttention { w0, w1 }.into();
        }
        let (t, c, s) = (a & 1 != 0, a & 2 != 0, a & 4 != 0);
        let gates = [(t, 't'), (c, 'c'), (s, 's')].into_iter().filter(|g| g.0).map(|g| g.1).collect();
        let mut pair = |on: bool, n: usize| {
            on.then(|| (self.tensor(&[hidden, n], -1.0, 1.0), self.tensor(&[n, hidden], -1.0, 1.0))).unzip()
        };
        let ((ta0, ta1), (ca0, ca1)) = (pair(t, shape.t), pair(c, shape.c));
        let k = 1 + b as usize % 3;
        let sa = s.then(|| self.tensor(&[1, 2, k, k], -1.0, 1.0));
        MaAttention { gates, ta0, ta1, ca0, ca1, sa, relu: b % 2 == 0 }.into()
    }

    fn map(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        if a % 2 == 0 {
            let kind = [ReduceKind::Mean, ReduceKind::Sum, ReduceKind::Max][b as usize % 3];
            let axes: Vec<Axis> = [Axis::C, Axis::H, Axis::W]
                .into_iter()
                .enumerate()
                .filter(|(i, _)| a >> (i + 1) & 1 != 0)
                .map(|x| x.1)
                .collect();
            return Reduce { kind, axes: Axes::of(&axes) }.into();
        }
        let (axis, n) = if b % 2 == 0 { (Axis::C, shape.c) } else { (Axis::T, shape.t) };
        let outputs = if axis == Axis::T { n } else { 1 + b as usize % 4 };
        Dense { weight: self.tensor(&[outputs, n], -1.0, 1.0), bias: None, axis }.into()
    }
}

fn pool(a: u8, b: u8) -> Op {
    let (kernel, stride) = ([1 + a as usize % 2, 2], [1 + a as usize / 2 % 2, 2]);
    if b % 2 == 0 {
        AvgPool { kernel, stride, padding: [0, b as usize / 2 % 2, 0, 0] }.into()
    } else {
        MaxPool { kernel, stride, padding: [0, 0, b as usize / 2 % 2, 0] }.into()
    }
}

fn neuron(a: u8, b: u8) -> Op {
    let value = f64::from(b % 5) / 4.0;
    Neuron {
        leak: [0.25, 0.5, 0.4, 1.0][a as usize % 4],
        input_gain: [1.0, 0.5][a as usize / 4 % 2],
        input_bias: [0.0, 0.1][a as usize / 8 % 2],
        threshold: [0.5, 1.0][a as usize / 16 % 2],
        compare: if a < 128 { Compare::AtLeast } else { Compare::Above },
        reset: [Reset::Value { value }, Reset::Subtract { value }, Reset::None][b as usize / 5 % 3],
        reset_timing: [ResetTiming::SameStep, ResetTiming::NextStep, ResetTiming::NextCharge]
            [b as usize / 64 % 3],
        initial: [0.0, 0.125][b as usize / 16 % 2],
        clamp_min: (b % 7 == 0).then_some(-1.0),
        ..Neuron::default()
    }
    .into()
}
