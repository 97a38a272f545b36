//! Metrics of a point: names, units, meaning, and which way is better.

use crate::mapping::{Counted, Mapping};
use pulvinar_ir::counts::{Component, Row};
use pulvinar_ir::{Arch, Result};
use pulvinar_reports::energy::{AreaReport, PriceList};
use pulvinar_reports::report::COMPONENTS;
use std::collections::BTreeMap;

/// One metric.
#[derive(Debug)]
pub struct Metric {
    /// Name, with its unit.
    pub name: &'static str,
    /// Meaning.
    pub doc: &'static str,
    /// True if more is better.
    pub maximise: bool,
}

const fn least(name: &'static str, doc: &'static str) -> Metric {
    Metric { name, doc, maximise: false }
}

impl Metric {
    /// The best value that any point could have: none is negative, and what is maximised is a share.
    pub fn ideal(&self) -> f64 {
        f64::from(u8::from(self.maximise))
    }
}

/// Every metric. Those per inference are means over the simulated inputs.
pub const METRICS: &[Metric] = &[
    least("latency_cycles", "cycles from the first input event to the answer"),
    least("latency_us", "the same in microseconds of the chip's clock"),
    least("energy_pj", "energy of an inference: everything that has a price"),
    least("dynamic_pj", "its part that is counted, without what is paid every cycle"),
    least("edp_pj_us", "energy times latency"),
    least("area_mm2", "area of the chip: everything that has a source"),
    least("traffic_bits", "bits moved in the memories of the cores and in DRAM"),
    least("dram_bits", "bits moved in DRAM"),
    least("noc_flits", "flits through routers, each counted once a router"),
    least("cores_used", "cores with work"),
    least(
        "load_cycles",
        "cycles to load the weights before the first inference; 0 if phases load during the run",
    ),
    least("unpriced_terms", "activities and static terms that happened and have no price"),
    Metric {
        name: "accuracy",
        doc: "share of the labelled inputs that the integer network answers rightly",
        maximise: true,
    },
    least("synapse_pj", "energy of an inference in the lanes of the synapse engines"),
    least("weight_memory_pj", "the same in memories of weights and pointers"),
    least("accumulator_memory_pj", "the same in memories of sums"),
    least("neuron_pj", "the same in arithmetic of neurons"),
    least("state_memory_pj", "the same in memories of membranes"),
    least("attention_pj", "the same in arithmetic of attention"),
    least(
        "attention_memory_pj",
        "the same in memories of attention: statistics, gates, frames, stored spikes",
    ),
    least("interface_pj", "the same in queues and packers between core and network"),
    least("network_pj", "the same in routers and links"),
    least("dram_pj", "the same in the external memory"),
    least("clock_pj", "the same in the distribution of the clock"),
    least("leakage_pj", "the same by leakage"),
];

/// The metric that holds the energy of a part of the chip.
pub fn of_part(part: Component) -> &'static str {
    match part {
        Component::Synapse => "synapse_pj",
        Component::WeightMemory => "weight_memory_pj",
        Component::AccumulatorMemory => "accumulator_memory_pj",
        Component::Neuron => "neuron_pj",
        Component::StateMemory => "state_memory_pj",
        Component::Attention => "attention_pj",
        Component::AttentionMemory => "attention_memory_pj",
        Component::Interface => "interface_pj",
        Component::Network => "network_pj",
        Component::Dram => "dram_pj",
        Component::Clock => "clock_pj",
        Component::Leakage => "leakage_pj",
    }
}

/// The metric of this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

/// Values by name.
pub type Values = BTreeMap<String, f64>;

/// Metrics of a mapping that has run, on a chip.
///
/// # Errors
/// For a process that has no prices.
pub fn values(mapping: &Mapping, arch: &Arch, counted: &Counted, accuracy: Option<f64>) -> Result<Values> {
    let energy = PriceList::new(arch, &mapping.widths)?.total(&counted.totals, counted.cycles);
    let area = AreaReport::new(arch, &mapping.widths)?;
    let mean = |total: f64| total / counted.inferences.max(1) as f64;
    let latency_cycles = mean(counted.cycles as f64);
    let latency_us = latency_cycles / arch.technology.clock_mhz;
    let energy_pj = mean(energy.total_aj as f64 / 1e6);
    let traffic = Traffic::of(arch, &counted.totals);
    let mut values = vec![
        ("latency_cycles", latency_cycles),
        ("latency_us", latency_us),
        ("energy_pj", energy_pj),
        ("dynamic_pj", mean((energy.total_aj - energy.static_aj) as f64 / 1e6)),
        ("edp_pj_us", energy_pj * latency_us),
        ("area_mm2", area.total_mm2),
        ("traffic_bits", mean((traffic.memory_bits + traffic.dram_bits) as f64)),
        ("dram_bits", mean(traffic.dram_bits as f64)),
        ("noc_flits", mean(traffic.flits as f64)),
        ("cores_used", mapping.cores_used as f64),
        ("load_cycles", counted.load_cycles as f64),
        ("unpriced_terms", energy.unpriced as f64),
    ];
    values.extend(accuracy.map(|a| ("accuracy", a)));
    let part = |c: &Component| energy.by_component.get(c).copied().unwrap_or(0) as f64 / 1e6;
    values.extend(COMPONENTS.iter().map(|c| (of_part(*c), mean(part(c)))));
    Ok(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What moved.
struct Traffic {
    memory_bits: u64,
    dram_bits: u64,
    flits: u64,
}

impl Traffic {
    fn of(arch: &Arch, totals: &Row) -> Self {
        use pulvinar_ir::counts::{Cost, DramAction, RouterAction};
        let mut traffic = Traffic { memory_bits: 0, dram_bits: 0, flits: 0 };
        for activity in pulvinar_ir::Activity::ALL {
            let n = totals.get(*activity);
            match activity.cost() {
                Cost::Read(m) | Cost::Write(m) => {
                    traffic.memory_bits += n * u64::from(arch.word_bits(m));
                }
                Cost::Dram(DramAction::ReadBurst | DramAction::WriteBurst) => {
                    traffic.dram_bits += n * u64::from(arch.dram.burst_bytes) * 8;
                }
                Cost::Router(RouterAction::Crossbar) => traffic.flits += n,
                _ => (),
            }
        }
        traffic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_chip_has_its_metric() {
        let mut parts: Vec<&str> = COMPONENTS.iter().map(|c| of_part(*c)).collect();
        assert!(parts.iter().all(|name| find(name).is_some()));
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), COMPONENTS.len());
    }
}
