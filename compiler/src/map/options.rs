//! Options of the mapper.

use pulvinar_ir::Strategy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How slices are placed on cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Slice i on core i.
    Sequential,
    /// Each slice near what it talks to, in topological order.
    Greedy,
    /// Greedy, then simulated annealing.
    Annealed,
}

/// Relative costs by which a strategy is chosen, femtojoules. The report prices the real counts; these only rank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// One bit read from or written to an on-chip memory.
    pub sram_bit_fj: u64,
    /// One bit read from or written to DRAM, interface included.
    pub dram_bit_fj: u64,
    /// One synaptic addition.
    pub add_fj: u64,
    /// One cycle of one core, leakage and clock.
    pub cycle_fj: u64,
}

impl Default for Costs {
    /// Orders of magnitude at 22 nm: SRAM 6 fJ/bit, LPDDR4 5 pJ/bit, an addition 30 fJ, a core cycle 500 fJ.
    fn default() -> Self {
        Costs { sram_bit_fj: 6, dram_bit_fj: 5000, add_fj: 30, cycle_fj: 500 }
    }
}

/// Options of the mapper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapOptions {
    /// Seed of the annealer.
    pub seed: u64,
    /// Placement.
    pub placement: Placement,
    /// Annealing moves a slice.
    pub anneal_moves: u32,
    /// Split layers further while cores are free and it shortens the slowest one.
    pub spread: bool,
    /// Most channels of one slice, by stage name.
    pub max_channels: BTreeMap<String, u32>,
    /// Strategy by stage name instead of the cheapest one.
    pub strategies: BTreeMap<String, Strategy>,
    /// Expected events a step, by name of the input, a neuron or another stream.
    pub expected_events: BTreeMap<String, f64>,
    /// Expected events a step and element where none are given.
    pub default_rate: f64,
    /// Room above the expected events in a spike store, percent (never more than one event an element and step).
    pub spike_store_margin_percent: u32,
    /// Costs by which strategies are ranked.
    pub costs: Costs,
}

impl Default for MapOptions {
    fn default() -> Self {
        MapOptions {
            seed: 1,
            placement: Placement::Annealed,
            anneal_moves: 400,
            spread: true,
            max_channels: BTreeMap::new(),
            strategies: BTreeMap::new(),
            expected_events: BTreeMap::new(),
            default_rate: 0.1,
            spike_store_margin_percent: 100,
            costs: Costs::default(),
        }
    }
}
