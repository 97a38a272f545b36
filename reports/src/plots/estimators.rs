//! Energy estimators side by side: they lie orders of magnitude apart.

use super::dots::{dots, Dot, Row, Series};
use super::{Plot, PALETTE};
use crate::report::{EstimateRow, Report};
use crate::units;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "estimators",
    caption: "The same inference by different estimators, on a logarithmic scale. The table says what each leaves out.",
    draw: |report: &Report| draw(&report.energy.estimates),
};

/// Energies of estimates, one row an estimator; nothing without one above zero.
pub fn draw(estimates: &[EstimateRow]) -> Option<String> {
    let series = [("the spiking network", PALETTE[0]), ("an artificial network of its layers", PALETTE[7])]
        .map(|(name, colour)| Series { name: name.to_owned(), colour });
    let row = |e: &EstimateRow| Row {
        label: e.estimator.clone(),
        dots: vec![Dot { series: usize::from(e.artificial), value: e.total_pj }],
        note: units::energy(e.total_pj),
    };
    let used = if estimates.iter().any(|e| e.artificial) { 2 } else { 1 };
    let rows: Vec<Row> = estimates.iter().map(row).collect();
    dots("Energy of one inference by estimator", &series[..used], &rows, units::energy)
}
