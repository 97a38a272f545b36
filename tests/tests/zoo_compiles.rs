//! Structures of the zoo with products of two full-size values, as narrow copies: they compile, and run on the simulator.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{interpret, Arch, Op, Value};
use pulvinar_models::zoo::build::{self, Fill, Setting};
use pulvinar_simulator::{Machine, SimOptions};

/// The copy with counts as pixels, direct coded: the same frame in every step.
fn run(name: &str, setting: Setting) -> usize {
    let mut graph = (build::find(name).unwrap().build)(&setting, Fill::Random { seed: 1 }).unwrap();
    let input = graph.input().unwrap();
    let Op::Input(op) = &mut graph.nodes[input.index()].op else { unreachable!("the input is one") };
    op.kind = InputKind::Counts;
    let shape = graph.node(input).ty.shape;
    let frame: Vec<i64> = (0..shape.step_len()).map(|i| (i * 7919 % 13 / 4) as i64).collect();
    let counts = frame.repeat(shape.t);
    let reals = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
    let lowered = lower(&graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[reals]).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let machine = Machine::new(&program).unwrap();
    let input = Value::int(shape, counts);
    let expected = interpret::run(&flow, &input).unwrap();
    let options = SimOptions { values: true, ..SimOptions::default() };
    let got = machine.simulate(&input, &options).unwrap();
    assert_eq!(got.output, expected[flow.output.index()], "{name}");
    let mut events = 0;
    for (stage, value) in program.stages.iter().zip(&got.values) {
        assert_eq!(value, &expected[stage.output.index()], "{name}, {}", stage.name);
        events += value.ints().iter().filter(|&&v| v != 0).count();
    }
    println!("{name}: {} layers, {} phases, {events} events", program.stages.len(), program.phases.len());
    program.stages.len()
}

#[test]
fn gated_attention_coding_runs() {
    let setting = Setting { timesteps: 4, input: [3, 16, 16], classes: 3, narrow: 16 };
    assert!(run("gac-cifar10-t4", setting) > 18);
}

#[test]
fn the_spike_driven_transformer_runs() {
    let setting = Setting { timesteps: 2, input: [3, 16, 16], classes: 3, narrow: 24 };
    assert!(run("sdt-8-384", setting) > 60);
}
