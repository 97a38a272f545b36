//! Registry of energy estimators that run on the same network and can be shown side by side.
//!
//! A new one is a file with a `pub const ESTIMATOR` and a line in [`ESTIMATORS`].

use super::breakdown::EnergyReport;
use super::counted::Counted;
use super::lemaire::Variant;
use super::lumped::Accelerator;
use super::papers::{self, Terms};
use super::quantity::Origin;
use super::workload::Workload;
use super::{ann, devices, lemaire, lumped, neuromc, simulated, spikesim, step, syops, yan};
use pulvinar_ir::{Diagnostic, Result};
use serde::Serialize;

/// Every estimator.
#[rustfmt::skip]
pub const ESTIMATORS: &[Estimator] = &[
    papers::ESTIMATOR,
    ann::ESTIMATOR,
    ann::QUANTISED,
    syops::ESTIMATOR,
    step::FP32,
    step::FP16,
    step::INT8,
    lemaire::ESTIMATOR,
    yan::SNN,
    yan::QNN,
    neuromc::ESTIMATOR,
    spikesim::RRAM,
    spikesim::SRAM,
    devices::LOIHI,
    devices::LOIHI_SANAFE,
    devices::LOIHI_KERAS,
    devices::TRUENORTH,
    devices::ODIN,
    devices::SPINNAKER,
    devices::SPINNAKER2,
    lumped::ESTIMATOR,
    simulated::ESTIMATOR,
];

/// A named way to estimate the energy of one inference.
#[derive(Debug, Clone, Copy)]
pub struct Estimator {
    /// Name on the command line and in tables.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// What it prices.
    pub network: Network,
    /// Keys of the sources of its formula; empty for ours.
    pub sources: &'static [&'static str],
    /// The estimate; refuses an input that lacks what it needs.
    pub estimate: fn(&EstimatorInput) -> Result<Estimate>,
}

/// What an estimator prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The spiking network.
    Spiking,
    /// An artificial network of the same layers.
    Artificial,
}

/// What estimators read.
#[derive(Debug, Clone, Default)]
pub struct EstimatorInput {
    /// Shapes and rates.
    pub workload: Workload,
    /// What goes into the papers' formula.
    pub terms: Terms,
    /// Operations that somebody else has counted, for the papers' formula in place of the workload.
    pub counted: Vec<Counted>,
    /// Which reading of `lemaire2022`.
    pub lemaire: Variant,
    /// What the estimators of a chip ask for beside the network.
    pub conditions: Conditions,
    /// Time and traffic of the simulated run, if there is one.
    pub took: Option<Took>,
    /// The simulated run, if there is one.
    pub run: Option<EnergyReport>,
}

/// What the estimators of a chip ask for beside the network, where it is given.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Conditions {
    /// Duration of one sample, s.
    pub seconds: Option<f64>,
    /// Duration of a timestep, s.
    pub tick_seconds: Option<f64>,
    /// Clock, MHz.
    pub clock_mhz: Option<f64>,
    /// Bits moved between the chip and its external memory.
    pub dram_bits: Option<f64>,
    /// Row of the lumped model.
    pub accelerator: Accelerator,
}

impl Conditions {
    /// Refuses times, clocks and amounts that cannot be (`E0628`).
    pub fn check(&self) -> Result<()> {
        let all = [
            ("seconds", self.seconds),
            ("tick", self.tick_seconds),
            ("clock", self.clock_mhz),
            ("DRAM bits", self.dram_bits),
        ];
        for (name, value) in all {
            if let Some(v) = value.filter(|v| !(v.is_finite() && *v >= 0.0) || (name == "clock" && *v == 0.0))
            {
                return Err(Diagnostic::new(
                    "E0628",
                    name,
                    format!("{name} = {v} is impossible"),
                    "give 0 or more, and a clock above 0",
                ));
            }
        }
        Ok(())
    }
}

/// Time and traffic of a simulated run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Took {
    /// From the first input to the last output, s.
    pub seconds: f64,
    /// Bits read from and written to external memory.
    pub dram_bits: f64,
}

/// The refusal of an estimator that lacks something (`E0624`).
pub(super) fn lacks(estimator: &'static str, what: &str, help: &str) -> Diagnostic {
    Diagnostic::new("E0624", estimator, format!("the estimator needs {what} and none was given"), help)
}

/// Energy of one inference by one estimator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Name of the estimator; a figure means nothing without it.
    pub estimator: &'static str,
    /// Energy, pJ.
    pub total_pj: f64,
    /// Its terms, pJ; they add up to the total.
    pub terms: Vec<(String, f64)>,
    /// What the estimator does not count.
    pub leaves_out: Vec<String>,
    /// Energy efficiency of attention (Eq. 19 of `yao2023attention`), where the estimator defines it.
    pub r_ee: Option<f64>,
    /// Constants it used.
    pub origins: Vec<Origin>,
    /// Choices that make it another figure than the estimator gives by default, in words.
    pub choices: Vec<String>,
    /// Keys of the sources of these choices.
    pub choice_sources: Vec<&'static str>,
}

impl Estimate {
    /// An estimate from its terms, in pJ, with the names of its constants.
    pub(super) fn new(
        estimator: &'static str,
        terms: &[(&str, f64)],
        leaves_out: &[&str],
        constants: &[&str],
    ) -> Self {
        Estimate {
            estimator,
            total_pj: terms.iter().map(|t| t.1).sum(),
            terms: terms.iter().map(|&(name, pj)| (name.to_owned(), pj)).collect(),
            leaves_out: leaves_out.iter().map(|&what| what.to_owned()).collect(),
            r_ee: None,
            origins: super::data::Data::embedded().constants.origins(constants),
            choices: Vec::new(),
            choice_sources: Vec::new(),
        }
    }

    /// The estimate with the choices that hold, each in words and with its source, if it has one of its own.
    pub(super) fn choosing<S: Into<String>>(
        mut self,
        choices: impl IntoIterator<Item = (bool, S, Option<&'static str>)>,
    ) -> Self {
        for (_, said, source) in choices.into_iter().filter(|c| c.0) {
            self.choices.push(said.into());
            self.choice_sources.extend(source.filter(|s| !self.choice_sources.contains(s)));
        }
        self
    }
}

/// Estimates of every estimator that has what it needs; those that lack a run or a time are left out (`E0624`).
///
/// # Errors
/// Any other refusal of an estimator.
pub fn possible(input: &EstimatorInput) -> Result<Vec<Estimate>> {
    let all = ESTIMATORS.iter().map(|e| (e.estimate)(input));
    all.filter(|e| !matches!(e, Err(d) if d.code == "E0624")).collect()
}

/// An estimator by name.
pub fn estimator(name: &str) -> Option<&'static Estimator> {
    ESTIMATORS.iter().find(|e| e.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::sources;

    #[test]
    fn formulae_have_sources() {
        let known = sources::all();
        for e in ESTIMATORS {
            assert_eq!(e.sources.is_empty(), e.name == "simulated", "{}", e.name);
            assert!(e.sources.iter().all(|key| known.iter().any(|s| s.key == *key)), "{}", e.name);
        }
    }
}
