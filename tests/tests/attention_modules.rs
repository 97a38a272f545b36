//! Attention modules that the machine takes: the simulator's spikes are those of the integer reference.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../compiler/ir/tests/attention/cases.rs"]
mod cases;
#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use cases::{Module, MODULES};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::{interpret, Arch, Op, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};

#[test]
fn simulated_modules_equal_the_integer_reference() {
    let mut spikes = 0.0;
    for Module { name, make, .. } in MODULES.iter().filter(|m| m.refusal.is_none()) {
        for seed in 0..20 {
            let (mut case, _) = make(seed);
            let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
            input.kind = InputKind::Counts;
            let neuron = cases::spiking(Form::Ssa, 1, 1.0).neuron;
            let last = case.graph.push("neuron", neuron.into(), &[case.graph.output]).unwrap();
            case.graph.push("readout", Readout { kind: ReadoutKind::Mean }.into(), &[last]).unwrap();
            let shape = case.graph.nodes[0].ty.shape;
            let counts: Vec<i64> = (0..shape.len()).map(|_| case.rng.size(0, 3) as i64).collect();
            let real = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
            let input = Value::int(shape, counts);

            let lowered = lower(&case.graph, &Options::default()).unwrap();
            let ranges = Calibration::from_inputs(&lowered, &[real]).unwrap();
            let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
            let expected = interpret::run(&flow, &input).unwrap();
            let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
            let machine = Machine::new(&program).unwrap();
            for engine in [EngineKind::Fast, EngineKind::Plain] {
                let options = SimOptions { engine, values: true, ..SimOptions::default() };
                let run = machine.simulate(&input, &options).unwrap();
                assert_eq!(run.output, expected[flow.output.index()], "{name}, seed {seed}");
                for (stage, value) in program.stages.iter().zip(&run.values) {
                    assert_eq!(value, &expected[stage.output.index()], "{name}, seed {seed}, {}", stage.name);
                }
            }
            spikes += expected[flow.output.index()].ints().iter().sum::<i64>() as f64;
        }
    }
    assert!(spikes > 100.0, "{spikes} spikes in all");
}
