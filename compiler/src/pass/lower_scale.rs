//! Constant factors become norms: `f·x` is `(x − 0)·f/√1 + 0`, which the next pass folds into the layer before.

use super::edit::{insert, insert_tensor, replace, tidy};
use super::Context;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::{Graph, NodeId, Op, Result, Tensor};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    while let Some((id, factors)) = graph.ids().find_map(|id| factors(&graph, id).map(|f| (id, f))) {
        let name = graph.node(id).name.clone();
        let source = graph.node(id).inputs[0];
        let channels = factors.len();
        let mut constant = |what: &str, values| {
            insert_tensor(&mut graph, &format!("{name}.{what}"), Tensor::real(vec![channels], values))
        };
        let norm = BatchNorm {
            weight: constant("gain", factors),
            bias: constant("zero", vec![0.0; channels]),
            mean: constant("zero", vec![0.0; channels]),
            var: constant("one", vec![1.0; channels]),
            eps: 0.0,
        };
        let new = insert(&mut graph, &name, norm, &[source])?;
        replace(&mut graph, id, new);
        graph = tidy(&graph)?;
    }
    tidy(&graph)
}

/// One factor a channel, if the node is a constant factor.
fn factors(graph: &Graph, id: NodeId) -> Option<Vec<f32>> {
    let Op::Scale(scale) = &graph.node(id).op else { return None };
    let values = graph.tensors[&scale.factor].as_real().expect("level trained");
    let channels = graph.node(id).ty.shape.c;
    Some(if values.len() == 1 { vec![values[0]; channels] } else { values.to_vec() })
}
