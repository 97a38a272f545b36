//! A synapse as its address generator and the weight memory need it.

use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_simulator::prepare::synapse::{Region, TapImage, Weights};

/// Widths that all address generators of a core share, in bits.
#[derive(Debug, Clone, Copy)]
pub struct Widths {
    /// Lanes of a word.
    pub lanes: usize,
    /// Address of an accumulator word.
    pub acc_addr: u32,
    /// Address of a weight word.
    pub weight_addr: u32,
    /// Channel, row and column of an event.
    pub coordinates: [u32; 3],
}

/// What an input channel reaches: words of a position, and lanes in the first and the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    first: usize,
    blocks: usize,
    first_mask: u128,
    last_mask: u128,
}

impl Reach {
    fn new(first: usize, count: usize, lanes: usize) -> Reach {
        if count == 0 {
            return Reach { first: 0, blocks: 0, first_mask: 0, last_mask: 0 };
        }
        let (end, block) = (first + count, first / lanes);
        let blocks = (end - 1) / lanes - block + 1;
        let below = |n: usize| if n >= 128 { u128::MAX } else { (1 << n) - 1 };
        let (mut low, mut high) = (below(lanes) & !below(first % lanes), below((end - 1) % lanes + 1));
        if blocks == 1 {
            (low, high) = (low & high, low & high);
        }
        Reach { first: block, blocks, first_mask: low, last_mask: high }
    }
}

/// Taps of every input row (or column): number, first kernel index, output of the first; the steps between them. Outputs
/// fall from tap to tap through a window, and rise (a negative step) through a transposed one.
#[derive(Debug)]
struct Line {
    entries: Vec<(usize, usize, usize)>,
    kernel_step: usize,
    output_step: isize,
}

impl Line {
    fn new(start: &[u32], taps: &[(u32, u32)]) -> Line {
        let lists = || start.windows(2).map(|w| &taps[w[0] as usize..w[1] as usize]);
        let entry = |list: &[(u32, u32)]| {
            let (k, o) = list.first().copied().unwrap_or_default();
            (list.len(), k as usize, o as usize)
        };
        // All lists advance alike: kernel indices rise and outputs fall (or rise) by constants.
        let step = lists().flat_map(|l| l.windows(2)).next();
        let (kernel_step, output_step) =
            step.map_or((0, 0), |w| ((w[1].0 - w[0].0) as usize, w[0].1 as isize - w[1].1 as isize));
        Line { entries: lists().map(entry).collect(), kernel_step, output_step }
    }

    fn most_taps(&self) -> usize {
        self.entries.iter().map(|e| e.0).max().unwrap_or(0)
    }
}

/// Layout of one synapse of a slice.
#[derive(Debug)]
pub struct Generator {
    rows: Line,
    columns: Line,
    kernel: [usize; 2],
    /// Words of one output position of the slice.
    position_words: usize,
    output_columns: usize,
    /// First channel of the slice and end.
    channels: [usize; 2],
    /// Input channels.
    inputs: usize,
    /// By input channel; none where each input channel is the lane of its number (pooling, identity).
    reach: Option<Vec<Reach>>,
    /// Beats read weights.
    weighted: bool,
    /// Words of the weight memory, `lanes` weights each, 0 in lanes that are not reached.
    pub weights: Vec<Vec<i32>>,
}

fn at(weights: &Weights, i: usize) -> i32 {
    match weights {
        Weights::Byte(w) => i32::from(w[i]),
        Weights::Half(w) => i32::from(w[i]),
    }
}

impl Generator {
    /// The layout of a synapse with regular connections.
    pub fn new(taps: &TapImage, region: &Region, lanes: usize) -> Generator {
        let own = |(i, &(lane, held)): (usize, &(u32, u32))| {
            let inside = (region.channels[0]..region.channels[1]).contains(&i);
            (held > 0) == inside && (!inside || lane as usize + region.channels[0] == i)
        };
        let weighted = taps.weights.is_some();
        let table = weighted || !taps.lanes.iter().enumerate().all(own);
        let reach = table.then(|| {
            let one = |&(first, count): &(u32, u32)| Reach::new(first as usize, count as usize, lanes);
            taps.lanes.iter().map(one).collect::<Vec<_>>()
        });
        let mut generator = Generator {
            rows: Line::new(&taps.row_start, &taps.row_taps),
            columns: Line::new(&taps.col_start, &taps.col_taps),
            kernel: taps.kernel,
            position_words: region.channel_count().div_ceil(lanes),
            output_columns: region.columns,
            channels: region.channels,
            inputs: taps.lanes.len(),
            reach,
            weighted,
            weights: Vec::new(),
        };
        generator.weights = generator.weight_words(taps, lanes);
        generator
    }

    /// True if its beats read weights.
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Words of one tap of an input channel in the weight memory.
    fn blocks(&self) -> usize {
        self.reach.iter().flatten().map(|r| r.blocks).max().unwrap_or(1).max(1)
    }

    /// Words by input channel that reaches anything, kernel row, kernel column, block.
    fn weight_words(&self, taps: &TapImage, lanes: usize) -> Vec<Vec<i32>> {
        let (Some(weights), Some(reach)) = (&taps.weights, &self.reach) else { return Vec::new() };
        let mut words = Vec::new();
        for (i, reach) in reach.iter().enumerate().filter(|(_, r)| r.blocks > 0) {
            let (first, count) = (taps.lanes[i].0 as usize, taps.lanes[i].1 as usize);
            for tap in 0..self.kernel[0] * self.kernel[1] {
                let from = taps.first_weight[i] as usize + tap * count;
                let lane = |c: usize| {
                    if (first..first + count).contains(&c) {
                        at(weights, from + c - first)
                    } else {
                        0
                    }
                };
                for block in reach.first..reach.first + self.blocks() {
                    words.push((block * lanes..(block + 1) * lanes).map(lane).collect());
                }
            }
        }
        words
    }

    /// Parameters of `address_generator`; the synapse's weights lie from word `base` on.
    pub fn parameters(&self, widths: &Widths, base: usize) -> Vec<(String, Parameter)> {
        let [channel, row, column] = widths.coordinates;
        let taps = index_bits(self.rows.most_taps().max(self.columns.most_taps()) + 1);
        let blocks = index_bits(self.blocks() + 1);
        let mut all: Vec<(&str, Parameter)> = vec![
            ("LANES", number(widths.lanes)),
            ("CHANNEL_BITS", number(channel as usize)),
            ("ROW_BITS", number(row as usize)),
            ("COLUMN_BITS", number(column as usize)),
            ("ACC_ADDR_BITS", number(widths.acc_addr as usize)),
            ("WEIGHT_ADDR_BITS", number(widths.weight_addr as usize)),
            ("TAP_BITS", number(taps as usize)),
            ("BLOCK_BITS", number(blocks as usize)),
            ("ROWS", number(self.rows.entries.len())),
            ("COLUMNS", number(self.columns.entries.len())),
        ];
        let (row_words, tap_words) = (self.output_columns * self.position_words, self.blocks());
        let scales = [(row_words, self.kernel[1] * tap_words), (self.position_words, tap_words)];
        for ((line, scale), names) in [&self.rows, &self.columns].into_iter().zip(scales).zip(LINE_NAMES) {
            let (acc, weight) = scale;
            let entry = |&(n, k, o): &(usize, usize, usize)| {
                [bits(n, taps), bits(k * weight, widths.weight_addr), bits(o * acc, widths.acc_addr)]
            };
            all.push((names[0], Parameter::Vector(line.entries.iter().flat_map(entry).collect())));
            all.push((names[1], wrapped(line.output_step * acc as isize, widths.acc_addr)));
            all.push((names[2], vector(line.kernel_step * weight, widths.weight_addr)));
        }
        all.extend(self.channel_parameters(widths, base, blocks));
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn channel_parameters(
        &self,
        widths: &Widths,
        base: usize,
        block_bits: u32,
    ) -> Vec<(&'static str, Parameter)> {
        let channel_bits = widths.coordinates[0];
        let Some(reach) = &self.reach else {
            let [first, end] = self.channels.map(|c| c.min(self.inputs));
            return vec![
                ("MODE", number(1)),
                ("CHANNEL_FIRST", vector(first, channel_bits)),
                ("CHANNELS", vector(end - first, channel_bits + 1)),
            ];
        };
        let channel_words = if self.weighted { self.kernel[0] * self.kernel[1] * self.blocks() } else { 0 };
        let mut all = vec![("WEIGHT_BASE", vector(base, widths.weight_addr))];
        let whole = Reach::new(0, self.channels[1] - self.channels[0], widths.lanes);
        if reach.iter().all(|r| *r == whole) {
            all.extend([
                ("MODE", number(0)),
                ("BLOCKS", vector(whole.blocks, block_bits)),
                ("LAST_MASK", Parameter::Vector(vec![mask(whole.last_mask, widths.lanes)])),
                ("CHANNEL_STRIDE", vector(channel_words, widths.weight_addr)),
            ]);
            return all;
        }
        let mut table = Vec::new();
        let mut offset = 0;
        for r in reach {
            table.extend([bits(r.blocks, block_bits), bits(r.first, widths.acc_addr)]);
            table.push(bits(offset, widths.weight_addr));
            table.extend([mask(r.first_mask, widths.lanes), mask(r.last_mask, widths.lanes)]);
            offset += if r.blocks > 0 { channel_words } else { 0 };
        }
        all.extend([
            ("MODE", number(2)),
            ("TABLE_CHANNELS", number(reach.len())),
            ("CHANNEL_TABLE", Parameter::Vector(table)),
        ]);
        all
    }
}

const LINE_NAMES: [[&str; 3]; 2] = [
    ["ROW_TABLE", "ROW_ACC_STEP", "ROW_WEIGHT_STEP"],
    ["COLUMN_TABLE", "COLUMN_ACC_STEP", "COLUMN_WEIGHT_STEP"],
];

fn number(n: usize) -> Parameter {
    Parameter::Number(n as i64)
}

fn bits(value: usize, width: u32) -> Bits {
    Bits::unsigned(value as u64, width)
}

fn vector(value: usize, width: u32) -> Parameter {
    Parameter::Vector(vec![bits(value, width)])
}

/// A step that is taken off an address of this width, which wraps.
fn wrapped(value: isize, width: u32) -> Parameter {
    vector(value.rem_euclid(1 << width) as usize, width)
}

fn mask(value: u128, lanes: usize) -> Bits {
    Bits::Const { value, width: lanes as u32 }
}
