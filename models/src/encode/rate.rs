//! Rate encoding: a Bernoulli spike at every step.

use super::Encoder;

pub(super) const ENCODER: Encoder = Encoder {
    name: "rate",
    equation: "S[t] = [u < x], u uniform in [0, 1), independent",
    source: "Poisson/Bernoulli rate code (Diehl, Cook, Front. Comput. Neurosci. 2015)",
    run: encode,
};

fn encode(image: &[f32], timesteps: usize, seed: u64, index: u64) -> Vec<f32> {
    let stream = mix(mix(seed) ^ index);
    let elements = std::iter::repeat_n(image, timesteps).flatten();
    elements.zip(0..).map(|(&x, k)| f32::from(u8::from(uniform(stream, k) < f64::from(x)))).collect()
}

/// Number `k` of a stream: uniform in [0, 1), 53 bits, a pure function of its arguments.
fn uniform(stream: u64, k: u64) -> f64 {
    (mix(stream.wrapping_add(mix(k))) >> 11) as f64 / (1u64 << 53) as f64
}

/// Finaliser of SplitMix64 after one step (Steele, Lea, Flood, OOPSLA 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
