//! The neuron of the structures.

use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};

/// Threshold 1, reset by subtraction.
pub fn leaky(leak: f64, input_gain: f64) -> Neuron {
    Neuron {
        leak,
        input_gain,
        input_bias: 0.0,
        threshold: 1.0,
        compare: Compare::AtLeast,
        reset: Reset::Subtract { value: 1.0 },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    }
}
