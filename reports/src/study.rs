//! Several runs of one question side by side: a table and figures for a written study.

pub mod energy;
pub mod prosperity;

use crate::plots::bars::{stacked, Bar};
use crate::plots::lines::{lines, Frame, Line};
use crate::plots::{component_colour, standalone, PALETTE};
use crate::report::{EstimateRow, Layer, Report, Term};
use crate::table::Table;
use crate::units::{bits, bytes, count, digits, energy, percent, time};

/// Name of the estimator by the papers' formula.
const PAPER: &str = "paper-sop";

/// One run and what it is called in the study.
#[derive(Debug, Clone)]
pub struct Case {
    /// A few words.
    pub name: String,
    /// The run.
    pub report: Report,
}

/// A row: what, its value in a case, and how it is written.
type Row = (&'static str, fn(&Report) -> f64, fn(f64) -> String);

/// The same of a layer.
type LayerRow = (&'static str, fn(&Layer) -> f64, fn(f64) -> String);

/// The quantities compared; the papers' formula knows the first five.
const ROWS: &[Row] = &[
    ("spikes", Report::spikes, count),
    ("spikes a neuron and step", Report::firing_rate, digits),
    ("synaptic events", Report::synaptic_events, count),
    ("energy by the papers' formula", |r| paper(r).map_or(0.0, |e| e.total_pj), energy),
    (
        "of it gates: made and multiplied",
        |r| terms(r, &["attention generation", "gate multiplication"]),
        energy,
    ),
    ("cycles", |r| r.timing.latency_cycles, count),
    ("latency", |r| r.timing.latency_us, time),
    (
        "sweeps of statistics and of firing, core cycles",
        |r| r.layers.iter().map(|l| l.sweep_busy_cycles).sum(),
        count,
    ),
    ("attention engine, core cycles", |r| attention(r, |a| a.engine_cycles), count),
    ("additions and comparisons of statistics", |r| attention(r, |a| a.statistics_ops), count),
    ("gate multiplications", |r| attention(r, |a| a.gate_multiplies), count),
    ("frame buffers and stores", |r| attention(r, |a| a.buffer_bytes), bytes),
    ("moved in the memories of attention", |r| attention(r, |a| a.memory_bits), bits),
    ("moved in core memories", memory_bits, bits),
    ("flits over links", |r| r.traffic.noc.flit_hops, count),
    ("DRAM, both ways", |r| r.traffic.dram.read_bytes + r.traffic.dram.written_bytes, bytes),
    ("chip energy", |r| r.energy.total_pj, energy),
    ("chip energy, counted work", |r| r.energy.total_pj - r.energy.static_pj, energy),
    ("chip energy, leakage, clock, DRAM idle", |r| r.energy.static_pj, energy),
];

/// Rows of the figure of ratios: those that both sides have.
const RATIOS: &[usize] = &[0, 2, 3, 5, 13, 14, 17, 16];

fn paper(report: &Report) -> Option<&EstimateRow> {
    report.energy.estimates.iter().find(|e| e.estimator == PAPER)
}

/// Terms of the formula whose names begin so, pJ.
fn terms(report: &Report, begins: &[&str]) -> f64 {
    let wanted = |t: &&Term| begins.iter().any(|b| t.name.starts_with(b));
    paper(report).map_or(0.0, |e| e.terms_pj.iter().filter(wanted).map(|t| t.value).sum())
}

fn attention(report: &Report, field: fn(&crate::report::AttentionLayer) -> f64) -> f64 {
    report.attention.iter().map(field).sum()
}

fn memory_bits(report: &Report) -> f64 {
    report.traffic.memories.iter().map(|m| m.read_bits + m.written_bits).sum()
}

/// All quantities of all cases, one column a case.
#[must_use]
pub fn table(caption: &str, cases: &[Case]) -> Table {
    let names: Vec<String> = cases.iter().map(|c| format!(">{}", c.name)).collect();
    let mut heads = vec!["per inference"];
    heads.extend(names.iter().map(String::as_str));
    let mut table = Table::new(caption, &heads);
    for (what, value, show) in ROWS {
        let values: Vec<f64> = cases.iter().map(|c| value(&c.report)).collect();
        if values.iter().any(|v| *v > 0.0) {
            let cells: Vec<String> =
                values.iter().map(|v| if *v > 0.0 { show(*v) } else { "–".to_owned() }).collect();
            let mut row = vec![*what];
            row.extend(cells.iter().map(String::as_str));
            table.row(&row);
        }
    }
    table
}

/// Energy of the chip by part, one bar a case.
#[must_use]
pub fn chip(title: &str, cases: &[Case]) -> String {
    let bar = |c: &Case| Bar {
        label: c.name.clone(),
        note: energy(c.report.energy.total_pj),
        parts: c
            .report
            .energy
            .by_component
            .iter()
            .map(|p| (p.component.clone(), p.energy_pj, component_colour(&p.component).unwrap_or(PALETTE[7])))
            .collect(),
    };
    standalone(&stacked(title, &cases.iter().map(bar).collect::<Vec<_>>(), None, energy))
}

/// Energy by the papers' formula, by term, one bar a case.
#[must_use]
pub fn formula(title: &str, cases: &[Case]) -> String {
    let bar = |c: &Case| {
        let terms = paper(&c.report).map(|e| e.terms_pj.as_slice()).unwrap_or_default();
        let parts = terms.iter().zip(PALETTE).filter(|(t, _)| t.value > 0.0);
        Bar {
            label: c.name.clone(),
            note: energy(terms.iter().map(|t| t.value).sum()),
            parts: parts.map(|(t, colour)| (t.name.clone(), t.value, colour)).collect(),
        }
    };
    standalone(&stacked(title, &cases.iter().map(bar).collect::<Vec<_>>(), None, energy))
}

/// The second of two cases over the first, one bar a quantity; shorter is better.
#[must_use]
pub fn ratios(title: &str, [before, after]: [&Case; 2]) -> String {
    let bars = RATIOS.iter().filter_map(|&i| {
        let (what, value, _) = ROWS[i];
        let (a, b) = (value(&before.report), value(&after.report));
        let formula = what.contains("formula");
        (a > 0.0).then(|| Bar {
            label: if formula { "energy, papers' formula".to_owned() } else { what.to_owned() },
            note: format!("{} ×", digits(b / a)),
            parts: vec![(
                format!("{} over {}", after.name, before.name),
                b / a,
                PALETTE[usize::from(formula)],
            )],
        })
    });
    standalone(&stacked(title, &bars.collect::<Vec<_>>(), None, |v| format!("{} ×", digits(v))))
}

/// What the layers of an encoder, whose names begin so, do beside all others.
#[must_use]
pub fn encoder(caption: &str, case: &Case, begins: &str) -> Table {
    let mut table = Table::new(caption, &["per inference", ">encoder", ">all others", ">encoder's share"]);
    let (own, others): (Vec<_>, Vec<_>) = case.report.layers.iter().partition(|l| l.name.starts_with(begins));
    let rows: [LayerRow; 5] = [
        ("spikes and other events sent", |l| l.spikes, count),
        ("synaptic operations", |l| l.synaptic_events, count),
        ("synapse engines, core cycles", |l| l.synapse_busy_cycles, count),
        ("sweeps, core cycles", |l| l.sweep_busy_cycles, count),
        ("energy of counted work", |l| l.energy_pj, energy),
    ];
    for (what, value, show) in rows {
        let [a, b] = [&own, &others].map(|layers| layers.iter().map(|l| value(l)).sum::<f64>());
        table.row(&[what, &show(a), &show(b), &percent(a / (a + b).max(f64::MIN_POSITIVE))]);
    }
    let report = &case.report;
    let gates = terms(report, &["attention generation", "gate multiplication"]);
    let rest = paper(report).map_or(0.0, |e| e.total_pj) - gates;
    table.row(&[
        "papers' formula, gates of the encoder included",
        &energy(gates),
        &energy(rest),
        &percent(gates / (gates + rest)),
    ]);
    table
}

/// The first case over the second by the papers' formula, against the rate of the input, percent; `rate` is that of the
/// runs, and only the term of the first layer depends on it.
#[must_use]
pub fn sensitivity(title: &str, [before, after]: [&Case; 2], rate: f64) -> String {
    let at = |case: &Case, percent: f64| {
        let first = terms(&case.report, &["first layer"]);
        paper(&case.report).map_or(0.0, |e| e.total_pj - first + first / rate * percent / 100.0)
    };
    let ratio = |percent: u32| (f64::from(percent), at(before, percent.into()) / at(after, percent.into()));
    let own = Line { name: "uniform rates of the layers".to_owned(), points: (0..=50).map(ratio).collect() };
    let published = Line { name: "published, 3.4".to_owned(), points: vec![(0.0, 3.4), (50.0, 3.4)] };
    let frame = Frame {
        title,
        x: "events of a pixel and step, %",
        y: "energy without gates / with TCSA",
        from_zero: true,
        show: |v| format!("{v:.1}"),
    };
    standalone(&lines(&frame, &[own, published]).unwrap_or_default())
}
