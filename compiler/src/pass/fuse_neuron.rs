//! Moves work into the neuron update: a layer's bias becomes the neuron's constant current. Drops requantisers that do
//! nothing, or only name another unit to neurons, whose constants have theirs.
//!
//! `(x + b) << s` is `(x << s) + (b << s)`, so the membrane does not change by a bit.

use super::edit::{insert_tensor, rewire, tidy};
use super::Context;
use pulvinar_ir::op::lif::Lif;
use pulvinar_ir::{Graph, NodeId, Op, Result, Tensor};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    let users = graph.users();
    for id in graph.ids() {
        if changes_nothing(&graph, id, &users[id.index()]) {
            let source = graph.node(id).inputs[0];
            rewire(&mut graph, id, source);
        }
    }
    let users = graph.users();
    for id in graph.ids() {
        if let Op::Lif(lif) = graph.node(id).op.clone() {
            let source = graph.node(id).inputs[0];
            if users[source.index()] == [id] && graph.output != source {
                absorb_bias(&mut graph, id, source, lif);
            }
        }
    }
    tidy(&graph)
}

/// True for a requantiser whose result is its operand, unit included where anybody but neurons reads it.
fn changes_nothing(graph: &Graph, id: NodeId, readers: &[NodeId]) -> bool {
    let Op::Requantise(r) = &graph.node(id).op else { return false };
    let Ok(x) = graph.node(graph.node(id).inputs[0]).ty.as_int("") else { return false };
    let neurons = || graph.output != id && readers.iter().all(|&u| matches!(graph.node(u).op, Op::Lif(_)));
    r.mul == 1 << r.shift && r.lo <= x.lo && x.hi <= r.hi && (x.scale == [r.scale] || neurons())
}

/// Moves the bias of `layer` into the neuron `id` if every constant stays a 32-bit integer.
fn absorb_bias(graph: &mut Graph, id: NodeId, layer: NodeId, lif: Lif) {
    let by_step = lif.bias.as_ref().is_some_and(|b| graph.tensors[b].shape.len() > 1);
    if by_step || lif.input_gain.is_some() || lif.current.is_some() {
        return;
    }
    let op = graph.node(layer).op.clone();
    let Some((weight, Some(bias))) = op.weights().filter(|_| !matches!(op, Op::Conv1d(_) | Op::Dense(_)))
    else {
        return;
    };
    let current = &graph.tensors[bias];
    let old = lif.bias.as_ref().map(|b| graph.tensors[b].as_int().expect("level flow"));
    let sum = |(c, &b): (usize, &i32)| {
        let old = old.map_or(0, |o| o[if o.len() == 1 { 0 } else { c }]);
        i32::try_from((i64::from(b) << lif.input_shift) + i64::from(old)).ok()
    };
    let Some(values) =
        current.as_int().expect("level flow").iter().enumerate().map(sum).collect::<Option<Vec<i32>>>()
    else {
        return;
    };
    let unit = f64::from(lif.input_shift).exp2();
    let scale = current.scale().iter().map(|s| s / unit).collect();
    let tensor = Tensor::int(vec![values.len()], values, 32, scale);
    let name = insert_tensor(graph, &format!("{}.bias", graph.node(id).name), tensor);
    graph.nodes[id.index()].op = Lif { bias: Some(name), ..lif }.into();
    graph.nodes[layer.index()].op = op.with_weights(weight.to_owned(), None);
}
