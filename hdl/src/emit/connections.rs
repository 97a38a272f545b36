//! Memories of a slice with stored connections: a pointer for every source, and the beats of its row.

use super::format::signed_bits;
use crate::netlist::{index_bits, Bits};
use pulvinar_simulator::prepare::sparse::{target, weight, Banking};
use pulvinar_simulator::prepare::synapse::Image;

/// Contents of the memories.
#[derive(Debug, Default)]
pub struct Connections {
    /// First beat of a source's row, and whether there is one; by group, then source.
    rows: Vec<(usize, bool)>,
    beats: Vec<Beat>,
}

/// A word of the connection memory.
#[derive(Debug, Default)]
struct Beat {
    /// Target and weight.
    connections: Vec<(usize, i32)>,
    /// The row ends.
    last: bool,
    /// The row has more beats than its connections fill lanes, this one among them.
    conflict: bool,
}

/// Sizes of the memories and of the accumulator's banks.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Banks of the accumulator, at least one a lane.
    pub banks: usize,
    /// Rows of a bank.
    pub rows: usize,
    /// Bits of a row's number.
    pub row: u32,
    /// Bits of a weight.
    pub weight: u32,
    /// Words of the connection memory, at least 1.
    pub words: usize,
    /// Bits of their addresses.
    pub address: u32,
}

impl Connections {
    /// The memories of a slice, from the images of each group of synapses and the number of its sources.
    pub fn new<'a>(groups: impl Iterator<Item = (&'a [Image], usize)>, banking: Banking) -> Connections {
        let mut all = Connections::default();
        for (images, sources) in groups {
            (0..sources).for_each(|source| all.push_source(images, source as u32, banking));
        }
        all
    }

    /// The rows of all synapses of a source, one behind the other.
    fn push_source(&mut self, images: &[Image], source: u32, banking: Banking) {
        let first = self.beats.len();
        for image in images {
            let Image::Sparse(image) = image else { continue };
            let Some((number, _)) = image.row(source) else { continue };
            let row = image.synapses(number).0;
            let (mut at, before) = (0, self.beats.len());
            while at < row.len() {
                let end = banking.beat_end(row, at);
                let connections = row[at..end].iter().map(|&s| (target(s), weight(s))).collect();
                let conflict = self.beats.len() - before >= row.len().div_ceil(banking.lanes);
                self.beats.push(Beat { connections, last: false, conflict });
                at = end;
            }
        }
        let any = self.beats.len() > first;
        if let Some(beat) = self.beats.last_mut().filter(|_| any) {
            beat.last = true;
        }
        self.rows.push((first, any));
    }

    /// Sizes for an accumulator of so many elements (whole words of lanes).
    pub fn sizes(&self, banking: Banking, elements: usize) -> Sizes {
        let banks = banking.lanes.max(banking.banks);
        let rows = elements.div_ceil(banks);
        let all = || self.beats.iter().flat_map(|b| b.connections.iter().map(|&(_, w)| i64::from(w)));
        Sizes {
            banks,
            rows,
            row: index_bits(rows),
            weight: all().map(|w| signed_bits(w, w)).max().unwrap_or(1),
            words: self.beats.len().max(1),
            address: index_bits(self.beats.len()),
        }
    }

    /// Bits of a row pointer.
    pub fn pointer_bits(&self) -> u32 {
        1 + index_bits(self.beats.len())
    }

    /// Row pointers by group, then source, lowest part first: there are beats, first beat.
    pub fn pointers(&self) -> Vec<Vec<Bits>> {
        let address = self.pointer_bits() - 1;
        let word = |&(first, any): &(usize, bool)| {
            let first = if any { first } else { 0 };
            vec![Bits::unsigned(u64::from(any), 1), Bits::unsigned(first as u64, address)]
        };
        self.rows.iter().map(word).collect()
    }

    /// Words of the connection memory, as `sparse_source.v` describes them, lowest part first.
    pub fn words(&self, sizes: &Sizes) -> Vec<Vec<Bits>> {
        let slot = |found: Option<&(usize, i32)>| {
            let (row, weight) = found.map_or((0, 0), |&(t, w)| (t / sizes.banks, w));
            [
                Bits::signed(weight.into(), sizes.weight),
                Bits::unsigned(row as u64, sizes.row),
                Bits::unsigned(u64::from(found.is_some()), 1),
            ]
        };
        let nothing = Beat::default();
        let beats = self.beats.iter().chain(self.beats.is_empty().then_some(&nothing));
        let word = |beat: &Beat| {
            let of_bank = |b: usize| beat.connections.iter().find(|c| c.0 % sizes.banks == b);
            let marks = [beat.last, beat.conflict].map(|mark| Bits::unsigned(u64::from(mark), 1));
            (0..sizes.banks).flat_map(|b| slot(of_bank(b))).chain(marks).collect()
        };
        beats.map(word).collect()
    }
}
