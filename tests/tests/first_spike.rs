//! Networks of first spikes: at most one spike a neuron, and synaptic operations are spikes times fan-out.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::{interpret, Activity, Arch, Graph, Level, Op, Value};
use pulvinar_models::dataset::Stills;
use pulvinar_models::encode;
use pulvinar_models::zoo::build::{find, Fill};
use pulvinar_simulator::{Machine, SimOptions};

/// A network of the zoo in integers, and an image of which every pixel spikes once or never.
fn integers(name: &str) -> (Graph, Value) {
    let builder = find(name).unwrap();
    let graph = (builder.build)(&builder.setting, Fill::Random { seed: 3 }).unwrap();
    let pixels = (0..28 * 28).map(|i: usize| ((i * i * 29 + i * 3) % 89) as f32 / 88.0).collect();
    let image = Stills { shape: [1, 28, 28], pixels, labels: None };
    let frames = encode::find("ttfs").unwrap().encode(&image, graph.timesteps, 0).unwrap().frames;
    let lowered = lower(&graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[frames.value(0, Level::Trained).unwrap()]).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    (flow, frames.value(0, Level::Flow).unwrap())
}

/// Spikes of every element of a value over time.
fn spikes(value: &Value) -> Vec<i64> {
    let n = value.shape.step_len();
    (0..n).map(|i| value.ints().iter().skip(i).step_by(n).sum()).collect()
}

fn check(name: &str) {
    let (flow, input) = integers(name);
    let values = interpret::run(&flow, &input).unwrap();
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let run = Machine::new(&program).unwrap().simulate(&input, &SimOptions::default()).unwrap();
    assert_eq!(run.output, values[flow.output.index()]);
    let mut operations = 0;
    for node in flow.nodes.iter().filter(|n| matches!(n.op, Op::Linear(_))) {
        let source = &values[node.inputs[0].index()];
        let counts = spikes(source);
        assert!(counts.iter().all(|&n| n == 0 || n == 1), "{name}, {}: more than one spike", node.name);
        let (fired, fan_out) = (counts.iter().sum::<i64>() as u64, node.ty.shape.step_len() as u64);
        assert!(fired > 0, "{name}, {}: nothing fires", node.name);
        println!("{name}, {}: {fired} of {} fire, fan-out {fan_out}", node.name, counts.len());
        operations += fired * fan_out;
    }
    assert_eq!(run.counts.total(Activity::SynAdd), operations, "{name}");
    assert_eq!(run.counts.total(Activity::SynMac), 0, "{name}");
}

#[test]
fn synaptic_operations_are_spikes_times_fan_out() {
    check("yoso-mlp");
    check("rel-psp-mlp");
}
