//! Tools of the passes: insert, replace, clean up. Between edits nodes may be in any order.

use pulvinar_ir::op::accumulate::Accumulate;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Graph, NodeId, Op, Result, Tensor};
use std::collections::BTreeMap;

/// Adds a node under a fresh name; its type is inferred and the graph's output stays.
pub(crate) fn insert(graph: &mut Graph, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
    graph.insert(name, op, inputs)
}

/// Makes every reader of `old` read `new`; `new` must not read `old`.
pub(crate) fn rewire(graph: &mut Graph, old: NodeId, new: NodeId) {
    for input in graph.nodes.iter_mut().flat_map(|n| &mut n.inputs).filter(|i| **i == old) {
        *input = new;
    }
    if graph.output == old {
        graph.output = new;
    }
}

/// `rewire`, and `new` takes the name of `old`, which is dead from here on.
pub(crate) fn replace(graph: &mut Graph, old: NodeId, new: NodeId) {
    rewire(graph, old, new);
    let dead = graph.fresh_name("dead");
    graph.nodes[new.index()].name = std::mem::replace(&mut graph.nodes[old.index()].name, dead);
}

/// Adds a tensor under a fresh name.
pub(crate) fn insert_tensor(graph: &mut Graph, base: &str, tensor: Tensor) -> String {
    graph.insert_tensor(base, tensor)
}

/// The graph without dead nodes and tensors, in topological order, every type inferred anew.
pub(crate) fn tidy(graph: &Graph) -> Result<Graph> {
    let order = order(graph, &live(graph));
    let mut position = vec![None; graph.nodes.len()];
    for (i, id) in order.iter().enumerate() {
        position[id.index()] = Some(NodeId(i as u32));
    }
    let mut out =
        Graph { nodes: Vec::with_capacity(order.len()), tensors: graph.tensors.clone(), ..graph.clone() };
    for id in order {
        let node = graph.node(id);
        let inputs: Vec<NodeId> =
            node.inputs.iter().map(|i| position[i.index()].expect("operands of live nodes live")).collect();
        let ahead = inputs.iter().any(|i| i.index() >= out.nodes.len());
        // Feedback keeps the type it claims; the verifier holds it against its source.
        let ty = if ahead { node.ty.clone() } else { out.infer(&node.name, &node.op, &inputs)? };
        out.push_typed(&node.name, node.op.clone(), &inputs, ty);
    }
    out.output = position[graph.output.index()].expect("the output lives");
    let used: Vec<&str> = out.nodes.iter().flat_map(|n| n.op.rule().tensors()).collect();
    out.tensors = graph
        .tensors
        .iter()
        .filter(|(name, _)| used.contains(&name.as_str()))
        .map(|(n, t)| (n.clone(), t.clone()))
        .collect();
    Ok(out)
}

/// Nodes that the output depends on, and the input.
fn live(graph: &Graph) -> Vec<bool> {
    let mut live = vec![false; graph.nodes.len()];
    let mut todo: Vec<NodeId> = graph.input().into_iter().chain([graph.output]).collect();
    while let Some(id) = todo.pop() {
        if !std::mem::replace(&mut live[id.index()], true) {
            todo.extend(&graph.node(id).inputs);
        }
    }
    live
}

/// Operands before readers; only a delay may come before its source.
fn order(graph: &Graph, live: &[bool]) -> Vec<NodeId> {
    let mut done = vec![false; graph.nodes.len()];
    let mut order = Vec::new();
    for root in graph.ids().filter(|i| live[i.index()]) {
        let mut stack = vec![root];
        while let Some(&id) = stack.last() {
            let node = graph.node(id);
            let free = done[id.index()] || matches!(node.op, Op::Delay(_));
            if let Some(&first) = node.inputs.iter().find(|i| !free && !done[i.index()]) {
                stack.push(first);
                continue;
            }
            stack.pop();
            if !std::mem::replace(&mut done[id.index()], true) {
                order.push(id);
            }
        }
    }
    order
}

/// Makes readers of a node that computes what an earlier node computes read the earlier one.
///
/// Nodes must be in topological order.
pub(crate) fn share_equal(graph: &mut Graph) {
    let mut first: BTreeMap<(Vec<NodeId>, &'static str), Vec<NodeId>> = BTreeMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        if matches!(node.op, Op::Input(_)) {
            continue;
        }
        let same = first.entry((node.inputs.clone(), node.op.name())).or_default();
        match same.iter().find(|&&e| graph.node(e).op == node.op) {
            Some(&earlier) => rewire(graph, id, earlier),
            None => same.push(id),
        }
    }
}

/// For every node, whether its values are provably at least 0.
pub(crate) fn non_negative(graph: &Graph) -> Vec<bool> {
    let mut yes = vec![false; graph.nodes.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        let value = match &node.op {
            Op::Input(i) => i.kind != InputKind::Real,
            Op::Neuron(n) => n.is_non_negative(),
            Op::Radix(_) | Op::Sigmoid(_) | Op::Relu(_) => true,
            Op::AvgPool(_)
            | Op::MaxPool(_)
            | Op::Upsample(_)
            | Op::Accumulate(Accumulate { bias: None, .. })
            | Op::Flatten(_)
            | Op::Reduce(_)
            | Op::Delay(_)
            | Op::Readout(_)
            | Op::Add(_)
            | Op::Mul(_)
            | Op::Concat(_) => node.inputs.iter().all(|i| yes[i.index()]),
            _ => false,
        };
        yes[id.index()] = value;
    }
    yes
}
