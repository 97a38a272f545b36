//! Stored connections of one slice, packed, and the bank rule of their beats.

use super::refuse;
use super::synapse::Region;
use pulvinar_ir::Result;

/// Rows by source, those without a synapse left out and numbered from 0.
///
/// What an event costs (`starts`, `beats`) lies apart from what it adds (`synapses`), so that timing touches little memory.
#[derive(Debug, Default)]
pub struct SparseImage {
    /// Per 64 sources: which have a row (two halves), and the number of the first.
    index: Vec<[u32; 3]>,
    beats: Vec<u16>,
    /// First synapse of every row, doubled, plus 1 if the targets are neighbours in ascending order; and an end.
    starts: Vec<u32>,
    synapses: Vec<u32>,
}

/// Work of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Synapses.
    pub synapses: u16,
    /// Beats.
    pub beats: u16,
}

/// Target of a packed synapse.
#[inline]
pub fn target(synapse: u32) -> usize {
    (synapse & 0xffff) as usize
}

/// Weight of a packed synapse.
#[inline]
pub fn weight(synapse: u32) -> i32 {
    synapse as i32 >> 16
}

impl SparseImage {
    /// Number and work of a source's row.
    #[inline]
    pub fn row(&self, source: u32) -> Option<(u32, Row)> {
        let [low, high, first] = self.index[source as usize / 64];
        let (bits, bit) = (u64::from(low) | u64::from(high) << 32, 1u64 << (source % 64));
        if bits & bit == 0 {
            return None;
        }
        let number = first + (bits & (bit - 1)).count_ones();
        let (start, end) = (self.starts[number as usize] >> 1, self.starts[number as usize + 1] >> 1);
        Some((number, Row { synapses: (end - start) as u16, beats: self.beats[number as usize] }))
    }

    /// Packed synapses of a row, and whether its targets are neighbours in ascending order.
    #[inline]
    pub fn synapses(&self, number: u32) -> (&[u32], bool) {
        let (start, end) = (self.starts[number as usize], self.starts[number as usize + 1]);
        (&self.synapses[start as usize >> 1..end as usize >> 1], start & 1 == 1)
    }

    /// Synapses held.
    pub fn synapse_count(&self) -> usize {
        self.synapses.len()
    }

    /// True if a weight is below 0.
    pub fn has_negative_weight(&self) -> bool {
        self.synapses.iter().any(|&s| weight(s) < 0)
    }

    fn push_row(&mut self, source: usize, row: &[u32], banking: Banking, place: &str) -> Result<()> {
        if source % 64 == 0 {
            self.index.push([0, 0, self.beats.len() as u32]);
        }
        if row.is_empty() {
            return Ok(());
        }
        let beats = banking.beats(row);
        if row.len() > usize::from(u16::MAX) {
            return Err(refuse(
                place,
                "a source has more than 65535 synapses on one slice",
                "cut the layer into smaller slices",
            ));
        }
        let dense = row.windows(2).all(|p| target(p[1]) == target(p[0]) + 1);
        self.index[source / 64][source % 64 / 32] |= 1 << (source % 32);
        self.beats.push(beats as u16);
        self.starts.push((self.synapses.len() as u32) << 1 | u32::from(dense));
        self.synapses.extend(row);
        Ok(())
    }
}

/// Beats of a row: up to `lanes` synapses whose banks differ.
#[derive(Debug, Clone, Copy)]
pub struct Banking {
    /// Lanes of a word.
    pub lanes: usize,
    /// Banks of the accumulator memory.
    pub banks: usize,
}

impl Banking {
    /// End of the beat that starts at `start`. Different banks imply different targets.
    pub fn beat_end(self, synapses: &[u32], start: usize) -> usize {
        let mut used = [0u64; 4];
        let mut end = start;
        while end < synapses.len() && end - start < self.lanes {
            let bank = target(synapses[end]) % self.banks;
            if used[bank / 64] >> (bank % 64) & 1 == 1 {
                break;
            }
            used[bank / 64] |= 1 << (bank % 64);
            end += 1;
        }
        end
    }

    fn beats(self, synapses: &[u32]) -> u32 {
        let (mut at, mut beats) = (0, 0);
        while at < synapses.len() {
            at = self.beat_end(synapses, at);
            beats += 1;
        }
        beats
    }
}

/// The rows of a slice.
pub fn sparse_image(
    region: &Region,
    targets: &[i32],
    rows: &[i32],
    weights: &[i32],
    banking: Banking,
    place: &str,
) -> Result<SparseImage> {
    let held = region.channels[0] as i32..region.channels[1] as i32;
    if held.len() > 1 << 16 {
        return Err(refuse(
            place,
            "a slice of stored connections has more than 65536 targets",
            "cut the layer into smaller slices",
        ));
    }
    let mut image = SparseImage::default();
    for (source, row) in rows.windows(2).enumerate() {
        let kept = (row[0] as usize..row[1] as usize).filter(|&s| held.contains(&targets[s]));
        let pack = |s: usize| {
            let weight = i16::try_from(weights[s]);
            let weight = weight
                .map_err(|_| refuse(place, "a weight needs more than 16 bits", "quantise to 2..16 bits"))?;
            Ok(u32::from(weight as u16) << 16 | (targets[s] - held.start) as u32)
        };
        let row: Vec<u32> = kept.map(pack).collect::<Result<_>>()?;
        image.push_row(source, &row, banking, place)?;
    }
    image.starts.push((image.synapses.len() as u32) << 1);
    image.synapses.shrink_to_fit();
    image.starts.shrink_to_fit();
    image.beats.shrink_to_fit();
    Ok(image)
}
