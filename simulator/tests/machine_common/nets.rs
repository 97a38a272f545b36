//! Random networks.

use super::emitted::emitted_layer;
use super::kinds::{lending_layers, remembered};
use super::{Net, Rng};
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::carry::Carry;
use pulvinar_ir::op::conv_transpose2d::ConvTranspose2d;
use pulvinar_ir::op::lif::Lif;
use pulvinar_ir::op::upsample;
use pulvinar_ir::op::{add, avg_pool, concat, delay, dense, gate, max_pool, reduce, relu, requantise, table};
use pulvinar_ir::{Axes, Axis, IntType, NodeId, Op, Pass, Strategy, Synapse, Tensor, Type};

/// Shape and wishes of a random network.
pub fn random_net(seed: u64, attention: bool, barrier: bool, delays: bool) -> Net {
    let mut rng = Rng(seed);
    // Windows need steps before and behind them.
    let streams = attention && seed % 8 == 4;
    let steps = 1 + rng.below(4) + if streams { 2 } else { 0 };
    let shape = [1 + rng.below(3), 1 + rng.below(6), 1 + rng.below(6)];
    let max = rng.pick(&[1, 1, 5]);
    let mut net = Net::new(rng.next(), steps, shape, max);
    let mut x = NodeId(0);
    let layers = 1 + rng.below(3);
    for _ in 0..layers {
        let late = barrier || (delays && rng.chance(30));
        x = if attention && net.rng.chance(70) {
            attention_layer(&mut net, x, late)
        } else {
            layer(&mut net, x, late)
        };
    }
    if attention && seed % 4 == 0 {
        emitted_layer(&mut net, x, barrier, streams);
    }
    if attention && seed % 8 == 2 {
        lending_layers(&mut net, x);
    }
    net
}

pub fn source(net: &mut Net, x: NodeId, late: bool) -> NodeId {
    if late {
        net.push("late", delay::Delay {}, &[x])
    } else {
        x
    }
}

/// One stage without attention.
pub fn layer(net: &mut Net, x: NodeId, late: bool) -> NodeId {
    let from = source(net, x, late);
    let shape = net.shape(x);
    // Drawn apart, so that older kinds keep their draws.
    let mut apart = Rng(net.rng.0 ^ 0x7E57);
    let threshold = net.rng.range(1, 12) as i32;
    match apart.below(100) {
        0..=11 => return enlarged(net, x, from, late, threshold),
        12..=16 => return summed(net, x, from, late),
        17..=23 => return joined(net, x, from, late, threshold),
        24..=31 => return remembered(net, x, from, late, threshold),
        _ => {}
    }
    match net.rng.below(7) {
        0 | 1 => {
            let (kernel, stride) = (net.rng.pick(&[1, 3]), net.rng.pick(&[1, 1, 2]));
            let outputs = 1 + net.rng.below(9);
            let conv = net.conv(from, outputs, kernel, stride, 1);
            let lif = net.lif(conv, threshold);
            net.stage(&[(conv, x, late)], conv, &[lif], lif);
            lif
        }
        2 => {
            let conv = net.conv(from, shape.c * 2, 3, 1, shape.c);
            let relu = net.push("relu", relu::Relu {}, &[conv]);
            let lif = net.lif(relu, threshold);
            net.stage(&[(conv, x, late)], conv, &[relu, lif], lif);
            lif
        }
        3 => {
            let outputs = 1 + net.rng.below(20);
            let linear = net.linear(from, outputs);
            let lif = net.lif(linear, threshold * 20);
            net.stage(&[(linear, x, late)], linear, &[lif], lif);
            lif
        }
        4 if shape.h * shape.w == 1 || net.rng.chance(50) => {
            let outputs = 1 + net.rng.below(20);
            let sparse = net.sparse(from, outputs);
            let lif = net.lif(sparse, threshold);
            net.stage(&[(sparse, x, late)], sparse, &[lif], lif);
            lif
        }
        5 => pool(net, x, from, late),
        _ => residual(net, x, from, late, threshold),
    }
}

/// A transposed convolution or an upsampling, then a neuron.
fn enlarged(net: &mut Net, x: NodeId, from: NodeId, late: bool, threshold: i32) -> NodeId {
    let mut two = |hi| [1 + net.rng.below(hi), 1 + net.rng.below(hi)];
    let (scale, kernel, stride, dilation) = (two(3), two(3), two(3), two(2));
    let larger = if net.rng.chance(30) {
        net.push("up", upsample::Upsample { scale }, &[from])
    } else {
        let c = net.shape(x).c;
        let groups = if net.rng.chance(30) { c } else { 1 };
        let outputs = groups * (1 + net.rng.below(3));
        let weight = net.tensor("w", vec![outputs, c / groups, kernel[0], kernel[1]], -7, 9);
        let bias = net.rng.chance(50).then(|| net.tensor("b", vec![outputs], -3, 3));
        // Padding that leaves something of one row and column.
        let padding = [(kernel[0] - 1) * dilation[0], 0, 0, (kernel[1] - 1) * dilation[1]];
        let output_padding = [0, 1].map(|i| net.rng.below(stride[i].max(dilation[i])));
        let op = ConvTranspose2d { weight, bias, stride, padding, output_padding, dilation, groups };
        net.push("transposed", op, &[from])
    };
    let lif = net.lif(larger, threshold);
    net.stage(&[(larger, x, late)], larger, &[lif], lif);
    lif
}

/// A convolution and its sum over time.
fn summed(net: &mut Net, x: NodeId, from: NodeId, late: bool) -> NodeId {
    let outputs = 1 + net.rng.below(5);
    let conv = net.conv(from, outputs, 3, 1, 1);
    let kind = net.rng.pick(&[AccumulateKind::Sum, AccumulateKind::Mean, AccumulateKind::Radix]);
    let bias = net.rng.chance(50).then(|| net.tensor("b", vec![outputs], -30, 40));
    let steps = net.shape(conv).t;
    let window = if steps % 2 == 0 && net.rng.chance(50) { 2 } else { steps };
    let small =
        net.push("small", requantise::Requantise { mul: 1, shift: 2, lo: -8, hi: 9, scale: 1.0 }, &[conv]);
    let sum = net.push("sum", Accumulate { kind, window, bias }, &[small]);
    net.stage(&[(conv, x, late)], conv, &[small, sum], sum);
    sum
}

/// The value itself and a layer on it, side by side.
fn joined(net: &mut Net, x: NodeId, from: NodeId, late: bool, threshold: i32) -> NodeId {
    let outputs = 1 + net.rng.below(5);
    let conv = net.conv(from, outputs, 3, 1, 1);
    let y = net.lif(conv, threshold);
    net.stage(&[(conv, x, late)], conv, &[y], y);
    let beside = source(net, y, late);
    let (operands, sources) =
        if net.rng.chance(50) { ([from, beside], [x, y]) } else { ([beside, from], [y, x]) };
    let both = net.push("both", concat::Concat {}, &operands);
    let synapses = sources.map(|s| (both, s, late));
    let mixed = net.graph.node(both).ty.as_int("").unwrap().scale.len() > 1;
    let output = if net.rng.chance(50) || mixed { net.lif(both, 1) } else { both };
    let steps = if output == both { vec![] } else { vec![output] };
    net.stage(&synapses, both, &steps, output);
    output
}

fn pool(net: &mut Net, x: NodeId, from: NodeId, late: bool) -> NodeId {
    let shape = net.shape(x);
    let (kernel, stride, padding) = ([shape.h.min(2), shape.w.min(2)], [2, 2], [0; 4]);
    // Zeros send no events, so a maximum is of values that are never negative.
    let signed = net.graph.node(x).ty.as_int("").unwrap().lo < 0;
    let pool = if net.rng.chance(50) && !signed {
        net.push("max", max_pool::MaxPool { kernel, stride, padding }, &[from])
    } else {
        net.push("avg", avg_pool::AvgPool { kernel, stride, padding }, &[from])
    };
    net.stage(&[(pool, x, late)], pool, &[], pool);
    pool
}

/// conv(x) + conv(x) + x.
fn residual(net: &mut Net, x: NodeId, from: NodeId, late: bool, threshold: i32) -> NodeId {
    let c = net.shape(x).c;
    let (a, b) = (net.conv(from, c, 3, 1, 1), net.conv(from, c, 1, 1, 1));
    let sum = net.push("sum", add::Add {}, &[a, b]);
    let (identity, sum) = if net.rng.chance(50) {
        (Some(from), net.push("sum", add::Add {}, &[sum, from]))
    } else {
        (None, sum)
    };
    let lif = net.lif(sum, threshold);
    let mut synapses = vec![(a, x, late), (b, x, late)];
    synapses.extend(identity.map(|i| (i, x, late)));
    net.stage(&synapses, sum, &[lif], lif);
    lif
}

pub fn squash(net: &mut Net, x: NodeId) -> NodeId {
    let shift = net.rng.below(8) as u32;
    net.push("squash", requantise::Requantise { mul: 3, shift, lo: -128, hi: 127, scale: 0.1 }, &[x])
}

/// Statistics → small layers → table: a gate.
pub fn gate_of(net: &mut Net, x: NodeId, by_step: bool, pass: &mut Pass) -> NodeId {
    let axes = net.rng.pick(&[
        &[Axis::C, Axis::H, Axis::W][..],
        if by_step { &[Axis::H] } else { &[Axis::T, Axis::H, Axis::W] },
        if by_step { &[Axis::C, Axis::W] } else { &[Axis::T, Axis::C] },
        &[Axis::H, Axis::W],
        &[Axis::C],
    ]);
    let kind = net.rng.pick(&[reduce::ReduceKind::Mean, reduce::ReduceKind::Sum, reduce::ReduceKind::Max]);
    let mut y = net.push("tap", reduce::Reduce { kind, axes: Axes::of(axes) }, &[x]);
    pass.taps.push(y);
    y = squash(net, y);
    pass.program.push(y);
    if net.rng.chance(60) {
        let axis = net.rng.pick(&[if by_step { Axis::C } else { Axis::T }, Axis::C]);
        let n = if axis == Axis::T { net.shape(y).t } else { net.shape(y).c };
        let weight = net.tensor("dense", vec![n, n], -5, 6);
        y = net.push("dense", dense::Dense { weight, bias: None, axis }, &[y]);
        pass.program.push(y);
        y = squash(net, y);
        pass.program.push(y);
    }
    let values = (0..256).map(|i| i.clamp(20, 255)).collect();
    let table = net.constant("table", values);
    net.graph.tensors.insert(table.clone(), unit_gate(&net.graph.tensors[&table]));
    y = net.push("table", table::Table { table, lo: -128, function: "ramp".into() }, &[y]);
    pass.program.push(y);
    y
}

/// A gate of 8 fraction bits, which leaves the unit of a current alone.
fn unit_gate(table: &Tensor) -> Tensor {
    let values = table.as_int().unwrap().to_vec();
    Tensor::int(vec![values.len()], values, 32, vec![1.0 / 256.0])
}

pub fn empty() -> Pass {
    Pass { elementwise: vec![], gates: vec![], taps: vec![], program: vec![] }
}

/// The delay of a membrane that is written later.
fn carried(net: &mut Net, current: NodeId) -> NodeId {
    let shape = net.shape(current);
    let scale = net.graph.node(current).ty.as_int("").unwrap().scale.clone();
    let ty = Type::int(IntType { lo: -MEMBRANE, hi: MEMBRANE, scale }, shape);
    let name = net.graph.fresh_name("carried");
    net.graph.push_typed(&name, delay::Delay {}.into(), &[], ty)
}

/// What is carried on of a membrane, read by the delay `state`.
fn carry(net: &mut Net, state: NodeId, membrane: NodeId, threshold: i32) -> NodeId {
    let (leak, leak_shift) = net.rng.pick(&[(0, 0), (1, 0), (1, 1), (3, 3)]);
    let reset = net.rng.range(-3, 3);
    let op = Carry { leak, leak_shift, fraction: 0, threshold: threshold.into(), reset, floor: -MEMBRANE };
    let carry = net.push("carry", op, &[membrane]);
    net.graph.nodes[state.index()].inputs = vec![carry];
    carry
}

/// Makes a neuron a comparator: the membrane before it is gated and carried on elsewhere.
fn forget(net: &mut Net, lif: NodeId) {
    let node = &mut net.graph.nodes[lif.index()];
    let Op::Lif(op) = &node.op else { unreachable!() };
    let (threshold, bias, input_shift) = (op.threshold.clone(), op.bias.clone(), op.input_shift);
    node.op = Lif { threshold, bias, input_shift, ..Lif::default() }.into();
    node.ty = Type::int(IntType::new(0, 1, 1.0), node.ty.shape);
}

/// Largest membrane that is carried on.
const MEMBRANE: i64 = 3000;

/// conv → one to three levels of gates → lif; in some all statistics are of one step.
pub fn attention_layer(net: &mut Net, x: NodeId, late: bool) -> NodeId {
    // Drawn beside the row of numbers, which stays that of the seeds below.
    let by_step = Rng(net.rng.0 ^ 0x57E9).chance(40);
    let from = source(net, x, late);
    let outputs = 1 + net.rng.below(6);
    let conv = net.conv(from, outputs, 3, 1, 1);
    let mut passes = Vec::new();
    let (mut current, mut chain, mut gates) = (conv, Vec::new(), Vec::new());
    let membrane = by_step && Rng(net.rng.0 ^ 0xCA44).chance(50);
    let carried = membrane.then(|| carried(net, conv));
    if let Some(state) = carried {
        current = net.push("charged", add::Add {}, &[conv, state]);
        chain.push(current);
    }
    for level in 0..=net.rng.below(3) {
        let mut pass = Pass { elementwise: chain.clone(), gates: gates.clone(), ..empty() };
        let first = gate_of(net, current, by_step, &mut pass);
        gates.push(first);
        let mut gate = first;
        if level == 0 && net.rng.chance(40) {
            let second = gate_of(net, current, by_step, &mut pass);
            gates.push(second);
            let product = net.push("product", gate::Gate { shift: 8 }, &[first, second]);
            if net.shape(product) == net.shape(conv) && carried.is_none() {
                chain.push(product);
                gate = product;
            } else {
                pass.program.push(product);
                gates.truncate(gates.len() - 2);
                gates.push(product);
                gate = product;
            }
        }
        current = net.push("gated", gate::Gate { shift: 8 }, &[current, gate]);
        chain.push(current);
        passes.push(pass);
    }
    if net.rng.chance(30) {
        current = net.push("twice", add::Add {}, &[current, current]);
        chain.push(current);
    }
    let threshold = net.rng.range(1, 8) as i32;
    if let Some(state) = carried {
        chain.push(carry(net, state, current, threshold));
    }
    let lif = net.lif(current, threshold);
    if carried.is_some() {
        forget(net, lif);
    }
    chain.push(lif);
    passes.push(Pass { elementwise: chain, gates, ..empty() });
    let mut strategy = net.rng.pick(&[Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute]);
    if membrane || (by_step && strategy != Strategy::SpillDram) {
        strategy = Strategy::Step;
    }
    let synapse = Synapse { node: conv, source: x, delayed: late };
    net.push_stage(vec![synapse], conv, passes, strategy, lif);
    lif
}
