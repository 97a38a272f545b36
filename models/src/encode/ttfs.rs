//! Time to first spike under a falling threshold: one spike, at a time that decreases with the element.

use super::{one_spike, Draw, EncodeFn, Encoder};

/// Halvings of the threshold from the first step to the last.
const HALVINGS: f64 = 8.0;

pub(super) const ENCODER: Encoder = Encoder {
    name: "ttfs",
    equation: "S[t] = [t is the first step with x >= 2^(-8 t / (T - 1))]",
    source: "Park et al., \"T2FSNN: Deep Spiking Neural Networks with Time-to-first-spike Coding\", DAC 2020 (arXiv 2003.11741): exponential threshold",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(encode),
};

fn encode(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let threshold = |t: usize| (-HALVINGS * t as f64 / (timesteps - 1).max(1) as f64).exp2();
    one_spike(image, timesteps, |x| (0..timesteps).find(|&t| x >= threshold(t)))
}
