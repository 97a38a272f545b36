//! Neurons of SpikingJelly and snnTorch, and those of the seed papers, against what they answer: `neurons/make.py` ran the
//! packages once.
#![allow(clippy::unwrap_used)] // tests

use pulvinar_ir::interpret;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::neuron::State;
use pulvinar_ir::{Graph, Level, NodeId, Op, Shape, Tensor, Type, Value};
use serde_json::Value as Json;

const VECTORS: &str = include_str!("neurons/vectors.json");

/// Numbers of a nested list, row by row.
fn numbers(json: &Json) -> Vec<f64> {
    match json {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn cases() -> Vec<Json> {
    serde_json::from_str(VECTORS).unwrap()
}

/// The graph of a case; every value has the shape of the input.
fn graph(case: &Json) -> (Graph, Value) {
    let rows = case["input"].as_array().unwrap();
    let (t, c) = (rows.len(), rows[0].as_array().unwrap().len());
    let shape = Shape::new(t, c, 1, 1);
    let mut graph = Graph::new(case["name"].as_str().unwrap(), Level::Trained, t);
    for (name, tensor) in case["tensors"].as_object().unwrap() {
        let sizes =
            tensor["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
        let values = numbers(&tensor["values"]).iter().map(|&v| v as f32).collect();
        graph.tensors.insert(name.clone(), Tensor::real(sizes, values));
    }
    graph.push("input", Input { shape: [c, 1, 1], kind: InputKind::Real, max: 0 }.into(), &[]).unwrap();
    let nodes = case["nodes"].as_array().unwrap();
    let names: Vec<&str> =
        std::iter::once("input").chain(nodes.iter().map(|n| n["name"].as_str().unwrap())).collect();
    for node in nodes {
        let id = |name: &Json| NodeId(names.iter().position(|n| name == n).unwrap() as u32);
        let inputs: Vec<NodeId> = node["inputs"].as_array().unwrap().iter().map(id).collect();
        let op = Op::from_parts(node["op"].as_str().unwrap(), node["attrs"].clone()).unwrap();
        graph.push_typed(node["name"].as_str().unwrap(), op, &inputs, Type::real(shape));
    }
    pulvinar_ir::verify::verify(&graph).unwrap();
    (graph, Value::real(shape, numbers(&case["input"])))
}

/// Potentials of the node `neuron` after every step.
fn potentials(graph: &Graph, values: &[Value]) -> Vec<f64> {
    let id = graph.find("neuron").unwrap();
    let Op::Neuron(neuron) = &graph.node(id).op else { panic!("`neuron` is a neuron") };
    let x = &values[graph.node(id).inputs[0].index()];
    let table = neuron.table(|name| &graph.tensors[name]);
    let channels = x.shape.c;
    let mut state: Vec<State> = (0..channels).map(|c| State::at(table.at(0, c).initial)).collect();
    let step = |(i, &x): (usize, &f64)| {
        let s = &mut state[i % channels];
        neuron.step(table.at(i / channels, i % channels), s, x);
        s.membrane
    };
    x.reals().iter().enumerate().map(step).collect()
}

/// Largest difference over the largest magnitude.
fn difference(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(1.0f64, |a, v| a.max(v.abs()));
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
}

#[test]
fn every_neuron_answers_as_its_package_does() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for case in &cases {
        let (graph, input) = graph(case);
        let name = &graph.name;
        let values = interpret::run(&graph, &input).unwrap();
        let (ours, theirs) = (values[graph.output.index()].reals(), numbers(&case["output"]));
        let graded =
            case["nodes"].as_array().unwrap().last().unwrap()["attrs"]["output"]["kind"] == "membrane";
        // Spikes differ by a whole amplitude or not at all; amplitudes and potentials may be rounded.
        assert!(difference(ours, &theirs) < 1e-6, "{name}: {ours:?} where {theirs:?} is expected");
        if !graded {
            assert_eq!(signs(ours), signs(&theirs), "{name}");
        }
        if !case["membrane"].is_null() {
            let off = difference(&potentials(&graph, &values), &numbers(&case["membrane"]));
            assert!(off < 1e-6, "{name}: a potential differs by {off}");
        }
    }
}

fn signs(values: &[f64]) -> Vec<i32> {
    values.iter().map(|v| if *v == 0.0 { 0 } else { v.signum() as i32 }).collect()
}
