//! Random layers whose attention engine works on whole values and gives one out again.

use super::nets::{empty, source, squash};
use super::Net;
use pulvinar_ir::op::{conv1d, emit, gate, matmul, reduce, relu, top_k};
use pulvinar_ir::{Axes, Axis, NodeId, Pass, Schedule, Strategy, Synapse};

/// conv → gathered → convolutions along t and c, rankings, products → neuron or graded events; in one that `streams`, along
/// t by few taps.
pub fn emitted_layer(net: &mut Net, x: NodeId, late: bool, streams: bool) -> NodeId {
    let from = source(net, x, late);
    let outputs = 1 + net.rng.below(5);
    let conv = net.conv(from, outputs, 3, 1, 1);
    let gather = reduce::Reduce { kind: reduce::ReduceKind::Sum, axes: Axes::default() };
    let tap = net.push("gathered", gather, &[conv]);
    let mut pass = Pass { taps: vec![tap], ..empty() };
    let mut y = squash(net, tap);
    pass.program.push(y);
    for _ in 0..=net.rng.below(2) {
        let first = net.graph.nodes.len();
        y = if streams { streamed(net, y) } else { operation(net, y) };
        y = squash(net, y);
        pass.program.extend((first..net.graph.nodes.len()).map(|i| NodeId(i as u32)));
    }
    let out = if net.rng.chance(60) {
        let threshold = net.rng.range(1, 20) as i32;
        net.lif(y, threshold)
    } else {
        y = net.push("positive", relu::Relu {}, &[y]);
        pass.program.push(y);
        net.push("emit", emit::Emit {}, &[y])
    };
    let last = Pass { elementwise: vec![out], gates: vec![y], ..empty() };
    let strategy = net.rng.pick(&[Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute]);
    let synapse = Synapse { node: conv, source: x, delayed: late };
    net.push_stage(vec![synapse], conv, vec![pass, last], strategy, out);
    let stage = net.stages.last_mut().expect("it was pushed");
    if let Some(schedule) = Schedule::of(&net.graph, stage).filter(|_| strategy != Strategy::SpillDram) {
        stage.strategy = schedule.strategy();
    }
    out
}

/// A convolution along t of a few taps, some of them causal, and its product with what it reads.
fn streamed(net: &mut Net, x: NodeId) -> NodeId {
    let c = net.shape(x).c;
    let (groups, taps) = (net.rng.pick(&[1, c]), net.rng.pick(&[2, 3]));
    let weight = net.tensor("taps", vec![c, c / groups, taps], -5, 6);
    let bias = net.rng.chance(50).then(|| net.tensor("b", vec![c], -30, 40));
    let same = conv1d::Conv1d::same(&weight, Axis::T, taps);
    let padding = if net.rng.chance(30) { [taps - 1, 0] } else { same.padding };
    let y = net.push("conv1d", conv1d::Conv1d { groups, bias, padding, ..same }, &[x]);
    if net.rng.chance(50) {
        return y;
    }
    let small = squash(net, y);
    net.push("beside", gate::Gate { shift: 3 }, &[small, x])
}

/// One operation that keeps the shape; a product of three is two.
fn operation(net: &mut Net, x: NodeId) -> NodeId {
    let s = net.shape(x);
    match net.rng.below(4) {
        0 => {
            let axis = net.rng.pick(&Axis::ALL);
            let k = net.rng.below(s.dims()[axis as usize] + 1);
            net.push("top_k", top_k::TopK { axis, k }, &[x])
        }
        1 => {
            let pairs = matmul::Matmul { heads: 1, over: matmul::Over::Tokens };
            let kv = net.push("kv", pairs, &[x, x]);
            let kv = squash(net, kv);
            net.push("qkv", matmul::Matmul { heads: 1, over: matmul::Over::Channels }, &[x, kv])
        }
        _ => {
            let (axis, mixed) = net.rng.pick(&[(Axis::T, s.c), (Axis::C, s.t)]);
            let groups = net.rng.pick(&[1, mixed]);
            let taps = net.rng.pick(&[1, 2, 3, 5]);
            let weight = net.tensor("taps", vec![mixed, mixed / groups, taps], -5, 6);
            net.push("conv1d", conv1d::Conv1d { groups, ..conv1d::Conv1d::same(&weight, axis, taps) }, &[x])
        }
    }
}
