//! Search: points are proposed where earlier ones were good, instead of all being laid out beforehand.
//!
//! ```text
//! Sampler ─ ask ─▶ digits ─ Problem ─▶ outcome (store, else evaluated) ─ tell, in order of the keys ─▶ Sampler
//! ```
//!
//! The budget counts points with different keys, whatever comes of them. A point that the space's constraints refuse costs
//! nothing, and neither does one that the search has seen before. No result depends on the number of threads, on what the
//! store knew, or on the clock: a search that is run again repeats itself.

mod drawn;
mod dtlz2;
mod nsga2;
mod pipe;
mod points;

pub use drawn::Drawn;
pub use dtlz2::Dtlz2;
pub use nsga2::Nsga2;
pub use pipe::Pipe;
pub use points::{Confirmed, Points};

use crate::metrics::Values;
use crate::pareto;
use crate::point::Key;
use crate::sample::VAIN_DRAWS;
use crate::store::Status;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// A point: one digit an axis.
pub type Digits = Vec<usize>;

/// An axis as a sampler sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gene {
    /// Number of its values.
    pub size: usize,
    /// True if neighbours are alike: the values are numbers in order.
    pub ordered: bool,
}

/// What came of a point.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Its objectives, and what bounds it, by name; empty if it has none.
    pub metrics: Values,
    /// Its objectives as [`Goal::unit`](crate::space::Goal::unit) gives them; none if it has none or breaks a bound.
    pub unit: Option<Vec<f64>>,
}

/// What is searched.
pub trait Problem {
    /// The axes.
    fn genes(&self) -> Vec<Gene>;

    /// Name of a point; equal names mean equal outcomes. None if the point is refused beforehand.
    ///
    /// # Errors
    /// What is wrong with the files that the point names.
    fn key(&mut self, digits: &[usize]) -> Result<Option<Key>>;

    /// What comes of points, in their order; none if the work was told to stop.
    ///
    /// # Errors
    /// What ends the search: faults of the input, a full disk.
    fn evaluate(&mut self, points: &[(Key, Digits)]) -> Result<Option<Vec<Outcome>>>;
}

/// A point of the search with what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its number in the search, from 1.
    pub number: usize,
    /// Its name.
    pub key: Key,
    /// Its digits, as they were first proposed.
    pub digits: Digits,
    /// What came of it.
    pub outcome: Outcome,
    /// Hypervolume of this point and those before it, as a share of the box between reference and ideal.
    pub hypervolume: f64,
}

/// Answer to a proposal.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// What was proposed.
    pub digits: &'a [usize],
    /// What came of it; none if it was refused.
    pub trial: Option<&'a Trial>,
}

impl Told<'_> {
    /// Objectives to minimise; none if there are none.
    pub fn objectives(&self) -> Option<&[f64]> {
        self.trial.and_then(|t| t.outcome.unit.as_deref())
    }
}

/// Who proposes points.
pub trait Sampler {
    /// Up to `count` points to look at; none if there is nothing more to propose.
    ///
    /// # Errors
    /// What is wrong with a proposal from outside.
    fn ask(&mut self, count: usize) -> Result<Vec<Digits>>;

    /// What came of everything that was asked last: in order of the keys, then what was refused in order of the digits.
    ///
    /// # Errors
    /// What is wrong with the way outside.
    fn tell(&mut self, told: &[Told]) -> Result<()>;
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The budget is spent.
    Budget,
    /// Nothing new is proposed any more.
    Exhausted,
    /// It was told to stop; the same search goes on from the store.
    Stopped,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Points in the order they were told.
    pub trials: Vec<Trial>,
    /// Indices of those within the reference that no other beats.
    pub front: Vec<usize>,
    /// Different proposals that the constraints refused.
    pub refused: usize,
    /// Why it ended.
    pub end: End,
}

impl Found {
    /// Hypervolume as a share of the box between reference and ideal.
    pub fn hypervolume(&self) -> f64 {
        self.trials.last().map_or(0.0, |t| t.hypervolume)
    }
}

/// Searches until `budget` different points are told; asks for up to `batch` at a time. `watch` sees every trial.
///
/// # Errors
/// E0904 if every proposal was refused, and those of problem and sampler.
pub fn search(
    problem: &mut dyn Problem,
    sampler: &mut dyn Sampler,
    budget: usize,
    batch: usize,
    watch: &mut dyn FnMut(&Trial),
) -> Result<Found> {
    let mut run = Run::new(problem);
    let end = loop {
        let left = budget - run.trials.len();
        if left == 0 {
            break End::Budget;
        }
        if run.is_exhausted() {
            break End::Exhausted;
        }
        let asked = sampler.ask(left.min(batch.max(1)))?;
        if asked.is_empty() {
            break End::Exhausted;
        }
        let before = run.trials.len();
        if !run.look_at(&asked)? {
            break End::Stopped;
        }
        run.trials[before..].iter().for_each(&mut *watch);
        sampler.tell(&run.told(&asked))?;
    };
    if run.trials.is_empty() && end == End::Exhausted && !run.names.is_empty() {
        return Err(Diagnostic::new(
            "E0904",
            "search",
            format!("no point meets the constraints: {} proposals were refused", run.names.len()),
            "loosen a constraint, or widen the range of a key that it names",
        ));
    }
    let refused = run.names.values().filter(|n| n.is_none()).count();
    let inside = |u: &&Vec<f64>| u.iter().all(|v| *v <= 1.0);
    let scored = |t: &Trial| t.outcome.unit.as_ref().filter(inside).cloned().unwrap_or(vec![f64::NAN]);
    let scored: Vec<Vec<f64>> = run.trials.iter().map(scored).collect();
    Ok(Found { front: pareto::front(&scored), trials: run.trials, refused, end })
}

/// A search under way.
struct Run<'a> {
    problem: &'a mut dyn Problem,
    /// Points of the whole space; none if they are too many to be numbered.
    grid: Option<u128>,
    /// Names of what was proposed; none of what was refused.
    names: BTreeMap<Digits, Option<Key>>,
    trials: Vec<Trial>,
    /// Index of a trial by its name.
    index: BTreeMap<Key, usize>,
    front: Vec<Vec<f64>>,
    /// Proposals since the last one that was new.
    vain: usize,
}

impl<'a> Run<'a> {
    fn new(problem: &'a mut dyn Problem) -> Self {
        let sizes = problem.genes();
        let grid = sizes.iter().try_fold(1u128, |n, g| n.checked_mul(g.size as u128));
        let (names, index) = (BTreeMap::new(), BTreeMap::new());
        Run { problem, grid, names, trials: Vec::new(), index, front: Vec::new(), vain: 0 }
    }

    /// True if nothing new can come any more, or hardly.
    fn is_exhausted(&self) -> bool {
        self.vain >= VAIN_DRAWS || self.grid == Some(self.names.len() as u128)
    }

    /// Evaluates what is new among the proposals; false if the work was told to stop.
    fn look_at(&mut self, asked: &[Digits]) -> Result<bool> {
        let mut new: BTreeMap<Key, Digits> = BTreeMap::new();
        for digits in asked {
            self.vain += 1;
            if self.names.contains_key(digits) {
                continue;
            }
            let key = self.problem.key(digits)?;
            self.names.insert(digits.clone(), key);
            if let Some(key) = key.filter(|k| !self.index.contains_key(k)) {
                new.entry(key).or_insert_with(|| digits.clone());
                self.vain = 0;
            }
        }
        let new: Vec<(Key, Digits)> = new.into_iter().collect();
        if new.is_empty() {
            return Ok(true);
        }
        let Some(outcomes) = self.problem.evaluate(&new)? else { return Ok(false) };
        for ((key, digits), outcome) in new.into_iter().zip(outcomes) {
            let hypervolume = self.covered(outcome.unit.as_deref());
            self.index.insert(key, self.trials.len());
            self.trials.push(Trial { number: self.trials.len() + 1, key, digits, outcome, hypervolume });
        }
        Ok(true)
    }

    /// Hypervolume with one more point.
    fn covered(&mut self, point: Option<&[f64]>) -> f64 {
        let before = self.trials.last().map_or(0.0, |t| t.hypervolume);
        let Some(point) = point else { return before };
        let added = pareto::contribution(point, &self.front, &vec![1.0; point.len()]);
        if added > 0.0 {
            self.front.retain(|p| !point.iter().zip(p).all(|(a, b)| a <= b));
            self.front.push(point.to_vec());
        }
        before + added
    }

    /// Answers in order of the keys, those of refused proposals last.
    fn told<'b>(&'b self, asked: &'b [Digits]) -> Vec<Told<'b>> {
        let trial = |digits: &Digits| {
            let key = self.names.get(digits).copied().flatten()?;
            self.index.get(&key).map(|&i| &self.trials[i])
        };
        let mut told: Vec<Told> = asked.iter().map(|d| Told { digits: d, trial: trial(d) }).collect();
        told.sort_by_key(|t| (t.trial.is_none(), t.trial.map(|t| t.key), t.digits));
        told
    }
}
