//! Attention modules through the compiler: the same values in reals, and a program or one refusal.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; spikes are 0.0 or 1.0 exactly

#[path = "../ir/tests/attention/cases.rs"]
mod cases;
#[path = "../ir/tests/attention/support.rs"]
mod support;

use cases::{Module, MODULES};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::pass::{find, run_pass, Context};
use pulvinar_compiler::{lower, quantise, run_pipeline, Calibration, Options};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::expand::expand;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::op::t_attention::TAttention;
use pulvinar_ir::{interpret, Arch, Graph, Op, Shape, Value};
use support::{assert_close, Case};

fn through(case: &Case, pass: impl FnOnce(&Graph) -> Graph) -> Case {
    Case { graph: pass(&case.graph), rng: support::Rng(0) }
}

#[test]
fn lowering_keeps_the_value_and_leaves_no_module() {
    let options = Options::default();
    let cx = Context { options: &options, calibration: None };
    for Module { name, make, spikes, .. } in MODULES {
        for seed in 0..100 {
            let (case, x) = make(seed);
            let lowered = through(&case, |g| run_pass(find("lower-attention").unwrap(), g, &cx).unwrap());
            for node in &lowered.graph.nodes {
                assert!(
                    expand(&mut lowered.graph.clone(), node).is_none(),
                    "{name} holds a module, `{}`",
                    node.name
                );
            }
            let (before, after) = (case.run(&x), lowered.run(&x));
            let what = format!("{name}, seed {seed}");
            assert!(!spikes || before == after, "{what}: other spikes");
            assert_close(&after, &before, &what);
            assert_close(&through(&case, |g| lower(g, &options).unwrap()).run(&x), &before, &what);
        }
    }
}

/// The module behind an input of counts, with a neuron and a readout behind it.
fn network(make: fn(u64) -> cases::Sample, seed: u64) -> Graph {
    let (mut case, _) = make(seed);
    let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
    input.kind = InputKind::Counts;
    let neuron = cases::spiking(Form::Ssa, 1, 1.0).neuron;
    let spikes = case.graph.push("neuron", neuron.into(), &[case.graph.output]).unwrap();
    case.graph.push("readout", Readout { kind: ReadoutKind::Mean }.into(), &[spikes]).unwrap();
    case.graph
}

/// Largest error of an integer module on counts of 0 to 3, as a part of the largest value of its result: weights and gates
/// have 8 bits, statistics 12.
const MODULE_ERROR: f64 = 0.05;

#[test]
fn integer_modules_are_near_the_real_ones() {
    for Module { name, make, spikes, .. } in MODULES.iter().filter(|m| m.refusal.is_none()) {
        let (mut worst, mut flipped, mut values) = (0.0f64, 0, 0);
        for seed in 0..20 {
            let graph = network(*make, seed);
            let shape = graph.nodes[0].ty.shape;
            let mut rng = support::Rng(seed + 1);
            let counts: Vec<i64> = (0..shape.len()).map(|_| rng.size(0, 3) as i64).collect();
            let real = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
            let lowered = lower(&graph, &Options::default()).unwrap();
            let ranges = Calibration::from_inputs(&lowered, std::slice::from_ref(&real)).unwrap();
            let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
            let wanted = interpret::run(&lowered, &real).unwrap();
            let wanted = wanted[lowered.find("op").unwrap().index()].reals();
            let got = interpret::run(&flow, &Value::int(shape, counts)).unwrap();
            let node = flow.node(flow.find("op").unwrap());
            let scale = &node.ty.as_int("op").unwrap().scale;
            let of = |(t, c, h, w): (usize, usize, usize, usize)| {
                let at = node.ty.shape.index(t, c, h, w);
                got[flow.find("op").unwrap().index()].ints()[at] as f64
                    * scale[if scale.len() == 1 { 0 } else { c }]
            };
            let largest = wanted.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
            for (at, &want) in node.ty.shape.coords().zip(wanted) {
                let error = (of(at) - want).abs() / largest;
                // A spike of a neuron before the gate that is in one of both only.
                let flip = error > MODULE_ERROR && (of(at) == 0.0) != (want == 0.0);
                flipped += usize::from(flip);
                worst = worst.max(if flip { 0.0 } else { error });
                values += 1;
            }
        }
        println!("{name}: error {worst:.4}, {flipped} of {values} spikes flipped");
        let behind_neurons = ["gac", "ma_neuron"].contains(name);
        let bound = if *spikes { 0.0 } else { MODULE_ERROR };
        assert!(worst <= bound, "{name}: {worst}");
        assert!(flipped * 50 <= values && (flipped == 0 || behind_neurons), "{name}: {flipped} of {values}");
    }
}

#[test]
fn what_the_machine_does_not_take_yet_is_refused_once() {
    for Module { name, make, refusal, .. } in MODULES {
        for seed in 0..20 {
            let flow = run_pipeline(&network(*make, seed), &Options::default(), None, |_, _| ());
            let program = flow.and_then(|flow| map(&flow, &Arch::default_chip(), &MapOptions::default()));
            let code = program.as_ref().err().map(|d| d.code);
            assert_eq!(code, *refusal, "{name}, seed {seed}: {:?}", program.err());
        }
    }
}

#[test]
fn a_gate_memory_too_small_is_named() {
    let flow = run_pipeline(&network(cases::ssa, 2), &Options::default(), None, |_, _| ()).unwrap();
    let mut chip = Arch::default_chip();
    chip.core.gate_kib = 0;
    let refusal = map(&flow, &chip, &MapOptions::default()).unwrap_err();
    assert_eq!(refusal.code, "E0603", "{refusal}");
    assert!(refusal.message.contains("gate memory"), "{refusal}");
}

/// Twice: convolution, temporal attention on the current, a neuron that gates its membrane. The second cycle reads the
/// first one through an op that mixes all timesteps.
#[test]
fn a_network_of_the_paper_means_the_same_after_lowering() {
    let (options, mut active) = (Options::default(), 0);
    for seed in 0..20 {
        let mut case = Case::new(seed, Shape::new(6, 2, 5, 5));
        let (mut x, mut expected) = (case.graph.output, Vec::new());
        for (layer, channels) in [(0, 2), (1, 3)] {
            let name = |part: &str| format!("{part}{layer}");
            case.tensor(&name("conv"), &[3, channels, 3, 3], -0.4, 0.8);
            case.tensor(&name("w0"), &[3, 6], -1.0, 1.0);
            case.tensor(&name("w1"), &[6, 3], -1.0, 1.0);
            case.tensor(&name("ca0"), &[2, 3], -1.0, 1.0);
            case.tensor(&name("ca1"), &[3, 2], -1.0, 1.0);
            case.tensor(&name("sa"), &[1, 2, 3, 3], -0.5, 0.5);
            let g = &mut case.graph;
            x = g.push(&name("conv"), Conv2d::same(&name("conv"), [3, 3]).into(), &[x]).unwrap();
            x = g.push(&name("ta"), TAttention { w0: name("w0"), w1: name("w1") }.into(), &[x]).unwrap();
            let (ca0, ca1, sa) = (Some(name("ca0")), Some(name("ca1")), Some(name("sa")));
            let neuron = MaNeuron { leak: 0.5, threshold: 0.3, reset: 0.0, ca0, ca1, sa };
            x = g.push(&name("neuron"), neuron.into(), &[x]).unwrap();
            expected.push(name("neuron"));
        }
        let input = case.rng.spikes(Shape::new(6, 2, 5, 5));
        let lowered = through(&case, |g| lower(g, &options).unwrap());
        for name in expected {
            let of = |case: &Case| {
                let output = case.graph.find(&name).expect("a module's name goes to its value");
                Case { graph: Graph { output, ..case.graph.clone() }, rng: support::Rng(0) }.run(&input)
            };
            let spikes = of(&case);
            assert_eq!(of(&lowered), spikes, "{name}, seed {seed}");
            active += usize::from(spikes.contains(&1.0) && spikes.contains(&0.0));
        }
    }
    assert!(active > 30, "{active} of 40 layers fire now and then");
}
