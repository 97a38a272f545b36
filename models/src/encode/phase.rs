//! Weighted phases: the bits of the element, the highest first, once a period.

use super::{Draw, EncodeFn, Encoder};

/// Bits, which are the steps of a period.
pub(super) const PERIOD: usize = 8;

pub(super) const ENCODER: Encoder = Encoder {
    name: "phase",
    equation: "S[t] = bit i of x, of weight 2^-(i + 1), i = t mod 8; x is cut to 8 bits, at most 1 - 2^-8",
    source: "Kim et al., \"Deep neural networks with weighted spikes\", Neurocomputing 2018",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(encode),
};

fn encode(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let levels = (PERIOD as f64).exp2();
    let bits: Vec<u32> =
        image.iter().map(|&x| (f64::from(x) * levels).clamp(0.0, levels - 1.0) as u32).collect();
    let spike = |t: usize, q: &u32| f32::from((q >> (PERIOD - 1 - t % PERIOD) & 1) as u8);
    (0..timesteps).flat_map(|t| bits.iter().map(move |q| spike(t, q))).collect()
}
