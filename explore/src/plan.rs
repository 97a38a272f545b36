//! Plans: the points of a study with their keys, in a file that needs no other but the networks and data it names.
//!
//! A plan is text. Its first line is a JSON object, the [`Head`]; every further line is a [`Point`] as JSON. Points of one
//! group stand together, in it those of one mapping and of one run, so that a process that reads them one by one shares what
//! it can.

use crate::config::Config;
use crate::evaluate::{Evaluator, Limits};
use crate::files;
use crate::group::{network_name, Group};
use crate::keys;
use crate::parts;
use crate::point::{Key, Point, SEMANTICS};
use crate::scalar::Settings;
use crate::space::{Goal, Space};
use pulvinar_ir::{Diagnostic, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of the file format.
const VERSION: u32 = 1;

/// First line of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Version of the format.
    pub pulvinar_plan: u32,
    /// Version of the numbers when it was made.
    pub semantics: u32,
    /// Name of the space.
    pub name: String,
    /// Folder that paths are relative to.
    pub folder: PathBuf,
    /// Number of points.
    pub points: u64,
    /// Objectives.
    pub goal: Goal,
    /// What no point changes.
    pub base: Config,
}

/// Points in order, each with the name of its group.
#[derive(Debug)]
pub struct Plan {
    /// First line.
    pub head: Head,
    /// Points.
    pub points: Vec<Point>,
    /// What points share, by network.
    shared: BTreeMap<String, Shared>,
}

/// Number of different groups, mappings and runs of some points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shared {
    groups: usize,
    mappings: usize,
    runs: usize,
}

/// Where a point stands in a plan: points that agree in the first, the first two or all three share group, mapping, run.
type Place = (usize, u64, u64);

/// What a plan will take, from a pilot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Points that were run for it.
    pub pilot: usize,
    /// Seconds of one core for the points.
    pub points_s: f64,
    /// Seconds of one core for what they share: groups, mappings, runs.
    pub shared_s: f64,
}

impl Plan {
    /// Points of a space with their keys; two that come to the same are one.
    ///
    /// # Errors
    /// What is wrong with the networks and data, and E0905 for an objective that they cannot give.
    pub fn new(space: &Space, settings: Vec<Settings>, evaluator: &Evaluator) -> Result<Self> {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut networks: BTreeMap<String, (Config, BTreeSet<usize>)> = BTreeMap::new();
        let mut found: Vec<(Place, Key, Settings)> = Vec::new();
        for set in settings {
            let config = space.config(&set)?;
            let next = names.len();
            let group = *names.entry(Group::name(&config)).or_insert(next);
            let network = network_name(&config);
            if !networks.contains_key(&network) {
                check_goal(space, &config, evaluator)?;
                networks.insert(network.clone(), (config.clone(), BTreeSet::new()));
            }
            networks.get_mut(&network).expect("it has just been put in").1.insert(group);
            let [mapping, run] = parts::marks(&config);
            found.push(((group, mapping, run), evaluator.key(&config)?, set));
        }
        let named = found.iter().flat_map(|(_, _, set)| set.keys().cloned());
        let named = keys::flat(&space.base.json()).into_keys().chain(named);
        let configs: Vec<Config> = networks.values().map(|(config, _)| config.clone()).collect();
        check_layers(space, named, &configs, evaluator)?;
        let mut rank = vec![0; names.len()];
        names.values().enumerate().for_each(|(r, &group)| rank[group] = r);
        found.sort_by_key(|((group, mapping, run), key, _)| (rank[*group], *mapping, *run, *key));
        let mut seen = BTreeSet::new();
        found.retain(|(_, key, _)| seen.insert(*key));
        let shared = networks.iter().map(|(name, (_, groups))| (name.clone(), shared(&found, groups)));
        let shared = shared.collect();
        let points: Vec<Point> = found.into_iter().map(|(_, key, set)| Point { key, set }).collect();
        let head = Head {
            pulvinar_plan: VERSION,
            semantics: SEMANTICS,
            name: space.name.clone(),
            folder: space.folder.clone(),
            points: points.len() as u64,
            goal: space.goal.clone(),
            base: space.base.clone(),
        };
        Ok(Plan { head, points, shared })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// E0908 if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write(path, |out| {
            files::line(out, &serde_json::to_string(&self.head)?)?;
            self.points.iter().try_for_each(|p| files::line(out, &serde_json::to_string(p)?))
        })
    }

    /// Runs two points of every network and says what all will take.
    ///
    /// # Errors
    /// What ends an evaluation.
    pub fn estimate(&self, evaluator: &Evaluator) -> Result<Estimate> {
        let json = self.head.base.json();
        let mut by_network: BTreeMap<String, Vec<&Point>> = BTreeMap::new();
        for point in &self.points {
            let config = keys::with(&json, &point.set)?;
            by_network.entry(network_name(&config)).or_default().push(point);
        }
        let mut total = Estimate { pilot: 0, points_s: 0.0, shared_s: 0.0 };
        for (network, points) in by_network {
            let mut chosen = vec![points[0], points[points.len() / 2]];
            chosen.truncate(points.len());
            let mut own = Duration::ZERO;
            let (mut group, mut mapping, mut run) = (Mean::default(), Mean::default(), Mean::default());
            for point in &chosen {
                let done = evaluator.evaluate(&keys::with(&json, &point.set)?, &Limits::default())?;
                own += done.wall.saturating_sub(done.shared.mapping + done.shared.run);
                group.add(done.shared.group);
                mapping.add(done.shared.mapping);
                run.add(done.shared.run);
            }
            total.pilot += chosen.len();
            total.points_s += own.as_secs_f64() / chosen.len() as f64 * points.len() as f64;
            let n = self.shared.get(&network).copied().unwrap_or_default();
            total.shared_s += group.of(n.groups) + mapping.of(n.mappings) + run.of(n.runs);
        }
        Ok(total)
    }
}

/// Mean of times that are not zero.
#[derive(Default)]
struct Mean {
    sum: Duration,
    count: u32,
}

impl Mean {
    fn add(&mut self, time: Duration) {
        self.sum += time;
        self.count += u32::from(time > Duration::ZERO);
    }

    /// Seconds of `n` of them.
    fn of(&self, n: usize) -> f64 {
        self.sum.as_secs_f64() / f64::from(self.count.max(1)) * n as f64
    }
}

/// Groups, mappings and runs of the points of some groups, which stand in order.
fn shared(points: &[(Place, Key, Settings)], groups: &BTreeSet<usize>) -> Shared {
    let mut shared = Shared::default();
    let mut last: Option<Place> = None;
    for &(place, ..) in points.iter().filter(|p| groups.contains(&p.0 .0)) {
        let same = |n: usize| {
            last.is_some_and(|l| l.0 == place.0 && (n < 2 || l.1 == place.1) && (n < 3 || l.2 == place.2))
        };
        shared.groups += usize::from(!same(1));
        shared.mappings += usize::from(!same(2));
        shared.runs += usize::from(!same(3));
        last = Some(place);
    }
    shared
}

/// Refuses an objective that a network with its workload cannot give (E0905).
pub(crate) fn check_goal(space: &Space, config: &Config, evaluator: &Evaluator) -> Result<()> {
    let wanted = space.goal.objectives.iter().chain(space.goal.bounds.keys()).any(|o| o == "accuracy");
    if wanted && evaluator.network(config)?.labels().is_none() {
        let why = if config.by_rates() {
            "layers send spikes of given rates"
        } else {
            "the data set has no labels"
        };
        return Err(Diagnostic::new(
            "E0905",
            format!("objective `accuracy` of network `{}`", config.model),
            format!("there is no accuracy: {why}"),
            "give a labelled data set, or leave this objective out",
        ));
    }
    Ok(())
}

/// Refuses keys of layers that none of the networks has (E0902).
pub(crate) fn check_layers(
    space: &Space,
    keys: impl Iterator<Item = String>,
    networks: &[Config],
    evaluator: &Evaluator,
) -> Result<()> {
    let wanted: BTreeSet<String> = keys.filter_map(|k| keys::layer_of(&k).map(str::to_owned)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut layers = BTreeSet::new();
    for config in networks {
        let network = evaluator.network(config)?;
        let lowered = network.lowered(config.quantise.fold_pool)?;
        layers.extend(lowered.graph.nodes.iter().map(|n| n.name.clone()));
    }
    let covers = |name: &String| layers.iter().any(|l| l == name || l.starts_with(&format!("{name}.")));
    match wanted.iter().find(|name| !covers(name)) {
        Some(name) => {
            let place = format!("space `{}`", space.name);
            Err(keys::unknown("layer", name, layers.iter().map(String::as_str), &place))
        }
        None => Ok(()),
    }
}

/// A plan read line by line.
pub struct Reading {
    /// First line.
    pub head: Head,
    /// The base as JSON.
    pub base: serde_json::Value,
    /// Where it is.
    pub place: String,
    lines: Lines<BufReader<File>>,
}

impl Reading {
    /// Opens a plan.
    ///
    /// # Errors
    /// E0111 if it cannot be read, E0906 if it is none or of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let file = File::open(path).map_err(|e| {
            let message = format!("cannot read the plan: {e}");
            Diagnostic::new(
                "E0111",
                &place,
                message,
                "make one with `pulvinar explore plan SPACE.toml -o PLAN`",
            )
        })?;
        let mut lines = BufReader::new(file).lines();
        let first = lines.next().and_then(std::result::Result::ok).unwrap_or_default();
        let head: Head = serde_json::from_str(&first)
            .map_err(|e| broken(&place, format!("the first line is no head of a plan: {e}")))?;
        if head.pulvinar_plan != VERSION {
            let message =
                format!("it is of format {}, and this program reads format {VERSION}", head.pulvinar_plan);
            return Err(broken(&place, message));
        }
        if head.semantics != SEMANTICS {
            let message =
                format!("its hashes are of numbers {}, and this program's of {SEMANTICS}", head.semantics);
            return Err(broken(&place, message));
        }
        Ok(Reading { base: head.base.json(), head, place, lines })
    }

    /// The next line, for [`point_of`].
    pub fn line(&mut self) -> Option<std::io::Result<String>> {
        self.lines.next()
    }
}

impl Iterator for Reading {
    type Item = Result<Point>;

    fn next(&mut self) -> Option<Result<Point>> {
        self.line().map(|line| point_of(line, &self.place))
    }
}

/// The point of a line of the plan at `place`.
///
/// # Errors
/// E0906 for a line that is none.
pub fn point_of(line: std::io::Result<String>, place: &str) -> Result<Point> {
    let point =
        line.map_err(|e| e.to_string()).and_then(|l| serde_json::from_str(&l).map_err(|e| e.to_string()));
    point.map_err(|e| broken(place, format!("a line is no point: {e}")))
}

/// The refusal of a plan (E0906).
pub fn broken(place: &str, message: String) -> Diagnostic {
    Diagnostic::new(
        "E0906",
        place,
        message,
        "make the plan again with `pulvinar explore plan SPACE.toml -o PLAN`",
    )
}
