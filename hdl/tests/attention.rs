//! Statistics, arrivals, attention engine and lists in Verilog against the simulator's statistics, the integer reference
//! and the timing rule.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "attention/bench.rs"]
mod bench;
#[path = "attention/case.rs"]
mod case;

use bench::Bench;
use case::Case;
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_hdl::attention::{assemble, Assembled};
use pulvinar_hdl::{rtl, tool};
use pulvinar_ir::op::{avg_pool::AvgPool, concat::Concat};
use pulvinar_ir::{interpret, Arch, Level, Op, Value};
use pulvinar_models::zoo;
use pulvinar_simulator::packet::Event;
use pulvinar_simulator::prepare::attention::{merge_cycles, node_cycles};
use pulvinar_simulator::prepare::sweep::{stage_plan, PassPlan, StagePlan};
use pulvinar_simulator::prepare::synapse::Region;
use pulvinar_simulator::unit::statistics::Statistics;
use pulvinar_simulator::Machine;
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
fn expected(
    case: &Case,
    stage: &StagePlan<'_>,
    p: usize,
    engine: &Assembled,
    values: &[Value],
) -> [Vec<String>; 3] {
    let pass = &stage.passes[p];
    let currents = &values[case.stage.accumulator.index()];
    let lanes = engine.lanes as u64;
    let merging: u64 = pass.taps.iter().map(|t| merge_cycles(&case.graph, t.node, lanes)).sum();
    let working: u64 =
        case.stage.passes[p].program.iter().map(|&n| node_cycles(&case.graph, n, lanes, false)).sum();
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
    let stage = stage_plan(&case.graph, std::slice::from_ref(&case.stage), 0).unwrap();
    let arrivals = case.regions.len() > 1;
    let engine =
        assemble(&case.graph, &stage, &case.regions[0], case.lanes, case.attention_lanes, arrivals).unwrap();
    let values = interpret::run(&case.graph, &case.input).unwrap();
    let currents = &values[case.stage.accumulator.index()];
    let passes = &stage.passes[..stage.last_pass()];
    let others = |pass: &PassPlan<'_>| -> Vec<Event> {
        case.regions[1..].iter().flat_map(|r| gathered(pass, r, currents).covered(pass, r)).collect()
    };
    // In the middle of the sweep, of the engine's work, of a list or after the end.
    let restart = 100 + (seed as u32 * 37) % 700;
    let arriving = passes.iter().map(others).collect();
    let bench =
        Bench { case: &case, stage: &stage, engine: &engine, currents: currents.ints(), arriving, restart };
    let dir = tempfile::tempdir().unwrap();
    let units = rtl::write_to(dir.path()).unwrap().into_iter();
    let mut sources: Vec<PathBuf> =
        units.filter(|p| UNITS.iter().any(|u| p.file_name().unwrap() == *u)).collect();
    for (name, text) in bench.files() {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    sources.push(dir.path().join("bench.v"));
    let trace = simulate(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"])
        .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let (_, trace) = trace.split_once("R\n").unwrap();
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
    let kinds: std::collections::BTreeSet<&str> =
        (0..40).flat_map(|seed| check(seed, tool::icarus)).collect();
    for kind in [
        "add",
        "concat",
        "conv1d",
        "conv2d",
        "dense",
        "flatten",
        "gate",
        "matmul",
        "reduce",
        "relu",
        "requantise",
        "table",
        "top_k",
    ] {
        assert!(kinds.contains(kind), "no case has a {kind}");
    }
}

#[test]
fn verilator_agrees_with_the_reference() {
    assert!(!check(1006, tool::verilator).is_empty());
}

/// Units with parameter values at the edges of what is allowed, and an ordinary set.
const EDGES: &[(&str, &[&str])] = &[
    ("value_memory", &["BANKS=1", "BANK_BITS=0", "READS=3", "FORWARD=1", "ROWS=1", "ROW_BITS=1", "WIDTH=1"]),
    ("value_memory", &["BANKS=16", "BANK_BITS=4", "READS=32", "ROWS=1", "ROW_BITS=1"]),
    ("statistics", &["LANES=1", "LANE_BITS=0", "ROWS=1", "ROW_BITS=1", "VALUE_BITS=24"]),
    ("statistics", &["CROSS_LANES=1", "LANE_BITS=0", "LANES=1", "VALUE_BITS=1", "STAT_BITS=1"]),
    ("statistics", &["CROSS_LANES=1", "LANE_BITS=0", "MAXIMUM=1"]),
    ("arrivals", &["DEPTH=1", "ADDR_BITS=1", "WIDTH=1", "READS=4"]),
    ("list_source", &["COUNT_BITS=1", "READ_BITS=1", "EVENT_BITS=1"]),
    ("attention_engine", &["LANES=1", "LANE_BITS=0"]),
    ("attention_engine", &["LANES=16", "LANE_BITS=4", "ROWS=1", "ROW_BITS=1", "OPERATIONS=1"]),
    ("attention_engine", &["WIDTH=40", "FIELD=14", "BIAS_BITS=33", "WEIGHT_BITS=16", "TABLE_BITS=2"]),
];

#[test]
fn units_are_clean_for_lint_and_synthesis() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    for name in ["program", "weight", "bias", "table"] {
        std::fs::write(dir.path().join(format!("{name}.mem")), "0\n0\n").unwrap();
    }
    for (unit, parameters) in EDGES {
        let mut lint = vec!["--lint-only".to_owned(), "-Wall".to_owned(), "-I.".to_owned()];
        lint.extend(["--top-module".to_owned(), (*unit).to_owned()]);
        lint.extend(parameters.iter().map(|p| format!("-G{p}")));
        lint.push(format!("{unit}.v"));
        tool::run(dir.path(), "verilator", &lint).unwrap_or_else(|e| panic!("{unit} {parameters:?}: {e}"));
    }
    for unit in ["value_memory", "statistics", "arrivals", "list_source", "attention_engine"] {
        let steps = format!(
            "read_verilog -defer {}; hierarchy -top {unit}; proc; opt; memory -nomap; check -assert",
            UNITS.join(" ")
        );
        tool::run(dir.path(), "yosys", &["-q".to_owned(), "-p".to_owned(), steps]).unwrap();
    }
}

#[test]
fn what_the_engine_cannot_compute_is_refused() {
    let over_time = |case: &Case| case.graph.node(case.stage.passes[0].taps[0]).ty.shape.t > 1;
    let unknown: [Op; 2] =
        [Concat {}.into(), AvgPool { kernel: [1; 2], stride: [1; 2], padding: [0; 4] }.into()];
    for (op, operands) in unknown.into_iter().zip([2, 1]) {
        let mut case = (0..100).map(Case::new).find(over_time).unwrap();
        let tap = case.stage.passes[0].taps[0];
        let node = case.graph.push("odd", op, &vec![tap; operands]).unwrap();
        case.stage.passes[0].program.push(node);
        let stage = stage_plan(&case.graph, std::slice::from_ref(&case.stage), 0).unwrap();
        let refusal = assemble(&case.graph, &stage, &case.regions[0], 4, 4, false).unwrap_err();
        assert_eq!(refusal.code, "E0801", "{refusal}");
    }
}

#[test]
fn the_default_network_is_assembled() {
    let model = (zoo::find("ma-snn-tcsa").unwrap().load)().unwrap();
    let lowered = lower(&model.graph, &Options::default()).unwrap();
    let frames = zoo::calibration().unwrap().frames;
    let inputs: Vec<Value> = (0..4).map(|i| frames.value(i, Level::Trained).unwrap()).collect();
    let ranges = Calibration::from_inputs(&lowered, &inputs).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let machine = Machine::new(&program).unwrap();
    let mut engines = 0;
    for core in machine.phases.iter().flat_map(|p| &p.cores).filter(|c| c.home) {
        let stage = &machine.stages[core.stage];
        if stage.last_pass() > 0 {
            let engine = assemble(&program.graph, stage, &core.region, 16, 16, true).unwrap();
            assert_eq!(engine.cycles.len(), stage.last_pass());
            println!(
                "{}: {} operations of {} bits, {} weight words, {} operand rows, width {}, cycles {:?}",
                stage.stage.name,
                engine.program.words.len(),
                engine.program.words[0].len() * 4,
                engine.weights.words.len(),
                engine.rows,
                engine.width,
                engine.cycles
            );
            engines += 1;
        }
    }
    assert!(engines > 0);
}
