//! Every pass of the table keeps what it says it keeps, and twice equals once.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; spikes are 0.0 or 1.0 exactly

mod passes_common;

use passes_common::{build, inputs, net_spec, observed, real, smallest_margin};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use pulvinar_compiler::pass::{run_pass, Context, Meaning};
use pulvinar_compiler::{lower, Calibration, Options, PASSES};
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::op::sigmoid::Sigmoid;
use pulvinar_ir::{interpret, Axes, Axis, Elem, Graph, Level, Node, Op, Tensor, Value};

/// Runs with a membrane closer to its threshold than this may flip by rounding and prove nothing.
const MARGIN: f64 = 2e-5;

fn close(a: &Value, b: &Value) -> Result<(), TestCaseError> {
    let largest = a.reals().iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    prop_assert_eq!(a.shape, b.shape);
    for (x, y) in a.reals().iter().zip(b.reals()) {
        prop_assert!((x - y).abs() <= 1e-5 * largest, "{} became {} (largest {})", x, y, largest);
    }
    Ok(())
}

fn same_trained(
    name: &str,
    meaning: Meaning,
    before: &Graph,
    after: &Graph,
    input: &Value,
) -> Result<(), TestCaseError> {
    let (a, b) = (observed(before, input), observed(after, input));
    prop_assert_eq!(a.len(), b.len(), "pass {} lost a neuron", name);
    for ((n, current, spikes), (m, current2, spikes2)) in a.iter().zip(&b) {
        prop_assert_eq!(n, m);
        prop_assert_eq!(spikes, spikes2, "pass {}, node {}", name, n);
        if meaning == Meaning::Exact {
            prop_assert_eq!(current, current2, "pass {}, node {}", name, n);
        }
        close(current, current2)?;
    }
    Ok(())
}

/// No value of a flow graph leaves its proven range.
fn within_types(graph: &Graph, values: &[Value]) -> Result<(), TestCaseError> {
    for (node, value) in graph.nodes.iter().zip(values) {
        let Elem::Int(int) = &node.ty.elem else { continue };
        prop_assert!(
            value.ints().iter().all(|v| (int.lo..=int.hi).contains(v)),
            "node {} leaves {}..{}",
            node.name,
            int.lo,
            int.hi
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, rng_seed: RngSeed::Fixed(2026), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn passes_keep_meaning_and_are_idempotent(spec in net_spec(), fold_pool: bool) {
        let options = Options { fold_pool, ..Options::default() };
        let trained = build(&spec);
        let samples = inputs(&spec, 2);
        let calibration = Calibration::from_inputs(&lower(&trained, &options).unwrap(), &samples).unwrap();
        let cx = Context { options: &options, calibration: Some(&calibration) };
        let reals: Vec<Value> = samples.iter().map(real).collect();
        for input in &reals {
            prop_assume!(smallest_margin(&trained, &interpret::run(&trained, input).unwrap()) > MARGIN);
        }
        let mut graph = trained;
        for pass in PASSES {
            prop_assert_eq!(pass.level_in, graph.level);
            let after = run_pass(pass, &graph, &cx);
            // A weight may come out vanishingly small against its neuron; that is refused, not approximated.
            prop_assume!(after.as_ref().err().is_none_or(|d| d.code != "E0307"));
            let after = after.unwrap();
            match pass.keeps_meaning {
                Meaning::NewLevel => prop_assert_eq!(after.level, Level::Flow),
                meaning if graph.level == Level::Trained => {
                    for input in &reals {
                        same_trained(pass.name, meaning, &graph, &after, input)?;
                    }
                }
                _ => {
                    for input in &samples {
                        let spikes = |g: &Graph| observed(g, input).into_iter().map(|(n, _, s)| (n, s)).collect::<Vec<_>>();
                        prop_assert_eq!(spikes(&graph), spikes(&after), "pass {}", pass.name);
                        within_types(&after, &interpret::run(&after, input).unwrap())?;
                    }
                }
            }
            if after.level == graph.level {
                prop_assert_eq!(&run_pass(pass, &after, &cx).unwrap(), &after, "pass {} twice", pass.name);
            }
            graph = after;
        }
    }

    #[test]
    fn without_calibration_ranges_are_proven_and_said(spec in net_spec()) {
        let options = Options::default();
        let graph = pulvinar_compiler::run_pipeline(&build(&spec), &options, None, |_, _| ());
        match graph {
            Ok(graph) => {
                prop_assert!(!spec.counts || graph.assumptions.iter().any(|a| a.contains("no calibration inputs")));
                for input in inputs(&spec, 1) {
                    within_types(&graph, &interpret::run(&graph, &input).unwrap())?;
                }
            }
            // Proven ranges may be too wide for the registers; that is refused, not wrapped.
            Err(d) => prop_assert!(!d.help.is_empty()),
        }
    }
}

#[test]
fn attention_ends_in_four_reductions_and_two_products_of_the_current() {
    let graph = lower(&build(&passes_common::tiny()), &Options::default()).unwrap();
    let full = graph.node(graph.find("conv0").unwrap()).ty.shape;
    let count = |wanted: &dyn Fn(&Op) -> bool, on_operand: bool| {
        let shape = |n: &Node| if on_operand { graph.node(n.inputs[0]).ty.shape } else { n.ty.shape };
        graph
            .nodes
            .iter()
            .filter(|n| wanted(&n.op) && shape(n) == full)
            .map(|n| n.name.as_str())
            .collect::<Vec<_>>()
    };
    let reductions = count(&|op| matches!(op, Op::Reduce(_)), true);
    assert_eq!(reductions, ["conv0.mean_hw", "conv0.max_hw", "att0.s.mean", "att0.s.max"]);
    let products = count(&|op| matches!(op, Op::Mul(_)), true);
    assert_eq!(products, ["att0.c", "att0"], "one for the spatial statistics, one to apply");
}

#[test]
fn gates_whose_product_is_full_size_multiply_the_current_once() {
    let mut g = Graph::new("gates", Level::Trained, 2);
    let input = Input { shape: [2, 3, 3], kind: InputKind::Counts, max: 0 };
    let mut x = g.push("input", input.into(), &[]).unwrap();
    let source = x;
    for (name, axes) in [("tc", [Axis::H, Axis::W]), ("hw", [Axis::T, Axis::C])] {
        let reduce = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&axes) };
        let mean = g.push(&format!("{name}.mean"), reduce.into(), &[source]).unwrap();
        let gate = g.push(&format!("{name}.gate"), Sigmoid {}.into(), &[mean]).unwrap();
        x = g.push(name, Mul {}.into(), &[x, gate]).unwrap();
    }
    g.output = x;
    let lowered = lower(&g, &Options::default()).unwrap();
    let factors = |name: &str| {
        lowered
            .node(lowered.find(name).unwrap())
            .inputs
            .iter()
            .map(|&i| lowered.node(i).name.as_str())
            .collect::<Vec<_>>()
    };
    // The current is multiplied once; the gate of the inner product is still there for the statistics.
    assert_eq!(factors("hw"), ["input", "hw.gates"]);
    assert_eq!(factors("hw.gates"), ["tc.gate", "hw.gate"]);
}

#[test]
fn every_pass_changes_some_network() {
    let spec = passes_common::tiny();
    let options = Options::default();
    let trained = build(&spec);
    let mut last = trained.clone();
    // The identity that the first pass removes, and a factor that `lower-scale` turns into a norm.
    last.tensors.insert("two".to_owned(), Tensor::real(vec![1], vec![2.0]));
    let relu = last.push("again", Relu {}.into(), &[last.output]).unwrap();
    last.output = last.push("doubled", Scale { factor: "two".to_owned() }.into(), &[relu]).unwrap();
    let mut unchanged = Vec::new();
    pulvinar_compiler::run_pipeline(&last.clone(), &options, None, |name, graph| {
        if *graph == last {
            unchanged.push(name);
        }
        last = graph.clone();
    })
    .unwrap();
    // `late-mean` wants a mean in front of the readout and `hoist` direct coding: each has a test of its own that it works.
    // The passes before `range-analysis` infer types too; it only proves them again.
    assert_eq!(unchanged, ["late-mean", "hoist", "range-analysis"]);
}
