//! Estimator `syops`: what the package `SyOPs` 0.0.5 counts, times the papers' pair of energies (`chen2023syops`).
//!
//! ```text
//! layer    n = T·(FL + outputs, if it has a bias)     operand of zeros and ones: n·Φ AC, else n MAC
//! norm     n = 2·elements                             likewise
//! pool     n = elements of the operand                likewise
//! ReLU     n = elements                               likewise
//! neuron   n = elements                               AC
//! ```
//!
//! An operand counts as spikes if it holds two values at most and both lie in 0..=1: spikes that a pool has averaged or a
//! shortcut has added are multiplied. Layers that make gates are modules and count; products of values with values,
//! the gates' and those of spiking self-attention, are functions and do not.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Operand, Workload};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "syops",
    doc: "the counter SyOPs: 0.9 pJ per operation on zeros and ones by their rate, 4.6 pJ per any other, norms and neurons too",
    network: Network::Spiking,
    sources: &["chen2023syops"],
    estimate,
};

pub(super) const LEAVES_OUT: [&str; 4] = [
    "every memory access",
    "products of values: gates on currents, spiking self-attention",
    "residual additions",
    "addressing, network on chip, leakage and clock",
];

/// Operations of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Operations {
    /// Accumulations.
    pub ac: f64,
    /// Multiply-accumulates.
    pub mac: f64,
}

impl Operations {
    pub(super) fn add(&mut self, n: f64, operand: Operand, rate: f64) {
        if operand == Operand::Binary {
            self.ac += n * rate;
        } else {
            self.mac += n;
        }
    }
}

/// Operations of layers, of norms, pools and rectifiers, and of neurons.
pub fn count(work: &Workload) -> [Operations; 3] {
    let [mut layers, mut others, mut neurons] = [Operations::default(); 3];
    for layer in &work.layers {
        let bias = if layer.geometry.bias { layer.results() } else { 0.0 };
        layers.add(layer.dense_macs() + bias, layer.operand, layer.rate);
    }
    layers.mac += work.modules.iter().map(|m| m.macs as f64).sum::<f64>();
    for norm in &work.norms {
        others.add(2.0 * norm.total(), norm.operand, norm.rate);
    }
    for elements in work.pools.iter().chain(&work.rectifiers) {
        others.add(elements.total(), elements.operand, elements.rate);
    }
    neurons.ac = work.neurons.iter().map(super::workload::Population::updates).sum();
    [layers, others, neurons]
}

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    input.workload.check()?;
    let constants = &Data::embedded().constants;
    let (mac, ac) = (constants.per_term("paper_mac")?.pj(), constants.per_term("paper_ac")?.pj());
    let [layers, others, neurons] = count(&input.workload);
    let terms = [
        ("layers (AC)", ac * layers.ac),
        ("layers (MAC)", mac * layers.mac),
        ("norms, pools, rectifiers (AC)", ac * others.ac),
        ("norms, pools, rectifiers (MAC)", mac * others.mac),
        ("neurons (AC)", ac * neurons.ac),
    ];
    let mut estimate = Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &["paper_mac", "paper_ac"]);
    estimate.origins.extend(constants.origins(&["syops_norm_operations"]));
    Ok(estimate)
}
