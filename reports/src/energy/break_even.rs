//! Published limits below which a spiking network is said to cost less than an artificial one.
//!
//! ```text
//! uses of a synapse   Σ T·FL·Φ / Σ FL      layers that read spikes
//! spikes of a neuron  Σ spikes / neurons
//! rate                Σ spikes / (neurons·T)
//! ```
//!
//! | limit | of | source |
//! |---|---|---|
//! | 0.15 to 1.38 uses of a synapse, by hardware | integrate and fire | `dampfhoffer2023` |
//! | 1.72 spikes of a neuron | one spike against one activation | `davidson2021` |
//! | rate 0.064 | T 5 to 10, against a quantised network of ⌈log2(T + 1)⌉ bits | `yan2024` |
//! | rate 0.10 to 0.15 | equal budget of bits | `shen2024bitbudget` |
//!
//! Their units differ, so each is compared in its own. None knows the chip: `simulated` does.

use super::data::Data;
use super::quantity::Origin;
use super::workload::{Role, Workload};
use pulvinar_ir::Result;
use serde::Serialize;

/// A network against one published limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What is compared.
    pub quantity: &'static str,
    /// Of this network.
    pub value: f64,
    /// The limit; two numbers where it depends on the hardware.
    pub limits: (f64, f64),
    /// Which side the network is on.
    pub side: Side,
    /// Numbers and sources.
    pub origins: Vec<Origin>,
}

/// Side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Below: the spiking network costs less.
    Below,
    /// Between the two limits.
    Between,
    /// Above: the artificial one costs less.
    Above,
}

/// Quantity and names of its lower and upper limit.
const RULES: [(&str, [&str; 2]); 4] = [
    ("uses of a synapse", ["break_even_synapse_low", "break_even_synapse_high"]),
    ("spikes of a neuron", ["break_even_neuron", "break_even_neuron"]),
    ("rate, T 5 to 10", ["break_even_rate", "break_even_rate"]),
    ("rate, equal bits", ["break_even_bits_low", "break_even_bits_high"]),
];

/// The network against every limit.
///
/// # Errors
/// Rates that are no rates (`E0625`).
pub fn verdicts(work: &Workload) -> Result<Vec<Verdict>> {
    work.check()?;
    let constants = &Data::embedded().constants;
    let spiking = || work.layers.iter().filter(|l| l.role == Role::Spiking);
    let uses: f64 = spiking().map(|l| l.dense_macs() * l.rate).sum();
    let synapses: f64 = spiking().map(|l| l.geometry.dense_macs() as f64).sum();
    let updates: f64 = work.neurons.iter().map(super::workload::Population::updates).sum();
    let share = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    let rate = share(work.spikes(), updates);
    let values = [share(uses, synapses), share(work.spikes(), work.neuron_count() as f64), rate, rate];
    let verdict = |((quantity, names), value): ((&'static str, [&str; 2]), f64)| {
        let (low, high) = (constants.get(names[0])?.origin.value, constants.get(names[1])?.origin.value);
        let side = match value {
            v if v < low => Side::Below,
            v if v <= high => Side::Between,
            _ => Side::Above,
        };
        let mut origins = constants.origins(&names);
        origins.dedup();
        Ok(Verdict { quantity, value, limits: (low, high), side, origins })
    };
    RULES.into_iter().zip(values).map(verdict).collect()
}
