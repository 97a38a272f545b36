//! Small flow graphs for the mapper's tests.
#![allow(dead_code)] // every test file uses its part

use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::op::{
    add, avg_pool, concat, conv2d, conv_transpose2d, delay, dense, flatten, gate, input, lif, linear,
    max_pool, neuron, readout, reduce, relu, requantise, sparse, table, upsample,
};
use pulvinar_ir::{Axes, Axis, Graph, Level, NodeId, Op, Tensor};

/// A flow graph under construction, with weights from a counter.
pub struct Net {
    pub graph: Graph,
    seed: u64,
}

impl Net {
    pub fn new(timesteps: usize, shape: [usize; 3], max: i64) -> (Self, NodeId) {
        let mut net = Net { graph: Graph::new("net", Level::Flow, timesteps), seed: 0 };
        let x = net.push("input", input::Input { shape, kind: input::InputKind::Counts, max }, &[]);
        (net, x)
    }

    pub fn push(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(name, op.into(), inputs).unwrap()
    }

    /// Integers in −range..=range.
    pub fn tensor(&mut self, name: &str, shape: Vec<usize>, range: i32) -> String {
        let values = (0..shape.iter().product())
            .map(|_| {
                self.seed =
                    self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((self.seed >> 33) % (2 * range as u64 + 1)) as i32 - range
            })
            .collect();
        self.put(name, Tensor::int(shape, values, 8, vec![1.0]))
    }

    pub fn put(&mut self, name: &str, tensor: Tensor) -> String {
        self.graph.tensors.insert(name.to_owned(), tensor);
        name.to_owned()
    }

    pub fn conv(&mut self, name: &str, x: NodeId, outputs: usize, groups: usize) -> NodeId {
        let inputs = self.graph.node(x).ty.shape.c;
        let weight = self.tensor(&format!("{name}.weight"), vec![outputs, inputs / groups, 3, 3], 7);
        let bias = Some(self.tensor(&format!("{name}.bias"), vec![outputs], 5));
        let op = conv2d::Conv2d { weight, bias, stride: [1, 1], padding: [1; 4], dilation: [1, 1], groups };
        self.push(name, op, &[x])
    }

    pub fn linear(&mut self, name: &str, x: NodeId, outputs: usize) -> NodeId {
        let inputs = self.graph.node(x).ty.shape.c;
        let weight = self.tensor(&format!("{name}.weight"), vec![outputs, inputs], 7);
        self.push(name, linear::Linear { weight, bias: None }, &[x])
    }

    pub fn flatten(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, flatten::Flatten {}, &[x])
    }

    pub fn lif(&mut self, name: &str, x: NodeId) -> NodeId {
        let threshold = self.put(&format!("{name}.threshold"), Tensor::int(vec![1], vec![4], 16, vec![1.0]));
        let op = lif::Lif {
            leak: 1,
            leak_shift: 1,
            input_shift: 0,
            bias: None,
            threshold,
            reset: lif::LifReset::Subtract,
            reset_value: Some(
                self.put(&format!("{name}.reset"), Tensor::int(vec![1], vec![4], 16, vec![1.0])),
            ),
            reset_timing: neuron::ResetTiming::SameStep,
            initial: None,
            clamp_min: None,
            ..lif::Lif::default()
        };
        self.push(name, op, &[x])
    }

    pub fn relu(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, relu::Relu {}, &[x])
    }

    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.push(name, add::Add {}, &[a, b])
    }

    pub fn gate(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.push(name, gate::Gate { shift: 8 }, &[a, b])
    }

    pub fn delay(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, delay::Delay {}, &[x])
    }

    pub fn max_pool(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, max_pool::MaxPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }, &[x])
    }

    pub fn avg_pool(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, avg_pool::AvgPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }, &[x])
    }

    pub fn upsample(&mut self, name: &str, x: NodeId) -> NodeId {
        self.push(name, upsample::Upsample { scale: [2, 2] }, &[x])
    }

    /// 3 x 3 taps, stride 2.
    pub fn transposed(&mut self, name: &str, x: NodeId, outputs: usize) -> NodeId {
        let inputs = self.graph.node(x).ty.shape.c;
        let weight = self.tensor(&format!("{name}.weight"), vec![outputs, inputs, 3, 3], 7);
        let (stride, padding, output_padding, dilation) = ([2, 2], [1; 4], [1, 1], [1, 1]);
        let op = conv_transpose2d::ConvTranspose2d {
            weight,
            bias: None,
            stride,
            padding,
            output_padding,
            dilation,
            groups: 1,
        };
        self.push(name, op, &[x])
    }

    pub fn readout(&mut self, x: NodeId) -> Graph {
        self.push("readout", readout::Readout { kind: readout::ReadoutKind::Sum }, &[x]);
        pulvinar_ir::verify::verify(&self.graph).unwrap();
        self.graph.clone()
    }

    pub fn reduce(&mut self, name: &str, kind: ReduceKind, axes: &[Axis], x: NodeId) -> NodeId {
        self.push(name, reduce::Reduce { kind, axes: Axes::of(axes) }, &[x])
    }

    pub fn requantise(&mut self, name: &str, x: NodeId, lo: i64, hi: i64, shift: u32) -> NodeId {
        self.push(name, requantise::Requantise { mul: 1, shift, lo, hi, scale: 1.0 }, &[x])
    }

    /// A UQ0.8 gate of 256 rising entries.
    pub fn sigmoid(&mut self, name: &str, x: NodeId, shift: u32) -> NodeId {
        let index = self.requantise(&format!("{name}.index"), x, -128, 127, shift);
        let entries = Tensor::int(vec![256], (0..256).collect(), 8, vec![1.0 / 256.0]);
        let table = self.put(&format!("{name}.table"), entries);
        self.push(name, table::Table { table, lo: -128, function: "sigmoid".to_owned() }, &[index])
    }

    pub fn dense(&mut self, name: &str, x: NodeId, axis: Axis) -> NodeId {
        let shape = self.graph.node(x).ty.shape;
        let n = if axis == Axis::T { shape.t } else { shape.c };
        let weight = self.tensor(&format!("{name}.weight"), vec![n, n], 7);
        self.push(name, dense::Dense { weight, bias: None, axis }, &[x])
    }

    /// A gate over time and channels of `x`: gate of [T,C,1,1].
    pub fn time_channel_gate(&mut self, name: &str, x: NodeId) -> NodeId {
        let n = |s: &str| format!("{name}.{s}");
        let mean = self.reduce(&n("mean_hw"), ReduceKind::Mean, &[Axis::H, Axis::W], x);
        let mean = self.requantise(&n("mean_q"), mean, -2048, 2047, 4);
        let per_t = self.reduce(&n("mean_chw"), ReduceKind::Mean, &[Axis::C], mean);
        let dense_t = self.dense(&n("dense_t"), per_t, Axis::T);
        let gate_t = self.sigmoid(&n("gate_t"), dense_t, 6);
        let gated = self.gate(&n("mean_gated"), mean, gate_t);
        let per_c = self.reduce(&n("mean_thw"), ReduceKind::Mean, &[Axis::T], gated);
        let dense_c = self.dense(&n("dense_c"), per_c, Axis::C);
        let gate_c = self.sigmoid(&n("gate_c"), dense_c, 6);
        self.gate(&n("gate_tc"), gate_t, gate_c)
    }

    /// `x` gated over time, channels and space: three passes, as in MA-SNN's TCSA.
    pub fn tcsa(&mut self, name: &str, x: NodeId) -> NodeId {
        let n = |s: &str| format!("{name}.{s}");
        let gate_tc = self.time_channel_gate(name, x);
        let gated = self.gate(&n("x_tc"), x, gate_tc);
        let mean = self.reduce(&n("mean_tc"), ReduceKind::Mean, &[Axis::T, Axis::C], gated);
        let mean = self.requantise(&n("mean_tc_q"), mean, -2048, 2047, 4);
        let max = self.reduce(&n("max_tc"), ReduceKind::Max, &[Axis::T, Axis::C], gated);
        let max = self.requantise(&n("max_tc_q"), max, -2048, 2047, 1);
        let both = self.push(&n("both"), concat::Concat {}, &[mean, max]);
        let conv = self.conv(&n("conv_s"), both, 1, 1);
        let gate_s = self.sigmoid(&n("gate_s"), conv, 6);
        let gate = self.gate(&n("gate_tcs"), gate_tc, gate_s);
        self.gate(&n("x_tcs"), x, gate)
    }

    pub fn sparse(&mut self, name: &str, x: NodeId, outputs: usize, per_source: usize) -> NodeId {
        let sources = self.graph.node(x).ty.shape.step_len();
        let n = sources * per_source;
        let weight = self.tensor(&format!("{name}.weight"), vec![n], 7);
        let targets: Vec<i32> = (0..n).map(|i| ((i * 7 + i / per_source * 13) % outputs) as i32).collect();
        let targets = self.put(&format!("{name}.targets"), Tensor::int(vec![n], targets, 16, vec![1.0]));
        let rows: Vec<i32> = (0..=sources).map(|i| (i * per_source) as i32).collect();
        let rows = self.put(&format!("{name}.rows"), Tensor::int(vec![sources + 1], rows, 24, vec![1.0]));
        self.push(name, sparse::Sparse { targets, rows, weight, outputs }, &[x])
    }
}

/// conv → TCSA → lif → linear → lif → readout.
pub fn attention_net() -> Graph {
    attention_net_over(4)
}

/// The same over so many timesteps.
pub fn attention_net_over(timesteps: usize) -> Graph {
    let (mut net, x) = Net::new(timesteps, [2, 8, 8], 3);
    let conv = net.conv("conv0", x, 24, 1);
    let current = net.relu("relu0", conv);
    let gated = net.tcsa("att0", current);
    let spikes = net.lif("lif0", gated);
    let flat = net.flatten("flat", spikes);
    let fc = net.linear("fc", flat, 10);
    let out = net.lif("lif1", fc);
    net.readout(out)
}

/// conv → gates of channels and of rows and columns, both of every step by itself → lif → readout.
pub fn causal_net() -> Graph {
    let (mut net, x) = Net::new(4, [2, 8, 8], 3);
    let conv = net.conv("conv0", x, 24, 1);
    let mean = net.reduce("mean_hw", ReduceKind::Mean, &[Axis::H, Axis::W], conv);
    let mean = net.requantise("mean_q", mean, -2048, 2047, 4);
    let dense = net.dense("dense_c", mean, Axis::C);
    let gate = net.sigmoid("gate_c", dense, 6);
    let gated = net.gate("x_c", conv, gate);
    let max = net.reduce("max_c", ReduceKind::Max, &[Axis::C], gated);
    let gate = net.sigmoid("gate_s", max, 2);
    let gated = net.gate("x_cs", gated, gate);
    let spikes = net.lif("lif0", gated);
    net.readout(spikes)
}

/// conv → lif → conv → lif → linear → lif → readout.
pub fn plain_net() -> Graph {
    let (mut net, x) = Net::new(4, [2, 8, 8], 1);
    let conv = net.conv("conv0", x, 32, 1);
    let spikes = net.lif("lif0", conv);
    let conv = net.conv("conv1", spikes, 48, 1);
    let spikes = net.lif("lif1", conv);
    let flat = net.flatten("flat", spikes);
    let fc = net.linear("fc", flat, 40);
    let out = net.lif("lif2", fc);
    net.readout(out)
}
