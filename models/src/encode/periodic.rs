//! Periodic encoding: a recording again and again.

use super::{EncodeFn, Encoder};

pub(super) const ENCODER: Encoder = Encoder {
    name: "periodic",
    equation: "S[t] = x[t mod T0], T0 the steps of the recording",
    source: "periodic encoder of SpikingJelly (Fang et al., Science Advances 2023)",
    planes: 1,
    signed: false,
    run: EncodeFn::Recording(|steps, elements, timesteps| {
        steps.iter().copied().cycle().take(elements * timesteps).collect()
    }),
};
