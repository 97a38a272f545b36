//! Synapse engine: an event becomes beats, one a cycle, each a read-modify-write of one accumulator word.
//!
//! The fast form applies an event when it is popped and says when its last beat issues; the plain form lists the beats
//! straight from the graph's weights and issues them one by one.

use super::accumulator::{Accumulator, Work};
use crate::prepare::sparse::Banking;
use crate::prepare::synapse::{Connect, Group, Image, Region, SynapsePlan};
use pulvinar_ir::Shape;

/// Cycles from the issue of a beat until its write has landed.
pub const LANDING_CYCLES: u64 = 3;

/// An event on its way into one accumulator buffer.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Buffer.
    pub buffer: usize,
    /// Group of the stage.
    pub group: u32,
    /// Address.
    pub address: u32,
    /// Value.
    pub value: i64,
}

/// What a slice's engine works with.
pub struct Surroundings<'a, 'p> {
    /// Synapses of the event's source, from the graph.
    pub group: &'a Group<'p>,
    /// The same as images of this slice.
    pub images: &'a [Image],
    /// Box of the slice.
    pub region: &'a Region,
    /// Shape of the accumulator.
    pub shape: Shape,
    /// Lanes and banks.
    pub banking: Banking,
    /// Maxima instead of sums.
    pub max: bool,
}

/// One word access of the plain engine.
#[derive(Debug)]
struct Beat {
    /// Element and weight of every active lane.
    lanes: Vec<(usize, i64)>,
    /// What a hazard is about: the word, or the targets.
    keys: Vec<usize>,
    /// It reads a weight word.
    weighted: bool,
    /// Its keys are targets.
    scattered: bool,
}

impl Beat {
    /// A beat that reads no weights and moves a whole word.
    fn of(lanes: Vec<(usize, i64)>, keys: Vec<usize>) -> Self {
        Beat { lanes, keys, weighted: false, scattered: false }
    }
}

/// What a beat accesses.
#[derive(Debug)]
pub struct BeatAccess {
    /// Accumulator buffer.
    pub buffer: usize,
    /// Banks of the buffer; bank 0 stands for a word in all of them.
    pub banks: Vec<usize>,
    /// It reads a weight word.
    pub weighted: bool,
}

/// Beats of one event still to issue.
#[derive(Debug)]
struct Open {
    arrival: Arrival,
    beats: std::collections::VecDeque<Beat>,
    max: bool,
}

/// The engine of one slice.
#[derive(Debug)]
pub struct SynapseEngine {
    stall: bool,
    /// First cycle at which the next event may be popped (fast).
    free: u64,
    open: Option<Open>,
    /// Buffer and keys of the last two cycles' beats (plain).
    recent: [Option<(usize, Vec<usize>)>; 2],
}

/// What one cycle of the plain engine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// Nothing to do.
    Idle,
    /// A beat into this buffer issued; `last` if the event is done with it.
    Issued {
        /// Buffer.
        buffer: usize,
        /// No beat of the event is left.
        last: bool,
    },
    /// A hazard held the beat.
    Stalled,
}

impl SynapseEngine {
    /// An idle engine.
    pub fn new(stall: bool) -> Self {
        SynapseEngine { stall, free: 0, open: None, recent: [None, None] }
    }

    /// First cycle at which an event may be popped, as far as known (fast).
    #[inline]
    pub fn free_at(&self) -> u64 {
        self.free
    }

    /// Buffer of the event being worked on (plain).
    pub fn busy_with(&self) -> Option<usize> {
        self.open.as_ref().map(|o| o.arrival.buffer)
    }

    /// Takes an event at cycle `now` in closed form: its work, the cycle of its last beat, cycles lost to hazards.
    #[inline]
    pub fn take_fast(
        &mut self,
        now: u64,
        event: Arrival,
        around: &Surroundings<'_, '_>,
        acc: &mut Accumulator,
    ) -> (Work, u64, u64) {
        let mut work = Work::default();
        for (i, image) in around.images.iter().enumerate() {
            let place = (event.group << 16) | i as u32;
            work.merge(acc.apply((place, image), event.buffer, event.address, event.value, around.max));
        }
        let (last, stalls) = if self.stall {
            acc.stall(around.images, event.buffer, event.address, now + 1, around.banking)
        } else {
            (now + work.beats.max(1), 0)
        };
        self.free = last;
        (work, last, stalls)
    }

    /// Takes an event at cycle `now` as a list of beats.
    pub fn take_plain(&mut self, event: Arrival, around: &Surroundings<'_, '_>) -> Work {
        let mut work = Work::default();
        let mut beats = Vec::new();
        for synapse in &around.group.synapses {
            let list = beats_of(synapse, event.address as usize, around);
            let synapses: usize = list.iter().map(|b| b.lanes.len()).sum();
            let (n, sparse) = (list.len() as u64, matches!(synapse.kind, Connect::Sparse { .. }));
            let pool = matches!(synapse.kind, Connect::Pool { .. });
            work.merge(Work {
                beats: n,
                synapses: if pool { 0 } else { synapses as u64 },
                additions: if pool { synapses as u64 } else { 0 },
                weight_words: if pool { 0 } else { n },
                pointers: u64::from(sparse),
                conflicts: if sparse { n - synapses.div_ceil(around.banking.lanes) as u64 } else { 0 },
            });
            beats.extend(list);
        }
        if beats.is_empty() {
            beats.push(Beat::of(Vec::new(), Vec::new()));
        }
        self.open = Some(Open { arrival: event, beats: beats.into(), max: around.max });
        work
    }

    /// One cycle of the plain engine: the next beat, if there is one and no hazard.
    pub fn tick_plain(&mut self, acc: &mut Accumulator) -> Cycle {
        let Some(open) = &mut self.open else {
            self.remember(None);
            return Cycle::Idle;
        };
        let buffer = open.arrival.buffer;
        let beat = open.beats.front().expect("invariant: an open event has beats");
        let hit = |r: &Option<(usize, Vec<usize>)>| {
            r.as_ref().is_some_and(|(b, keys)| *b == buffer && keys.iter().any(|k| beat.keys.contains(k)))
        };
        if self.stall && self.recent.iter().any(hit) {
            self.remember(None);
            return Cycle::Stalled;
        }
        for &(element, weight) in &beat.lanes {
            let word = &mut acc.buffers[buffer][element];
            let old = i64::from(*word);
            let new = if open.max { old.max(open.arrival.value) } else { old + weight * open.arrival.value };
            *word = i32::try_from(new).expect("invariant: accumulators stay in their proven 32 bits");
        }
        let keys = open.beats.pop_front().map_or(Vec::new(), |b| b.keys);
        let last = open.beats.is_empty();
        if last {
            self.open = None;
        }
        self.remember(Some((buffer, keys)));
        Cycle::Issued { buffer, last }
    }

    fn remember(&mut self, issued: Option<(usize, Vec<usize>)>) {
        self.recent = [self.recent[1].take(), issued];
    }

    /// Element and weight of every active lane of the beat that issues next (plain); none for an idle engine.
    pub fn next_beat(&self) -> Option<&[(usize, i64)]> {
        self.open.as_ref().and_then(|o| o.beats.front()).map(|b| &b.lanes[..])
    }

    /// What that beat accesses, in a buffer of so many banks (plain).
    pub fn next_access(&self, banks: usize) -> Option<BeatAccess> {
        let open = self.open.as_ref()?;
        let beat = open.beats.front()?;
        let bank = |key: &usize| if beat.scattered { key % banks } else { 0 };
        let banks = beat.keys.iter().map(bank).collect();
        Some(BeatAccess { buffer: open.arrival.buffer, banks, weighted: beat.weighted })
    }

    /// True while an event has beats left (plain).
    pub fn is_busy(&self) -> bool {
        self.open.is_some()
    }
}

fn beats_of(synapse: &SynapsePlan<'_>, address: usize, around: &Surroundings<'_, '_>) -> Vec<Beat> {
    let input = synapse.input;
    let (i, y, x) = (address / (input.h * input.w), address / input.w % input.h, address % input.w);
    let mut beats = match &synapse.kind {
        Connect::Conv { window, weights, group_inputs, group_outputs } => {
            let group = i / group_inputs;
            let reach = group * group_outputs..(group + 1) * group_outputs;
            let taps = window.kernel[0] * window.kernel[1];
            window_beats(around, (y, x), window, |o, ky, kx| {
                let at = (o * group_inputs + i % group_inputs) * taps + ky * window.kernel[1] + kx;
                reach.contains(&o).then(|| i64::from(weights[at]))
            })
        }
        Connect::Pool { window, first } => {
            window_beats(around, (y, x), window, |o, _, _| (o == i + first).then_some(1))
        }
        Connect::Sparse { targets, rows, weights } => {
            let held = around.region.channels[0]..around.region.channels[1];
            let row = rows[address] as usize..rows[address + 1] as usize;
            let synapses = row.filter(|&s| held.contains(&(targets[s] as usize)));
            let lanes = synapses.map(|s| (targets[s] as usize - held.start, i64::from(weights[s])));
            sparse_beats(lanes, around.banking)
        }
    };
    for beat in &mut beats {
        beat.weighted = !matches!(synapse.kind, Connect::Pool { .. });
        beat.scattered = matches!(synapse.kind, Connect::Sparse { .. });
    }
    beats
}

fn window_beats(
    around: &Surroundings<'_, '_>,
    (y, x): (usize, usize),
    window: &pulvinar_ir::op::window::Window,
    weight: impl Fn(usize, usize, usize) -> Option<i64>,
) -> Vec<Beat> {
    let (region, lanes) = (around.region, around.banking.lanes);
    let channels = region.channel_count();
    let mut beats = Vec::new();
    for ky in 0..window.kernel[0] {
        let Some(oy) = window.out_row(y, ky, around.shape.h) else { continue };
        if !(region.rows[0]..region.rows[1]).contains(&oy) {
            continue;
        }
        for kx in 0..window.kernel[1] {
            let Some(ox) = window.out_col(x, kx, around.shape.w) else { continue };
            let position = (oy - region.rows[0]) * region.columns + ox;
            for block in 0..channels.div_ceil(lanes) {
                let held = block * lanes..channels.min((block + 1) * lanes);
                let lane =
                    |c: usize| weight(region.channels[0] + c, ky, kx).map(|w| (position * channels + c, w));
                let active: Vec<(usize, i64)> = held.filter_map(lane).collect();
                if !active.is_empty() {
                    beats.push(Beat::of(active, vec![position * channels.div_ceil(lanes) + block]));
                }
            }
        }
    }
    beats
}

fn sparse_beats(lanes: impl Iterator<Item = (usize, i64)>, banking: Banking) -> Vec<Beat> {
    let mut beats: Vec<Beat> = Vec::new();
    for (target, weight) in lanes {
        let bank = |t: &usize| t % banking.banks;
        let fits =
            |b: &Beat| b.lanes.len() < banking.lanes && b.keys.iter().all(|k| bank(k) != bank(&target));
        match beats.last_mut().filter(|b| fits(b)) {
            Some(beat) => {
                beat.lanes.push((target, weight));
                beat.keys.push(target);
            }
            None => beats.push(Beat::of(vec![(target, weight)], vec![target])),
        }
    }
    beats
}
