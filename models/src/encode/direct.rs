//! Direct encoding: the image at every step.

use super::{EncodeFn, Encoder};

pub(super) const ENCODER: Encoder = Encoder {
    name: "direct",
    equation: "X[t] = x",
    source: "Rueckauer et al., \"Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks for Image Classification\", Front. Neurosci. 2017 (analog input)",
    planes: 1,
    signed: false,
    run: EncodeFn::Still(|image, timesteps, _| image.repeat(timesteps)),
};
