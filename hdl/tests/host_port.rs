//! The host port in Verilog against the simulator's, cycle by cycle, before a random network.
#![allow(clippy::unwrap_used)] // tests

#[path = "host_port/case.rs"]
mod case;
#[path = "../../simulator/tests/machine_common/mod.rs"]
mod machine_common;
#[path = "host_port/stimulus.rs"]
mod stimulus;

use case::Case;
use machine_common::Rng;
use pulvinar_hdl::{rtl, tool};
use pulvinar_ir::{Activity, Value};
use pulvinar_simulator::context::Context;
use pulvinar_simulator::noc::{Fabric, Flit};
use pulvinar_simulator::packet::{Packet, Slab, Transfers};
use pulvinar_simulator::prepare::phase::PhasePlan;
use pulvinar_simulator::unit::host_port::{HostMemory, HostPort};
use pulvinar_simulator::{Log, Machine, SimOptions};
use std::fmt::Write;
use stimulus::{random_input, random_output, Output, Wires};

/// What the bench is given, and what it must print.
#[derive(Default)]
struct Session {
    schedule: Vec<(bool, u32)>,
    arrivals: Vec<Option<u128>>,
    trace: Vec<String>,
    packs: u64,
    /// Line of the flit on the wire in the next cycle.
    wire: Option<String>,
    /// A slot was freed in the cycle before.
    credit: bool,
}

impl Session {
    /// What the port did in this cycle, and what is on its wires.
    fn record(&mut self, case: &Case, network: &mut Network<'_>, (slab, rng): (&Slab, &mut Rng)) {
        let now = network.wires.now;
        let digits = (case.body_bits() + case.tag).div_ceil(4) as usize;
        self.trace.extend(self.wire.take());
        if let Some((vc, flit)) = network.wires.sent.take() {
            self.trace.push(format!("sent {now}"));
            self.wire = Some(format!("inject {} {vc} {:0digits$x}", now + 1, hex(case, &flit, slab)));
            network.sent(vc, &flit, rng);
        }
        let popped = std::mem::take(&mut network.wires.popped) > 0;
        self.trace.extend(popped.then(|| format!("eject {now}")));
        self.trace.extend(self.credit.then(|| format!("credit {now}")));
        self.credit = popped;
    }
}

/// The network around the port: grants of the consumers, credits of the router, packets for the host.
struct Network<'a> {
    case: &'a Case,
    wires: Wires,
    /// Cycle from which a slot of a VC may be given back.
    owed: Vec<Vec<u64>>,
    /// Pulses on the wire, by cycle.
    pulses: Vec<u32>,
    grants: Vec<(u64, Flit)>,
    tokens: u32,
    grants_wanted: bool,
}

impl<'a> Network<'a> {
    fn new(case: &'a Case, grants_wanted: bool) -> Self {
        let wires = Wires { credits: vec![case.vc_depth; case.vcs as usize], ..Wires::default() };
        let owed = vec![Vec::new(); case.vcs as usize];
        Network { case, wires, owed, pulses: Vec::new(), grants: Vec::new(), tokens: 0, grants_wanted }
    }

    /// Before the port's cycle: credits that were on the wire two cycles ago.
    fn begin(&mut self) {
        let now = self.wires.now as usize;
        if now >= 2 {
            let mask = self.pulses[now - 2];
            self.wires.credits.iter_mut().enumerate().for_each(|(vc, c)| *c += mask >> vc & 1);
        }
    }

    /// A flit that was sent: its slot will be free again, and an end of step is answered with grants.
    fn sent(&mut self, vc: usize, flit: &Flit, rng: &mut Rng) {
        let now = self.wires.now;
        self.owed[vc].push(now + 3 + rng.below(30) as u64);
        let Packet::End { stream, step, .. } = Packet::decode(flit.payload) else { return };
        self.tokens += 1;
        if !self.grants_wanted || self.tokens % self.case.targets.len() as u32 != 0 {
            return;
        }
        for consumer in 0..self.case.needed {
            let ahead = if consumer < self.case.late { 1 } else { self.case.buffers };
            let payload = Packet::Credit { stream, step: u32::from(step) + ahead, from: consumer }.encode();
            let flit = stimulus::flit(payload);
            self.grants.push((now + 5 + rng.below(60) as u64, flit));
        }
    }

    /// Pulses of this cycle.
    fn pulse(&mut self, rng: &mut Rng) -> u32 {
        let now = self.wires.now;
        let mut mask = 0;
        for (vc, owed) in self.owed.iter_mut().enumerate() {
            if let Some(i) = owed.iter().position(|&at| at <= now && self.grants_wanted && rng.chance(70)) {
                owed.remove(i);
                mask |= 1 << vc;
            }
        }
        self.pulses.push(mask);
        mask
    }

    /// A flit on the wire to the host in this cycle, if its buffer had room at the start of the cycle.
    fn arrive(&mut self, held: usize, output: &mut Output, rng: &mut Rng) -> Option<Flit> {
        if held >= self.case.eject || !rng.chance(60) {
            return None;
        }
        let now = self.wires.now;
        let grant = self.grants.iter().position(|&(at, _)| at <= now);
        let flit = match grant {
            Some(i) if rng.chance(70) => self.grants.remove(i).1,
            _ => output.flits.pop_front()?,
        };
        self.wires.arrived.push_back(flit);
        Some(flit)
    }
}

fn hex(case: &Case, flit: &Flit, slab: &Slab) -> u128 {
    let tag = if case.tag == 48 { u128::from(case.endpoint) << 32 | u128::from(flit.packet) } else { 0 };
    case.body(flit, slab) | tag << case.body_bits()
}

/// Runs the simulator's host port before a random network.
fn reference(
    case: &Case,
    input: &Value,
    output: &mut Output,
    slab: &mut Slab,
    rng: &mut Rng,
    pulses: bool,
) -> Session {
    let program = case.program();
    let mut machine = Machine::new(&program).unwrap();
    let mut phase: PhasePlan = machine.phases.remove(0);
    phase.streams = case.streams();
    phase.host_stream = Some(case.input.stream);
    machine.buffers = case.buffers as usize;
    let options = SimOptions { output_busy: case.reader, ..SimOptions::default() };
    let options = SimOptions { engine: pulvinar_simulator::EngineKind::Plain, ..options };
    let mut log = Log::new(machine.stages.len(), case.steps, 1, &options);
    let mut host = HostPort::new(&machine, &phase, &options, 0);
    let mut memory = HostMemory { tokens_left: case.tokens() as u64, ..HostMemory::default() };
    let mut transfers = Transfers::default();
    let mut network = Network::new(case, pulses);
    let mut session = Session::default();
    let mut left = 20;
    while left > 0 {
        network.begin();
        let now = network.wires.now;
        let held = network.wires.arrived.len();
        let mut cx = Context {
            now,
            fabric: &mut network.wires,
            slab,
            transfers: &mut transfers,
            log: &mut log,
            machine: &machine,
            phase: &phase,
            barrier: None,
        };
        host.tick(&mut cx, input, &mut memory);
        session.record(case, &mut network, (slab, rng));
        if memory.finished_at == Some(now) {
            session.trace.push(format!("finished {now}"));
        }
        let mask = network.pulse(rng);
        let arrival = network.arrive(held, output, rng);
        session.arrivals.push(arrival.map(|f| case.body(&f, slab)));
        session.schedule.push((case.reader.is_none_or(|(period, busy)| now % period >= busy), mask));
        let done = memory.finished_at.is_some() && host.is_done(case.steps) && host.is_quiet();
        left -= u32::from(done && network.grants.is_empty() && network.wires.arrived.is_empty());
        network.wires.step(&mut pulvinar_simulator::noc::NoObserver);
        assert!(now < 200_000, "{case:?}: the reference does not end");
    }
    let host_layer = machine.stages.len();
    session.packs = (0..case.steps).map(|s| log.row(host_layer, s).get(Activity::EventPack)).sum();
    session
}

/// Runs the Verilog; gives its trace.
fn bench(case: &Case, session: &Session, beats: &(String, usize), gaps: Option<&mut Rng>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let mut sources = rtl::write_to(dir.path()).unwrap();
    let arrival =
        |a: &Option<u128>| a.map_or("0".into(), |f| format!("{:x}", f | 1 << (case.body_bits() + case.tag)));
    let arrivals: Vec<String> = session.arrivals.iter().map(arrival).collect();
    let mut schedule = String::new();
    let mut gaps = gaps;
    for &(ready, mask) in &session.schedule {
        let offered = gaps.as_mut().is_none_or(|rng| rng.chance(40));
        let _ = writeln!(schedule, "{:x}", u32::from(offered) << 9 | u32::from(ready) << 8 | mask);
    }
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("schedule.hex", &schedule);
    write("arrivals.hex", &(arrivals.join("\n") + "\n"));
    write("beats.hex", &beats.0);
    write("case.vh", &case.parameters(session.schedule.len(), beats.1));
    write("bench.v", include_str!("host_port/bench.v"));
    sources.push(dir.path().join("bench.v"));
    let text = tool::icarus(dir.path(), "bench", &sources, &["PULVINAR_ASSERT"]).unwrap();
    text.lines().filter(|l| !l.starts_with("WARNING") && !l.contains("$finish")).map(String::from).collect()
}

fn of<'a>(trace: &'a [String], kinds: &[&str]) -> Vec<&'a str> {
    let kind = |l: &&str| kinds.contains(&l.split(' ').next().unwrap_or_default());
    trace.iter().map(String::as_str).filter(kind).collect()
}

fn expected_beats(case: &Case, output: &Output) -> Vec<String> {
    let address = case.outputs.iter().map(|l| l.address).max().unwrap();
    let value = case.outputs.iter().map(|l| l.value.max(1)).max().unwrap();
    let content = (address + value).max(case.packet);
    let digits = ((content + case.step + case.stream + 9) / 8 * 2) as usize;
    let beat = |(i, &(stream, step, end, last, item)): (usize, &(u32, u32, bool, bool, u128))| {
        let low = item as u64 as u128 | (item >> 64 & ((1 << value) - 1)) << address;
        let high = u128::from(step) | u128::from(stream) << case.step;
        let flags = u128::from(last) | u128::from(end) << 1;
        let data = low | high << content | flags << (content + case.step + case.stream);
        format!("beat {data:0digits$x} {}", u32::from(i + 1 == output.beats.len()))
    };
    output.beats.iter().enumerate().map(beat).collect()
}

#[test]
fn equals_the_simulator() {
    let mut lines = 0;
    for seed in 0..60 {
        let mut rng = Rng(seed * 9_176 + 3);
        let case = Case::random(&mut rng);
        let mut slab = Slab::new(64);
        let (input, text, count) = random_input(&case, &mut rng);
        let mut output = random_output(&case, &mut slab, &mut rng);
        let session = reference(&case, &input, &mut output, &mut slab, &mut rng, true);
        let trace = bench(&case, &session, &(text, count), None);
        let got = of(&trace, &["inject", "sent", "eject", "credit", "finished", "ASSERT"]);
        for (i, (a, b)) in got.iter().zip(&session.trace).enumerate() {
            assert_eq!(a, b, "seed {seed}, line {i}: {case:?}");
        }
        assert_eq!(got.len(), session.trace.len(), "seed {seed}: {case:?}");
        assert_eq!(of(&trace, &["beat"]), expected_beats(&case, &output), "seed {seed}: {case:?}");
        assert_eq!(of(&trace, &["pack"]).len() as u64, session.packs, "seed {seed}");
        lines += trace.len();
    }
    assert!(lines > 10_000, "only {lines} lines were compared");
}

#[test]
fn late_beats_cost_nothing_but_time() {
    for seed in 0..8 {
        let mut rng = Rng(seed * 71 + 9);
        let case = Case { needed: 0, late: 0, vc_depth: 4096, ..Case::random(&mut rng) };
        let mut slab = Slab::new(64);
        let (input, text, count) = random_input(&case, &mut rng);
        let mut output = random_output(&case, &mut slab, &mut rng);
        let mut session = reference(&case, &input, &mut output, &mut slab, &mut rng, false);
        session.schedule.resize(session.schedule.len() * 4 + 1000, (true, 0));
        session.arrivals.resize(session.schedule.len(), None);
        let trace = bench(&case, &session, &(text, count), Some(&mut rng));
        let flits = |lines: Vec<&str>| -> Vec<String> {
            lines.iter().map(|l| l.split(' ').skip(2).collect::<Vec<_>>().join(" ")).collect()
        };
        assert!(of(&trace, &["ASSERT"]).is_empty(), "seed {seed}");
        let (got, want) = (of(&trace, &["inject"]), of(&session.trace, &["inject"]));
        assert!(!want.is_empty());
        assert_eq!(flits(got), flits(want), "seed {seed}: {case:?}");
    }
}

#[test]
fn is_clean() {
    let dir = tempfile::tempdir().unwrap();
    rtl::write_to(dir.path()).unwrap();
    let sources = ["host_port", "packer", "injector", "interface_in", "fifo", "ram"];
    let sources: Vec<_> = sources.iter().map(|n| dir.path().join(format!("{n}.v"))).collect();
    tool::lint(dir.path(), "host_port", &sources).unwrap();
}
