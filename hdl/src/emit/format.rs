//! Widths of the flit's fields, chosen once for a program.

use crate::netlist::index_bits;
use pulvinar_ir::{Graph, IntType, NodeId, StreamKind};
use pulvinar_simulator::prepare::phase::{PhasePlan, StreamPlan};
use pulvinar_simulator::prepare::Machine;

/// Kind of a flit that carries events.
pub const KIND_EVENTS: u64 = 0;
/// Kind of an end token.
pub const KIND_END: u64 = 1;
/// Kind of a credit.
pub const KIND_CREDIT: u64 = 2;

/// Bits of a two's complement number that holds `lo..=hi`.
pub fn signed_bits(lo: i64, hi: i64) -> u32 {
    let bits = |v: i64| 64 - (if v < 0 { !v } else { v }).leading_zeros() + 1;
    bits(lo).max(bits(hi))
}

/// Two's complement bits of a node's values.
pub fn value_bits(graph: &Graph, node: NodeId) -> u32 {
    graph.node(node).ty.as_int("").map_or(1, |t| signed_bits(t.lo, t.hi))
}

/// Slot of one event in a flit of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Bits of the address.
    pub address: u32,
    /// Bits of the value, two's complement; 0 for spikes.
    pub value: u32,
    /// Events in a flit.
    pub per_flit: u32,
}

impl Slot {
    /// Bits of one event.
    pub fn bits(self) -> u32 {
        self.address + self.value
    }
}

/// Fields of a flit, lowest first: tree, destination, kind, stream, step, count, payload, tag.
#[derive(Debug, Clone)]
pub struct Format {
    /// Destination endpoint or tree number.
    pub dest: u32,
    /// Stream number.
    pub stream: u32,
    /// Timestep or pass; a granted step may lie beyond the last.
    pub step: u32,
    /// Events in the flit.
    pub count: u32,
    /// Events, or the packets that an end token announces.
    pub payload: u32,
    /// Packets of one step.
    pub packets: u32,
    /// Trace tag; 1 bit without a trace.
    pub tag: u32,
    /// Slots by stream.
    pub slots: Vec<Slot>,
    /// Bits of a pass number.
    pub pass: u32,
}

impl Format {
    /// The format of a program's only phase.
    pub fn of(machine: &Machine<'_>, phase: &PhasePlan, trace: bool) -> Self {
        let graph = &machine.program.graph;
        let passes = machine.stages.iter().map(|s| s.passes.len()).max().unwrap_or(1);
        let lens: Vec<usize> = phase.streams.iter().map(|s| longest(machine, s)).collect();
        let slots: Vec<Slot> =
            phase.streams.iter().zip(&lens).map(|(s, &len)| slot(machine, graph, s, len)).collect();
        let packets = index_bits(lens.iter().max().copied().unwrap_or(1) + 2);
        let events = slots.iter().map(|s| s.bits() * s.per_flit).max().unwrap_or(1);
        Format {
            dest: index_bits(phase.seats.len().max(phase.trees.len())),
            stream: index_bits(phase.streams.len()),
            step: index_bits((machine.steps + machine.buffers + 1).max(passes + 1)),
            count: index_bits(slots.iter().map(|s| s.per_flit as usize).max().unwrap_or(1) + 1),
            payload: events.max(packets),
            packets,
            tag: if trace { 48 } else { 1 },
            slots,
            pass: index_bits(passes + 1),
        }
    }

    /// Bits of a flit without its tag.
    pub fn body(&self) -> u32 {
        3 + self.dest + self.stream + self.step + self.count + self.payload
    }

    /// Bits of a flit.
    pub fn flit(&self) -> u32 {
        self.body() + self.tag
    }

    /// First bit of the stream number; kind lies two bits below, step above.
    pub fn stream_at(&self) -> u32 {
        3 + self.dest
    }

    /// First bit of the step.
    pub fn step_at(&self) -> u32 {
        self.stream_at() + self.stream
    }

    /// First bit of the payload.
    pub fn payload_at(&self) -> u32 {
        self.step_at() + self.step + self.count
    }
}

/// Most events of one step of a stream (of one pass for lists).
fn longest(machine: &Machine<'_>, stream: &StreamPlan) -> usize {
    let stage = machine.stages.iter().find(|s| s.stage.output == stream.node);
    match (stream.kind, stage) {
        (StreamKind::Statistics, Some(stage)) => stage.passes.iter().map(|p| p.tap_len).max().unwrap_or(1),
        (StreamKind::Gates, Some(stage)) => {
            stage.passes.iter().map(|p| p.made_range[1] - p.made_range[0]).max().unwrap_or(1)
        }
        _ => machine.program.graph.node(stream.node).ty.shape.step_len(),
    }
}

fn slot(machine: &Machine<'_>, graph: &Graph, stream: &StreamPlan, len: usize) -> Slot {
    let address = index_bits(len);
    let per_flit = u32::from(stream.per_flit);
    let stage = machine.stages.iter().find(|s| s.stage.output == stream.node);
    let widest = |nodes: Vec<NodeId>| nodes.into_iter().map(|n| value_bits(graph, n)).max().unwrap_or(1);
    let value = match (stream.kind, stage) {
        (StreamKind::Statistics, Some(stage)) => {
            widest(stage.passes.iter().flat_map(|p| p.taps.iter().map(|t| t.node)).collect())
        }
        (StreamKind::Gates, Some(stage)) => {
            widest(stage.passes.iter().flat_map(|p| p.made.iter().copied()).collect())
        }
        _ if graph.node(stream.node).ty.as_int("").is_ok_and(IntType::is_binary) => 0,
        _ => value_bits(graph, stream.node),
    };
    Slot { address, value, per_flit }
}

#[cfg(test)]
mod tests {
    use super::signed_bits;

    #[test]
    fn two_complement_widths() {
        let widths =
            [(0, 0), (0, 1), (-1, 0), (-128, 127), (-129, 0), (0, 128)].map(|(l, h)| signed_bits(l, h));
        assert_eq!(widths, [1, 2, 1, 8, 9, 9]);
    }
}
