//! Latency encoding: one spike, the earlier the larger the element; an element of 0 is silent.

use super::{one_spike, Draw, EncodeFn, Encoder};

const SOURCE: &str = "latency encoders of SpikingJelly (Fang et al., Science Advances 2023)";

pub(super) const ENCODER: Encoder = Encoder {
    name: "latency",
    equation: "S[t] = [t = round((T - 1) * (1 - x))] for x > 0, else 0",
    source: SOURCE,
    planes: 1,
    signed: false,
    run: EncodeFn::Still(linear),
};

pub(super) const LOGARITHMIC: Encoder = Encoder {
    name: "latency-log",
    equation: "S[t] = [t = round(T - 1 - ln(a * x + 1))] for x > 0, else 0; a = exp(T - 1) - 1",
    source: SOURCE,
    planes: 1,
    signed: false,
    run: EncodeFn::Still(logarithmic),
};

fn linear(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let last = (timesteps - 1) as f64;
    one_spike(image, timesteps, |x| (x > 0.0).then(|| (last * (1.0 - x)).round_ties_even() as usize))
}

fn logarithmic(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    let last = (timesteps - 1) as f64;
    let a = last.exp_m1();
    one_spike(image, timesteps, |x| (x > 0.0).then(|| (last - (a * x).ln_1p()).round_ties_even() as usize))
}
