//! How far the closed form is from the simulated machine: measured on a fixed suite of networks and chips, kept with the build.

use serde::Serialize;
use std::fmt;

/// The suite: one line a network and chip, written by `tests/tests/analytic.rs`.
const SUITE: &str = include_str!("suite.csv");

/// Absolute errors of one quantity, percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the points are closer.
    pub median: f64,
    /// 95 of 100 points are closer.
    pub percentile_95: f64,
    /// No point is farther.
    pub largest: f64,
}

/// Measured errors of the closed form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeasuredError {
    /// Points of the suite.
    pub points: usize,
    /// Cycles of an inference.
    pub latency: Spread,
    /// Energy of an inference.
    pub energy: Spread,
}

/// The errors on the suite of this build.
pub fn measured_error() -> MeasuredError {
    let column = |from_end: usize| -> Vec<f64> {
        let cell = |line: &str| line.rsplit(',').nth(from_end).and_then(|c| c.parse::<f64>().ok());
        SUITE.lines().skip(1).filter_map(cell).map(f64::abs).collect()
    };
    let (latency, energy) = (column(1), column(0));
    MeasuredError { points: latency.len(), latency: spread(latency), energy: spread(energy) }
}

fn spread(mut errors: Vec<f64>) -> Spread {
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (errors.len().saturating_sub(1) as f64 * share).round() as usize;
        errors.get(index).copied().unwrap_or(f64::NAN)
    };
    Spread { median: at(0.5), percentile_95: at(0.95), largest: at(1.0) }
}

impl fmt::Display for MeasuredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |s: &Spread| {
            format!(
                "median {:.1} %, 95th percentile {:.1} %, largest {:.1} %",
                s.median, s.percentile_95, s.largest
            )
        };
        write!(
            f,
            "closed form against the simulated machine on {} points: latency {}; energy {}",
            self.points,
            show(&self.latency),
            show(&self.energy)
        )
    }
}
