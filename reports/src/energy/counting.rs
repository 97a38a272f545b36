//! Rules of operation counters, in place of the papers' Eq. 17, times the papers' pair of energies:
//!
//! | rule | layer of n = T·(FL + outputs, if it has a bias) | else |
//! |---|---|---|
//! | `spikingformer` | zeros and ones: n·Φ AC; anything else: n MAC, whatever its rate | self-attention: T·FL·(min(Φ_k, Φ_v) + Φ_q) AC, FL one of its two products |
//! | `syops` | the same | norms, pools, rectifiers, neurons: see [`syops`] |
//! | `neurobench` | zeros and ones: T·FL·Φ AC; else T·FL·Φ MAC; without bias and padding | nothing |
//!
//! Sources: the energy scripts of Spikingformer (`zhou2023spikingformer`), `SyOPs` 0.0.5 (`chen2023syops`), `NeuroBench` 2.3.0
//! (`yik2025neurobench`). `NeuroBench` asks for operands other than 0; of sums and means of spikes a network's rates do not say how many
//! are, and all of them count.

use super::data::Data;
use super::estimators::Estimate;
use super::syops::{self, Operations};
use super::workload::{Layer, Operand, Product, Workload};
use pulvinar_ir::Result;

/// A counter whose rules `paper-sop` can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Convolutions, fully connected layers and self-attention.
    Spikingformer,
    /// Layers, norms, pools, rectifiers and neurons.
    Syops,
    /// Operands other than 0 that meet a weight of a layer.
    Neurobench,
}

impl Counting {
    /// Every rule.
    pub const ALL: [Counting; 3] = [Counting::Spikingformer, Counting::Syops, Counting::Neurobench];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Counting::Spikingformer => "spikingformer",
            Counting::Syops => "syops",
            Counting::Neurobench => "neurobench",
        }
    }

    /// Key of its source.
    pub fn source(self) -> &'static str {
        match self {
            Counting::Spikingformer => "zhou2023spikingformer",
            Counting::Syops => "chen2023syops",
            Counting::Neurobench => "yik2025neurobench",
        }
    }
}

/// Operations of a network by part of it.
pub fn count(work: &Workload, rule: Counting) -> Vec<(&'static str, Operations)> {
    let mut layers = Operations::default();
    match rule {
        Counting::Spikingformer => {
            work.layers.iter().for_each(|l| whole(&mut layers, l));
            let ac = work.products.iter().map(product).sum();
            vec![("layers", layers), ("spiking attention", Operations { ac, mac: 0.0 })]
        }
        Counting::Syops => {
            let [layers, others, neurons] = syops::count(work);
            vec![("layers", layers), ("norms, pools, rectifiers", others), ("neurons", neurons)]
        }
        Counting::Neurobench => {
            work.layers.iter().for_each(|l| effective(&mut layers, l));
            vec![("layers", layers)]
        }
    }
}

/// All operations of a layer; a rate counts where the operand is zeros and ones that are not all ones.
fn whole(sum: &mut Operations, layer: &Layer) {
    let bias = if layer.geometry.bias { layer.results() } else { 0.0 };
    let operand = if layer.rate < 1.0 { layer.operand } else { Operand::Real };
    sum.add(layer.dense_macs() + bias, operand, layer.rate);
}

/// Operations of a layer on what is not 0.
fn effective(sum: &mut Operations, layer: &Layer) {
    let share = if layer.operand == Operand::Graded { 1.0 } else { layer.rate.min(1.0) };
    let n = layer.geometry.macs_inside() as f64 * f64::from(layer.timesteps);
    if layer.operand == Operand::Binary {
        sum.ac += n * share;
    } else {
        sum.mac += n * share;
    }
}

fn product(product: &Product) -> f64 {
    let all = product.operations_per_step as f64 * f64::from(product.timesteps);
    match product.query_key_value {
        Some([query, key, value]) => all / 2.0 * (key.min(value) + query),
        None => all * product.rate,
    }
}

/// What a rule does not count.
fn leaves_out(rule: Counting) -> &'static [&'static str] {
    match rule {
        Counting::Spikingformer => &[
            "every memory access",
            "norms, pools, neurons, residual additions",
            "attention modules",
            "addressing, network on chip, leakage and clock",
        ],
        Counting::Syops => &syops::LEAVES_OUT,
        Counting::Neurobench => &[
            "every memory access",
            "biases, products with padding",
            "norms, pools, neurons, residual additions",
            "attention modules and spiking self-attention",
            "addressing, network on chip, leakage and clock",
        ],
    }
}

/// The estimate of `paper-sop` by a counter's rule. Refuses rates that are no rates (`E0625`).
pub(super) fn estimate(name: &'static str, work: &Workload, rule: Counting) -> Result<Estimate> {
    work.check()?;
    let constants = &Data::embedded().constants;
    let (mac, ac) = (constants.per_term("paper_mac")?.pj(), constants.per_term("paper_ac")?.pj());
    let terms: Vec<(String, f64)> = count(work, rule)
        .into_iter()
        .flat_map(|(part, n)| [(format!("{part} (AC)"), ac * n.ac), (format!("{part} (MAC)"), mac * n.mac)])
        .collect();
    let mut estimate = Estimate::new(name, &[], leaves_out(rule), &["paper_mac", "paper_ac"]);
    estimate.total_pj = terms.iter().map(|t| t.1).sum();
    estimate.terms = terms;
    Ok(estimate.choosing([(
        true,
        format!("operations counted as {} does", rule.name()),
        Some(rule.source()),
    )]))
}
