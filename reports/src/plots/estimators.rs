//! Energy estimators side by side.

use super::bars::{stacked, Bar};
use super::{component_colour, Plot};
use crate::report::Report;
use crate::units;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "estimators",
    caption: "The same inference by different estimators, on one scale. The table says what each leaves out.",
    draw,
};

/// Colours of terms that are no part of the chip; none of them is a part's.
const TERMS: [&str; 6] = ["#12827c", "#54b8b0", "#9a7b3f", "#c9ab73", "#c2498f", "#e8a5cb"];

fn draw(report: &Report) -> Option<String> {
    let mut next = 0;
    let mut bars = Vec::new();
    for e in &report.energy.estimates {
        let mut parts = Vec::new();
        for term in e.terms_pj.iter().filter(|t| t.value > 0.0) {
            let colour = component_colour(&term.name).unwrap_or_else(|| {
                next += 1;
                TERMS[(next - 1) % TERMS.len()]
            });
            parts.push((term.name.clone(), term.value, colour));
        }
        bars.push(Bar { label: e.estimator.clone(), note: units::energy(e.total_pj), parts });
    }
    (!bars.is_empty()).then(|| stacked("Energy per inference by estimator", &bars, None, units::energy))
}
