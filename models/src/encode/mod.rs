//! Encoders: images and recordings to event frames. One file each; registration is one line of [`ENCODERS`].
//!
//! Those of published networks that are layers are graphs, not encoders: "repeat" is `direct`, then norm and neuron; a
//! convolutional encoder is a first layer; ASNN's "time" code is `latency` of seven steps, its "mix" is `hybrid`.

mod burst;
mod delta;
mod direct;
mod event_frames;
mod hybrid;
mod latency;
mod periodic;
mod phase;
mod population;
mod radix;
mod rate;
mod ttfs;

use crate::dataset::{Dataset, Frames, Stills};
use pulvinar_ir::{Diagnostic, Level, Result, Shape};

/// Where an image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Seed of random encoders.
    pub seed: u64,
    /// Number of the image.
    pub index: u64,
}

/// What an encoder takes. The planes of a result follow each other: [T, planes · C, H, W].
#[derive(Debug, Clone, Copy)]
pub enum EncodeFn {
    /// Elements of one image, to T steps of all planes.
    Still(fn(image: &[f32], timesteps: usize, draw: Draw) -> Vec<f32>),
    /// Steps of a recording, each of `elements`, to T steps of all planes.
    Recording(fn(steps: &[f32], elements: usize, timesteps: usize) -> Vec<f32>),
}

/// One encoder.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    /// Name on the command line.
    pub name: &'static str,
    /// Equation; x is an element, t a step of T.
    pub equation: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Elements made of one.
    pub planes: usize,
    /// True if elements may be negative.
    pub signed: bool,
    /// The encoder.
    pub run: EncodeFn,
}

/// All encoders.
#[rustfmt::skip]
pub const ENCODERS: &[Encoder] = &[
    direct::ENCODER,
    rate::ENCODER,
    rate::SIGNED,
    latency::ENCODER,
    latency::LOGARITHMIC,
    ttfs::ENCODER,
    phase::ENCODER,
    radix::ENCODER,
    radix::BITS_3,
    radix::BITS_4,
    radix::BITS_5,
    radix::BITS_6,
    burst::ENCODER,
    hybrid::ENCODER,
    population::ENCODER,
    population::RANDOM,
    delta::ENCODER,
    periodic::ENCODER,
    event_frames::COUNTS,
    event_frames::BINARY,
];

/// The encoder of this name.
pub fn find(name: &str) -> Result<&'static Encoder> {
    ENCODERS.iter().find(|e| e.name == name).ok_or_else(|| {
        let names: Vec<&str> = ENCODERS.iter().map(|e| e.name).collect();
        Diagnostic::new(
            "E0405",
            format!("encoder `{name}`"),
            "this encoder is not known",
            format!("use one of {}", names.join(", ")),
        )
    })
}

impl Encoder {
    /// True if it takes recordings and not images.
    pub fn takes_recordings(&self) -> bool {
        matches!(self.run, EncodeFn::Recording(_))
    }

    /// Encodes every image into `timesteps` steps; the same seed gives the same frames.
    ///
    /// # Errors
    /// E0403 for frames that are absurdly large, E0405 if it takes recordings.
    pub fn encode(&self, stills: &Stills, timesteps: usize, seed: u64) -> Result<Dataset> {
        let EncodeFn::Still(run) = self.run else {
            return Err(self.other("recordings, and these are still images", "give frames [N,T,C,H,W]"));
        };
        let (shape, step) = self.shape(stills.shape, timesteps)?;
        if let Some(i) = stills.pixels.iter().position(|&x| x < 0.0).filter(|_| !self.signed) {
            return Err(Diagnostic::new(
                "E0403",
                format!("image {}", i / step),
                format!(
                    "element {} is {}, and encoder `{}` takes 0..=1",
                    i % step,
                    stills.pixels[i],
                    self.name
                ),
                "scale the images, or use `--encode rate-signed`",
            ));
        }
        let images = stills.pixels.chunks_exact(step).zip(0..);
        let frames = images.flat_map(|(image, index)| run(image, timesteps, Draw { seed, index })).collect();
        Ok(Dataset { frames: numbers(shape, frames)?, labels: stills.labels.clone() })
    }

    /// Encodes every recording into `timesteps` steps.
    ///
    /// # Errors
    /// E0403 for frames that are absurdly large, E0405 if it takes still images.
    pub fn encode_recordings(&self, recordings: &Dataset, timesteps: usize) -> Result<Dataset> {
        let EncodeFn::Recording(run) = self.run else {
            return Err(self.other("still images, and these are recordings", "give images [N,C,H,W]"));
        };
        let from = recordings.frames.shape();
        let (shape, step) = self.shape([from.c, from.h, from.w], timesteps)?;
        let mut frames = Vec::new();
        for i in 0..recordings.frames.len() {
            let value = recordings.frames.value(i, Level::Trained)?;
            let steps: Vec<f32> = value.reals().iter().map(|&v| v as f32).collect();
            frames.extend(run(&steps, step, timesteps));
        }
        Ok(Dataset { frames: numbers(shape, frames)?, labels: recordings.labels.clone() })
    }

    fn other(&self, what: &str, help: &str) -> Diagnostic {
        let message = format!("it encodes {what}");
        Diagnostic::new("E0405", format!("encoder `{}`", self.name), message, help)
    }

    /// Shape of a sample, and elements of a step of its source.
    fn shape(&self, [c, h, w]: [usize; 3], timesteps: usize) -> Result<(Shape, usize)> {
        let shape = Shape::new(timesteps, self.planes * c, h, w);
        match shape.bounded_len() {
            Some(_) => Ok((shape, c * h * w)),
            None => Err(Diagnostic::new(
                "E0403",
                "images",
                format!("frames of {shape} are empty or absurdly large"),
                "give fewer timesteps",
            )),
        }
    }
}

/// Whole numbers are events.
fn numbers(shape: Shape, frames: Vec<f32>) -> Result<Frames> {
    if frames.iter().all(|&v| v.fract() == 0.0 && (0.0..256.0).contains(&v)) {
        Frames::from_u8(shape, frames.iter().map(|&v| v as u8).collect())
    } else {
        Frames::from_f32(shape, frames)
    }
}

/// One spike an element, at the step that `when` gives; none for `None`.
fn one_spike(image: &[f32], timesteps: usize, when: impl Fn(f64) -> Option<usize>) -> Vec<f32> {
    let mut frames = vec![0.0; image.len() * timesteps];
    for (i, &x) in image.iter().enumerate() {
        if let Some(t) = when(f64::from(x)) {
            frames[t.min(timesteps - 1) * image.len() + i] = 1.0;
        }
    }
    frames
}

#[cfg(test)]
mod tests;
