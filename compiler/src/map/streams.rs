//! Streams of a phase: who sends which events to whom, and how wide an event is.

use super::connectivity::{Connectivity, Region};
use super::work::Rates;
use pulvinar_ir::program::{gate_maker, gates_made};
use pulvinar_ir::{
    Arch, Endpoint, Graph, IntType, NodeId, Op, Schedule, Slice, Stage, Strategy, Stream, StreamKind, Synapse,
};
use std::collections::BTreeSet;

/// What a phase must know about the others.
pub struct Crossing {
    /// By stage: some slices ran in an earlier phase.
    pub before: Vec<bool>,
    /// By stage: some consumer runs in a later phase.
    pub after: Vec<bool>,
}

/// Everything streams are made from.
pub struct StreamCx<'a> {
    /// The integer graph.
    pub graph: &'a Graph,
    /// The chip.
    pub arch: &'a Arch,
    /// All stages.
    pub stages: &'a [Stage],
    /// Expected events.
    pub rates: &'a Rates,
    /// The node whose stream the host takes.
    pub answer: NodeId,
}

/// A stream and its expected flits in one inference, thousandths, to all destinations together
/// (with multicast once on each link of the tree).
pub struct Planned {
    /// The stream.
    pub stream: Stream,
    /// Thousandths of flits to one destination.
    pub milli_flits: u64,
}

impl StreamCx<'_> {
    /// Streams between slices whose `core` fields name their ends, in order of their ids: host, DRAM, then by slice.
    pub fn phase(&self, slices: &[Slice], crossing: &Crossing) -> Vec<Planned> {
        let mut out = Vec::new();
        if let Some(input) = self.graph.input() {
            let to = self.consumers(slices, input, None);
            out.extend(self.events(input, Endpoint::Host, to, None, self.selectivity(slices, input)));
        }
        let hits: Vec<Option<u64>> = self.stages.iter().map(|s| self.selectivity(slices, s.output)).collect();
        for (i, stage) in self.stages.iter().enumerate().filter(|(i, _)| crossing.before[*i]) {
            let to = self.consumers(slices, stage.output, None);
            out.extend(self.events(stage.output, Endpoint::Dram, to, None, hits[i]));
        }
        for slice in slices {
            let stage = &self.stages[slice.stage.0 as usize];
            let mut to = self.consumers(slices, stage.output, Some(slice));
            if stage.output == self.answer {
                to.push(Endpoint::Host);
            }
            if crossing.after[slice.stage.0 as usize] {
                to.push(Endpoint::Dram);
            }
            let hit = hits[slice.stage.0 as usize];
            out.extend(self.events(stage.output, Endpoint::Core(slice.core), to, Some(slice), hit));
            out.extend(self.attention(slices, slice, stage));
        }
        out
    }

    /// Cores whose slices can be reached by events of a node (of one producing slice of it), ascending.
    fn consumers(&self, slices: &[Slice], node: NodeId, from: Option<&Slice>) -> Vec<Endpoint> {
        let mut cores = BTreeSet::new();
        for to in slices {
            let stage = &self.stages[to.stage.0 as usize];
            let hit = |s: &&Synapse| s.source == node && self.reaches(s, stage, from, to);
            if stage.synapses.iter().any(|s| hit(&s)) {
                cores.insert(to.core);
            }
        }
        cores.into_iter().map(Endpoint::Core).collect()
    }

    fn reaches(&self, synapse: &Synapse, stage: &Stage, from: Option<&Slice>, to: &Slice) -> bool {
        let Some(from) = from else { return true };
        let shape = |id: NodeId| self.graph.node(id).ty.shape;
        let pattern = Connectivity::of(self.graph, synapse);
        let layer = !matches!(pattern, Connectivity::Identity { .. });
        let concat = matches!(self.graph.node(synapse.node).op, Op::Concat(_));
        let operand = if layer || concat { synapse.operand(self.graph) } else { synapse.node };
        // Behind a flatten a box is no box any more.
        shape(operand) != shape(synapse.source)
            || pattern.reaches(
                shape(synapse.source),
                Region::of(from),
                shape(stage.accumulator),
                Region::of(to),
            )
    }

    fn events(
        &self,
        node: NodeId,
        source: Endpoint,
        to: Vec<Endpoint>,
        from: Option<&Slice>,
        hit_milli: Option<u64>,
    ) -> Option<Planned> {
        if to.is_empty() {
            return None;
        }
        let ty = &self.graph.node(node).ty;
        let value = ty.as_int("").ok().filter(|i| !i.is_binary()).map_or(0, IntType::bits);
        let event_bits = range_bits(ty.shape.step_len()) + value;
        let share = from.map_or(1000, |s| {
            (Region::of(s).channel_count() * Region::of(s).row_count() * 1000 / (ty.shape.c * ty.shape.h))
                as u64
        });
        let milli_events = self.rates.milli(node) * share / 1000;
        let packed = u64::from(self.per_flit(event_bits));
        let on_cores = to.iter().all(|e| matches!(e, Endpoint::Core(_)));
        // A selective flit carries one event to the cores that need it; a shared one carries several to all.
        let hit_milli = hit_milli.filter(|hit| on_cores && hit * packed < to.len() as u64 * 1000);
        let selective = hit_milli.is_some();
        let (per_flit, milli) = match hit_milli {
            Some(hit) => (1, milli_events * hit / 1000 / to.len() as u64),
            None => (packed, milli_events.div_ceil(packed)),
        };
        let stream = Stream {
            kind: StreamKind::Events,
            node,
            source,
            destinations: to,
            event_bits,
            events_per_flit: per_flit as u32,
            selective,
        };
        let steps = ty.shape.t as u64;
        Some(Planned { stream, milli_flits: steps * (milli + 1000) })
    }

    /// Mean number of cores that hold a synapse of a source, thousandths, if all consumers are sparse.
    fn selectivity(&self, slices: &[Slice], node: NodeId) -> Option<u64> {
        let sources = self.graph.node(node).ty.shape.step_len();
        let mut hits: BTreeSet<(usize, u32)> = BTreeSet::new();
        for (id, stage) in self.stages.iter().enumerate() {
            for synapse in stage.synapses.iter().filter(|s| s.source == node) {
                let Op::Sparse(sparse) = &self.graph.node(synapse.node).op else { return None };
                let parts = slices.iter().filter(|s| s.stage.0 as usize == id);
                let mut core_of = vec![None; sparse.outputs];
                parts
                    .for_each(|s| core_of[s.channels[0] as usize..s.channels[1] as usize].fill(Some(s.core)));
                let ints = |name: &str| self.graph.tensors[name].as_int().expect("level flow");
                let (rows, targets) = (ints(&sparse.rows), ints(&sparse.targets));
                for source in 0..sources {
                    let row = &targets[rows[source] as usize..rows[source + 1] as usize];
                    hits.extend(row.iter().filter_map(|&j| core_of[j as usize]).map(|core| (source, core)));
                }
            }
        }
        Some(hits.len() as u64 * 1000 / sources.max(1) as u64)
    }

    fn per_flit(&self, event_bits: u32) -> u32 {
        (self.arch.noc.payload_bits / event_bits).max(1)
    }

    /// Statistics to the home, or gates from it.
    fn attention(&self, slices: &[Slice], slice: &Slice, stage: &Stage) -> Option<Planned> {
        if !stage.is_multipass() {
            return None;
        }
        let of = |s: &Slice| s.stage.0 as usize;
        let served = |s: &&Slice| {
            let mate = s.stage == slice.stage && s.home != slice.home;
            mate || slice.home && s.stage != slice.stage && gate_maker(self.stages, of(s)) == of(slice)
        };
        let mates = slices.iter().filter(served);
        let to: Vec<Endpoint> =
            mates.map(|s| Endpoint::Core(s.core)).collect::<BTreeSet<_>>().into_iter().collect();
        if to.is_empty() {
            return None;
        }
        let lists: Vec<Vec<NodeId>> = if slice.home {
            gates_made(self.stages, of(slice))
        } else {
            stage.passes.iter().map(|p| p.taps.clone()).collect()
        };
        // Lists of one step, one after the other, or one list of all steps. Gates come in every round.
        let by_step = matches!(stage.strategy, Strategy::Step | Strategy::Window);
        let ahead = Schedule::of(self.graph, stage).filter(|_| slice.home).map_or(0, |s| s.ahead);
        let rounds = if by_step { self.graph.timesteps + ahead } else { 1 };
        let len = |id: &NodeId| {
            let shape = self.graph.node(*id).ty.shape;
            if by_step {
                shape.step_len()
            } else {
                shape.len()
            }
        };
        let bits = |id: &NodeId| self.graph.node(*id).ty.as_int("").map_or(1, IntType::bits);
        let longest = lists.iter().map(|l| l.iter().map(len).sum::<usize>()).max().unwrap_or(1);
        let value = lists.iter().flatten().map(bits).max().unwrap_or(1);
        let event_bits = range_bits(longest) + value;
        let events_per_flit = self.per_flit(event_bits);
        let entries: usize = lists.iter().flatten().map(len).sum();
        let tokens = lists.iter().filter(|l| !l.is_empty()).count() as u64;
        Some(Planned {
            stream: Stream {
                kind: if slice.home { StreamKind::Gates } else { StreamKind::Statistics },
                node: stage.output,
                source: Endpoint::Core(slice.core),
                destinations: to,
                event_bits,
                events_per_flit,
                selective: false,
            },
            milli_flits: ((entries as u64 * 1000).div_ceil(u64::from(events_per_flit)) + tokens * 1000)
                * rounds as u64,
        })
    }
}

/// Bits of an address in `0..len`.
pub fn range_bits(len: usize) -> u32 {
    IntType::new(0, len.max(1) as i64 - 1, 1.0).bits()
}
