//! Area by kind of block.

use super::bars::{stacked, Bar};
use super::{Plot, PALETTE};
use crate::report::Report;
use crate::units::digits;

/// The figure.
pub const PLOT: Plot =
    Plot { name: "area", caption: "Area of the chip by kind of block, all copies together.", draw };

fn mm2(value: f64) -> String {
    format!("{} mm²", digits(value))
}

fn draw(report: &Report) -> Option<String> {
    let rows = &report.area.as_ref()?.rows;
    let bar = |r: &crate::report::AreaRow| Bar {
        label: r.block.clone(),
        note: mm2(r.area_mm2),
        parts: vec![("area".to_owned(), r.area_mm2, PALETTE[0])],
    };
    let bars: Vec<Bar> = rows.iter().map(bar).collect();
    (!bars.is_empty()).then(|| stacked("Area by kind of block", &bars, None, mm2))
}
