//! Encoders: still images to event frames. One file each; registration is one line of [`ENCODERS`].

mod direct;
mod latency;
mod rate;

use crate::dataset::{Dataset, Frames, Stills};
use pulvinar_ir::{Diagnostic, Result, Shape};

/// Elements of one image, and where it stands, to `timesteps` steps of the same elements.
pub type EncodeFn = fn(image: &[f32], timesteps: usize, seed: u64, index: u64) -> Vec<f32>;

/// One encoder.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    /// Name on the command line.
    pub name: &'static str,
    /// Equation; x is an element in 0..=1, t a step of T.
    pub equation: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The encoder.
    pub run: EncodeFn,
}

/// All encoders.
pub const ENCODERS: &[Encoder] = &[direct::ENCODER, rate::ENCODER, latency::ENCODER];

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
    /// Encodes every image into `timesteps` steps; the same seed gives the same frames.
    pub fn encode(&self, stills: &Stills, timesteps: usize, seed: u64) -> Result<Dataset> {
        let [c, h, w] = stills.shape;
        let shape = Shape::new(timesteps, c, h, w);
        let Some(step) = shape.bounded_len().map(|n| n / timesteps) else {
            return Err(Diagnostic::new(
                "E0403",
                "images",
                format!("frames of {shape} are empty or absurdly large"),
                "give fewer timesteps",
            ));
        };
        let frames: Vec<f32> = stills
            .pixels
            .chunks_exact(step)
            .zip(0..)
            .flat_map(|(image, index)| (self.run)(image, timesteps, seed, index))
            .collect();
        // Elements are in 0..=1, so whole ones are spikes.
        let frames = if frames.iter().all(|v| v.fract() == 0.0) {
            Frames::from_u8(shape, frames.iter().map(|&v| v as u8).collect())?
        } else {
            Frames::from_f32(shape, frames)?
        };
        Ok(Dataset { frames, labels: stills.labels.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stills() -> Stills {
        Stills { shape: [1, 1, 5], pixels: vec![0.0, 0.25, 0.5, 0.75, 1.0], labels: Some(vec![3]) }
    }

    fn encode(name: &str, timesteps: usize, seed: u64) -> Vec<f64> {
        let data = find(name).unwrap().encode(&stills(), timesteps, seed).unwrap();
        assert_eq!(data.labels, Some(vec![3]));
        data.frames.value(0, pulvinar_ir::Level::Trained).unwrap().reals().to_vec()
    }

    #[test]
    fn direct_repeats() {
        assert_eq!(encode("direct", 3, 0), [0.0, 0.25, 0.5, 0.75, 1.0].repeat(3));
    }

    #[test]
    fn latency_fires_once_at_its_step() {
        // T = 5: steps round(4·(1 − x)) = 3, 2, 1, 0; an element of 0 is silent.
        let y = encode("latency", 5, 0);
        let steps: Vec<Vec<usize>> =
            (0..5).map(|x| (0..5).filter(|t| y[t * 5 + x] > 0.0).collect()).collect();
        assert_eq!(steps, [vec![], vec![3], vec![2], vec![1], vec![0]]);
    }

    #[test]
    fn rate_has_the_mean_of_the_element_and_follows_the_seed() {
        let t = 20_000;
        let y = encode("rate", t, 7);
        for (x, p) in [0.0, 0.25, 0.5, 0.75, 1.0].into_iter().enumerate() {
            let mean = y.iter().skip(x).step_by(5).sum::<f64>() / t as f64;
            // Five standard deviations of a Bernoulli mean.
            let bound = 5.0 * (p * (1.0 - p) / t as f64).sqrt();
            assert!((mean - p).abs() <= bound, "{p}: {mean}");
        }
        assert_eq!(y, encode("rate", t, 7));
        assert_ne!(y, encode("rate", t, 8));
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        assert!(find("phase").unwrap_err().help.contains("latency"));
    }
}
