//! Estimator `ann-equivalent`: the dense network of the same shape, run once.
//!
//! ```text
//! E = E_MAC · Σ_n FLⁿ
//! ```
//!
//! FL are the multiply-accumulates of a layer on one frame, all of them, without timesteps and without attention:
//! what an artificial network with these layers does, as the papers compare (`yao2023attention`, Table 2).
//! `E_MAC` = 4.6 pJ is the 32-bit floating-point operation at 45 nm (`horowitz2014`), whatever the chip.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::LayerKind;
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "ann-equivalent",
    doc: "a dense artificial network of the same layers, one frame: 4.6 pJ per MAC",
    network: Network::Artificial,
    sources: &["yao2023attention"],
    estimate,
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
    let sum = |kind: LayerKind| -> f64 {
        let layers = input.workload.layers.iter().filter(|l| l.kind == kind);
        layers.map(|l| mac_pj * l.geometry.dense_macs() as f64).sum()
    };
    let terms = [("convolution (MAC)", sum(LayerKind::Conv)), ("linear (MAC)", sum(LayerKind::Linear))];
    Ok(Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &["paper_mac"]))
}
