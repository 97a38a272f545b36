//! One graph with every op of level flow.

use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::carry::Carry;
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::gate::Gate;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::matmul::{Matmul, Over};
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::neuron::ResetTiming;
use pulvinar_ir::op::radix_code::RadixCode;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::op::sparse::Sparse;
use pulvinar_ir::op::table::Table;
use pulvinar_ir::op::top_k::TopK;
use pulvinar_ir::op::upsample::Upsample;
use pulvinar_ir::op::{add, concat, delay, emit, flatten, hold, pulse, relu};
use pulvinar_ir::{Axes, Axis, Elem, Graph, Level, NodeId, Op, Tensor};

/// A small attention block in integers, with feedback; verified.
pub fn flow() -> Graph {
    let mut g = Graph::new("flow", Level::Flow, 4);
    tensors(&mut g);
    g.assumptions.push("inputs are at most 3".to_owned());
    let mut push =
        |name: &str, op: Op, inputs: &[NodeId]| g.push(name, op, inputs).expect("this graph is valid");

    let x = push("input", Input { shape: [1, 4, 4], kind: InputKind::Counts, max: 3 }.into(), &[]);
    let conv = |weight: &str, bias: Option<&str>| Conv2d {
        weight: weight.into(),
        bias: bias.map(str::to_owned),
        stride: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: 1,
    };
    let x = push("conv", conv("conv.weight", Some("conv.bias")).into(), &[x]);
    let x = push("pool", AvgPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] }.into(), &[x]);
    let gate = gate(&mut push, x);
    let x = push("gate", Gate { shift: 8 }.into(), &[x, gate]);
    let lif = Lif {
        leak: 1,
        leak_shift: 1,
        input_shift: 0,
        bias: None,
        threshold: "v th".into(),
        reset: LifReset::Subtract,
        reset_value: Some("v th".into()),
        reset_timing: ResetTiming::SameStep,
        initial: None,
        clamp_min: None,
        ..Lif::default()
    };
    let x = push("odd name, = %", lif.into(), &[x]);
    let back = push("delay", delay::Delay {}.into(), &[x]);
    let x = push("concat", concat::Concat {}.into(), &[x, back, x]);
    let x = layers(&mut g, x);
    let x = membrane(&mut g, x);
    let code = RadixCode { window: 2, bias: Some("offset".into()), mul: 3, shift: 4 };
    let x = g.push("train", code.into(), &[x]).expect("this graph is valid");
    g.push("readout", Readout { kind: ReadoutKind::Mean }.into(), &[x]).expect("this graph is valid");
    pulvinar_ir::verify::verify(&g).expect("this graph is valid");
    g
}

/// Pools and layers.
fn layers(g: &mut Graph, x: NodeId) -> NodeId {
    let mut push =
        |name: &str, op: Op, inputs: &[NodeId]| g.push(name, op, inputs).expect("this graph is valid");
    let x = push("max_pool", MaxPool { kernel: [1, 1], stride: [1, 1], padding: [0; 4] }.into(), &[x]);
    let x = push("half", MaxPool { kernel: [2, 1], stride: [2, 1], padding: [0; 4] }.into(), &[x]);
    let x = push("up", Upsample { scale: [2, 1] }.into(), &[x]);
    let transposed = ConvTranspose2d {
        weight: "transposed".into(),
        bias: None,
        stride: [1, 2],
        padding: [0, 0, 1, 0],
        output_padding: [0, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let x = push("transposed", transposed.into(), &[x]);
    let x = push("pulse", pulse::Pulse {}.into(), &[x]);
    let x = push("hold", hold::Hold {}.into(), &[x]);
    let x = push("flatten", flatten::Flatten {}.into(), &[x]);
    let x = push("fc", Linear { weight: "fc.weight".into(), bias: None }.into(), &[x]);
    let x = push("fc.q", Requantise { mul: 1, shift: 2, lo: -8, hi: 7, scale: 0.4 }.into(), &[x]);
    let sparse =
        Sparse { targets: "targets".into(), rows: "rows".into(), weight: "synapses".into(), outputs: 3 };
    let x = push("sparse", sparse.into(), &[x]);
    let sum = Accumulate { kind: AccumulateKind::Radix, window: 2, bias: Some("offset".into()) };
    push("sum", sum.into(), &[x])
}

/// A current on a membrane that is carried on.
fn membrane(g: &mut Graph, x: NodeId) -> NodeId {
    let mut ty = g.node(x).ty.clone();
    if let Elem::Int(int) = &mut ty.elem {
        (int.lo, int.hi) = (-50, 50);
    }
    let carried = g.push_typed("carried", delay::Delay {}.into(), &[], ty);
    let charged = g.push("charged", add::Add {}.into(), &[x, carried]).expect("this graph is valid");
    let carry = Carry { leak: 1, leak_shift: 1, fraction: 0, threshold: 9, reset: -3, floor: -50 };
    let kept = g.push("kept", carry.into(), &[charged]).expect("this graph is valid");
    g.nodes[carried.index()].inputs = vec![kept];
    charged
}

/// A gate from statistics, with every op of the attention engine.
fn gate(push: &mut impl FnMut(&str, Op, &[NodeId]) -> NodeId, x: NodeId) -> NodeId {
    let chw = Axes::of(&[Axis::C, Axis::H, Axis::W]);
    let mean = push("mean", Reduce { kind: ReduceKind::Mean, axes: chw }.into(), &[x]);
    let mean =
        push("mean.q", Requantise { mul: 3, shift: 3, lo: -127, hi: 127, scale: 0.05 }.into(), &[mean]);
    let max = push("max", Reduce { kind: ReduceKind::Max, axes: chw }.into(), &[x]);
    let max = push("max.q", Requantise { mul: 1, shift: 0, lo: -127, hi: 127, scale: 0.05 }.into(), &[max]);
    let sum = push("stat", add::Add {}.into(), &[mean, max]);
    let h = push("mlp", Dense { weight: "mlp".into(), bias: None, axis: Axis::T }.into(), &[sum]);
    let h = push("mlp.relu", relu::Relu {}.into(), &[h]);
    let h = push("index", Requantise { mul: 1, shift: 4, lo: 0, hi: 15, scale: 0.5 }.into(), &[h]);
    let gate =
        push("sigmoid", Table { table: "sigmoid".into(), lo: 0, function: "sigmoid".into() }.into(), &[h]);
    let top = push("top", TopK { axis: Axis::T, k: 2 }.into(), &[h]);
    let along = Conv1d::same("taps", Axis::T, 3);
    let along = push("along", along.into(), &[h]);
    let product = push("product", Matmul { heads: 1, over: Over::Channels }.into(), &[along, top]);
    let product =
        push("product.q", Requantise { mul: 1, shift: 3, lo: 0, hi: 3, scale: 1.0 }.into(), &[product]);
    let top = push("shift", add::Add {}.into(), &[top, product]);
    let gate = push("mask", Gate { shift: 0 }.into(), &[gate, top]);
    push("given", emit::Emit {}.into(), &[gate])
}

fn tensors(g: &mut Graph) {
    let mut tensor = |name: &str, shape: &[usize], values: Vec<i32>, scale: Vec<f64>| {
        g.tensors.insert(name.to_owned(), Tensor::int(shape.to_vec(), values, 8, scale));
    };
    tensor("conv.weight", &[2, 1, 1, 1], vec![3, -2], vec![0.1]);
    tensor("conv.bias", &[2], vec![1, 0], vec![0.1]);
    tensor("mlp", &[4, 4], (0..16).map(|i| i % 5 - 2).collect(), vec![0.25]);
    tensor("sigmoid", &[16], (0..16).map(|i| i * 17).collect(), vec![1.0 / 256.0]);
    tensor("taps", &[1, 1, 3], vec![2, -1, 3], vec![0.5]);
    tensor("v th", &[1], vec![5], vec![1.0]);
    tensor("transposed", &[2, 6, 1, 2], (0..24).map(|i| i % 5 - 2).collect(), vec![0.1]);
    tensor("fc.weight", &[3, 16], (0..48).map(|i| i % 7 - 3).collect(), vec![0.1]);
    tensor("targets", &[4], vec![1, 0, 1, 2], vec![1.0]);
    tensor("rows", &[4], vec![0, 2, 2, 4], vec![1.0]);
    tensor("offset", &[3], vec![4, 0, -2], vec![1.0]);
    tensor("synapses", &[4], vec![5, -3, 7, 2], vec![0.5]);
}
