//! Writes attention as reductions, small dense layers, sigmoids and products.
//!
//! The two branches of an MLP without bias meet before its second layer, `M(a) + M(b) = W1·(ReLU(W0·a) + ReLU(W0·b))`,
//! which is exact because the layer is linear. Source of the modules: Yao et al., arXiv 2209.13929.

use super::edit::{insert, replace, tidy};
use super::Context;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::concat::Concat;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::ma_attention::{same_padding, MaAttention};
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::sigmoid::Sigmoid;
use pulvinar_ir::{Axes, Axis, Graph, NodeId, Op, Result};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    for id in graph.ids() {
        let node = graph.node(id).clone();
        let new = match &node.op {
            Op::MaAttention(a) => lower(&mut graph, &node.name, a, node.inputs[0])?,
            Op::TAttention(a) => {
                let gate = mlp_gate(
                    &mut graph,
                    &format!("{}.t", node.name),
                    Axis::T,
                    [&a.w0, &a.w1],
                    node.inputs[0],
                )?;
                insert(&mut graph, &node.name, Mul {}, &[node.inputs[0], gate])?
            }
            _ => continue,
        };
        replace(&mut graph, id, new);
    }
    tidy(&graph)
}

fn lower(graph: &mut Graph, name: &str, a: &MaAttention, input: NodeId) -> Result<NodeId> {
    let mut x = input;
    for (axis, letter, w0, w1) in [(Axis::T, 't', &a.ta0, &a.ta1), (Axis::C, 'c', &a.ca0, &a.ca1)] {
        if let (Some(w0), Some(w1)) = (w0, w1) {
            let gate = mlp_gate(graph, &format!("{name}.{letter}"), axis, [w0, w1], x)?;
            x = insert(graph, &format!("{name}.{letter}"), Mul {}, &[x, gate])?;
        }
    }
    if let Some(kernel) = &a.sa {
        let gate = spatial_gate(graph, &format!("{name}.s"), kernel, x)?;
        x = insert(graph, &format!("{name}.s"), Mul {}, &[x, gate])?;
    }
    if a.relu {
        x = insert(graph, &format!("{name}.relu"), Relu {}, &[x])?;
    }
    Ok(x)
}

/// `σ(W1·(ReLU(W0·mean x) + ReLU(W0·max x)))` along one axis.
fn mlp_gate(graph: &mut Graph, name: &str, axis: Axis, [w0, w1]: [&String; 2], x: NodeId) -> Result<NodeId> {
    let others: Vec<Axis> = Axis::ALL.into_iter().filter(|&a| a != axis).collect();
    let dense = |weight: &String| Dense { weight: weight.clone(), bias: None, axis };
    let mut hidden = Vec::new();
    for (kind, word) in [(ReduceKind::Mean, "mean"), (ReduceKind::Max, "max")] {
        let statistic =
            insert(graph, &format!("{name}.{word}"), Reduce { kind, axes: Axes::of(&others) }, &[x])?;
        let h = insert(graph, &format!("{name}.{word}.fc0"), dense(w0), &[statistic])?;
        hidden.push(insert(graph, &format!("{name}.{word}.relu"), Relu {}, &[h])?);
    }
    let sum = insert(graph, &format!("{name}.hidden"), Add {}, &hidden)?;
    let out = insert(graph, &format!("{name}.fc1"), dense(w1), &[sum])?;
    insert(graph, &format!("{name}.gate"), Sigmoid {}, &[out])
}

/// `σ(conv([mean_tc x ; max_tc x]))`, the same size as a frame.
fn spatial_gate(graph: &mut Graph, name: &str, kernel: &str, x: NodeId) -> Result<NodeId> {
    let axes = Axes::of(&[Axis::T, Axis::C]);
    let mean = insert(graph, &format!("{name}.mean"), Reduce { kind: ReduceKind::Mean, axes }, &[x])?;
    let max = insert(graph, &format!("{name}.max"), Reduce { kind: ReduceKind::Max, axes }, &[x])?;
    let maps = insert(graph, &format!("{name}.maps"), Concat {}, &[mean, max])?;
    let sizes = graph.tensors.get(kernel).map_or([1, 1], |t| [t.shape[2], t.shape[3]]);
    let ((top, bottom), (left, right)) = (same_padding(sizes[0]), same_padding(sizes[1]));
    let conv = Conv2d {
        weight: kernel.to_owned(),
        bias: None,
        stride: [1, 1],
        padding: [top, bottom, left, right],
        dilation: [1, 1],
        groups: 1,
    };
    let out = insert(graph, &format!("{name}.conv"), conv, &[maps])?;
    insert(graph, &format!("{name}.gate"), Sigmoid {}, &[out])
}
