//! `SPACE.toml`.

use super::axes::{Axis, Constraint, Fold, Term};
use super::{Goal, Limit, Space, Tie};
use crate::chips;
use crate::config::Config;
use crate::keys;
use crate::metrics::METRICS;
use crate::scalar::{Scalar, Settings};
use pulvinar_ir::{Arch, Diagnostic, Result};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::Value;

/// Most values of one axis.
const MAX_VALUES: usize = 1 << 20;

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    arch: Option<String>,
    #[serde(default = "default_objectives")]
    objectives: Vec<String>,
    #[serde(default)]
    reference: BTreeMap<String, f64>,
    #[serde(default)]
    bounds: BTreeMap<String, Limit>,
    #[serde(default)]
    set: toml::Table,
    #[serde(default)]
    keys: toml::Table,
    #[serde(default)]
    joint: Vec<Joint>,
    #[serde(default)]
    constraint: Vec<Bound>,
    #[serde(default)]
    point: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Joint {
    keys: Vec<String>,
    values: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    key: Option<Value>,
    #[serde(default)]
    sum: Vec<Value>,
    #[serde(default)]
    product: Vec<Value>,
    at_least: Option<Value>,
    at_most: Option<Value>,
}

/// Numbers from one to another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: f64,
    to: f64,
    step: Option<f64>,
    factor: Option<f64>,
    points: Option<usize>,
    log_points: Option<usize>,
}

/// A key that follows another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Follows {
    same_as: String,
    times: Option<f64>,
}

fn default_objectives() -> Vec<String> {
    ["latency_us", "energy_pj", "area_mm2"].map(str::to_owned).to_vec()
}

fn bad(place: &str, key: &str, message: impl Into<String>, help: &str) -> Diagnostic {
    Diagnostic::new("E0903", format!("{place}: {key}"), message, help)
}

/// Reads the text.
pub fn parse(text: &str, place: &str, folder: &Path) -> Result<Space> {
    let written: Written = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
        Diagnostic::new(
            "E0901",
            format!("{place}: line {line}"),
            format!("this is no space: {}", e.message()),
            "a space has name, arch, objectives, reference, bounds, [set], [keys], [[joint]], [[constraint]] and [[point]] \
             (docs/explore.md)",
        )
    })?;
    let arch = base_arch(written.arch.as_deref(), folder)?;
    let fixed = settings(&written.set, &Config::base(arch.clone()).json(), place)?;
    let base = keys::with(&Config::base(arch).json(), &fixed).map_err(|d| d.within(place))?;
    let json = base.json();
    let reader = Reader { place, json: &json };
    let mut space = Space {
        name: written.name.unwrap_or_else(|| "space".to_owned()),
        folder: folder.to_owned(),
        axes: Vec::new(),
        ties: Vec::new(),
        constraints: written.constraint.iter().map(|b| reader.constraint(b)).collect::<Result<_>>()?,
        listed: written.point.iter().map(|t| settings(t, &json, place)).collect::<Result<_>>()?,
        goal: Goal { objectives: written.objectives, reference: written.reference, bounds: written.bounds },
        base,
        json: json.clone(),
    };
    for (key, value) in flattened(&written.keys) {
        reader.key(&mut space, &key, &value)?;
    }
    for joint in &written.joint {
        space.axes.push(reader.joint(joint)?);
    }
    check(&space, place)?;
    Ok(space)
}

/// The chip that axes start from: a file, or the name of a chip.
fn base_arch(name: Option<&str>, folder: &Path) -> Result<Arch> {
    name.map_or_else(|| Ok(Arch::default_chip()), |name| chips::read(Path::new(name), folder))
}

/// Values by dotted key, from nested tables or quoted names; a range is a value.
fn flattened(table: &toml::Table) -> Vec<(String, Value)> {
    let is_value =
        |t: &toml::Table| t.contains_key("from") || t.contains_key("to") || t.contains_key("same_as");
    let mut flat = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) if !is_value(inner) && !inner.is_empty() => {
                flat.extend(flattened(inner).into_iter().map(|(k, v)| (format!("{name}.{k}"), v)));
            }
            value => flat.push((name.clone(), value.clone())),
        }
    }
    flat
}

/// Fixed values.
fn settings(table: &toml::Table, json: &Json, place: &str) -> Result<Settings> {
    let reader = Reader { place, json };
    let one = |(key, value): (String, Value)| {
        keys::check(&key, place)?;
        Ok((key.clone(), reader.scalar(&key, &value)?))
    };
    flattened(table).into_iter().map(one).collect()
}

struct Reader<'a> {
    place: &'a str,
    json: &'a Json,
}

impl Reader<'_> {
    /// A value that the key can have.
    fn scalar(&self, key: &str, value: &Value) -> Result<Scalar> {
        let scalar = Scalar::of_toml(value).ok_or_else(|| {
            bad(
                self.place,
                key,
                format!("{value} is no single value"),
                "give a number, a word, true or false",
            )
        })?;
        let scalar = keys::fitted(self.json, key, scalar);
        let alone = Settings::from([(key.to_owned(), scalar.clone())]);
        keys::with(self.json, &alone).map_err(|d| d.within(self.place))?;
        Ok(scalar)
    }

    /// An axis or a tie.
    fn key(&self, space: &mut Space, key: &str, value: &Value) -> Result<()> {
        keys::check(key, self.place)?;
        let numbers = match value {
            Value::Array(list) => list.clone(),
            Value::Table(table) if table.contains_key("same_as") => {
                let follows: Follows = self.table(key, table)?;
                keys::check(&follows.same_as, self.place)?;
                space.ties.push(Tie { key: key.to_owned(), of: follows.same_as, times: follows.times });
                return Ok(());
            }
            Value::Table(table) => self.range(key, &self.table(key, table)?)?,
            single => vec![single.clone()],
        };
        let mut values: Vec<Vec<Scalar>> = Vec::new();
        for number in &numbers {
            let row = vec![self.scalar(key, number)?];
            if !values.contains(&row) {
                values.push(row);
            }
        }
        if values.is_empty() {
            return Err(bad(self.place, key, "there is no value", "give at least one value"));
        }
        space.axes.push(Axis { keys: vec![key.to_owned()], values });
        Ok(())
    }

    fn table<T: serde::de::DeserializeOwned>(&self, key: &str, table: &toml::Table) -> Result<T> {
        Value::Table(table.clone()).try_into().map_err(|e: toml::de::Error| {
            bad(
                self.place,
                key,
                format!("this is no range: {}", e.message()),
                "write { from, to } with step, factor, points or log_points, or { same_as, times }",
            )
        })
    }

    /// Numbers of a range; whole where the key is.
    fn range(&self, key: &str, range: &Range) -> Result<Vec<Value>> {
        let (from, to) = (range.from, range.to);
        let whole = !keys::is_real(self.json, key);
        let refuse = |message: String, help: &str| Err(bad(self.place, key, message, help));
        if from > to || !from.is_finite() || !to.is_finite() {
            return refuse(format!("the range from {from} to {to} is empty"), "give `from` not above `to`");
        }
        let given =
            [range.step, range.factor, range.points.map(|n| n as f64), range.log_points.map(|n| n as f64)];
        if given.iter().flatten().count() > 1 || (given.iter().flatten().count() == 0 && !whole) {
            return refuse(
                "how many numbers the range holds is not said once".to_owned(),
                "give one of step, factor, points, log_points",
            );
        }
        let step = range.step.unwrap_or(1.0);
        let between = |i: usize, n: usize| i as f64 / (n.max(2) - 1) as f64;
        let numbers: Vec<f64> = match (range.factor, range.points, range.log_points) {
            (Some(factor), ..) if factor > 1.0 && from > 0.0 => {
                std::iter::successors(Some(from), |v| Some(v * factor)).take_while(|v| *v <= to * (1.0 + 1e-12)).collect()
            }
            (None, Some(n), _) if (1..=MAX_VALUES).contains(&n) => {
                (0..n).map(|i| from + (to - from) * between(i, n)).collect()
            }
            (None, None, Some(n)) if (1..=MAX_VALUES).contains(&n) && from > 0.0 => {
                (0..n).map(|i| from * (to / from).powf(between(i, n))).collect()
            }
            (None, None, None) if step > 0.0 && (to - from) / step < MAX_VALUES as f64 => {
                (0..=((to - from) / step * (1.0 + 1e-12)) as usize).map(|i| from + step * i as f64).collect()
            }
            _ => {
                return refuse(
                    "the range cannot be walked".to_owned(),
                    "give a step above 0, a factor above 1, or a number of points; logarithms need `from` above 0",
                )
            }
        };
        let value = |v: f64| if whole { Value::Integer(v.round() as i64) } else { Value::Float(v) };
        Ok(numbers.into_iter().map(value).collect())
    }

    fn joint(&self, joint: &Joint) -> Result<Axis> {
        let name = joint.keys.join(", ");
        joint.keys.iter().try_for_each(|k| keys::check(k, self.place))?;
        let row = |row: &Vec<Value>| {
            if row.len() != joint.keys.len() {
                let message = format!("a row of {} values for {} keys", row.len(), joint.keys.len());
                return Err(bad(self.place, &name, message, "give one value a key"));
            }
            joint.keys.iter().zip(row).map(|(k, v)| self.scalar(k, v)).collect::<Result<Vec<Scalar>>>()
        };
        let values = joint.values.iter().map(row).collect::<Result<Vec<_>>>()?;
        if values.is_empty() || joint.keys.is_empty() {
            return Err(bad(self.place, &name, "there is no value", "give at least one key and one row"));
        }
        Ok(Axis { keys: joint.keys.clone(), values })
    }

    fn constraint(&self, bound: &Bound) -> Result<Constraint> {
        let place = format!("{}: constraint", self.place);
        let term = |value: &Value| match value {
            Value::String(key) => keys::check(key, &place).map(|()| Term::Key(key.clone())),
            Value::Integer(v) => Ok(Term::Number(*v as f64)),
            Value::Float(v) if v.is_finite() => Ok(Term::Number(*v)),
            other => {
                Err(bad(self.place, "constraint", format!("{other} is no term"), "give a key or a number"))
            }
        };
        let terms = |list: &[Value]| list.iter().map(term).collect::<Result<Vec<Term>>>();
        let (fold, of) = match (&bound.key, &bound.sum[..], &bound.product[..]) {
            (Some(key), [], []) => (Fold::Sum, vec![term(key)?]),
            (None, sum @ [_, ..], []) => (Fold::Sum, terms(sum)?),
            (None, [], product @ [_, ..]) => (Fold::Product, terms(product)?),
            _ => {
                let help = "give one of key, sum and product, and a bound";
                return Err(bad(self.place, "constraint", "it does not say what it bounds", help));
            }
        };
        let at_least = bound.at_least.as_ref().map(term).transpose()?;
        let at_most = bound.at_most.as_ref().map(term).transpose()?;
        if at_least.is_none() && at_most.is_none() {
            let help = "give at_least, at_most, or both";
            return Err(bad(self.place, "constraint", "it has no bound", help));
        }
        Ok(Constraint { fold, of, at_least, at_most })
    }
}

/// What only the whole file shows.
fn check(space: &Space, place: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    let swept = space.axes.iter().flat_map(|a| &a.keys).chain(space.ties.iter().map(|t| &t.key));
    for key in swept {
        if !seen.insert(key.as_str()) {
            return Err(bad(place, key, "this key varies twice", "give it one axis"));
        }
    }
    let metrics = || METRICS.iter().map(|m| m.name);
    let named =
        space.goal.objectives.iter().chain(space.goal.reference.keys()).chain(space.goal.bounds.keys());
    for name in named {
        if !metrics().any(|m| m == name) {
            return Err(keys::unknown("metric", name, metrics(), &format!("{place}: objectives")));
        }
    }
    if space.goal.objectives.is_empty() {
        return Err(bad(place, "objectives", "there is no objective", "name at least one metric"));
    }
    if let Some(name) = space.goal.reference.keys().find(|n| !space.goal.objectives.contains(n)) {
        return Err(bad(
            place,
            &format!("reference.{name}"),
            "this is no objective",
            "name it in `objectives`",
        ));
    }
    Ok(())
}
