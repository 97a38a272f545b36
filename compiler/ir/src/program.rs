//! The program: a flow graph scheduled in phases, partitioned into slices, placed on cores, joined by streams.

use crate::arch::Arch;
use crate::graph::{Graph, NodeId};
use crate::op::Op;
use serde::{Deserialize, Serialize};

/// A compiled network for one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Integer graph; stages name its nodes.
    pub graph: Graph,
    /// The chip.
    pub arch: Arch,
    /// Stages in topological order.
    pub stages: Vec<Stage>,
    /// Phases in order of execution; each stage slice belongs to exactly one.
    pub phases: Vec<Phase>,
}

/// Index of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageId(pub u32);

/// What a layer does with its currents while it waits for a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// There is no gate: one pass.
    Direct,
    /// Keep the current in its accumulator buffer while all passes run over a step; then the next step. For stages whose
    /// scope is the step.
    Step,
    /// Keep the currents of as many steps as the gates look ahead, and of the step itself, in the frame memories. For stages
    /// whose scope is a window ([`Schedule`](crate::Schedule)).
    Window,
    /// Keep the currents in the frame memories of the cores; one synapse pass.
    SpillSram,
    /// Keep the currents in DRAM; one synapse pass.
    SpillDram,
    /// Keep the input events in the spike stores and run the synapses once a pass.
    Recompute,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Strategy; 6] = [
        Strategy::Direct,
        Strategy::Step,
        Strategy::Window,
        Strategy::SpillSram,
        Strategy::SpillDram,
        Strategy::Recompute,
    ];

    /// The strategy of this name.
    pub fn from_name(name: &str) -> Option<Strategy> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Direct => "direct",
            Strategy::Step => "step",
            Strategy::Window => "window",
            Strategy::SpillSram => "spill_sram",
            Strategy::SpillDram => "spill_dram",
            Strategy::Recompute => "recompute",
        }
    }
}

/// A layer as the hardware sees it: synapses into accumulators, then one or more sweeps over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Name in reports (of its neuron).
    pub name: String,
    /// Synapses that add into the accumulators.
    pub synapses: Vec<Synapse>,
    /// The node whose value the accumulators hold at the end of a step.
    pub accumulator: NodeId,
    /// Bits of one accumulator (proven).
    pub accumulator_bits: u32,
    /// Bits of one membrane potential (proven); 0 without a neuron.
    pub state_bits: u32,
    /// Sweeps over the sequence, or with [`Strategy::Step`] and [`Strategy::Window`] over each step; the last one fires. One pass without gates.
    pub passes: Vec<Pass>,
    /// How currents are kept between passes.
    pub strategy: Strategy,
    /// The node whose non-zero values leave as events.
    pub output: NodeId,
}

/// One connection of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Synapse {
    /// A layer, pool, upsampling or concatenation (once an operand); or the accumulator's operand itself (identity).
    pub node: NodeId,
    /// Node whose events arrive: the input or another stage's output.
    pub source: NodeId,
    /// Events of step t act at step t + 1.
    pub delayed: bool,
}

impl Synapse {
    /// The operand of the node through which it sees its source: flattened or one step late, or the source itself.
    pub fn operand(&self, graph: &Graph) -> NodeId {
        let leads = |mut id: NodeId| {
            for _ in 0..graph.nodes.len() {
                match graph.node(id).op {
                    _ if id == self.source => return true,
                    Op::Flatten(_) | Op::Delay(_) => id = graph.node(id).inputs[0],
                    _ => return false,
                }
            }
            false
        };
        graph.node(self.node).inputs.iter().copied().find(|&i| leads(i)).unwrap_or(self.node)
    }

    /// First channel of the node's value that the source reaches: 0, but in a concatenation.
    pub fn first_channel(&self, graph: &Graph) -> usize {
        let node = graph.node(self.node);
        if self.node == self.source || !matches!(node.op, Op::Concat(_)) {
            return 0;
        }
        let before = node.inputs.iter().take_while(|&&i| i != self.operand(graph));
        before.map(|&i| graph.node(i).ty.shape.c).sum()
    }
}

/// One sweep over all timesteps, or one of those over each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// Full-size nodes evaluated per element, in order, from the accumulator on.
    pub elementwise: Vec<NodeId>,
    /// Small gate values that `elementwise` reads, made by the programs of earlier passes, of this stage or of the one
    /// from which it borrows them.
    pub gates: Vec<NodeId>,
    /// Reductions of full-size values that this sweep accumulates.
    pub taps: Vec<NodeId>,
    /// Small nodes the attention engine evaluates after the last sweep, in order.
    pub program: Vec<NodeId>,
}

/// A set of slices resident on the chip together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Slices, at most one a core.
    pub slices: Vec<Slice>,
    /// Streams between slices, host and DRAM, by id (the index).
    pub streams: Vec<Stream>,
}

/// Part of a stage on one core: a box of channels and rows of its accumulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// The stage.
    pub stage: StageId,
    /// Core, tile · cores_per_tile + local index.
    pub core: u32,
    /// First channel and end.
    pub channels: [u32; 2],
    /// First row and end.
    pub rows: [u32; 2],
    /// True for the slice whose attention engine makes the stage's gates (exactly one a stage and phase, none where a
    /// stage borrows its gates).
    pub home: bool,
}

/// An end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A core.
    Core(u32),
    /// The host port.
    Host,
    /// The memory controller.
    Dram,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Events of one node, one end-of-step token a timestep.
    Events,
    /// Statistics of a slice to the stage's home, one end token a pass.
    Statistics,
    /// Gates from the home to the slices, and to those of stages that borrow them, one end token a pass.
    Gates,
}

/// Events from one producer to all consumers of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// What it carries.
    pub kind: StreamKind,
    /// The node whose values travel (for statistics and gates: the stage's output node).
    pub node: NodeId,
    /// Producer.
    pub source: Endpoint,
    /// Consumers, ascending.
    pub destinations: Vec<Endpoint>,
    /// Bits of one event: address and value.
    pub event_bits: u32,
    /// Events in one flit.
    pub events_per_flit: u32,
    /// True if every event has its own consumers (sparse connectivity) instead of all of them.
    pub selective: bool,
}

impl Slice {
    /// Channels held.
    pub fn channel_count(&self) -> usize {
        (self.channels[1] - self.channels[0]) as usize
    }
    /// Rows held.
    pub fn row_count(&self) -> usize {
        (self.rows[1] - self.rows[0]) as usize
    }
}

impl Stage {
    /// The node that makes the membrane memory of the next step, in a layer that gates its membrane before it fires.
    pub fn carry(&self, graph: &Graph) -> Option<NodeId> {
        let last = self.passes.last()?;
        last.elementwise.iter().copied().find(|&id| matches!(graph.node(id).op, Op::Carry(_)))
    }
    /// True if a gate comes from statistics of the layer itself.
    pub fn is_multipass(&self) -> bool {
        self.passes.len() > 1
    }
    /// Gates that its sweeps read and the programs of another stage make; none in most stages.
    pub fn borrowed(&self) -> Vec<NodeId> {
        let mut gates: Vec<NodeId> = self.passes.iter().flat_map(|p| p.gates.iter().copied()).collect();
        gates.retain(|g| !self.makes(*g));
        gates.dedup();
        gates
    }
    /// True if one of the stages borrows gates of this one.
    pub fn lends<'a>(&self, mut stages: impl Iterator<Item = &'a Stage>) -> bool {
        stages.any(|s| s.borrowed().iter().any(|g| self.makes(*g)))
    }
    fn makes(&self, gate: NodeId) -> bool {
        self.passes.iter().any(|p| p.program.contains(&gate) || p.taps.contains(&gate))
    }
}

/// Index of the stage whose attention engine makes the gates of `stages[reader]`: another one if it borrows them.
pub fn gate_maker(stages: &[Stage], reader: usize) -> usize {
    let borrowed = stages[reader].borrowed();
    let lender = borrowed.first().and_then(|&g| stages.iter().position(|s| s.makes(g)));
    lender.unwrap_or(reader)
}

/// By pass of `stages[maker]`: the gates that its program hands on, to later passes of its own sweeps first, then to those
/// of stages that borrow, in the order in which these read them.
pub fn gates_made(stages: &[Stage], maker: usize) -> Vec<Vec<NodeId>> {
    let others = stages.iter().enumerate().filter(|(i, _)| *i != maker).map(|(_, s)| s);
    let readers: Vec<&Stage> = std::iter::once(&stages[maker]).chain(others).collect();
    let made = |(p, pass): (usize, &Pass)| {
        let mut made = Vec::new();
        for &gate in readers.iter().flat_map(|s| s.passes.iter().skip(p + 1)).flat_map(|q| &q.gates) {
            let here = pass.program.contains(&gate) || pass.taps.contains(&gate);
            if here && !made.contains(&gate) {
                made.push(gate);
            }
        }
        made
    };
    stages[maker].passes.iter().enumerate().map(made).collect()
}

impl Program {
    /// The stage of an id.
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[id.0 as usize]
    }
    /// The stage that produces a node's events, if any (none for the input).
    pub fn producer(&self, node: NodeId) -> Option<StageId> {
        self.stages.iter().position(|s| s.output == node).map(|i| StageId(i as u32))
    }
    /// True if weights and boundary events pass through DRAM during an inference.
    pub fn is_multiphase(&self) -> bool {
        self.phases.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::Strategy;

    #[test]
    fn strategies_are_found_by_their_names() {
        for strategy in Strategy::ALL {
            assert_eq!(Strategy::from_name(strategy.name()), Some(strategy));
        }
        assert_eq!(Strategy::from_name("magic"), None);
    }
}
