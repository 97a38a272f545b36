//! Energies that remember where they come from, in two kinds that cannot be mixed.

use serde::Serialize;
use std::ops::Add;

/// Evidence behind a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Silicon, by the cited authors.
    Measured,
    /// The authors' synthesis, circuit simulation or simulator constant.
    Published,
    /// Output of a published tool (CACTI, DSENT, `DRAMsim3`).
    Simulated,
    /// Arithmetic on cited values.
    Derived,
    /// A tool's constant of no stated provenance.
    Table,
    /// From memory; to be checked against the paper.
    Recalled,
}

/// What an energy of one event includes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The event alone; terms of this kind may be added.
    PerTerm,
    /// Idle power, fetches and hops folded in; may be shown beside a total, never added to one.
    AllIn,
    /// Not an energy.
    None,
}

/// One number taken from the data, as a report lists it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Origin {
    /// Name of the constant, or of the table and the point in it.
    pub name: String,
    /// Value in `unit`.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// Process node, nm, where it matters.
    pub node_nm: Option<u32>,
    /// Keys of `sources.csv`.
    pub sources: Vec<String>,
    /// Evidence.
    pub grade: Grade,
}

/// Energy of one event without fetch, hops or idle power. May be added to its like:
///
/// ```
/// use pulvinar_reports::energy::Data;
/// let data = Data::embedded();
/// let sum = data.constants.per_term("paper_mac").unwrap() + data.constants.per_term("paper_ac").unwrap();
/// assert_eq!(sum.pj(), 5.5);
/// ```
///
/// An [`AllIn`] energy cannot be added to it:
///
/// ```compile_fail,E0308
/// use pulvinar_reports::energy::Data;
/// let data = Data::embedded();
/// let sum = data.constants.per_term("paper_ac").unwrap() + data.constants.all_in("truenorth.sop_all_in").unwrap();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PerTerm {
    pj: f64,
    /// Numbers it was made from.
    pub origins: Vec<Origin>,
    /// How it was derived from them, where it is not the number itself.
    pub notes: Vec<String>,
}

impl PerTerm {
    /// An energy of `pj` made from `origins`.
    pub fn new(pj: f64, origins: Vec<Origin>) -> Self {
        PerTerm { pj, origins, notes: Vec::new() }
    }
    /// Picojoules.
    pub fn pj(&self) -> f64 {
        self.pj
    }
    /// The energy times a plain number.
    pub fn times(mut self, factor: f64) -> Self {
        self.pj *= factor;
        self
    }
    /// The energy times a sourced factor.
    pub fn scaled(mut self, factor: f64, origins: Vec<Origin>) -> Self {
        self.pj *= factor;
        extend(&mut self.origins, origins);
        self
    }
    /// The energy with one more remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        extend(&mut self.notes, [note.into()]);
        self
    }
    /// The energy with more remarks.
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        extend(&mut self.notes, notes);
        self
    }
}

impl Add for PerTerm {
    type Output = PerTerm;
    fn add(mut self, other: PerTerm) -> PerTerm {
        self.pj += other.pj;
        extend(&mut self.origins, other.origins);
        self.notes(other.notes)
    }
}

/// Energy of one event with idle power, fetches and hops folded in: a figure to compare with, not a term.
#[derive(Debug, Clone, PartialEq)]
pub struct AllIn {
    /// Picojoules.
    pub pj: f64,
    /// Where it comes from.
    pub origin: Origin,
}

/// Appends what is not there yet.
pub(super) fn extend<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
