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
    }
}

fn agrees(dir: &Path, emitted: &Lif, formula: &Lif, width: u32) -> bool {
    std::fs::write(dir.join("neuron.v"), print(&neuron_module(emitted, width, CURRENT_BITS))).unwrap();
    std::fs::write(dir.join("neuron_proof.v"), PROOF).unwrap();
    let reset = match formula.reset {
        LifReset::None => 0,
        LifReset::Value => 1,
        LifReset::Subtract => 2,
    };
    let late = u8::from(formula.reset_timing == ResetTiming::NextStep);
    let parameters = format!(
        "-set WIDTH {width} -set CURRENT_BITS {CURRENT_BITS} -set LEAK {} -set LEAK_SHIFT {} -set INPUT_SHIFT {} \
         -set RESET {reset} -set LATE {late} -set CLAMP {}",
        formula.leak,
        formula.leak_shift,
        formula.input_shift,
        u8::from(formula.clamp_min.is_some())
    );
    proven(dir, "neuron_proof", "neuron.v neuron_proof.v", &parameters)
}

#[test]
fn neurons_equal_the_formula() {
    let dir = tempfile::tempdir().unwrap();
    let resets = [LifReset::None, LifReset::Value, LifReset::Subtract];
    for (i, leak) in [(1, 0), (1, 1), (3, 2), (7, 3), (15, 4)].into_iter().enumerate() {
        for (k, reset) in resets.into_iter().enumerate() {
            let lif = neuron(leak, (i as u32 + k as u32) % 3, reset, (i + k) % 2 == 1, k != i % 3);
            assert!(agrees(dir.path(), &lif, &lif, WIDTH), "{lif:?}");
        }
    }
}
