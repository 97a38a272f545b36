//! Waveforms: what a value change dump holds, cycle by cycle, and timing diagrams of it.

mod svg;
mod vcd;

pub use svg::{Diagram, Row, Span};
pub use vcd::Waves;
