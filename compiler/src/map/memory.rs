//! Bits that a slice of a stage needs in each memory of its core (docs/machine.md §5, §6, §9).
//!
//! Values lie in words of L lanes, so channels are padded to a multiple of L; a value takes its proven bits. In a slice
//! of at most L / 2 channels a weight word holds the weights of 2, 4 ... sources side by side (a beat still reads one
//! word and uses its part).

use super::connectivity::{Connectivity, Region};
use super::widths::{other_state_bits, weight_name};
use super::work::Rates;
use pulvinar_ir::arch::Sync;
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Arch, Graph, NodeId, Op, Schedule, Shape, Stage, Strategy, Synapse};
use std::collections::BTreeSet;

/// Bits by memory; a slice never fills the event queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint([u64; Memory::ALL.len()]);

impl Footprint {
    /// Bits needed in one memory.
    pub fn bits(&self, memory: Memory) -> u64 {
        self.0[memory as usize]
    }
    /// The first memory that is too small, with the bits needed.
    pub fn overflow(&self, arch: &Arch) -> Option<(Memory, u64)> {
        Memory::ALL.into_iter().map(|m| (m, self.bits(m))).find(|&(m, bits)| bits > arch.capacity_bits(m))
    }
    fn set(&mut self, memory: Memory, bits: u64) {
        self.0[memory as usize] = bits;
    }
}

/// Bits of a stage's statistics, gates and the attention engine's other values.
#[derive(Debug, Clone, Copy)]
struct AttentionBits {
    taps: u64,
    gates: u64,
    engine: u64,
    /// All of them together, where the room of values that nobody reads any more is taken again.
    together: u64,
}

impl AttentionBits {
    /// Of all timesteps, or of those that a schedule keeps.
    fn new(graph: &Graph, stage: &Stage, made: &[NodeId], along: Option<&Schedule>) -> Self {
        let value_bits = |id: NodeId| {
            let ty = &graph.node(id).ty;
            let len = along.map_or(ty.shape.len(), |s| ty.shape.step_len() * s.depth(id));
            len as u64 * u64::from(ty.as_int("").map_or(0, pulvinar_ir::IntType::bits))
        };
        let read = stage.passes.iter().flat_map(|p| &p.gates);
        let gates: BTreeSet<NodeId> = read.chain(made).copied().collect();
        let kept = |id: NodeId| along.is_some_and(|s| s.depth(id) > 1);
        AttentionBits {
            taps: stage.passes.iter().flat_map(|p| &p.taps).map(|&t| value_bits(t)).sum(),
            gates: gates.iter().map(|&g| value_bits(g)).sum(),
            engine: engine_peak(graph, stage, &gates, (&value_bits, &kept)),
            together: attention_peak(graph, stage, &gates, (&value_bits, &kept)),
        }
    }
}

/// What is constant over the slices of one stage.
pub struct StageMemory<'a> {
    graph: &'a Graph,
    arch: &'a Arch,
    stage: &'a Stage,
    /// Shape of the accumulators.
    pub shape: Shape,
    /// Synapses whose target is below j, by j, of each sparse synapse layer.
    below: Vec<Vec<u64>>,
    /// Attention values of all timesteps, and of those kept by attention that goes along with them.
    all: AttentionBits,
    along: AttentionBits,
    /// Steps by which its gates look ahead, if they do not need all.
    ahead: usize,
    stored_events: u64,
    other_state_bits: u32,
}

impl<'a> StageMemory<'a> {
    /// Prepares a stage, whose programs make the gates `made`.
    pub fn new(graph: &'a Graph, arch: &'a Arch, stage: &'a Stage, made: &[NodeId], rates: &Rates) -> Self {
        let below = stage.synapses.iter().map(|s| synapses_below(graph, s)).collect();
        let stored: u64 = stage.synapses.iter().map(|s| rates.stored_events(graph, s.source)).sum();
        let schedule = Schedule::of(graph, stage);
        StageMemory {
            graph,
            arch,
            stage,
            shape: graph.node(stage.accumulator).ty.shape,
            below,
            all: AttentionBits::new(graph, stage, made, None),
            along: AttentionBits::new(graph, stage, made, schedule.as_ref()),
            ahead: schedule.map_or(0, |s| s.ahead),
            stored_events: stored,
            other_state_bits: other_state_bits(graph, stage.output).unwrap_or(0),
        }
    }

    /// Bits that a slice of this box needs under a strategy. Every slice is taken as the home of its stage.
    pub fn footprint(&self, region: Region, strategy: Strategy) -> Footprint {
        let core = &self.arch.core;
        let lanes = u64::from(core.lanes);
        let padded = (region.channel_count() as u64).div_ceil(lanes) * lanes;
        let values = padded * (region.row_count() * self.shape.w) as u64;
        let barrier = self.arch.noc.sync == Sync::Barrier;
        let buffers = if barrier { 2 } else { u64::from(core.accumulator_buffers) };
        let acc_bits = u64::from(self.stage.accumulator_bits);
        let frames = match strategy {
            Strategy::SpillSram => self.graph.timesteps as u64,
            Strategy::SpillDram => 2,
            Strategy::Window => self.ahead as u64 + 1,
            Strategy::Direct | Strategy::Step | Strategy::Recompute => 0,
        };
        let along = matches!(strategy, Strategy::Step | Strategy::Window);
        let attention = if along { self.along } else { self.all };
        let mut out = Footprint::default();
        let (mut weights, mut pointers) = (0, 0);
        for (i, synapse) in self.stage.synapses.iter().enumerate() {
            weights += self.weight_bits(i, synapse, region);
            pointers += pointer_bits(self.graph, synapse);
        }
        out.set(Memory::Weight, weights);
        out.set(Memory::Pointer, pointers);
        out.set(Memory::Accumulator, values * acc_bits * buffers);
        out.set(Memory::State, values * self.state_bits());
        let [statistics, gates] = self.attention_memories(attention);
        out.set(Memory::Statistics, statistics);
        out.set(Memory::Gate, gates);
        out.set(Memory::Frame, values * acc_bits * frames);
        out.set(
            Memory::SpikeStore,
            if strategy == Strategy::Recompute { self.stored_events * 32 } else { 0 },
        );
        out
    }

    /// Bits in the statistics and in the gate memory: each its own, or where that does not fit both as one pool.
    fn attention_memories(&self, bits: AttentionBits) -> [u64; 2] {
        let [statistics, gates] = [Memory::Statistics, Memory::Gate].map(|m| self.arch.capacity_bits(m));
        let own = [bits.taps, bits.gates + bits.engine];
        let both = statistics > 0 && gates > 0;
        if both && (own[0] > statistics || own[1] > gates) && bits.together <= statistics + gates {
            let first = bits.together.min(statistics);
            return [first, bits.together - first];
        }
        own
    }

    fn state_bits(&self) -> u64 {
        u64::from(self.stage.state_bits + self.other_state_bits)
    }

    /// Weight bits of one synapse layer in a slice; sparse weights lie beside their target's index.
    fn weight_bits(&self, index: usize, synapse: &Synapse, region: Region) -> u64 {
        let node = self.graph.node(synapse.node);
        let Some(name) = weight_name(&node.op) else { return 0 };
        let bits = u64::from(self.graph.tensors[name].bits());
        let lanes = u64::from(self.arch.core.lanes);
        match Connectivity::of(self.graph, synapse) {
            Connectivity::Conv { window, groups, group_inputs } => {
                let taps = (window.kernel[0] * window.kernel[1] * group_inputs) as u64;
                taps * group_blocks(self.shape.c, groups, region, lanes as usize)
                    * block_lanes(region, lanes)
                    * bits
            }
            Connectivity::Linear { inputs } => {
                inputs as u64
                    * (region.channel_count() as u64).div_ceil(lanes)
                    * block_lanes(region, lanes)
                    * bits
            }
            Connectivity::Sparse { .. } => {
                let index_bits =
                    u64::from(usize::BITS - region.channel_count().saturating_sub(1).leading_zeros());
                let below = &self.below[index];
                (below[region.channels[1]] - below[region.channels[0]]) * (bits + index_bits)
            }
            Connectivity::Pool { .. } | Connectivity::Identity { .. } => 0,
        }
    }
}

/// Lanes that one block of weights takes in its word.
fn block_lanes(region: Region, lanes: u64) -> u64 {
    (region.channel_count() as u64).next_power_of_two().min(lanes)
}

/// Accumulator words of one position that the channel groups meeting a slice touch, summed over the groups.
pub fn group_blocks(channels: usize, groups: usize, region: Region, lanes: usize) -> u64 {
    let per_group = channels / groups;
    let [first, end] = region.channels;
    (first / per_group..end.div_ceil(per_group))
        .map(|g| {
            let lo = (g * per_group).max(first) - first;
            let hi = ((g + 1) * per_group).min(end) - first;
            (hi.div_ceil(lanes) - lo / lanes) as u64
        })
        .sum()
}

fn synapses_below(graph: &Graph, synapse: &Synapse) -> Vec<u64> {
    let Connectivity::Sparse { targets, outputs } = Connectivity::of(graph, synapse) else {
        return Vec::new();
    };
    let mut below = vec![0u64; outputs + 1];
    targets.iter().for_each(|&j| below[j as usize + 1] += 1);
    (0..outputs).for_each(|j| below[j + 1] += below[j]);
    below
}

fn pointer_bits(graph: &Graph, synapse: &Synapse) -> u64 {
    match &graph.node(synapse.node).op {
        Op::Sparse(a) => graph.tensors[&a.rows].len() as u64 * 32,
        _ => 0,
    }
}

/// Bits of a small value, and whether it is kept for later steps.
type Kept<'a> = (&'a dyn Fn(NodeId) -> u64, &'a dyn Fn(NodeId) -> bool);

/// Largest number of bits of statistics, gates and other values of attention alive at once: statistics from the sweep that
/// makes them to their last reader, gates from their making on, what is kept for later steps always.
fn attention_peak(graph: &Graph, stage: &Stage, gates: &BTreeSet<NodeId>, (bits, kept): Kept<'_>) -> u64 {
    // Sweeps and programs in order; a sweep makes the statistics of its pass.
    let moments: Vec<Vec<NodeId>> = stage
        .passes
        .iter()
        .flat_map(|p| std::iter::once(p.taps.clone()).chain(p.program.iter().map(|&id| vec![id])))
        .collect();
    let reads = |m: &[NodeId], id: NodeId| m.iter().any(|&u| graph.node(u).inputs.contains(&id));
    let end = |id: NodeId, made: usize| {
        let last = moments.iter().rposition(|m| reads(m, id)).unwrap_or(made);
        if gates.contains(&id) {
            moments.len()
        } else {
            last.max(made)
        }
    };
    let made = moments.iter().enumerate().flat_map(|(i, m)| m.iter().map(move |&id| (i, id)));
    let life = |(i, id)| if kept(id) { (0, moments.len(), bits(id)) } else { (i, end(id, i), bits(id)) };
    let lives: Vec<(usize, usize, u64)> = made.map(life).collect();
    let alive = |i: usize| lives.iter().filter(|(made, end, _)| *made <= i && i <= *end).map(|l| l.2).sum();
    (0..moments.len()).map(alive).max().unwrap_or(0)
}

/// Largest number of bits alive at once among the attention engine's intermediate values (statistics and gates aside).
fn engine_peak(graph: &Graph, stage: &Stage, gates: &BTreeSet<NodeId>, (bits, kept): Kept<'_>) -> u64 {
    let program: Vec<NodeId> = stage.passes.iter().flat_map(|p| p.program.iter().copied()).collect();
    let last_read = |id: NodeId| program.iter().rposition(|&u| graph.node(u).inputs.contains(&id));
    let life = |(made, &id): (usize, &NodeId)| {
        if kept(id) {
            (0, program.len(), bits(id))
        } else {
            (made, last_read(id).unwrap_or(made), bits(id))
        }
    };
    let scratch: Vec<(usize, usize, u64)> =
        program.iter().enumerate().filter(|(_, id)| !gates.contains(id)).map(life).collect();
    let alive =
        |i: usize| scratch.iter().filter(|(made, read, _)| *made <= i && i <= *read).map(|s| s.2).sum();
    (0..program.len()).map(alive).max().unwrap_or(0)
}
