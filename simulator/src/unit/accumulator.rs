//! Accumulator memory: buffers of one box, position-major, and the lane adders.

use crate::prepare::sparse::{self, target, weight, Banking, SparseImage};
use crate::prepare::synapse::{Image, Region, TapImage, Weights};
use pulvinar_ir::counts::Row;
use pulvinar_ir::Activity;

/// Work of one event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Beats.
    pub beats: u64,
    /// Weighted synapses (active lanes).
    pub synapses: u64,
    /// Lanes that add without a weight (pooling, identity).
    pub additions: u64,
    /// Beats that read a weight word.
    pub weight_words: u64,
    /// Row pointers read.
    pub pointers: u64,
    /// Beats beyond full words, lost to bank conflicts.
    pub conflicts: u64,
}

impl Work {
    /// Adds the work of another synapse.
    pub fn merge(&mut self, other: Work) {
        self.beats += other.beats;
        self.synapses += other.synapses;
        self.additions += other.additions;
        self.weight_words += other.weight_words;
        self.pointers += other.pointers;
        self.conflicts += other.conflicts;
    }

    /// Adds what is done `times` over to a row; of binary events weights are added, of others multiplied.
    pub fn book(&self, row: &mut Row, binary: bool, times: u64) {
        let (adds, macs) = if binary { (self.synapses, 0) } else { (0, self.synapses) };
        row.add(Activity::AccRead, times * self.beats);
        row.add(Activity::AccWrite, times * self.beats);
        row.add(Activity::WeightRead, times * self.weight_words);
        row.add(Activity::PointerRead, times * self.pointers);
        row.add(Activity::SynAdd, times * (self.additions + adds));
        row.add(Activity::SynMac, times * macs);
        row.add(Activity::SynapseBusyCycles, times * self.beats);
        row.add(Activity::SynapseStallCycles, times * self.conflicts);
    }
}

/// An addition of a row that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Group of the stage and synapse within it, 16 bits each.
    place: u32,
    row: u32,
    value: i32,
}

/// Buffers of one slice; element = position · channels + channel.
#[derive(Debug)]
pub struct Accumulator {
    /// Values by buffer.
    pub buffers: Vec<Vec<i32>>,
    /// Cycle of the last beat per word (dense) or element (sparse); empty without hazards.
    issued: Vec<Vec<u64>>,
    /// Sparse additions still to do, by buffer (fast).
    waiting: Vec<Vec<Waiting>>,
    channels: usize,
    columns: usize,
    lanes: usize,
}

impl Accumulator {
    /// Zeroed buffers; `hazards` keeps the issue times that stalls need.
    pub fn new(region: &Region, lanes: usize, buffers: usize, hazards: bool) -> Self {
        Accumulator {
            buffers: vec![vec![0; region.len()]; buffers],
            issued: if hazards { vec![vec![0; region.len()]; buffers] } else { Vec::new() },
            waiting: vec![Vec::new(); buffers],
            channels: region.channel_count(),
            columns: region.columns,
            lanes,
        }
    }

    /// Adds one event to a buffer through one synapse, at `place` among the slice's images.
    #[inline]
    pub fn apply(
        &mut self,
        (place, image): (u32, &Image),
        buffer: usize,
        address: u32,
        value: i64,
        max: bool,
    ) -> Work {
        match image {
            Image::Taps(taps) => self.apply_taps(taps, buffer, address, value, max),
            Image::Sparse(sparse) => self.apply_sparse(sparse, buffer, (place, address), value),
        }
    }

    fn apply_taps(&mut self, image: &TapImage, buffer: usize, address: u32, value: i64, max: bool) -> Work {
        let taps = taps_of(image, address);
        let work = tap_work(image, &taps, self.lanes);
        let Taps { channel, rows, cols } = taps;
        let (first, count) = image.lanes[channel];
        if count == 0 {
            return work;
        }
        let acc = &mut self.buffers[buffer];
        let (first, count, value) = (first as usize, count as usize, value as i32);
        for &(ky, oy) in rows {
            for &(kx, ox) in cols {
                let at = (oy as usize * self.columns + ox as usize) * self.channels + first;
                let from = image.first_weight[channel] as usize
                    + (ky as usize * image.kernel[1] + kx as usize) * count;
                let lanes = &mut acc[at..at + count];
                match &image.weights {
                    Some(weights) => add_row(lanes, weights, from, value),
                    None if max => lanes[0] = lanes[0].max(value),
                    None => lanes[0] = lanes[0].wrapping_add(value),
                }
            }
        }
        work
    }

    /// The work of an event is known at once; its additions wait in a list until the buffer is swept, where the cache
    /// misses of neighbouring entries overlap. Sums do not care.
    fn apply_sparse(&mut self, image: &SparseImage, buffer: usize, key: (u32, u32), value: i64) -> Work {
        let (place, address) = key;
        let row = image.row(address);
        if let Some((number, _)) = row {
            self.waiting[buffer].push(Waiting { place, row: number, value: value as i32 });
        }
        row_work(row.map(|(_, row)| row), self.lanes)
    }

    /// Does the additions that wait for a buffer.
    pub fn settle(&mut self, buffer: usize, images: &[Vec<Image>]) {
        let acc = &mut self.buffers[buffer];
        for Waiting { place, row, value } in self.waiting[buffer].drain(..) {
            let Image::Sparse(image) = &images[place as usize >> 16][place as usize & 0xffff] else {
                continue;
            };
            let (synapses, dense) = image.synapses(row);
            if dense && synapses.len() >= 8 {
                let lanes = &mut acc[target(synapses[0])..][..synapses.len()];
                let add = |(a, &s): (&mut i32, &u32)| *a = a.wrapping_add(weight(s).wrapping_mul(value));
                lanes.iter_mut().zip(synapses).for_each(add);
            } else {
                for &s in synapses {
                    let a = &mut acc[target(s)];
                    *a = a.wrapping_add(weight(s).wrapping_mul(value));
                }
            }
        }
    }

    /// Issue time of the last beat of an event whose first beat may issue at `start`, under stalls, and the cycles lost.
    pub fn stall(
        &mut self,
        images: &[Image],
        buffer: usize,
        address: u32,
        start: u64,
        banking: Banking,
    ) -> (u64, u64) {
        let (mut at, mut beats) = (start, 0);
        let mut issued = std::mem::take(&mut self.issued[buffer]);
        let mut issue = |keys: &mut dyn Iterator<Item = usize>| {
            let mut touched = [0usize; 256];
            let mut n = 0;
            for key in keys {
                at = at.max(if issued[key] == 0 { 0 } else { issued[key] + 3 });
                touched[n] = key;
                n += 1;
            }
            touched[..n].iter().for_each(|&key| issued[key] = at);
            at += 1;
            beats += 1;
        };
        for image in images {
            match image {
                Image::Taps(taps) => self.each_word(taps, address, |word| issue(&mut std::iter::once(word))),
                Image::Sparse(sparse) => {
                    let synapses =
                        sparse.row(address).map_or(&[][..], |(number, _)| sparse.synapses(number).0);
                    let mut next = 0;
                    while next < synapses.len() {
                        let end = banking.beat_end(synapses, next);
                        issue(&mut synapses[next..end].iter().map(|&s| target(s)));
                        next = end;
                    }
                }
            }
        }
        self.issued[buffer] = issued;
        if beats == 0 {
            (start, 0)
        } else {
            (at - 1, at - start - beats)
        }
    }

    fn each_word(&self, image: &TapImage, address: u32, mut beat: impl FnMut(usize)) {
        let Taps { channel, rows, cols } = taps_of(image, address);
        let (first, count) = image.lanes[channel];
        let per_position = self.channels.div_ceil(self.lanes);
        for &(_, oy) in rows {
            for &(_, ox) in cols {
                let position = oy as usize * self.columns + ox as usize;
                for block in 0..blocks(first, count, self.lanes) as usize {
                    beat(position * per_position + first as usize / self.lanes + block);
                }
            }
        }
    }
}

/// Blocks of lanes that channels `first..first + count` touch.
fn blocks(first: u32, count: u32, lanes: usize) -> u64 {
    let (first, count) = (first as usize, count as usize);
    if count == 0 {
        0
    } else {
        ((first + count - 1) / lanes - first / lanes + 1) as u64
    }
}

/// Work of one event through one synapse.
pub fn work(image: &Image, address: u32, lanes: usize) -> Work {
    match image {
        Image::Taps(taps) => tap_work(taps, &taps_of(taps, address), lanes),
        Image::Sparse(sparse) => row_work(sparse.row(address).map(|(_, row)| row), lanes),
    }
}

#[inline]
fn tap_work(image: &TapImage, taps: &Taps<'_>, lanes: usize) -> Work {
    let (first, count) = image.lanes[taps.channel];
    let taps = (taps.rows.len() * taps.cols.len()) as u64;
    let (beats, active) = (taps * blocks(first, count, lanes), taps * u64::from(count));
    match image.weights {
        Some(_) => Work { beats, synapses: active, weight_words: beats, ..Work::default() },
        None => Work { beats, additions: active, ..Work::default() },
    }
}

#[inline]
fn row_work(row: Option<sparse::Row>, lanes: usize) -> Work {
    let Some(row) = row else { return Work { pointers: 1, ..Work::default() } };
    let (beats, synapses) = (u64::from(row.beats), u64::from(row.synapses));
    let conflicts = beats - synapses.div_ceil(lanes as u64);
    Work { beats, synapses, additions: 0, weight_words: beats, pointers: 1, conflicts }
}

struct Taps<'a> {
    channel: usize,
    rows: &'a [(u32, u32)],
    cols: &'a [(u32, u32)],
}

#[inline]
fn taps_of(image: &TapImage, address: u32) -> Taps<'_> {
    let [h, w] = image.plane;
    let address = address as usize;
    let (channel, y, x) =
        if h * w == 1 { (address, 0, 0) } else { (address / (h * w), address / w % h, address % w) };
    let range = |start: &[u32], i: usize| start[i] as usize..start[i + 1] as usize;
    Taps {
        channel,
        rows: &image.row_taps[range(&image.row_start, y)],
        cols: &image.col_taps[range(&image.col_start, x)],
    }
}

#[inline]
fn add_row(lanes: &mut [i32], weights: &Weights, from: usize, value: i32) {
    match weights {
        Weights::Byte(w) => add(lanes, &w[from..from + lanes.len()], value),
        Weights::Half(w) => add(lanes, &w[from..from + lanes.len()], value),
    }
}

/// `lanes += weights · value`; exact because every partial sum is proven to fit 32 bits.
#[inline]
fn add<W: Copy + Into<i32>>(lanes: &mut [i32], weights: &[W], value: i32) {
    if value == 1 {
        lanes.iter_mut().zip(weights).for_each(|(a, &w)| *a = a.wrapping_add(w.into()));
    } else {
        lanes.iter_mut().zip(weights).for_each(|(a, &w)| *a = a.wrapping_add(w.into().wrapping_mul(value)));
    }
}
