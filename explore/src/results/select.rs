//! Which rows of a store are looked at.

use crate::keys;
use crate::metrics::{self, Metric};
use crate::point::Key;
use crate::scalar::{Scalar, Settings};
use crate::store::{Row, Status, Store};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How a value stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Is,
    IsNot,
    AtMost,
    AtLeast,
    Below,
    Above,
}

/// Signs of relations, the longer before those that begin like them.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::IsNot),
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("=", Relation::Is),
    ("<", Relation::Below),
    (">", Relation::Above),
];

/// `NAME=VALUE`, or another relation, of a key or a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    name: String,
    relation: Relation,
    value: Scalar,
}

impl Condition {
    /// Reads `core.lanes=8`, `accuracy>=0.95`, `model!=vanilla`.
    ///
    /// # Errors
    /// E0910 for a text that is none, E0902 for a name that is neither a key nor a metric.
    pub fn parse(text: &str) -> Result<Self> {
        let place = format!("--where {text}");
        let at = text.find(['!', '<', '>', '=']).unwrap_or(text.len());
        let (name, rest) = text.split_at(at);
        let found = RELATIONS.iter().find_map(|(sign, relation)| Some((*relation, rest.strip_prefix(sign)?)));
        let (relation, value) =
            found.filter(|(_, v)| !name.is_empty() && !v.is_empty()).ok_or_else(|| {
                let help = "write NAME=VALUE with =, !=, <, <=, > or >=, for example core.lanes=8";
                Diagnostic::new("E0910", &place, "this is no condition", help)
            })?;
        keys::check_or_metric(name, &place)?;
        let value = match value {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            _ => value
                .parse()
                .map(Scalar::Int)
                .or_else(|_| value.parse().map(Scalar::Real))
                .unwrap_or_else(|_| Scalar::Text(value.to_owned())),
        };
        Ok(Condition { name: name.to_owned(), relation, value })
    }

    fn holds(&self, row: &Row) -> bool {
        let own = row.metrics.get(&self.name).map(|v| Scalar::Real(*v)).or(row.set.get(&self.name).cloned());
        let Some(own) = own else { return self.relation == Relation::IsNot };
        let order = match (own.number(), self.value.number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(own.to_string().cmp(&self.value.to_string())),
        };
        order.is_some_and(|order| match self.relation {
            Relation::Is => order.is_eq(),
            Relation::IsNot => order.is_ne(),
            Relation::AtMost => order.is_le(),
            Relation::AtLeast => order.is_ge(),
            Relation::Below => order.is_lt(),
            Relation::Above => order.is_gt(),
        })
    }
}

/// What rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Name of the sweep that computed them.
    pub sweep: Option<String>,
    /// How they ended; `ok` without it.
    pub status: Option<Status>,
    /// `cycle` or `analytic`.
    pub fidelity: Option<String>,
    /// What else must hold.
    pub conditions: Vec<Condition>,
    /// Points of a plan.
    pub keys: Option<BTreeSet<Key>>,
}

/// A selection in words, for headings and messages.
impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = vec![format!("status {}", self.status.unwrap_or(Status::Ok).name())];
        parts.extend(self.sweep.as_ref().map(|s| format!("sweep {s}")));
        parts.extend(self.fidelity.as_ref().map(|s| format!("fidelity {s}")));
        parts.extend(self.keys.as_ref().map(|k| format!("the {} points of the plan", k.len())));
        let sign =
            |r: Relation| RELATIONS.iter().find(|(_, other)| *other == r).map_or("", |(sign, _)| *sign);
        parts.extend(self.conditions.iter().map(|c| format!("{}{}{}", c.name, sign(c.relation), c.value)));
        f.write_str(&parts.join(", "))
    }
}

impl Selection {
    fn takes(&self, row: &Row) -> bool {
        row.status == self.status.unwrap_or(Status::Ok)
            && self.sweep.as_ref().is_none_or(|s| *s == row.facts.sweep)
            && self.fidelity.as_ref().is_none_or(|f| fidelity(row) == *f)
            && self.keys.as_ref().is_none_or(|k| k.contains(&row.key))
            && self.conditions.iter().all(|c| c.holds(row))
    }
}

/// Fidelity of a row.
fn fidelity(row: &Row) -> String {
    row.set.get("fidelity").map(ToString::to_string).unwrap_or_default()
}

/// Rows that were selected.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Rows in the order of their keys, each with the settings that differ between them.
    pub rows: Vec<Row>,
    /// Settings that are the same in all of them.
    pub constant: Settings,
    /// Keys that vary, each with those that vary along with it one to one.
    pub varying: Vec<Varying>,
    /// Metrics of the same points simulated cycle by cycle, by the key of the row.
    pub confirmed: BTreeMap<Key, metrics::Values>,
    /// Other rows of the store by status, those of other sweeps among them.
    pub others: BTreeMap<&'static str, u64>,
    /// Reasons why points of the same sweep, fidelity and conditions on keys have no metrics: code, words, number.
    pub reasons: BTreeMap<String, (String, u64)>,
}

/// A key that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Varying {
    /// The key.
    pub key: String,
    /// Keys that have another value exactly where this one has.
    pub along: Vec<String>,
    /// Its values, in order.
    pub values: Vec<Scalar>,
    /// Index of its value in every row.
    pub of_row: Vec<usize>,
}

impl Varying {
    /// Name with those that vary along.
    pub fn name(&self) -> String {
        if self.along.is_empty() {
            return self.key.clone();
        }
        let more = self.along.len();
        format!("{} (+{more})", self.key)
    }
}

/// Settings without the fidelity, as a hash: equal for a point and its confirmation.
fn twin(set: &Settings) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, value) in set.iter().filter(|(name, _)| *name != "fidelity") {
        (name, value.to_string()).hash(&mut hasher);
    }
    hasher.finish()
}

impl Selected {
    /// Reads the rows of a store that a selection takes, in two passes, so that only what varies is kept.
    ///
    /// # Errors
    /// Those of [`Store::unique`]; E0931 if there is no such row.
    pub fn read(store: &Store, selection: &Selection) -> Result<Self> {
        let mut survey = Survey::default();
        store.unique(&mut |row| {
            survey.look(row, selection);
            Ok(())
        })?;
        if survey.taken == 0 {
            return Err(survey.nothing(store, selection));
        }
        let mut rows: Vec<Row> = Vec::new();
        let mut twins: BTreeMap<u64, Vec<Key>> = BTreeMap::new();
        let mut cycles: BTreeMap<u64, metrics::Values> = BTreeMap::new();
        store.unique(&mut |mut row| {
            let is_cycle = row.status == Status::Ok && fidelity(&row) == "cycle";
            if is_cycle && survey.analytic {
                cycles.insert(twin(&row.set), row.metrics.clone());
            }
            if selection.takes(&row) {
                if fidelity(&row) == "analytic" {
                    twins.entry(twin(&row.set)).or_default().push(row.key);
                }
                row.set.retain(|name, _| !survey.is_constant(name));
                rows.push(row);
            }
            Ok(())
        })?;
        rows.sort_by_key(|r| r.key);
        let confirmed = cycles
            .into_iter()
            .flat_map(|(hash, values)| {
                twins.remove(&hash).unwrap_or_default().into_iter().map(move |k| (k, values.clone()))
            })
            .collect();
        let varying = varying(&rows);
        Ok(Selected {
            constant: survey.constant(),
            varying,
            confirmed,
            others: survey.others,
            reasons: survey.reasons,
            rows,
        })
    }

    /// Refuses metrics that a row lacks (E0932).
    pub fn check(&self, wanted: &[&Metric]) -> Result<()> {
        for metric in wanted {
            let lacking = self.rows.iter().filter(|r| !r.metrics.contains_key(metric.name)).count();
            if lacking > 0 {
                let first = self.rows.iter().find(|r| !r.metrics.contains_key(metric.name));
                let why = first.map(|r| (r.status, r.metrics.is_empty()));
                let help = match why {
                    Some((_, true)) => "points that are not ok have no metrics; leave --status out",
                    _ if metric.name == "accuracy" => "accuracy needs labelled inputs; name other objectives",
                    _ => "name other objectives, or run the points again into a new store",
                };
                let all = self.rows.len();
                return Err(Diagnostic::new(
                    "E0932",
                    format!("objective `{}`", metric.name),
                    format!("{lacking} of the {all} points selected do not have it"),
                    help,
                ));
            }
        }
        Ok(())
    }

    /// The varying key of this name, or the one it varies along with.
    ///
    /// # Errors
    /// E0902 with the nearest one that varies.
    pub fn vary(&self, name: &str, place: &str) -> Result<&Varying> {
        let found = self.varying.iter().find(|v| v.key == name || v.along.iter().any(|a| a == name));
        found.ok_or_else(|| {
            let known = self.varying.iter().flat_map(|v| std::iter::once(&v.key).chain(&v.along));
            match self.constant.get(name) {
                Some(value) => Diagnostic::new(
                    "E0933",
                    place,
                    format!("`{name}` is {value} in every point selected"),
                    format!("name two keys that vary: {}", known.cloned().collect::<Vec<_>>().join(", ")),
                ),
                None => keys::unknown("varying key", name, known.map(String::as_str), place),
            }
        })
    }
}

/// What the first pass learns.
#[derive(Default)]
struct Survey {
    taken: u64,
    analytic: bool,
    seen: BTreeMap<String, (Scalar, bool, u64)>,
    others: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<String, (String, u64)>,
    sweeps: BTreeSet<String>,
    fidelities: BTreeSet<String>,
}

impl Survey {
    fn look(&mut self, row: Row, selection: &Selection) {
        self.sweeps.insert(row.facts.sweep.clone());
        self.fidelities.insert(fidelity(&row));
        if !selection.takes(&row) {
            *self.others.entry(row.status.name()).or_default() += 1;
            let without_metrics = Selection { status: Some(row.status), ..selection.clone() };
            if !row.code.is_empty() && without_metrics.takes(&row) {
                self.reasons.entry(row.code).or_insert((row.reason, 0)).1 += 1;
            }
            return;
        }
        self.taken += 1;
        self.analytic |= fidelity(&row) == "analytic";
        for (name, value) in row.set {
            let entry = self.seen.entry(name).or_insert_with(|| (value.clone(), true, 0));
            entry.1 &= entry.0 == value;
            entry.2 += 1;
        }
    }

    fn is_constant(&self, name: &str) -> bool {
        self.seen.get(name).is_some_and(|(_, same, n)| *same && *n == self.taken)
    }

    fn constant(&self) -> Settings {
        let constant = self.seen.iter().filter(|(name, _)| self.is_constant(name));
        constant.map(|(name, seen)| (name.clone(), seen.0.clone())).collect()
    }

    fn nothing(&self, store: &Store, selection: &Selection) -> Diagnostic {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let counts: Vec<String> = self.others.iter().map(|(status, n)| format!("{n} {status}")).collect();
        let help = if counts.is_empty() {
            "run a plan into it first: pulvinar sweep run PLAN --store S".to_owned()
        } else {
            let (sweeps, fidelities) = (list(&self.sweeps), list(&self.fidelities));
            let counts = counts.join(", ");
            format!("the store has {counts}; sweeps: {sweeps}; fidelities: {fidelities}")
        };
        let place = store.root().display().to_string();
        Diagnostic::new("E0931", place, format!("there is no point with {selection}"), help)
    }
}

/// Name of the size of the mesh where both of its sides vary.
const MESH: &str = "mesh";

/// Keys that vary, those that always vary together as one, under the shortest of their names.
fn varying(rows: &[Row]) -> Vec<Varying> {
    let mut names: BTreeSet<&str> = rows.iter().flat_map(|r| r.set.keys()).map(String::as_str).collect();
    let sides = ["mesh.width", "mesh.height"];
    if sides.iter().all(|s| names.contains(s)) {
        names.retain(|n| !sides.contains(n));
        names.insert(MESH);
    }
    let mut found: Vec<Varying> = Vec::new();
    for name in names {
        let own = numbered(name, rows);
        let along = |v: &&mut Varying| v.values.len() == own.values.len() && same(&v.of_row, &own.of_row);
        match found.iter_mut().find(along) {
            Some(other) if other.key.len() <= name.len() => other.along.push(name.to_owned()),
            Some(other) => {
                let along = std::iter::once(other.key.clone()).chain(other.along.drain(..)).collect();
                *other = Varying { along, ..own };
            }
            None if own.values.len() > 1 => found.push(own),
            None => {}
        }
    }
    if let Some(mesh) = found.iter_mut().find(|v| v.key == MESH) {
        mesh.along.extend(sides.map(str::to_owned));
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

/// Values of a key in order, numbers by size and before words, and which of them every row has.
fn numbered(name: &str, rows: &[Row]) -> Varying {
    let none = || Scalar::Text("none".to_owned());
    let value = |row: &Row| match name {
        MESH => {
            let side = |key: &str| row.set.get(key).map(ToString::to_string).unwrap_or_default();
            Scalar::Text(format!("{} x {}", side("mesh.width"), side("mesh.height")))
        }
        _ => row.set.get(name).cloned().unwrap_or_else(none),
    };
    let mut by_text: BTreeMap<String, Scalar> = BTreeMap::new();
    let texts: Vec<String> = rows
        .iter()
        .map(|row| {
            let value = value(row);
            let text = value.to_string();
            by_text.entry(text.clone()).or_insert(value);
            text
        })
        .collect();
    let mut values: Vec<(String, Scalar)> = by_text.into_iter().collect();
    let number = |v: &Scalar| v.number().unwrap_or(f64::INFINITY);
    values.sort_by(|a, b| number(&a.1).total_cmp(&number(&b.1)).then_with(|| a.0.cmp(&b.0)));
    let place: BTreeMap<&str, usize> = values.iter().enumerate().map(|(i, (t, _))| (t.as_str(), i)).collect();
    let of_row = texts.iter().map(|t| place[t.as_str()]).collect();
    let values = values.iter().map(|(_, v)| v.clone()).collect();
    Varying { key: name.to_owned(), along: Vec::new(), values, of_row }
}

/// True if two numberings tell the same rows apart.
fn same(a: &[usize], b: &[usize]) -> bool {
    let mut to: BTreeMap<usize, usize> = BTreeMap::new();
    a.iter().zip(b).all(|(a, b)| *to.entry(*a).or_insert(*b) == *b)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::Facts;

    /// Rows of `core.lanes` and `core.queue_events` over `levels` and of as many seeds, with a latency of the first two.
    pub fn grid(levels: &[i64], latency: impl Fn(f64, f64) -> f64, seeds: i64) -> Selected {
        let mut rows = Vec::new();
        for (a, b, seed) in
            levels.iter().flat_map(|a| levels.iter().flat_map(move |b| (0..seeds).map(move |s| (*a, *b, s))))
        {
            let set = [("core.lanes", a), ("core.queue_events", b), ("seed", seed)];
            rows.push(Row {
                key: Key(rows.len() as u128),
                status: Status::Ok,
                code: String::new(),
                reason: String::new(),
                set: set.map(|(name, v)| (name.to_owned(), Scalar::Int(v))).into(),
                metrics: [("latency_us".to_owned(), latency(a as f64, b as f64))].into(),
                facts: Facts::default(),
            });
        }
        let varying = varying(&rows);
        Selected {
            rows,
            constant: Settings::new(),
            varying,
            confirmed: BTreeMap::new(),
            others: BTreeMap::new(),
            reasons: BTreeMap::new(),
        }
    }

    #[test]
    fn conditions_are_of_keys_and_metrics() {
        let selected = grid(&[4, 16], |a, b| a * b, 1);
        let taken = |text: &str| {
            let condition = Condition::parse(text).unwrap();
            selected.rows.iter().filter(|r| condition.holds(r)).count()
        };
        assert_eq!([taken("core.lanes=4"), taken("core.lanes!=4"), taken("core.lanes<=16")], [2, 2, 4]);
        assert_eq!([taken("latency_us>64"), taken("latency_us>=64.0"), taken("latency_us<17")], [1, 3, 1]);
        assert_eq!([taken("model=vanilla"), taken("model!=vanilla")], [0, 4]);
        assert_eq!(Condition::parse("core.lanes").unwrap_err().code, "E0910");
        assert_eq!(Condition::parse("core.lanes=").unwrap_err().code, "E0910");
        let wrong = Condition::parse("latency>=3").unwrap_err();
        assert_eq!(wrong.code, "E0902");
        assert!(wrong.help.contains("latency_us"), "{wrong}");
    }

    #[test]
    fn keys_that_vary_together_are_one() {
        let mut selected = grid(&[4, 16], |a, b| a * b, 3);
        for row in &mut selected.rows {
            let lanes = row.set["core.lanes"].number().unwrap() as i64;
            row.set.insert("core.attention_lanes".to_owned(), Scalar::Int(2 * lanes));
        }
        let found = varying(&selected.rows);
        let names: Vec<String> = found.iter().map(Varying::name).collect();
        assert_eq!(names, ["core.lanes (+1)", "core.queue_events", "seed"]);
        assert_eq!(found[0].along, ["core.attention_lanes"]);
        assert_eq!(found[0].values, [Scalar::Int(4), Scalar::Int(16)]);
        for row in &mut selected.rows {
            let side = row.set["seed"].clone();
            row.set.extend([
                ("mesh.width".to_owned(), side),
                ("mesh.height".to_owned(), Scalar::Int(row.key.0 as i64 % 2)),
            ]);
        }
        let found = varying(&selected.rows);
        let mesh = found.iter().find(|v| v.key == MESH).unwrap();
        assert_eq!((mesh.values.len(), mesh.values[3].to_string()), (6, "1 x 1".to_owned()));
    }
}
