//! Estimator `paper-sop`: the common practice of the papers (`yao2023attention`, Eq. 17–19, Table S1).
//!
//! With FL the multiply-accumulates of a layer in one step, T the steps and Φ the spiking rate of its input,
//! a spiking layer does T·FL·Φ operations:
//!
//! ```text
//! E_Base = E_MAC·T·FL¹·Φ⁰ + E_AC·Σ_{n≥2} T·FLⁿ·Φⁿ⁻¹             (17)  rates without attention
//! ΔE     = E_MAC·(ΔMAC1 + ΔMAC2) − E_AC·ΔAC                      (18)
//! r_EE   = E_Base / (E_Base + ΔE)                                (19)
//! ```
//!
//! ΔMAC1 makes the attention, ΔMAC2 multiplies by its gates, ΔAC are the operations that it saves, here
//! T·FL·(Φ without − Φ with) over the layers after the first. `E_MAC` = 4.6 pJ and `E_AC` = 0.9 pJ are 32-bit
//! floating-point operations at 45 nm (`horowitz2014`), whatever the chip.

use super::data::Data;
use super::estimators::{Estimate, Estimator};
use pulvinar_ir::{Diagnostic, Result};

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "paper-sop",
    doc: "the papers' formula: 4.6 pJ per MAC of the first layer and of attention, 0.9 pJ per synaptic operation",
    estimate: |input| Ok(energy(&input.layers)?.into_estimate()),
};

/// What the formula does not count.
pub const LEAVES_OUT: [&str; 6] = [
    "every memory access: weights, potentials, accumulators, DRAM",
    "network on chip and addressing",
    "membrane update: leak, threshold, reset",
    "residual additions, batch norm and analog shortcuts",
    "leakage and clock",
    "the precision of the chip: all operations are 32-bit floating point",
];

/// Kind of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Convolution: FL = k²·h·w·c_in·c_out.
    Conv,
    /// Fully connected: FL = i·o.
    Linear,
    /// Spiking attention product.
    Attention,
}

/// One layer as the formula sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: LayerKind,
    /// FL: multiply-accumulates of the dense layer in one step.
    pub dense_macs_per_step: u64,
    /// True for the layer that reads the sample: charged `E_MAC`.
    pub is_first: bool,
    /// Φ of its input with attention, mean over neurons and steps (spikes counted with their value).
    pub rate: f64,
    /// Φ of its input without attention; the same as `rate` if the network has none. Not used by the first layer.
    pub rate_without_attention: f64,
    /// T.
    pub timesteps: u32,
    /// ΔMAC1 of the attention on this layer over all steps.
    pub attention_macs: u64,
    /// ΔMAC2: gate multiplications over all steps.
    pub gate_multiplies: u64,
}

/// Energy by the papers' formula, pJ.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperEnergy {
    /// `E_Base`, the network without attention.
    pub base_pj: f64,
    /// ΔE.
    pub delta_pj: f64,
    /// `E_Base` + ΔE.
    pub total_pj: f64,
    /// Eq. 19.
    pub r_ee: f64,
    /// Parts of the total.
    pub terms: Vec<(String, f64)>,
}

/// The formula. Refuses rates that are no rates (`E0625`).
pub fn energy(layers: &[Layer]) -> Result<PaperEnergy> {
    let constants = &Data::embedded().constants;
    let (mac, ac) = (constants.per_term("paper_mac")?.pj(), constants.per_term("paper_ac")?.pj());
    let mut base_pj = 0.0;
    let mut terms: Vec<(String, f64)> = TERMS.iter().map(|t| ((*t).to_owned(), 0.0)).collect();
    for layer in layers {
        check(layer)?;
        let dense = layer.dense_macs_per_step as f64 * f64::from(layer.timesteps);
        let (term, pj) = if layer.is_first {
            (0, mac * dense * layer.rate)
        } else {
            (1 + layer.kind as usize, ac * dense * layer.rate)
        };
        base_pj += if layer.is_first { pj } else { ac * dense * layer.rate_without_attention };
        terms[term].1 += pj;
        terms[4].1 += mac * layer.attention_macs as f64;
        terms[5].1 += mac * layer.gate_multiplies as f64;
    }
    let total_pj: f64 = terms.iter().map(|t| t.1).sum();
    let r_ee = if total_pj > 0.0 { base_pj / total_pj } else { 1.0 };
    Ok(PaperEnergy { base_pj, delta_pj: total_pj - base_pj, total_pj, r_ee, terms })
}

/// Terms: the first layer, then one per [`LayerKind`] in its order, then attention.
const TERMS: [&str; 6] = [
    "first layer (MAC)",
    "convolution (AC)",
    "linear (AC)",
    "spiking attention (AC)",
    "attention generation (MAC)",
    "gate multiplication (MAC)",
];

impl PaperEnergy {
    fn into_estimate(self) -> Estimate {
        let constants = &Data::embedded().constants;
        let origin = |name| constants.get(name).ok().map(|c| c.origin.clone());
        Estimate {
            estimator: ESTIMATOR.name,
            total_pj: self.total_pj,
            terms: self.terms,
            leaves_out: LEAVES_OUT.map(str::to_owned).to_vec(),
            r_ee: Some(self.r_ee),
            origins: ["paper_mac", "paper_ac"].into_iter().filter_map(origin).collect(),
        }
    }
}

fn check(layer: &Layer) -> Result<()> {
    for rate in [layer.rate, layer.rate_without_attention] {
        if !rate.is_finite() || rate < 0.0 {
            return Err(Diagnostic::new(
                "E0625",
                &layer.name,
                format!("{rate} is not a spiking rate"),
                "give the mean number of spikes per neuron and step, 0 or more",
            ));
        }
    }
    Ok(())
}
