//! Assembler of the attention engine: the small nodes of a stage become the micro-program of `attention_engine.v`.
//!
//! An operation computes outputs numbered row-major. The number has five digits (column, row, output channel of the
//! group, group, step; the first the fastest), an output's reduction four. Every address is an affine function of these
//! digits: a base, a stride a digit. The engine never multiplies: from one block of `attention_lanes` outputs to the
//! next an address grows by a constant, and by another one for every digit that carries. Taps of a pass come first,
//! one operation each, then its nodes.

mod compile;
pub mod lists;
mod operation;

pub use compile::assemble;

use pulvinar_ir::Shape;
use pulvinar_simulator::prepare::synapse::Region;
use std::fmt::Write as _;

/// A memory image for `$readmemh`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Words, lowest address first, as hexadecimal digits.
    pub words: Vec<String>,
}

impl Image {
    /// Bits of an address: at least 1.
    pub fn address_bits(&self) -> u32 {
        index_bits(self.words.len())
    }
    /// The file's text: one word a line.
    pub fn text(&self) -> String {
        self.words.iter().fold(String::new(), |mut text, word| {
            let _ = writeln!(text, "{word}");
            text
        })
    }
}

/// Bits that number `n` things: at least 1.
pub fn index_bits(n: usize) -> u32 {
    (usize::BITS - n.saturating_sub(1).leading_zeros()).max(1)
}

/// The words of one slice's statistics of a tap (`statistics.v`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TapLayout {
    /// Entries the slice covers along t, c, h, w.
    pub box_shape: Shape,
    /// Lanes of a row; 1 without a channel axis.
    pub lanes: usize,
    /// Channel blocks of one entry; 1 without a channel axis.
    pub blocks: usize,
}

impl TapLayout {
    /// Layout of a tap of this shape in a slice with this many sweep lanes.
    pub fn new(shape: Shape, region: &Region, lanes: usize) -> Self {
        let c = if shape.c == 1 { 1 } else { region.channel_count() };
        let h = if shape.h == 1 { 1 } else { region.rows[1] - region.rows[0] };
        let lanes = if shape.c == 1 { 1 } else { lanes };
        TapLayout { box_shape: Shape::new(shape.t, c, h, shape.w), lanes, blocks: c.div_ceil(lanes) }
    }
    /// Rows of the memory.
    pub fn rows(&self) -> usize {
        self.box_shape.t * self.box_shape.h * self.box_shape.w * self.blocks
    }
    /// Words, counted as addresses: rows times lanes.
    pub fn words(&self) -> usize {
        self.rows() * self.lanes
    }
    /// Words from one entry to the next along t, c, h, w.
    pub fn strides(&self) -> [usize; 4] {
        let w = self.blocks * self.lanes;
        let h = w * self.box_shape.w;
        [h * self.box_shape.h, 1, h, w]
    }
}

/// Everything an instance of `attention_engine.v` is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembled {
    /// Lanes.
    pub lanes: usize,
    /// Bits of every value, signed.
    pub width: u32,
    /// Bits of the second factor of a product.
    pub factor_bits: u32,
    /// Bits of a number of the program, and of the statistics', arrivals' and gates' addresses.
    pub field: u32,
    /// Rows of the operand memory.
    pub rows: usize,
    /// Operations of all passes.
    pub program: Image,
    /// Words of a weight for every lane.
    pub weights: Image,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Words of a bias for every lane.
    pub biases: Image,
    /// Bits of a bias.
    pub bias_bits: u32,
    /// Entries of all tables.
    pub table: Image,
    /// Bits of an entry.
    pub table_bits: u32,
    /// First word of each pass's statistics among the arrived ones, and the end.
    pub arrived: Vec<usize>,
    /// True if operations have rounds.
    pub rounds: bool,
    /// Cycles from start to finish of each pass, in a round in which no operation is outside the sequence.
    pub cycles: Vec<u64>,
}

impl Assembled {
    /// Values of the instance's parameters by name; files are called `prefix` and the image's name.
    pub fn parameters(&self, prefix: &str) -> Vec<(&'static str, String)> {
        let n = |v: usize| v.to_string();
        let b = |v: u32| v.to_string();
        let file = |name: &str| format!("\"{prefix}_{name}.mem\"");
        vec![
            ("LANES", n(self.lanes)),
            ("LANE_BITS", b(self.lanes.trailing_zeros())),
            ("WIDTH", b(self.width)),
            ("FACTOR_BITS", b(self.factor_bits)),
            ("FIELD", b(self.field)),
            ("ROWS", n(self.rows)),
            ("ROW_BITS", b(index_bits(self.rows))),
            ("OPERATIONS", n(self.program.words.len())),
            ("PC_BITS", b(self.program.address_bits())),
            ("PROGRAM", file("program")),
            ("WEIGHT_BITS", b(self.weight_bits)),
            ("WEIGHTS", n(self.weights.words.len())),
            ("WEIGHT_ADDR_BITS", b(self.weights.address_bits())),
            ("WEIGHT", file("weight")),
            ("BIAS_BITS", b(self.bias_bits)),
            ("BIASES", n(self.biases.words.len())),
            ("BIAS_ADDR_BITS", b(self.biases.address_bits())),
            ("BIAS", file("bias")),
            ("TABLE_BITS", b(self.table_bits)),
            ("ENTRIES", n(self.table.words.len())),
            ("ENTRY_BITS", b(self.table.address_bits())),
            ("TABLE", file("table")),
            ("ROUNDS", n(usize::from(self.rounds))),
        ]
    }

    /// File names and texts of the memory images.
    pub fn files(&self, prefix: &str) -> Vec<(String, String)> {
        [
            ("program", &self.program),
            ("weight", &self.weights),
            ("bias", &self.biases),
            ("table", &self.table),
        ]
        .map(|(name, image)| (format!("{prefix}_{name}.mem"), image.text()))
        .to_vec()
    }
}
