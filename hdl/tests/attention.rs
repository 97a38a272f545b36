//! Statistics, arrivals, attention engine and lists in Verilog against the simulator's statistics, the integer reference
//! and the timing rule.

#[path = "attention/bench.rs"]
mod bench;
#[path = "attention/case.rs"]
mod case;

use bench::Bench;
use case::Case;
use pulvinar_hdl::attention::{assemble, Assembled};
use pulvinar_hdl::{rtl, tool};
use pulvinar_ir::{interpret, Value};
use pulvinar_simulator::packet::Event;
use pulvinar_simulator::prepare::sweep::{merge_cycles, node_cycles, stage_plan, PassPlan, StagePlan};
use pulvinar_simulator::prepare::synapse::Region;
use pulvinar_simulator::unit::statistics::Statistics;
use std::path::{Path, PathBuf};

type Simulate = fn(&Path, &str, &[PathBuf], &[&str]) -> pulvinar_ir::Result<String>;

/// Units of the attention part and what they are made of.
const UNITS: [&str; 9] = [
    "arrivals.v",
    "attention_engine.v",
    "attention_lane.v",
    "list_source.v",
    "lookup.v",
    "ram.v",
    "rom.v",
    "statistics.v",
    "value_memory.v",
];

/// What the simulator's memory of a slice holds at the end of a pass.
fn gathered(pass: &PassPlan<'_>, region: &Region, currents: &Value) -> Statistics {
    let mut statistics = Statistics::default();
    statistics.begin(pass);
    let s = currents.shape;
    for (t, c, h, w) in s.coords() {
        let inside = (region.channels[0]..region.channels[1]).contains(&c)
            && (region.rows[0]..region.rows[1]).contains(&h);
        for tap in pass.taps.iter().filter(|_| inside) {
            statistics.fold(tap, (t, c, h, w), currents.ints()[s.index(t, c, h, w)]);
        }
    }
    statistics
}

/// What the test bench must print for a pass.
fn expected(case: &Case, stage: &StagePlan<'_>, p: usize, engine: &Assembled, values: &[Value]) -> [Vec<String>; 3] {
    let pass = &stage.passes[p];
    let currents = &values[case.stage.accumulator.index()];
    let lanes = engine.lanes as u64;
    let merging: u64 = pass.taps.iter().map(|t| merge_cycles(&case.graph, t.node, lanes)).sum();
    let working: u64 = case.stage.passes[p].program.iter().map(|&n| node_cycles(&case.graph, n, lanes)).sum();
    assert_eq!(engine.cycles[p], merging + working);
    let own = gathered(pass, &case.regions[0], currents).covered(pass, &case.regions[0]);
    let own = own.iter().map(|e| format!("S {} {}", e.address, e.value)).collect();
    let gates = pass.made.iter().flat_map(|n| values[n.index()].ints());
    let gates = gates.enumerate().map(|(i, v)| format!("G {i} {v}")).collect();
    [vec![format!("F {} 1", merging + working)], own, gates]
}

/// Runs a case; gives the kinds of small nodes it had.
fn check(seed: u64, simulate: Simulate) -> Vec<&'static str> {
    let case = Case::new(seed);
    let stage = stage_plan(&case.graph, &case.stage).unwrap();
    let arrivals = case.regions.len() > 1;
    let engine =
        assemble(&case.graph, &stage, &case.regions[0], case.lanes, case.attention_lanes, arrivals).unwrap();
    let values = interpret::run(&case.graph, &case.input).unwrap();
    let currents = &values[case.stage.accumulator.index()];
    let passes = &stage.passes[..stage.last_pass()];
    let others = |pass: &PassPlan<'_>| -> Vec<Event> {
        case.regions[1..].iter().flat_map(|r| gathered(pass, r, currents).covered(pass, r)).collect()
    };
    let arriving = passes.iter().map(others).collect();
    let bench = Bench { case: &case, stage: &stage, engine: &engine, currents: currents.ints(), arriving };
    let dir = tempfile::tempdir().unwrap();
    let units = rtl::write_to(dir.path()).unwrap().into_iter();
    let mut sources: Vec<PathBuf> =
        units.filter(|p| UNITS.iter().any(|u| p.file_name().unwrap() == *u)).collect();
    for (name, text) in bench.files() {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    sources.push(dir.path().join("bench.v"));
    let trace = simulate(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"]).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let kinds = ["F", "S", "G"];
    let mut wanted: [Vec<String>; 3] = Default::default();
    for p in 0..passes.len() {
        let lines = expected(&case, &stage, p, &engine, &values);
        wanted.iter_mut().zip(lines).for_each(|(all, new)| all.extend(new));
    }
    for (kind, wanted) in kinds.iter().zip(wanted) {
        let found: Vec<&str> = trace.lines().filter(|l| l.split(' ').next() == Some(kind)).collect();
        assert_eq!(found, wanted, "seed {seed}\n{trace}");
    }
    assert!(!trace.contains("ASSERT"), "seed {seed}: {trace}");
    case.stage.passes.iter().flat_map(|p| &p.program).map(|&n| case.graph.node(n).op.name()).collect()
}

#[test]
fn icarus_agrees_with_the_reference() {
    let kinds: std::collections::BTreeSet<&str> = (0..60).flat_map(|seed| check(seed, tool::icarus)).collect();
    for kind in ["add", "concat", "conv2d", "dense", "flatten", "gate", "reduce", "relu", "requantise", "table"] {
        assert!(kinds.contains(kind), "no case has a {kind}");
    }
}

#[test]
fn verilator_agrees_with_the_reference() {
    (1000..1002).for_each(|seed| drop(check(seed, tool::verilator)));
}
