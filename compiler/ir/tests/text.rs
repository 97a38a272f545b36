//! The text form gives back the graph it was printed from, and refuses what it cannot read.

mod common;

use common::flow;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use pulvinar_ir::op::OPS;
use pulvinar_ir::text::{parse, print};
use pulvinar_ir::{interpret, Level};
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn print_and_parse_agree(graph in common::graphs()) {
        prop_assert_eq!(parse(&print(&graph), graph.tensors.clone()).unwrap(), graph);
    }

    #[test]
    fn a_parsed_graph_computes_the_same(graph in common::graphs(), seed: u32) {
        let input = common::input_for(&graph, seed);
        let again = parse(&print(&graph), graph.tensors.clone()).unwrap();
        prop_assert_eq!(interpret::output(&again, &input).unwrap(), interpret::output(&graph, &input).unwrap());
    }
}

fn ops_of(level: Level) -> BTreeSet<&'static str> {
    OPS.iter().filter(|o| o.1.contains(&level)).map(|o| o.0).collect()
}

#[test]
fn the_generators_use_every_op() {
    let mut runner = TestRunner::deterministic();
    let trained: BTreeSet<&str> = (0..300)
        .flat_map(|_| common::graphs().new_tree(&mut runner).unwrap().current().nodes)
        .map(|n| n.op.name())
        .collect();
    assert_eq!(trained, ops_of(Level::Trained));
    assert_eq!(flow().nodes.iter().map(|n| n.op.name()).collect::<BTreeSet<_>>(), ops_of(Level::Flow));
}

#[test]
fn a_flow_graph_comes_back() {
    let g = flow();
    let text = print(&g);
    assert!(text.contains("  %1 conv = conv2d(%0) {"), "{text}");
    assert!(text.contains("\n  %20 \"odd name, = %\" = lif(%19) {"), "{text}");
    assert!(text.contains(": int(-6..10)*(0.1)[4,2,4,4]\n"), "{text}");
    assert_eq!(parse(&text, g.tensors.clone()).unwrap(), g);
}

#[test]
fn faults_name_their_line() {
    let g = flow();
    let text = print(&g);
    let last = format!("output {}", g.output);
    let (more, beyond) = (format!("{last} %5"), format!("output %{}", g.nodes.len()));
    let last_line = format!("line {}", text.lines().position(|l| l.contains(&last)).unwrap() + 1);
    let cases = [
        ("level=flow", "level=middle", "line 1", "no level"),
        ("timesteps=4", "timesteps=0", "line 1", "timesteps"),
        ("sha256=", "sha256=0", "line 3", "weights are"),
        ("conv2d(%0)", "conv3d(%0)", "line 16", "not known"),
        ("add(%4, %6)", "add(%4 %6)", "line 22", "needed"),
        ("%1 conv", "%7 conv", "line 16", "next node"),
        ("int(-6..10)", "int(-6.5..10)", "line 16", "not a number"),
        ("[4,2,4,4]", "[4,2,4]", "line 16", "four sizes"),
        ("\"groups\":1", "\"groups\":1,\"depth\":2", "line 16", "attributes"),
        (&last, &more, &last_line, "too much"),
        (&last, &beyond, "flow", "does not exist"),
        ("int(-6..10)", "int(-5..10)", "%1 `conv`", "is claimed"),
        ("int(-6..10)", "int(-600000000000000..10)", "node `conv`", "48 bits"),
    ];
    for (from, to, place, message) in cases {
        assert!(text.contains(from), "{from}");
        let e = parse(&text.replacen(from, to, 1), g.tensors.clone()).unwrap_err();
        assert!(e.place.contains(place) && e.message.contains(message), "{from} -> {to}: {e}");
    }
    assert!(parse("", g.tensors.clone()).is_err());
    assert!(parse(text.trim_end().trim_end_matches('}'), g.tensors.clone()).is_err());
    let e = parse(&text, std::collections::BTreeMap::new()).unwrap_err();
    assert!(e.place.contains("line 3"), "{e}");
}
