//! Estimators `yan2024-spyx` and `yan2024-spyx-qnn`: a spiking network with its memories, and the quantised network of the same
//! layers that tells as many levels apart (`yan2024`), as the package Spyx writes them down (`spyx`): the paper's own
//! equations were not at hand.
//!
//! ```text
//! S     = Σ T·FL·Φ
//! E_SNN = S·(E_add + 8 bit·E_DRAM) + T·neurons·(E_compare + 2·8 bit·E_chip) + spikes·E_subtract
//! E_QNN = Σ FL·(E_MAC(b) + b·E_DRAM) + 2·neurons·E_compare + activations·b·E_chip       b = ⌈log2(T + 1)⌉
//! E_MAC(b) = 3.7 pJ·(b/32)² + 0.9 pJ·(b/32)
//! ```
//!
//! Every operation fetches its weight from DRAM. The two meet at a rate near b / (8·T): 5 to 7.5 % for T from 5 to 10.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Layer, Population};
use pulvinar_ir::Result;

/// The spiking network.
pub const SNN: Estimator = Estimator {
    name: "yan2024-spyx",
    doc: "operations, and every weight of 8 bits from DRAM, every membrane on chip, at 22 nm",
    network: Network::Spiking,
    sources: &["yan2024", "spyx"],
    estimate: snn,
};

/// The quantised network of the same layers.
pub const QNN: Estimator = Estimator {
    name: "yan2024-spyx-qnn",
    doc: "the quantised network of the same layers with as many levels as T steps have, weights from DRAM",
    network: Network::Artificial,
    sources: &["yan2024", "spyx"],
    estimate: qnn,
};

const LEAVES_OUT: [&str; 4] = [
    "attention modules and spiking self-attention",
    "reuse of weights: each operation fetches its own",
    "multiplications by operands that are no spikes",
    "network on chip, leakage and clock",
];

/// Bits of a weight and of a membrane.
const SPIKING_BITS: f64 = 8.0;

fn snn(input: &EstimatorInput) -> Result<Estimate> {
    let work = &input.workload;
    work.check()?;
    let names = ["yan_add", "yan_compare", "yan_subtract", "yan_dram_bit", "yan_chip_bit"];
    let [add, compare, subtract, dram, chip] = prices(names)?;
    let operations: f64 = work.layers.iter().map(|l| l.dense_macs() * l.rate).sum();
    let updates: f64 = work.neurons.iter().map(Population::updates).sum();
    let terms = [
        ("accumulations", operations * add),
        ("membrane updates", updates * compare + work.spikes() * subtract),
        ("weights from DRAM", operations * SPIKING_BITS * dram),
        ("membranes on chip", updates * 2.0 * SPIKING_BITS * chip),
    ];
    Ok(Estimate::new(SNN.name, &terms, &LEAVES_OUT, &names))
}

fn qnn(input: &EstimatorInput) -> Result<Estimate> {
    let work = &input.workload;
    work.check()?;
    let names = ["fp_mul_32", "paper_ac", "yan_compare", "yan_dram_bit", "yan_chip_bit"];
    let [mul, add, compare, dram, chip] = prices(names)?;
    let bits = f64::from(work.level_bits());
    let mac = mul * (bits / 32.0).powi(2) + add * bits / 32.0;
    let macs: f64 = work.layers.iter().map(|l| l.geometry.dense_macs() as f64).sum();
    let first = work.layers.first().map_or(0, |l: &Layer| l.geometry.input_elements());
    let results: u64 = work.layers.iter().map(|l| l.geometry.output_elements()).sum();
    let terms = [
        ("multiply-accumulates", macs * mac),
        ("comparisons", 2.0 * work.neuron_count() as f64 * compare),
        ("weights from DRAM", macs * bits * dram),
        ("activations on chip", (first + results) as f64 * bits * chip),
    ];
    Ok(Estimate::new(QNN.name, &terms, &LEAVES_OUT[..2], &names))
}

fn prices(names: [&str; 5]) -> Result<[f64; 5]> {
    let mut pj = [0.0; 5];
    for (pj, name) in pj.iter_mut().zip(names) {
        *pj = Data::embedded().constants.per_term(name)?.pj();
    }
    Ok(pj)
}
