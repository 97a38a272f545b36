//! The emitted neuron against an independent formula: every reset, leaks of shift and of multiplier, all constants.

use crate::proven;
use pulvinar_hdl::emit::neuron_module;
use pulvinar_hdl::netlist::print;
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::neuron::ResetTiming;
use std::path::Path;

const PROOF: &str = include_str!("../../formal/neuron_proof.v");
const WIDTH: u32 = 16;
const CURRENT_BITS: u32 = 12;

fn neuron(leak: (i64, u32), input_shift: u32, reset: LifReset, late: bool, clamp: bool) -> Lif {
    Lif {
        leak: leak.0,
        leak_shift: leak.1,
        input_shift,
        bias: Some("bias".into()),
        threshold: "threshold".into(),
        reset,
        reset_value: Some("reset".into()),
        reset_timing: if late { ResetTiming::NextStep } else { ResetTiming::SameStep },
        initial: None,
        clamp_min: clamp.then(|| "clamp".into()),
        ..Lif::default()
    }
}

/// Whether the text of a neuron is proven to be `formula`.
fn agrees(dir: &Path, text: &str, formula: &Lif) -> bool {
    std::fs::write(dir.join("neuron.v"), text).unwrap();
    std::fs::write(dir.join("neuron_proof.v"), PROOF).unwrap();
    let reset = match formula.reset {
        LifReset::None => 0,
        LifReset::Value => 1,
        LifReset::Subtract => 2,
    };
    let numbers = [
        ("WIDTH", i64::from(WIDTH)),
        ("CURRENT_BITS", i64::from(CURRENT_BITS)),
        ("LEAK", formula.leak),
        ("LEAK_SHIFT", i64::from(formula.leak_shift)),
        ("INPUT_SHIFT", i64::from(formula.input_shift)),
        ("RESET", reset),
        ("LATE", i64::from(formula.reset_timing == ResetTiming::NextStep)),
        ("CLAMP", i64::from(formula.clamp_min.is_some())),
    ];
    let parameters: Vec<String> = numbers.iter().map(|(name, n)| format!("-set {name} {n}")).collect();
    proven(dir, "neuron_proof", "neuron.v neuron_proof.v", &parameters.join(" "))
}

fn emitted(lif: &Lif) -> String {
    print(&neuron_module(lif, WIDTH, CURRENT_BITS))
}

const RESETS: [LifReset; 3] = [LifReset::None, LifReset::Value, LifReset::Subtract];

#[test]
fn neurons_equal_the_formula() {
    let dir = tempfile::tempdir().unwrap();
    // No leak, leaks by a shift and a difference, leaks by a multiplier.
    let leaks = [(1, 0), (1, 1), (3, 2), (15, 4), (5, 3), (0, 1), (205, 8)];
    for (i, leak) in leaks.into_iter().enumerate() {
        for (k, reset) in RESETS.into_iter().enumerate() {
            let lif = neuron(leak, (i + k) as u32 % 3, reset, (i + k) % 2 == 1, k != i % 3);
            assert!(agrees(dir.path(), &emitted(&lif), &lif), "{lif:?}");
        }
    }
}

#[test]
fn other_neurons_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let right = neuron((7, 3), 1, LifReset::Subtract, false, true);
    let others = [
        neuron((3, 2), 1, LifReset::Subtract, false, true),
        neuron((7, 3), 0, LifReset::Subtract, false, true),
        neuron((7, 3), 1, LifReset::Value, false, true),
        neuron((7, 3), 1, LifReset::Subtract, true, true),
        neuron((7, 3), 1, LifReset::Subtract, false, false),
    ];
    for other in others {
        assert!(!agrees(dir.path(), &emitted(&other), &right), "{other:?}");
    }
    let text = emitted(&right);
    let unsigned = text.replace("$signed(", "$unsigned(");
    assert_ne!(text, unsigned);
    assert!(!agrees(dir.path(), &unsigned, &right), "{unsigned}");
}
