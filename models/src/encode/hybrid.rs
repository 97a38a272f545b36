//! Hybrid of an analog frame and single spikes: the image at step 0, then one spike an element.

use super::{one_spike, Draw, EncodeFn, Encoder};

pub(super) const ENCODER: Encoder = Encoder {
    name: "hybrid",
    equation: "X[0] = x; S[t] = [t = 1 + round((T - 2) * (1 - x))] for t > 0 and x > 0, else 0",
    source: "single-spike hybrid input encoding (arXiv 2107.12374); the mixed code of adaptive networks (arXiv 2408.12407)",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(encode),
};

fn encode(image: &[f32], timesteps: usize, _: Draw) -> Vec<f32> {
    if timesteps < 2 {
        return image.to_vec();
    }
    let last = (timesteps - 2) as f64;
    let when = |x: f64| (x > 0.0).then(|| (last * (1.0 - x)).round_ties_even() as usize);
    [image, &one_spike(image, timesteps - 1, when)].concat()
}
