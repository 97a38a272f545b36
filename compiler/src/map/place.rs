//! Placement: which slice sits on which core. The objective is expected flit-hops of one inference.
//!
//! Integer arithmetic only, and random numbers are a function of (seed, move), so a seed gives the same chip anywhere.

use super::options::{MapOptions, Placement};
use super::streams::Planned;
use pulvinar_ir::arch::Routing;
use pulvinar_ir::{Arch, Endpoint};

/// Result of a placement: thousandths of flit-hops before and after annealing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Core of every slice.
    pub cores: Vec<u32>,
    /// Expected traffic of the first placement.
    pub milli_hops_before: u64,
    /// Expected traffic of the final one.
    pub milli_hops_after: u64,
}

/// Most work of annealing, and of each round of descent after it: destinations looked at.
const BUDGET: u64 = 100_000_000;

/// Places `slices` slices; the streams' core ends are slice indices.
pub fn place(arch: &Arch, slices: usize, streams: &[Planned], options: &MapOptions) -> Placed {
    let mut placer = Placer::new(arch, slices, streams);
    match options.placement {
        Placement::Sequential => (0..slices).for_each(|s| placer.put(s, s as u32)),
        Placement::Greedy | Placement::Annealed => placer.greedy(),
    }
    let before = placer.total();
    if options.placement == Placement::Annealed {
        let moves = u64::from(options.anneal_moves) * slices as u64;
        placer.anneal(options.seed, moves.min(BUDGET / placer.swap_work()));
    }
    let after = placer.total();
    let cores = placer.core_of.iter().map(|c| c.expect("every slice has been placed")).collect();
    Placed { cores, milli_hops_before: before, milli_hops_after: after }
}

struct Placer<'a> {
    arch: &'a Arch,
    streams: &'a [Planned],
    /// Streams that touch each slice.
    touching: Vec<Vec<usize>>,
    core_of: Vec<Option<u32>>,
    slice_on: Vec<Option<usize>>,
}

/// Costs of all streams, and those that the last swap has changed.
struct Costs {
    now: Vec<u64>,
    touched: Vec<usize>,
    then: Vec<u64>,
}

impl Costs {
    fn of(placer: &Placer<'_>) -> Self {
        let now = (0..placer.streams.len()).map(|s| placer.cost(s)).collect();
        Costs { now, touched: Vec::new(), then: Vec::new() }
    }

    /// The last swap stays.
    fn accept(&mut self) {
        self.touched.iter().zip(&self.then).for_each(|(&stream, &cost)| self.now[stream] = cost);
    }
}

impl<'a> Placer<'a> {
    fn new(arch: &'a Arch, slices: usize, streams: &'a [Planned]) -> Self {
        let mut touching = vec![Vec::new(); slices];
        for (i, planned) in streams.iter().enumerate() {
            for end in std::iter::once(&planned.stream.source).chain(&planned.stream.destinations) {
                if let Endpoint::Core(slice) = end {
                    let list: &mut Vec<usize> = &mut touching[*slice as usize];
                    if list.last() != Some(&i) {
                        list.push(i);
                    }
                }
            }
        }
        Placer {
            arch,
            streams,
            touching,
            core_of: vec![None; slices],
            slice_on: vec![None; arch.cores() as usize],
        }
    }

    fn put(&mut self, slice: usize, core: u32) {
        self.core_of[slice] = Some(core);
        self.slice_on[core as usize] = Some(slice);
    }

    /// Tile of an end; none if its slice is not placed yet.
    fn tile(&self, end: Endpoint) -> Option<u32> {
        match end {
            Endpoint::Core(slice) => self.core_of[slice as usize].map(|c| c / self.arch.mesh.cores_per_tile),
            Endpoint::Host => Some(self.arch.mesh.host_tile),
            Endpoint::Dram => Some(self.arch.mesh.dram_tile),
        }
    }

    /// Expected hops of one stream among the ends that are placed.
    fn cost(&self, stream: usize) -> u64 {
        let planned = &self.streams[stream];
        let Some(source) = self.tile(planned.stream.source) else { return 0 };
        let to = planned.stream.destinations.iter().filter_map(|&d| self.tile(d));
        let tree = self.arch.noc.multicast && !planned.stream.selective;
        let links = if tree {
            tree_links(self.arch, source, to)
        } else {
            to.map(|t| distance(self.arch, source, t)).sum()
        };
        planned.milli_flits * links
    }

    fn total(&self) -> u64 {
        (0..self.streams.len()).map(|s| self.cost(s)).sum()
    }

    fn around(&self, slice: usize) -> u64 {
        self.touching[slice].iter().map(|&s| self.cost(s)).sum()
    }

    /// Each slice in order on the free core with the least traffic to what is placed already, lowest core first.
    fn greedy(&mut self) {
        for slice in 0..self.core_of.len() {
            let free =
                (0..self.arch.cores()).filter(|&c| self.slice_on[c as usize].is_none()).collect::<Vec<_>>();
            let mut best: Option<(u64, u32)> = None;
            let mut tile_seen = None;
            for core in free {
                // Cores of one tile are equally far from everything.
                if tile_seen.replace(core / self.arch.mesh.cores_per_tile)
                    == Some(core / self.arch.mesh.cores_per_tile)
                {
                    continue;
                }
                self.core_of[slice] = Some(core);
                let cost = self.around(slice);
                if best.is_none_or(|b| cost < b.0) {
                    best = Some((cost, core));
                }
            }
            self.put(slice, best.expect("a phase has no more slices than cores").1);
        }
    }

    /// Destinations that a swap looks at, on average.
    fn swap_work(&self) -> u64 {
        let ends: usize =
            self.touching.iter().flatten().map(|&s| self.streams[s].stream.destinations.len() + 8).sum();
        (4 * ends / self.touching.len().max(1)) as u64 + 1
    }

    /// Swaps the contents of two cores.
    fn swap(&mut self, a: usize, b: usize) {
        self.slice_on.swap(a, b);
        for core in [a, b] {
            if let Some(slice) = self.slice_on[core] {
                self.core_of[slice] = Some(core as u32);
            }
        }
    }

    /// Streams that touch what sits on two cores, each once, into `out`.
    fn touched(&self, a: usize, b: usize, out: &mut Vec<usize>) {
        out.clear();
        let of = |core: usize| self.slice_on[core].map_or(&[][..], |slice| &self.touching[slice]);
        let (mut left, mut right) = (of(a), of(b));
        // Both lists ascend.
        while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
            out.push(l.min(r));
            left = &left[usize::from(l <= r)..];
            right = &right[usize::from(r <= l)..];
        }
        out.extend(left.iter().chain(right));
    }

    /// Change in cost of a swap, which is made; `costs` are those of the streams before.
    fn try_swap(&mut self, (a, b): (usize, usize), costs: &mut Costs) -> i128 {
        let mut touched = std::mem::take(&mut costs.touched);
        self.touched(a, b, &mut touched);
        self.swap(a, b);
        costs.then.clear();
        let mut delta = 0;
        for &stream in &touched {
            let cost = self.cost(stream);
            delta += i128::from(cost) - i128::from(costs.now[stream]);
            costs.then.push(cost);
        }
        costs.touched = touched;
        delta
    }

    /// Metropolis with base 2: an increase d is accepted if d ≤ temperature · leading zeros of a random word, so with
    /// probability 2^−⌈d/temperature⌉. Ends in the best placement seen, improved by swaps until none helps.
    fn anneal(&mut self, seed: u64, moves: u64) {
        let cores = self.slice_on.len() as u64;
        if cores < 2 || self.core_of.is_empty() {
            return;
        }
        let start = i128::from(self.total());
        let hot = start / (4 * self.core_of.len() as i128) + 1;
        let (mut now, mut best, mut kept) = (start, start, self.slice_on.clone());
        let mut costs = Costs::of(self);
        for i in 0..moves {
            let slice = (random(seed, 3 * i) % self.core_of.len() as u64) as usize;
            let a = self.core_of[slice].expect("every slice has been placed") as usize;
            let b = (random(seed, 3 * i + 1) % cores) as usize;
            let temperature = hot * i128::from(moves - i) / i128::from(moves);
            let delta = self.try_swap((a, b), &mut costs);
            if delta <= temperature * i128::from(random(seed, 3 * i + 2).leading_zeros()) {
                now += delta;
                costs.accept();
            } else {
                self.swap(a, b);
            }
            if now < best {
                best = now;
                kept.clone_from(&self.slice_on);
            }
        }
        for (core, slice) in kept.iter().enumerate() {
            self.slice_on[core] = *slice;
            if let Some(slice) = slice {
                self.core_of[*slice] = Some(core as u32);
            }
        }
        self.descend();
    }

    /// Swaps that help, until there are none (at most a few rounds, none on chips where a round takes too long).
    fn descend(&mut self) {
        if (self.core_of.len() * self.slice_on.len()) as u64 > BUDGET / self.swap_work() {
            return;
        }
        let mut costs = Costs::of(self);
        for _ in 0..8 {
            let mut improved = false;
            for slice in 0..self.core_of.len() {
                for b in 0..self.slice_on.len() {
                    let a = self.core_of[slice].expect("every slice has been placed") as usize;
                    if a != b && self.try_swap((a, b), &mut costs) < 0 {
                        improved = true;
                        costs.accept();
                    } else if a != b {
                        self.swap(a, b);
                    }
                }
            }
            if !improved {
                return;
            }
        }
    }
}

/// Links of a shortest path.
pub fn distance(arch: &Arch, a: u32, b: u32) -> u64 {
    let width = arch.mesh.width;
    u64::from((a % width).abs_diff(b % width) + (a / width).abs_diff(b / width))
}

/// Most tiles of a row or column of a mesh ([`Arch::check`]).
const MAX_SIDE: usize = 64;

/// Links of the multicast tree: the union of the dimension-ordered paths (X first, but for YX).
pub fn tree_links(arch: &Arch, source: u32, to: impl Iterator<Item = u32>) -> u64 {
    let width = arch.mesh.width;
    let yx = arch.noc.routing == Routing::Yx;
    let split = |t: u32| if yx { (t / width, t % width) } else { (t % width, t / width) };
    let (trunk, at) = split(source);
    let (mut low, mut high) = (trunk, trunk);
    // Furthest reach of each branch on both sides of the trunk.
    let mut reach = [(at, at); MAX_SIDE];
    for tile in to {
        let (branch, along) = split(tile);
        (low, high) = (low.min(branch), high.max(branch));
        let r = &mut reach[branch as usize];
        *r = (r.0.min(along), r.1.max(along));
    }
    u64::from(high - low) + reach.iter().map(|r| u64::from(r.1 - r.0)).sum::<u64>()
}

/// `splitmix64` of a counter.
/// Source: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
pub fn random(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulvinar_ir::{NodeId, Stream, StreamKind};

    fn stream(source: Endpoint, destinations: Vec<Endpoint>, milli_flits: u64) -> Planned {
        let (kind, node) = (StreamKind::Events, NodeId(0));
        let stream =
            Stream { kind, node, source, destinations, event_bits: 8, events_per_flit: 8, selective: false };
        Planned { stream, milli_flits }
    }

    /// A random chain with shortcuts between `slices` slices, fed by the host.
    fn traffic(slices: usize, seed: u64) -> Vec<Planned> {
        let core = |i: usize| Endpoint::Core(i as u32);
        let mut streams = vec![stream(Endpoint::Host, vec![core(0)], random(seed, 99) % 5000 + 1)];
        for i in 0..slices {
            let mut to: Vec<Endpoint> =
                (0..slices).filter(|&j| random(seed, (i * slices + j) as u64) % 3 == 0).map(core).collect();
            to.push(if i + 1 == slices { Endpoint::Host } else { Endpoint::Dram });
            streams.push(stream(core(i), to, random(seed, 1000 + i as u64) % 5000 + 1));
        }
        streams
    }

    fn chip(width: u32, height: u32, multicast: bool) -> Arch {
        let mut arch = Arch::default_chip();
        (arch.mesh.width, arch.mesh.height, arch.mesh.dram_tile) = (width, height, width * height - 1);
        arch.noc.multicast = multicast;
        arch
    }

    fn options(placement: Placement, seed: u64) -> MapOptions {
        MapOptions { seed, placement, ..MapOptions::default() }
    }

    /// The best of all placements.
    fn exhaustive(placer: &mut Placer<'_>, slice: usize) -> u64 {
        if slice == placer.core_of.len() {
            return placer.total();
        }
        let mut best = u64::MAX;
        for core in 0..placer.slice_on.len() {
            if placer.slice_on[core].is_none() {
                placer.put(slice, core as u32);
                best = best.min(exhaustive(placer, slice + 1));
                placer.slice_on[core] = None;
            }
        }
        placer.core_of[slice] = None;
        best
    }

    #[test]
    fn annealing_finds_the_optimum_of_tiny_chips() {
        for seed in 0..12 {
            let arch = chip(3, 2, seed % 2 == 0);
            let slices = 3 + (seed % 3) as usize;
            let streams = traffic(slices, seed);
            let best = exhaustive(&mut Placer::new(&arch, slices, &streams), 0);
            let placed = place(&arch, slices, &streams, &options(Placement::Annealed, seed));
            assert_eq!(placed.milli_hops_after, best, "seed {seed}");
        }
    }

    #[test]
    fn annealing_is_never_worse_than_greedy_and_repeats() {
        for seed in 0..6 {
            let arch = chip(4, 4, seed % 2 == 0);
            let streams = traffic(13, seed);
            let greedy = place(&arch, 13, &streams, &options(Placement::Greedy, seed));
            let annealed = place(&arch, 13, &streams, &options(Placement::Annealed, seed));
            assert_eq!(annealed.milli_hops_before, greedy.milli_hops_after);
            assert!(annealed.milli_hops_after <= greedy.milli_hops_after);
            assert_eq!(annealed, place(&arch, 13, &streams, &options(Placement::Annealed, seed)));
            let mut cores = annealed.cores.clone();
            cores.sort_unstable();
            cores.dedup();
            assert_eq!(cores.len(), 13, "one slice a core");
        }
    }

    /// Links of a tree by walking every path.
    fn walked(arch: &Arch, source: u32, to: &[u32]) -> u64 {
        let (w, yx) = (arch.mesh.width, arch.noc.routing == Routing::Yx);
        let mut links = std::collections::BTreeSet::new();
        for &t in to {
            let (mut x, mut y) = (source % w, source / w);
            while (x, y) != (t % w, t / w) {
                let before = (x, y);
                let along_x = if yx { y == t / w } else { x != t % w };
                let step = |from: u32, to: u32| if from < to { from + 1 } else { from - 1 };
                if along_x {
                    x = step(x, t % w);
                } else {
                    y = step(y, t / w);
                }
                links.insert((before, (x, y)));
            }
        }
        links.len() as u64
    }

    #[test]
    fn tree_links_are_the_union_of_the_paths() {
        for seed in 0..200 {
            let mut arch = chip(5, 4, true);
            arch.noc.routing = if seed % 2 == 0 { Routing::Xy } else { Routing::Yx };
            let pick = |i: u64| (random(seed, i) % 20) as u32;
            let to: Vec<u32> = (1..2 + seed % 7).map(pick).collect();
            assert_eq!(
                tree_links(&arch, pick(0), to.iter().copied()),
                walked(&arch, pick(0), &to),
                "{} -> {to:?}",
                pick(0)
            );
        }
    }
}
