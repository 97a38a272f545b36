//! Spike store: events in the order the synapse engine popped them, played back in later passes.

use super::event_queue::Queued;

/// Store of one slice.
#[derive(Debug, Default)]
pub struct SpikeStore {
    events: Vec<Queued>,
    /// Events by the step they act on.
    counts: Vec<u32>,
    read: usize,
    left: Vec<u32>,
}

impl SpikeStore {
    /// An empty store for so many steps.
    pub fn new(steps: usize) -> Self {
        SpikeStore { counts: vec![0; steps], ..SpikeStore::default() }
    }
    /// Appends an event that acts on `step`.
    pub fn append(&mut self, event: Queued, step: usize) {
        self.events.push(event);
        self.counts[step] += 1;
    }
    /// Starts a playback.
    pub fn rewind(&mut self) {
        self.read = 0;
        self.left.clone_from(&self.counts);
    }
    /// The next event.
    pub fn front(&self) -> Option<Queued> {
        self.events.get(self.read).copied()
    }
    /// Takes the next event, which acts on `step`.
    pub fn advance(&mut self, step: usize) {
        self.read += 1;
        self.left[step] -= 1;
    }
    /// Events of a step still to play.
    pub fn left(&self, step: usize) -> u32 {
        self.left[step]
    }
    /// Events held.
    pub fn len(&self) -> usize {
        self.events.len()
    }
    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
