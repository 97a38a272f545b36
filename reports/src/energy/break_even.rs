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
//! | rate 0.057 | T 5, version 4 of the same paper | `yan2024` |
//! | rate 0.07 to 0.08 | T 6, version 1: spatial and classical architectures | `yan2024` |
//! | rate 0.03 | T above 16, version 1 | `yan2024` |
//! | rate 0.10 to 0.15 | equal budget of bits | `shen2024bitbudget` |
//!
//! A limit that was published for one T stands beside networks of that T only.
//!
//! Their units differ, so each is compared in its own. None knows the chip: `simulated` does.

use super::data::Data;
use super::quantity::Origin;
use super::workload::{Role, Workload};
use pulvinar_ir::Result;
use serde::Serialize;
use std::ops::RangeInclusive;

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

impl Side {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Side::Below => "below",
            Side::Between => "between",
            Side::Above => "above",
        }
    }
}

/// A published limit.
struct Rule {
    quantity: &'static str,
    /// Names of the lower and the upper limit.
    limits: [&'static str; 2],
    /// Timesteps for which it is published.
    timesteps: RangeInclusive<u32>,
    /// The network's side of it.
    of: fn(&Figures) -> f64,
}

/// What limits are about.
struct Figures {
    uses: f64,
    spikes: f64,
    rate: f64,
}

/// Every limit.
fn rules() -> [Rule; 7] {
    let rule =
        |quantity, limits, timesteps, of: fn(&Figures) -> f64| Rule { quantity, limits, timesteps, of };
    let any = || 0..=u32::MAX;
    let rate: fn(&Figures) -> f64 = |f| f.rate;
    [
        rule("uses of a synapse", ["break_even_synapse_low", "break_even_synapse_high"], any(), |f| f.uses),
        rule("spikes of a neuron", ["break_even_neuron", "break_even_neuron"], any(), |f| f.spikes),
        rule("rate, T 5 to 10", ["break_even_rate", "break_even_rate"], any(), rate),
        rule("rate, T 5", ["break_even_rate_t5", "break_even_rate_t5"], 5..=5, rate),
        rule("rate, T 6", ["break_even_rate_t6_low", "break_even_rate_t6_high"], 6..=6, rate),
        rule("rate, T above 16", ["break_even_rate_t17", "break_even_rate_t17"], 17..=u32::MAX, rate),
        rule("rate, equal bits", ["break_even_bits_low", "break_even_bits_high"], any(), rate),
    ]
}

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
    let figures = Figures {
        uses: share(uses, synapses),
        spikes: share(work.spikes(), work.neuron_count() as f64),
        rate,
    };
    let verdict = |Rule { quantity, limits: names, of, .. }: Rule| {
        let value = of(&figures);
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
    rules().into_iter().filter(|r| r.timesteps.contains(&work.timesteps())).map(verdict).collect()
}
