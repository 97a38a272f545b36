//! Networks of other tools: the formats that are read, how faithful a translation is, and what the user must add.
//!
//! A format is one entry of [`FORMATS`]: how its files are recognised and how they are read. Every node of a file is
//! rated exact, approximated or refused, with the reason; what the file does not say is asked for or assumed aloud.

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

pub(crate) mod hdf5;
pub(crate) mod net;

use crate::native::{Model, Producer};
use crate::{lava, nir, onnx, pt2, read_file, sha256_hex};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Graph, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What a spike does to the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetRule {
    /// Sets it to `v_reset`, as NIR's equations say.
    Value,
    /// Subtracts the threshold; frameworks write such networks with the same nodes.
    Subtract,
    /// Subtracts the threshold in the next step, after the leak, as snnTorch does.
    SubtractLate,
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

/// What a file does not say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// Timesteps T; required where the file has none.
    pub timesteps: Option<usize>,
    /// Time step in seconds, for formats in continuous time.
    pub dt: Option<f64>,
    /// Reset, for formats that have no word for it; assumed to be the value.
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

/// Name, bytes and options to a network and who wrote it.
pub type Reader = fn(&str, &[u8], &Options, &mut Vec<Reason>) -> Result<(Graph, Written)>;

/// A format.
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// Ending of its files, without the dot.
    pub extension: &'static str,
    /// True for bytes that are surely of this format, whatever the file is called.
    pub recognises: fn(&[u8]) -> bool,
    /// The network in these bytes, and who wrote it; reasons are added node by node.
    pub read: Reader,
}

/// Who wrote a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Version of the format.
    pub version: String,
    /// Framework, if the file says.
    pub framework: String,
}

/// The formats, in the order in which they are asked.
pub const FORMATS: &[Format] = &[nir::FORMAT, pt2::FORMAT, onnx::FORMAT, lava::FORMAT];

/// The format of a file, by its ending or its bytes; `None` for what is no file.
pub fn recognise(path: &Path) -> Option<&'static Format> {
    if !path.is_file() {
        return None;
    }
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    let by_ending = FORMATS.iter().find(|f| ending.as_deref() == Some(f.extension));
    by_ending.or_else(|| {
        let bytes = read_file(path).ok()?;
        FORMATS.iter().find(|f| (f.recognises)(&bytes))
    })
}

/// Reads a file of this format.
pub fn import(format: &Format, path: &Path, options: &Options) -> Imported {
    let place = path.display().to_string();
    let name = path.file_stem().map_or_else(|| format.name.to_owned(), |s| s.to_string_lossy().into_owned());
    match read_file(path) {
        Ok(bytes) => {
            let mut imported = import_bytes(format, &name, &bytes, options);
            imported.model = imported.model.map_err(|d| d.within(&place));
            imported
        }
        Err(d) => Imported { rating: Rating::Refused, reasons: Vec::new(), model: Err(d) },
    }
}

/// Reads a file held in memory.
pub fn import_bytes(format: &Format, name: &str, bytes: &[u8], options: &Options) -> Imported {
    let mut reasons = Vec::new();
    let model = (format.read)(name, bytes, options, &mut reasons).map(|(graph, written)| Model {
        graph,
        vectors: None,
        producer: Producer {
            name: format.name.to_owned(),
            version: written.version,
            framework: written.framework,
            extra: BTreeMap::new(),
        },
        hash: sha256_hex(bytes),
    });
    let worst = reasons.iter().map(|r| r.rating).max().unwrap_or(Rating::Exact);
    let rating = if model.is_ok() { worst } else { Rating::Refused };
    Imported { rating, reasons, model }
}

/// A refusal at a node.
pub(crate) fn refuse(
    code: &'static str,
    node: &str,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::new(code, format!("node `{node}`"), message, help)
}

/// The number of timesteps given, where a file has none.
pub(crate) fn timesteps(options: &Options, what: &str) -> Result<usize> {
    options.timesteps.filter(|t| (1..=1 << 16).contains(t)).ok_or_else(|| {
        Diagnostic::new(
            "E0516",
            "`--timesteps`",
            format!("{what} does not say how many timesteps an inference has"),
            "give from 1 to 65536 timesteps, as many as the network was trained with",
        )
    })
}

/// Refuses options that say what the file says itself.
pub(crate) fn without(given: &[(&str, bool)], what: &str) -> Result<()> {
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => {
            Err(Diagnostic::new("E0518", *flag, format!("{what} says this itself"), "leave the option out"))
        }
    }
}
