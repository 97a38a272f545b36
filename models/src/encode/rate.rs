//! Rate encoding: a Bernoulli spike at every step.

use super::Encoder;
use crate::random::{stream, uniform};

pub(super) const ENCODER: Encoder = Encoder {
    name: "rate",
    equation: "S[t] = [u < x], u uniform in [0, 1), independent",
    source: "Poisson/Bernoulli rate code (Diehl, Cook, Front. Comput. Neurosci. 2015)",
    run: encode,
};

fn encode(image: &[f32], timesteps: usize, seed: u64, index: u64) -> Vec<f32> {
    let stream = stream(seed, index);
    let elements = std::iter::repeat_n(image, timesteps).flatten();
    elements.zip(0..).map(|(&x, k)| f32::from(u8::from(uniform(stream, k) < f64::from(x)))).collect()
}
