//! Estimators `ann-equivalent` and `ann-equivalent-int`: the dense network of the same shape, run once.
//!
//! ```text
//! E = E_MAC · Σ_n FLⁿ                                                              32-bit floating point
//! E = Σ_n FLⁿ·(E_mul(b) + E_add(2·b + ⌈log2(inputs of a neuron)⌉))                 b = ⌈log2(T + 1)⌉
//! ```
//!
//! The second has operands that tell as many levels apart as T steps of spikes do, the fair opponent (`yan2024`), and an
//! accumulator that holds every sum; integers at 45 nm (`horowitz2014`), between and below the published widths by their power law.
//!
//! FL are the multiply-accumulates of a layer on one frame, all of them, without timesteps and without attention:
//! what an artificial network with these layers does, as the papers compare (`yao2023attention`, Table 2).
//! `E_MAC` = 4.6 pJ is the 32-bit floating-point operation at 45 nm (`horowitz2014`), whatever the chip.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::logic;
use super::workload::{Geometry, LayerKind};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "ann-equivalent",
    doc: "a dense artificial network of the same layers, one frame: 4.6 pJ per MAC",
    network: Network::Artificial,
    sources: &["yao2023attention"],
    estimate,
};

/// The quantised network.
pub const QUANTISED: Estimator = Estimator {
    name: "ann-equivalent-int",
    doc: "the same network quantised to as many levels as T steps of spikes have: integers of ceil(log2(T + 1)) bits",
    network: Network::Artificial,
    sources: &["yan2024"],
    estimate: quantised,
};

/// What the formula does not count.
const LEAVES_OUT: [&str; 4] = [
    "every memory access: weights, activations, DRAM",
    "activation functions and normalisation",
    "leakage and clock",
    "quantisation: all operations are 32-bit floating point",
];

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    let mac_pj = Data::embedded().constants.per_term("paper_mac")?.pj();
    let terms = by_kind(input, |_| Ok(mac_pj))?;
    Ok(Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &["paper_mac"]))
}

fn quantised(input: &EstimatorInput) -> Result<Estimate> {
    let (constants, bits) = (&Data::embedded().constants, input.workload.level_bits());
    let terms = by_kind(input, |g| {
        let fan_in = g.taps() * g.inputs / g.groups;
        let sum_bits = 2 * bits + fan_in.next_power_of_two().trailing_zeros();
        let product = logic::multiply_at(NODE_NM, constants, f64::from(bits))?;
        Ok(product.value() + logic::add_at(NODE_NM, constants, f64::from(sum_bits))?.value())
    })?;
    let used = ["int_add_8", "int_add_16", "int_add_32", "int_mul_8", "int_mul_32"];
    Ok(Estimate::new(QUANTISED.name, &terms, &LEAVES_OUT[..3], &used))
}

/// Node of the arithmetic data, nm.
const NODE_NM: u32 = 45;

/// Multiply-accumulates of one frame times the price of one, by kind of layer.
fn by_kind(
    input: &EstimatorInput,
    price: impl Fn(&Geometry) -> Result<f64>,
) -> Result<[(&'static str, f64); 2]> {
    let sum = |kind: LayerKind| -> Result<f64> {
        let layers = input.workload.layers.iter().filter(|l| l.kind == kind);
        layers.map(|l| Ok(price(&l.geometry)? * l.geometry.dense_macs() as f64)).sum()
    };
    Ok([("convolution (MAC)", sum(LayerKind::Conv)?), ("linear (MAC)", sum(LayerKind::Linear)?)])
}
