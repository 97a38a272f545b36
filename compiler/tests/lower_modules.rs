//! `lower-attention` leaves no module in a graph and the value of every one as it was.

#[allow(unused_imports)] // the graph of level flow is for other tests
#[path = "../ir/tests/common/mod.rs"]
mod common;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pulvinar_compiler::pass::{run_pass, Context};
use pulvinar_compiler::{Options, PASSES};
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::expand::expand;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::{interpret, Graph, Level, Node, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// The node alone, on an input; its second operand follows from the first, a third is the first. None if it does not fit.
fn alone(graph: &Graph, node: &Node) -> Option<Graph> {
    let shape = graph.node(*node.inputs.first()?).ty.shape;
    let mut alone = Graph::new("alone", Level::Trained, graph.timesteps);
    alone.tensors.clone_from(&graph.tensors);
    let input = Input { shape: [shape.c, shape.h, shape.w], kind: InputKind::Real, max: 0 };
    let x = alone.push("input", input.into(), &[]).ok()?;
    let other = alone.push("other", Affine { mul: -0.5, add: 0.75 }.into(), &[x]).ok()?;
    let operands: Vec<NodeId> = [x, other, x].into_iter().take(node.inputs.len()).collect();
    alone.push(&node.name, node.op.clone(), &operands).ok()?;
    Some(alone)
}

fn is_module(graph: &Graph, node: &Node) -> bool {
    expand(&mut graph.clone(), node).is_some()
}

#[test]
fn the_value_of_every_module_stays() {
    let options = Options::default();
    let pass = PASSES.iter().find(|p| p.name == "lower-attention").unwrap();
    let mut runner = TestRunner::deterministic();
    let (mut seen, mut made) = (BTreeMap::new(), BTreeSet::new());
    for seed in 0..2000 {
        let graph = common::graphs().new_tree(&mut runner).unwrap().current();
        for node in graph.nodes.iter().filter(|n| is_module(&graph, n)) {
            made.insert(node.op.name());
            let Some(before) = alone(&graph, node) else { continue };
            let after = run_pass(pass, &before, &Context { options: &options, calibration: None }).unwrap();
            assert!(!after.nodes.iter().any(|n| is_module(&after, n)), "a module is left in\n{after:?}");
            let input = common::input_for(&before, seed);
            let (want, got) = (interpret::output(&before, &input), interpret::output(&after, &input));
            let (want, got) = (want.unwrap(), got.unwrap());
            assert_eq!(want.shape, got.shape);
            let largest = want.reals().iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for (w, g) in want.reals().iter().zip(got.reals()) {
                assert!((w - g).abs() <= 1e-6 * largest, "{}: {w} became {g}", node.op.name());
            }
            *seen.entry(node.op.name()).or_insert(0) += 1;
        }
    }
    assert!(made.iter().all(|m| seen.get(m).is_some_and(|&n| n > 10)), "{made:?}, compared {seen:?}");
}
