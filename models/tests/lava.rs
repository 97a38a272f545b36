//! lava-dl files: values against the chip's integers (`lava/make.py`), and refusals.

#![allow(clippy::unwrap_used)] // a test may panic

use pulvinar_ir::{interpret, Graph, Value};
use pulvinar_models::import::{import, recognise, Answer, Imported, Options, Rating};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lava")
}

fn read(name: &str, answer: Option<Answer>) -> Imported {
    let path = folder().join(format!("{name}.net"));
    let format = recognise(&path).unwrap();
    assert_eq!(format.name, "lava-dl");
    import(format, &path, &Options { timesteps: Some(24), answer, ..Options::default() })
}

fn run(graph: &Graph, frames: &serde_json::Value) -> Vec<f64> {
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    interpret::output(graph, &Value::real(shape, numbers(frames))).unwrap().reals().to_vec()
}

fn numbers(list: &serde_json::Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn spikes_are_those_of_the_chip() {
    let text = std::fs::read(folder().join("answers.json")).unwrap();
    let answers: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(answers.len(), 5);
    for (name, answer) in &answers {
        let imported = read(name, (name != "conv").then_some(Answer::Stream));
        let leaky = name == "leaky";
        let wanted = if leaky { Rating::Approximated } else { Rating::Exact };
        assert_eq!(imported.rating, wanted, "{name}: {:?}", imported.model);
        let graph = imported.model.unwrap().graph;
        assert!(graph.assumptions.iter().any(|a| a.contains("one step later")), "{:?}", graph.assumptions);
        let (found, wanted) = (run(&graph, &answer["input"]), numbers(&answer["output"]));
        assert_eq!(found.len(), wanted.len(), "{name}");
        let differ = found.iter().zip(&wanted).filter(|(f, w)| (**f - **w).abs() > 1e-6).count();
        // What the chip cuts off moves a spike now and then.
        let most = if leaky { wanted.len() / 20 } else { 0 };
        assert!(differ <= most, "{name}: {differ} of {} values differ", wanted.len());
    }
}

#[test]
fn layers_come_by_number() {
    let graph = read("deep", Some(Answer::Stream)).model.unwrap().graph;
    let names: Vec<&str> = graph.nodes.iter().map(|n| n.name.as_str()).filter(|n| !n.contains('.')).collect();
    assert_eq!(&names[1..4], &["layer0", "layer1", "layer2"]);
    assert_eq!(names[11], "layer10");
}

#[test]
fn broken_files_are_refused_with_their_code() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "net"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|n| n.starts_with("bad-"))
        .collect();
    names.sort();
    assert!(names.len() > 10);
    for name in names {
        let imported = read(&name, None);
        assert_eq!(imported.rating, Rating::Refused, "{name}");
        let refusal = imported.model.expect_err(&name);
        assert!(name.starts_with(&format!("bad-{}", refusal.code)), "{name}: {refusal}");
        assert!(!refusal.help.is_empty(), "{name}");
    }
    let path = folder().join("dense.net");
    let format = recognise(&path).unwrap();
    let none = Options::default();
    assert_eq!(import(format, &path, &none).model.expect_err("no steps").code, "E0516");
    let dt = Options { timesteps: Some(24), dt: Some(1e-3), ..none };
    assert_eq!(import(format, &path, &dt).model.expect_err("no dt").code, "E0518");
    let long = Options { timesteps: Some(1), ..none };
    assert_eq!(import(format, &folder().join("deep.net"), &long).model.expect_err("delay").code, "E0516");
}
