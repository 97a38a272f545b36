//! Energies of one network by every estimator, with all they rest on: what `pulvinar energy` finds, for authors.
//!
//! [`Sheet::new`] gathers plain numbers; the JSON of it, the tables, figures and the paragraph for a paper come from these
//! numbers alone.

pub mod methods;
pub mod render;

pub use render::files;

use crate::energy::break_even::verdicts;
use crate::energy::{Estimate, Workload};
use crate::report::{BreakEvenRow, ConstantRow, EstimateRow, Interval, Report};
use pulvinar_ir::diag::{Diagnostic, Result};
use serde::{Deserialize, Serialize};

/// Version of the JSON form; raised when a field changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// Energies of one inference of one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheet {
    /// Version of this form ([`FORMAT`]).
    pub energy_format: u32,
    /// Version of the program.
    pub version: String,
    /// Command line that makes it again.
    pub command: String,
    /// Name of the network.
    pub network: String,
    /// SHA-256 of graph and weights, hex; none for a structure without weights.
    pub network_hash: Option<String>,
    /// Timesteps of an inference.
    pub timesteps: u32,
    /// Spiking neurons.
    pub neurons: u64,
    /// Multiply-accumulates of the layers in one step, dense.
    pub macs: f64,
    /// Spikes of an inference.
    pub spikes: f64,
    /// How often neurons fire.
    pub rates: Rates,
    /// Estimators side by side.
    pub estimates: Vec<EstimateRow>,
    /// Their constants; `terms` are the estimators that use it.
    pub constants: Vec<ConstantRow>,
    /// The network against published limits below which a spiking network is said to cost less.
    pub break_even: Vec<BreakEvenRow>,
    /// The simulated run behind the estimator `simulated`.
    pub simulated: Option<Simulated>,
    /// What was assumed.
    pub assumptions: Vec<String>,
}

/// Firing rates and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Measured or given.
    pub basis: Basis,
    /// Mean value of the sample's elements; 1 for an image.
    pub input: f64,
    /// Of layers that spike.
    pub layers: Vec<LayerRate>,
    /// The network without attention that gave `without_attention`, in words.
    pub without_attention: Option<String>,
}

/// Where rates come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// Given on the command line.
    Given,
    /// Measured.
    Measured {
        /// On what, in words: the floating-point network, or the simulated chip.
        on: String,
        /// Inputs.
        inputs: u64,
        /// SHA-256 of the inputs, hex.
        inputs_hash: String,
    },
}

/// Rate of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRate {
    /// Name.
    pub layer: String,
    /// Spikes of a neuron and step.
    pub rate: f64,
    /// The same in the network without attention.
    pub without_attention: f64,
}

/// The chip and the run behind the estimator `simulated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulated {
    /// Name of the chip.
    pub arch: String,
    /// SHA-256 of the architecture text, hex.
    pub arch_hash: String,
    /// Process node, nm.
    pub node_nm: u32,
    /// Clock, MHz.
    pub clock_mhz: f64,
    /// Cores of the chip.
    pub cores: u32,
    /// Mean cycles of an inference.
    pub latency_cycles: f64,
    /// Part of the energy that is paid every cycle, pJ.
    pub static_pj: f64,
    /// How sure the energy is, by the evidence of its constants.
    pub uncertainty: Option<Interval>,
    /// Seed of placement, and of what is random in the run.
    pub seed: u64,
    /// Rates that the layers were given, in words; none if the network computed its own spikes.
    pub workload: Option<String>,
}

/// What a caller knows besides workload and estimates.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Version of the program.
    pub version: String,
    /// Command line that makes it again.
    pub command: String,
    /// Name of the network.
    pub network: String,
    /// SHA-256 of graph and weights, hex.
    pub network_hash: Option<String>,
    /// Timesteps.
    pub timesteps: u32,
    /// Rates.
    pub rates: Rates,
    /// What was assumed.
    pub assumptions: Vec<String>,
}

impl Sheet {
    /// Gathers a sheet. With the report of a simulated run the estimator `simulated` is its energy, last of all.
    ///
    /// # Errors
    /// Rates that are no rates (`E0625`).
    pub fn new(work: &Workload, estimates: &[Estimate], facts: Facts, run: Option<&Report>) -> Result<Self> {
        let mut sheet = Sheet {
            energy_format: FORMAT,
            version: facts.version,
            command: facts.command,
            network: facts.network,
            network_hash: facts.network_hash,
            timesteps: facts.timesteps,
            neurons: work.neuron_count(),
            macs: work.layers.iter().map(|l| l.geometry.dense_macs() as f64).sum(),
            spikes: work.spikes(),
            rates: facts.rates,
            estimates: estimates.iter().map(EstimateRow::of).collect(),
            constants: constants(estimates),
            break_even: verdicts(work)?.iter().map(BreakEvenRow::of).collect(),
            simulated: None,
            assumptions: facts.assumptions,
        };
        if let Some(run) = run {
            sheet.add_run(run);
        }
        Ok(sheet)
    }

    fn add_run(&mut self, run: &Report) {
        const NAME: &str = crate::energy::simulated::ESTIMATOR.name;
        let Some(row) = run.energy.estimates.iter().find(|e| e.estimator == NAME) else { return };
        self.estimates.push(row.clone());
        for constant in &run.provenance.constants {
            let same = |c: &&mut ConstantRow| {
                c.name == constant.name && c.value.to_bits() == constant.value.to_bits()
            };
            match self.constants.iter_mut().find(same) {
                Some(known) => known.terms.push(NAME.to_owned()),
                None => self.constants.push(ConstantRow { terms: vec![NAME.to_owned()], ..constant.clone() }),
            }
        }
        let new = run.provenance.assumptions.iter().filter(|a| !self.assumptions.contains(a)).cloned();
        let new: Vec<String> = new.collect();
        self.assumptions.extend(new);
        self.simulated = Some(Simulated {
            arch: run.provenance.arch.clone(),
            arch_hash: run.provenance.arch_hash.clone(),
            node_nm: run.model.node_nm,
            clock_mhz: run.timing.clock_mhz,
            cores: run.model.cores,
            latency_cycles: run.timing.latency_cycles,
            static_pj: run.energy.static_pj,
            uncertainty: run.energy.uncertainty.clone(),
            seed: run.provenance.seed,
            workload: run.correctness.workload.clone(),
        });
    }

    /// An estimate by the name of its estimator.
    pub fn estimate(&self, name: &str) -> Option<&EstimateRow> {
        self.estimates.iter().find(|e| e.estimator == name)
    }

    /// Constants of an estimator.
    pub fn constants_of<'a>(&'a self, estimator: &'a str) -> impl Iterator<Item = &'a ConstantRow> {
        self.constants.iter().filter(move |c| c.terms.iter().any(|t| t == estimator))
    }

    /// Keys of all sources behind the sheet, sorted.
    pub fn sources(&self) -> Vec<&str> {
        let estimates = self.estimates.iter().flat_map(|e| &e.sources);
        let constants = self.constants.iter().flat_map(|c| &c.sources);
        let limits = self.break_even.iter().flat_map(|b| &b.sources);
        let mut keys: Vec<&str> = estimates.chain(constants).chain(limits).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// JSON, indented, one line feed at the end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("invariant: plain data always serialises") + "\n"
    }

    /// A sheet from JSON.
    ///
    /// # Errors
    /// What does not parse or does not add up (`E0613`), another version of the form (`E0614`).
    pub fn from_json(text: &str) -> Result<Self> {
        let help = "give the energy.json that `pulvinar energy -o` of this version wrote";
        let bad = |place: String, message: String| Diagnostic::new("E0613", place, message, help);
        let sheet: Sheet = serde_json::from_str(text)
            .map_err(|e| bad(format!("line {}", e.line()), format!("this is no table of estimates: {e}")))?;
        if sheet.energy_format != FORMAT {
            return Err(Diagnostic::new(
                "E0614",
                "energy_format",
                format!(
                    "the estimates have format {} and this program reads format {FORMAT}",
                    sheet.energy_format
                ),
                "run `pulvinar energy` again, or use the version of the program that wrote them",
            ));
        }
        for e in &sheet.estimates {
            check_sum(e).map_err(|message| bad(format!("estimator `{}`", e.estimator), message))?;
        }
        Ok(sheet)
    }
}

/// Says what is wrong with an estimate whose terms are no energies or do not add up to its total.
fn check_sum(e: &EstimateRow) -> std::result::Result<(), String> {
    let sum: f64 = e.terms_pj.iter().map(|t| t.value).sum();
    let sound = e.terms_pj.iter().all(|t| t.value >= 0.0);
    if sound && (sum - e.total_pj).abs() <= 1e-6 * e.total_pj.abs() {
        return Ok(());
    }
    Err(format!("its terms add up to {sum} pJ and its total is {} pJ", e.total_pj))
}

/// Constants of all estimates, each once, with the estimators that use it.
fn constants(estimates: &[Estimate]) -> Vec<ConstantRow> {
    let mut rows: Vec<ConstantRow> = Vec::new();
    for e in estimates {
        for origin in &e.origins {
            match rows.iter_mut().find(|r| r.name == origin.name) {
                Some(row) if row.terms.iter().any(|t| t == e.estimator) => {}
                Some(row) => row.terms.push(e.estimator.to_owned()),
                None => rows.push(ConstantRow::of(origin, vec![e.estimator.to_owned()])),
            }
        }
    }
    rows
}
