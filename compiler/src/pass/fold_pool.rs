//! Makes one strided convolution of a convolution and an average pool next to it.
//!
//! Both are linear, so the composite kernel is exact: behind the convolution it has `k + s·(p − 1)` taps and stride
//! `s·p_s`, before it `p_s·(k − 1) + p` taps. A fold is refused where padding would be seen by one and not by the
//! other, or where the weights would grow more than sixteenfold.

use super::edit::{insert, insert_tensor, replace, rewire, tidy};
use super::Context;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::{Graph, NodeId, Op, Result, Tensor};

/// Largest growth of the weights that a fold may cause.
const MAX_GROWTH: usize = 16;

/// The pass.
pub(super) fn run(graph: &Graph, cx: &Context<'_>) -> Result<Graph> {
    let mut graph = tidy(graph)?;
    while cx.options.fold_pool && fold_one(&mut graph)? {
        graph = tidy(&graph)?;
    }
    tidy(&graph)
}

/// Makes the first fold there is; false if there is none.
fn fold_one(graph: &mut Graph) -> Result<bool> {
    for id in graph.ids() {
        if fold_behind(graph, id) || fold_before(graph, id)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The only operand of `id`, if `id` is its only reader.
fn sole_operand(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let &[source] = graph.node(id).inputs.as_slice() else { return None };
    let readers = graph.nodes.iter().flat_map(|n| &n.inputs).filter(|&&i| i == source).count();
    (readers == 1 && graph.output != source).then_some(source)
}

/// Folds the pool `id` into the convolution it reads.
fn fold_behind(graph: &mut Graph, id: NodeId) -> bool {
    let Op::AvgPool(pool) = &graph.node(id).op else { return false };
    let pool = pool.clone();
    let Some(source) = sole_operand(graph, id) else { return false };
    let Op::Conv2d(conv) = &graph.node(source).op else { return false };
    if pool.padding != [0; 4] || conv.dilation != [1, 1] {
        return false;
    }
    let stride = conv.stride;
    let conv = Conv2d { stride: [0, 1].map(|i| stride[i] * pool.stride[i]), ..conv.clone() };
    let Some(conv) = composite(graph, source, conv, &pool, [1, 1], stride) else { return false };
    graph.nodes[source.index()].op = conv.into();
    rewire(graph, id, source);
    true
}

/// Folds the pool that the convolution `id` reads into it.
fn fold_before(graph: &mut Graph, id: NodeId) -> Result<bool> {
    let Op::Conv2d(conv) = &graph.node(id).op else { return Ok(false) };
    let Some(source) = sole_operand(graph, id) else { return Ok(false) };
    let Op::AvgPool(pool) = graph.node(source).op.clone() else { return Ok(false) };
    let (input, pooled) = (graph.node(graph.node(source).inputs[0]).ty.shape, graph.node(source).ty.shape);
    let sizes = [(input.h, pooled.h), (input.w, pooled.w)];
    // A padded tap of the convolution must see padding only: windows do not overlap and tile the input.
    let tiles = (0..2).all(|i| pool.kernel[i] <= pool.stride[i] && sizes[i].1 * pool.stride[i] >= sizes[i].0);
    if pool.padding != [0; 4] || conv.dilation != [1, 1] || !(conv.padding == [0; 4] || tiles) {
        return Ok(false);
    }
    let grow = |i: usize| conv.padding[i] * pool.stride[i / 2];
    let folded = Conv2d {
        stride: [0, 1].map(|i| conv.stride[i] * pool.stride[i]),
        padding: [grow(0), grow(1), grow(2), grow(3)],
        ..conv.clone()
    };
    let step = pool.stride;
    let Some(folded) = composite(graph, id, folded, &pool, step, [1, 1]) else { return Ok(false) };
    let inputs = graph.node(source).inputs.clone();
    let wanted = graph.node(id).ty.shape;
    let name = graph.node(id).name.clone();
    let new = insert(graph, &name, folded, &inputs)?;
    let exact = graph.node(new).ty.shape == wanted;
    if exact {
        replace(graph, id, new);
    }
    Ok(exact)
}

/// `conv` with the kernel that has tap `k·kernel_step + j·pool_step` for kernel tap k and pool tap j; none if it grows too much.
fn composite(
    graph: &mut Graph,
    layer: NodeId,
    conv: Conv2d,
    pool: &AvgPool,
    kernel_step: [usize; 2],
    pool_step: [usize; 2],
) -> Option<Conv2d> {
    let old = &graph.tensors[&conv.weight];
    let values = old.as_real().expect("level trained");
    let [kh, kw] = [old.shape[2], old.shape[3]];
    let size = |i: usize, k: usize| (k - 1) * kernel_step[i] + (pool.kernel[i] - 1) * pool_step[i] + 1;
    let (nh, nw) = (size(0, kh), size(1, kw));
    if nh * nw > MAX_GROWTH * kh * kw {
        return None;
    }
    let share = 1.0 / (pool.kernel[0] * pool.kernel[1]) as f64;
    let mut sums = vec![0.0; values.len() / (kh * kw) * nh * nw];
    for (i, &w) in values.iter().enumerate() {
        let (plane, y, x) = (i / (kh * kw), i / kw % kh, i % kw);
        for jy in 0..pool.kernel[0] {
            for jx in 0..pool.kernel[1] {
                let (row, col) =
                    (y * kernel_step[0] + jy * pool_step[0], x * kernel_step[1] + jx * pool_step[1]);
                sums[(plane * nh + row) * nw + col] += f64::from(w) * share;
            }
        }
    }
    let shape = vec![old.shape[0], old.shape[1], nh, nw];
    let tensor = Tensor::real(shape, sums.into_iter().map(|v| v as f32).collect());
    let name = format!("{}.weight.pooled", graph.node(layer).name);
    Some(Conv2d { weight: insert_tensor(graph, &name, tensor), ..conv })
}
