//! Random constants of the back part.

use pulvinar_hdl::emit::selective;
use pulvinar_hdl::netlist::{Bits, Parameter};
use pulvinar_ir::{NodeId, StreamKind};
use pulvinar_simulator::noc::{build_tree, Config, PortId, Tree};
use pulvinar_simulator::prepare::phase::{Selective, StreamPlan};

/// Splitmix64: a function of its seed.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    /// A number of `first..=last`.
    pub fn of(&mut self, first: usize, last: usize) -> usize {
        first + (self.next() % (last - first + 1) as u64) as usize
    }
    /// True with probability `n / of`.
    pub fn chance(&mut self, n: usize, of: usize) -> bool {
        self.of(1, of) <= n
    }
    /// One of the choices.
    pub fn pick(&mut self, choices: &[usize]) -> usize {
        choices[self.of(0, choices.len() - 1)]
    }
}

/// Bits of numbers up to `largest`, at least 1.
pub fn bits(largest: usize) -> usize {
    (usize::BITS - largest.max(1).leading_zeros()) as usize
}

/// A stream that leaves the core.
#[derive(Debug)]
pub struct Source {
    /// Number in the flit.
    pub stream: usize,
    /// Bits of an address.
    pub address_bits: usize,
    /// Bits of a value, 0 for spikes.
    pub value_bits: usize,
}

/// Constants of one back part.
#[derive(Debug)]
pub struct Case {
    pub lanes: usize,
    pub rows: usize,
    pub columns: usize,
    pub blocks: usize,
    /// Channels, at most `blocks * lanes`.
    pub channels: usize,
    pub height: usize,
    pub first_row: usize,
    pub first_channel: usize,
    pub payload_bits: usize,
    pub stream_bits: usize,
    pub step_bits: usize,
    pub dest_bits: usize,
    pub packet_bits: usize,
    pub tag_bits: usize,
    pub control_depth: usize,
    pub inject_depth: usize,
    pub endpoint: PortId,
    pub noc: Config,
    pub trees: Vec<Tree>,
    /// Own events; then, in some cases, statistics and gates.
    pub sources: Vec<Source>,
    pub plans: Vec<StreamPlan>,
    /// Longest list.
    pub list: usize,
    /// Of 8: lanes that fire, words that may fire at all, ejections, control packets.
    pub rates: [usize; 4],
}

impl Case {
    /// The case of a seed.
    pub fn new(seed: u64) -> Case {
        let r = &mut Random(seed);
        let lanes = r.pick(&[1, 2, 4, 8]);
        let (rows, columns, blocks) = (r.of(1, 3), r.of(1, 4), r.of(1, 3));
        let channels = blocks * lanes - r.of(0, lanes - 1);
        let (first_row, first_channel) = (r.of(0, 2), r.of(0, 1) * 2 * lanes);
        let height = first_row + rows + r.of(0, 1);
        let vcs = r.of(1, 4);
        let locals = r.of(2, 8);
        let mut noc = Config::uniform(1, 1, locals as u8, vcs as u8, r.of(1, 4) as u16);
        noc.eject_depth.iter_mut().for_each(|d| *d = r.of(1, 4) as u16);
        let list = r.of(1, 20);
        let mut case = Case {
            lanes,
            rows,
            columns,
            blocks,
            channels,
            height,
            first_row,
            first_channel,
            payload_bits: 0,
            stream_bits: r.of(2, 5),
            step_bits: r.of(1, 6),
            dest_bits: r.of(3, 5),
            packet_bits: r.of(8, 12),
            tag_bits: r.pick(&[1, 48]),
            control_depth: r.of(1, 6),
            inject_depth: r.pick(&[1, 1, 2, 3, 5, 8, 70]),
            endpoint: PortId(r.of(0, locals - 1) as u32),
            noc,
            trees: Vec::new(),
            sources: Vec::new(),
            plans: Vec::new(),
            list,
            rates: [r.of(0, 8), r.of(1, 8), r.pick(&[1, 2, 4, 8]), r.of(0, 2)],
        };
        case.add_sources(r);
        case
    }

    fn add_sources(&mut self, r: &mut Random) {
        let own = bits((self.first_channel + self.channels) * self.plane() - 1);
        for source in 0..r.pick(&[1, 3]) {
            let address_bits = if source == 0 { own } else { bits(self.list - 1) };
            let value_bits = if source == 0 && r.chance(1, 2) { 0 } else { r.of(2, 7) };
            let stream = source + r.of(0, 1) * (if self.stream_bits > 2 { 4 } else { 0 });
            self.sources.push(Source { stream, address_bits, value_bits });
        }
        let slot = |s: &Source| s.address_bits + s.value_bits;
        let widest = self.sources.iter().map(slot).max().unwrap_or(1);
        self.payload_bits = widest.max(self.packet_bits) + r.pick(&[0, 0, 1, 20, 60]);
        for i in 0..self.sources.len() {
            let per_flit = r.of(1, (self.payload_bits / slot(&self.sources[i])).min(8));
            let plan = self.plan(i, per_flit as u16, r);
            self.plans.push(plan);
        }
    }

    fn plan(&mut self, source: usize, per_flit: u16, r: &mut Random) -> StreamPlan {
        let others = (0..self.noc.eject_depth.len() as u32).map(PortId).filter(|&p| p != self.endpoint);
        let mut destinations: Vec<PortId> = others.collect();
        while destinations.len() > 1 && r.chance(3, 5) {
            destinations.remove(r.of(0, destinations.len() - 1));
        }
        let selective = (source == 0 && r.chance(2, 5)).then(|| self.selective(destinations.len(), r));
        let tree = (destinations.len() > 1 && selective.is_none() && r.chance(1, 3)).then(|| {
            self.trees.push(build_tree(&self.noc, self.endpoint, &destinations));
            self.trees.len() as u32 - 1
        });
        StreamPlan {
            kind: [StreamKind::Events, StreamKind::Statistics, StreamKind::Gates][source],
            node: NodeId(0),
            source: self.endpoint,
            destinations,
            granting: 0,
            granting_late: 0,
            tree,
            per_flit: if selective.is_some() { 1 } else { per_flit },
            selective,
        }
    }

    /// Consumers of every address of the slice: none, one, or several of so many destinations.
    fn selective(&self, width: usize, r: &mut Random) -> Selective {
        let base = self.address(0, 0);
        let end = (self.first_channel + self.channels) * self.plane();
        let (mut rows, mut consumers) = (vec![0], Vec::new());
        for _ in base..end {
            let one = r.of(0, width - 1);
            match r.of(0, 2) {
                0 => {}
                1 => consumers.push(one as u16),
                _ => consumers.extend((0..width).filter(|&d| d == one || r.chance(1, 2)).map(|d| d as u16)),
            }
            rows.push(consumers.len() as u32);
        }
        Selective { base: base as u32, rows, consumers }
    }

    /// Distance of neighbouring channels' addresses.
    pub fn plane(&self) -> usize {
        self.height * self.columns
    }

    /// Words of a sweep.
    pub fn words(&self) -> usize {
        self.rows * self.columns * self.blocks
    }

    /// Row, column and block of a word.
    pub fn place(&self, word: usize) -> (usize, usize, usize) {
        let position = word / self.blocks;
        (position / self.columns, position % self.columns, word % self.blocks)
    }

    /// Address of a lane of a word.
    pub fn address(&self, word: usize, lane: usize) -> usize {
        let (row, column, block) = self.place(word);
        let channel = self.first_channel + block * self.lanes + lane;
        (channel * self.height + self.first_row + row) * self.columns + column
    }

    /// Width of an offer's value.
    pub fn value_bits(&self) -> usize {
        self.sources.iter().map(|s| s.value_bits).max().unwrap_or(0).max(1)
    }

    /// Width of the number of events in a flit.
    pub fn count_bits(&self) -> usize {
        bits(self.plans.iter().map(|p| usize::from(p.per_flit)).max().unwrap_or(1))
    }

    /// Bits of a flit without tag.
    pub fn body_bits(&self) -> usize {
        self.payload_bits + self.count_bits() + self.step_bits + self.stream_bits + self.dest_bits + 3
    }

    /// Parameters as Verilog text.
    pub fn constants(&self) -> String {
        let vector = |f: &dyn Fn(usize) -> usize| {
            let words = (0..self.sources.len()).rev().map(|s| format!("32'd{}", f(s)));
            format!("{{{}}}", words.collect::<Vec<_>>().join(", "))
        };
        let copies = |s: usize| self.plans[s].copies();
        let entry = |plan: &StreamPlan, i: usize| match plan.tree {
            Some(tree) => format!("{}'d{tree}, 1'b1", self.dest_bits),
            None => format!("{}'d{}, 1'b0", self.dest_bits, plan.destinations[i].0),
        };
        let all = self.plans.iter().flat_map(|p| (0..p.copies()).map(move |i| entry(p, i)));
        let targets: Vec<String> = all.collect();
        let address_bits = self.sources.iter().map(|s| s.address_bits).max().unwrap_or(1);
        let pairs: [(&str, String); 36] = [
            ("LANES", self.lanes.to_string()),
            ("ROWS", self.rows.to_string()),
            ("COLUMNS", self.columns.to_string()),
            ("BLOCKS", self.blocks.to_string()),
            ("WORD_BITS", bits(self.words() - 1).to_string()),
            ("ROW_BITS", bits(self.rows - 1).to_string()),
            ("COLUMN_BITS", bits(self.columns - 1).to_string()),
            ("BLOCK_BITS", bits(self.blocks - 1).to_string()),
            ("STEP_BITS", self.step_bits.to_string()),
            ("STREAM_BITS", self.stream_bits.to_string()),
            ("DEST_BITS", self.dest_bits.to_string()),
            ("PAYLOAD_BITS", self.payload_bits.to_string()),
            ("COUNT_BITS", self.count_bits().to_string()),
            ("PACKET_BITS", self.packet_bits.to_string()),
            ("ADDRESS_BITS", address_bits.to_string()),
            ("VALUE_BITS", self.value_bits().to_string()),
            ("ADDRESS_FIRST", self.address(0, 0).to_string()),
            ("PLANE", self.plane().to_string()),
            ("SOURCES", self.sources.len().to_string()),
            ("SOURCE_BITS", bits(self.sources.len() - 1).to_string()),
            ("TARGETS_ALL", targets.len().to_string()),
            ("[SOURCES*32-1:0] STREAMS", vector(&|s| self.sources[s].stream)),
            ("[SOURCES*32-1:0] PER_FLIT", vector(&|s| usize::from(self.plans[s].per_flit))),
            ("[SOURCES*32-1:0] ADDRESS_WIDTHS", vector(&|s| self.sources[s].address_bits)),
            ("[SOURCES*32-1:0] VALUE_WIDTHS", vector(&|s| self.sources[s].value_bits)),
            ("[SOURCES*32-1:0] FIRST_TARGETS", vector(&|s| (0..s).map(copies).sum())),
            ("[SOURCES*32-1:0] TARGET_COUNTS", vector(&copies)),
            ("[TARGETS_ALL*(DEST_BITS+1)-1:0] TARGETS", {
                format!("{{{}}}", targets.into_iter().rev().collect::<Vec<_>>().join(", "))
            }),
            ("BODY_BITS", self.body_bits().to_string()),
            ("TAG_BITS", self.tag_bits.to_string()),
            ("ENDPOINT", self.endpoint.0.to_string()),
            ("VCS", self.noc.vcs.to_string()),
            ("VC_BITS", bits(usize::from(self.noc.vcs) - 1).to_string()),
            ("VC_DEPTH", self.noc.vc_depth.to_string()),
            ("INJECT_DEPTH", self.inject_depth.to_string()),
            ("CONTROL_DEPTH", self.control_depth.to_string()),
        ];
        let lines = pairs.iter().map(|(n, v)| format!("  parameter {n} = {v}"));
        let lines: Vec<String> = lines.chain(self.choice()).collect();
        lines.join(",\n") + "\n"
    }

    /// Parameters of a packer whose first source is selective, as the emitter gives them, or what they are without.
    fn choice(&self) -> Vec<String> {
        let defaults = [
            ("SELECTIVE", "0"),
            ("SELECT_BASE", "0"),
            ("SELECT_ROWS", "1"),
            ("SELECT_WIDTH", "1"),
            ("CONSUMERS", "1'b0"),
        ];
        let given = selective(&self.plans[0]);
        let text = |(name, without): &(&str, &str)| match given.iter().find(|(n, _)| n == name) {
            Some((_, Parameter::Number(n))) => format!("  parameter {name} = {n}"),
            Some((_, Parameter::Vector(bits))) => {
                let digit = |b: &Bits| if b.constant() == Some(1) { '1' } else { '0' };
                let (n, digits) = (bits.len(), bits.iter().rev().map(digit).collect::<String>());
                format!("  parameter [{n}-1:0] {name} = {n}'b{digits}")
            }
            Some((_, other)) => panic!("{name} is {other:?}"),
            None => format!("  parameter {name} = {without}"),
        };
        defaults.iter().map(text).collect()
    }
}
