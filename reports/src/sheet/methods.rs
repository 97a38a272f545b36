//! The paragraph on methods that a paper needs, from the provenance of a sheet: as LaTeX and as plain text.

use super::{Basis, Sheet};
use crate::report::{ConstantRow, EstimateRow};
use crate::table::latex_escape;
use crate::units::{count, digits, energy, plural};

/// Label of the table of constants.
pub const CONSTANTS_LABEL: &str = "tab:pulvinar-constants";

/// An estimator with more constants than this gets their number and grades; the table has them all.
const NAMED_CONSTANTS: usize = 6;

/// A piece of the text.
enum Piece {
    /// Words.
    Text(String),
    /// A name as it is typed.
    Code(String),
    /// References.
    Cite(Vec<String>),
    /// The table of constants.
    Constants,
    /// A new paragraph.
    Break,
}

/// The text as LaTeX; every key that it cites is in the bibliography of the sheet.
pub fn latex(sheet: &Sheet) -> String {
    let head =
        "% written by pulvinar; needs the bibliography energy.bib and, for the reference, constants.tex\n";
    pieces(sheet).iter().fold(head.to_owned(), |out, piece| match piece {
        Piece::Text(text) => out + &latex_escape(text),
        Piece::Code(name) => format!("{out}\\texttt{{{}}}", latex_escape(name)),
        Piece::Cite(keys) => format!("{out}~\\cite{{{}}}", keys.join(",")),
        Piece::Constants => format!("{out}Table~\\ref{{{CONSTANTS_LABEL}}}"),
        Piece::Break => out + "\n\n",
    }) + "\n"
}

/// The text without markup.
pub fn text(sheet: &Sheet) -> String {
    pieces(sheet).iter().fold(String::new(), |out, piece| match piece {
        Piece::Text(text) | Piece::Code(text) => out + text,
        Piece::Cite(keys) => format!("{out} [{}]", keys.join(", ")),
        Piece::Constants => out + "the table of constants",
        Piece::Break => out + "\n\n",
    }) + "\n"
}

fn text_of(words: impl Into<String>) -> Piece {
    Piece::Text(words.into())
}

fn pieces(sheet: &Sheet) -> Vec<Piece> {
    let mut out = vec![
        text_of("Energies are of one inference of "),
        Piece::Code(sheet.network.clone()),
        text_of(format!(
            " with {}, {} neurons and {} dense multiply-accumulates a timestep, and were estimated with Pulvinar {}. ",
            plural(sheet.timesteps.into(), "timestep", "timesteps"),
            count(sheet.neurons as f64),
            count(sheet.macs),
            sheet.version
        )),
    ];
    out.extend(rates(sheet));
    out.push(text_of(" All estimators price the same layers at the same rates."));
    for e in &sheet.estimates {
        out.push(Piece::Break);
        out.extend(estimate(sheet, e));
    }
    if let Some(run) = &sheet.simulated {
        out.push(text_of(format!(
            " The simulated chip, {}, has {} at {} nm and {} MHz; an inference takes {} cycles, and {} of its energy are \
             paid every cycle whatever happens.",
            run.arch,
            plural(run.cores.into(), "core", "cores"),
            run.node_nm,
            digits(run.clock_mhz),
            count(run.latency_cycles),
            energy(run.static_pj)
        )));
    }
    if let Some(u) = sheet.simulated.as_ref().and_then(|run| run.uncertainty.as_ref()) {
        out.push(text_of(format!(
            " By the evidence of its constants, drawn {} times, the energy lies between {} and {} (5th and 95th percentile).",
            count(u.draws.into()),
            energy(u.p5_pj),
            energy(u.p95_pj)
        )));
    }
    out.push(Piece::Break);
    out.extend(break_even(sheet));
    out
}

fn rates(sheet: &Sheet) -> Vec<Piece> {
    let rates = &sheet.rates;
    let basis = match &rates.basis {
        Basis::Given => "Firing rates were given, not measured".to_owned(),
        Basis::Measured { on, inputs, .. } => {
            format!("Firing rates were measured on {} by {on}", plural(*inputs, "input", "inputs"))
        }
    };
    let slots = sheet.neurons as f64 * f64::from(sheet.timesteps);
    let mean = if slots > 0.0 { sheet.spikes / slots } else { 0.0 };
    let bounds = rates.layers.iter().map(|l| l.rate);
    let low = bounds.clone().fold(f64::INFINITY, f64::min);
    let high = bounds.fold(0.0, f64::max);
    let range = if high > low {
        format!("{} to {} by layer, {} on average", digits(low), digits(high), digits(mean))
    } else {
        format!("{} in every layer", digits(high))
    };
    let mut out = vec![text_of(format!(
        "{basis}: {range}, in spikes of a neuron and timestep, and {} for the input; an inference has {} spikes.",
        digits(rates.input),
        count(sheet.spikes)
    ))];
    if let Some(base) = &rates.without_attention {
        out.push(text_of(format!(" Rates without attention are those of {base}.")));
    }
    out
}

fn estimate(sheet: &Sheet, e: &EstimateRow) -> Vec<Piece> {
    let mut out = vec![Piece::Code(e.estimator.clone())];
    if !e.formula_sources.is_empty() {
        out.push(Piece::Cite(e.formula_sources.clone()));
    }
    out.push(text_of(format!(" ({}) gives {}", e.about, energy(e.total_pj))));
    if let Some(ratio) = e.attention_efficiency.filter(|r| (r - 1.0).abs() > 1e-12) {
        let than = digits(ratio);
        out.push(text_of(format!("; the same network without attention takes {than} times that (r_EE)")));
    }
    out.push(text_of(". "));
    let constants: Vec<&ConstantRow> = sheet.constants_of(&e.estimator).collect();
    if constants.len() > NAMED_CONSTANTS {
        out.push(text_of(format!(
            "Its {} constants ({}) are listed in ",
            constants.len(),
            grades(&constants)
        )));
        out.push(Piece::Constants);
        let mut keys: Vec<String> = constants.iter().flat_map(|c| c.sources.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        out.push(Piece::Cite(keys));
        out.push(text_of("."));
    } else if !constants.is_empty() {
        out.push(text_of("Its constants are "));
        for (i, c) in constants.iter().enumerate() {
            let node = c.node_nm.map_or_else(String::new, |n| format!(" at {n} nm"));
            out.push(text_of(if i > 0 { ", " } else { "" }));
            out.push(Piece::Code(c.name.clone()));
            out.push(text_of(format!(" {} {}{node}, {}", c.value, c.unit, c.grade)));
            out.push(Piece::Cite(c.sources.clone()));
        }
        out.push(text_of("."));
    }
    if !e.leaves_out.is_empty() {
        out.push(text_of(format!(" It leaves out {}.", e.leaves_out.join("; "))));
    }
    out
}

/// How many constants have which grade, in words.
fn grades(constants: &[&ConstantRow]) -> String {
    let mut known: Vec<(&str, usize)> = Vec::new();
    for c in constants {
        match known.iter_mut().find(|k| k.0 == c.grade) {
            Some(k) => k.1 += 1,
            None => known.push((&c.grade, 1)),
        }
    }
    known.iter().map(|(grade, n)| format!("{n} {grade}")).collect::<Vec<_>>().join(", ")
}

fn break_even(sheet: &Sheet) -> Vec<Piece> {
    let mut out = vec![text_of("Against an artificial network of the same layers: ")];
    for (i, b) in sheet.break_even.iter().enumerate() {
        out.push(text_of(format!(
            "{}{}, {}, is {} the limit of {}",
            if i > 0 { "; " } else { "" },
            b.quantity,
            digits(b.value),
            b.side,
            b.limit()
        )));
        out.push(Piece::Cite(b.sources.clone()));
    }
    out.push(text_of("."));
    out
}
