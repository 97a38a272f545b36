//! The simulator's packer, injector and offers behind a random schedule of sweeps and lists, with a router that pushes
//! back; gives the trace that Verilog must print and the files of its test bench.

use crate::case::{Case, Random};
use pulvinar_simulator::noc::{Fabric, Flit, Observer, Plain, PortId, Route};
use pulvinar_simulator::packet::{Event, Packet, Slab};
use pulvinar_simulator::unit::injector::Injector;
use pulvinar_simulator::unit::offers::{Exit, Offers, Progress};
use pulvinar_simulator::unit::packer::Packer;
use pulvinar_simulator::unit::update_engine::PIPELINE_CYCLES;
use std::collections::BTreeMap;

/// Control packets of a case: they go first, and must not keep the data waiting for ever.
const CONTROLS: usize = 300;

/// Trace and test bench files.
pub struct Run {
    pub trace: String,
    pub files: Vec<(&'static str, String)>,
}

/// A word of a sweep: lanes with an event, and their values.
type Word = Vec<Option<i64>>;

/// A sweep under way.
struct Sweep {
    start: u64,
    silent: bool,
    pass: usize,
    step: usize,
    offers: Offers,
    words: Vec<Word>,
    /// Cycles of the accepted events.
    accepted: Vec<u64>,
}

/// A flit that has left the injector.
struct Sent {
    cycle: u64,
    vc: usize,
    payload: u64,
}

/// Routes of packets by number.
#[derive(Default)]
struct Routes(BTreeMap<u32, Route>);

impl Observer for Routes {
    fn flit_leaves(&mut self, _: u64, _: usize, _: usize, _: usize, flit: &Flit) {
        self.0.insert(flit.packet, flit.route);
    }
}

/// What the test bench reads, line by line.
#[derive(Default)]
struct Files {
    schedule: Vec<u32>,
    sweeps: Vec<u32>,
    lists: Vec<u64>,
    listed: Vec<u64>,
    fired: Vec<String>,
    values: Vec<String>,
    controls: Vec<String>,
}

struct Bench<'c> {
    case: &'c Case,
    rng: Random,
    now: u64,
    fabric: Plain,
    packer: Packer,
    injector: Injector,
    slab: Slab,
    list: Option<Offers>,
    sweep: Option<Sweep>,
    sweeps_left: usize,
    lists_left: usize,
    controls_waiting: usize,
    sent: Vec<Sent>,
    routes: Routes,
    files: Files,
    trace: String,
    state: (bool, bool, bool),
    /// Cycles of a run that a reset cuts off before the traced one.
    dirty: usize,
}

/// Runs a case until nothing moves.
pub fn run(case: &Case, seed: u64) -> Run {
    let vcs = case.noc.vcs;
    let longest = case.plans.iter().map(|p| usize::from(p.per_flit)).max().unwrap_or(1);
    let mut bench = Bench {
        case,
        rng: Random(!seed),
        now: 0,
        fabric: Plain::new(&case.noc, &case.trees).unwrap(),
        packer: Packer::new(((1u32 << vcs) - 1) as u8, true),
        injector: Injector::new(case.endpoint, case.inject_depth, vcs),
        slab: Slab::new(longest),
        list: None,
        sweep: None,
        sweeps_left: (2000 / (case.words() * case.lanes)).clamp(4, 24),
        lists_left: if case.sources.len() > 1 { 12 } else { 0 },
        controls_waiting: 0,
        sent: Vec::new(),
        routes: Routes::default(),
        files: Files::default(),
        trace: String::new(),
        state: (true, true, false),
        dirty: if seed % 2 == 1 { 20 + seed as usize * 13 % 1000 } else { 0 },
    };
    while !bench.is_done() {
        bench.tick();
        assert!(bench.now < 60_000, "seed {seed}: the case does not end");
    }
    bench.finish()
}

impl Bench<'_> {
    fn is_done(&self) -> bool {
        let quiet = self.sweep.is_none() && self.list.is_none() && self.packer.is_idle();
        self.sweeps_left == 0
            && self.lists_left == 0
            && quiet
            && self.injector.is_empty()
            && self.fabric.is_empty()
    }

    fn credits(&self) -> Vec<u32> {
        let credits = |vc| self.fabric.inject_credits(self.case.endpoint, vc);
        (0..usize::from(self.case.noc.vcs)).map(credits).collect()
    }

    /// One cycle, in the order of the simulator's core.
    fn tick(&mut self) {
        let room = self.injector.has_room();
        let state = (self.packer.is_idle(), self.injector.is_empty(), self.packer.is_busy());
        if std::mem::replace(&mut self.state, state) != state {
            let bit = u8::from;
            self.trace += &format!("T {} {} {} {}\n", self.now, bit(state.0), bit(state.1), bit(state.2));
        }
        self.files.schedule.push(0);
        let control = self.controls_waiting < self.case.control_depth
            && self.rng.chance(self.case.rates[3], 8)
            && self.files.controls.len() < CONTROLS;
        self.begin();
        self.inject();
        self.emit(room);
        if control {
            self.push_control();
        }
        self.eject();
        let before = self.credits();
        self.fabric.step(&mut self.routes);
        for (vc, credits) in self.credits().into_iter().enumerate() {
            if credits > before[vc] {
                // Usable in the next cycle, hence on the wire in the last one.
                self.files.schedule[self.now as usize - 1] |= 1 << vc;
            }
        }
        self.now += 1;
    }

    /// Starts lists and sweeps. A list never starts while a sweep that emits is under way.
    fn begin(&mut self) {
        let emitting = self.sweep.as_ref().is_some_and(|s| !s.silent);
        if self.list.is_none() && !emitting && self.lists_left > 0 && self.rng.chance(1, 30) {
            self.lists_left -= 1;
            self.begin_list();
        }
        if self.sweep.is_none() && self.sweeps_left > 0 && self.rng.chance(1, 3) {
            self.sweeps_left -= 1;
            self.begin_sweep();
        }
    }

    fn begin_list(&mut self) {
        let source = self.rng.of(1, 2);
        let step = self.rng.of(0, (1 << self.case.step_bits) - 1);
        let n = if self.rng.chance(1, 6) { 0 } else { self.rng.of(1, self.case.list) };
        let width = self.case.sources[source].value_bits;
        let events: Vec<Event> =
            (0..n).map(|i| Event { address: i as u32, value: self.value(width) }).collect();
        for event in &events {
            let value = event.value as u64 & ((1 << self.case.value_bits()) - 1);
            self.files.listed.push(value << 32 | u64::from(event.address));
        }
        self.files.lists.push((step << 18 | source << 16 | n) as u64);
        *self.files.schedule.last_mut().unwrap() |= 1 << 10;
        self.list = Some(Offers::list((source as u32, step as u16), self.now, events));
    }

    /// A value of a width, not 0 (0 has no event), 1 for a spike.
    fn value(&mut self, width: usize) -> i64 {
        if width == 0 {
            return 1;
        }
        let limit = 1 << (width - 1);
        let value = self.rng.of(0, 2 * limit - 1) as i64 - limit as i64;
        if value == 0 {
            1
        } else {
            value
        }
    }

    fn begin_sweep(&mut self) {
        let case = self.case;
        let (silent, pass) = (self.rng.chance(1, 4), self.rng.of(0, 1));
        let step = self.rng.of(0, (1 << case.step_bits) - 1);
        self.files.sweeps.push((step << 2 | pass << 1 | usize::from(silent)) as u32);
        *self.files.schedule.last_mut().unwrap() |= 1 << 8;
        let mut offers = Offers::default();
        offers.reset((0, step as u16), self.now + PIPELINE_CYCLES);
        let mut words = Vec::new();
        for word in 0..case.words() {
            let lanes = self.word(word);
            let start = offers.span;
            for (lane, &value) in lanes.iter().enumerate().filter(|_| !silent) {
                let Some(value) = value else { continue };
                offers.events.push(Event { address: case.address(word, lane) as u32, value });
                offers.offsets.push(offers.span as u32);
                offers.span += 1;
            }
            offers.span = offers.span.max(start + 1);
            words.push(lanes);
        }
        let start = self.now;
        self.sweep = Some(Sweep { start, silent, pass, step, offers, words, accepted: Vec::new() });
    }

    fn word(&mut self, word: usize) -> Word {
        let case = self.case;
        let block = case.place(word).2;
        let lanes = case.lanes.min(case.channels - block * case.lanes);
        let may = self.rng.chance(case.rates[1], 8);
        let fires = |b: &mut Self| {
            (may && b.rng.chance(case.rates[0], 8)).then(|| b.value(case.sources[0].value_bits))
        };
        let mut values: Word = (0..lanes).map(|_| fires(self)).collect();
        values.resize(case.lanes, None);
        let text = |v: &Option<i64>| binary(v.unwrap_or(0) as u64, case.value_bits());
        self.files.fired.push(hex(&values
            .iter()
            .rev()
            .map(|v| if v.is_some() { "1" } else { "0" })
            .collect::<String>()));
        self.files.values.push(hex(&values.iter().rev().map(text).collect::<String>()));
        values
    }

    fn inject(&mut self) {
        let before = self.credits();
        let Some(payload) = self.injector.tick(&mut self.fabric) else { return };
        let after = self.credits();
        let vc = (0..before.len()).find(|&v| after[v] < before[v]).expect("an injection takes a credit");
        self.controls_waiting -= usize::from(matches!(Packet::decode(payload), Packet::Credit { .. }));
        self.sent.push(Sent { cycle: self.now, vc, payload });
    }

    fn emit(&mut self, room: bool) {
        let blocked = self.packer.is_busy() || self.list.is_some();
        if self.packer.is_busy() {
            if room {
                let plan = &self.case.plans[self.packer.stream() as usize];
                self.packer.push(plan, &mut self.slab, &mut self.injector);
            }
        } else if let Some(mut list) = self.list.take() {
            if self.offer(&mut list, room).1 == Progress::Ended {
                self.packer.end(list.label.0, list.label.1);
            } else {
                self.list = Some(list);
            }
        }
        let Some(mut sweep) = self.sweep.take() else { return };
        let ended = if sweep.silent {
            sweep.offers.tick_silent(self.now) == Progress::Ended
        } else if blocked {
            false
        } else {
            let (accepted, progress) = self.offer(&mut sweep.offers, room);
            sweep.accepted.extend(accepted);
            progress == Progress::Ended
        };
        if !ended {
            self.sweep = Some(sweep);
            return;
        }
        if !sweep.silent {
            self.packer.end(0, sweep.step as u16);
        }
        self.end_sweep(&sweep);
    }

    /// A cycle of a job before a packer that was free; gives the cycle of an accepted event.
    fn offer(&mut self, offers: &mut Offers, room: bool) -> (Option<u64>, Progress) {
        let source = offers.label.0;
        let plan = &self.case.plans[source as usize];
        let (packer, injector, slab) = (&mut self.packer, &mut self.injector, &mut self.slab);
        let mut exit = Exit { plan, packer, injector, slab, room, ahead: false };
        let (mut accepted, trace, width) = (None, &mut self.trace, self.case.value_bits());
        let progress = offers.tick(self.now, &mut exit, |cycle, event| {
            accepted = Some(cycle);
            let value = event.value as u64 & ((1 << width) - 1);
            *trace += &format!("E {cycle} {source} {} {value}\n", event.address);
        });
        (accepted, progress)
    }

    /// The way of every word through the pipeline, from the cycles in which the words left the encoder.
    fn end_sweep(&mut self, sweep: &Sweep) {
        self.trace += &format!("S {} {}\n", self.now, sweep.offers.refusals);
        let mut advances: Vec<u64> = (sweep.start..sweep.start + PIPELINE_CYCLES).collect();
        let mut accepted = sweep.accepted.iter();
        for (w, word) in sweep.words.iter().enumerate() {
            let events = if sweep.silent { 0 } else { word.iter().flatten().count() };
            let next = advances[advances.len() - 1] + 1;
            let cycle = accepted.by_ref().take(events).last().copied().unwrap_or(next);
            advances.push(if w + 1 == sweep.words.len() { self.now } else { cycle });
        }
        let words = sweep.words.len();
        let mut lines = Vec::new();
        for (w, stage) in (0..words).flat_map(|w| [(w, 0), (w, 5)]) {
            let ((row, column, block), last) = (self.case.place(w), u8::from(w + 1 == words));
            let (cycle, step, pass) = (advances[w + stage], sweep.step, sweep.pass);
            let line = format!("P {cycle} {stage} {last} {w} {row} {column} {block} {step} {pass}\n");
            lines.push((cycle, stage, line));
        }
        lines.sort();
        self.trace.extend(lines.into_iter().map(|l| l.2));
    }

    fn push_control(&mut self) {
        let stream = self.rng.of(0, (1 << self.case.stream_bits) - 1) as u32;
        let step = self.rng.of(0, (1 << self.case.step_bits) - 1) as u32;
        let to = PortId(self.rng.of(0, self.case.noc.eject_depth.len() - 1) as u32);
        let mask = ((1u32 << self.case.noc.vcs) - 1) as u8;
        let payload = Packet::Credit { stream, step, from: self.case.endpoint.0 }.encode();
        self.injector.push_control(payload, to, mask);
        self.controls_waiting += 1;
        self.files.controls.push(hex(&self.body(payload, Route::Unicast(to))));
        *self.files.schedule.last_mut().unwrap() |= 1 << 9;
    }

    fn eject(&mut self) {
        for port in 0..self.case.noc.eject_depth.len() {
            if self.rng.chance(self.case.rates[2], 8) {
                self.fabric.eject_pop(PortId(port as u32));
            }
        }
    }

    /// A flit without tag, binary.
    fn body(&self, payload: u64, route: Route) -> String {
        let case = self.case;
        let stream = |index: u32| case.sources[index as usize].stream as u64;
        let slot = |index: u32, event: Event| {
            let source = &case.sources[index as usize];
            binary(event.value as u64, source.value_bits)
                + &binary(u64::from(event.address), source.address_bits)
        };
        let (content, count, step, stream, kind) = match Packet::decode(payload) {
            Packet::Events { slot: at } => {
                let header = self.slab.header(at);
                let events = (0..usize::from(header.count)).rev();
                let slots: String = events.map(|i| slot(header.stream, self.slab.event(at, i))).collect();
                (slots, u64::from(header.count), u64::from(header.step), stream(header.stream), 0)
            }
            Packet::One { stream: s, step, address } => {
                (slot(s, Event { address, value: 1 }), 1, u64::from(step), stream(s), 0)
            }
            Packet::End { stream: s, step, packets } => {
                (binary(u64::from(packets), case.packet_bits), 0, u64::from(step), stream(s), 1)
            }
            Packet::Credit { stream, step, .. } => (String::new(), 0, u64::from(step), u64::from(stream), 2),
            Packet::Memory { .. } => panic!("no memory packets here"),
        };
        let (dest, tree) = match route {
            Route::Unicast(port) => (port.0, 0),
            Route::Tree(tree) => (tree, 1),
        };
        format!("{content:0>width$}", width = case.payload_bits)
            + &binary(count, case.count_bits())
            + &binary(step, case.step_bits)
            + &binary(stream, case.stream_bits)
            + &binary(kind, 2)
            + &binary(u64::from(dest), case.dest_bits)
            + &binary(tree, 1)
    }

    fn finish(mut self) -> Run {
        for (number, sent) in self.sent.iter().enumerate() {
            let tag = u64::from(self.case.endpoint.0) << 32 | number as u64;
            let tag = if self.case.tag_bits == 48 { tag } else { 0 };
            let body = self.body(sent.payload, self.routes.0[&(number as u32)]);
            let flit = hex(&(binary(tag, self.case.tag_bits) + &body));
            self.trace += &format!("I {} {} {flit}\n", sent.cycle, sent.vc);
        }
        let files = &mut self.files;
        // A cycle more for what is printed a cycle late; memories of at least one word.
        files.schedule.extend([0; 4]);
        let bench = format!(
            "  parameter CYCLES = {},\n  parameter SWEEPS = {},\n  parameter WORDS = {},\n  parameter LISTS = {},\n  \
             parameter LISTED = {},\n  parameter CONTROLS = {},\n  parameter DIRTY = {}",
            files.schedule.len(),
            files.sweeps.len(),
            self.case.words(),
            files.lists.len(),
            files.listed.len(),
            files.controls.len(),
            self.dirty.min(files.schedule.len() - 2)
        );
        let files = vec![
            ("bench.vh", bench),
            ("schedule.hex", lines(&files.schedule)),
            ("sweeps.hex", lines(&files.sweeps)),
            ("lists.hex", lines(&files.lists)),
            ("listed.hex", lines(&files.listed)),
            ("fired.hex", files.fired.join("\n") + "\n0\n"),
            ("values.hex", files.values.join("\n") + "\n0\n"),
            ("controls.hex", files.controls.join("\n") + "\n0\n"),
        ];
        Run { trace: self.trace, files }
    }
}

/// Hexadecimal lines and a last 0.
fn lines<T: std::fmt::LowerHex>(words: &[T]) -> String {
    words.iter().map(|w| format!("{w:x}\n")).collect::<String>() + "0\n"
}

/// The low bits of a value; nothing for a width of 0.
fn binary(value: u64, width: usize) -> String {
    (0..width).rev().map(|i| if i < 64 && value >> i & 1 == 1 { '1' } else { '0' }).collect()
}

/// Binary to hexadecimal digits, as many as `%h` prints.
fn hex(binary: &str) -> String {
    let padded = format!("{}{binary}", "0".repeat(binary.len().wrapping_neg() % 4));
    let digit = |i: usize| u8::from_str_radix(&padded[i..i + 4], 2).expect("four binary digits");
    (0..padded.len()).step_by(4).map(|i| format!("{:x}", digit(i))).collect()
}
