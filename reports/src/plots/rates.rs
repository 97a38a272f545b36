//! Firing rate of each layer over time.

use super::lines::{lines, Frame, Line};
use super::Plot;
use crate::report::Report;
use crate::units::percent;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "rates",
    caption: "Share of neurons that fire in each timestep, mean over inputs, by layer.",
    draw,
};

fn draw(report: &Report) -> Option<String> {
    let series: Vec<Line> = report
        .rates
        .iter()
        .map(|r| Line {
            name: r.layer.clone(),
            points: r.spikes_per_neuron.iter().enumerate().map(|(t, v)| (t as f64, *v)).collect(),
        })
        .collect();
    let title = "Firing rate over time by layer";
    lines(&Frame { title, x: "timestep", y: "neurons firing", from_zero: true, show: percent }, &series)
}
