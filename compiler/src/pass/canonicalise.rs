//! Drops what computes nothing: identities, repeated nodes, dead nodes, unused tensors.

use super::edit::{non_negative, rewire, share_equal, tidy};
use super::Context;
use pulvinar_ir::{Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = tidy(graph)?;
    let non_negative = non_negative(&graph);
    for id in graph.ids() {
        if is_identity(&graph, id, &non_negative) {
            let source = graph.node(id).inputs[0];
            rewire(&mut graph, id, source);
        }
    }
    share_equal(&mut graph);
    tidy(&graph)
}

/// True for a node whose value is its first operand's, bit for bit.
fn is_identity(graph: &Graph, id: NodeId, non_negative: &[bool]) -> bool {
    let node = graph.node(id);
    let Some(&source) = node.inputs.first() else { return false };
    let same_shape = graph.node(source).ty.shape == node.ty.shape;
    let plain = |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 4]| {
        kernel == [1, 1] && stride == [1, 1] && padding == [0; 4]
    };
    match &node.op {
        Op::Affine(a) => a.mul.to_bits() == 1f64.to_bits() && a.add.to_bits() == 0,
        Op::Relu(_) => non_negative[source.index()],
        Op::AvgPool(p) => plain(p.kernel, p.stride, p.padding),
        Op::MaxPool(p) => plain(p.kernel, p.stride, p.padding),
        Op::Flatten(_) | Op::Reduce(_) | Op::Upsample(_) => same_shape,
        Op::Concat(_) => node.inputs.len() == 1,
        _ => false,
    }
}
