//! What the channel costs a network that keeps its currents in external memory.

use crate::holds;
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::arch::{kinds, Dram};
use pulvinar_ir::{Activity, Arch, Level, Program, Strategy, Value};
use pulvinar_models::{zoo, Frames};
use pulvinar_simulator::{simulate, SimOptions};
use std::fmt::Write;

fn values(frames: &Frames, level: Level, n: usize) -> Vec<Value> {
    (0..n).map(|i| frames.value(i, level).unwrap()).collect()
}

/// The default network on the default chip, every layer with attention spilling to DRAM.
fn program() -> Program {
    let model = (zoo::find("ma-snn-tcsa").unwrap().load)().unwrap();
    let lowered = lower(&model.graph, &Options::default()).unwrap();
    let calibration = values(&zoo::calibration().unwrap().frames, Level::Trained, 64);
    let ranges = Calibration::from_inputs(&lowered, &calibration).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let arch = Arch::default_chip();
    let first = map(&flow, &arch, &MapOptions::default()).unwrap().program;
    let waiting = first.stages.iter().filter(|s| s.is_multipass()).map(|s| s.name.clone());
    let strategies = waiting.map(|name| (name, Strategy::SpillDram)).collect();
    map(&flow, &arch, &MapOptions { strategies, ..MapOptions::default() }).unwrap().program
}

/// A channel that is never waited for: no latency but a cycle of the bus, no refresh within the run.
fn no_wait(of: &Dram) -> Dram {
    let (row_bytes, burst_bytes, banks) = (of.row_bytes, of.burst_bytes, of.banks);
    let (kind, queue_requests) = (of.kind.clone(), of.queue_requests);
    Dram {
        kind,
        banks,
        row_bytes,
        burst_bytes,
        queue_requests,
        burst_cycles: 1,
        t_refi_cycles: u32::MAX,
        ..Dram::default()
    }
}

#[test]
fn the_channel_is_a_small_part_of_the_wait() {
    let mut program = program();
    let default = program.arch.dram.clone();
    let kind = |name: &str, open_ahead: bool| {
        let kind = kinds().find(|k| k.channel.kind == name).unwrap();
        Dram { queue_requests: 32, open_ahead, ..kind.at(program.arch.technology.clock_mhz) }
    };
    let (lpddr3, hbm2) = ("LPDDR3_8Gb_x32_1600", "HBM2_8Gb_x128");
    let channels = [
        ("the default chip's".to_owned(), default.clone()),
        (format!("{lpddr3} in turn"), kind(lpddr3, false)),
        (format!("{lpddr3}, `open_ahead`"), kind(lpddr3, true)),
        (format!("{hbm2}, `open_ahead`"), kind(hbm2, true)),
        ("no wait but the bus".to_owned(), no_wait(&default)),
    ];
    let input = &values(&zoo::test_inputs().unwrap().frames, Level::Flow, 1)[0];
    let mut table = String::from(
        "| channel | cycles | activates | reads | writes | refreshes |\n|---|---|---|---|---|---|\n",
    );
    let mut cycles = Vec::new();
    for (name, channel) in channels {
        program.arch.dram = channel;
        let counts = simulate(&program, input, &SimOptions::default()).unwrap().counts;
        let [a, r, w, f] =
            [Activity::DramActivate, Activity::DramRead, Activity::DramWrite, Activity::DramRefresh]
                .map(|activity| counts.total(activity));
        writeln!(table, "| {name} | {} | {a} | {r} | {w} | {f} |", counts.cycles).unwrap();
        cycles.push(counts.cycles);
    }
    assert!(cycles[2] <= cycles[1] && cycles[4] <= *cycles[..4].iter().min().unwrap(), "{cycles:?}");
    holds("dram-spill", &table);
}
