//! Estimators `step-fp32`, `step-fp16`, `step-int8`: operations and logical memory traffic, the plainest profile of
//! `SpikingJelly` 2.0.0 (`spikingjelly2`), with the memory energy of the STEP benchmark (`shen2025step`).
//!
//! ```text
//! operand of zeros and ones:  uses = Φ·(products inside the plane)   AC
//! any other operand:          uses = FL                              MAC
//! bits = word·( T·uses  +  T·outputs, if there is an offset  +  2·T·neurons )
//! E    = E_MAC·MAC + E_AC·AC + E_mem·bits
//! ```
//!
//! Every use of a weight reads it; a membrane is read and written every step. Unlike rate × dense operations the counts
//! leave out products with padding. Norms are folded into an offset.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Layer, Population};
use pulvinar_ir::Result;

/// Operations on 32-bit floating-point numbers.
pub const FP32: Estimator = Estimator {
    name: "step-fp32",
    doc: "32-bit floating-point operations, and every weight, offset and membrane from a memory of 3.12 pJ a bit",
    network: Network::Spiking,
    sources: &["shen2025step", "spikingjelly2"],
    estimate: |input| estimate(input, "step-fp32", 32, ["paper_mac", "paper_ac"]),
};

/// Operations on 16-bit floating-point numbers.
pub const FP16: Estimator = Estimator {
    name: "step-fp16",
    doc: "as step-fp32, with 16-bit floating-point numbers",
    network: Network::Spiking,
    sources: &["shen2025step", "spikingjelly2"],
    estimate: |input| estimate(input, "step-fp16", 16, ["fp_mac_16", "fp_add_16"]),
};

/// Operations on 8-bit integers.
pub const INT8: Estimator = Estimator {
    name: "step-int8",
    doc: "as step-fp32, with 8-bit integers",
    network: Network::Spiking,
    sources: &["shen2025step", "spikingjelly2"],
    estimate: |input| estimate(input, "step-int8", 8, ["int_mac_8", "int_add_8"]),
};

const LEAVES_OUT: [&str; 5] = [
    "attention modules and spiking self-attention",
    "input and output streams, addressing, network on chip",
    "membrane update, residual additions, pools",
    "the size of the memories: every bit costs the same",
    "leakage and clock",
];

/// Times the layer's weights are used, over all steps.
fn uses(layer: &Layer) -> f64 {
    if layer.is_binary() {
        layer.rate * layer.geometry.macs_inside() as f64 * f64::from(layer.timesteps)
    } else {
        layer.dense_macs()
    }
}

fn estimate(input: &EstimatorInput, name: &'static str, word: u32, costs: [&str; 2]) -> Result<Estimate> {
    let work = &input.workload;
    work.check()?;
    let constants = &Data::embedded().constants;
    let [mac, ac] = [constants.per_term(costs[0])?.pj(), constants.per_term(costs[1])?.pj()];
    let word_pj = constants.per_term("step_memory_bit")?.pj() * f64::from(word);
    let sum = |binary: bool| work.layers.iter().filter(|l| l.is_binary() == binary).map(uses).sum::<f64>();
    let (macs, acs) = (sum(false), sum(true));
    let offsets: f64 = work.layers.iter().filter(|l| l.is_offset()).map(Layer::results).sum();
    let updates: f64 = work.neurons.iter().map(Population::updates).sum();
    let terms = [
        ("multiply-accumulates", mac * macs),
        ("accumulations", ac * acs),
        ("weights and offsets", word_pj * (macs + acs + offsets)),
        ("membranes", word_pj * 2.0 * updates),
    ];
    Ok(Estimate::new(name, &terms, &LEAVES_OUT, &[costs[0], costs[1], "step_memory_bit"]))
}
