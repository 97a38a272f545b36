//! Events on offer to a packer: one job of the encoder, with the nominal cycle of every event.

use super::injector::Injector;
use super::packer::Packer;
use crate::packet::{Event, Slab};
use crate::prepare::phase::StreamPlan;

/// A job: events of one step (or pass) with their nominal cycles.
#[derive(Debug, Default)]
pub struct Offers {
    /// Stream and step of the events.
    pub label: (u32, u16),
    /// Cycle of offset 0, moved by every refusal.
    pub origin: u64,
    /// Events in order.
    pub events: Vec<Event>,
    /// Nominal cycles after the origin, ascending.
    pub offsets: Vec<u32>,
    /// Cycles of the whole job without refusals.
    pub span: u64,
    /// Cycles lost to refusals so far.
    pub refusals: u64,
    next: usize,
}

/// What a tick came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing happens before this cycle.
    Until(u64),
    /// This was the last cycle of the job.
    Ended,
}

/// The way out of a node: stream, packets and queues.
pub struct Exit<'a> {
    /// The stream.
    pub plan: &'a StreamPlan,
    /// Packer.
    pub packer: &'a mut Packer,
    /// Injector.
    pub injector: &'a mut Injector,
    /// Event packets.
    pub slab: &'a mut Slab,
    /// The data queue had room at the start of the cycle.
    pub room: bool,
    /// Accept events that complete no flit ahead of their cycle.
    pub ahead: bool,
}

impl Offers {
    /// Empties the job for reuse.
    pub fn reset(&mut self, label: (u32, u16), origin: u64) {
        (self.label, self.origin) = (label, origin);
        self.events.clear();
        self.offsets.clear();
        (self.span, self.refusals, self.next) = (0, 0, 0);
    }

    /// A list: one event a cycle; an empty one takes one cycle.
    pub fn list(label: (u32, u16), origin: u64, events: Vec<Event>) -> Self {
        let n = events.len();
        Offers {
            label,
            origin,
            offsets: (0..n as u32).collect(),
            events,
            span: n.max(1) as u64,
            refusals: 0,
            next: 0,
        }
    }

    fn late(&mut self, nominal: u64, now: u64) {
        if now > nominal {
            self.origin += now - nominal;
            self.refusals += now - nominal;
        }
    }

    /// Last cycle, if nothing more is refused.
    #[inline]
    pub fn last_cycle(&self) -> u64 {
        self.origin + self.span - 1
    }

    /// One cycle with a packer that was free at its start; `seen` gets every accepted event with its cycle.
    pub fn tick(&mut self, now: u64, exit: &mut Exit<'_>, mut seen: impl FnMut(u64, Event)) -> Progress {
        while self.next < self.events.len() {
            let nominal = self.origin + u64::from(self.offsets[self.next]);
            if nominal > now
                && (!exit.ahead || exit.plan.selective.is_some() || exit.packer.completes(exit.plan))
            {
                return Progress::Until(nominal);
            }
            if exit.packer.is_busy() {
                return Progress::Until(now + 1);
            }
            let event = self.events[self.next];
            if !exit.packer.accept(event, self.label, exit.plan, exit.room, exit.slab, exit.injector) {
                return Progress::Until(u64::MAX); // until the injector makes room
            }
            self.late(nominal, now);
            seen(nominal.max(now), event);
            self.next += 1;
        }
        let last = self.last_cycle();
        let silent = self.offsets.last().is_none_or(|&o| u64::from(o) + 1 < self.span);
        if now < last {
            return Progress::Until(last);
        }
        if silent {
            self.late(last, now);
        }
        Progress::Ended
    }

    /// Counts a job that ends without a packer (a sweep that emits nothing).
    pub fn tick_silent(&self, now: u64) -> Progress {
        if now < self.last_cycle() {
            Progress::Until(self.last_cycle())
        } else {
            Progress::Ended
        }
    }
}
