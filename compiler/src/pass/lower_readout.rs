//! A mean or sum over time inside a network, and the layers behind it, become steps of the machine: the sum leaves with the
//! last step, the layers see zeros before, and the answer is what they give in the last step.
//!
//! Taken where everything behind the readout depends on nothing else (the head of a hybrid network); a mean over time that
//! gates something is a statistic and stays.

use super::edit::{insert, replace, tidy};
use super::Context;
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Axes, Axis, Graph, NodeId, Op, Result, Tensor};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    let Some(head) = head(&graph) else { return tidy(&graph) };
    let mut new: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    for id in graph.ids().filter(|id| head[id.index()]) {
        let node = graph.node(id).clone();
        let op = match sum_over_time(&node.op) {
            Some(kind) => Accumulate { kind, window: graph.timesteps, bias: None }.into(),
            None => in_steps(&mut graph, id),
        };
        let inputs: Vec<NodeId> = node.inputs.iter().map(|&i| new[i.index()].unwrap_or(i)).collect();
        new[id.index()] = Some(insert(&mut graph, &format!("{}.last", node.name), op, &inputs)?);
    }
    let output = graph.output;
    let last = new[output.index()].expect("the head ends in the output");
    let readout = insert(&mut graph, "readout", Readout { kind: ReadoutKind::Last }, &[last])?;
    replace(&mut graph, output, readout);
    tidy(&graph)
}

/// A reduction over all time, and nothing else.
fn sum_over_time(op: &Op) -> Option<AccumulateKind> {
    match op {
        Op::Reduce(Reduce { kind: ReduceKind::Mean, axes }) if *axes == Axes::of(&[Axis::T]) => {
            Some(AccumulateKind::Mean)
        }
        Op::Reduce(Reduce { kind: ReduceKind::Sum, axes }) if *axes == Axes::of(&[Axis::T]) => {
            Some(AccumulateKind::Sum)
        }
        Op::Readout(Readout { kind: ReadoutKind::Mean }) => Some(AccumulateKind::Mean),
        Op::Readout(Readout { kind: ReadoutKind::Sum }) => Some(AccumulateKind::Sum),
        _ => None,
    }
}

/// Readouts and what lies behind them, if that ends in the output and reads nothing else.
fn head(graph: &Graph) -> Option<Vec<bool>> {
    let mut head = vec![false; graph.nodes.len()];
    for id in graph.ids().filter(|&id| id != graph.output || sum_over_time(&graph.node(id).op).is_none()) {
        let node = graph.node(id);
        let inside = |i: &NodeId| head[i.index()];
        let reads_time = node.inputs.iter().all(|i| graph.node(*i).ty.shape.t == graph.timesteps);
        head[id.index()] = if node.inputs.iter().any(inside) {
            if !node.inputs.iter().all(inside) || !keeps_steps_apart(graph, id) {
                return None;
            }
            true
        } else {
            sum_over_time(&node.op).is_some() && reads_time && !node.inputs.is_empty()
        };
    }
    head[graph.output.index()].then_some(head)
}

/// True for an op of a head: its value at a step is a function of its operands at that step.
fn keeps_steps_apart(graph: &Graph, id: NodeId) -> bool {
    let spatial = Axes::of(&[Axis::H, Axis::W]);
    let op = &graph.node(id).op;
    let layer = matches!(op, Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) | Op::BatchNorm(_));
    let places = matches!(op, Op::AvgPool(_) | Op::MaxPool(_) | Op::Upsample(_) | Op::Flatten(_));
    match op {
        Op::Dense(d) => d.axis == Axis::C,
        Op::Reduce(r) => r.kind == ReduceKind::Mean && r.axes == spatial,
        Op::Concat(_) | Op::Relu(_) | Op::Add(_) | Op::Affine(_) | Op::Scale(_) => true,
        _ => layer || places,
    }
}

/// The op for values with steps: maps along the channels are layers, a mean over all places is a pool.
fn in_steps(graph: &mut Graph, id: NodeId) -> Op {
    let node = graph.node(id).clone();
    let shape = graph.node(node.inputs[0]).ty.shape;
    match node.op {
        Op::Dense(d) if shape.h * shape.w == 1 => Linear { weight: d.weight, bias: d.bias }.into(),
        Op::Dense(d) => {
            let old = &graph.tensors[&d.weight];
            let values = old.as_real().expect("level trained").to_vec();
            let kernel = Tensor::real(vec![old.shape[0], old.shape[1], 1, 1], values);
            let weight = graph.insert_tensor(&format!("{}.kernel", node.name), kernel);
            Conv2d { bias: d.bias, ..Conv2d::same(&weight, [1, 1]) }.into()
        }
        Op::Reduce(_) => {
            let kernel = [shape.h, shape.w];
            AvgPool { kernel, stride: kernel, padding: [0; 4] }.into()
        }
        op => op,
    }
}
