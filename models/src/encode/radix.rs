//! Radix encoding: the T bits of the element, the highest first; the receiver doubles its sum at every step.

use super::{Draw, EncodeFn, Encoder};

/// Bits of the widest train.
const MAX_BITS: usize = 24;

pub(super) const ENCODER: Encoder = Encoder {
    name: "radix",
    equation:
        "S[t] = bit T - 1 - t of round(x * (2^T - 1)), so that the sum of S[t] * 2^(T - 1 - t) is the element",
    source: "radix-encoded networks on an accelerator (arXiv 2206.02495)",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(encode),
};

fn encode(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let bits = timesteps.min(MAX_BITS);
    let top = (1u32 << bits) - 1;
    let levels: Vec<u32> = image
        .iter()
        .map(|&x| (f64::from(x) * f64::from(top)).round().clamp(0.0, f64::from(top)) as u32)
        .collect();
    // A longer train begins with zeros.
    let spike = |t: usize, q: u32| if timesteps - 1 - t < bits { q >> (timesteps - 1 - t) & 1 } else { 0 };
    (0..timesteps).flat_map(|t| levels.iter().map(move |&q| f32::from(spike(t, q) as u8))).collect()
}
