//! A network on chips too small for it: several phases, values through external memory, the same answers.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, stages, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::{interpret, Activity, Arch, Level, Program, Value};
use pulvinar_models::{zoo, Frames};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};

fn values(frames: &Frames, level: Level, n: usize) -> Vec<Value> {
    (0..n.min(frames.len())).map(|i| frames.value(i, level).unwrap()).collect()
}

/// The default network on a chip of two cores with one of its memories made smaller, in both engines.
fn runs_in_phases(weight_kib: u32) -> (usize, Program) {
    let model = (zoo::find("ma-snn-tcsa").unwrap().load)().unwrap();
    let lowered = lower(&model.graph, &Options::default()).unwrap();
    let calibration = values(&zoo::calibration().unwrap().frames, Level::Trained, 16);
    let ranges = Calibration::from_inputs(&lowered, &calibration).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let input = &values(&zoo::test_inputs().unwrap().frames, Level::Flow, 1)[0];
    let expected = interpret::run(&flow, input).unwrap();
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.host_tile, arch.mesh.dram_tile) = (2, 1, 0, 1);
    arch.mesh.cores_per_tile = 1;
    (arch.core.weight_kib, arch.core.accumulator_kib, arch.core.state_kib) = (weight_kib, 256, 256);
    (arch.core.frame_kib, arch.core.spike_store_kib, arch.core.gate_kib, arch.core.statistics_kib) =
        (1024, 1024, 64, 64);
    let whole = stages(&flow, &arch).unwrap().len();
    let program = map(&flow, &arch, &MapOptions::default()).unwrap().program;
    assert!(program.is_multiphase());
    let machine = Machine::new(&program).unwrap();
    let run = |engine| {
        let options = SimOptions { engine, trace: true, values: true, ..SimOptions::default() };
        machine.simulate(input, &options).unwrap()
    };
    let (fast, plain) = (run(EngineKind::Fast), run(EngineKind::Plain));
    assert_eq!(fast.output, expected[flow.output.index()]);
    for (stage, value) in program.stages.iter().zip(&fast.values) {
        assert_eq!(value, &expected[stage.output.index()], "{}", stage.name);
    }
    assert_eq!(fast.trace.unwrap().to_string(), plain.trace.unwrap().to_string());
    assert_eq!(fast.counts, plain.counts);
    assert_eq!(fast.phase_starts.len(), program.phases.len());
    assert!(fast.counts.total(Activity::DramWrite) > 0 && fast.counts.total(Activity::WeightWrite) > 0);
    (whole, program)
}

#[test]
fn several_phases_give_the_same_answers() {
    let (whole, program) = runs_in_phases(256);
    assert_eq!(program.stages.len(), whole);
}

#[test]
fn a_layer_with_attention_wider_than_the_chip_is_cut_behind_its_sums() {
    let (whole, program) = runs_in_phases(2);
    assert!(program.stages.len() > whole, "{} stages", program.stages.len());
    let sums = program.stages.iter().find(|s| s.output == s.accumulator && s.state_bits == 0).unwrap();
    let waits = program.stages.iter().find(|s| s.accumulator == sums.output && s.is_multipass()).unwrap();
    assert_eq!((waits.synapses.len(), waits.synapses[0].source), (1, sums.output));
}
