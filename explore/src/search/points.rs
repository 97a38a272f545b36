//! A space as a problem: points are looked up in a store, and evaluated into it where it does not know them.

use super::{Digits, Gene, Outcome, Problem, Trial};
use crate::config::{Config, Fidelity};
use crate::evaluate::{Evaluator, Limits};
use crate::group::{network_name, Group};
use crate::keys;
use crate::metrics::Values;
use crate::plan::{check_goal, check_layers};
use crate::point::Key;
use crate::recent::lock;
use crate::scalar::{Scalar, Settings};
use crate::space::{Axis, Goal, Space};
use crate::store::{Segment, Status, Store};
use crate::sweep::row_of;
use pulvinar_ir::{Diagnostic, Result};
use serde_json::{json, Value as Json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Groups kept in memory: a search comes back to the choices of the quantiser that did well.
const GROUPS: usize = 16;

/// A space with its store.
pub struct Points<'a> {
    space: &'a Space,
    evaluator: Evaluator,
    segment: Segment,
    /// What the store knew, and what was evaluated since.
    known: BTreeMap<Key, Outcome>,
    /// Networks that were found to have every objective.
    checked: BTreeSet<String>,
    jobs: usize,
    stop: &'a AtomicBool,
    /// Points that were evaluated.
    pub evaluated: usize,
    /// Those of them in closed form.
    pub analytic: usize,
}

/// A point of the front at the fidelity `cycle`.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmed {
    /// Its key at that fidelity.
    pub key: Key,
    /// What came of it.
    pub outcome: Outcome,
}

impl<'a> Points<'a> {
    /// Points of a space; `jobs` are evaluated at a time, and none is begun after `stop` is set.
    ///
    /// # Errors
    /// E0912 for a space without reference point, E0905 for an objective that a network cannot give, E0902 for layers that
    /// no network has, and what is wrong with the store.
    pub fn new(space: &'a Space, store: &Store, jobs: usize, stop: &'a AtomicBool) -> Result<Self> {
        space.goal.check_reference(&format!("space `{}`", space.name))?;
        let mut known = BTreeMap::new();
        store.results(&mut |key, status, metrics| {
            known.insert(key, outcome(&space.goal, status, metrics));
        })?;
        let mut points = Points {
            space,
            evaluator: Evaluator::new(&space.folder, GROUPS),
            segment: Segment::new(store, "search"),
            known,
            checked: BTreeSet::new(),
            jobs: jobs.max(1),
            stop,
            evaluated: 0,
            analytic: 0,
        };
        points.check()?;
        Ok(points)
    }

    /// Refuses what no point of the space can have, before any is evaluated.
    fn check(&mut self) -> Result<()> {
        let base = self.space.base.json();
        let row = |axis: &Axis, row: &Vec<Scalar>| -> Settings {
            axis.keys.iter().cloned().zip(row.iter().cloned()).collect()
        };
        let of_networks = |axis: &&Axis| axis.keys.iter().any(|k| k == "model");
        let mut configs = Vec::new();
        for axis in self.space.axes.iter().filter(of_networks) {
            for values in &axis.values {
                configs.push(keys::with(&base, &row(axis, values))?);
            }
        }
        if configs.is_empty() {
            configs.push(self.space.base.clone());
        }
        configs.iter().try_for_each(|c| check_goal(self.space, c, &self.evaluator))?;
        let named = keys::flat(&base).into_keys().chain(self.space.axes.iter().flat_map(|a| a.keys.clone()));
        let named = named.chain(self.space.ties.iter().map(|t| t.key.clone()));
        check_layers(self.space, named, &configs, &self.evaluator)
    }

    /// True if some point may be evaluated in closed form.
    pub fn has_analytic(space: &Space) -> bool {
        let analytic = |axis: &Axis| {
            let at = axis.keys.iter().position(|k| k == "fidelity");
            at.map(|i| axis.values.iter().any(|row| row[i] == Scalar::Text("analytic".to_owned())))
        };
        space.axes.iter().find_map(analytic).unwrap_or(space.base.fidelity == Fidelity::Analytic)
    }

    /// The space.
    pub fn space(&self) -> &Space {
        self.space
    }

    /// What a point sets.
    pub fn settings(&self, digits: &[usize]) -> Settings {
        self.space.settings(digits).unwrap_or_default()
    }

    /// What a sampler in another program is told of the space.
    pub fn head(&self, budget: usize) -> Json {
        let value = |axis: &Axis, row: &Vec<Scalar>| -> Json {
            axis.keys.iter().zip(row).map(|(k, v)| (k.clone(), v.json())).collect()
        };
        let axes = self.space.axes.iter().zip(self.genes()).map(|(axis, gene)| {
            let values: Vec<Json> = axis.values.iter().map(|row| value(axis, row)).collect();
            json!({"size": gene.size, "ordered": gene.ordered, "values": values})
        });
        let axes: Vec<Json> = axes.collect();
        json!({"axes": axes, "objectives": self.space.goal.objectives, "budget": budget})
    }

    /// Points of a front at the fidelity `cycle`, those that were found so among them; none if told to stop.
    ///
    /// # Errors
    /// As [`Problem::evaluate`].
    pub fn confirm(&mut self, front: &[&Trial]) -> Result<Option<Vec<Confirmed>>> {
        let mut wanted = Vec::new();
        for trial in front {
            let mut config = self.space.config(&self.settings(&trial.digits))?;
            config.fidelity = Fidelity::Cycle;
            wanted.push((self.evaluator.key(&config)?, config));
        }
        let keys: Vec<Key> = wanted.iter().map(|(key, _)| *key).collect();
        let outcomes = self.run(wanted)?;
        Ok(outcomes
            .map(|o| keys.into_iter().zip(o).map(|(key, outcome)| Confirmed { key, outcome }).collect()))
    }

    /// Seals what was evaluated into a part of the store.
    ///
    /// # Errors
    /// E0908 if it cannot be written; the rows stay in their segment.
    pub fn seal(&self) -> Result<()> {
        self.segment.seal()
    }

    /// What comes of configurations, in their order; none if told to stop.
    fn run(&mut self, wanted: Vec<(Key, Config)>) -> Result<Option<Vec<Outcome>>> {
        let keys: Vec<Key> = wanted.iter().map(|(key, _)| *key).collect();
        let mut missing: BTreeMap<(String, Key), Config> = BTreeMap::new();
        for (key, config) in wanted.into_iter().filter(|(key, _)| !self.known.contains_key(key)) {
            missing.insert((Group::name(&config), key), config);
        }
        let missing: Vec<(Key, Config)> = missing.into_iter().map(|((_, key), c)| (key, c)).collect();
        let done = self.evaluated(&missing)?;
        self.evaluated += done.len();
        let analytic =
            |(key, config): &&(Key, Config)| config.fidelity == Fidelity::Analytic && done.contains_key(key);
        self.analytic += missing.iter().filter(analytic).count();
        let complete = done.len() == missing.len();
        self.known.extend(done);
        Ok(complete.then(|| keys.iter().map(|key| self.known[key].clone()).collect()))
    }

    /// Evaluates configurations, several at a time, into the store.
    fn evaluated(&self, missing: &[(Key, Config)]) -> Result<BTreeMap<Key, Outcome>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        let failure = Mutex::new(None);
        let over = || self.stop.load(Ordering::Relaxed) || lock(&failure).is_some();
        let work = || {
            while !over() {
                let Some((key, config)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                match self.one(*key, config) {
                    Ok(outcome) => drop(lock(&done).insert(*key, outcome)),
                    Err(diagnostic) => drop(lock(&failure).get_or_insert(diagnostic)),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(missing.len()) {
                scope.spawn(work);
            }
        });
        let failure = lock(&failure).take();
        failure.map_or(Ok(()), Err)?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn one(&self, key: Key, config: &Config) -> Result<Outcome> {
        let evaluated = self.evaluator.evaluate(config, &Limits::default())?;
        let set = keys::flat(&config.json());
        let row = row_of(key, set, &evaluated, &self.space.name, self.segment.attempt());
        let outcome = outcome(&self.space.goal, row.status, row.metrics.clone());
        self.segment.add(row)?;
        Ok(outcome)
    }
}

/// What a search keeps of a result: what its goal speaks of, since a store may be large.
fn outcome(goal: &Goal, status: Status, mut metrics: Values) -> Outcome {
    metrics.retain(|name, _| goal.objectives.contains(name) || goal.bounds.contains_key(name));
    let unit = (status == Status::Ok).then(|| goal.unit(&metrics)).flatten();
    Outcome { status, metrics, unit }
}

impl Problem for Points<'_> {
    /// An axis of several keys, or of words, has no order.
    fn genes(&self) -> Vec<Gene> {
        let gene = |axis: &Axis| {
            let numbers: Option<Vec<f64>> = axis.values.iter().map(|row| row[0].number()).collect();
            let sorted = numbers.is_some_and(|n| n.is_sorted() || n.is_sorted_by(|a, b| a >= b));
            Gene { size: axis.values.len(), ordered: axis.keys.len() == 1 && sorted }
        };
        self.space.axes.iter().map(gene).collect()
    }

    fn key(&mut self, digits: &[usize]) -> Result<Option<Key>> {
        let Some(settings) = self.space.settings(digits) else { return Ok(None) };
        let config = self.space.config(&settings)?;
        if self.checked.insert(network_name(&config)) {
            check_goal(self.space, &config, &self.evaluator)?;
        }
        self.evaluator.key(&config).map(Some)
    }

    fn evaluate(&mut self, points: &[(Key, Digits)]) -> Result<Option<Vec<Outcome>>> {
        let config = |(key, digits): &(Key, Digits)| {
            let settings = self.space.settings(digits).ok_or_else(|| {
                let help = "this is a bug of ours; please report it with the space";
                Diagnostic::new("E0911", format!("point {key}"), "a refused point was to be evaluated", help)
            })?;
            Ok((*key, self.space.config(&settings)?))
        };
        let wanted = points.iter().map(config).collect::<Result<Vec<_>>>()?;
        self.run(wanted)
    }
}
