//! Radix encoding: the T bits of the element, the highest first; the receiver doubles its sum at every step.

use super::{Draw, EncodeFn, Encoder};

/// Bits of the widest train.
const MAX_BITS: usize = 16;

/// A train of `BITS` bits, of all steps if 0, and zeros behind it.
const fn encoder<const BITS: usize>(name: &'static str, equation: &'static str) -> Encoder {
    Encoder {
        name,
        equation,
        source: "radix-encoded networks on an accelerator (arXiv 2206.02495)",
        planes: 1,
        signed: false,
        run: EncodeFn::Still(encode::<BITS>),
    }
}

pub(super) const ENCODER: Encoder = encoder::<0>(
    "radix",
    "S[t] = bit T - 1 - t of round(x * (2^T - 1)), so that the sum of S[t] * 2^(T - 1 - t) is the element; at most 16 bits",
);
pub(super) const BITS_3: Encoder = encoder::<3>("radix-3", "as `radix` with T = 3, then zeros");
pub(super) const BITS_4: Encoder = encoder::<4>("radix-4", "as `radix` with T = 4, then zeros");
pub(super) const BITS_5: Encoder = encoder::<5>("radix-5", "as `radix` with T = 5, then zeros");
pub(super) const BITS_6: Encoder = encoder::<6>("radix-6", "as `radix` with T = 6, then zeros");

fn encode<const BITS: usize>(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let bits = if BITS == 0 { timesteps.min(MAX_BITS) } else { BITS };
    let top = f64::from((1u32 << bits) - 1);
    let levels: Vec<u32> =
        image.iter().map(|&x| (f64::from(x) * top).round().clamp(0.0, top) as u32).collect();
    let spike = |t: usize, q: u32| if t < bits { q >> (bits - 1 - t) & 1 } else { 0 };
    (0..timesteps).flat_map(|t| levels.iter().map(move |&q| f32::from(spike(t, q) as u8))).collect()
}
