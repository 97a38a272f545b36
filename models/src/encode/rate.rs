//! Rate encoding: a Bernoulli spike at every step; signed elements in two planes.

use super::{Draw, EncodeFn, Encoder};
use crate::random::{stream, uniform};

pub(super) const ENCODER: Encoder = Encoder {
    name: "rate",
    equation: "S[t] = [u < x], u uniform in [0, 1), independent",
    source: "Poisson/Bernoulli rate code (Diehl, Cook, Front. Comput. Neurosci. 2015)",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(plain),
};

pub(super) const SIGNED: Encoder = Encoder {
    name: "rate-signed",
    equation: "plane 0: S[t] = [u < x], plane 1: S[t] = [u < -x], one u uniform in [0, 1): sign(x) * [|x| > u] in two planes",
    source: "signed Poisson code (Rathi et al., \"Enabling Deep Spiking Neural Networks with Hybrid Conversion and Spike Timing Dependent Backpropagation\", ICLR 2020)",
    planes: 2,
    signed: true,
    run: EncodeFn::Still(signed),
};

fn plain(image: &[f32], timesteps: usize, draw: Draw) -> Vec<f32> {
    let stream = stream(draw.seed, draw.index);
    let elements = std::iter::repeat_n(image, timesteps).flatten();
    elements.zip(0..).map(|(&x, k)| f32::from(u8::from(uniform(stream, k) < f64::from(x)))).collect()
}

fn signed(image: &[f32], timesteps: usize, draw: Draw) -> Vec<f32> {
    let stream = stream(draw.seed, draw.index);
    let n = image.len();
    let spike = |t: usize, plane: usize, i: usize| {
        let x = f64::from(image[i]) * if plane == 0 { 1.0 } else { -1.0 };
        f32::from(u8::from(uniform(stream, (t * n + i) as u64) < x))
    };
    (0..timesteps * 2 * n).map(|k| spike(k / (2 * n), k / n % 2, k % n)).collect()
}
