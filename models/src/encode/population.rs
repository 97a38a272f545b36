//! Population encoding: Gaussian receptive fields, each a plane, whose activity drives a neuron or a probability.

use super::{Draw, EncodeFn, Encoder};
use crate::random::{stream, uniform};

/// Receptive fields, evenly over 0..=1.
pub(super) const FIELDS: usize = 10;
/// Their width.
pub(super) const DEVIATION: f64 = 0.15;
/// Threshold of the neurons.
const THRESHOLD: f64 = 0.999;

const SOURCE: &str = "Tang et al., \"Deep Reinforcement Learning with Population-Coded Spiking Neural Network for Continuous Control\", CoRL 2020 (arXiv 2010.09635); population encoders of SpikingJelly";

pub(super) const ENCODER: Encoder = Encoder {
    name: "population",
    equation: "a_k = exp(-((x - k / 9) / 0.15)^2 / 2) for k = 0..9; u += a_k; S[t] = [u >= 0.999], then u -= 0.999 where it fired",
    source: SOURCE,
    planes: FIELDS,
    signed: false,
    run: EncodeFn::Still(deterministic),
};

pub(super) const RANDOM: Encoder = Encoder {
    name: "population-random",
    equation: "S[t] = [u < a_k], u uniform in [0, 1), independent; a_k as in `population`",
    source: SOURCE,
    planes: FIELDS,
    signed: false,
    run: EncodeFn::Still(random),
};

fn activities(image: &[f32]) -> Vec<f64> {
    let one = |k: usize, x: f32| {
        let d = (f64::from(x) - k as f64 / (FIELDS - 1) as f64) / DEVIATION;
        (-0.5 * d * d).exp()
    };
    (0..FIELDS).flat_map(|k| image.iter().map(move |&x| one(k, x))).collect()
}

fn deterministic(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let mut neurons: Vec<(f64, f64)> = activities(image).into_iter().map(|a| (0.0, a)).collect();
    let mut frames = Vec::with_capacity(neurons.len() * timesteps);
    for _ in 0..timesteps {
        for (u, a) in &mut neurons {
            *u += *a;
            let fires = *u >= THRESHOLD;
            *u -= if fires { THRESHOLD } else { 0.0 };
            frames.push(f32::from(u8::from(fires)));
        }
    }
    frames
}

fn random(image: &[f32], timesteps: usize, draw: Draw) -> Vec<f32> {
    let stream = stream(draw.seed, draw.index);
    let a = activities(image);
    let spike = |k: usize| f32::from(u8::from(uniform(stream, k as u64) < a[k % a.len()]));
    (0..timesteps * a.len()).map(spike).collect()
}
