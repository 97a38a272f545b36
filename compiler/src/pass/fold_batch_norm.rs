//! Folds batch norms and scalar affines into the convolution or linear layer before them.
//!
//! `a·(W·x + b) + c = (a·W)·x + (a·b + c)` per output channel, also through an average pool without padding.
//! Arithmetic in f64, results in f32. A norm with nothing to fold into becomes a depthwise 1×1 convolution. An affine of a
//! statistic stays where the quantiser has an exact form for it: a positive factor is a change of scale, and what was chosen
//! (`top_k` and sums and products of it) has so few values that a table holds the result.

use super::edit::{insert, insert_tensor, replace, rewire, tidy};
use super::quantise::analysis::statistics;
use super::Context;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::{Graph, NodeId, Op, Result, Tensor};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    let statistics = statistics(&graph);
    for id in graph.ids() {
        if statistics[id.index()] && stays(&graph, id) {
            continue;
        }
        let Some(slopes) = slopes(&graph, id) else { continue };
        let source = graph.node(id).inputs[0];
        if let Some(layer) = layer_before(&graph, source) {
            fold(&mut graph, layer, &slopes);
            rewire(&mut graph, id, source);
        } else {
            let conv = depthwise(&mut graph, id, &slopes)?;
            replace(&mut graph, id, conv);
        }
    }
    tidy(&graph)
}

/// An affine of a statistic with an exact integer form.
fn stays(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    matches!(&node.op, Op::Affine(a) if (a.mul > 0.0 && a.add == 0.0) || is_choice(graph, id))
}

/// True for bits that tell who was chosen, and whole-numbered sums and products of them.
fn is_choice(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let of_choices = || node.inputs.iter().all(|&i| is_choice(graph, i));
    match &node.op {
        Op::TopK(_) => true,
        Op::Add(_) | Op::Mul(_) => of_choices(),
        Op::Affine(a) => a.mul.fract() == 0.0 && a.add.fract() == 0.0 && of_choices(),
        _ => false,
    }
}

/// Slope and offset per channel of a batch norm or affine.
fn slopes(graph: &Graph, id: NodeId) -> Option<Vec<(f64, f64)>> {
    let node = graph.node(id);
    match &node.op {
        Op::BatchNorm(bn) => {
            Some(bn.slope_and_offset(|n| graph.tensors[n].as_real().expect("level trained")))
        }
        Op::Affine(a) => Some(vec![(a.mul, a.add); node.ty.shape.c]),
        _ => None,
    }
}

/// The layer whose only way out is through `id` (itself, or average pools behind it).
fn layer_before(graph: &Graph, mut id: NodeId) -> Option<NodeId> {
    let users = graph.users();
    loop {
        if users[id.index()].len() != 1 || graph.output == id {
            return None;
        }
        match &graph.node(id).op {
            Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) => return Some(id),
            Op::AvgPool(p) if p.padding == [0; 4] => id = graph.node(id).inputs[0],
            _ => return None,
        }
    }
}

/// Scales the rows of a layer and moves its bias; shared tensors are copied.
fn fold(graph: &mut Graph, layer: NodeId, slopes: &[(f64, f64)]) {
    let name = graph.node(layer).name.clone();
    let op = graph.node(layer).op.clone();
    let (weight, bias) = op.weights().expect("layer_before returns layers with weights");
    let tensor = &graph.tensors[weight];
    let values = tensor.as_real().expect("level trained");
    let row = (values.len() / slopes.len()).max(1);
    let scaled = values.iter().enumerate().map(|(i, &w)| (slopes[i / row].0 * f64::from(w)) as f32).collect();
    let scaled = Tensor::real(tensor.shape.clone(), scaled);
    let old_bias = bias.map(|b| graph.tensors[b].as_real().expect("level trained").to_vec());
    let old = |o: usize| old_bias.as_ref().map_or(0.0, |b| f64::from(b[o]));
    let moved = slopes.iter().enumerate().map(|(o, &(a, c))| (a * old(o) + c) as f32).collect();
    let moved = Tensor::real(vec![slopes.len()], moved);
    let new_weight = insert_tensor(graph, &format!("{name}.weight.folded"), scaled);
    let new_bias = Some(insert_tensor(graph, &format!("{name}.bias.folded"), moved));
    graph.nodes[layer.index()].op = op.with_weights(new_weight, new_bias);
}

/// The norm as a layer of its own.
fn depthwise(graph: &mut Graph, id: NodeId, slopes: &[(f64, f64)]) -> Result<NodeId> {
    let node = graph.node(id).clone();
    let channels = slopes.len();
    let weight = Tensor::real(vec![channels, 1, 1, 1], slopes.iter().map(|s| s.0 as f32).collect());
    let bias = Tensor::real(vec![channels], slopes.iter().map(|s| s.1 as f32).collect());
    let conv = Conv2d {
        weight: insert_tensor(graph, &format!("{}.slope", node.name), weight),
        bias: Some(insert_tensor(graph, &format!("{}.offset", node.name), bias)),
        stride: [1, 1],
        padding: [0; 4],
        dilation: [1, 1],
        groups: channels,
    };
    insert(graph, &node.name, conv, &node.inputs)
}
