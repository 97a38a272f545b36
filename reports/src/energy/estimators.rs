//! Registry of energy estimators that run on the same network and can be shown side by side.
//!
//! A new one is a file with a `pub const ESTIMATOR` and a line in [`ESTIMATORS`].

use super::breakdown::EnergyReport;
use super::papers::{self, Terms};
use super::quantity::Origin;
use super::workload::Workload;
use super::{ann, lemaire, neuromc, simulated, spikesim, step, syops, yan};
use pulvinar_ir::Result;
use serde::Serialize;

/// Every estimator.
#[rustfmt::skip]
pub const ESTIMATORS: &[Estimator] = &[
    papers::ESTIMATOR,
    ann::ESTIMATOR,
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
    /// The simulated run, if there is one.
    pub run: Option<EnergyReport>,
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
        }
    }
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
