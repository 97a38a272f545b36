//! Address generators, synapse engine and accumulator of a slice with random synapses.

use crate::{hex, Bench, Rng};
use pulvinar_hdl::generator::{Generator, Widths};
use pulvinar_hdl::netlist::{index_bits, Bits, Parameter};
use pulvinar_ir::op::window::Window;
use pulvinar_ir::{NodeId, Shape};
use pulvinar_simulator::prepare::sparse::Banking;
use pulvinar_simulator::prepare::synapse::{Connect, Group, Image, Region, SynapsePlan};
use pulvinar_simulator::unit::accumulator::Accumulator;
use pulvinar_simulator::unit::synapse_engine::{Arrival, Cycle, Surroundings, SynapseEngine};
use std::fmt::Write;

const ACC_BITS: usize = 20;
const WEIGHT_BITS: usize = 7;

/// Everything random about a slice.
struct Slice {
    shape: Shape,
    region: Region,
    lanes: usize,
    buffers: usize,
    stall: bool,
    max: bool,
    graded: bool,
    value_bits: u32,
    /// By group: input shape, and the synapses' windows, with groups of channels and weights unless pooling.
    groups: Vec<(Shape, Vec<Synapse>)>,
}

struct Synapse {
    window: Window,
    weights: Option<(usize, Vec<i32>)>,
    /// First output channel without weights.
    first: usize,
}

impl Synapse {
    fn plan(&self, input: Shape, output: Shape) -> SynapsePlan<'_> {
        let window = self.window;
        let kind = match &self.weights {
            None => Connect::Pool { window, first: self.first },
            Some((groups, weights)) => Connect::Conv {
                window,
                weights,
                group_inputs: input.c / groups,
                group_outputs: output.c / groups,
            },
        };
        SynapsePlan { input, kind }
    }
}

fn window(rng: &mut Rng, dot: bool) -> Window {
    if dot {
        return Window {
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0; 4],
            dilation: [1, 1],
            transposed: false,
        };
    }
    let mut pair = |hi| [rng.within(1, hi), rng.within(1, hi)];
    let (kernel, stride, dilation) = (pair(4), pair(3), pair(3));
    let padding = [0, 1, 2, 3].map(|_| rng.within(0, 4));
    let transposed = rng.chance(40);
    Window { kernel, stride, padding, dilation, transposed }
}

fn synapse(rng: &mut Rng, input: Shape, output: Shape, pool: bool) -> Synapse {
    let point = input.h * input.w == 1 && rng.chance(70);
    let dot = point || rng.chance(15);
    let window = window(rng, dot);
    if pool {
        let first = if rng.chance(70) { 0 } else { rng.within(1, 4) };
        return Synapse { window, weights: None, first };
    }
    let both: Vec<usize> = (1..=input.c).filter(|g| input.c % g == 0 && output.c % g == 0).collect();
    let groups = if rng.chance(60) { 1 } else { rng.pick(&both) };
    let n = output.c * (input.c / groups) * window.kernel[0] * window.kernel[1];
    let limit = (1 << (WEIGHT_BITS - 1)) - 1;
    Synapse {
        window,
        weights: Some((groups, (0..n).map(|_| rng.signed(-limit, limit) as i32).collect())),
        first: 0,
    }
}

impl Slice {
    fn new(rng: &mut Rng) -> Slice {
        let max = rng.chance(15);
        let shape = Shape::new(1, rng.within(1, 13), rng.within(1, 6), rng.within(1, 6));
        let mut part = |n: usize| {
            let first = if rng.chance(50) { 0 } else { rng.within(0, n - 1) };
            [first, if rng.chance(50) { n } else { rng.within(first + 1, n) }]
        };
        let region = Region { channels: part(shape.c), rows: part(shape.h), columns: shape.w };
        let mut group = || {
            let flat = rng.chance(25);
            let c = if flat || rng.chance(50) { rng.within(1, 12) } else { shape.c };
            let side = |rng: &mut Rng| if flat { 1 } else { rng.within(1, 8) };
            let input = Shape::new(1, c, side(rng), side(rng));
            let n = if max { 1 } else { rng.within(1, 2) };
            let one = |_| {
                let pool = max || rng.chance(30);
                synapse(rng, input, shape, pool)
            };
            (input, (0..n).map(one).collect())
        };
        let first = group();
        let groups = if max { vec![first] } else { vec![first, group()] };
        let graded = rng.chance(50);
        Slice {
            shape,
            region,
            lanes: rng.pick(&[1, 2, 4, 8]),
            buffers: rng.within(1, 2),
            stall: rng.chance(40),
            max,
            graded,
            value_bits: if graded { 5 } else { 2 },
            groups,
        }
    }

    fn blocks(&self) -> usize {
        self.region.channel_count().div_ceil(self.lanes)
    }

    fn words(&self) -> usize {
        self.region.positions() * self.blocks()
    }

    fn plans(&self) -> Vec<Group<'_>> {
        let mut groups = Vec::new();
        for (i, (input, synapses)) in self.groups.iter().enumerate() {
            groups.push(Group {
                source: NodeId(i as u32),
                delayed: false,
                binary: !self.graded,
                synapses: synapses.iter().map(|s| s.plan(*input, self.shape)).collect(),
            });
        }
        groups
    }

    fn coordinates(&self) -> [u32; 3] {
        let most = |f: fn(&Shape) -> usize| {
            index_bits(self.groups.iter().map(|(s, _)| f(s)).max().expect("a group"))
        };
        [most(|s| s.c), most(|s| s.h), most(|s| s.w)]
    }
}

fn text(bits: &Bits) -> String {
    let value = bits.constant().expect("a constant");
    format!("{}'h{value:x}", bits.width())
}

fn parameter(value: &Parameter) -> String {
    match value {
        Parameter::Number(n) => n.to_string(),
        Parameter::Text(s) => format!("\"{s}\""),
        Parameter::Verbatim(s) => s.clone(),
        Parameter::Vector(parts) => {
            format!("{{{}}}", parts.iter().rev().map(text).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The units of the slice, wired.
struct Netlist {
    text: String,
    weights: Vec<Vec<i32>>,
    constants: Vec<(&'static str, usize)>,
}

fn netlist(slice: &Slice, images: &[Vec<Image>]) -> Netlist {
    let regular = images.iter().flatten().filter_map(|i| match i {
        Image::Taps(taps) => Some(taps),
        Image::Sparse(_) => None,
    });
    let generators: Vec<Generator> = regular.map(|t| Generator::new(t, &slice.region, slice.lanes)).collect();
    let weights: Vec<Vec<i32>> = generators.iter().flat_map(|g| g.weights.clone()).collect();
    let widths = Widths {
        lanes: slice.lanes,
        acc_addr: index_bits(slice.words()),
        weight_addr: index_bits(weights.len()),
        coordinates: slice.coordinates(),
    };
    let [channel, row, column] = widths.coordinates.map(|w| w as usize);
    let weighted = |on: bool| generators.iter().any(|g| g.is_weighted() == on);
    let mask = generators.iter().enumerate().map(|(i, g)| usize::from(g.is_weighted()) << i).sum();
    let constants = vec![
        ("GENERATORS", generators.len()),
        ("CHANNEL_BITS", channel),
        ("ROW_BITS", row),
        ("COLUMN_BITS", column),
        ("VALUE_BITS", slice.value_bits as usize),
        ("LANES", slice.lanes),
        ("ACC_BITS", ACC_BITS),
        ("WEIGHT_BITS", WEIGHT_BITS),
        ("WORDS", slice.words()),
        ("ADDR_BITS", widths.acc_addr as usize),
        ("WEIGHT_ADDR_BITS", widths.weight_addr as usize),
        ("WEIGHT_WORDS", weights.len().max(1)),
        ("BUFFERS", slice.buffers),
        ("STALL", usize::from(slice.stall)),
        ("GRADED", usize::from(slice.graded)),
        ("MAXIMUM", usize::from(slice.max)),
        ("WEIGHTED", usize::from(weighted(true))),
        ("UNWEIGHTED", usize::from(weighted(false))),
        ("WEIGHTED_MASK", mask),
    ];
    let mut instances = String::new();
    let mut base = 0;
    for (i, generator) in generators.iter().enumerate() {
        let parameters: Vec<String> = generator
            .parameters(&widths, base)
            .iter()
            .map(|(n, v)| format!(".{n}({})", parameter(v)))
            .collect();
        base += generator.weights.len();
        let _ = writeln!(
            instances,
            "  address_generator #({}) generator_{i} (\n    .clk(clk), .rst(rst), .probe_i(i), .probe_y(y), .probe_x(x),\n\
             .start(start[{i}]), .advance(advance[{i}]), .pending(pending[{i}]), .beat_last(last[{i}]),\n\
             .acc_addr(acc_addr[{i}*ADDR_BITS +: ADDR_BITS]),\n\
             .weight_addr(weight_addr[{i}*WEIGHT_ADDR_BITS +: WEIGHT_ADDR_BITS]),\n\
             .lane_mask(lane_mask[{i}*LANES +: LANES]));",
            parameters.join(", ")
        );
    }
    let text = include_str!("slice.v").replace("// generators", &instances);
    Netlist { text, weights, constants }
}

/// The simulator's side, cycle by cycle, and what the bench needs to do the same.
struct Golden<'a> {
    rng: Rng,
    slice: &'a Slice,
    engine: SynapseEngine,
    memory: Accumulator,
    events: Vec<(Arrival, [usize; 3])>,
    next: usize,
    /// Buffers of the issues of the last two cycles.
    issued: [Option<usize>; 2],
    /// Buffer and next word of the sweep.
    sweep: Option<(usize, usize)>,
    sweeps: usize,
    /// What the sweep has read in the previous cycle.
    swept: Option<String>,
    schedule: Vec<String>,
    trace: Vec<String>,
}

impl<'a> Golden<'a> {
    fn new(mut rng: Rng, slice: &'a Slice) -> Golden<'a> {
        let n = rng.within(20, 60);
        let events = (0..n).map(|_| event(&mut rng, slice)).collect();
        Golden {
            rng,
            slice,
            engine: SynapseEngine::new(slice.stall),
            memory: Accumulator::new(&slice.region, slice.lanes, slice.buffers, false),
            events,
            next: 0,
            issued: [None; 2],
            sweep: None,
            sweeps: 0,
            swept: None,
            schedule: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Word of the accumulator and lanes of the beat that may issue.
    fn beat(&self) -> Option<(usize, u64)> {
        let (channels, lanes) = (self.slice.region.channel_count(), self.slice.lanes);
        let beat = self.engine.next_beat().filter(|b| !b.is_empty())?;
        let word = |e: usize| e / channels * self.slice.blocks() + e % channels / lanes;
        Some((word(beat[0].0), beat.iter().map(|&(e, _)| 1 << (e % channels % lanes)).sum()))
    }

    fn has_landed(&self, buffer: usize) -> bool {
        self.engine.busy_with() != Some(buffer) && !self.issued.contains(&Some(buffer))
    }

    /// Reads and clears a word of the memory, as the sweep does.
    fn read(&mut self, buffer: usize, word: usize) -> String {
        let (channels, lanes, blocks) =
            (self.slice.region.channel_count(), self.slice.lanes, self.slice.blocks());
        let (position, first) = (word / blocks, word % blocks * lanes);
        let mut fields = Vec::new();
        for c in (first..first + lanes).rev() {
            let held = (c < channels).then(|| &mut self.memory.buffers[buffer][position * channels + c]);
            fields.push((held.map_or(0, |v| i64::from(std::mem::take(v))), ACC_BITS as u32));
        }
        hex(&fields)
    }

    /// The sweep's read in this cycle.
    fn sweep_read(&mut self) -> Option<(usize, usize)> {
        // A sweep occupies its slice for longer than its reads.
        if self.sweep.is_none() && self.swept.is_none() {
            let buffer = self.rng.within(0, self.slice.buffers - 1);
            let wanted = self.rng.chance(4) || self.next == self.events.len();
            if wanted && self.has_landed(buffer) {
                self.sweep = Some((buffer, 0));
            }
        }
        let (buffer, word) = self.sweep.filter(|_| self.rng.chance(80))?;
        let done = word + 1 == self.slice.words();
        self.sweep = (!done).then_some((buffer, word + 1));
        self.sweeps += usize::from(done && self.next == self.events.len());
        Some((buffer, word))
    }

    fn cycle(&mut self, groups: &[Group<'_>], images: &[Vec<Image>], calm: bool) {
        let recent: String = (0..self.slice.buffers)
            .rev()
            .map(|b| if self.issued.contains(&Some(b)) { '1' } else { '0' })
            .collect();
        let (read, busy) = (self.sweep_read(), self.engine.busy_with());
        let swept = self.sweep.or(read).map(|s| s.0);
        let event = self.events.get(self.next).copied();
        let blocked = |a: &Arrival| swept == Some(a.buffer);
        let offer = event.is_some_and(|(a, _)| !blocked(&a)) && self.rng.chance(if calm { 10 } else { 90 });
        let beat = self.beat();
        let done = self.engine.tick_plain(&mut self.memory);
        let free = matches!(done, Cycle::Idle | Cycle::Issued { last: true, .. });
        let [stalled, valid, take] =
            [done == Cycle::Stalled, done != Cycle::Stalled && beat.is_some(), offer && free];
        let (word, mask) = beat.filter(|_| valid).unwrap_or_default();
        let digits = self.slice.lanes.div_ceil(4);
        self.trace.push(format!(
            "{} free {} take {} stalled {} beat {} {} {word} {mask:0digits$x} busy {} {} recent {recent}",
            self.schedule.len(),
            u8::from(free),
            u8::from(take),
            u8::from(stalled),
            u8::from(valid),
            busy.filter(|_| valid).unwrap_or(0),
            u8::from(busy.is_some()),
            busy.unwrap_or(0),
        ));
        if let Some((arrival, _)) = event.filter(|_| take) {
            self.next += 1;
            self.engine
                .take_plain(arrival, &surroundings(self.slice, groups, images, arrival.group as usize));
        }
        let issue = if let Cycle::Issued { buffer, .. } = done { Some(buffer) } else { None };
        self.issued = [self.issued[1], issue];
        let (buffer, address) = read.unwrap_or_default();
        let bits = index_bits(self.slice.words());
        let flags = [offer, read.is_some(), buffer == 1].map(|f| (i64::from(f), 1));
        self.schedule.push(hex(&[&flags[..], &[(address as i64, bits)]].concat()));
        let before = self.swept.take();
        self.swept = read.map(|(buffer, word)| self.read(buffer, word));
        if let Some(data) = before {
            self.trace.push(format!("{} sweep {data}", self.schedule.len() - 1));
        }
    }
}

fn surroundings<'s, 'p>(
    slice: &'s Slice,
    groups: &'s [Group<'p>],
    images: &'s [Vec<Image>],
    group: usize,
) -> Surroundings<'s, 'p> {
    Surroundings {
        group: &groups[group],
        images: &images[group],
        region: &slice.region,
        shape: slice.shape,
        banking: banking(slice),
        max: slice.max,
    }
}

fn banking(slice: &Slice) -> Banking {
    Banking { lanes: slice.lanes, banks: slice.lanes }
}

/// An event and its channel, row and column.
fn event(rng: &mut Rng, slice: &Slice) -> (Arrival, [usize; 3]) {
    let group = rng.within(0, slice.groups.len() - 1);
    let input = slice.groups[group].0;
    // Neighbours of a place come in a row, so that beats meet on a word.
    let place =
        [input.c, input.h, input.w].map(|n| if rng.chance(60) { n / 2 } else { rng.within(0, n - 1) });
    let address = ((place[0] * input.h + place[1]) * input.w + place[2]) as u32;
    let (low, high) = (if slice.max { 0 } else { -15 }, 15);
    let value = if slice.graded { rng.signed(low, high) } else { 1 };
    let buffer = rng.within(0, slice.buffers - 1);
    (Arrival { buffer, group: group as u32, address, value }, place)
}

/// The event as the bench reads it.
fn entry(slice: &Slice, (arrival, place): &(Arrival, [usize; 3])) -> String {
    let counts: Vec<usize> = slice.groups.iter().map(|(_, s)| s.len()).collect();
    let group = arrival.group as usize;
    let first: usize = counts[..group].iter().sum();
    let generators = ((1usize << counts[group]) - 1) << first;
    let [channel, row, column] = slice.coordinates();
    hex(&[
        (generators as i64, counts.iter().sum::<usize>() as u32),
        (arrival.buffer as i64, 1),
        (place[0] as i64, channel),
        (place[1] as i64, row),
        (place[2] as i64, column),
        (arrival.value, slice.value_bits),
    ])
}

fn check(seed: u64, verilator: bool, lint: bool) {
    let mut rng = Rng::new(seed);
    let slice = Slice::new(&mut rng);
    let groups = slice.plans();
    let image = |p: &SynapsePlan<'_>| {
        p.image(&slice.region, slice.shape, banking(&slice), "test").expect("weights of few bits")
    };
    let images: Vec<Vec<Image>> = groups.iter().map(|g| g.synapses.iter().map(image).collect()).collect();
    let netlist = netlist(&slice, &images);
    let mut golden = Golden::new(rng, &slice);
    while golden.sweeps < 3 * slice.buffers || golden.swept.is_some() {
        golden.cycle(&groups, &images, golden.schedule.len() / 64 % 4 == 3);
    }
    let (cycles, events) = (golden.schedule.len(), golden.events.len());
    let mut bench = Bench::new(include_str!("synapse.v"), &netlist.constants);
    bench.write("run.vh", &format!("localparam CYCLES = {cycles};\nlocalparam EVENTS = {events};\n"));
    bench.source("slice.v", &netlist.text);
    bench.write("schedule.hex", &golden.schedule.join("\n"));
    let entries: Vec<String> = golden.events.iter().map(|e| entry(&slice, e)).collect();
    bench.write("events.hex", &(entries.join("\n") + "\n0\n"));
    let word =
        |w: &Vec<i32>| hex(&w.iter().rev().map(|&v| (i64::from(v), WEIGHT_BITS as u32)).collect::<Vec<_>>());
    let weights: Vec<String> = netlist.weights.iter().map(word).collect();
    bench.write("weights.hex", &if weights.is_empty() { "0".to_owned() } else { weights.join("\n") });
    if lint {
        bench.lint("slice");
    }
    bench.check(seed, &golden.trace, verilator);
}

#[test]
fn beats_and_sums_are_the_simulators() {
    (0..150).for_each(|seed| check(seed, false, seed % 10 == 0));
}

#[test]
fn beats_and_sums_are_the_simulators_in_verilator() {
    check(1000, true, true);
}
