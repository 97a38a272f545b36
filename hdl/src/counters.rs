//! The activity counters of the RTL against the simulator's counts.
//!
//! After the last inference the test bench reads every counter over AXI4-Lite and writes `counters.txt`, one line a
//! counter: core (in the order of the chain, the host last), counter, value.

use crate::registers::COUNTERS;
use pulvinar_ir::counts::{Activity, Counts, Row};
use pulvinar_ir::{Diagnostic, Result};
use pulvinar_simulator::Machine;
use std::collections::BTreeMap;
use std::path::Path;

/// What the simulator counts for a counter of this name; spikes that nobody takes leave no event to count.
fn activities(counter: &str) -> &'static [Activity] {
    match counter {
        "flit_eject" => &[Activity::FlitEject],
        "event_push" => &[Activity::EventPush],
        "event_pop" => &[Activity::EventPop],
        "synapse_busy" => &[Activity::SynapseBusyCycles],
        "synapse_stall" => &[Activity::SynapseStallCycles],
        "operations" => &[Activity::SynAdd, Activity::SynMac],
        "sweep_busy" => &[Activity::SweepBusyCycles],
        "sweep_stall" => &[Activity::SweepStallCycles],
        "event_pack" => &[Activity::EventPack],
        "flit_inject" => &[Activity::FlitInject],
        "attention_busy" => &[Activity::AttentionBusyCycles],
        _ => &[],
    }
}

/// Compares the counters that the bench has read, layer by layer; gives how many sums were compared.
pub fn compare(dir: &Path, machine: &Machine<'_>, counts: &Counts) -> Result<usize> {
    let differ = |message: String| {
        Diagnostic::new("E0808", "counters.txt", message, "one of simulator and RTL counts wrongly")
    };
    let text = std::fs::read_to_string(dir.join("counters.txt")).map_err(|e| differ(e.to_string()))?;
    let phase = &machine.phases[0];
    let layer = |core: usize| match phase.cores.get(core) {
        Some(plan) => machine.stages[plan.stage].stage.name.as_str(),
        None => "host",
    };
    let mut sums: BTreeMap<(&str, usize), u64> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<Option<u64>> = line.split(' ').map(|w| w.parse().ok()).collect();
        let [Some(core), Some(counter), Some(value)] = words[..] else {
            return Err(differ(format!("`{line}` is no count")));
        };
        *sums.entry((layer(core as usize), counter as usize)).or_default() += value;
    }
    let rows: BTreeMap<String, Row> = counts.by_layer();
    let mut compared = 0;
    for ((name, counter), have) in sums {
        let about = COUNTERS.get(counter).ok_or_else(|| differ(format!("there is no counter {counter}")))?;
        let of = activities(about.name);
        if of.is_empty() {
            continue;
        }
        let want: u64 = of.iter().map(|&a| rows.get(name).map_or(0, |r| r.get(a))).sum();
        if have != want {
            return Err(differ(format!("`{name}`: {} is {have}, the simulator counts {want}", about.name)));
        }
        compared += 1;
    }
    Ok(compared)
}
