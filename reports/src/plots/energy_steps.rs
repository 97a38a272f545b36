//! Counted energy over time.

use super::lines::{lines, Frame, Line};
use super::Plot;
use crate::report::Report;
use crate::units;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "energy_steps",
    caption:
        "Counted energy of each timestep (leakage and clock left out; what has no timestep, as routers and \
              weight load, is booked on step 0).",
    draw,
};

fn draw(report: &Report) -> Option<String> {
    let points: Vec<(f64, f64)> =
        report.energy.by_timestep.iter().map(|s| (f64::from(s.timestep), s.energy_pj)).collect();
    if points.len() < 2 {
        return None;
    }
    let title = "Counted energy by timestep";
    let frame = Frame { title, x: "timestep", y: "energy", from_zero: true, show: units::energy };
    lines(&frame, &[Line { name: "energy".to_owned(), points }])
}
