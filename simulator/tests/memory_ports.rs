//! No array of a memory sees more accesses in a cycle than its ports take, and the log that says so has every access.
#![allow(clippy::unwrap_used)] // tests

mod machine_common;

use machine_common::nets::random_net;
use machine_common::{random_arch, random_input, Rng};
use pulvinar_ir::counts::{Memory, Ports};
use pulvinar_ir::Activity;
use pulvinar_simulator::accesses::Access;
use pulvinar_simulator::{EngineKind, Machine, Run, SimOptions};
use std::collections::{BTreeMap, BTreeSet};

/// A random run, and the banks of its accumulators.
fn random_run(seed: u64) -> (Run, u32) {
    let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9ABC_DEF1));
    let barrier = seed % 8 == 0;
    let arch = random_arch(&mut rng, 6, barrier);
    let delays = arch.core.accumulator_buffers == 2;
    let net = random_net(rng.next(), seed % 4 > 1, barrier, delays);
    let second = if seed % 5 == 0 && !barrier { 1 } else { usize::MAX };
    let (program, mut rng) = net.program_in_phases(arch, rng.below(6), second);
    let input = random_input(&program.graph, &mut rng);
    let options = SimOptions { engine: EngineKind::Plain, accesses: true, ..SimOptions::default() };
    let run = Machine::new(&program).unwrap().simulate(&input, &options).unwrap();
    (run, program.arch.core.accumulator_banks)
}

/// Reads and writes of one array in one cycle.
type Cycle = [u32; 2];

fn by_cycle(accesses: &[Access]) -> BTreeMap<(u32, Memory, u32, u64), Cycle> {
    let mut cycles: BTreeMap<_, Cycle> = BTreeMap::new();
    for a in accesses {
        cycles.entry((a.core, a.memory, a.array, a.cycle)).or_default()[usize::from(a.write)] += 1;
    }
    cycles
}

fn fits(memory: Memory, [reads, writes]: Cycle) -> bool {
    match memory.ports() {
        Ports::Single => reads + writes <= 1,
        Ports::ReadAndWrite => reads <= 1 && writes <= 1,
    }
}

/// Activities that count the reads and the writes of a memory.
fn activities(memory: Memory) -> [Option<Activity>; 2] {
    use Activity as A;
    match memory {
        // Weights are written while they are loaded, pointers never.
        Memory::Weight => [Some(A::WeightRead), None],
        Memory::Pointer => [Some(A::PointerRead), None],
        Memory::Accumulator => [Some(A::AccRead), Some(A::AccWrite)],
        Memory::State => [Some(A::StateRead), Some(A::StateWrite)],
        Memory::Statistics => [Some(A::StatRead), Some(A::StatWrite)],
        Memory::Gate => [Some(A::GateRead), Some(A::GateWrite)],
        Memory::Frame => [Some(A::FrameRead), Some(A::FrameWrite)],
        Memory::SpikeStore => [Some(A::SpikeStoreRead), Some(A::SpikeStoreWrite)],
        Memory::EventQueue => [Some(A::EventPop), Some(A::EventPush)],
    }
}

/// Accesses of a memory as the counts have them: one a word, whatever banks it lies in.
fn counted((run, banks): &(Run, u32), memory: Memory, write: bool) -> (u64, u64) {
    let of_it = run.accesses.iter().filter(|a| a.memory == memory && a.write == write);
    let logged = if memory == Memory::Accumulator {
        of_it.map(|a| (a.core, a.array / banks, a.cycle)).collect::<BTreeSet<_>>().len()
    } else {
        of_it.count()
    };
    let counted = activities(memory)[usize::from(write)].map_or(0, |a| run.counts.total(a));
    (logged as u64, counted)
}

#[test]
fn no_array_sees_more_accesses_than_its_ports_take() {
    let mut both = BTreeMap::new();
    for seed in 0..160 {
        let (run, _) = random_run(seed);
        for ((core, memory, array, cycle), ports) in by_cycle(&run.accesses) {
            assert!(
                fits(memory, ports),
                "seed {seed}: core {core}, {}, array {array}, cycle {cycle}: reads, writes {ports:?}",
                memory.name()
            );
            *both.entry(memory).or_insert(0) += u32::from(ports == [1, 1]);
        }
    }
    // Every memory is used, and those with two ports need them.
    for memory in Memory::ALL {
        let two = both.get(&memory).unwrap_or_else(|| panic!("the {} is never used", memory.name()));
        assert_eq!(*two > 0, memory.ports() == Ports::ReadAndWrite, "{}", memory.name());
    }
}

#[test]
fn every_access_is_in_the_log() {
    for seed in 0..60 {
        let run = random_run(seed);
        for memory in Memory::ALL {
            for write in [false, true] {
                let (logged, counted) = counted(&run, memory, write);
                assert_eq!(logged, counted, "seed {seed}: {} (write: {write})", memory.name());
            }
        }
    }
}
