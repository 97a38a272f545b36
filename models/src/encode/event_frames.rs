//! Event frames: fine time bins of events gathered in T coarse ones, as counts or as bits.

use super::{EncodeFn, Encoder};

const SOURCE: &str = "event frames of MA-SNN: counts for each polarity and bin (arXiv 2209.13929)";

pub(super) const COUNTS: Encoder = Encoder {
    name: "counts",
    equation: "X[t] = sum of the fine bins b with floor(b * T / B) = t, B their number",
    source: SOURCE,
    planes: 1,
    signed: false,
    run: EncodeFn::Recording(counts),
};

pub(super) const BINARY: Encoder = Encoder {
    name: "binary",
    equation: "S[t] = [X[t] > 0], X as in `counts`",
    source: SOURCE,
    planes: 1,
    signed: false,
    run: EncodeFn::Recording(|steps, elements, timesteps| {
        counts(steps, elements, timesteps).iter().map(|&x| f32::from(u8::from(x > 0.0))).collect()
    }),
};

fn counts(steps: &[f32], elements: usize, timesteps: usize) -> Vec<f32> {
    let bins = (steps.len() / elements).max(1);
    let mut frames = vec![0.0; timesteps * elements];
    for (b, step) in steps.chunks_exact(elements).enumerate() {
        let t = b * timesteps / bins;
        frames[t * elements..(t + 1) * elements].iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
    }
    frames
}
