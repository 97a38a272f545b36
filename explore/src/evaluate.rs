//! From a point to what came of it.

use crate::config::{Config, Fidelity};
use crate::group::{network_name, Group};
use crate::metrics::{self, Counted, Values};
use crate::network::{Identity, Network};
use crate::point::Key;
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_ir::{Counts, Diagnostic, Program, Result};
use pulvinar_simulator::{analytic, Machine, SimOptions};
use std::collections::{BTreeMap, VecDeque};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// What came of a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Its metrics.
    Ok(Values),
    /// It cannot be built, and why: a result like any other.
    Infeasible(Diagnostic),
    /// A bug of ours, in its own words.
    Crash(String),
    /// It took longer than allowed.
    Timeout(String),
}

/// Bounds of one evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Most time of a point, looked at before every inference; none bounds nothing.
    pub point: Option<Duration>,
}

/// An outcome and what it took.
#[derive(Debug, Clone)]
pub struct Evaluated {
    /// What came of it.
    pub outcome: Outcome,
    /// Time of the point, without what its group shares.
    pub wall: Duration,
    /// Processor time of the same; the time itself where the system does not say.
    pub cpu: Duration,
    /// Time of the group, if this point was the one that prepared it.
    pub shared: Duration,
}

/// Why a network or a group is not there.
#[derive(Debug, Clone)]
enum Fault {
    /// The input is at fault: nothing can be said of the point.
    Input(Diagnostic),
    /// The point is.
    Point(Diagnostic),
    Crash(String),
}

type Made<T> = std::result::Result<Arc<T>, Fault>;
type Slot<T> = Arc<OnceLock<Made<T>>>;

/// A few things, the least recently used forgotten. Who asks for one that is being made waits for it.
struct Recent<T> {
    room: usize,
    slots: Mutex<VecDeque<(String, Slot<T>)>>,
}

impl<T> Recent<T> {
    fn new(room: usize) -> Self {
        Recent { room: room.max(1), slots: Mutex::new(VecDeque::new()) }
    }

    fn get(&self, name: &str, make: impl FnOnce() -> Made<T>) -> Made<T> {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let at = slots.iter().position(|(n, _)| n == name);
            let entry = at
                .and_then(|i| slots.remove(i))
                .unwrap_or_else(|| (name.to_owned(), Arc::new(OnceLock::new())));
            let slot = entry.1.clone();
            slots.push_front(entry);
            slots.truncate(self.room);
            slot
        };
        slot.get_or_init(|| guarded(make).unwrap_or_else(|crash| Err(Fault::Crash(crash)))).clone()
    }
}

/// Evaluations under way, whose panics are results of points.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// True while points are evaluated: a panic is then recorded with its point and does not end the program.
pub fn panics_are_recorded() -> bool {
    GUARDED.load(Ordering::Relaxed) > 0
}

/// Runs something; its panic, if any, in words.
fn guarded<T>(run: impl FnOnce() -> T) -> std::result::Result<T, String> {
    GUARDED.fetch_add(1, Ordering::Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    GUARDED.fetch_sub(1, Ordering::Relaxed);
    outcome.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        format!("panicked: {}", text.unwrap_or_else(|| "without words".to_owned()))
    })
}

/// Evaluates points, from any number of threads; what points share is computed once.
pub struct Evaluator {
    folder: PathBuf,
    identities: Mutex<BTreeMap<String, Identity>>,
    networks: Recent<Network>,
    groups: Recent<Group>,
}

impl Evaluator {
    /// An evaluator that keeps `groups` groups in memory; paths are relative to `folder`.
    pub fn new(folder: &Path, groups: usize) -> Self {
        Evaluator {
            folder: folder.to_owned(),
            identities: Mutex::new(BTreeMap::new()),
            networks: Recent::new(groups),
            groups: Recent::new(groups),
        }
    }

    /// The network of a configuration.
    ///
    /// # Errors
    /// What is wrong with its files.
    pub fn network(&self, config: &Config) -> Result<Arc<Network>> {
        self.find_network(config).map_err(|fault| match fault {
            Fault::Input(d) | Fault::Point(d) => d,
            Fault::Crash(text) => Diagnostic::new(
                "E0911",
                format!("network `{}`", config.model),
                text,
                "this is a bug of ours; please report it with the network",
            ),
        })
    }

    fn find_network(&self, config: &Config) -> Made<Network> {
        let load = || Network::load(config, &self.folder).map(Arc::new).map_err(Fault::Input);
        let name = network_name(config);
        let network = self.networks.get(&name, load)?;
        let mut known = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name).or_insert_with(|| network.identity.clone());
        Ok(network)
    }

    /// The key of a configuration; reads the network if it is a new one.
    ///
    /// # Errors
    /// What is wrong with the files of the network.
    pub fn key(&self, config: &Config) -> Result<Key> {
        let name = network_name(config);
        let known = self.identities.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let identity = match known {
            Some(identity) => identity,
            None => self.network(config)?.identity.clone(),
        };
        Ok(Key::of(config, &identity))
    }

    /// What comes of a configuration.
    ///
    /// # Errors
    /// Faults of the input, such as a file that is not there: these say nothing about the point.
    pub fn evaluate(&self, config: &Config, limits: &Limits) -> Result<Evaluated> {
        let began = Instant::now();
        let mut shared = Duration::ZERO;
        let network = match self.find_network(config) {
            Ok(network) => network,
            Err(fault) => return settled(fault, began),
        };
        let group = self.groups.get(&Group::name(config), || {
            let start = Instant::now();
            let group = prepare(config, network);
            shared = start.elapsed();
            group
        });
        let group = match group {
            Ok(group) => group,
            Err(fault) => return settled(fault, began),
        };
        let (start, cpu) = (Instant::now(), thread_cpu());
        let outcome = guarded(|| point(config, &group, limits)).unwrap_or_else(Outcome::Crash);
        let wall = start.elapsed();
        let cpu = cpu.zip(thread_cpu()).map_or(wall, |(from, to)| to.saturating_sub(from));
        Ok(Evaluated { outcome, wall, cpu, shared })
    }
}

/// A fault of the input ends the command, one of the point is its result.
fn settled(fault: Fault, began: Instant) -> Result<Evaluated> {
    let outcome = match fault {
        Fault::Input(diagnostic) => return Err(diagnostic),
        Fault::Point(diagnostic) => Outcome::Infeasible(diagnostic),
        Fault::Crash(text) => Outcome::Crash(text),
    };
    let wall = began.elapsed();
    Ok(Evaluated { outcome, wall, cpu: wall, shared: Duration::ZERO })
}

/// Processor time of this thread; none where the system does not say.
fn thread_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn prepare(config: &Config, network: Arc<Network>) -> Made<Group> {
    // What the network itself cannot do is no fault of the quantiser's choices.
    network.lowered(config.quantise.fold_pool).map_err(Fault::Input)?;
    Group::prepare(config, network).map(Arc::new).map_err(Fault::Point)
}

fn point(config: &Config, group: &Group, limits: &Limits) -> Outcome {
    match measured(config, group, limits) {
        Ok(outcome) => outcome,
        Err(d) if d.code == "E0703" => Outcome::Timeout(d.message),
        Err(d) if d.code == "E0702" => Outcome::Crash(format!("{}: {}", d.place, d.message)),
        Err(d) => Outcome::Infeasible(d),
    }
}

fn measured(config: &Config, group: &Group, limits: &Limits) -> Result<Outcome> {
    let start = Instant::now();
    let arch = config.arch();
    arch.check()?;
    let options = MapOptions { expected_events: group.events.clone(), ..config.map.clone() };
    let program = map(&group.flow, &arch, &options)?.program;
    let mut counted = Counted { counts: Counts::default(), inferences: 0, load_cycles: 0 };
    let mut bench = Bench::new(config, &program)?;
    for sample in 0..group.samples() {
        if limits.point.is_some_and(|most| start.elapsed() > most) {
            return Ok(Outcome::Timeout(format!("{sample} of {} inferences were run", group.samples())));
        }
        let (counts, load_cycles) = bench.counts(group, sample)?;
        counted.counts.merge(&counts);
        counted.load_cycles = load_cycles;
        counted.inferences += 1;
    }
    drop(bench);
    Ok(Outcome::Ok(metrics::values(&program, &counted, group.accuracy)?))
}

/// Where a program is run, by fidelity: the one place where a further fidelity is put in.
enum Bench<'a> {
    Cycle { machine: Box<Machine<'a>>, program: &'a Program, options: SimOptions },
    Analytic { machine: Box<Machine<'a>>, program: &'a Program },
}

impl<'a> Bench<'a> {
    fn new(config: &Config, program: &'a Program) -> Result<Self> {
        match config.fidelity {
            Fidelity::Cycle => {
                let options = SimOptions { cycle_limit: config.cycle_limit, ..SimOptions::default() };
                Ok(Bench::Cycle { machine: Box::new(Machine::new(program)?), program, options })
            }
            Fidelity::Analytic => Ok(Bench::Analytic { machine: Box::new(Machine::new(program)?), program }),
        }
    }

    /// Counts of one inference, and the cycles to load the weights.
    fn counts(&mut self, group: &Group, sample: usize) -> Result<(Counts, u64)> {
        match self {
            Bench::Cycle { machine, program, options } => {
                if let Some(given) = group.given(sample)? {
                    let outputs = program.stages.iter().map(|s| given.get(&s.name).cloned());
                    machine.give(&outputs.collect::<Vec<_>>())?;
                }
                let run = machine.simulate(&group.input(sample)?, options)?;
                Ok((run.counts, run.load_cycles))
            }
            Bench::Analytic { machine, program } => {
                let values = group.reference_on(&program.graph, sample)?;
                Ok((analytic::estimate(machine, &values)?, machine.load_cycles()))
            }
        }
    }
}
