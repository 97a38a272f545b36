//! Burst encoding: spikes of growing weight while they follow each other.

use super::{Draw, EncodeFn, Encoder};

/// Weight of the first spike of a burst.
const UNIT: f32 = 0.125;
/// Growth of the weight from spike to spike.
const GROWTH: f32 = 2.0;
/// Largest weight, in units; eight bits hold it.
const LARGEST: f32 = 128.0;

pub(super) const ENCODER: Encoder = Encoder {
    name: "burst",
    equation: "u += x; g = 2 g if it fired a step before, at most 128, else 1; g leaves and u -= g / 8 if u >= g / 8",
    source: "Park et al., \"Fast and Efficient Information Transmission with Burst Spikes in Deep Spiking Neural Networks\", DAC 2019 (arXiv 1809.03142); values in units of 1/8",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(encode),
};

fn encode(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let mut neurons: Vec<(f32, f32)> = vec![(0.0, 1.0); image.len()];
    let mut frames = Vec::with_capacity(image.len() * timesteps);
    for _ in 0..timesteps {
        for (&x, (u, weight)) in image.iter().zip(&mut neurons) {
            *u += x;
            let fires = *u >= *weight * UNIT;
            frames.push(if fires { *weight } else { 0.0 });
            if fires {
                *u -= *weight * UNIT;
            }
            *weight = if fires { (*weight * GROWTH).min(LARGEST) } else { 1.0 };
        }
    }
    frames
}
