//! What the mapper decided and expects.

use super::connectivity::Region;
use super::partition::Layer;
use super::place::Placed;
use super::strategy::Alternative;
use super::work::Rates;
use pulvinar_ir::counts::Memory;
use pulvinar_ir::scope::stage_scope;
use pulvinar_ir::{Program, Scope, Strategy, Synapse};
use serde::{Deserialize, Serialize};

/// Decisions and expectations of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapReport {
    /// Stages, in order.
    pub stages: Vec<StageReport>,
    /// Phases, in order.
    pub phases: Vec<PhaseReport>,
    /// Assumptions and things to know.
    pub notes: Vec<String>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageReport {
    /// Name.
    pub name: String,
    /// Passes over the sequence, or over each step.
    pub passes: u32,
    /// How much of the sequence the layer waits for.
    pub scope: Scope,
    /// How currents are kept between passes.
    pub strategy: Strategy,
    /// What the strategies would have cost.
    pub alternatives: Vec<Alternative>,
    /// Expected cycles of the slowest slice for one inference.
    pub expected_cycles: u64,
    /// Slices, over all phases.
    pub slices: Vec<SliceReport>,
}

/// One slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceReport {
    /// Phase.
    pub phase: u32,
    /// Core.
    pub core: u32,
    /// First channel and end.
    pub channels: [u32; 2],
    /// First row and end.
    pub rows: [u32; 2],
    /// Memories in use: bits needed and bits there.
    pub memories: Vec<(Memory, u64, u64)>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseReport {
    /// Slices.
    pub slices: u32,
    /// Streams.
    pub streams: u32,
    /// Expected traffic of the first placement, thousandths of flit-hops an inference.
    pub milli_hops_before: u64,
    /// Expected traffic of the placement in the program.
    pub milli_hops_after: u64,
}

pub(super) fn report(
    program: &Program,
    layers: &[Layer<'_>],
    alternatives: Vec<Vec<Alternative>>,
    placed: &[Placed],
    rates: &Rates,
) -> MapReport {
    let stages = layers.iter().zip(alternatives).enumerate().map(|(i, (layer, alternatives))| {
        let slices = slices(program, layer, i);
        StageReport {
            name: layer.stage.name.clone(),
            passes: layer.stage.passes.len() as u32,
            scope: stage_scope(layer.graph, layer.stage),
            strategy: layer.stage.strategy,
            alternatives,
            expected_cycles: slices
                .iter()
                .map(|s| layer.slice_cycles(s.channels, s.rows, slices.len()))
                .max()
                .unwrap_or(0),
            slices,
        }
    });
    let phases = program.phases.iter().zip(placed).map(|(phase, placed)| PhaseReport {
        slices: phase.slices.len() as u32,
        streams: phase.streams.len() as u32,
        milli_hops_before: placed.milli_hops_before,
        milli_hops_after: placed.milli_hops_after,
    });
    MapReport { stages: stages.collect(), phases: phases.collect(), notes: notes(program, rates) }
}

fn slices(program: &Program, layer: &Layer<'_>, stage: usize) -> Vec<SliceReport> {
    let mut out = Vec::new();
    for (p, phase) in program.phases.iter().enumerate() {
        for slice in phase.slices.iter().filter(|s| s.stage.0 as usize == stage) {
            let footprint = layer.footprint(Region::of(slice));
            let used = Memory::ALL.into_iter().map(|m| (m, footprint.bits(m), program.arch.capacity_bits(m)));
            out.push(SliceReport {
                phase: p as u32,
                core: slice.core,
                channels: slice.channels,
                rows: slice.rows,
                memories: used.filter(|m| m.1 > 0).collect(),
            });
        }
    }
    out
}

fn notes(program: &Program, rates: &Rates) -> Vec<String> {
    let mut notes = Vec::new();
    let name = |id| program.graph.node(id).name.as_str();
    let mut guessed: Vec<&str> = Vec::new();
    for synapse in program.stages.iter().flat_map(|s| &s.synapses) {
        let source = name(synapse.source);
        if !rates.is_known(synapse.source) && !guessed.contains(&source) {
            guessed.push(source);
        }
    }
    if !guessed.is_empty() {
        notes.push(format!(
            "expected events of {} are the default rate; calibrate for better choices",
            guessed.join(", ")
        ));
    }
    for stage in program.stages.iter().filter(|s| s.strategy == Strategy::Recompute) {
        let most = |s: &Synapse| program.graph.node(s.source).ty.shape.len() as u64;
        if stage.synapses.iter().any(|s| rates.stored_events(&program.graph, s.source) < most(s)) {
            let name = &stage.name;
            notes.push(format!(
                "the spike store of `{name}` holds the expected events with a margin, not the worst case"
            ));
        }
    }
    let payload = program.arch.noc.payload_bits;
    for stream in program.phases.iter().flat_map(|p| &p.streams).filter(|s| s.event_bits > payload) {
        notes.push(format!(
            "an event of `{}` has {} bits and a flit carries {payload}: it is counted as one flit",
            name(stream.node),
            stream.event_bits
        ));
    }
    if program.is_multiphase() {
        notes.push(format!(
            "the network needs {} phases: weights and events between them pass through DRAM",
            program.phases.len()
        ));
    }
    notes
}
