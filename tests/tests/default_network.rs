//! The embedded networks through the whole chain.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::{interpret, Arch, Graph, Level, Program, Stage, Strategy, Value};
use pulvinar_models::{dataset, reference, zoo, Frames};
use pulvinar_simulator::{simulate_many, EngineKind, Machine, Run, SimOptions};
use std::collections::BTreeMap;

fn values(frames: &Frames, level: Level, n: usize) -> Vec<Value> {
    (0..n.min(frames.len())).map(|i| frames.value(i, level).unwrap()).collect()
}

fn flow(name: &str, options: &Options) -> Graph {
    let model = (zoo::find(name).unwrap().load)().unwrap();
    let lowered = lower(&model.graph, options).unwrap();
    let calibration = zoo::calibration().unwrap().frames;
    let ranges = Calibration::from_inputs(&lowered, &values(&calibration, Level::Trained, 64)).unwrap();
    quantise(&lowered, options, Some(&ranges)).unwrap()
}

fn program(flow: &Graph, strategy: Option<Strategy>) -> Program {
    let options = MapOptions { default_rate: 0.15, ..MapOptions::default() };
    let arch = Arch::default_chip();
    let first = map(flow, &arch, &options).unwrap();
    let Some(strategy) = strategy else { return first.program };
    let waiting =
        first.program.stages.iter().filter(|s| s.is_multipass()).map(|s| (s.name.clone(), strategy));
    map(flow, &arch, &MapOptions { strategies: waiting.collect::<BTreeMap<_, _>>(), ..options })
        .unwrap()
        .program
}

fn inputs(n: usize) -> Vec<Value> {
    values(&zoo::test_inputs().unwrap().frames, Level::Flow, n)
}

fn run_all(program: &Program, inputs: &[Value]) -> Vec<Run> {
    let machine = Machine::new(program).unwrap();
    simulate_many(&machine, inputs, &SimOptions { values: true, ..SimOptions::default() }, &|_| ()).unwrap()
}

fn assert_equal_to_reference(program: &Program, inputs: &[Value], runs: &[Run]) {
    for (i, (input, run)) in inputs.iter().zip(runs).enumerate() {
        let expected = interpret::run(&program.graph, input).unwrap();
        for (stage, value) in program.stages.iter().zip(&run.values) {
            assert_eq!(&expected[stage.output.index()], value, "input {i}, stage {}", stage.name);
        }
        assert_eq!(expected[program.graph.output.index()], run.output, "input {i}");
    }
}

#[test]
fn simulated_spikes_equal_the_integer_reference() {
    for name in ["ma-snn-tcsa", "vanilla"] {
        let program = program(&flow(name, &Options::default()), None);
        let inputs = inputs(64);
        assert_eq!(inputs.len(), 64);
        assert_equal_to_reference(&program, &inputs, &run_all(&program, &inputs));
    }
}

#[test]
fn plain_and_fast_agree_on_the_default_networks() {
    for name in ["ma-snn-tcsa", "vanilla"] {
        let program = program(&flow(name, &Options::default()), None);
        let machine = Machine::new(&program).unwrap();
        for input in inputs(2) {
            let run = |engine| {
                machine
                    .simulate(&input, &SimOptions { engine, trace: true, ..SimOptions::default() })
                    .unwrap()
            };
            let (fast, plain) = (run(EngineKind::Fast), run(EngineKind::Plain));
            assert_eq!(fast.trace.unwrap().to_string(), plain.trace.unwrap().to_string(), "{name}");
            assert_eq!(fast.counts, plain.counts, "{name}");
        }
    }
}

#[test]
fn strategies_agree_on_spikes() {
    let flow = flow("ma-snn-tcsa", &Options::default());
    let inputs = inputs(4);
    let all = [Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute];
    let mut cycles = Vec::new();
    for strategy in all {
        let program = program(&flow, Some(strategy));
        assert!(program.stages.iter().filter(|s| s.is_multipass()).all(|s| s.strategy == strategy));
        assert!(program.stages.iter().any(Stage::is_multipass));
        let runs = run_all(&program, &inputs);
        assert_equal_to_reference(&program, &inputs, &runs);
        cycles.push(runs.iter().map(|r| r.counts.cycles).sum::<u64>());
    }
    assert!(cycles[0] != cycles[1] && cycles[1] != cycles[2] && cycles[0] != cycles[2], "{cycles:?}");
}

#[test]
fn threads_do_not_change_a_byte() {
    let program = program(&flow("ma-snn-tcsa", &Options::default()), None);
    let machine = Machine::new(&program).unwrap();
    let inputs = inputs(6);
    let options = SimOptions { trace: true, ..SimOptions::default() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| simulate_many(&machine, &inputs, &options, &|_| ()).unwrap())
    };
    assert_eq!(with(1), with(3));
}

/// 8-bit weights and gates cost at most half a point on 1,000 inputs.
#[test]
fn eight_bits_keep_the_accuracy() {
    let path = pulvinar_tests::root().join("models/data/digits-test.safetensors.gz");
    let data = dataset::load(&path).unwrap();
    let (frames, labels) = (data.frames.slice(0..1000), &data.labels.unwrap()[..1000]);
    let model = (zoo::find("ma-snn-tcsa").unwrap().load)().unwrap();
    let float = reference::accuracy(&reference::outputs(&model.graph, &frames).unwrap(), labels);
    let flow = flow("ma-snn-tcsa", &Options::default());
    let outputs = reference::outputs(&flow, &frames).unwrap();
    let integer = reference::accuracy(&outputs, labels);
    assert!(float >= 0.965, "float accuracy {float}");
    assert!(integer >= float - 0.005, "float {float}, integer {integer}");
}
