//! The verifier: every graph that leaves a pass or a loader goes through it.

use crate::diag::{Diagnostic, Result};
use crate::graph::Graph;
use crate::op::Op;
use crate::shape::Elem;
use std::collections::BTreeSet;

/// Checks names, edges, order, levels, tensors and types; re-infers every type.
pub fn verify(graph: &Graph) -> Result<()> {
    graph.nodes.iter().try_for_each(|n| n.ty.check(&format!("node `{}`", n.name)))?;
    let mut names = BTreeSet::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let place = format!("{id} `{}`", node.name);
        if !names.insert(&node.name) {
            return Err(Diagnostic::new("E0107", place, "two nodes have this name", "rename one of them"));
        }
        if !node.op.levels().contains(&graph.level) {
            return Err(Diagnostic::new(
                "E0201",
                place,
                format!("op `{}` does not exist at level `{}`", node.op.name(), graph.level),
                "run the pass that lowers it (`pulvinar passes`)",
            ));
        }
        for &input in &node.inputs {
            if input.index() >= graph.nodes.len() {
                return Err(Diagnostic::new(
                    "E0105",
                    place,
                    format!("{input} does not exist"),
                    "give the name of an existing node",
                ));
            }
            if input >= id && !matches!(node.op, Op::Delay(_)) {
                return Err(Diagnostic::new(
                    "E0108",
                    place,
                    format!("reads {input}, which comes later"),
                    "close a cycle through a `delay` only",
                ));
            }
        }
        let types: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).ty).collect();
        let ty = graph.infer_types(&node.name, &node.op, &types)?;
        if ty.shape != node.ty.shape || !holds(&node.ty.elem, &ty.elem) {
            return Err(Diagnostic::new(
                "E0203",
                place,
                format!("type {} is claimed and {ty} follows", node.ty),
                "run shape and range inference",
            ));
        }
    }
    check_whole(graph)
}

/// A claimed element type must contain the inferred range and agree on the scale.
fn holds(claimed: &Elem, inferred: &Elem) -> bool {
    match (claimed, inferred) {
        (Elem::Real, Elem::Real) => true,
        (Elem::Int(c), Elem::Int(i)) => {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
            c.lo <= i.lo
                && c.hi >= i.hi
                && c.scale.len() == i.scale.len()
                && c.scale.iter().zip(&i.scale).all(close)
        }
        _ => false,
    }
}

fn check_whole(graph: &Graph) -> Result<()> {
    let inputs = graph.ids().filter(|&i| matches!(graph.node(i).op, Op::Input(_))).count();
    if inputs != 1 {
        return Err(Diagnostic::new(
            "E0106",
            &graph.name,
            format!("the graph has {inputs} inputs"),
            "a network has exactly one input",
        ));
    }
    if graph.output.index() >= graph.nodes.len() {
        return Err(Diagnostic::new(
            "E0105",
            &graph.name,
            "the output names a node that does not exist",
            "name an existing node",
        ));
    }
    if graph.timesteps == 0 || graph.timesteps > 1 << 16 {
        return Err(Diagnostic::new(
            "E0109",
            &graph.name,
            format!("{} timesteps", graph.timesteps),
            "give from 1 to 65536 timesteps",
        ));
    }
    for (name, tensor) in &graph.tensors {
        if let Some(i) = tensor.as_real().and_then(|v| v.iter().position(|x| !x.is_finite())) {
            return Err(Diagnostic::new(
                "E0110",
                format!("tensor `{name}`"),
                format!("value {i} is NaN or infinite"),
                "train or export the model again; such weights cannot be quantised",
            ));
        }
    }
    Ok(())
}
