//! Search over the memories that a network lies in: for every layer how its currents wait for their gates (in frame memories,
//! as spikes in spike stores, in DRAM) and on how many cores its weights and states are spread.
//!
//! The idea is that of EGRL (S. Khadka et al., "Optimizing Memory Placement using Evolutionary Graph Reinforcement
//! Learning", ICLR 2021, arXiv 2007.07298): start from what the compiler chooses, repair what does not fit, and let the
//! machine itself say what a mapping costs. Here that is the simulator or the closed form, as the configuration says.
//!
//! A genome holds one choice a layer; choice 0 is the mapper's own. A method proposes genomes until the budget is spent; what
//! is left of it goes to genomes that nobody has proposed, if they all fit in it. So a small problem is solved exactly.

mod anneal;
mod evolve;

use crate::config::Config;
use crate::evaluate::{Evaluator, Limits, Outcome};
use crate::keys;
use crate::metrics;
use crate::sample::Random;
use pulvinar_compiler::map::{map, MapOptions, MapReport};
use pulvinar_ir::{Diagnostic, Result, Strategy};
use std::collections::BTreeMap;
use std::path::Path;

/// Halvings of a layer's channels that are tried.
const HALVINGS: u32 = 3;

/// A method.
pub struct Method {
    /// Name on the command line.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Asks for costs until they end.
    pub run: fn(&mut Costs<'_>, &mut Random),
}

/// Every method.
pub const METHODS: &[Method] = &[anneal::METHOD, evolve::METHOD];

/// The method of this name.
///
/// # Errors
/// E0902 with the nearest one.
pub fn find(name: &str) -> Result<&'static Method> {
    let method = METHODS.iter().find(|m| m.name == name);
    method.ok_or_else(|| keys::unknown("method", name, METHODS.iter().map(|m| m.name), "--method"))
}

/// One way to map a layer; the mapper chooses what is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choice {
    /// Where its currents wait.
    pub strategy: Option<Strategy>,
    /// Most channels on one core.
    pub max_channels: Option<u32>,
}

/// A layer and its choices, the mapper's own first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name of the stage.
    pub name: String,
    /// Choices.
    pub choices: Vec<Choice>,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Layers with what was chosen, those left to the mapper among them.
    pub chosen: Vec<(String, Choice)>,
    /// Cost of what the mapper chooses by itself.
    pub greedy: f64,
    /// Cost of what was found: never more.
    pub cost: f64,
    /// Mappings that were tried.
    pub tried: usize,
    /// Of them those that fit nowhere.
    pub infeasible: usize,
    /// Mappings that there are.
    pub size: u128,
}

impl Found {
    /// The choices as options of the mapper, for `--mapping FILE`.
    pub fn to_toml(&self) -> String {
        let table = |title: &str, value: &dyn Fn(&Choice) -> Option<String>| {
            let rows = self.chosen.iter().filter_map(|(name, c)| Some(format!("{name:?} = {}\n", value(c)?)));
            let rows: String = rows.collect();
            if rows.is_empty() {
                rows
            } else {
                format!("[{title}]\n{rows}")
            }
        };
        let strategies = table("strategies", &|c| c.strategy.map(|s| format!("{:?}", s.name())));
        strategies + &table("max_channels", &|c| c.max_channels.map(|n| n.to_string()))
    }
}

/// Options of the mapper from a file, as [`Found::to_toml`] writes them.
///
/// # Errors
/// E0111 if it cannot be read, E0521 if it holds something else.
pub fn read(path: &Path) -> Result<MapOptions> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        let help = "check the path, or make the file with `pulvinar explore map`";
        Diagnostic::new("E0111", &place, format!("cannot read the mapping: {e}"), help)
    })?;
    toml::from_str(&text).map_err(|e| {
        let help = "tables are [strategies] and [max_channels], as `pulvinar explore map` writes them";
        Diagnostic::new("E0521", &place, format!("these are no options of the mapper: {}", e.message()), help)
    })
}

/// Costs of genomes, each worked out once.
pub struct Costs<'a> {
    layers: &'a [Layer],
    measure: &'a dyn Fn(&[usize]) -> Option<f64>,
    known: BTreeMap<Vec<usize>, Option<f64>>,
    budget: usize,
}

/// The budget is spent.
struct Spent;

impl<'a> Costs<'a> {
    /// Costs by a measure that has none for what does not fit; at most `budget` are worked out, the mapper's own among them.
    pub fn new(layers: &'a [Layer], budget: usize, measure: &'a dyn Fn(&[usize]) -> Option<f64>) -> Self {
        Costs { layers, measure, known: BTreeMap::new(), budget: budget.max(1) }
    }

    /// Number of choices of every layer.
    pub fn choices(&self) -> Vec<usize> {
        self.layers.iter().map(|l| l.choices.len()).collect()
    }

    /// Genomes that may still be worked out.
    pub fn left(&self) -> usize {
        self.budget - self.known.len().min(self.budget)
    }

    /// Genomes that there are.
    pub fn size(&self) -> u128 {
        self.choices().into_iter().fold(1u128, |n, k| n.saturating_mul(k as u128))
    }

    /// Cost of a genome, which is repaired first: where it does not fit, layers go back to the mapper's choice, the last first.
    /// None when the budget is spent.
    pub fn of(&mut self, genome: &mut [usize]) -> Option<f64> {
        loop {
            if let Some(cost) = self.look(genome).ok()? {
                return Some(cost);
            }
            *genome.iter_mut().rfind(|g| **g > 0)? = 0;
        }
    }

    /// Cost of a genome as it is; none if it does not fit.
    fn look(&mut self, genome: &[usize]) -> std::result::Result<Option<f64>, Spent> {
        if let Some(cost) = self.known.get(genome) {
            return Ok(*cost);
        }
        if self.left() == 0 {
            return Err(Spent);
        }
        let cost = (self.measure)(genome);
        self.known.insert(genome.to_vec(), cost);
        Ok(cost)
    }

    /// Works out all genomes, if the budget holds them.
    fn enumerate(&mut self) {
        if self.size() > self.budget as u128 {
            return;
        }
        let choices = self.choices();
        let mut genome = vec![0; choices.len()];
        loop {
            if self.look(&genome).is_err() {
                return;
            }
            let Some(i) = (0..genome.len()).find(|&i| genome[i] + 1 < choices[i]) else { return };
            genome[..i].fill(0);
            genome[i] += 1;
        }
    }

    /// The cheapest genome so far, the first in order of several.
    pub fn best(&self) -> Option<(&[usize], f64)> {
        let feasible = self.known.iter().filter_map(|(g, cost)| Some((g.as_slice(), (*cost)?)));
        feasible.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Proposes with a method, then tries what is left. Gives the best genome with its cost.
pub fn solve(method: &Method, costs: &mut Costs<'_>, seed: u64) -> Option<(Vec<usize>, f64)> {
    let mut start = vec![0; costs.layers.len()];
    costs.of(&mut start)?;
    (method.run)(costs, &mut Random::new(seed));
    costs.enumerate();
    costs.best().map(|(genome, cost)| (genome.to_vec(), cost))
}

/// Looks for a cheaper mapping of a configuration's network on its chip.
///
/// # Errors
/// Why the mapper's own does not fit; E0903 for a metric that no mapping makes less.
pub fn search(
    evaluator: &Evaluator,
    config: &Config,
    (method, budget, seed): (&Method, usize, u64),
    objective: &str,
) -> Result<Found> {
    if metrics::find(objective).is_none_or(|m| m.maximise) {
        let names = metrics::METRICS.iter().filter(|m| !m.maximise).map(|m| m.name);
        return Err(keys::unknown("metric to minimise", objective, names, "--objective"));
    }
    let layers = layers(evaluator, config)?;
    let measure = |genome: &[usize]| {
        let done = evaluator.evaluate(&with(config, &layers, genome), &Limits::default()).ok()?;
        let Outcome::Ok(values) = done.outcome else { return None };
        values.get(objective).copied()
    };
    let mut costs = Costs::new(&layers, budget, &measure);
    let Some((genome, cost)) = solve(method, &mut costs, seed) else {
        return Err(refused(evaluator, config));
    };
    let greedy = costs.known.get(&vec![0; layers.len()]).copied().flatten();
    let chosen = layers.iter().zip(&genome).map(|(l, &g)| (l.name.clone(), l.choices[g]));
    Ok(Found {
        chosen: chosen.collect(),
        greedy: greedy.unwrap_or(cost),
        cost,
        tried: costs.known.len(),
        infeasible: costs.known.values().filter(|c| c.is_none()).count(),
        size: costs.size(),
    })
}

/// Why the mapper's own mapping has no cost.
fn refused(evaluator: &Evaluator, config: &Config) -> Diagnostic {
    let place = format!("network `{}`", config.model);
    let (code, why, help) = match evaluator.evaluate(config, &Limits::default()).map(|d| d.outcome) {
        Err(d) | Ok(Outcome::Infeasible(d)) => return d,
        Ok(Outcome::Timeout(why)) => ("E0703", why, "raise cycle_limit"),
        Ok(Outcome::Crash(why)) => ("E0911", why, "this is a bug of ours; please report it with the space"),
        Ok(Outcome::Ok(_)) => unreachable!("every metric to minimise is there"),
    };
    Diagnostic::new(code, place, why, help)
}

/// The configuration with the choices of a genome.
fn with(config: &Config, layers: &[Layer], genome: &[usize]) -> Config {
    let mut config = config.clone();
    for (layer, &gene) in layers.iter().zip(genome) {
        let choice = layer.choices[gene];
        config.map.strategies.extend(choice.strategy.map(|s| (layer.name.clone(), s)));
        config.map.max_channels.extend(choice.max_channels.map(|n| (layer.name.clone(), n)));
    }
    config
}

/// What every layer may choose.
fn layers(evaluator: &Evaluator, config: &Config) -> Result<Vec<Layer>> {
    let group = evaluator.group(config)?;
    let options = MapOptions { expected_events: group.events.clone(), ..config.map.clone() };
    let report: MapReport = map(&group.flow, &config.arch(), &options)?.report;
    let layer = |stage: &pulvinar_compiler::map::StageReport| {
        let channels = stage.slices.iter().map(|s| s.channels[1]).max().unwrap_or(1);
        let halves = (1..=HALVINGS).map(|k| channels.div_ceil(1 << k)).filter(|n| *n < channels);
        let mut widths: Vec<Option<u32>> = std::iter::once(None).chain(halves.map(Some)).collect();
        widths.dedup();
        let fits = stage.alternatives.iter().filter(|a| a.slices.is_some() && a.strategy != stage.strategy);
        let mut strategies: Vec<Option<Strategy>> =
            std::iter::once(None).chain(fits.map(|a| Some(a.strategy))).collect();
        if config.map.strategies.contains_key(&stage.name) {
            strategies.truncate(1);
        }
        if config.map.max_channels.contains_key(&stage.name) {
            widths.truncate(1);
        }
        let both = |s: &Option<Strategy>| {
            let strategy = *s;
            widths.iter().map(move |&max_channels| Choice { strategy, max_channels }).collect::<Vec<_>>()
        };
        Layer { name: stage.name.clone(), choices: strategies.iter().flat_map(both).collect() }
    };
    Ok(report.stages.iter().map(layer).collect())
}
