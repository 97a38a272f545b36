//! Queues, connection memory, synapse engine and banked accumulator of a slice with random stored connections; the
//! memories are filled as the emitter fills them.

use crate::{hex, Bench, Rng};
use pulvinar_hdl::emit::connections::{Connections, Sizes};
use pulvinar_hdl::netlist::{index_bits, Bits};
use pulvinar_ir::{NodeId, Shape};
use pulvinar_simulator::prepare::sparse::Banking;
use pulvinar_simulator::prepare::synapse::{Connect, Group, Image, Region, SynapsePlan};
use pulvinar_simulator::unit::accumulator::Accumulator;
use pulvinar_simulator::unit::event_queue::{EventQueue, Queued, STATISTIC};
use pulvinar_simulator::unit::synapse_engine::{Arrival, Cycle, Surroundings, SynapseEngine};

const ACC_BITS: usize = 20;

/// Stored connections from a number of sources.
struct Synapse {
    targets: Vec<i32>,
    rows: Vec<i32>,
    weights: Vec<i32>,
}

impl Synapse {
    /// Rows of all kinds: empty ones, neighbours, targets of one bank, random ones in any order, some of them twice.
    fn new(rng: &mut Rng, sources: usize, slice: &Slice) -> Synapse {
        let (n, limit) = (slice.shape.c, slice.weight_limit);
        let mut synapse = Synapse { targets: Vec::new(), rows: vec![0], weights: Vec::new() };
        for _ in 0..sources {
            let count = if rng.chance(25) { 0 } else { rng.within(1, 3 * slice.banking.lanes) };
            let (first, step) = (rng.within(0, n - 1), rng.pick(&[1, 1, 2, slice.banking.banks]));
            let strided = rng.chance(60);
            let target = |i| if strided { (first + i * step) % n } else { rng.within(0, n - 1) };
            let targets: Vec<usize> = (0..count).map(target).collect();
            synapse.weights.extend(targets.iter().map(|_| rng.signed(-limit - 1, limit) as i32));
            synapse.targets.extend(targets.iter().map(|&t| t as i32));
            synapse.rows.push(synapse.targets.len() as i32);
        }
        synapse
    }

    fn plan(&self, sources: usize) -> SynapsePlan<'_> {
        let Synapse { targets, rows, weights } = self;
        let kind = Connect::Sparse { targets, rows, weights };
        SynapsePlan { input: Shape::new(1, sources, 1, 1), kind }
    }
}

/// Everything random about a slice.
struct Slice {
    shape: Shape,
    region: Region,
    banking: Banking,
    buffers: usize,
    stall: bool,
    graded: bool,
    value_bits: u32,
    weight_limit: i64,
    queue: usize,
    /// By group: sources and synapses.
    groups: Vec<(usize, Vec<Synapse>)>,
}

impl Slice {
    fn new(rng: &mut Rng) -> Slice {
        let shape = Shape::new(1, rng.within(1, 70), 1, 1);
        let first = if rng.chance(50) { 0 } else { rng.within(0, shape.c - 1) };
        let end = if rng.chance(50) { shape.c } else { rng.within(first + 1, shape.c) };
        let graded = rng.chance(50);
        let mut slice = Slice {
            shape,
            region: Region { channels: [first, end], rows: [0, 1], columns: 1 },
            banking: Banking { lanes: rng.pick(&[1, 2, 4, 8]), banks: rng.pick(&[1, 2, 4, 8, 16, 32]) },
            buffers: rng.within(1, 2),
            stall: rng.chance(50),
            graded,
            value_bits: if graded { 5 } else { 2 },
            weight_limit: rng.pick(&[0, 1, 7, 63]),
            queue: rng.pick(&[1, 2, 3, 4, 9, 300]),
            groups: Vec::new(),
        };
        for _ in 0..rng.within(1, 3) {
            let sources = rng.pick(&[1, 3, 8, 20, 70]);
            let synapses = (0..rng.within(1, 3)).map(|_| Synapse::new(rng, sources, &slice)).collect();
            slice.groups.push((sources, synapses));
        }
        slice
    }

    fn elements(&self) -> usize {
        self.region.channel_count()
    }

    fn words(&self) -> usize {
        self.elements().div_ceil(self.banking.lanes)
    }

    fn plans(&self) -> Vec<Group<'_>> {
        let mut groups = Vec::new();
        for (i, (sources, synapses)) in self.groups.iter().enumerate() {
            groups.push(Group {
                source: NodeId(i as u32),
                delayed: false,
                binary: !self.graded,
                synapses: synapses.iter().map(|s| s.plan(*sources)).collect(),
            });
        }
        groups
    }

    /// A random entry of the queue: an event of a synapse group, or one that goes elsewhere.
    fn event(&self, rng: &mut Rng) -> (Queued, usize) {
        let group = rng.within(0, self.groups.len() - 1);
        let sources = self.groups[group].0;
        // Neighbours come in a row, so that beats meet.
        let address = if rng.chance(60) { sources / 2 } else { rng.within(0, sources - 1) } as u32;
        let value = if self.graded { rng.signed(-15, 15) } else { 1 };
        let group = if rng.chance(15) { STATISTIC } else { group as u16 };
        (Queued { address, group, step: 0, value }, rng.within(0, self.buffers - 1))
    }

    /// The entry as the bench reads it.
    fn entry(&self, (event, buffer): &(Queued, usize), pointer_bits: u32) -> String {
        let other = event.group == STATISTIC;
        let before = if other { 0 } else { usize::from(event.group) };
        let first: usize = self.groups[..before].iter().map(|g| g.0).sum();
        let index = (first + event.address as usize) as i64;
        hex(&[
            (i64::from(other), 1),
            (*buffer as i64, 1),
            (index, pointer_bits),
            (event.value, self.value_bits),
        ])
    }
}

/// The simulator's side, cycle by cycle, and what the bench needs to do the same.
struct Golden<'a> {
    rng: Rng,
    slice: &'a Slice,
    groups: &'a [Group<'a>],
    images: &'a [Vec<Image>],
    sizes: Sizes,
    engine: SynapseEngine,
    queue: EventQueue,
    memory: Accumulator,
    events: Vec<(Queued, usize)>,
    pushed: usize,
    popped: usize,
    lost: u64,
    /// Buffers of the issues of the last two cycles.
    issued: [Option<usize>; 2],
    /// Buffer and next word of the sweep.
    sweep: Option<(usize, usize)>,
    sweeps: usize,
    /// What the sweep has read last; its data hold until it reads on.
    swept: Option<String>,
    schedule: Vec<String>,
    trace: Vec<String>,
}

impl Golden<'_> {
    /// Banks of the beat that may issue and the rows in them, as the bench prints them.
    fn beat(&self) -> Option<(String, String)> {
        let beat = self.engine.next_beat().filter(|b| !b.is_empty())?;
        let Sizes { banks, row, .. } = self.sizes;
        let of_bank = |b: usize| beat.iter().find(|e| e.0 % banks == b).map(|e| (e.0 / banks) as i64);
        let found: Vec<Option<i64>> = (0..banks).rev().map(of_bank).collect();
        assert_eq!(found.iter().flatten().count(), beat.len(), "a bank twice in a beat");
        let mask: Vec<(i64, u32)> = found.iter().map(|f| (i64::from(f.is_some()), 1)).collect();
        let rows: Vec<(i64, u32)> = found.iter().map(|f| (f.unwrap_or(0), row)).collect();
        Some((hex(&mask), hex(&rows)))
    }

    /// Reads and clears a word of the memory, as the sweep does.
    fn read(&mut self, buffer: usize, word: usize) -> String {
        let (lanes, memory) = (self.slice.banking.lanes, &mut self.memory.buffers[buffer]);
        let take = |e: usize| memory.get_mut(e).map_or(0, |v| i64::from(std::mem::take(v)));
        let sums = (word * lanes..(word + 1) * lanes).rev().map(take);
        hex(&sums.map(|v| (v, ACC_BITS as u32)).collect::<Vec<_>>())
    }

    /// The sweep's read in this cycle.
    fn sweep_read(&mut self) -> Option<(usize, usize)> {
        let done = self.popped == self.events.len();
        if self.sweep.is_none() && self.swept.is_none() {
            let buffer = self.rng.within(0, self.slice.buffers - 1);
            let landed = self.engine.busy_with() != Some(buffer) && !self.issued.contains(&Some(buffer));
            if (self.rng.chance(4) || done) && landed {
                self.sweep = Some((buffer, 0));
            }
        }
        let (buffer, word) = self.sweep.filter(|_| self.rng.chance(80))?;
        let last = word + 1 == self.slice.words();
        self.sweep = (!last).then_some((buffer, word + 1));
        self.sweeps += usize::from(last && done);
        Some((buffer, word))
    }

    /// What of the front entry happens: it leaves the queue.
    fn pop(&mut self, take: bool) {
        let (event, buffer) = self.events[self.popped];
        assert_eq!(self.queue.pop(), Some(event));
        self.popped += 1;
        if !take {
            return;
        }
        let group = usize::from(event.group);
        let around = Surroundings {
            group: &self.groups[group],
            images: &self.images[group],
            region: &self.slice.region,
            shape: self.slice.shape,
            banking: self.slice.banking,
            max: false,
        };
        let arrival = Arrival { buffer, group: group as u32, address: event.address, value: event.value };
        self.lost += self.engine.take_plain(arrival, &around).conflicts;
    }

    /// A cycle in which the queue tends to fill (or else to be empty).
    fn cycle(&mut self, filling: bool) {
        let bit = u8::from;
        let now = self.schedule.len();
        let recent: String = (0..self.slice.buffers)
            .rev()
            .map(|b| if self.issued.contains(&Some(b)) { '1' } else { '0' })
            .collect();
        let (read, busy) = (self.sweep_read(), self.engine.busy_with());
        let swept = self.sweep.or(read).map(|s| s.0);
        let (room, front) = (self.queue.has_room(), self.queue.front());
        let other = front.is_some_and(|e| e.group == STATISTIC);
        let blocked = self.events.get(self.popped).is_some_and(|e| swept == Some(e.1));
        let want_pop = !blocked && self.rng.chance(if filling { 30 } else { 95 });
        let want_push = self.pushed < self.events.len() && self.rng.chance(if filling { 90 } else { 40 });
        let beat = self.beat();
        let done = self.engine.tick_plain(&mut self.memory);
        let free = matches!(done, Cycle::Idle | Cycle::Issued { last: true, .. });
        let stalled = done == Cycle::Stalled;
        let take = want_pop && front.is_some() && !other && free;
        let beat = beat.filter(|_| !stalled);
        let valid = beat.is_some();
        let none = |bits: u32| hex(&[(0, bits)]);
        let banks = self.sizes.banks as u32;
        let (mask, rows) = beat.unwrap_or_else(|| (none(banks), none(banks * self.sizes.row)));
        self.trace.push(format!(
            "{now} room {} front {} {} free {} take {} stalled {} beat {} {} {mask} {rows} busy {} {} recent {recent}",
            bit(room),
            bit(front.is_some()),
            bit(other),
            bit(free),
            bit(take),
            bit(stalled),
            bit(valid),
            busy.filter(|_| valid).unwrap_or(0),
            bit(busy.is_some()),
            busy.unwrap_or(0),
        ));
        if busy.is_some() && free {
            self.trace.push(format!("{now} lost {}", self.lost));
        }
        if take || (want_pop && other) {
            self.pop(take);
        }
        if want_push && room {
            self.queue.push(self.events[self.pushed].0);
            self.pushed += 1;
        }
        let issue = if let Cycle::Issued { buffer, .. } = done { Some(buffer) } else { None };
        self.issued = [self.issued[1], issue];
        self.finish((want_push, want_pop), read);
    }

    /// The cycle's line of the schedule; the sweep's data.
    fn finish(&mut self, (push, pop): (bool, bool), read: Option<(usize, usize)>) {
        let (buffer, address) = read.unwrap_or_default();
        let before = self.swept.take();
        let flags = [push, pop, before.is_some(), read.is_some(), buffer == 1].map(|f| (i64::from(f), 1));
        let word = (address as i64, index_bits(self.slice.words()));
        if let Some(data) = &before {
            self.trace.push(format!("{} sweep {data}", self.schedule.len()));
        }
        self.schedule.push(hex(&[&flags[..], &[word]].concat()));
        let held = before.filter(|_| self.sweep.is_some());
        self.swept = read.map(|(buffer, word)| self.read(buffer, word)).or(held);
    }
}

/// Words of a memory for `$readmemh`.
fn image(words: &[Vec<Bits>]) -> String {
    let field = |b: &Bits| (b.constant().expect("a constant") as i64, b.width());
    let word = |w: &Vec<Bits>| hex(&w.iter().rev().map(field).collect::<Vec<_>>());
    words.iter().map(word).collect::<Vec<_>>().join("\n")
}

fn constants(slice: &Slice, sizes: &Sizes, memories: &Connections) -> Vec<(&'static str, usize)> {
    let pointers = memories.pointers().len();
    vec![
        ("LANES", slice.banking.lanes),
        ("BANKS", sizes.banks),
        ("ACC_BITS", ACC_BITS),
        ("WEIGHT_BITS", sizes.weight as usize),
        ("VALUE_BITS", slice.value_bits as usize),
        ("ROWS", sizes.rows),
        ("ROW_BITS", sizes.row as usize),
        ("WORD_BITS", index_bits(slice.words()) as usize),
        ("BUFFERS", slice.buffers),
        ("STALL", usize::from(slice.stall)),
        ("GRADED", usize::from(slice.graded)),
        ("QUEUE_DEPTH", slice.queue),
        ("POINTERS", pointers),
        ("INDEX_BITS", index_bits(pointers) as usize),
        ("POINTER_BITS", memories.pointer_bits() as usize),
        ("CONNECTION_WORDS", sizes.words),
    ]
}

/// What a case has seen: cycles held by hazards, beats lost to banks, refusals of a full queue.
#[derive(Default)]
struct Seen {
    stalls: usize,
    lost: u64,
    full: usize,
}

fn check(seed: u64, verilator: bool, lint: bool) -> Seen {
    let mut rng = Rng::new(seed);
    let slice = Slice::new(&mut rng);
    let groups = slice.plans();
    let make = |p: &SynapsePlan<'_>| {
        p.image(&slice.region, slice.shape, slice.banking, "test").expect("weights of few bits")
    };
    let images: Vec<Vec<Image>> = groups.iter().map(|g| g.synapses.iter().map(make).collect()).collect();
    let sources = images.iter().zip(&slice.groups).map(|(i, g)| (&i[..], g.0));
    let memories = Connections::new(sources, slice.banking);
    let sizes = memories.sizes(slice.banking, slice.words() * slice.banking.lanes);
    let events: Vec<(Queued, usize)> = (0..rng.within(20, 80)).map(|_| slice.event(&mut rng)).collect();
    let mut golden = Golden {
        rng,
        slice: &slice,
        groups: &groups,
        images: &images,
        sizes,
        engine: SynapseEngine::new(slice.stall),
        queue: EventQueue::new(slice.queue),
        memory: Accumulator::new(&slice.region, slice.banking.lanes, slice.buffers, false),
        events,
        pushed: 0,
        popped: 0,
        lost: 0,
        issued: [None; 2],
        sweep: None,
        sweeps: 0,
        swept: None,
        schedule: Vec::new(),
        trace: Vec::new(),
    };
    while golden.sweeps < 3 * slice.buffers || golden.swept.is_some() {
        golden.cycle(golden.schedule.len() / 32 % 2 == 0);
    }
    let (cycles, events) = (golden.schedule.len(), golden.events.len());
    let constants = constants(&slice, &sizes, &memories);
    let mut bench = Bench::new(include_str!("sparse.v"), &constants);
    bench.write("run.vh", &format!("localparam CYCLES = {cycles};\nlocalparam EVENTS = {events};\n"));
    bench.source("slice.v", include_str!("sparse_slice.v"));
    bench.write("schedule.hex", &golden.schedule.join("\n"));
    let bits = index_bits(memories.pointers().len());
    let entries: Vec<String> = golden.events.iter().map(|e| slice.entry(e, bits)).collect();
    bench.write("events.hex", &(entries.join("\n") + "\n0\n"));
    bench.write("rows.hex", &image(&memories.pointers()));
    bench.write("connections.hex", &image(&memories.words(&sizes)));
    if lint {
        bench.lint("slice");
    }
    bench.check(seed, &golden.trace, verilator);
    let with = |text: &str| golden.trace.iter().filter(|l| l.contains(text)).count();
    Seen { stalls: with(" stalled 1 "), lost: golden.lost, full: with(" room 0 ") }
}

#[test]
fn stored_connections_act_as_simulated() {
    let mut all = Seen::default();
    for seed in 0..120 {
        let seen = check(seed, false, seed % 10 == 0);
        all =
            Seen { stalls: all.stalls + seen.stalls, lost: all.lost + seen.lost, full: all.full + seen.full };
    }
    println!(
        "{} stalls, {} beats lost to banks, {} cycles with a full queue",
        all.stalls, all.lost, all.full
    );
    assert!(all.stalls > 500 && all.lost > 500 && all.full > 500);
}

#[test]
fn stored_connections_act_as_simulated_in_verilator() {
    check(1000, true, true);
}
