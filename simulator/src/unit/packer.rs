//! Packer: events into flits, copies for several destinations, end tokens.

use super::injector::{Injector, Outgoing};
use crate::packet::{is_inline, Event, Packet, Slab};
use crate::prepare::phase::StreamPlan;
use std::ops::Range;

/// Copies of a flit that are still to be pushed: a range of destination indices, or of a selective row.
#[derive(Debug, Clone, Copy, Default)]
struct Copies {
    payload: u64,
    next: u32,
    end: u32,
}

/// The packer of one injection port.
#[derive(Debug, Default)]
pub struct Packer {
    step: u16,
    stream: u32,
    /// Unfinished flit and its events.
    open: Option<u32>,
    filled: u16,
    copies: Copies,
    /// Next end token to push, while flushing.
    flush: Option<u32>,
    /// Packets of this step: to everyone, and by destination of a selective stream.
    packets: u32,
    packets_to: Vec<u32>,
    vc_mask: u8,
    /// False with a barrier.
    tokens: bool,
}

impl Packer {
    /// An idle packer.
    pub fn new(vc_mask: u8, tokens: bool) -> Self {
        Packer { vc_mask, tokens, ..Packer::default() }
    }

    /// Stream of the step under way.
    #[inline]
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// True while copies or a flush wait: no event is accepted.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.copies.next < self.copies.end || self.flush.is_some()
    }

    /// True if the packer would still be busy with copies of a flit after one more push.
    #[inline]
    pub fn has_copies(&self) -> bool {
        self.copies.next + 1 < self.copies.end
    }

    /// True if nothing is open and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && !self.is_busy()
    }

    /// True if the next event completes a flit.
    #[inline]
    pub fn completes(&self, plan: &StreamPlan) -> bool {
        self.filled + 1 >= plan.per_flit
    }

    /// Offers an event of `stream` and `step` to a packer that is not busy; false if it is refused.
    #[inline]
    pub fn accept(
        &mut self,
        event: Event,
        (stream, step): (u32, u16),
        plan: &StreamPlan,
        room: bool,
        slab: &mut Slab,
        out: &mut Injector,
    ) -> bool {
        (self.stream, self.step) = (stream, step);
        if plan.selective.is_some() {
            return self.accept_selective(event, plan, room, slab, out);
        }
        let completes = self.completes(plan);
        if completes && !room {
            return false;
        }
        if plan.per_flit == 1 && is_inline(event) {
            self.send(inline(stream, step, event), 0, plan.copies() as u32, plan, out);
            self.packets += 1;
            return true;
        }
        let slot = self.open.unwrap_or_else(|| slab.allocate(stream, step));
        slab.push(slot, event);
        (self.open, self.filled) = (Some(slot), self.filled + 1);
        if completes {
            self.close(plan, slab, out);
        }
        true
    }

    fn accept_selective(
        &mut self,
        event: Event,
        plan: &StreamPlan,
        room: bool,
        slab: &mut Slab,
        out: &mut Injector,
    ) -> bool {
        let selective = plan.selective.as_ref().expect("invariant: the caller has seen a selective stream");
        let Range { start: first, end } = selective.range(event.address);
        if first == end {
            return true;
        }
        if !room {
            return false;
        }
        let payload = if is_inline(event) {
            inline(self.stream, self.step, event)
        } else {
            let slot = slab.allocate(self.stream, self.step);
            slab.push(slot, event);
            slab.retain(slot, end - first);
            Packet::Events { slot }.encode()
        };
        if self.tokens {
            self.packets_to.resize(plan.destinations.len(), 0);
            for &to in selective.of(event.address) {
                self.packets_to[usize::from(to)] += 1;
            }
        }
        self.send(payload, first, end, plan, out);
        true
    }

    /// Ends a step: from the next cycle on the open flit and the end tokens are pushed.
    pub fn end(&mut self, stream: u32, step: u16) {
        (self.stream, self.step) = (stream, step);
        if self.tokens || self.open.is_some() {
            self.flush = Some(0);
        }
    }

    /// One push of a busy packer, in a cycle that began with room in the data queue.
    pub fn push(&mut self, plan: &StreamPlan, slab: &mut Slab, out: &mut Injector) {
        if self.copies.next < self.copies.end {
            let Copies { payload, next, end } = self.copies;
            self.send(payload, next, end, plan, out);
        } else if self.open.is_some() {
            self.close(plan, slab, out);
        } else {
            self.push_token(plan, out);
            return;
        }
        if !self.tokens && self.copies.next >= self.copies.end && self.open.is_none() {
            self.flush = None;
        }
    }

    fn push_token(&mut self, plan: &StreamPlan, out: &mut Injector) {
        let next = self.flush.expect("invariant: a busy packer without copies flushes");
        let selective = plan.selective.is_some();
        let packets =
            if selective { self.packets_to.get(next as usize).copied().unwrap_or(0) } else { self.packets };
        let payload = Packet::End { stream: self.stream, step: self.step, packets }.encode();
        out.push_data(single(payload, plan.route(next as usize), self.vc_mask));
        self.flush = Some(next + 1);
        if next as usize + 1 >= plan.copies() {
            self.flush = None;
            self.packets = 0;
            self.packets_to.fill(0);
        }
    }

    fn close(&mut self, plan: &StreamPlan, slab: &mut Slab, out: &mut Injector) {
        let slot = self.open.take().expect("invariant: the caller has seen an open flit");
        self.filled = 0;
        slab.retain(slot, plan.destinations.len() as u32);
        self.packets += 1;
        self.send(Packet::Events { slot }.encode(), 0, plan.copies() as u32, plan, out);
    }

    /// Pushes copy `next` of `next..end` and keeps the rest.
    fn send(&mut self, payload: u64, next: u32, end: u32, plan: &StreamPlan, out: &mut Injector) {
        let route = match &plan.selective {
            Some(s) => plan.route(usize::from(s.consumers[next as usize])),
            None => plan.route(next as usize),
        };
        out.push_data(single(payload, route, self.vc_mask));
        self.copies = Copies { payload, next: next + 1, end };
    }
}

fn inline(stream: u32, step: u16, event: Event) -> u64 {
    Packet::One { stream, step, address: event.address }.encode()
}

fn single(payload: u64, route: crate::noc::Route, vc_mask: u8) -> Outgoing {
    Outgoing { payload, route, vc_mask, head: true, tail: true }
}
