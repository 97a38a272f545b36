//! The native format: what is written is read, and every fault is refused with a place and a remedy.

#![allow(clippy::unwrap_used)] // a test may panic

use pulvinar_ir::Diagnostic;
use pulvinar_models::native::{load, load_bytes, to_bytes, write, Files};
use pulvinar_models::safetensors::{self, Owned};
use pulvinar_models::{sha256_hex, zoo};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A model small enough to break by hand: one convolution, one neuron, a readout.
struct Small {
    json: Value,
    tensors: BTreeMap<String, Owned>,
}

fn small() -> Small {
    let neuron = json!({"leak": 0.5, "input_gain": 1.0, "input_bias": 0.0, "threshold": 1.0, "compare": ">=",
        "reset": {"kind": "value", "value": 0.0}, "reset_timing": "same_step", "initial": 0.0, "clamp_min": null});
    let json = json!({
        "format_version": 1, "name": "small", "producer": {"name": "hand", "version": "1", "framework": "none"},
        "timesteps": 3, "input": {"name": "input", "shape": [1, 2, 2], "kind": "binary"},
        "nodes": [
            {"name": "conv", "op": "conv2d", "inputs": ["input"], "attrs": {"weight": "w", "bias": null, "stride": [1, 1],
                "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1}},
            {"name": "spike", "op": "neuron", "inputs": ["conv"], "attrs": neuron},
            {"name": "readout", "op": "readout", "inputs": ["spike"], "attrs": {"kind": "sum"}},
        ],
        "output": "readout", "weights": {"file": "weights.safetensors", "sha256": ""}, "vectors": null, "assumptions": [],
    });
    Small { json, tensors: BTreeMap::from([("w".to_owned(), Owned::f32(&[1, 1, 1, 1], &[1.0]))]) }
}

impl Small {
    fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let weights = safetensors::write(&self.tensors);
        let mut json = self.json.clone();
        json["weights"]["sha256"] = json!(sha256_hex(&weights));
        (serde_json::to_vec(&json).unwrap(), weights)
    }

    fn load(&self) -> pulvinar_ir::Result<pulvinar_models::Model> {
        let (json, weights) = self.bytes();
        load_bytes("small", &json, &weights, None)
    }
}

/// A folder of this test run that goes away with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pulvinar-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_written_model_is_read_back() {
    let folder = Folder::new("round");
    for entry in zoo::ZOO {
        let model = (entry.load)().unwrap();
        let path = folder.0.join(entry.name);
        write(&model, &path).unwrap();
        write(&model, &path).unwrap();
        let from_folder = load(&path).unwrap();
        let from_file = load(&path.join("graph.json")).unwrap();
        assert_eq!(from_folder, from_file);
        assert_eq!(
            (&from_folder.graph, &from_folder.vectors, &from_folder.producer),
            (&model.graph, &model.vectors, &model.producer)
        );
        // The writer's own form is a fixed point.
        let (a, b) = (to_bytes(&model).unwrap(), to_bytes(&from_folder).unwrap());
        assert_eq!(a, b);
        assert_eq!(from_folder.hash, sha256_hex(&a.graph_json));
    }
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        zoo::ZOO.len(),
        "temporary folders stay behind"
    );
}

#[test]
fn a_folder_of_something_else_is_not_replaced() {
    let folder = Folder::new("other");
    std::fs::write(folder.0.join("notes.txt"), "keep").unwrap();
    let model = small().load().unwrap();
    assert_eq!(write(&model, &folder.0).unwrap_err().code, "E0111");
    assert!(folder.0.join("notes.txt").exists());
}

fn check(e: &Diagnostic, code: &str, word: &str) {
    assert_eq!(e.code, code, "{e}");
    assert!(e.to_string().contains(word), "`{word}` is not in: {e}");
    assert!(!e.help.is_empty() && !e.place.is_empty(), "{e}");
}

#[test]
fn faults_of_the_graph_are_refused() {
    type Break = fn(&mut Value);
    let cases: &[(&str, &str, Break)] = &[
        ("E0114", "version 2", |j| j["format_version"] = json!(2)),
        ("E0112", "vectors", |j| drop(j.as_object_mut().unwrap().remove("vectors"))),
        ("E0112", "\"three\"", |j| j["timesteps"] = json!("three")),
        ("E0109", "0 timesteps", |j| j["timesteps"] = json!(0)),
        ("E0113", "depth", |j| j["depth"] = json!(1)),
        ("E0113", "colour", |j| j["input"]["colour"] = json!(1)),
        ("E0113", "node `conv`", |j| j["nodes"][0]["note"] = json!(1)),
        ("E0102", "kernel", |j| j["nodes"][0]["attrs"]["kernel"] = json!(1)),
        ("E0102", "`bias` is not written", |j| {
            drop(j["nodes"][0]["attrs"].as_object_mut().unwrap().remove("bias"));
        }),
        ("E0101", "maxout", |j| j["nodes"][1]["op"] = json!("maxout")),
        ("E0101", "input", |j| j["nodes"][1]["op"] = json!("input")),
        ("E0105", "conv9", |j| j["nodes"][1]["inputs"] = json!(["conv9"])),
        ("E0105", "logits", |j| j["output"] = json!("logits")),
        ("E0107", "spike", |j| j["nodes"][2]["name"] = json!("spike")),
        ("E0107", "input", |j| j["nodes"][2]["name"] = json!("input")),
        ("E0108", "spike", |j| j["nodes"][0]["inputs"] = json!(["spike"])),
        ("E0118", "a b", |j| j["nodes"][0]["name"] = json!("a b")),
        ("E0118", "../weights", |j| j["weights"]["file"] = json!("../weights")),
        ("E0103", "node `conv`, tensor `v`", |j| j["nodes"][0]["attrs"]["weight"] = json!("v")),
        ("E0201", "spike", |j| j["nodes"][1]["attrs"]["leak"] = json!(2.5)),
        ("E0201", "readout", |j| j["nodes"][2]["inputs"] = json!(["spike", "spike"])),
        ("E0101", "requantise", |j| {
            j["nodes"][1] = json!({"name": "spike", "op": "requantise", "inputs": ["conv"], "attrs": {"mul": 1, "shift": 0, "lo": 0, "hi": 1, "scale": 1.0}});
        }),
    ];
    for (code, word, change) in cases {
        let mut s = small();
        change(&mut s.json);
        check(&s.load().unwrap_err(), code, word);
    }
}

#[test]
fn extension_fields_are_ignored() {
    let mut s = small();
    for place in ["", "/producer", "/input", "/weights", "/nodes/0", "/nodes/0/attrs"] {
        s.json.pointer_mut(place).unwrap()["x-note"] = json!({"any": 1});
    }
    assert_eq!(s.load().unwrap().graph, small().load().unwrap().graph);
}

#[test]
fn nodes_may_stand_in_any_order() {
    let mut s = small();
    s.json["nodes"].as_array_mut().unwrap().reverse();
    assert_eq!(s.load().unwrap().graph, small().load().unwrap().graph);
}

#[test]
fn faults_of_the_weights_are_refused() {
    let with = |tensors: &[(&str, Owned)]| {
        let mut s = small();
        s.tensors = tensors.iter().map(|(n, t)| ((*n).to_owned(), t.clone())).collect();
        s.load().unwrap_err()
    };
    check(&with(&[]), "E0103", "`w`");
    check(&with(&[("w", Owned::f32(&[1, 2, 1, 1], &[1.0, 1.0]))]), "E0201", "node `conv`");
    check(&with(&[("w", Owned::f32(&[1], &[1.0]))]), "E0104", "tensor `w`");
    check(&with(&[("w", Owned::u8(&[1, 1, 1, 1], &[1]))]), "E0117", "tensor `w`");
    check(&with(&[("w", Owned::f32(&[1, 1, 1, 1], &[f32::NAN]))]), "E0110", "tensor `w`");
    check(&with(&[("w", Owned::f32(&[1, 1, 1, 1], &[f32::INFINITY]))]), "E0110", "tensor `w`");
    let idle = [("v", Owned::f32(&[1], &[1.0])), ("w", Owned::f32(&[1, 1, 1, 1], &[1.0]))];
    check(&with(&idle), "E0103", "tensor `v`");

    let (json, mut weights) = small().bytes();
    weights.pop();
    check(&load_bytes("small", &json, &weights, None).unwrap_err(), "E0115", "weights.safetensors");
    let mut s = small();
    s.json["weights"]["sha256"] = json!(sha256_hex(&weights));
    check(
        &load_bytes("small", &serde_json::to_vec(&s.json).unwrap(), &weights, None).unwrap_err(),
        "E0116",
        "weights.safetensors",
    );
}

#[test]
fn faults_of_the_vectors_are_refused() {
    let entry = zoo::ZOO[0];
    let Files { graph_json: json, weights, vectors } = to_bytes(&(entry.load)().unwrap()).unwrap();
    let vectors = vectors.unwrap();
    let load_with = |change: &dyn Fn(&mut BTreeMap<String, Owned>)| {
        let mut all: BTreeMap<String, Owned> = safetensors::parse(&vectors)
            .unwrap()
            .into_iter()
            .map(|(n, v)| (n, Owned { dtype: v.dtype, shape: v.shape, data: v.data.to_vec() }))
            .collect();
        change(&mut all);
        let bytes = safetensors::write(&all);
        let mut json: Value = serde_json::from_slice(&json).unwrap();
        json["vectors"]["sha256"] = json!(sha256_hex(&bytes));
        load_bytes("zoo", &serde_json::to_vec(&json).unwrap(), &weights, Some(&bytes))
    };
    assert!(load_with(&|_| ()).is_ok());
    check(&load_with(&|v| drop(v.remove("spikes.neuron0"))).unwrap_err(), "E0119", "spikes.neuron0");
    check(
        &load_with(&|v| drop(v.insert("spikes.no".into(), Owned::u8(&[1], &[0])))).unwrap_err(),
        "E0119",
        "spikes.no",
    );
    check(
        &load_with(&|v| drop(v.insert("output".into(), Owned::f32(&[1], &[0.0])))).unwrap_err(),
        "E0119",
        "output",
    );
    check(&load_with(&|v| v.get_mut("input").unwrap().shape.swap(0, 1)).unwrap_err(), "E0401", "8");
    check(&load_with(&|v| v.get_mut("labels").unwrap().shape = vec![8, 8]).unwrap_err(), "E0403", "labels");
    check(&load_bytes("zoo", &json, &weights, None).unwrap_err(), "E0111", "vectors.safetensors");
}

#[test]
fn feedback_through_a_delay_is_typed_and_runs() {
    let mut s = small();
    let nodes = s.json["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"name": "back", "op": "delay", "inputs": ["spike"], "attrs": {}}));
    nodes.push(json!({"name": "sum", "op": "add", "inputs": ["conv", "back"], "attrs": {}}));
    nodes[1]["inputs"] = json!(["sum"]);
    let model = s.load().unwrap();
    let g = &model.graph;
    assert_eq!(g.node(g.find("back").unwrap()).ty, g.node(g.find("spike").unwrap()).ty);
    // One event at t = 0: it fires, its own spike comes back as the next current, so it fires at every step.
    let shape = g.node(g.input().unwrap()).ty.shape;
    let mut x = vec![0.0; shape.len()];
    x[0] = 1.0;
    let y = pulvinar_ir::interpret::output(g, &pulvinar_ir::tensor::Value::real(shape, x)).unwrap();
    assert_eq!(y.reals(), [3.0, 0.0, 0.0, 0.0]);
    // The written model has the same feedback.
    let Files { graph_json: json, weights, .. } = to_bytes(&model).unwrap();
    assert_eq!(load_bytes("again", &json, &weights, None).unwrap().graph, model.graph);
}

#[test]
fn feedback_without_a_shape_is_refused() {
    let mut s = small();
    let nodes = s.json["nodes"].as_array_mut().unwrap();
    nodes.push(json!({"name": "a", "op": "delay", "inputs": ["b"], "attrs": {}}));
    nodes.push(json!({"name": "b", "op": "relu", "inputs": ["a"], "attrs": {}}));
    check(&s.load().unwrap_err(), "E0108", "delay");
}

#[test]
fn a_missing_file_is_named() {
    let e = load(std::path::Path::new("no/such/model")).unwrap_err();
    check(&e, "E0111", "no/such/model");
}
