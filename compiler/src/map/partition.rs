//! Partition: a stage's box of channels and rows cut into a grid of slices, each small enough for one core.

use super::connectivity::Region;
use super::memory::{Footprint, StageMemory};
use super::work::{cycles, work, Rates};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Arch, Diagnostic, Graph, Result, Shape, Stage, Strategy};

/// A stage with what the partitioner needs to know about it.
pub struct Layer<'a> {
    /// The integer graph.
    pub graph: &'a Graph,
    /// The chip.
    pub arch: &'a Arch,
    /// The stage.
    pub stage: &'a Stage,
    /// Memory model.
    pub memory: StageMemory<'a>,
    /// Expected events.
    pub rates: &'a Rates,
    /// Most channels of one slice.
    pub max_channels: Option<u32>,
}

/// A cut into `channels` × `rows` pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Pieces along the channels.
    pub channels: usize,
    /// Pieces along the rows.
    pub rows: usize,
}

impl Grid {
    /// Slices.
    pub fn count(self) -> usize {
        self.channels * self.rows
    }

    /// The boxes, channel pieces outermost. Channel pieces are whole accumulator words where there are enough.
    pub fn regions(self, shape: Shape, lanes: u32) -> Vec<Region> {
        let words = shape.c.div_ceil(lanes as usize);
        let channels = if self.channels <= words {
            cut(shape.c, self.channels, lanes as usize)
        } else {
            cut(shape.c, self.channels, 1)
        };
        let rows = cut(shape.h, self.rows, 1);
        channels
            .iter()
            .flat_map(|&channels| rows.iter().map(move |&rows| Region { channels, rows }))
            .collect()
    }
}

/// `n` even pieces of 0..len, bounds at multiples of `unit`.
fn cut(len: usize, n: usize, unit: usize) -> Vec<[usize; 2]> {
    let units = len.div_ceil(unit);
    let bound = |i: usize| (units * i / n * unit).min(len);
    (0..n).map(|i| [bound(i), bound(i + 1)]).collect()
}

impl Layer<'_> {
    /// Shape of the accumulators.
    pub fn shape(&self) -> Shape {
        self.memory.shape
    }

    fn words(&self) -> usize {
        self.shape().c.div_ceil(self.arch.core.lanes as usize)
    }

    /// The largest piece's need that no core can meet, if any.
    fn overflow(&self, grid: Grid, strategy: Strategy) -> Option<(Memory, u64)> {
        let regions = grid.regions(self.shape(), self.arch.core.lanes);
        regions.iter().find_map(|&r| self.memory.footprint(r, strategy).overflow(self.arch))
    }

    fn fits(&self, grid: Grid, strategy: Strategy) -> bool {
        let limit = self.max_channels.map_or(usize::MAX, |m| m as usize);
        let regions = grid.regions(self.shape(), self.arch.core.lanes);
        regions.iter().all(|r| r.channel_count() <= limit) && self.overflow(grid, strategy).is_none()
    }

    /// The fewest slices that fit; of equally many, cut along channels rather than rows.
    ///
    /// Channels are cut into whole accumulator words, or, where one word's channels are too many, into halves,
    /// quarters ... of a word.
    pub fn smallest(&self, strategy: Strategy) -> Result<Grid> {
        let shape = self.shape();
        let lanes = self.arch.core.lanes;
        let halves = (1..=lanes.ilog2() + 1).map(|i| shape.c.div_ceil((lanes >> i).max(1) as usize));
        let limit = self.max_channels.map(|m| shape.c.div_ceil((m as usize).max(1)));
        let mut best: Option<Grid> = None;
        for channels in (1..=self.words()).chain(halves).chain(limit) {
            let enough = |rows: usize| best.is_none_or(|b| (channels * rows, rows) < (b.count(), b.rows));
            let grids = (1..=shape.h).take_while(|&rows| enough(rows)).map(|rows| Grid { channels, rows });
            best = grids.into_iter().find(|&g| self.fits(g, strategy)).or(best);
        }
        best.ok_or_else(|| self.fits_nowhere(strategy))
    }

    fn fits_nowhere(&self, strategy: Strategy) -> Diagnostic {
        let place = format!("layer `{}`", self.stage.name);
        let finest = Grid { channels: self.shape().c, rows: self.shape().h };
        let Some((memory, bits)) = self.overflow(finest, strategy) else {
            return Diagnostic::new(
                "E0603",
                place,
                "max_channels = 0 leaves nothing for a slice",
                "give at least 1",
            );
        };
        let (need, have) = (bits.div_ceil(8), self.arch.capacity_bits(memory) / 8);
        let or = match memory {
            Memory::Frame => ", or choose spill_dram or recompute for this layer",
            Memory::SpikeStore => ", give expected events, or choose spill_sram or spill_dram",
            Memory::Statistics => ", or use fewer timesteps or channels in the attention",
            Memory::Gate => ", or use fewer gate bits",
            Memory::Pointer => "",
            _ => ", or use fewer weight bits",
        };
        Diagnostic::new(
            "E0603",
            place,
            format!(
                "fits nowhere: one channel of one row needs {need} bytes of {} and a core has {have}",
                memory.name()
            ),
            format!("enlarge {}{or}", memory.key()),
        )
    }

    /// What a slice fills.
    pub fn footprint(&self, region: Region) -> Footprint {
        self.memory.footprint(region, self.stage.strategy)
    }

    /// Expected cycles of one of `slices` slices for the whole sequence.
    pub fn slice_cycles(&self, channels: [u32; 2], rows: [u32; 2], slices: usize) -> u64 {
        let region = Region { channels: channels.map(|v| v as usize), rows: rows.map(|v| v as usize) };
        let work = work(self.graph, self.stage, self.rates, region, self.arch.core.lanes);
        cycles(self.graph, self.stage, self.stage.strategy, work, slices as u64)
    }

    /// Expected cycles of the slowest slice for the whole sequence.
    pub fn cycles(&self, grid: Grid, strategy: Strategy) -> u64 {
        let regions = grid.regions(self.shape(), self.arch.core.lanes);
        let size = |r: &&Region| r.channel_count() * r.row_count();
        let largest = *regions.iter().max_by_key(size).expect("a grid has at least one piece");
        let work = work(self.graph, self.stage, self.rates, largest, self.arch.core.lanes);
        cycles(self.graph, self.stage, strategy, work, grid.count() as u64)
    }

    /// The next larger grid of at most `limit` slices that is at least a tenth faster than `from`.
    pub fn faster(&self, from: Grid, limit: usize) -> Option<Grid> {
        let strategy = self.stage.strategy;
        let target = self.cycles(from, strategy) * 9 / 10;
        (from.count() + 1..=limit).find_map(|n| {
            let grids = (1..=n.min(self.words())).filter(|c| n % c == 0 && n / c <= self.shape().h);
            grids
                .map(|c| Grid { channels: c, rows: n / c })
                .map(|g| (self.cycles(g, strategy), g))
                .filter(|(cycles, g)| *cycles <= target && self.fits(*g, strategy))
                .min_by_key(|(cycles, g)| (*cycles, g.rows))
                .map(|(_, g)| g)
        })
    }
}

/// Gives free cores to slow layers: while cores are left, the slowest layer that can get faster is cut further.
/// Layers that take less than half as long as the slowest are left alone.
pub fn spread(layers: &[&Layer<'_>], grids: &mut [Grid], cores: usize) {
    loop {
        let used: usize = grids.iter().map(|g| g.count()).sum();
        let mut order: Vec<(u64, usize)> = layers
            .iter()
            .zip(grids.iter())
            .enumerate()
            .map(|(i, (l, g))| (l.cycles(*g, l.stage.strategy), i))
            .collect();
        order.sort_by_key(|&(cycles, i)| (std::cmp::Reverse(cycles), i));
        let worth = order.first().map_or(0, |s| s.0 / 2);
        let step = order.iter().filter(|(cycles, _)| *cycles >= worth).find_map(|&(_, i)| {
            layers[i].faster(grids[i], cores.saturating_sub(used) + grids[i].count()).map(|g| (i, g))
        });
        match step {
            Some((i, grid)) => grids[i] = grid,
            None => return,
        }
    }
}
