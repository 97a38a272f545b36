//! Delta encoding of a recording: spikes where the value has risen or fallen.

use super::{EncodeFn, Encoder};

/// Smallest change that fires.
const THRESHOLD: f32 = 0.1;

pub(super) const ENCODER: Encoder = Encoder {
    name: "delta",
    equation: "plane 0: S[t] = [x[t] - x[t - 1] >= 0.1], plane 1: S[t] = [x[t - 1] - x[t] >= 0.1]; x[-1] = 0, and what lies behind the recording stays as it is",
    source: "delta modulation of snnTorch's spikegen (Eshraghian et al., Proc. IEEE 2023), off spikes in a plane of their own",
    planes: 2,
    signed: false,
    run: EncodeFn::Recording(encode),
};

fn encode(steps: &[f32], elements: usize, timesteps: usize) -> Vec<f32> {
    let last = (steps.len() / elements).saturating_sub(1);
    let at = |t: usize, i: usize| steps[t.min(last) * elements + i];
    let change = |t: usize, i: usize| at(t, i) - if t == 0 { 0.0 } else { at(t - 1, i) };
    let spike = |t: usize, plane: usize, i: usize| {
        let change = if plane == 0 { change(t, i) } else { -change(t, i) };
        f32::from(u8::from(change >= THRESHOLD))
    };
    (0..timesteps * 2 * elements).map(|k| spike(k / (2 * elements), k / elements % 2, k % elements)).collect()
}
