//! What each step of an evaluation reads of a configuration: points that agree in it share the step.
//!
//! A part is the configuration with everything that the step does not read set to one value, and the step is given the part:
//! a key that is wrongly left out changes a result, and `explore/tests/shared.rs` compares the results of every key.

use crate::config::{Config, Fidelity};
use pulvinar_ir::Arch;
use std::sync::OnceLock;

fn default_chip() -> &'static Arch {
    static CHIP: OnceLock<Arch> = OnceLock::new();
    CHIP.get_or_init(Arch::default_chip)
}

/// What the mapper reads: its options, the mesh, capacities, widths, and the DRAM channel's bursts.
pub fn mapping(config: &Config) -> Arch {
    let (mut chip, plain) = (config.arch(), default_chip());
    chip.technology = plain.technology.clone();
    let (noc, any) = (&mut chip.noc, &plain.noc);
    noc.virtual_channels = any.virtual_channels;
    noc.buffer_flits = any.buffer_flits;
    noc.pipeline = any.pipeline;
    noc.eject_flits = any.eject_flits;
    noc.inject_flits = any.inject_flits;
    noc.barrier_cycles = any.barrier_cycles;
    let (core, any) = (&mut chip.core, &plain.core);
    core.attention_lanes = any.attention_lanes;
    core.hazard = any.hazard;
    core.accumulator_banks = any.accumulator_banks;
    core.queue_events = any.queue_events;
    let read = chip.dram;
    chip.dram = plain.dram.clone();
    chip.dram.burst_bytes = read.burst_bytes;
    chip.dram.burst_cycles = read.burst_cycles;
    chip.dram.queue_requests = read.queue_requests;
    chip
}

/// Name of a mapping in its group.
pub fn mapping_name(config: &Config, part: &Arch) -> String {
    serde_json::json!([part, config.map]).to_string()
}

/// What simulator and closed form read beside the program: everything but the process and the capacities that the mapper
/// has seen to.
pub fn run(config: &Config) -> Arch {
    let (mut chip, plain) = (config.arch(), default_chip());
    chip.technology = plain.technology.clone();
    chip.dram.kind.clone_from(&plain.dram.kind);
    let (core, any) = (&mut chip.core, &plain.core);
    core.weight_kib = any.weight_kib;
    core.pointer_kib = any.pointer_kib;
    core.accumulator_kib = any.accumulator_kib;
    core.state_kib = any.state_kib;
    core.statistics_kib = any.statistics_kib;
    core.gate_kib = any.gate_kib;
    core.frame_kib = any.frame_kib;
    core.spike_store_kib = any.spike_store_kib;
    chip
}

/// Name of a run in its mapping.
pub fn run_name(config: &Config, part: &Arch) -> String {
    let limit = (config.fidelity == Fidelity::Cycle).then_some(config.cycle_limit);
    serde_json::json!([part, config.fidelity, limit]).to_string()
}

/// Marks of the mapping and of the run of a point: points of a group with equal marks share them.
pub fn marks(config: &Config) -> [u64; 2] {
    let mark = |name: String| {
        let hash = pulvinar_models::sha256_hex(name.as_bytes());
        u64::from_str_radix(&hash[..16], 16).expect("a hash is hexadecimal")
    };
    [mark(mapping_name(config, &mapping(config))), mark(run_name(config, &run(config)))]
}
