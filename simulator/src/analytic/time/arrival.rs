//! Events of a step at a consumer: a fluid that its synapse engine works off, and the producer that a full queue holds up.

use super::Clock;
use crate::analytic::sending::{room, Load};
use crate::noc::PortId;
use crate::prepare::phase::Seat;
use crate::unit::synapse_engine::LANDING_CYCLES;
use pulvinar_ir::NodeId;

/// Events of a step as one consumer sees them.
struct Arrival {
    from: u64,
    to: u64,
    load: Load,
}

impl Clock<'_, '_> {
    /// Cycle at which accumulation of step t is done.
    pub(super) fn accumulated(&mut self, core: usize, t: usize) -> Option<u64> {
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
    pub(super) fn arrive(&mut self, core: usize, t: usize) -> (u64, u64) {
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
    pub(super) fn passed(&self, node: NodeId, step: usize) -> u64 {
        let sent = self.phase.streams.iter().zip(&self.sent).filter(|(s, _)| s.node == node);
        let first = sent.filter_map(|(_, steps)| steps[step]).map(|s| s.first).min();
        first.unwrap_or(0) + self.traffic.jams[&node][step]
    }

    /// A producer whose consumer is late: its sweep ends when all but a queue of its events has been taken.
    pub(super) fn press(&mut self, stream: u32, step: usize, (finish, to): (u64, PortId), load: &Load) {
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
        if let Seat::Core(i) = self.phase.seats[plan.source.0 as usize] {
            let producer = &mut self.cores[i as usize];
            producer.ready = producer.ready.max(late + 1);
            let single = self.machine.stages[self.phase.cores[i as usize].stage].passes.len() == 1;
            if let Some(freed) = producer.freed.get_mut(step).filter(|_| single) {
                *freed = (*freed).max(late);
            }
        } else {
            let free = self.free.entry(plan.source).or_default();
            *free = (*free).max(late + flush + 1);
        }
    }

    /// Cycle at which the replay of step t is done.
    pub(super) fn replayed(&mut self, core: usize, p: usize, t: usize) -> u64 {
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
