//! Every structure that a network may have: the RTL leaves the listing of the simulator, to the cycle.
#![allow(clippy::unwrap_used)] // tests

#[path = "../../compiler/tests/structure_nets/mod.rs"]
mod structure_nets;

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_hdl::cosim::{compare, Simulator};
use pulvinar_hdl::emit::Drive;
use pulvinar_ir::Arch;
use pulvinar_simulator::Machine;
use rayon::prelude::*;
use structure_nets::{counts, STRUCTURES};

/// The default chip with few lanes, so that slices of channels meet in one word.
fn chip() -> Arch {
    let mut chip = Arch::default_chip();
    chip.core.lanes = 4;
    chip
}

#[test]
fn structures_agree() {
    STRUCTURES.par_iter().for_each(|(name, make)| {
        let trained = make(3);
        let (real, input) = counts(&trained, 3);
        let lowered = lower(&trained, &Options::default()).unwrap();
        let ranges = Calibration::from_inputs(&lowered, &[real]).unwrap();
        let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
        let program =
            map(&flow, &chip(), &MapOptions { spread: false, ..MapOptions::default() }).unwrap().program;
        let machine = Machine::new(&program).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let agreement = compare(dir.path(), &machine, &[&input], &Drive::default(), Simulator::Icarus);
        let agreement = agreement.unwrap_or_else(|e| panic!("{name} ({}): {e}", dir.keep().display()));
        println!("{name}: {agreement:?}");
        assert!(agreement.lines > 20, "{name}: {} lines", agreement.lines);
    });
}
