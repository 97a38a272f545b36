//! Direct encoding: the image at every step.

use super::Encoder;

pub(super) const ENCODER: Encoder = Encoder {
    name: "direct",
    equation: "X[t] = x",
    source: "Rueckauer et al., \"Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks for Image Classification\", Front. Neurosci. 2017 (analog input)",
    run: |image, timesteps, _, _| image.repeat(timesteps),
};
