//! Event queue behind the network interface.

use std::collections::VecDeque;

/// `Queued::group` of a statistic.
pub const STATISTIC: u16 = u16::MAX - 1;
/// `Queued::group` of a gate.
pub const GATE: u16 = u16::MAX;

/// An event in the queue or the spike store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Address.
    pub address: u32,
    /// Synapse group of the stage, or [`STATISTIC`], [`GATE`].
    pub group: u16,
    /// Step of the source (pass for statistics and gates).
    pub step: u16,
    /// Value.
    pub value: i64,
}

/// First in, first out.
#[derive(Debug)]
pub struct EventQueue {
    events: VecDeque<Queued>,
    capacity: usize,
}

impl EventQueue {
    /// An empty queue.
    pub fn new(capacity: usize) -> Self {
        EventQueue { events: VecDeque::with_capacity(capacity.min(64)), capacity }
    }
    /// True if another event fits.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.events.len() < self.capacity
    }
    /// True if there is nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
    /// The oldest event.
    #[inline]
    pub fn front(&self) -> Option<Queued> {
        self.events.front().copied()
    }
    /// Takes the oldest event.
    #[inline]
    pub fn pop(&mut self) -> Option<Queued> {
        self.events.pop_front()
    }
    /// Appends an event; the interface has seen room.
    #[inline]
    pub fn push(&mut self, event: Queued) {
        self.events.push_back(event);
    }
}
