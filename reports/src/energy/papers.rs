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
//!
//! Papers differ in what they put into the sum, and seldom say what. [`Terms`] holds the choices: the stem is charged every
//! step as in (17), once for a still image, or not at all; attention is in or out; the analog convolutions on shortcuts,
//! which (17) does not know, are out or in, each a multiply-accumulate of every step; layers that read sums or means of
//! spikes accumulate, as the papers have it, or multiply (4.6 pJ·T·FL·Φ). [`Counting`] has the rules of three counters in place
//! of (17), and [`Counted`](super::counted::Counted) takes operations that somebody else has counted.

use super::counting::Counting;
use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Layer, LayerKind, Operand, Role, Workload};
use super::{counted, counting};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "paper-sop",
    doc: "the papers' formula: 4.6 pJ per MAC of the first layer and of attention, 0.9 pJ per synaptic operation",
    network: Network::Spiking,
    sources: &["yao2023attention"],
    estimate,
};

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    if !input.counted.is_empty() {
        return counted::estimate(ESTIMATOR.name, &input.counted);
    }
    match input.terms.counting {
        Some(rule) => counting::estimate(ESTIMATOR.name, &input.workload, rule),
        None => Ok(energy(&input.workload, input.terms)?.into_estimate(input.terms)),
    }
}

/// What the formula never counts.
const LEAVES_OUT: [&str; 6] = [
    "every memory access: weights, potentials, accumulators, DRAM",
    "network on chip and addressing",
    "membrane update: leak, threshold, reset",
    "residual additions and batch norm",
    "leakage and clock",
    "the precision of the chip: all operations are 32-bit floating point",
];

/// How layers on the sample are charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stem {
    /// Every step: Eq. 17.
    #[default]
    Steps,
    /// Once: the steps of a still image are equal.
    Once,
    /// Not at all.
    Excluded,
}

/// What a synapse does with a sum or a mean of spikes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Residual {
    /// It accumulates, once a spike, as the papers publish it.
    #[default]
    Accumulate,
    /// It multiplies.
    Multiply,
}

/// What goes into the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Layers on the sample.
    pub stem: Stem,
    /// Attention: making gates, multiplying by them, and products of spikes.
    pub attention: bool,
    /// Analog convolutions on shortcuts.
    pub shortcut: bool,
    /// Layers on sums and means of spikes.
    pub residual: Residual,
    /// Another way of counting, which has no choices of its own; the formula above without it.
    pub counting: Option<Counting>,
}

impl Default for Terms {
    /// Those of Eq. 17 and 18.
    fn default() -> Self {
        Terms {
            stem: Stem::Steps,
            attention: true,
            shortcut: false,
            residual: Residual::Accumulate,
            counting: None,
        }
    }
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

/// Names of the terms.
const TERMS: [&str; 8] = [
    "first layer (MAC)",
    "convolution (AC)",
    "linear (AC)",
    "spiking attention (AC)",
    "attention generation (MAC)",
    "gate multiplication (MAC)",
    "analog layers (MAC)",
    "sums of spikes (MAC)",
];
const STEM: usize = 0;
const CONV: usize = 1;
const LINEAR: usize = 2;
const PRODUCT: usize = 3;
const GENERATION: usize = 4;
const GATES: usize = 5;
const ANALOG: usize = 6;
const SUMS: usize = 7;

/// The formula. Refuses rates that are no rates (`E0625`).
pub fn energy(work: &Workload, wanted: Terms) -> Result<PaperEnergy> {
    work.check()?;
    let constants = &Data::embedded().constants;
    let (mac, ac) = (constants.per_term("paper_mac")?.pj(), constants.per_term("paper_ac")?.pj());
    let (mut pj, mut base_pj) = ([0.0; 8], 0.0);
    for layer in &work.layers {
        let (term, operations, base) = operations(layer, wanted);
        let price = if matches!(term, STEM | ANALOG | SUMS) { mac } else { ac };
        pj[term] += price * operations;
        base_pj += price * base;
    }
    if wanted.attention {
        for product in &work.products {
            let all = product.operations_per_step as f64 * f64::from(product.timesteps);
            pj[PRODUCT] += ac * all * product.rate;
            base_pj += ac * all * product.rate_without_attention;
        }
        pj[GENERATION] = mac * work.modules.iter().map(|m| m.macs as f64).sum::<f64>();
        pj[GATES] = mac * work.modules.iter().map(|m| m.gate_multiplies as f64).sum::<f64>();
    }
    let total_pj: f64 = pj.iter().sum();
    let r_ee = if total_pj > 0.0 { base_pj / total_pj } else { 1.0 };
    let terms = TERMS.iter().zip(pj).map(|(name, pj)| ((*name).to_owned(), pj)).collect();
    Ok(PaperEnergy { base_pj, delta_pj: total_pj - base_pj, total_pj, r_ee, terms })
}

/// Term of a layer, and its operations with attention and without.
fn operations(layer: &Layer, wanted: Terms) -> (usize, f64, f64) {
    let (dense, once) = (layer.dense_macs(), layer.geometry.dense_macs() as f64);
    let (term, operations) = match layer.role {
        Role::Stem if wanted.stem == Stem::Excluded => (STEM, 0.0),
        Role::Stem if wanted.stem == Stem::Once => (STEM, once * layer.rate),
        Role::Stem => (STEM, dense * layer.rate),
        Role::Shortcut if !wanted.shortcut => (ANALOG, 0.0),
        Role::Shortcut | Role::Analog => (ANALOG, dense),
        Role::Spiking => {
            let term = match (layer.kind, layer.operand, wanted.residual) {
                (_, Operand::Graded | Operand::Real, Residual::Multiply) => SUMS,
                (LayerKind::Conv, ..) => CONV,
                (LayerKind::Linear, ..) => LINEAR,
            };
            return (term, dense * layer.rate, dense * layer.rate_without_attention);
        }
    };
    (term, operations, operations)
}

impl PaperEnergy {
    fn into_estimate(self, wanted: Terms) -> Estimate {
        let mut leaves_out = LEAVES_OUT.map(str::to_owned).to_vec();
        let mut out = |is_out: bool, what: &str| leaves_out.extend(is_out.then(|| what.to_owned()));
        out(!wanted.shortcut, "analog convolutions on shortcuts");
        out(!wanted.attention, "attention");
        out(wanted.stem == Stem::Excluded, "the layers on the sample");
        out(wanted.stem == Stem::Once, "the layers on the sample in all steps but one");
        let plain = Estimate::new(ESTIMATOR.name, &[], &[], &["paper_mac", "paper_ac"]);
        let (total_pj, terms, r_ee) = (self.total_pj, self.terms, Some(self.r_ee));
        Estimate { total_pj, terms, leaves_out, r_ee, ..plain }.choosing([
            (wanted.stem == Stem::Once, "layers on the sample once", None),
            (wanted.stem == Stem::Excluded, "without layers on the sample", None),
            (!wanted.attention, "without attention", None),
            (wanted.shortcut, "with analog shortcuts", None),
            (wanted.residual == Residual::Multiply, "sums of spikes multiplied", None),
        ])
    }
}
