//! The networks of the zoo in Verilator: for every input the listing of the simulator, to the cycle.
//!
//! For the default network and its twin the chip is the default one with fewer lanes, so that Verilator builds it in a
//! minute; the small network has the chip and the weights of `docs/fpga.md`.
//! `PULVINAR_COSIM_FULL=1` takes the default chip as it is, `PULVINAR_COSIM_INPUTS=n` that many inputs instead of 16.
#![allow(clippy::unwrap_used)] // tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_hdl::cosim::{compare, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_ir::{Arch, Level, Value};
use pulvinar_models::{zoo, Frames};
use pulvinar_simulator::Machine;

fn values(frames: &Frames, level: Level, n: usize) -> Vec<Value> {
    (0..n.min(frames.len())).map(|i| frames.value(i, level).unwrap()).collect()
}

fn chip() -> Arch {
    let mut arch = Arch::default_chip();
    if std::env::var("PULVINAR_COSIM_FULL").is_err() {
        arch.core.lanes = 4;
        arch.core.attention_lanes = 4;
    }
    arch
}

/// Runs a network of the zoo on a chip; gives the lines compared.
fn agree(name: &str, chip: &Arch, weight_bits: u32) -> usize {
    let inputs = std::env::var("PULVINAR_COSIM_INPUTS").map_or(16, |n| n.parse().unwrap());
    let options = Options { weight_bits, ..Options::default() };
    let model = (zoo::find(name).unwrap().load)().unwrap();
    let lowered = lower(&model.graph, &options).unwrap();
    let calibration = values(&zoo::calibration().unwrap().frames, Level::Trained, 64);
    let ranges = Calibration::from_inputs(&lowered, &calibration).unwrap();
    let flow = quantise(&lowered, &options, Some(&ranges)).unwrap();
    let mapped = map(&flow, chip, &MapOptions { default_rate: 0.15, ..MapOptions::default() }).unwrap();
    let machine = Machine::new(&mapped.program).unwrap();
    let inputs = values(&zoo::test_inputs().unwrap().frames, Level::Flow, inputs);
    let inputs: Vec<&Value> = inputs.iter().collect();
    let dir = tempfile::tempdir().unwrap();
    let agreement = compare(dir.path(), &machine, &inputs, &Drive::default(), Simulator::Verilator)
        .unwrap_or_else(|e| {
            panic!("{name} in {}: {e}", dir.keep().display());
        });
    assert_eq!(agreement.inferences, inputs.len());
    println!("{name}: {agreement:?}");
    agreement.lines
}

#[test]
fn the_attention_network_agrees() {
    assert!(agree("ma-snn-tcsa", &chip(), 8) > 10_000);
}

#[test]
fn its_twin_agrees() {
    assert!(agree("vanilla", &chip(), 8) > 10_000);
}

#[test]
fn the_small_network_agrees() {
    let chip = Arch::from_toml(include_str!("../../arch/up5k.toml")).unwrap();
    assert!(agree("small-ta", &chip, 6) > 10_000);
}
