//! Takes every statistic of a layer from one reduction of its current.
//!
//! - `reduce_A(x·g) = reduce_{A∖B}(g · reduce_B(x))` where g does not vary along B ⊆ A (for a maximum: and g ≥ 0),
//!   so the statistics of a gated tensor come from those of the ungated one;
//! - `reduce_A(x) = reduce_{A∖hw}(reduce_hw(x))` where several statistics of x reduce rows and columns.
//!
//! The first is used only where no rows or columns are left in `reduce_B(x)`: it must stay small.

use super::edit::{insert, non_negative, replace, share_equal, tidy};
use super::Context;
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Axes, Axis, Graph, NodeId, Op, Result, Shape};

/// The pass.
pub(super) fn run(graph: &Graph, _: &Context<'_>) -> Result<Graph> {
    let mut graph = graph.clone();
    loop {
        let before = graph.nodes.len();
        for id in graph.ids() {
            ungate(&mut graph, id)?;
        }
        let ungated = graph.nodes.len() != before;
        graph = tidy(&graph)?;
        let before = graph.nodes.len();
        for id in graph.ids() {
            split(&mut graph, id)?;
        }
        let changed = ungated || graph.nodes.len() != before;
        graph = tidy(&graph)?;
        share_equal(&mut graph);
        graph = tidy(&graph)?;
        if !changed {
            return Ok(graph);
        }
    }
}

/// Axes of a set along which a shape has more than one element.
fn effective(axes: Axes, shape: Shape) -> Axes {
    let dims = shape.dims();
    Axes::of(&axes.members().into_iter().filter(|&a| dims[a as usize] > 1).collect::<Vec<_>>())
}

fn without(axes: Axes, less: Axes) -> Axes {
    Axes::of(&axes.members().into_iter().filter(|&a| !less.has(a)).collect::<Vec<_>>())
}

fn contains(axes: Axes, part: Axes) -> bool {
    part.members().into_iter().all(|a| axes.has(a))
}

fn spatial(shape: Shape) -> Axes {
    effective(Axes::of(&[Axis::H, Axis::W]), shape)
}

fn word(kind: ReduceKind) -> &'static str {
    match kind {
        ReduceKind::Mean => "mean",
        ReduceKind::Sum => "sum",
        ReduceKind::Max => "max",
    }
}

/// `name.mean_hw` for a mean over rows and columns.
fn statistic_name(graph: &Graph, x: NodeId, kind: ReduceKind, axes: Axes) -> String {
    let letters: String = axes.members().into_iter().map(|a| ["t", "c", "h", "w"][a as usize]).collect();
    format!("{}.{}_{letters}", graph.node(x).name, word(kind))
}

/// The reduction of x that exists, or a new one.
fn shared_reduce(graph: &mut Graph, name: &str, reduce: Reduce, x: NodeId) -> Result<NodeId> {
    let op = Op::Reduce(reduce);
    let same = |&i: &NodeId| graph.node(i).op == op && graph.node(i).inputs == [x];
    match graph.ids().find(same) {
        Some(id) => Ok(id),
        None => insert(graph, name, op, &[x]),
    }
}

/// A reduction of a gated value becomes one of the ungated value, gated.
fn ungate(graph: &mut Graph, id: NodeId) -> Result<()> {
    let Op::Reduce(reduce) = graph.node(id).op.clone() else { return Ok(()) };
    let product = graph.node(id).inputs[0];
    let Op::Mul(_) = graph.node(product).op else { return Ok(()) };
    let full = graph.node(product).ty.shape;
    let axes = effective(reduce.axes, full);
    let constant_along = |g: NodeId| {
        let dims = graph.node(g).ty.shape.dims();
        Axes::of(&axes.members().into_iter().filter(|&a| dims[a as usize] == 1).collect::<Vec<_>>())
    };
    let positive = non_negative(graph);
    let pick = |x: NodeId, g: NodeId| {
        let along = constant_along(g);
        let left = full.reduced(along);
        let sound = reduce.kind != ReduceKind::Max || positive[g.index()];
        let useful =
            graph.node(x).ty.shape == full && along != Axes::default() && spatial(left) == Axes::default();
        (sound && useful).then_some((x, g, along))
    };
    let [a, b] = [graph.node(product).inputs[0], graph.node(product).inputs[1]];
    let Some((x, gate, along)) = pick(a, b).or_else(|| pick(b, a)) else { return Ok(()) };
    let name = statistic_name(graph, x, reduce.kind, along);
    let inner = shared_reduce(graph, &name, Reduce { kind: reduce.kind, axes: along }, x)?;
    let name = format!("{}.gated", graph.node(id).name);
    let gated = insert(graph, &name, Mul {}, &[inner, gate])?;
    let rest = without(axes, along);
    let new = if rest == Axes::default() {
        gated
    } else {
        let name = graph.node(id).name.clone();
        insert(graph, &name, Reduce { kind: reduce.kind, axes: rest }, &[gated])?
    };
    replace(graph, id, new);
    Ok(())
}

/// A reduction over rows, columns and more becomes one of the shared reduction over rows and columns.
fn split(graph: &mut Graph, id: NodeId) -> Result<()> {
    let Op::Reduce(reduce) = graph.node(id).op.clone() else { return Ok(()) };
    let x = graph.node(id).inputs[0];
    let shape = graph.node(x).ty.shape;
    let plane = spatial(shape);
    let axes = effective(reduce.axes, shape);
    if plane == Axes::default() || axes == plane || !contains(axes, plane) {
        return Ok(());
    }
    let shared = graph.nodes.iter().any(|n| match &n.op {
        Op::Reduce(r) if n.inputs[0] == x && r.kind == reduce.kind => {
            let other = effective(r.axes, shape);
            other != axes && contains(other, plane)
        }
        _ => false,
    });
    if shared {
        let name = statistic_name(graph, x, reduce.kind, plane);
        let inner = shared_reduce(graph, &name, Reduce { kind: reduce.kind, axes: plane }, x)?;
        let rest = Reduce { kind: reduce.kind, axes: without(axes, plane) };
        let name = graph.node(id).name.clone();
        let new = insert(graph, &name, rest, &[inner])?;
        replace(graph, id, new);
    }
    Ok(())
}
