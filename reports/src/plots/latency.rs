//! How the cores of each layer spend the latency.

use super::bars::{stacked, Bar};
use super::Plot;
use crate::report::Report;
use crate::units::percent;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "latency",
    caption: "How the cores of each layer spend the latency, mean over its cores and inputs. The synapse engine and \
              the update engine may work at the same time, so each has its own bar; the empty rest is waiting.",
    draw,
};

fn draw(report: &Report) -> Option<String> {
    let mut bars = Vec::new();
    for l in &report.layers {
        let all = report.timing.latency_cycles * f64::from(l.cores.max(1));
        let part = |name: &str, cycles: f64, colour| (name.to_owned(), cycles / all, colour);
        let busy = |cycles: f64| percent(cycles / all);
        bars.push(Bar {
            label: format!("{}: synapses", l.name),
            note: busy(l.synapse_busy_cycles),
            parts: std::iter::once(part("synapse engine", l.synapse_busy_cycles, "#2f78c4"))
                .chain(l.stall_cycles.map(|stalled| part("stalled", stalled, "#c0392b")))
                .collect(),
        });
        let update = l.sweep_busy_cycles + l.attention_busy_cycles;
        bars.push(Bar {
            label: "updates".to_owned(),
            note: busy(update),
            parts: vec![
                part("update engine", l.sweep_busy_cycles, "#2e9e6b"),
                part("attention engine", l.attention_busy_cycles, "#e07b22"),
            ],
        });
    }
    let title = "Share of the latency that each engine works, by layer";
    (!bars.is_empty()).then(|| stacked(title, &bars, Some(1.0), percent))
}
