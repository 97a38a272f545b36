//! NIR files (the Neuromorphic Intermediate Representation, HDF5 with the ending `.nir`): import, and export of
//! networks without attention.
//!
//! NIR describes neurons in continuous time and holds neither a time step, nor the kind of reset, nor how long a network
//! runs, nor what is made of its output. [`Options`] gives these; what is not given is assumed, and every assumption is
//! among those of the graph. Equations are in [`neuron`]. Structure: [`file`] reads the container, [`flat`] unfolds inner
//! graphs, [`cycle`] orders the nodes, [`shape`] infers shapes, [`build`] makes the network, [`export`] goes back.
//! Source: J. E. Pedersen et al., Neuromorphic intermediate representation, Nature Communications 15, 2024.

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

mod build;
mod cycle;
mod export;
mod file;
mod flat;
mod layer;
mod neuron;
mod param;
mod per;
mod shape;
mod window;

pub use export::{export, Exported};

use crate::native::{Model, Producer};
use crate::{read_file, sha256_hex};
use build::Settings;
use flat::Flat;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Time step assumed where none is given, in seconds: that of the frameworks' exporters.
pub const DEFAULT_DT: f64 = 1e-4;

/// What a spike does to the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetRule {
    /// Sets it to `v_reset`, as NIR's equations say.
    Value,
    /// Subtracts the threshold; frameworks write such networks with the same nodes.
    Subtract,
}

/// What is made of the output over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Nothing: the output is a stream.
    Stream,
    /// Mean over time.
    Mean,
    /// Sum over time.
    Sum,
}

/// What a NIR file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Timesteps T; required.
    pub timesteps: Option<usize>,
    /// Time step in seconds; assumed to be [`DEFAULT_DT`].
    pub dt: Option<f64>,
    /// Reset; assumed to be the value.
    pub reset: Option<ResetRule>,
    /// What the input carries; assumed to be counts.
    pub input: Option<InputKind>,
    /// What is made of the output; assumed to be the sum.
    pub answer: Option<Answer>,
}

/// How faithful a translation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// The equations of the source in the given steps, up to rounding.
    Exact,
    /// Something was assumed or added.
    Approximated,
    /// It cannot be expressed.
    Refused,
}

impl std::fmt::Display for Rating {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Rating::Exact => "exact",
            Rating::Approximated => "approximated",
            Rating::Refused => "refused",
        })
    }
}

/// What became of one node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The node as the source names it.
    pub node: String,
    /// How faithful.
    pub rating: Rating,
    /// Why; empty where there is nothing to say.
    pub text: String,
}

/// The outcome of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The worst of all nodes and assumptions.
    pub rating: Rating,
    /// One entry a node, as far as the import came.
    pub reasons: Vec<Reason>,
    /// The network, or why there is none.
    pub model: Result<Model>,
}

/// True for files that are HDF5, by their first bytes, or end in `.nir`.
pub fn is_nir(path: &Path) -> bool {
    let mut start = [0; file::SIGNATURE.len()];
    let read = std::fs::File::open(path).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut start));
    (read.is_ok() && start == file::SIGNATURE)
        || (path.is_file() && path.extension().is_some_and(|e| e == "nir"))
}

/// Reads a NIR file.
pub fn import(path: &Path, options: &Options) -> Imported {
    let place = path.display().to_string();
    let name = path.file_stem().map_or_else(|| "nir".to_owned(), |s| s.to_string_lossy().into_owned());
    match read_file(path) {
        Ok(bytes) => {
            let mut imported = import_bytes(&name, &bytes, options);
            imported.model = imported.model.map_err(|d| d.within(&place));
            imported
        }
        Err(d) => Imported { rating: Rating::Refused, reasons: Vec::new(), model: Err(d) },
    }
}

/// Reads a NIR file held in memory.
pub fn import_bytes(name: &str, bytes: &[u8], options: &Options) -> Imported {
    let mut reasons = Vec::new();
    let model = translate(name, bytes, options, &mut reasons);
    let worst = reasons.iter().map(|r| r.rating).max().unwrap_or(Rating::Exact);
    let rating = if model.is_ok() { worst } else { Rating::Refused };
    Imported { rating, reasons, model }
}

fn translate(name: &str, bytes: &[u8], options: &Options, reasons: &mut Vec<Reason>) -> Result<Model> {
    let settings = settle(options)?;
    let (version, raw) = file::read(bytes)?;
    let flat = flat::flatten(&raw)?;
    let order = cycle::order(&flat)?;
    let shapes = shape::infer(&flat, &order.nodes)?;
    let mut graph = build::build(name, &flat, &order, &shapes, &settings, reasons)?;
    graph.assumptions = assumptions(&flat, &order.late, options, &settings, reasons);
    let producer = Producer {
        name: "nir".to_owned(),
        version,
        framework: "unknown: NIR does not say".to_owned(),
        extra: BTreeMap::new(),
    };
    Ok(Model { graph, vectors: None, producer, hash: sha256_hex(bytes) })
}

fn settle(options: &Options) -> Result<Settings> {
    let timesteps = options.timesteps.filter(|t| (1..=1 << 16).contains(t)).ok_or_else(|| {
        Diagnostic::new(
            "E0516",
            "`--timesteps`",
            "a NIR file does not say how many timesteps an inference has",
            "give from 1 to 65536 timesteps, as many as the network was trained with",
        )
    })?;
    let dt = options.dt.unwrap_or(DEFAULT_DT);
    if !dt.is_finite() || dt <= 0.0 {
        return Err(Diagnostic::new(
            "E0516",
            "`--dt`",
            format!("a time step of {dt} s"),
            "give the seconds of one step, more than 0",
        ));
    }
    Ok(Settings {
        timesteps,
        dt,
        reset: options.reset.unwrap_or(ResetRule::Value),
        input: options.input.unwrap_or(InputKind::Counts),
        answer: options.answer.unwrap_or(Answer::Sum),
    })
}

/// What was assumed; nodes that depend on a guess are approximated.
fn assumptions(
    flat: &Flat<'_>,
    late: &[bool],
    options: &Options,
    settings: &Settings,
    reasons: &mut [Reason],
) -> Vec<String> {
    let kind_of: BTreeMap<&str, &str> =
        flat.nodes.iter().map(|(name, node)| (name.as_str(), node.kind.as_str())).collect();
    let mut approximate = |kinds: &[&str], why: &str| {
        let mut any = false;
        for reason in reasons.iter_mut().filter(|r| kinds.contains(&kind_of[r.node.as_str()])) {
            any = true;
            if !why.is_empty() {
                reason.rating = reason.rating.max(Rating::Approximated);
                reason.text += &format!("{}{why}", if reason.text.is_empty() { "" } else { "; " });
            }
        }
        any
    };
    let mut all = Vec::new();
    let timed = ["I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Delay"];
    if approximate(&timed[..6], "") {
        all.push(
            "NIR: continuous time in steps by forward Euler (leak = 1 - dt / tau), potentials from 0, spikes above the \
             threshold"
                .to_owned(),
        );
    }
    if options.dt.is_none() && approximate(&timed, "the time step is assumed") {
        all.push(format!("NIR: a time step of {} s, which the file does not hold (`--dt`)", settings.dt));
    }
    if options.reset.is_none() && approximate(&["IF", "LIF", "CubaLIF"], "the reset is assumed") {
        all.push(
            "NIR: a spike sets the potential to v_reset; exporters write `subtract` alike (`--reset`)"
                .to_owned(),
        );
    }
    if approximate(&["CubaLI", "CubaLIF"], "the order of its two equations is a choice") {
        all.push("NIR: the new current of a Cuba neuron drives its membrane in the same step".to_owned());
    }
    for (e, _) in late.iter().enumerate().filter(|(_, late)| **late) {
        let (from, to) = (&flat.nodes[flat.edges[e].0].0, &flat.nodes[flat.edges[e].1].0);
        all.push(format!("NIR: in a cycle, the value of `{from}` reaches `{to}` one step later"));
        for reason in reasons.iter_mut().filter(|r| r.node == *to) {
            reason.rating = reason.rating.max(Rating::Approximated);
            let comma = if reason.text.is_empty() { "" } else { "; " };
            reason.text += &format!("{comma}a delay of one step closes a cycle");
        }
    }
    if options.input.is_none() {
        all.push("NIR: the input carries event counts (`--input-kind`)".to_owned());
    }
    if options.answer.is_none() {
        all.push("NIR: the answer is the sum of the output over time (`--readout`)".to_owned());
    }
    all
}
