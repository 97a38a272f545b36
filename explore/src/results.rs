//! What a store says: which points, their front, which keys decide, figures and a page.
//!
//! ```text
//! store ─ select ─▶ points ─ front ─▶ front, hypervolume
//!                      └─ importance, figures ─▶ page: SVG, CSV, Parquet, HTML
//! ```

pub mod figures;
mod front;
mod importance;
pub mod page;
mod select;
mod trials;

pub use front::{front, Front};
pub use importance::{importance, Importance};
pub use select::{Condition, Selected, Selection};
pub use trials::{Trial, Trials};

use crate::metrics::Metric;
use crate::scalar::Scalar;
use pulvinar_reports::units;

/// A metric or key as people read it.
pub fn text(name: &str, value: f64) -> String {
    match name {
        "latency_us" => units::time(value),
        "accuracy" => units::percent(value),
        "area_mm2" => format!("{} mm²", units::digits(value)),
        "edp_pj_us" => units::si(value * 1e-18, "Js"),
        _ if name.ends_with("_pj") => units::energy(value),
        _ if name.ends_with("_bits") && name.starts_with(['t', 'd']) => units::bits(value),
        _ => units::count(value),
    }
}

/// A cell as people read it.
pub fn cell(name: &str, value: &Scalar) -> String {
    match value {
        Scalar::Real(v) if crate::metrics::find(name).is_some() => text(name, *v),
        Scalar::Real(v) => units::digits(*v),
        other => other.to_string(),
    }
}

/// A value such that less is better.
fn least(metric: &Metric, value: f64) -> f64 {
    if metric.maximise {
        -value
    } else {
        value
    }
}
