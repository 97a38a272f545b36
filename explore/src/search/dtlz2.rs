//! A test function with a known answer, to measure samplers on without a simulator.
//!
//! DTLZ2 of K. Deb, L. Thiele, M. Laumanns and E. Zitzler, "Scalable test problems for evolutionary multiobjective
//! optimization", TIK report 112, ETH Zurich (2001): three objectives, twelve variables from 0 to 1, here in steps of
//! 1/1024. The best points lie on the eighth of the unit sphere, where the last ten variables are 1/2.

use super::{Digits, Gene, Outcome, Problem};
use crate::metrics::Values;
use crate::point::Key;
use crate::store::Status;
use pulvinar_ir::Result;
use std::f64::consts::{FRAC_PI_2, PI};

/// DTLZ2 with the reference point (1.5, 1.5, 1.5).
#[derive(Debug, Clone, Copy, Default)]
pub struct Dtlz2;

impl Dtlz2 {
    const VARIABLES: usize = 12;
    const STEPS: usize = 1024;
    const REFERENCE: f64 = 1.5;

    /// Hypervolume of the whole sphere, as a share of the box: what no search can exceed.
    pub fn ideal() -> f64 {
        1.0 - PI / 6.0 / Self::REFERENCE.powi(3)
    }

    /// The three objectives.
    pub fn objectives(digits: &[usize]) -> [f64; 3] {
        let x: Vec<f64> = digits.iter().map(|&d| d as f64 / Self::STEPS as f64).collect();
        let far = 1.0 + x[2..].iter().map(|v| (v - 0.5).powi(2)).sum::<f64>();
        let ((s0, c0), (s1, c1)) = ((x[0] * FRAC_PI_2).sin_cos(), (x[1] * FRAC_PI_2).sin_cos());
        [far * c0 * c1, far * c0 * s1, far * s0]
    }
}

impl Problem for Dtlz2 {
    fn genes(&self) -> Vec<Gene> {
        vec![Gene { size: Self::STEPS + 1, ordered: true }; Self::VARIABLES]
    }

    fn key(&mut self, digits: &[usize]) -> Result<Option<Key>> {
        Ok(Some(Key(digits.iter().fold(0, |n, &d| n * (Self::STEPS as u128 + 1) + d as u128))))
    }

    fn evaluate(&mut self, points: &[(Key, Digits)]) -> Result<Option<Vec<Outcome>>> {
        let outcome = |(_, digits): &(Key, Digits)| {
            let values = Self::objectives(digits);
            let metrics: Values = (1..).zip(values).map(|(i, v)| (format!("f{i}"), v)).collect();
            let unit = Some(values.iter().map(|v| v / Self::REFERENCE).collect());
            Outcome { status: Status::Ok, metrics, unit }
        };
        Ok(Some(points.iter().map(outcome).collect()))
    }
}
