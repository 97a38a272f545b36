//! Random layers whose attention engine works on whole values and gives one out again.

use super::nets::{empty, source, squash};
use super::Net;
use pulvinar_ir::op::{conv1d, emit, matmul, reduce, relu, top_k};
use pulvinar_ir::scope::goes_by_step;
use pulvinar_ir::{Axes, Axis, NodeId, Pass, Strategy, Synapse};

/// conv → gathered → convolutions along t and c, rankings, products → neuron or graded events.
pub fn emitted_layer(net: &mut Net, x: NodeId, late: bool) -> NodeId {
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
        y = operation(net, y);
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
    if strategy != Strategy::SpillDram && goes_by_step(&net.graph, stage) {
        stage.strategy = Strategy::Step;
    }
    out
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
