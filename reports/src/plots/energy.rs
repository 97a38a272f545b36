//! Energy by layer, stacked by part of the chip.

use super::bars::{stacked, Bar};
use super::{component_colour, Plot, PALETTE};
use crate::report::{Report, STATIC_LAYER};
use crate::units;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "energy",
    caption: "Counted energy per inference by layer and part of the chip. Leakage, clock and DRAM background belong \
              to no layer and are left out here; noc is the network.",
    draw,
};

fn draw(report: &Report) -> Option<String> {
    let bars: Vec<Bar> = report
        .energy
        .by_layer
        .iter()
        .filter(|l| l.layer != STATIC_LAYER)
        .map(|l| Bar {
            label: l.layer.clone(),
            note: units::energy(l.energy_pj),
            parts: l
                .parts
                .iter()
                .map(|p| {
                    (p.component.clone(), p.energy_pj, component_colour(&p.component).unwrap_or(PALETTE[7]))
                })
                .collect(),
        })
        .collect();
    (!bars.is_empty()).then(|| stacked("Energy per inference by layer and part", &bars, None, units::energy))
}
