//! Tables of `list_source.v`: which words leave a slice, in which order.

use super::{index_bits, TapLayout};
use pulvinar_ir::Shape;
use pulvinar_simulator::prepare::sweep::StagePlan;
use pulvinar_simulator::prepare::synapse::Region;

/// A box of words, walked row-major over t, c, h, w.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    source: usize,
    counts: [usize; 4],
    read: (usize, [usize; 4]),
    event: (usize, [usize; 4]),
    last: bool,
}

/// The parameters of a `list_source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    segments: Vec<Segment>,
    /// Bits of a read address.
    pub read_bits: u32,
    /// Bits of an event address.
    pub event_bits: u32,
}

/// What a slice that is not the home sends: the entries it covers of every tap, one list a pass; a source is the number
/// of a tap over all passes.
pub fn statistics(stage: &StagePlan<'_>, region: &Region, lanes: usize) -> Lists {
    let mut segments = Vec::new();
    let mut words = 1;
    for pass in &stage.passes[..stage.last_pass()] {
        for (i, tap) in pass.taps.iter().enumerate() {
            let (s, layout) = (tap.shape, TapLayout::new(tap.shape, region, lanes));
            let strides = [s.step_len(), s.h * s.w, s.w, 1];
            let first = |n: usize, from: usize| if n == 1 { 0 } else { from };
            let (c, h) = (first(s.c, region.channels[0]), first(s.h, region.rows[0]));
            segments.push(Segment {
                source: segments.len(),
                counts: layout.box_shape.dims(),
                read: (0, layout.strides()),
                event: (tap.base + c * strides[1] + h * strides[2], strides),
                last: i + 1 == pass.taps.len(),
            });
            words = words.max(layout.words());
        }
    }
    let events = stage.passes.iter().map(|p| p.tap_len).max().unwrap_or(1);
    Lists { segments, read_bits: index_bits(words), event_bits: index_bits(events) }
}

/// What a home sends: the gates each pass hands on.
pub fn gates(stage: &StagePlan<'_>) -> Lists {
    let segment = |[first, end]: [usize; 2]| Segment {
        source: 0,
        counts: Shape::new(1, 1, 1, end - first).dims(),
        read: (first, [0, 0, 0, 1]),
        event: (0, [0, 0, 0, 1]),
        last: true,
    };
    let passes = &stage.passes[..stage.last_pass()];
    let most = passes.iter().map(|p| p.made_range[1] - p.made_range[0]).max().unwrap_or(1);
    Lists {
        segments: passes.iter().map(|p| segment(p.made_range)).collect(),
        read_bits: index_bits(stage.gate_len),
        event_bits: index_bits(most),
    }
}

impl Segment {
    fn is_empty(&self) -> bool {
        self.counts.contains(&0)
    }

    /// First address, and what is added when w, h, c or t moves on and the lower digits start again.
    fn moves(&self, (first, strides): (usize, [usize; 4])) -> Vec<i64> {
        let back =
            |k: usize| (k + 1..4).map(|j| (self.counts[j] as i64 - 1) * strides[j] as i64).sum::<i64>();
        let step = |k: usize| strides[k] as i64 - back(k);
        std::iter::once(first as i64).chain([3, 2, 1, 0].map(step)).collect()
    }
}

impl Lists {
    /// True if nothing is ever sent.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Values of the instance's parameters by name.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let count = self.segments.iter().flat_map(|s| s.counts).max().unwrap_or(1);
        let sources = self.segments.iter().map(|s| s.source).max().unwrap_or(0) + 1;
        let (count_bits, source_bits) = (index_bits(count), index_bits(sources));
        let each = |bits: u32, values: &dyn Fn(&Segment) -> Vec<i64>| {
            vector(bits, self.segments.iter().flat_map(values).collect())
        };
        let sizes = |s: &Segment| s.counts.iter().rev().map(|&n| n as i64 - 1).collect::<Vec<_>>();
        vec![
            ("SEGMENTS", self.segments.len().to_string()),
            ("SEGMENT_BITS", index_bits(self.segments.len()).to_string()),
            ("SOURCE_BITS", source_bits.to_string()),
            ("COUNT_BITS", count_bits.to_string()),
            ("READ_BITS", self.read_bits.to_string()),
            ("EVENT_BITS", self.event_bits.to_string()),
            ("LAST_OF_LIST", each(1, &|s| vec![s.last.into()])),
            ("EMPTY", each(1, &|s| vec![s.is_empty().into()])),
            ("SOURCES", each(source_bits, &|s| vec![s.source as i64])),
            ("COUNTS", each(count_bits, &sizes)),
            ("READS", each(self.read_bits, &|s| s.moves(s.read))),
            ("EVENTS", each(self.event_bits, &|s| s.moves(s.event))),
        ]
    }
}

/// A Verilog constant of values of equal width, the first lowest.
fn vector(bits: u32, values: Vec<i64>) -> String {
    let mut word = super::operation::Word::default();
    values.iter().for_each(|&v| word.push(v, bits));
    format!("{}'h{}", bits as usize * values.len(), word.hexadecimal())
}
