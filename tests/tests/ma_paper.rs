//! The paper's dialect of MA-SNN on the machine: temporal gates on the current of all steps, channel and spatial gates on
//! the membrane of every step before it fires.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::t_attention::TAttention;
use pulvinar_ir::{interpret, Arch, Graph, Op, Scope, Shape, Strategy, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};
use support::Case;

/// Two layers of convolution, temporal gate on the current, neuron that gates its membrane; and an input.
fn network(seed: u64, temporal: bool) -> (Graph, Value, Value) {
    let shape = Shape::new(5, 2, 5, 5);
    let mut case = Case::new(seed, shape);
    let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
    input.kind = InputKind::Counts;
    let mut x = case.graph.output;
    for (layer, channels) in [(0, 2), (1, 3)] {
        let name = |part: &str| format!("{part}{layer}");
        case.tensor(&name("conv"), &[3, channels, 3, 3], -0.4, 0.8);
        case.tensor(&name("w0"), &[3, 5], -1.0, 1.0);
        case.tensor(&name("w1"), &[5, 3], -1.0, 1.0);
        case.tensor(&name("ca0"), &[2, 3], -1.0, 1.0);
        case.tensor(&name("ca1"), &[3, 2], -1.0, 1.0);
        case.tensor(&name("sa"), &[1, 2, 3, 3], -0.5, 0.5);
        let g = &mut case.graph;
        x = g.push(&name("conv"), Conv2d::same(&name("conv"), [3, 3]).into(), &[x]).unwrap();
        if temporal {
            x = g.push(&name("ta"), TAttention { w0: name("w0"), w1: name("w1") }.into(), &[x]).unwrap();
        }
        let (ca0, ca1, sa) = (Some(name("ca0")), Some(name("ca1")), Some(name("sa")));
        let reset = if seed % 2 == 0 { 0.0 } else { 0.1 };
        let neuron =
            MaNeuron { leak: [0.5, 0.3, 1.0][seed as usize % 3], threshold: 0.3, reset, ca0, ca1, sa };
        x = g.push(&name("neuron"), neuron.into(), &[x]).unwrap();
    }
    case.graph.push("readout", Readout { kind: ReadoutKind::Sum }.into(), &[x]).unwrap();
    let counts: Vec<i64> = (0..shape.len()).map(|_| case.rng.size(0, 2) as i64).collect();
    let real = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
    let lowered = lower(&case.graph, &Options::default()).unwrap();
    let ranges = Calibration::from_inputs(&lowered, std::slice::from_ref(&real)).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    let float = interpret::run(&lowered, &real).unwrap().swap_remove(lowered.output.index());
    (flow, Value::int(shape, counts), float)
}

#[test]
fn the_machine_gates_membranes_step_by_step() {
    let (mut spikes, mut close, mut all) = (0, 0, 0);
    for seed in 0..12 {
        let temporal = seed % 3 != 2;
        let (flow, input, float) = network(seed, temporal);
        let mapped = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap();
        let found: Vec<(Strategy, Scope)> =
            mapped.report.stages.iter().filter(|s| s.passes > 1).map(|s| (s.strategy, s.scope)).collect();
        let by_step = found.iter().filter(|s| **s == (Strategy::Step, Scope::Step)).count();
        let whole = found.iter().filter(|s| s.1 == Scope::Whole && s.0 != Strategy::Step).count();
        assert_eq!((by_step, whole), (2, if temporal { 2 } else { 0 }), "seed {seed}: {found:?}");
        let expected = interpret::run(&flow, &input).unwrap();
        let machine = Machine::new(&mapped.program).unwrap();
        for engine in [EngineKind::Fast, EngineKind::Plain] {
            let options = SimOptions { engine, values: true, ..SimOptions::default() };
            let run = machine.simulate(&input, &options).unwrap();
            assert_eq!(run.output, expected[flow.output.index()], "seed {seed}");
            for (stage, value) in mapped.program.stages.iter().zip(&run.values) {
                assert_eq!(value, &expected[stage.output.index()], "seed {seed}, {}", stage.name);
            }
        }
        let answer = expected[flow.output.index()].ints();
        spikes += answer.iter().sum::<i64>();
        all += answer.len();
        close += answer.iter().zip(float.reals()).filter(|(&a, &f)| (a as f64 - f).abs() < 0.5).count();
    }
    assert!(spikes > 300, "{spikes} spikes");
    assert!(close * 10 >= all * 9, "{close} of {all} spike counts are those of the float network");
}
