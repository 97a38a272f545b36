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

impl Grade {
    /// Spread of a number of this evidence: standard deviation of its logarithm. `docs/technology.md` gives the reasons.
    pub fn spread(self) -> f64 {
        match self {
            Grade::Measured => 0.05,
            Grade::Published | Grade::Simulated | Grade::Derived => 0.3,
            Grade::Table | Grade::Recalled => 0.5,
        }
    }

    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Grade::Measured => "measured",
            Grade::Published => "published",
            Grade::Simulated => "simulated",
            Grade::Derived => "derived",
            Grade::Table => "table",
            Grade::Recalled => "recalled",
        }
    }
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
    /// Numbers of one family are wrong together: the points of one table, the widths of one rule.
    pub family: String,
    /// Standard deviation of the logarithm of the true value around this one.
    pub spread: f64,
}

impl Origin {
    /// A number with the spread of its grade, a family of its own.
    pub fn new(
        name: impl Into<String>,
        value: f64,
        unit: &str,
        node_nm: Option<u32>,
        sources: &[&str],
        grade: Grade,
    ) -> Self {
        let name = name.into();
        let sources = sources.iter().map(|&s| s.to_owned()).collect();
        let (unit, family) = (unit.to_owned(), name.clone());
        Origin { family, name, value, unit, node_nm, sources, grade, spread: grade.spread() }
    }

    /// The number as one of a family.
    pub fn of_family(mut self, family: impl Into<String>) -> Self {
        self.family = family.into();
        self
    }

    /// A rule of derivation as a factor of 1 that is as uncertain as the rule was found to be. A rule that was not seen to
    /// err has no spread.
    pub fn rule(name: impl Into<String>, sources: &[&str], spread: f64) -> Self {
        Origin { spread, ..Origin::new(name, 1.0, "factor", None, sources, Grade::Derived) }
    }
}

/// One product of numbers to powers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Monomial {
    /// Its value.
    pub value: f64,
    /// Names of the numbers and their powers.
    pub powers: Vec<(String, f64)>,
}

/// A value with its provenance: a sum of products of sourced numbers, so that a change of one of them is followed exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced {
    /// Products; their sum is the value.
    pub parts: Vec<Monomial>,
    /// Numbers it was made from.
    pub origins: Vec<Origin>,
    /// How it was derived from them, where it is not the number itself.
    pub notes: Vec<String>,
}

impl Sourced {
    /// The number itself.
    pub fn of(origin: Origin) -> Self {
        let parts = vec![Monomial { value: origin.value, powers: vec![(origin.name.clone(), 1.0)] }];
        Sourced { parts, origins: vec![origin], notes: Vec::new() }
    }
    /// The value.
    pub fn value(&self) -> f64 {
        self.parts.iter().map(|p| p.value).sum()
    }
    /// Standard deviation of its logarithm, to first order: families are independent, their members move together.
    pub fn spread(&self) -> f64 {
        let total = self.value();
        let mut families: Vec<(&str, f64)> = Vec::new();
        for origin in &self.origins {
            let of = |p: &Monomial| -> f64 {
                let powers = p.powers.iter().filter(|(name, _)| *name == origin.name);
                p.value / total * powers.map(|(_, power)| power).sum::<f64>()
            };
            let moved = origin.spread * self.parts.iter().map(of).sum::<f64>();
            match families.iter_mut().find(|f| f.0 == origin.family) {
                Some(family) => family.1 += moved,
                None => families.push((&origin.family, moved)),
            }
        }
        families.iter().map(|f| f.1 * f.1).sum::<f64>().sqrt()
    }
    /// The value times a plain number.
    pub fn times(mut self, factor: f64) -> Self {
        self.parts.iter_mut().for_each(|p| p.value *= factor);
        self
    }
    /// The value times a factor made of sourced numbers that are not varied one by one.
    pub fn scaled(self, factor: f64, origins: Vec<Origin>) -> Self {
        let mut out = self.times(factor);
        extend(&mut out.origins, origins);
        out
    }
    /// The value by a rule of its own uncertainty.
    pub fn rule(mut self, rule: Origin) -> Self {
        self.parts.iter_mut().for_each(|p| p.powers.push((rule.name.clone(), 1.0)));
        extend(&mut self.origins, [rule]);
        self
    }
    /// Geometric mean a^(1−t)·b^t of two products; t may lie outside 0..1.
    pub fn between(mut self, other: Sourced, t: f64) -> Self {
        let value = self.value() * (other.value() / self.value()).powf(t);
        let raised = |s: &Sourced, by: f64| -> Vec<(String, f64)> {
            s.parts.iter().flat_map(|p| &p.powers).map(|(name, power)| (name.clone(), power * by)).collect()
        };
        let powers = raised(&self, 1.0 - t).into_iter().chain(raised(&other, t)).collect();
        self.parts = vec![Monomial { value, powers }];
        extend(&mut self.origins, other.origins);
        self.notes(other.notes)
    }
    /// The value with one more remark.
    pub fn note(self, note: impl Into<String>) -> Self {
        self.notes(vec![note.into()])
    }
    /// The value with more remarks.
    pub fn notes(mut self, notes: Vec<String>) -> Self {
        extend(&mut self.notes, notes);
        self
    }
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
pub struct PerTerm(Sourced);

impl PerTerm {
    /// An energy whose value is in picojoules.
    pub fn new(pj: Sourced) -> Self {
        PerTerm(pj)
    }
    /// Picojoules.
    pub fn pj(&self) -> f64 {
        self.0.value()
    }
    /// Where it comes from.
    pub fn sourced(&self) -> &Sourced {
        &self.0
    }
    /// The same energy, derived on.
    pub fn map(self, f: impl FnOnce(Sourced) -> Sourced) -> Self {
        PerTerm(f(self.0))
    }
    /// The energy times a plain number.
    pub fn times(self, factor: f64) -> Self {
        self.map(|s| s.times(factor))
    }
    /// The energy with one more remark.
    pub fn note(self, note: impl Into<String>) -> Self {
        self.map(|s| s.note(note))
    }
}

impl Add for PerTerm {
    type Output = PerTerm;
    fn add(mut self, other: PerTerm) -> PerTerm {
        self.0.parts.extend(other.0.parts);
        extend(&mut self.0.origins, other.0.origins);
        self.map(|s| s.notes(other.0.notes))
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
