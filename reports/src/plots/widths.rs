//! Accuracy by operand width.

use super::lines::{lines, Frame, Line};
use super::Plot;
use crate::report::Report;
use crate::units::percent;
use std::collections::BTreeMap;

/// The figure.
pub const PLOT: Plot =
    Plot { name: "widths", caption: "Accuracy over the width of weights, one line a width of gates.", draw };

fn draw(report: &Report) -> Option<String> {
    let mut by_gate: BTreeMap<u32, BTreeMap<u32, f64>> = BTreeMap::new();
    for row in &report.bits {
        by_gate.entry(row.gate_bits).or_default().insert(row.weight_bits, row.accuracy);
    }
    let line = |(gate, points): (u32, BTreeMap<u32, f64>)| Line {
        name: format!("{gate}-bit gates"),
        points: points.into_iter().map(|(w, a)| (f64::from(w), a)).collect(),
    };
    let all: Vec<Line> = by_gate.into_iter().map(line).collect();
    if all.iter().all(|l| l.points.len() < 2) {
        return None;
    }
    let title = "Accuracy by operand width";
    lines(&Frame { title, x: "weight bits", y: "accuracy", from_zero: false, show: percent }, &all)
}
