//! Structures of the zoo with products of two full-size values, as narrow copies: they compile, and run on the simulator.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions, Mapped};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::{interpret, Arch, Graph, Op, Strategy, Value};
use pulvinar_models::zoo::build::{self, Fill, Setting};
use pulvinar_simulator::{Machine, SimOptions};

/// The integer graph of the copy with counts as pixels, direct coded: the same frame in every step; and its input.
fn compiled(name: &str, setting: Setting) -> (Graph, Value) {
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
    (quantise(&lowered, &Options::default(), Some(&ranges)).unwrap(), Value::int(shape, counts))
}

fn run(name: &str, setting: Setting) -> usize {
    let (flow, input) = compiled(name, setting);
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let machine = Machine::new(&program).unwrap();
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

/// Bits of the memories that a layer's home takes for what it keeps over time: frames, statistics, gates.
fn kept(mapped: &Mapped, layer: &str) -> [u64; 3] {
    let slices = mapped.report.stages.iter().filter(|s| s.name == layer).flat_map(|s| &s.slices);
    let memories: Vec<_> = slices.flat_map(|s| &s.memories).collect();
    [Memory::Frame, Memory::Statistics, Memory::Gate]
        .map(|m| memories.iter().filter(|(kind, ..)| *kind == m).map(|(_, bits, _)| *bits).max().unwrap_or(0))
}

/// STSC on 700 channels of spoken digits: a window of it fits the default chip, all steps of it do not, and the first step
/// leaves before the fourth has come in.
#[test]
fn spoken_digits_stream_through_a_window() {
    let builder = build::find("stsc-shd").unwrap();
    let layer = "synapse.emit";
    let (flow, input) = compiled("stsc-shd", builder.setting);
    let on = |chip: &Arch, strategy: Option<Strategy>| {
        let strategies = strategy.map(|s| (layer.to_owned(), s)).into_iter().collect();
        map(&flow, chip, &MapOptions { strategies, ..MapOptions::default() })
    };
    let small = Arch::default_chip();
    let refusal = on(&small, Some(Strategy::SpillSram)).unwrap_err();
    assert_eq!(refusal.code, "E0603", "{refusal}");
    let mut large = Arch::default_chip();
    large.core.gate_kib = 128;
    let (window, spilled) = (on(&small, None).unwrap(), on(&large, Some(Strategy::SpillSram)).unwrap());
    let answer = interpret::output(&flow, &input).unwrap();
    let leaves = |mapped: &Mapped| {
        let options = SimOptions { trace: true, ..SimOptions::default() };
        let run = Machine::new(&mapped.program).unwrap().simulate(&input, &options).unwrap();
        assert_eq!(run.output, answer);
        let first = |pass: u32| {
            let ends = run.trace.as_ref().unwrap().entries.iter();
            let ends = ends.filter(|(_, e)| matches!(e, Entry::Step { pass: p, step: 0, .. } if *p == pass));
            ends.map(|e| e.0).max().unwrap()
        };
        (first(1), run.counts.cycles)
    };
    let (kept_window, kept_spilled) = (kept(&window, layer), kept(&spilled, layer));
    let ((first, cycles), (late, all)) = (leaves(&window), leaves(&spilled));
    println!("window: bits {kept_window:?}, first step out in cycle {first} of {cycles}");
    println!("spill:  bits {kept_spilled:?}, first step out in cycle {late} of {all}");
    assert_eq!(kept_window[0] * 5, kept_spilled[0], "three frames of fifteen");
    assert!(kept_window[1] * 2 < kept_spilled[1] && kept_window[2] * 10 < kept_spilled[2]);
    assert!(first * 5 < late && cycles * 50 < all * 51);
}
