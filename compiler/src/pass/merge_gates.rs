//! `(x·g₁)·g₂` becomes `x·(g₁·g₂)`: one multiply an element.
//!
//! A product smaller than x is made once by the attention engine; it is taken where nothing else reads `x·g₁`. A product
//! as large as x is made in the sweep from two gates, narrower than the multiplication of a current that it saves.

use super::edit::{insert, replace, share_equal, tidy};
use super::Context;
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::{Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    loop {
        let users = graph.users();
        let Some((id, x, g1, g2)) = graph.ids().find_map(|id| find(&graph, id, &users)) else { break };
        let name = graph.node(id).name.clone();
        let gates = insert(&mut graph, &format!("{name}.gates"), Mul {}, &[g1, g2])?;
        let new = insert(&mut graph, &name, Mul {}, &[x, gates])?;
        replace(&mut graph, id, new);
        graph = tidy(&graph)?;
    }
    share_equal(&mut graph);
    tidy(&graph)
}

/// The full-size operand of a product and its gate.
fn factors(graph: &Graph, id: NodeId) -> Option<(NodeId, NodeId)> {
    let node = graph.node(id);
    let Op::Mul(_) = node.op else { return None };
    let full = |i: NodeId| graph.node(i).ty.shape == node.ty.shape;
    match (full(node.inputs[0]), full(node.inputs[1])) {
        (true, false) => Some((node.inputs[0], node.inputs[1])),
        (false, true) => Some((node.inputs[1], node.inputs[0])),
        _ => None,
    }
}

fn find(graph: &Graph, id: NodeId, users: &[Vec<NodeId>]) -> Option<(NodeId, NodeId, NodeId, NodeId)> {
    let (inner, g2) = factors(graph, id)?;
    let (x, g1) = factors(graph, inner)?;
    let shape = |i: NodeId| graph.node(i).ty.shape;
    let product = shape(g1).broadcast(shape(g2))?;
    let full = product == shape(x);
    let sole = users[inner.index()] == [id] && graph.output != inner;
    (full || sole && product.len() < shape(x).len()).then_some((id, x, g1, g2))
}
