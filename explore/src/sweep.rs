//! Running a plan: what the store does not know yet is evaluated and kept.

use crate::config::Fidelity;
use crate::evaluate::{Evaluated, Evaluator, Limits, Outcome};
use crate::files;
use crate::keys;
use crate::plan::{broken, point_of, Reading};
use crate::point::{Key, Point, SEMANTICS};
use crate::recent::lock;
use crate::store::{Facts, Known, Row, Segment, Status, Store};
use pulvinar_ir::{Diagnostic, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A share of a plan: the points whose key leaves this rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Number of the share, from 0.
    pub index: u32,
    /// Number of shares, at least 1.
    pub count: u32,
}

impl Shard {
    /// The whole plan.
    pub const WHOLE: Shard = Shard { index: 0, count: 1 };

    /// A share.
    ///
    /// # Errors
    /// E0910 for a number that is no share.
    pub fn new(index: u64, count: u64, place: &str) -> Result<Self> {
        let index = u32::try_from(index).ok();
        let count = u32::try_from(count).ok();
        match (index, count) {
            (Some(index), Some(count)) if index < count => Ok(Shard { index, count }),
            _ => Err(Diagnostic::new(
                "E0910",
                place,
                "this is no shard",
                "write --shard i/n with i from 0 to n - 1, or --shards n in an array job whose ids start at 0",
            )),
        }
    }

    /// Reads `i/n`.
    ///
    /// # Errors
    /// E0910 for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let place = format!("--shard {text}");
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, count) = parts.unwrap_or((0, 0));
        Self::new(index, count, &place)
    }
}

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Share of the plan.
    pub shard: Shard,
    /// Threads that evaluate points.
    pub jobs: usize,
    /// Time after which no further point is begun.
    pub limit: Option<Duration>,
    /// Most time of a point.
    pub point: Option<Duration>,
    /// What is run again: crash, timeout.
    pub retry: Vec<Status>,
}

impl Default for Options {
    fn default() -> Self {
        Options { shard: Shard::WHOLE, jobs: 1, limit: None, point: None, retry: Vec::new() }
    }
}

/// What a run did, or what a store knows of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Points of the shard.
    pub points: u64,
    /// Points that this run evaluated.
    pub evaluated: u64,
    /// Those of them in closed form.
    pub analytic: u64,
    /// Points with metrics.
    pub ok: u64,
    /// Points that cannot be built.
    pub infeasible: u64,
    /// Points that crashed.
    pub crash: u64,
    /// Points that took too long.
    pub timeout: u64,
    /// Points without a row.
    pub missing: u64,
    /// True if the run was told to end before it was done.
    pub interrupted: bool,
}

impl Summary {
    fn count(&mut self, status: Status) {
        match status {
            Status::Ok => self.ok += 1,
            Status::Infeasible => self.infeasible += 1,
            Status::Crash => self.crash += 1,
            Status::Timeout => self.timeout += 1,
        }
    }

    /// True if every point has a row.
    pub fn is_complete(&self) -> bool {
        self.missing == 0
    }
}

/// Points of a plan of which nothing is known, or that are to be run again.
pub(crate) fn is_wanted(known: Option<&Known>, retry: &[Status]) -> bool {
    known.is_none_or(|k| retry.contains(&k.status))
}

/// What a store knows of a plan.
///
/// # Errors
/// What is wrong with either.
pub fn status(plan: &Path, store: &Store, shard: Shard) -> Result<Summary> {
    let known = store.known()?;
    let mut summary = Summary::default();
    for point in Reading::open(plan)? {
        let key = point?.key;
        if key.is_in(shard.index, shard.count) {
            summary.points += 1;
            match known.get(&key) {
                Some(k) => summary.count(k.status),
                None => summary.missing += 1,
            }
        }
    }
    Ok(summary)
}

/// Most points that a thread takes at a time. Points that share a run stand together: with several a thread, one makes the
/// next run while the others still have points of the last, and nobody waits.
const TAKEN: u64 = 8;

/// The part of a plan that no thread has taken.
struct Queue {
    reading: Reading,
    left: u64,
}

/// A run under way, shared by its threads.
struct Running<'a> {
    queue: Mutex<Queue>,
    segment: Segment,
    summary: Mutex<Summary>,
    failure: Mutex<Option<Diagnostic>>,
    place: String,
    base: serde_json::Value,
    sweep: String,
    evaluator: Evaluator,
    known: BTreeMap<Key, Known>,
    options: &'a Options,
    stop: &'a AtomicBool,
    began: Instant,
    progress: &'a (dyn Fn(Status) + Sync),
}

/// Runs the points of a shard that are missing in the store; `progress` is told of every row that is kept.
///
/// `stop` ends the run after the points under way. Every row is in the store before the next point of its thread begins.
///
/// # Errors
/// What is wrong with plan, store, networks and data. What was finished before is kept.
pub fn run(
    plan: &Path,
    store: &Store,
    options: &Options,
    stop: &AtomicBool,
    progress: &(dyn Fn(Status) + Sync),
) -> Result<Summary> {
    let reading = Reading::open(plan)?;
    let segment = Segment::new(store, &format!("{}of{}", options.shard.index, options.shard.count));
    let jobs = options.jobs.max(1);
    let running = Running {
        place: reading.place.clone(),
        base: reading.base.clone(),
        sweep: reading.head.name.clone(),
        evaluator: Evaluator::new(&reading.head.folder, jobs + 1),
        known: store.known()?,
        queue: Mutex::new(Queue { left: reading.head.points, reading }),
        segment,
        summary: Mutex::default(),
        failure: Mutex::default(),
        options,
        stop,
        began: Instant::now(),
        progress,
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| running.work());
        }
    });
    let sealed = running.segment.seal();
    let failure = lock(&running.failure).take();
    failure.map_or(Ok(()), Err)?;
    sealed?;
    let mut summary = lock(&running.summary).clone();
    summary.interrupted = summary.missing > 0;
    Ok(summary)
}

impl Running<'_> {
    /// The next lines of the plan, none at the end; few towards it, so that no thread has several when another has none.
    fn take(&self) -> Vec<std::io::Result<String>> {
        let mut queue = lock(&self.queue);
        let taken = (queue.left / (4 * self.options.jobs.max(1) as u64)).clamp(1, TAKEN);
        queue.left = queue.left.saturating_sub(taken);
        (0..taken).map_while(|_| queue.reading.line()).collect()
    }

    /// The point of a line, if it is to be run.
    fn wanted(&self, line: std::io::Result<String>) -> Result<Option<Point>> {
        let point = point_of(line, &self.place)?;
        let shard = self.options.shard;
        if !point.key.is_in(shard.index, shard.count) {
            return Ok(None);
        }
        let known = self.known.get(&point.key);
        let mut summary = lock(&self.summary);
        summary.points += 1;
        if is_wanted(known, &self.options.retry) {
            return Ok(Some(point));
        }
        known.iter().for_each(|k| summary.count(k.status));
        Ok(None)
    }

    fn is_over(&self) -> bool {
        let late = self.options.limit.is_some_and(|limit| self.began.elapsed() >= limit);
        late || self.stop.load(Ordering::Relaxed)
    }

    /// One thread: point after point until the plan ends; after the time or the patience of the user they are only counted.
    fn work(&self) {
        loop {
            let lines = self.take();
            if lines.is_empty() {
                return;
            }
            for line in lines {
                if lock(&self.failure).is_some() {
                    return;
                }
                if let Err(diagnostic) = self.line(line) {
                    lock(&self.failure).get_or_insert(diagnostic);
                }
            }
        }
    }

    fn line(&self, line: std::io::Result<String>) -> Result<()> {
        match self.wanted(line)? {
            Some(_) if self.is_over() => lock(&self.summary).missing += 1,
            Some(point) => self.one(point)?,
            None => (),
        }
        Ok(())
    }

    fn one(&self, point: Point) -> Result<()> {
        let config = keys::with(&self.base, &point.set)?;
        let key = self.evaluator.key(&config)?;
        if key != point.key {
            return Err(broken(
                &format!("point {}", point.key),
                "its network or data have changed since the plan was made".to_owned(),
            ));
        }
        let evaluated = self.evaluator.evaluate(&config, &Limits { point: self.options.point })?;
        let set = keys::flat(&config.json());
        let row = row_of(key, set, &evaluated, &self.sweep, self.segment.attempt());
        let status = row.status;
        self.segment.add(row)?;
        let mut summary = lock(&self.summary);
        summary.evaluated += 1;
        summary.analytic += u64::from(config.fidelity == Fidelity::Analytic);
        summary.count(status);
        drop(summary);
        (self.progress)(status);
        Ok(())
    }
}

/// The row of what came of a point, as a process of a sweep keeps it.
pub(crate) fn row_of(
    key: Key,
    set: crate::Settings,
    evaluated: &Evaluated,
    sweep: &str,
    attempt: &str,
) -> Row {
    let wall_s = evaluated.wall.as_secs_f64();
    let (status, code, reason, metrics) = match &evaluated.outcome {
        Outcome::Ok(metrics) => (Status::Ok, String::new(), String::new(), metrics.clone()),
        Outcome::Infeasible(d) => {
            let text = format!("{}: {}", d.place, d.message);
            (Status::Infeasible, d.code.to_owned(), text, BTreeMap::new())
        }
        Outcome::Crash(text) => (Status::Crash, String::new(), text.clone(), BTreeMap::new()),
        Outcome::Timeout(text) => (Status::Timeout, String::new(), text.clone(), BTreeMap::new()),
    };
    let facts = Facts {
        semantics: i64::from(SEMANTICS),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sweep: sweep.to_owned(),
        host: files::host(),
        attempt: attempt.to_owned(),
        wall_s,
        cpu_s: evaluated.cpu.as_secs_f64(),
    };
    Row { key, status, code, reason, set, metrics, facts }
}
