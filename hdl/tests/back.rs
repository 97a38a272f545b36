//! Update engine, encoder, packer and injector in Verilog against the simulator's units, cycle by cycle: every accepted
//! event, every word's way through the pipeline, every flit with its virtual channel, every refusal.

#![allow(clippy::unwrap_used)]

#[path = "back/case.rs"]
mod case;
#[path = "back/reference.rs"]
mod reference;

use case::Case;
use pulvinar_hdl::{rtl, tool};
use std::path::{Path, PathBuf};

const BACK: &str = include_str!("back/back.v");
const BENCH: &str = include_str!("back/bench.v");

/// Units of the back part and what they are made of.
const UNITS: [&str; 7] =
    ["encoder.v", "fifo.v", "injector.v", "lookup.v", "packer.v", "ram.v", "update_engine.v"];

/// Writes the units and the wrapper with the constants of a case; gives the sources.
fn lay_out(dir: &Path, case: &Case) -> Vec<PathBuf> {
    let units = rtl::write_to(dir).unwrap().into_iter();
    let mut sources: Vec<PathBuf> =
        units.filter(|p| UNITS.iter().any(|u| p.file_name().unwrap() == *u)).collect();
    std::fs::write(dir.join("case.vh"), case.constants()).unwrap();
    std::fs::write(dir.join("back.v"), BACK).unwrap();
    sources.push(dir.join("back.v"));
    sources
}

/// Lines of one kind, in order of time.
fn of_kind<'a>(trace: &'a str, kind: &str) -> Vec<&'a str> {
    trace.lines().filter(|l| l.split(' ').next() == Some(kind)).collect()
}

/// Runs a case in the simulator's units and in Verilog and compares all kinds of lines.
fn compare(
    seed: u64,
    simulate: fn(&Path, &str, &[PathBuf], &[&str]) -> pulvinar_ir::Result<String>,
) -> usize {
    let case = Case::new(seed);
    let run = reference::run(&case, seed);
    let dir = tempfile::tempdir().unwrap();
    let mut sources = lay_out(dir.path(), &case);
    for (name, text) in &run.files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    std::fs::write(dir.path().join("bench.v"), BENCH).unwrap();
    sources.push(dir.path().join("bench.v"));
    let trace = simulate(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"])
        .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let alarms: Vec<&str> = trace.lines().filter(|l| l.starts_with("ASSERT")).collect();
    assert!(alarms.is_empty(), "seed {seed}: {alarms:?}");
    for kind in ["E", "P", "S", "I", "T"] {
        let (expected, found) = (of_kind(&run.trace, kind), of_kind(&trace, kind));
        let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
        assert!(
            differs.is_none() && expected.len() == found.len(),
            "seed {seed}: {} lines of kind {kind} expected, {} found; first difference {:?}\n{}",
            expected.len(),
            found.len(),
            differs.map(|i| (expected[i], found[i])),
            case.constants(),
        );
    }
    of_kind(&trace, "I").len()
}

#[test]
fn back_part_equals_the_simulator() {
    let (mut to_all, mut to_some) = (0, 0);
    for seed in 0..60 {
        let flits = compare(seed, tool::icarus);
        *(if Case::new(seed).plans[0].selective.is_some() { &mut to_some } else { &mut to_all }) += flits;
    }
    println!("{to_all} flits, {to_some} of cases with a selective stream");
    assert!(to_all > 4000 && to_some > 4000, "the cases inject {to_all} and {to_some} flits only");
}

#[test]
fn verilator_agrees() {
    let of = |selective: bool| move |&s: &u64| Case::new(s).plans[0].selective.is_some() == selective;
    for selective in [false, true] {
        let seed = (1001..).find(of(selective)).unwrap();
        assert!(compare(seed, tool::verilator) > 0);
    }
}

#[test]
fn units_are_clean_at_many_parameters() {
    let sources = |case: &Case, dir: &Path| lay_out(dir, case);
    for seed in 0..24 {
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(&Case::new(seed), dir.path());
        tool::lint(dir.path(), "back", &sources).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> =
        sources(&Case::new(0), dir.path()).iter().map(|p| p.display().to_string()).collect();
    let script = format!(
        "read_verilog -I{} {}; hierarchy -check -top back; proc; opt; memory -nomap; check -assert",
        dir.path().display(),
        names.join(" ")
    );
    tool::run(dir.path(), "yosys", &["-q".to_owned(), "-p".to_owned(), script]).unwrap();
}
