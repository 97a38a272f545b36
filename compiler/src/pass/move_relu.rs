//! `ReLU(x·g)` becomes `ReLU(x)·g` where g ≥ 0: values that vanish are not multiplied.
//!
//! Exact also behind the quantiser: rounding half up takes no negative product above 0.

use super::edit::{insert, non_negative, replace, tidy};
use super::Context;
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::{Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    loop {
        let (users, positive) = (graph.users(), non_negative(&graph));
        let Some((id, product, x, g)) = graph.ids().find_map(|id| find(&graph, id, &users, &positive)) else {
            break;
        };
        let name = format!("{}.relu", graph.node(product).name);
        let relu = insert(&mut graph, &name, Relu {}, &[x])?;
        let name = graph.node(id).name.clone();
        let new = insert(&mut graph, &name, Mul {}, &[relu, g])?;
        replace(&mut graph, id, new);
        graph = tidy(&graph)?;
    }
    tidy(&graph)
}

fn find(
    graph: &Graph,
    id: NodeId,
    users: &[Vec<NodeId>],
    positive: &[bool],
) -> Option<(NodeId, NodeId, NodeId, NodeId)> {
    let Op::Relu(_) = graph.node(id).op else { return None };
    let product = graph.node(id).inputs[0];
    let Op::Mul(_) = graph.node(product).op else { return None };
    let &[a, b] = graph.node(product).inputs.as_slice() else { return None };
    let (x, g) = if positive[b.index()] { (a, b) } else { (b, a) };
    // The value that stays full size is the one to rectify early.
    let useful = graph.node(x).ty.shape == graph.node(id).ty.shape && !positive[x.index()];
    (positive[g.index()] && useful && users[product.index()] == [id] && graph.output != product)
        .then_some((id, product, x, g))
}
