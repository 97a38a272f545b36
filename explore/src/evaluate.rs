//! From a point to what came of it.

use crate::config::Config;
use crate::group::{network_name, Group};
use crate::mapping::Mapping;
use crate::metrics::{self, Values};
use crate::network::{Identity, Network};
use crate::parts;
use crate::point::Key;
use crate::recent::{guarded, lock, Fault, Made, Recent};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
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
    /// Time of what it shares with others, where this point was the one that made it.
    pub shared: Spent,
}

/// Time of what points share; zero where it was there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Quantised graph, expected events, accuracy.
    pub group: Duration,
    /// Mapping.
    pub mapping: Duration,
    /// Simulation or closed form.
    pub run: Duration,
}

impl Spent {
    /// Runs something and adds its time.
    fn time<T>(&mut self, part: impl FnOnce(&mut Self) -> &mut Duration, run: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let made = run();
        *part(self) += start.elapsed();
        made
    }
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
        self.find_network(config).map_err(|fault| in_words(fault, config))
    }

    /// What the points of a configuration's group share.
    ///
    /// # Errors
    /// What is wrong with the files of the network, or with the choices of the quantiser.
    pub fn group(&self, config: &Config) -> Result<Arc<Group>> {
        let network = self.network(config)?;
        let group = self.groups.get(&Group::name(config), || prepare(config, network));
        group.map_err(|fault| in_words(fault, config))
    }

    fn find_network(&self, config: &Config) -> Made<Network> {
        let load = || Network::load(config, &self.folder).map_err(Fault::Input);
        let name = network_name(config);
        let network = self.networks.get(&name, load)?;
        let mut known = lock(&self.identities);
        known.entry(name).or_insert_with(|| network.identity.clone());
        Ok(network)
    }

    /// The key of a configuration; reads the network if it is a new one.
    ///
    /// # Errors
    /// What is wrong with the files of the network.
    pub fn key(&self, config: &Config) -> Result<Key> {
        let name = network_name(config);
        let known = lock(&self.identities).get(&name).cloned();
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
        self.evaluated(config, |group, spent| point(config, group, limits, spent))
    }

    /// The same with a mapping and a run of its own: nothing is shared but the group. Slower, and never different.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn evaluate_alone(&self, config: &Config, limits: &Limits) -> Result<Evaluated> {
        self.evaluated(config, |group, _| alone(config, group, limits))
    }

    fn evaluated(
        &self,
        config: &Config,
        point: impl FnOnce(&Group, &mut Spent) -> Outcome,
    ) -> Result<Evaluated> {
        let began = Instant::now();
        let mut shared = Spent::default();
        let network = match self.find_network(config) {
            Ok(network) => network,
            Err(fault) => return settled(fault, began),
        };
        let group = self
            .groups
            .get(&Group::name(config), || shared.time(|s| &mut s.group, || prepare(config, network)));
        let group = match group {
            Ok(group) => group,
            Err(fault) => return settled(fault, began),
        };
        let (start, cpu) = (Instant::now(), thread_cpu());
        let outcome = point(&group, &mut shared);
        let wall = start.elapsed();
        let cpu = cpu.zip(thread_cpu()).map_or(wall, |(from, to)| to.saturating_sub(from));
        Ok(Evaluated { outcome, wall, cpu, shared })
    }
}

/// A fault as a refusal.
fn in_words(fault: Fault, config: &Config) -> Diagnostic {
    match fault {
        Fault::Input(d) | Fault::Point(d) => d,
        Fault::Crash(text) | Fault::Late(text) => Diagnostic::new(
            "E0911",
            format!("network `{}`", config.model),
            text,
            "this is a bug of ours; please report it with the network",
        ),
    }
}

/// A fault of the input ends the command, one of the point is its result.
fn settled(fault: Fault, began: Instant) -> Result<Evaluated> {
    let outcome = match fault {
        Fault::Input(diagnostic) => return Err(diagnostic),
        Fault::Point(diagnostic) => Outcome::Infeasible(diagnostic),
        Fault::Crash(text) => Outcome::Crash(text),
        Fault::Late(text) => Outcome::Timeout(text),
    };
    let wall = began.elapsed();
    Ok(Evaluated { outcome, wall, cpu: wall, shared: Spent::default() })
}

/// Processor time of this thread; none where the system does not say.
#[cfg(unix)]
fn thread_cpu() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().ok()
}

#[cfg(not(unix))]
fn thread_cpu() -> Option<Duration> {
    None
}

fn prepare(config: &Config, network: Arc<Network>) -> std::result::Result<Group, Fault> {
    // What the network itself cannot do is no fault of the quantiser's choices.
    network.lowered(config.quantise.fold_pool).map_err(Fault::Input)?;
    Group::prepare(config, network).map_err(Fault::Point)
}

/// A point of a group: the mapping and the run are those of any point that agrees in what they read.
fn point(config: &Config, group: &Group, limits: &Limits, spent: &mut Spent) -> Outcome {
    outcome(|| {
        config.arch().check().map_err(Fault::Point)?;
        let part = parts::mapping(config);
        let mapping = group.mappings.get(&parts::mapping_name(config, &part), || {
            spent.time(|s| &mut s.mapping, || Mapping::new(group, &part, &config.map).map_err(Fault::Point))
        })?;
        let part = parts::run(config);
        let counted = mapping.runs.get(&parts::run_name(config, &part), || {
            spent.time(|s| &mut s.run, || mapping.run(group, part, config, limits.point))
        })?;
        metrics::values(&mapping, &config.arch(), &counted, group.accuracy).map_err(Fault::Point)
    })
}

/// The same with nothing shared but the group.
fn alone(config: &Config, group: &Group, limits: &Limits) -> Outcome {
    outcome(|| {
        config.arch().check().map_err(Fault::Point)?;
        let mapping = Mapping::new(group, &config.arch(), &config.map).map_err(Fault::Point)?;
        let counted = mapping.run(group, config.arch(), config, limits.point)?;
        metrics::values(&mapping, &config.arch(), &counted, group.accuracy).map_err(Fault::Point)
    })
}

/// What a point came to, a panic among it.
fn outcome(run: impl FnOnce() -> std::result::Result<Values, Fault>) -> Outcome {
    match guarded(run).unwrap_or_else(|crash| Err(Fault::Crash(crash))) {
        Ok(values) => Outcome::Ok(values),
        Err(Fault::Point(d)) if d.code == "E0703" => Outcome::Timeout(d.message),
        Err(Fault::Point(d)) if d.code == "E0702" => Outcome::Crash(format!("{}: {}", d.place, d.message)),
        Err(Fault::Point(d) | Fault::Input(d)) => Outcome::Infeasible(d),
        Err(Fault::Crash(text)) => Outcome::Crash(text),
        Err(Fault::Late(text)) => Outcome::Timeout(text),
    }
}
