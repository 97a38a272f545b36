//! Random programs on random chips: both engines and the reference agree.
#![allow(clippy::unwrap_used)] // tests

mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_ir::{interpret, Value};
use pulvinar_simulator::{EngineKind, Machine, Run, SimOptions};

/// A slow reader of the output: (period, busy).
type Reader = Option<(u64, u64)>;

fn run(machine: &Machine<'_>, input: &Value, engine: EngineKind, output_busy: Reader) -> Run {
    let cycle_limit = 2_000_000;
    let (trace, values, timeline, accesses) = (true, true, true, false);
    let options = SimOptions { engine, trace, values, timeline, accesses, cycle_limit, output_busy };
    machine.simulate(input, &options).unwrap()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Direct,
    Attention,
    Barrier,
    Phases,
}

/// Runs one random case; gives the number of cycles.
fn check(seed: u64, kind: Kind) -> u64 {
    check_reader(seed, kind, None)
}

fn check_reader(seed: u64, kind: Kind, reader: Reader) -> u64 {
    let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
    let barrier = kind == Kind::Barrier;
    let arch = random_arch(&mut rng, 6, barrier);
    let delays = arch.core.accumulator_buffers == 2;
    let attention = kind == Kind::Attention || (kind == Kind::Phases && rng.chance(50));
    let net = random_net(rng.next(), attention, barrier, delays);
    let cuts = rng.below(6);
    let second = if kind == Kind::Phases { 1 } else { usize::MAX };
    let (program, mut rng) = net.program_in_phases(arch, cuts, second);
    let machine = Machine::new(&program).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let input = random_input(&program.graph, &mut rng);
    let reference = interpret::run(&program.graph, &input).unwrap();
    let fast = run(&machine, &input, EngineKind::Fast, reader);
    let plain = run(&machine, &input, EngineKind::Plain, reader);
    for (stage, value) in program.stages.iter().zip(&plain.values) {
        assert_eq!(value, &reference[stage.output.index()], "seed {seed}: stage {} (plain)", stage.name);
    }
    assert_eq!(plain.output, reference[program.graph.output.index()], "seed {seed}: answer");
    let (a, b) = (plain.trace.as_ref().unwrap(), fast.trace.as_ref().unwrap());
    if let Some(i) = (0..a.entries.len().max(b.entries.len())).find(|&i| a.entries.get(i) != b.entries.get(i))
    {
        panic!("seed {seed}: entry {i}: plain {:?} fast {:?}", a.entries.get(i), b.entries.get(i));
    }
    assert_eq!(plain.counts, fast.counts, "seed {seed}");
    let visited = (plain.visited_cycles, fast.visited_cycles);
    assert!(visited.1 <= visited.0);
    let plain = Run { visited_cycles: visited.1, ..plain };
    assert_eq!(plain, fast, "seed {seed}");
    plain.counts.cycles
}

// Seeds out of the row are those that have found a wrong wake-up of the fast engine.

#[test]
fn slow_readers_agree() {
    let mut slower = 0;
    for seed in 0..60 {
        let kind = [Kind::Direct, Kind::Attention, Kind::Barrier, Kind::Phases][seed as usize % 4];
        let mut rng = Rng(seed * 77 + 5);
        let period = 2 + rng.below(40) as u64;
        let busy = period - 1 - rng.below(period as usize - 1) as u64;
        let cycles = check_reader(seed, kind, Some((period, busy)));
        let ready = check_reader(seed, kind, None);
        if kind != Kind::Barrier {
            assert!((cycles - 1) % period >= busy, "seed {seed}: the last item is taken in a busy cycle");
        }
        slower += u64::from(cycles > ready);
    }
    assert!(slower > 30, "only {slower} of 60 runs are slower");
}

#[test]
fn direct_programs_agree() {
    let cycles: u64 = (0..100).chain([5038]).map(|seed| check(seed, Kind::Direct)).sum();
    assert!(cycles > 10_000);
}

#[test]
fn attention_programs_agree() {
    let cycles: u64 = (1000..1100).chain([6465, 6619]).map(|seed| check(seed, Kind::Attention)).sum();
    assert!(cycles > 10_000);
}

#[test]
fn barrier_programs_agree() {
    let cycles: u64 = (2000..2050).map(|seed| check(seed, Kind::Barrier)).sum();
    assert!(cycles > 5_000);
}

#[test]
fn programs_of_several_phases_agree() {
    let cycles: u64 = (3000..3060).chain([8275]).map(|seed| check(seed, Kind::Phases)).sum();
    assert!(cycles > 10_000);
}
