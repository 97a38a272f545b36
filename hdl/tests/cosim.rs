//! Random programs on random chips: the RTL leaves the same listing as the simulator, to the cycle.
//!
//! `PULVINAR_COSIM_SEED=n` runs one seed, `PULVINAR_COSIM_ROUNDS=n` that many seeds.
#![allow(clippy::unwrap_used)] // tests

mod common;

use pulvinar_hdl::cosim::{compare, Agreement, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_ir::Value;
use pulvinar_simulator::Machine;
use rayon::prelude::*;
use std::collections::BTreeMap;

fn run(seed: u64) -> Option<Agreement> {
    let draw = common::draw(seed)?;
    let machine = Machine::new(&draw.program).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let inputs: Vec<&Value> = draw.inputs.iter().collect();
    match compare(dir.path(), &machine, &inputs, &draw.drive, Simulator::Icarus) {
        Ok(agreement) => Some(agreement),
        Err(e) => {
            let kept = dir.keep();
            panic!("PULVINAR_COSIM_SEED={seed} ({}): {e}", kept.display())
        }
    }
}

#[test]
fn random_programs_agree() {
    if let Ok(seed) = std::env::var("PULVINAR_COSIM_SEED") {
        let agreement = run(seed.parse().unwrap());
        println!("{agreement:?}");
        return;
    }
    let rounds = std::env::var("PULVINAR_COSIM_ROUNDS").map_or(28, |r| r.parse().unwrap());
    let seeds: Vec<u64> = (0..).filter(|&seed| common::draw(seed).is_some()).take(rounds).collect();
    let agreements = seeds.par_iter().filter_map(|&seed| run(seed));
    let (done, lines) = agreements.map(|a| (1, a.lines)).reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{done} programs agree on {lines} lines");
    assert!(done == rounds && lines > 100 * rounds, "the programs do too little: {lines} lines");
}

/// Every way in which a layer waits for its gates, and every rarer kind of layer, is among the first draws.
#[test]
fn the_draws_hold_every_strategy() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for program in (0..60).filter_map(common::draw).map(|d| d.program) {
        for stage in &program.stages {
            *seen.entry(stage.strategy.name()).or_default() += 1;
            *seen.entry("borrowed").or_default() += usize::from(!stage.borrowed().is_empty());
            for &id in stage.passes.iter().flat_map(|p| &p.elementwise) {
                *seen.entry(program.graph.node(id).op.name()).or_default() += 1;
            }
        }
    }
    println!("{seen:?}");
    for key in ["direct", "step", "window", "spill_sram", "recompute", "carry", "accumulate"] {
        assert!(seen.get(key).is_some_and(|&n| n >= 3), "{key} in {seen:?}");
    }
    for key in ["borrowed", "table", "pulse", "hold", "emit"] {
        assert!(seen.get(key).is_some_and(|&n| n >= 1), "{key} in {seen:?}");
    }
}

/// With gaps in the input stream the cycles differ and the answers do not.
#[test]
fn gaps_in_the_input_change_no_answer() {
    let draws = (0..).filter_map(|seed| Some((seed, common::draw(seed)?)));
    for (seed, draw) in draws.take(5) {
        let machine = Machine::new(&draw.program).unwrap();
        let inputs: Vec<&Value> = draw.inputs.iter().collect();
        let drive = Drive { input_gap: Some((7 + seed, 5)), ..draw.drive };
        let dir = tempfile::tempdir().unwrap();
        let agreement = compare(dir.path(), &machine, &inputs, &drive, Simulator::Icarus);
        assert_eq!(agreement.unwrap_or_else(|e| panic!("seed {seed}: {e}")).inferences, 2);
    }
}
