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

pub use crate::import::{Answer, Imported, Options, Rating, Reason, ResetRule};

use crate::import::{timesteps, Format, Written};
use build::Settings;
use flat::Flat;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Graph, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Time step assumed where none is given, in seconds: that of the frameworks' exporters.
pub const DEFAULT_DT: f64 = 1e-4;

/// NIR among the formats that are read.
pub const FORMAT: Format =
    Format { name: "nir", extension: "nir", recognises: file::recognises, read: translate };

/// True for files that are NIR, by their ending or their groups.
pub fn is_nir(path: &Path) -> bool {
    crate::import::recognise(path).is_some_and(|f| f.name == FORMAT.name)
}

/// Reads a NIR file.
pub fn import(path: &Path, options: &Options) -> Imported {
    crate::import::import(&FORMAT, path, options)
}

/// Reads a NIR file held in memory.
pub fn import_bytes(name: &str, bytes: &[u8], options: &Options) -> Imported {
    crate::import::import_bytes(&FORMAT, name, bytes, options)
}

fn translate(
    name: &str,
    bytes: &[u8],
    options: &Options,
    reasons: &mut Vec<Reason>,
) -> Result<(Graph, Written)> {
    let settings = settle(options)?;
    let (version, raw) = file::read(bytes)?;
    let flat = flat::flatten(&raw)?;
    let order = cycle::order(&flat)?;
    let shapes = shape::infer(&flat, &order.nodes)?;
    let mut graph = build::build(name, &flat, &order, &shapes, &settings, reasons)?;
    graph.assumptions = assumptions(&flat, &order.late, options, &settings, reasons);
    Ok((graph, Written { version, framework: "unknown: NIR does not say".to_owned() }))
}

fn settle(options: &Options) -> Result<Settings> {
    let timesteps = timesteps(options, "a NIR file")?;
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
