//! Attention modules through the passes: the same values in reals, and an integer network or one refusal.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; spikes are 0.0 or 1.0 exactly

#[path = "../ir/tests/attention/cases.rs"]
mod cases;
#[path = "../ir/tests/attention/support.rs"]
mod support;

use cases::{Module, MODULES};
use pulvinar_compiler::pass::{find, run_pass, Context};
use pulvinar_compiler::{lower, run_pipeline, Options};
use pulvinar_ir::op::expand::expand;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Graph, Level, Op};
use support::{assert_close, Case};

fn through(case: &Case, pass: impl FnOnce(&Graph) -> Graph) -> Case {
    Case { graph: pass(&case.graph), rng: support::Rng(0) }
}

#[test]
fn lowering_keeps_the_value_and_leaves_no_module() {
    let options = Options::default();
    let cx = Context { options: &options, calibration: None };
    for Module { name, make, spikes, .. } in MODULES {
        for seed in 0..100 {
            let (case, x) = make(seed);
            let lowered = through(&case, |g| run_pass(find("lower-attention").unwrap(), g, &cx).unwrap());
            for node in &lowered.graph.nodes {
                assert!(
                    expand(&mut lowered.graph.clone(), node).is_none(),
                    "{name} holds a module, `{}`",
                    node.name
                );
            }
            let (before, after) = (case.run(&x), lowered.run(&x));
            let what = format!("{name}, seed {seed}");
            assert!(!spikes || before == after, "{what}: other spikes");
            assert_close(&after, &before, &what);
            assert_close(&through(&case, |g| lower(g, &options).unwrap()).run(&x), &before, &what);
        }
    }
}

/// What the quantiser says of each module behind an input of counts: nothing, or the code of its one refusal.
#[test]
fn what_has_no_integer_form_is_refused_once() {
    for Module { name, make, refusal, .. } in MODULES {
        for seed in 0..20 {
            let (mut case, _) = make(seed);
            let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
            input.kind = InputKind::Counts;
            match (run_pipeline(&case.graph, &Options::default(), None, |_, _| ()), refusal) {
                (Ok(graph), None) => assert_eq!(graph.level, Level::Flow),
                (Err(d), Some(code)) => {
                    assert!(d.code == *code && !d.help.is_empty(), "{name}, seed {seed}: {d}");
                }
                (result, _) => {
                    panic!("{name}, seed {seed}: {:?} where {refusal:?} is expected", result.err())
                }
            }
        }
    }
}
