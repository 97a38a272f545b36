//! Time: when every sweep starts and ends, by recurrence.
//!
//! A slice's next sweep waits for its events, its gates, its frame and its consumers' credits, as the machine's control does
//! (`docs/machine.md` §6); what it sends reaches a consumer after the latency of the path. The events of a step come to a
//! consumer as a fluid, from its first packet to its last, and the synapse engine works them off: it is done at
//! `max over x of (x + work still to come after x)`, the longest busy period. If that is late, and the queue between is
//! shorter than the step, the producer's sweep ends late too.

use super::book;
use super::network::Network;
use super::refuse;
use super::sending::{room, Load, Pace, Sending, Traffic};
use crate::noc::PortId;
use crate::packet::PACKET_FLITS;
use crate::prepare::phase::{CorePlan, PhasePlan, Seat};
use crate::prepare::sweep::{merge_cycles, node_cycles};
use crate::prepare::Machine;
use crate::run::Log;
use crate::unit::memory_controller::ExternalMemory;
use crate::unit::synapse_engine::LANDING_CYCLES;
use crate::unit::update_engine::PIPELINE_CYCLES;
use pulvinar_ir::{NodeId, Result, Strategy, StreamKind};
use std::collections::BTreeMap;

/// Ends of a phase.
pub struct End {
    /// First cycle at which nothing moves.
    pub quiet: u64,
    /// Cycle at which the host has taken the last item so far.
    pub host: u64,
}

/// Cycles of the attention program behind a pass, statistics merged first.
pub fn program_cycles(machine: &Machine<'_>, stage: usize, pass: usize) -> u64 {
    let graph = machine.small_graph(stage);
    let lanes = u64::from(machine.program.arch.core.attention_lanes);
    let merges = machine.stages[stage].passes[pass].taps.iter().map(|t| merge_cycles(graph, t.node, lanes));
    let program = &machine.stages[stage].stage.passes[pass].program;
    merges.sum::<u64>() + program.iter().map(|&n| node_cycles(graph, n, lanes)).sum::<u64>()
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

/// Events of a step as one consumer sees them.
struct Arrival {
    from: u64,
    to: u64,
    load: Load,
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
    /// End of every pass (of every step, by step).
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

fn spills_far(machine: &Machine<'_>, core: &CorePlan) -> bool {
    let stage = &machine.stages[core.stage];
    stage.spills() && stage.stage.strategy == Strategy::SpillDram
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
        } else {
            let Some(gates) = self.gates(core, p - 1, t) else { return false };
            start = start.max(gates);
        }
        if let Some(stream) = plan.events.filter(|_| last) {
            let Some(credit) = self.credit(stream as usize, t) else { return false };
            start = start.max(credit);
        }
        if p > 0 && stage.stage.strategy == Strategy::Recompute {
            start = start.max(self.replayed(core, p, t));
        }
        if spills_far(self.machine, plan) {
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
        let by_step = stage.by_step();
        self.quiet = self.quiet.max(end);
        let progress = &mut self.cores[core];
        progress.ready = end + 1;
        progress.ends.insert((p, if by_step { t } else { 0 }), end);
        let frees = if by_step { p == last } else { p == 0 && (last == 0 || t + buffers < steps) };
        if frees {
            progress.freed.push(end);
        }
        if by_step && p < last {
            progress.pass += 1;
            self.pass_ended(core, p, t, end);
            return;
        }
        progress.step += 1;
        progress.pass = if by_step { 0 } else { p };
        if progress.step == steps {
            (progress.pass, progress.step) = (p + 1, 0);
            if last > 0 && !by_step && p == last {
                progress.freed.resize(steps, end);
            }
            if p < last {
                self.pass_ended(core, p, 0, end);
            }
        }
    }

    /// Statistics of a slice that is not the home leave.
    fn pass_ended(&mut self, core: usize, p: usize, t: usize, end: u64) {
        let plan = &self.phase.cores[core];
        self.cores[core].frame = end + 1;
        let pass = &self.machine.stages[plan.stage].passes[p];
        let Some(stream) = plan.statistics.filter(|_| !plan.home) else { return };
        let sent = self.list((stream, p, t), book::covered(pass, &plan.region), end + 1);
        self.cores[core].packed = sent.last + 1;
    }

    fn list(&mut self, key: (u32, usize, usize), n: u64, offer: u64) -> Sent {
        let plan = &self.phase.streams[key.0 as usize];
        let list = Sending::list(n, plan, Pace::of(self.machine, self.network, plan));
        let end = offer + list.span + list.copying - 1;
        let first = if n >= u64::from(plan.per_flit) { offer + list.first } else { end + 1 };
        let sent = Sent { first, end, last: end + list.flush(plan, true) };
        self.small.insert(key, sent);
        sent
    }

    /// Cycle at which the gates of a pass are there.
    fn gates(&mut self, core: usize, p: usize, t: usize) -> Option<u64> {
        let plan = &self.phase.cores[core];
        let step = if self.machine.stages[plan.stage].by_step() { t } else { 0 };
        if plan.home {
            return self.program(core, p, step);
        }
        let to_me = |s: &crate::prepare::phase::StreamPlan| {
            s.kind == StreamKind::Gates && s.destinations.contains(&plan.port)
        };
        let stream = self.phase.streams.iter().position(to_me)?;
        let source = &self.phase.streams[stream];
        let sent = self.small.get(&(stream as u32, p, step))?;
        let Seat::Core(home) = self.phase.seats[source.source.0 as usize] else { return None };
        let made = self.machine.stages[self.phase.cores[home as usize].stage].passes[p].made_range;
        let path = self.network.latency(source.source, plan.port);
        let n = (made[1] - made[0]) as u64;
        Some((sent.last + path + 1).max(sent.first + path + n + 2))
    }

    /// Runs a home's program when all statistics are there; gives the cycle at which it is finished.
    fn program(&mut self, core: usize, p: usize, step: usize) -> Option<u64> {
        let plan = &self.phase.cores[core];
        let own = *self.cores[core].ends.get(&(p, step))?;
        let stage = &self.machine.stages[plan.stage];
        let (mut start, mut queue): (u64, Vec<(u64, u64)>) = (own + 1, Vec::new());
        for (i, stream) in self.phase.streams.iter().enumerate() {
            if stream.kind != StreamKind::Statistics || !stream.destinations.contains(&plan.port) {
                continue;
            }
            let sent = self.small.get(&(i as u32, p, step))?;
            let path = self.network.latency(stream.source, plan.port);
            start = start.max(sent.last + path + 1);
            let Seat::Core(from) = self.phase.seats[stream.source.0 as usize] else { continue };
            queue.push((
                sent.first + path,
                book::covered(&stage.passes[p], &self.phase.cores[from as usize].region),
            ));
        }
        queue.sort_unstable();
        let popped = queue.iter().fold(0, |at: u64, &(from, n)| at.max(from) + n);
        start = start.max(popped + 2);
        let finish = start + program_cycles(self.machine, plan.stage, p);
        if let Some(stream) = plan.gates {
            let made = stage.passes[p].made_range;
            let sent = self.list((stream, p, step), (made[1] - made[0]) as u64, finish);
            self.cores[core].packed = sent.last + 1;
        }
        Some(finish)
    }

    /// Cycle at which accumulation of step t is done.
    fn accumulated(&mut self, core: usize, t: usize) -> Option<u64> {
        if let Some(&done) = self.cores[core].accumulated.get(t) {
            return Some(done);
        }
        for grant in &self.phase.cores[core].grants {
            if let Some(step) = t.checked_sub(usize::from(grant.delayed)) {
                self.sent[grant.stream as usize][step]?;
            }
        }
        let (landed, taken) = self.arrive(core, t);
        let done = landed.max(taken + 1);
        self.cores[core].accumulated.push(done);
        self.quiet = self.quiet.max(done);
        Some(done)
    }

    /// Lets the events that act on step t arrive; gives the cycles at which the last write has landed and the last token is taken.
    fn arrive(&mut self, core: usize, t: usize) -> (u64, u64) {
        let plan = &self.phase.cores[core];
        let (mut arrivals, mut taken) = (Vec::new(), self.start);
        for grant in &plan.grants {
            let Some(step) = t.checked_sub(usize::from(grant.delayed)) else { continue };
            let stream = &self.phase.streams[grant.stream as usize];
            let Some(sent) = self.sent[grant.stream as usize][step] else { continue };
            let sending = &self.traffic.events[grant.stream as usize][step];
            let path = self.network.latency(stream.source, plan.port);
            // Packets of other slices share the way; the last one of all has passed it no sooner.
            let passed = self.passed(stream.node, step);
            taken = taken.max(sent.last.max(passed) + path);
            let place = stream.destinations.iter().position(|&d| d == plan.port);
            let load = place.map(|d| sending.loads[d]).unwrap_or_default();
            if load.events == 0 {
                continue;
            }
            let rest = (load.events - 1) % u64::from(stream.per_flit);
            let from = sent.first + path;
            let to = (sent.end + u64::from(sending.open)).max(passed) + path + rest;
            let to = to.max(from + load.events - 1);
            arrivals.push((grant.stream, step, path, Arrival { from, to, load }));
        }
        let free = self.cores[core].engine;
        let all: Vec<&Arrival> = arrivals.iter().map(|a| &a.3).collect();
        let Some(finish) = busy_period(free, &all, u64::MAX) else { return (self.start, taken) };
        let coupled = all.iter().map(|a| a.from.max(free) + a.load.coupled).max();
        let finish = finish.max(coupled.unwrap_or(0));
        self.cores[core].engine = finish;
        for &(stream, step, path, ref arrival) in &arrivals {
            if let Some(own) = busy_period(free, &all, arrival.to) {
                let own = own.max(arrival.from.max(free) + arrival.load.coupled);
                self.press(stream, step, (own.saturating_sub(path), plan.port), &arrival.load);
            }
        }
        (finish + 1 + LANDING_CYCLES, taken)
    }

    /// First cycle after which the network has passed on all packets of a node's step.
    fn passed(&self, node: NodeId, step: usize) -> u64 {
        let sent = self.phase.streams.iter().zip(&self.sent).filter(|(s, _)| s.node == node);
        let first = sent.filter_map(|(_, steps)| steps[step]).map(|s| s.first).min();
        first.unwrap_or(0) + self.traffic.jams[&node][step]
    }

    /// A producer whose consumer is late: its sweep ends when all but a queue of its events has been taken.
    fn press(&mut self, stream: u32, step: usize, (finish, to): (u64, PortId), load: &Load) {
        let plan = &self.phase.streams[stream as usize];
        let room = room(self.machine, self.network, plan, to);
        if load.events <= room {
            return;
        }
        let late = finish.saturating_sub(load.cycles * room / load.events);
        let Some(sent) = &mut self.sent[stream as usize][step] else { return };
        if late <= sent.end {
            return;
        }
        let flush = sent.last - sent.end;
        (sent.end, sent.last) = (late, late + flush);
        match self.phase.seats[plan.source.0 as usize] {
            Seat::Core(i) => {
                let producer = &mut self.cores[i as usize];
                producer.ready = producer.ready.max(late + 1);
                let single = self.machine.stages[self.phase.cores[i as usize].stage].passes.len() == 1;
                if let Some(freed) = producer.freed.get_mut(step).filter(|_| single) {
                    *freed = (*freed).max(late);
                }
            }
            _ => {
                let free = self.free.entry(plan.source).or_default();
                *free = (*free).max(late + flush + 1);
            }
        }
    }

    /// Cycle at which the replay of step t is done.
    fn replayed(&mut self, core: usize, p: usize, t: usize) -> u64 {
        let plan = &self.phase.cores[core];
        let mut cycles = 0;
        for grant in &plan.grants {
            let Some(step) = t.checked_sub(usize::from(grant.delayed)) else { continue };
            let stream = &self.phase.streams[grant.stream as usize];
            let place = stream.destinations.iter().position(|&d| d == plan.port);
            cycles += place.map_or(0, |d| self.traffic.events[grant.stream as usize][step].loads[d].cycles);
        }
        let progress = &mut self.cores[core];
        // The playback may run a buffer ahead of the sweep.
        let from = progress.ends.get(&(p - 1, 0)).map_or(0, |e| e + 1);
        let begin =
            if t < self.machine.buffers { from } else { progress.ready.saturating_sub(plan.words as u64) };
        progress.engine = progress.engine.max(begin) + cycles;
        progress.engine + LANDING_CYCLES
    }

    /// Flits of a frame.
    fn frame_flits(&self, core: &CorePlan) -> u64 {
        let arch = &self.machine.program.arch;
        let word = u64::from(arch.word_bits(pulvinar_ir::counts::Memory::Frame));
        (core.words as u64 * word).div_ceil(u64::from(arch.noc.payload_bits))
    }

    /// Cycle at which a slot for frame t is free (pass 0), or frame t is there.
    fn frame(&mut self, core: usize, p: usize, t: usize) -> u64 {
        let plan = &self.phase.cores[core];
        let flits = self.frame_flits(plan);
        let packets = flits.div_ceil(PACKET_FLITS);
        let path = self.network.latency(plan.port, self.phase.memory);
        let share = self.phase.cores.iter().filter(|c| c.stage == plan.stage).count() as u64;
        let data = PACKET_FLITS.min(flits) + 1;
        let routers = self.network.routers(plan.port, self.phase.memory);
        let packet =
            (self.network.packet_cycles(data, routers) as u64).max(self.read_cycles(data - 1, share));
        let cycles = if p == 0 {
            packets * packet * share
        } else {
            let round = 2 * path + self.read_cycles(data - 1, share) + packet + 2;
            packets * round.max(share * packet)
        };
        let progress = &mut self.cores[core];
        if p == 0 {
            // Frame t − 1 leaves once its sweep has ended; two slots hide one sweep.
            let pushed = progress.frame;
            progress.frame = progress.frame.max(progress.ready) + if t == 0 { 0 } else { cycles };
            return if t < 2 { 0 } else { pushed + 1 };
        }
        let begin = if t == 0 { progress.frame + cycles.min(packets * share) } else { progress.frame };
        progress.frame = begin.max(if t < 2 { 0 } else { progress.ready - plan.words as u64 }) + cycles;
        progress.frame + 1
    }

    /// Commands of the external memory: frames of the slices and events kept for other phases.
    fn memory(&self, memory: &mut ExternalMemory, log: &mut Log) {
        let arch = &self.machine.program.arch;
        let (flit_bytes, burst) =
            (u64::from(arch.noc.payload_bits.div_ceil(8)), u64::from(arch.dram.burst_bytes));
        let (dram, noc) = (self.machine.stages.len() + 1, self.machine.stages.len() + 2);
        let now = self.start;
        for (i, stream) in self.phase.streams.iter().enumerate() {
            let kept = stream.destinations.iter().position(|&d| d == self.phase.memory);
            for (t, sending) in self.traffic.events[i].iter().enumerate() {
                let at = (1 << 40) + t as u64 * flit_bytes;
                if let Some(place) = kept {
                    (0..sending.to(place)).for_each(|k| {
                        memory.transfer(now, at + k * flit_bytes, flit_bytes, burst, true);
                    });
                }
                if stream.source == self.phase.memory && sending.packets > 0 {
                    memory.transfer(now, at, sending.packets * flit_bytes, burst, false);
                }
            }
        }
        let far: Vec<&CorePlan> = self.phase.cores.iter().filter(|c| spills_far(self.machine, c)).collect();
        let (steps, most) =
            (self.machine.steps as u64, far.iter().map(|c| self.frame_flits(c)).max().unwrap_or(0));
        let passes = |c: &CorePlan| self.machine.stages[c.stage].passes.len() as u64;
        for pass in 0..far.iter().map(|c| passes(c)).max().unwrap_or(0) {
            for t in 0..steps {
                for first in (0..most).step_by(PACKET_FLITS as usize) {
                    for core in far.iter().filter(|c| passes(c) > pass && self.frame_flits(c) > first) {
                        let frame = self.frame_flits(core);
                        let flits = (frame - first).min(PACKET_FLITS);
                        let at = (u64::from(core.core) + 1 << 32) + (t * frame + first) * flit_bytes;
                        memory.transfer(now, at, flits * flit_bytes, burst, pass == 0);
                    }
                }
            }
        }
        for core in far {
            let reads = passes(core) - 1;
            for _ in 0..steps {
                let flits = self.frame_flits(core);
                book::frames(self.network, self.phase, core, (dram, noc), (flits, reads), log);
            }
        }
    }
}

/// Cycle, counted as an arrival, at which a server that is free from `free` on has worked off what comes until `until`; none
/// without work.
fn busy_period(free: u64, arrivals: &[&Arrival], until: u64) -> Option<u64> {
    let first = arrivals.iter().map(|a| a.from).min()?;
    let left = |x: u64| arrivals.iter().map(|a| a.left(x)).sum::<u64>();
    let later = if until == u64::MAX { 0 } else { left(until + 1) };
    let points = arrivals.iter().flat_map(|a| [a.from, a.to]).chain([free.max(first)]);
    points.filter(|&x| x <= until).map(|x| x.max(free) + left(x).saturating_sub(later)).max()
}

impl Arrival {
    /// Work that comes at cycle x or later; the last event at least.
    fn left(&self, x: u64) -> u64 {
        let Load { cycles, events, .. } = self.load;
        if x <= self.from {
            cycles
        } else if x > self.to {
            0
        } else {
            (cycles * (self.to - x) / (self.to - self.from)).max(cycles.div_ceil(events))
        }
    }
}
