//! Estimator `simulated`: the counts of the cycle-accurate run times the sourced price of each.

use super::estimators::{lacks, Estimate, Estimator, EstimatorInput, Network};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "simulated",
    doc: "counts of the simulated hardware times sourced energies: memories, arithmetic, network, DRAM, leakage, clock",
    network: Network::Spiking,
    sources: &[],
    estimate,
};

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    let help = "simulate the network first, or take another estimator";
    let run = input.run.as_ref().ok_or_else(|| lacks(ESTIMATOR.name, "a simulated run", help))?;
    let pj = |aj: u128| aj as f64 / 1e6;
    Ok(Estimate {
        total_pj: pj(run.total_aj),
        terms: run.by_component.iter().map(|(c, aj)| (format!("{c:?}"), pj(*aj))).collect(),
        leaves_out: run.unpriced.iter().map(|u| format!("{}: {}", u.name, u.why)).collect(),
        origins: run.used.iter().map(|u| u.origin.clone()).collect(),
        ..Estimate::new(ESTIMATOR.name, &[], &[], &[])
    })
}
