//! Latency encoding: one spike, the earlier the larger the element; an element of 0 is silent.

use super::Encoder;

pub(super) const ENCODER: Encoder = Encoder {
    name: "latency",
    equation: "S[t] = [t = round((T - 1) * (1 - x))] for x > 0, else 0",
    source: "linear latency encoder of SpikingJelly (Fang et al., Science Advances 2023)",
    run: encode,
};

fn encode(image: &[f32], timesteps: usize, _seed: u64, _index: u64) -> Vec<f32> {
    let mut frames = vec![0.0; image.len() * timesteps];
    for (i, &x) in image.iter().enumerate().filter(|(_, x)| **x > 0.0) {
        let t = ((timesteps - 1) as f64 * (1.0 - f64::from(x))).round() as usize;
        frames[t.min(timesteps - 1) * image.len() + i] = 1.0;
    }
    frames
}
