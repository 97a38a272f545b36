//! Time: when every sweep starts and ends, by recurrence.
//!
//! A slice's next sweep waits for its events, its gates, its frame and its consumers' credits, as the machine's control does
//! (`docs/machine.md` §6); what it sends reaches a consumer after the latency of the path. The events of a step come to a
//! consumer as a fluid, from its first packet to its last, and the synapse engine works them off: it is done at
//! `max over x of (x + work still to come after x)`, the longest busy period. If that is late, and the queue between is
//! shorter than the step, the producer's sweep ends late too.

mod arrival;
mod frames;
mod gates;

use super::network::Network;
use super::refuse;
use super::sending::Traffic;
use crate::noc::PortId;
use crate::prepare::phase::{CorePlan, PhasePlan, Seat};
use crate::prepare::sweep::{StagePlan, SweepId};
use crate::prepare::Machine;
use crate::run::Log;
use crate::unit::attention_engine::program_cost;
use crate::unit::memory_controller::ExternalMemory;
use crate::unit::update_engine::PIPELINE_CYCLES;
use pulvinar_ir::{Activity, NodeId, Result, Strategy, StreamKind};
use std::collections::BTreeMap;

/// Ends of a phase.
pub struct End {
    /// First cycle at which nothing moves.
    pub quiet: u64,
    /// Cycle at which the host has taken the last item so far.
    pub host: u64,
}

/// Rounds of statistics and of programs of a pass: one of each, or those that go along with the steps.
pub fn rounds(machine: &Machine<'_>, stage: &StagePlan<'_>) -> [usize; 2] {
    if stage.by_step() {
        [machine.steps, machine.steps + stage.ahead()]
    } else {
        [1, 1]
    }
}

/// Cycles and arithmetic of the attention program behind a pass in a round, statistics merged first.
pub fn program(
    machine: &Machine<'_>,
    stage: usize,
    pass: usize,
    round: usize,
) -> (u64, Vec<(Activity, u64)>) {
    let plan = &machine.stages[stage];
    let lanes = u64::from(machine.program.arch.core.attention_lanes);
    let taps: Vec<NodeId> = plan.passes[pass].taps.iter().map(|t| t.node).collect();
    let graph = (machine.small_graph(stage), plan.schedule.as_ref());
    program_cost(&taps, &plan.stage.passes[pass].program, graph, round, lanes)
}

/// A step on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    /// Push of the first packet.
    first: u64,
    /// Last cycle of the sweep or list.
    end: u64,
    /// Push of the last end token.
    last: u64,
}

/// Progress of a slice.
#[derive(Debug, Default)]
struct Progress {
    pass: usize,
    step: usize,
    /// First cycle at which the next sweep may start.
    ready: u64,
    /// Cycle from which the synapse engine is free.
    engine: u64,
    /// Accumulation is done, by step.
    accumulated: Vec<u64>,
    /// Cycle at which the buffer of a step is free again, by step.
    freed: Vec<u64>,
    /// Program whose gates the next sweep waits for: pass and round.
    waits: Option<(usize, usize)>,
    /// Round of the programs.
    round: usize,
    /// End of the sweep before every program.
    ends: BTreeMap<(usize, usize), u64>,
    /// Replay of a step in this pass is done; frames pushed and fetched.
    frame: u64,
    /// The packer has sent its list.
    packed: u64,
}

struct Clock<'a, 'm> {
    machine: &'a Machine<'m>,
    phase: &'a PhasePlan,
    network: &'a Network,
    traffic: &'a Traffic,
    start: u64,
    cores: Vec<Progress>,
    /// By stream and step.
    sent: Vec<Vec<Option<Sent>>>,
    /// Steps sent so far by host and memory controller, and the cycle from which they are free.
    lists: BTreeMap<u32, usize>,
    free: BTreeMap<PortId, u64>,
    /// Statistics and gates by stream, pass and step.
    small: BTreeMap<(u32, usize, usize), Sent>,
    /// Slices wait until their consumers have worked on what they sent before.
    strict: bool,
    quiet: u64,
    host: u64,
}

/// Runs the recurrence of a phase that starts at a cycle.
pub fn run(
    machine: &Machine<'_>,
    phase: &PhasePlan,
    network: &Network,
    traffic: &Traffic,
    (start, memory): (u64, &mut ExternalMemory),
    log: &mut Log,
) -> Result<End> {
    let steps = machine.steps;
    let mut clock = Clock {
        machine,
        phase,
        network,
        traffic,
        start,
        cores: phase
            .cores
            .iter()
            .map(|_| Progress { ready: start, engine: start, ..Progress::default() })
            .collect(),
        sent: phase.streams.iter().map(|_| vec![None; steps]).collect(),
        lists: BTreeMap::new(),
        free: BTreeMap::new(),
        small: BTreeMap::new(),
        strict: true,
        quiet: start,
        host: 0,
    };
    clock.find_lists();
    if machine.barrier.is_some() {
        clock.by_barrier();
    } else {
        clock.by_tokens()?;
    }
    clock.memory(memory, log);
    Ok(End { quiet: clock.quiet + 1, host: clock.host })
}

impl Clock<'_, '_> {
    /// Streams that host and memory controller send.
    fn find_lists(&mut self) {
        for (i, stream) in self.phase.streams.iter().enumerate() {
            let core = matches!(self.phase.seats[stream.source.0 as usize], Seat::Core(_));
            if stream.kind == StreamKind::Events && !core {
                self.lists.insert(i as u32, 0);
            }
        }
    }

    fn by_tokens(&mut self) -> Result<()> {
        loop {
            let mut moved = false;
            let lists: Vec<u32> = self.lists.keys().copied().collect();
            for stream in lists {
                while self.send_list(stream) {
                    moved = true;
                }
            }
            for core in 0..self.cores.len() {
                while self.sweep(core) {
                    moved = true;
                    if !self.strict {
                        break;
                    }
                }
                if moved && !self.strict {
                    break;
                }
            }
            if !moved && !self.strict {
                break;
            }
            self.strict = moved;
        }
        let steps = self.machine.steps;
        let idle = |(p, c): (&Progress, &CorePlan)| p.pass == self.machine.stages[c.stage].passes.len();
        let sent = self.lists.values().all(|&t| t == steps);
        if sent && self.cores.iter().zip(&self.phase.cores).all(idle) {
            return Ok(());
        }
        Err(refuse("streams", "the program waits for something that never comes"))
    }

    /// With a barrier: every step starts when the one before has settled.
    fn by_barrier(&mut self) {
        let cycles = self.machine.barrier.unwrap_or(0);
        let mut start = self.start;
        for t in 0..self.machine.steps {
            let mut settled = start;
            for i in 0..self.phase.streams.len() {
                let source = self.phase.streams[i].source;
                let offset = if matches!(self.phase.seats[source.0 as usize], Seat::Core(_)) {
                    PIPELINE_CYCLES
                } else {
                    0
                };
                let sent = self.emit(i, t, start + offset, 0);
                settled = settled.max(sent.end);
            }
            for c in 0..self.cores.len() {
                let words = self.phase.cores[c].words as u64;
                settled = settled.max(start + PIPELINE_CYCLES + words - 1);
                self.cores[c].engine = start;
                let (landed, taken) = self.arrive(c, t + 1);
                settled = settled.max(landed).max(taken);
            }
            settled = settled.max(self.host);
            self.quiet = settled;
            start = settled + cycles;
        }
        self.host = self.quiet - 1;
    }

    /// Sends step t of a stream whose first word or event is offered at cycle `offer`; `held` further cycles are lost.
    fn emit(&mut self, stream: usize, t: usize, offer: u64, held: u64) -> Sent {
        let (plan, sending) = (&self.phase.streams[stream], &self.traffic.events[stream][t]);
        let end = offer + held + (sending.span + sending.copying).max(sending.coupled) - 1;
        let flush = sending.flush(plan, self.machine.barrier.is_none());
        let full = sending.events >= u64::from(plan.per_flit) || plan.selective.is_some();
        let first = if full { offer + held + sending.first } else { end + 1 };
        let sent = Sent { first, end, last: end + flush };
        self.sent[stream][t] = Some(sent);
        self.quiet = self.quiet.max(sent.last);
        for &port in &plan.destinations {
            if matches!(self.phase.seats[port.0 as usize], Seat::Core(_)) {
                continue;
            }
            let taken = sent.last + self.network.latency(plan.source, port);
            self.quiet = self.quiet.max(taken);
            if self.phase.seats[port.0 as usize] == Seat::Host {
                // One event a cycle is taken, and the step before first.
                let events = sending.events.saturating_sub(sent.last - sent.first);
                self.host = (self.host + 1).max(taken + events);
            }
        }
        sent
    }

    /// True if every consumer has worked on what a slice sent of step t, so that the end of that sweep is known.
    fn is_settled(&self, core: usize, t: usize) -> bool {
        let plan = &self.phase.cores[core];
        let Some(stream) = plan.events.filter(|_| self.machine.stages[plan.stage].passes.len() == 1) else {
            return true;
        };
        self.phase.streams[stream as usize].destinations.iter().all(|port| {
            let Seat::Core(consumer) = self.phase.seats[port.0 as usize] else { return true };
            let late =
                self.phase.cores[consumer as usize].grants.iter().any(|g| g.stream == stream && g.delayed);
            self.cores[consumer as usize].accumulated.len() > t + usize::from(late)
                || t + 1 >= self.machine.steps
        })
    }

    /// Cycle at which the last credit for step t of a stream is there; none while a consumer has not given it.
    fn credit(&self, stream: usize, t: usize) -> Option<u64> {
        let plan = &self.phase.streams[stream];
        let mut at = self.start;
        for &port in &plan.destinations {
            let Seat::Core(core) = self.phase.seats[port.0 as usize] else { continue };
            let consumer = &self.phase.cores[core as usize];
            let order = consumer.grants.iter().position(|g| g.stream as usize == stream).unwrap_or(0);
            let late = consumer.grants.get(order).is_some_and(|g| g.delayed);
            let Some(freed) = (t + usize::from(late)).checked_sub(self.machine.buffers) else { continue };
            if self.strict && !self.is_settled(core as usize, freed) {
                return None;
            }
            let freed = self.cores[core as usize].freed.get(freed)?;
            at = at.max(freed + 2 + order as u64 + self.network.latency(consumer.port, plan.source));
        }
        Some(at)
    }

    /// The next step of a stream of the host or the memory controller.
    fn send_list(&mut self, stream: u32) -> bool {
        let t = self.lists[&stream];
        if t == self.machine.steps {
            return false;
        }
        let Some(credit) = self.credit(stream as usize, t) else { return false };
        let source = self.phase.streams[stream as usize].source;
        let free = self.free.get(&source).copied().unwrap_or(self.start);
        let mut offer = credit.max(free);
        if source == self.phase.memory {
            let sending = &self.traffic.events[stream as usize][t];
            offer += self.read_cycles(sending.packets.max(1), 1);
        }
        let sent = self.emit(stream as usize, t, offer, 0);
        self.free.insert(source, sent.last + 1);
        self.lists.insert(stream, t + 1);
        true
    }

    /// Cycles of the external memory for so many flits: its first word, then the data bus.
    fn read_cycles(&self, flits: u64, share: u64) -> u64 {
        let dram = &self.machine.program.arch.dram;
        let bytes = flits * u64::from(self.machine.program.arch.noc.payload_bits.div_ceil(8));
        let bursts = bytes.div_ceil(u64::from(dram.burst_bytes));
        let first =
            u64::from(dram.t_rcd_cycles + dram.t_cl_cycles + if share > 1 { dram.t_rp_cycles } else { 0 });
        first + bursts * u64::from(dram.burst_cycles)
    }

    /// The next sweep of a slice, if everything it waits for is known.
    fn sweep(&mut self, core: usize) -> bool {
        let plan = &self.phase.cores[core];
        let stage = &self.machine.stages[plan.stage];
        let (p, t) = (self.cores[core].pass, self.cores[core].step);
        if p == stage.passes.len() {
            return false;
        }
        let last = p == stage.last_pass();
        if self.strict && last && t > 0 && !self.is_settled(core, t - 1) {
            // Its events are taken all the same.
            if p == 0 {
                self.accumulated(core, t);
            }
            return false;
        }
        let mut start = self.cores[core].ready;
        if p == 0 {
            let Some(done) = self.accumulated(core, t) else { return false };
            start = start.max(done);
        }
        if let Some((program, round)) = self.cores[core].waits {
            let Some(gates) = self.gates(core, program, round) else { return false };
            start = start.max(gates);
        }
        if let Some(stream) = plan.events.filter(|_| last) {
            let Some(credit) = self.credit(stream as usize, t) else { return false };
            start = start.max(credit);
        }
        if p > 0 && stage.stage.strategy == Strategy::Recompute {
            start = start.max(self.replayed(core, p, t));
        }
        if stage.spills_far() {
            start = start.max(self.frame(core, p, t));
        }
        let end = match plan.events.filter(|_| last) {
            Some(stream) => {
                let offer = start + PIPELINE_CYCLES;
                let held = self.cores[core].packed.saturating_sub(offer);
                self.emit(stream as usize, t, offer, held).end
            }
            None => start + PIPELINE_CYCLES + plan.words as u64 - 1,
        };
        self.ended(core, p, t, end);
        true
    }

    fn ended(&mut self, core: usize, p: usize, t: usize, end: u64) {
        let plan = &self.phase.cores[core];
        let stage = &self.machine.stages[plan.stage];
        let (steps, buffers, last) = (self.machine.steps, self.machine.buffers, stage.last_pass());
        self.quiet = self.quiet.max(end);
        let (next, program) = stage.follows(SweepId { pass: p, step: t }, steps);
        let progress = &mut self.cores[core];
        progress.ready = end + 1;
        (progress.pass, progress.step, progress.waits) = (next.pass, next.step, None);
        let frees =
            if stage.by_step() { stage.frees(p) } else { p == 0 && (last == 0 || t + buffers < steps) };
        if frees {
            progress.freed.push(end);
        }
        if let Some(program) = program {
            let round = progress.round;
            progress.waits = Some((program, round));
            progress.ends.insert((program, round), end);
            progress.round += usize::from(stage.by_step() && program + 1 == last);
            self.pass_ended(core, (p, program, round), end);
        } else if next.pass > last && last > 0 && !stage.by_step() {
            progress.freed.resize(steps, end);
        }
    }
}
