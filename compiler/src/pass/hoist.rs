//! Under direct coding every frame of the input is the same, and so is what layers without a memory make of it. Where such
//! a value meets a gate that changes over time, its layers work in the first step only: a `pulse` before them, a `hold`
//! behind (GAC: the spatial-channel convolutions once, not T times).
//!
//! `hold(f(pulse(x)))[t] = f(x)[0] = f(x)[t]` for any f that treats a timestep by itself and x that never changes. A stage
//! has one memory a neuron, so that a value behind which the same stage fires is left alone.

use super::edit::{insert, tidy};
use super::Context;
use pulvinar_ir::op::hold::Hold;
use pulvinar_ir::op::pulse::Pulse;
use pulvinar_ir::{Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, cx: &Context<'_>) -> Result<Graph> {
    let mut graph = tidy(graph)?;
    while let Some((value, first)) = cx.options.direct.then(|| find(&graph)).flatten() {
        let name = |id: NodeId, part: &str| format!("{}.{part}", graph.node(id).name);
        let [pulse, hold] = [name(first, "pulse"), name(value, "held")];
        let source = graph.node(first).inputs[0];
        let pulse = insert(&mut graph, &pulse, Pulse {}, &[source])?;
        graph.nodes[first.index()].inputs = vec![pulse];
        let hold = insert(&mut graph, &hold, Hold {}, &[value])?;
        for id in graph.ids().filter(|&id| id != hold) {
            graph.nodes[id.index()].inputs.iter_mut().filter(|i| **i == value).for_each(|i| *i = hold);
        }
        graph = tidy(&graph)?;
    }
    Ok(graph)
}

/// For every node, whether all timesteps of it are equal when those of the input are.
fn unchanging(graph: &Graph) -> Vec<bool> {
    let mut same = vec![false; graph.nodes.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        same[id.index()] = match &node.op {
            Op::Input(_) => true,
            op => by_itself(op) && node.inputs.iter().all(|&i| i < id && same[i.index()]),
        };
    }
    same
}

/// True for what works on synapses.
fn is_layer(op: &Op) -> bool {
    matches!(op, Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) | Op::Sparse(_))
}

/// True for ops that treat a timestep by itself.
fn by_itself(op: &Op) -> bool {
    let plain = matches!(
        op,
        Op::AvgPool(_)
            | Op::MaxPool(_)
            | Op::Upsample(_)
            | Op::Flatten(_)
            | Op::Relu(_)
            | Op::Requantise(_)
            | Op::Table(_)
            | Op::Add(_)
    );
    plain || is_layer(op)
}

/// An unchanging value that only meets gates which change, without a neuron behind in its stage, and the first node on
/// the way to it that nothing else needs; there are layers on that way.
fn find(graph: &Graph) -> Option<(NodeId, NodeId)> {
    let (same, users) = (unchanging(graph), graph.users());
    let gated = |&u: &NodeId| matches!(graph.node(u).op, Op::Gate(_)) && !same[u.index()];
    graph.ids().find_map(|id| {
        let readers = &users[id.index()];
        let met = graph.output != id && !readers.is_empty() && readers.iter().all(gated);
        let way = (same[id.index()] && met && !fires(graph, &users, id)).then(|| chain(graph, &users, id))?;
        let works = way.iter().any(|&i| is_layer(&graph.node(i).op));
        works.then(|| (id, *way.last().expect("the way holds the value itself")))
    })
}

/// True if a neuron, or a sum over time, follows within the stage.
fn fires(graph: &Graph, users: &[Vec<NodeId>], id: NodeId) -> bool {
    users[id.index()].iter().any(|&u| match graph.node(u).op {
        Op::Lif(_) | Op::Accumulate(_) => true,
        Op::Gate(_) | Op::Relu(_) | Op::Requantise(_) | Op::Table(_) => fires(graph, users, u),
        _ => false,
    })
}

/// From a value backwards, what only that value needs.
fn chain(graph: &Graph, users: &[Vec<NodeId>], value: NodeId) -> Vec<NodeId> {
    let alone = |id: &NodeId| {
        users[id.index()].len() == 1 && graph.node(*id).inputs.len() == 1 && graph.output != *id
    };
    let before = |id: &NodeId| graph.node(*id).inputs.first().copied().filter(alone);
    std::iter::successors(Some(value), before).collect()
}
