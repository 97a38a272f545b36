//! Every structure that a network may have: the float network, its passes, its integers, the machine.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../compiler/tests/structure_nets/mod.rs"]
mod structure_nets;

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::{interpret, Activity, Arch, Graph, Program, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};
use structure_nets::{counts, STRUCTURES};

struct Case {
    trained: Graph,
    lowered: Graph,
    program: Program,
    real: Value,
    input: Value,
}

fn case(make: fn(u64) -> Graph, seed: u64) -> Case {
    let trained = make(seed);
    let (real, input) = counts(&trained, seed);
    let lowered = lower(&trained, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, std::slice::from_ref(&real)).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    Case { trained, lowered, program, real, input }
}

#[test]
fn simulated_structures_equal_the_integer_reference() {
    for (name, make) in STRUCTURES {
        let mut answers = 0;
        for seed in 0..4 {
            let case = case(*make, seed);
            let flow = &case.program.graph;
            let want = interpret::output(&case.trained, &case.real).unwrap();
            let got = interpret::output(&case.lowered, &case.real).unwrap();
            assert_eq!(want.shape, got.shape, "{name}");
            let error = want.reals().iter().zip(got.reals()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-4, "{name}, seed {seed}: passes change the answer by {error}");
            let expected = interpret::run(flow, &case.input).unwrap();
            let machine = Machine::new(&case.program).unwrap();
            for engine in [EngineKind::Fast, EngineKind::Plain] {
                let options = SimOptions { engine, values: true, ..SimOptions::default() };
                let run = machine.simulate(&case.input, &options).unwrap();
                for (stage, value) in case.program.stages.iter().zip(&run.values) {
                    assert_eq!(value, &expected[stage.output.index()], "{name}, seed {seed}, {}", stage.name);
                }
                assert_eq!(run.output, expected[flow.output.index()], "{name}, seed {seed}");
            }
            answers += expected[flow.output.index()].ints().iter().filter(|&&v| v != 0).count();
        }
        assert!(answers > 3, "{name}: {answers} answers that are not 0");
    }
}

/// Integers behind the quantiser stay near the reals: the last layer is analog in these structures.
#[test]
fn analog_heads_are_near_the_float_network() {
    for (name, make) in STRUCTURES.iter().filter(|s| s.0.starts_with("analog head")) {
        for seed in 0..4 {
            let case = case(*make, seed);
            let flow = &case.program.graph;
            let real = interpret::output(&case.trained, &case.real).unwrap();
            let int = interpret::output(flow, &case.input).unwrap();
            let ty = flow.node(flow.output).ty.as_int("output").unwrap();
            let largest = real.reals().iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            for (c, (a, b)) in real.reals().iter().zip(int.ints()).enumerate() {
                let b = *b as f64 * ty.scale_of(c);
                assert!((a - b).abs() < 0.1 * largest + 0.05, "{name}, seed {seed}: {a} and {b}");
            }
        }
    }
}

/// Synapses on values that are no spikes multiply; those on spikes only add.
#[test]
fn analog_shortcuts_are_counted_as_multiplications() {
    let synapses = |wanted: &str| {
        let (_, make) = STRUCTURES.iter().find(|s| s.0 == wanted).unwrap();
        let case = case(*make, 1);
        let run = Machine::new(&case.program).unwrap().simulate(&case.input, &SimOptions::default()).unwrap();

        (run.counts.total(Activity::SynMac), run.counts.total(Activity::SynAdd))
    };
    let (multiplied, added) = synapses("analog shortcut");
    assert!(multiplied > 0 && added > 0, "{multiplied} multiplied, {added} added");
}
