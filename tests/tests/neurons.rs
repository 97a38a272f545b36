//! Neurons of the packages in integers: every setting of `models/tests/neurons/vectors.json` in a small network; the
//! simulator's spikes are those of the integer reference, and the integers follow the float model.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::neuron::{Neuron, Parameter};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::{interpret, Arch, Graph, Level, NodeId, Op, Tensor, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};
use serde_json::Value as Json;

const VECTORS: &str = include_str!("../../models/tests/neurons/vectors.json");
const INPUTS: usize = 4;

/// A number from 0 to 1, a function of its index.
fn draw(i: u64) -> f64 {
    let x = i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x >> 11) as f64 / (1u64 << 53) as f64
}

fn numbers(json: &Json) -> Vec<f32> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
}

/// The neuron of a case, if it is the whole case.
fn neuron(case: &Json) -> Option<Neuron> {
    let node = case["nodes"].as_array().unwrap().iter().find(|n| n["op"] == "neuron")?;
    let Op::Neuron(neuron) = Op::from_parts("neuron", node["attrs"].clone()).unwrap() else { return None };
    Some(neuron)
}

/// input → linear → the neuron → linear → a plain neuron → readout; currents of the size the case has.
fn network(case: &Json, neuron: Neuron, seed: u64) -> Graph {
    let rows = case["input"].as_array().unwrap();
    let (t, c) = (rows.len(), rows[0].as_array().unwrap().len());
    let mut g = Graph::new("net", Level::Trained, t);
    for (name, tensor) in case["tensors"].as_object().unwrap() {
        let sizes =
            tensor["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        g.tensors.insert(name.clone(), Tensor::real(sizes, numbers(&tensor["values"])));
    }
    let all: Vec<f32> = rows.iter().flat_map(numbers).collect();
    let size = f64::from(all.iter().fold(0.0f32, |a, v| a.max(v.abs())));
    let mut weights = |name: &str, shape: [usize; 2], size: f64| {
        let value = |i: usize| ((draw(seed * 1000 + i as u64) * 1.5 - 0.5) * size) as f32;
        g.tensors.insert(
            name.to_owned(),
            Tensor::real(shape.to_vec(), (0..shape[0] * shape[1]).map(value).collect()),
        );
    };
    weights("in.weight", [c, INPUTS], size / 2.0);
    weights("out.weight", [3, c], 1.0 / neuron.amplitude);
    let linear = |name: &str| Linear { weight: format!("{name}.weight"), bias: None };
    let input = Input { shape: [INPUTS, 1, 1], kind: InputKind::Counts, max: 0 };
    let x = g.push("input", input.into(), &[]).unwrap();
    let x = g.push("in", linear("in").into(), &[x]).unwrap();
    let x = g.push("spikes", neuron.into(), &[x]).unwrap();
    let x = g.push("out", linear("out").into(), &[x]).unwrap();
    let x = g.push("last", Neuron { leak: 0.5, ..Neuron::default() }.into(), &[x]).unwrap();
    g.push("readout", Readout { kind: ReadoutKind::Sum }.into(), &[x]).unwrap();
    g
}

/// Values of a node that differ by more than a unit of the coarser one, and all.
fn differ(float: &Value, int: &Value, unit: f64) -> (usize, usize) {
    let off = |(a, &b): (&f64, &i64)| (a - b as f64 * unit).abs() > 0.02 * a.abs().max(1.0);
    (float.reals().iter().zip(int.ints()).filter(|&p| off(p)).count(), float.reals().len())
}

fn run(name: &str, graph: &Graph, seed: u64) -> (usize, usize) {
    let shape = graph.nodes[0].ty.shape;
    let counts: Vec<i64> = (0..shape.len()).map(|i| (draw(seed << 20 | i as u64) * 3.0) as i64).collect();
    let real = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
    let input = Value::int(shape, counts);
    let options = Options { weight_bits: 12, leak_bits: 12, ..Options::default() };
    let lowered = lower(graph, &options).unwrap();
    let ranges = Calibration::from_inputs(&lowered, std::slice::from_ref(&real)).unwrap();
    let flow = quantise(&lowered, &options, Some(&ranges)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let expected = interpret::run(&flow, &input).unwrap();
    let program = map(&flow, &Arch::default_chip(), &MapOptions::default())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
        .program;
    let machine = Machine::new(&program).unwrap();
    for engine in [EngineKind::Fast, EngineKind::Plain] {
        let options = SimOptions { engine, values: true, ..SimOptions::default() };
        let run = machine.simulate(&input, &options).unwrap();
        assert_eq!(run.output, expected[flow.output.index()], "{name}, seed {seed}");
        for (stage, value) in program.stages.iter().zip(&run.values) {
            assert_eq!(value, &expected[stage.output.index()], "{name}, seed {seed}, {}", stage.name);
        }
    }
    let float = interpret::run(graph, &real).unwrap();
    let at = |g: &Graph| g.find("spikes").unwrap();
    let NodeId(id) = at(&flow);
    let unit = flow.node(at(&flow)).ty.as_int("").unwrap().scale[0];
    differ(&float[at(graph).index()], &expected[id as usize], unit)
}

#[test]
fn every_neuron_runs_in_integers_and_on_the_machine() {
    let cases: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
    let (mut ran, mut wrong, mut all) = (0, 0, 0);
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        // Amplitudes by step exist in reals only; a case without a neuron has nothing to run here.
        let Some(neuron) = neuron(case).filter(|n| !n.differs(Parameter::Amplitude)) else { continue };
        for seed in 0..2 {
            let graph = network(case, neuron.clone(), seed);
            let (off, of) = run(name, &graph, seed);
            assert!(off * 8 <= of, "{name}: {off} of {of} values leave the float model");
            (wrong, all) = (wrong + off, all + of);
        }
        ran += 1;
    }
    assert!(ran >= 70, "{ran} cases");
    assert!(wrong * 50 <= all, "{wrong} of {all} values leave the float model");
}

#[test]
fn what_has_no_integer_form_is_refused() {
    let cases: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
    let case = cases.iter().find(|c| c["name"] == "sj.FewSpikeNode").unwrap();
    let graph = network(case, neuron(case).unwrap(), 0);
    let lowered = lower(&graph, &Options::default()).unwrap();
    let refusal = quantise(&lowered, &Options::default(), None).unwrap_err();
    assert_eq!((refusal.code, refusal.message.contains("amplitudes differ")), ("E0310", true), "{refusal}");
}
