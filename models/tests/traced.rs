//! Traced networks (`.pt2`, `.onnx`): values against the frameworks that wrote them (`traced/make.py`), and refusals.

#![allow(clippy::unwrap_used)] // a test may panic

use pulvinar_ir::op::readout::ReadoutKind;
use pulvinar_ir::{interpret, Graph, Op, Value};
use pulvinar_models::import::{import, recognise, Answer, Imported, Options, Rating};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/traced")
}

fn read(path: &std::path::Path, options: &Options) -> Imported {
    import(recognise(path).unwrap_or_else(|| panic!("{} is not recognised", path.display())), path, options)
}

fn answers() -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_slice(&std::fs::read(folder().join("answers.json")).unwrap()).unwrap()
}

fn numbers(list: &serde_json::Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Options of a file: those that return a step's spikes are read as streams.
fn options(name: &str) -> Options {
    let streams =
        ["snn-subtract", "snn-none", "snn-frame", "snn-step", "snn-recurrent", "snn-synaptic", "own-neuron"];
    let stream = streams.contains(&name.trim_end_matches("-script"));
    let timesteps = (name == "snn-step").then_some(6);
    Options { timesteps, answer: stream.then_some(Answer::Stream), ..Options::default() }
}

fn graph_of(name: &str, imported: Imported) -> Graph {
    imported.model.unwrap_or_else(|d| panic!("{name}: {d}")).graph
}

fn check(name: &str, extension: &str, answer: &serde_json::Value) -> Result<(), String> {
    let path = folder().join(format!("{name}.{extension}"));
    let imported = read(&path, &options(name));
    let rating = imported.rating;
    let graph = imported.model.map_err(|d| format!("{name}.{extension}: {d}"))?.graph;
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    let outputs = answer["outputs"].as_array().unwrap();
    for (frames, wanted) in answer["inputs"].as_array().unwrap().iter().zip(outputs) {
        let value = Value::real(shape, numbers(frames));
        let found = interpret::output(&graph, &value).map_err(|d| d.to_string())?.reals().to_vec();
        let wanted = numbers(wanted);
        let close = |(f, w): (&f64, &f64)| (f - w).abs() <= 2e-5 * w.abs().max(1.0);
        if found.len() != wanted.len() || !found.iter().zip(&wanted).all(close) {
            return Err(format!("{name}.{extension}: {found:?} and {wanted:?} is right"));
        }
    }
    if rating == Rating::Exact {
        Ok(())
    } else {
        Err(format!("{name}.{extension} is {rating}"))
    }
}

#[test]
fn archives_of_torch_export_give_the_frameworks_answers() {
    let all = answers();
    let wrong: Vec<String> = all
        .iter()
        .filter(|(name, _)| !name.ends_with("-script"))
        .filter_map(|(name, answer)| check(name, "pt2", answer).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn onnx_files_give_the_frameworks_answers() {
    let all = answers();
    let wrong: Vec<String> =
        all.iter().filter_map(|(name, answer)| check(name, "onnx", answer).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_program_says_is_read() {
    let graph = |name: &str| graph_of(name, read(&folder().join(format!("{name}.pt2")), &options(name)));
    let conv = graph("sj-conv");
    assert_eq!(conv.timesteps, 6);
    let Op::Readout(readout) = &conv.node(conv.output).op else { panic!("no readout") };
    assert_eq!(readout.kind, ReadoutKind::Mean);
    // Names are those of the modules.
    assert!(conv.find("body.0").is_some() && conv.find("body.2").is_some(), "{:?}", conv.nodes);
    let zero = graph("snn-zero");
    let neurons = zero.nodes.iter().filter(|n| matches!(n.op, Op::Neuron(_))).count();
    assert_eq!((zero.timesteps, neurons, zero.nodes.len()), (6, 2, 6));
    let frame = graph("snn-frame");
    assert!(frame.assumptions.iter().any(|a| a.contains("one frame")), "{:?}", frame.assumptions);
    assert!(frame.assumptions.iter().any(|a| a.contains("left out")), "{:?}", frame.assumptions);
}

#[test]
fn broken_files_are_refused_with_their_code() {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    all.retain(|p| p.file_name().unwrap().to_string_lossy().starts_with("bad-"));
    all.sort();
    assert!(all.len() > 8, "{all:?}");
    let mut wrong = Vec::new();
    for path in all {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let imported = read(&path, &Options::default());
        assert_eq!(imported.rating, Rating::Refused, "{name}");
        let refusal = imported.model.expect_err(&name);
        let right = name.starts_with(&format!("bad-{}", refusal.code)) && refusal.place.contains(&name);
        if !right || refusal.help.is_empty() {
            wrong.push(format!("{name}: {refusal}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn options_that_the_file_answers_are_refused() {
    let path = folder().join("sj-conv.pt2");
    let refused = |options: &Options| read(&path, options).model.expect_err("refused").code;
    let none = Options::default();
    assert_eq!(refused(&Options { dt: Some(1e-3), ..none }), "E0518");
    assert_eq!(refused(&Options { answer: Some(Answer::Sum), ..none }), "E0518");
    assert_eq!(refused(&Options { timesteps: Some(9), ..none }), "E0516");
    let step = read(&folder().join("snn-step.pt2"), &none);
    assert_eq!(step.model.expect_err("refused").code, "E0516");
}
