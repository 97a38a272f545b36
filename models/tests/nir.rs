//! NIR files: values against an independent simulation (`nir/make.py`), refusals, round trips, and damaged bytes.

#![allow(clippy::unwrap_used)] // a test may panic

use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::{interpret, Graph, Level, Op, Value};
use pulvinar_models::nir::{
    export, import, import_bytes, is_nir, Answer, Imported, Options, Rating, ResetRule,
};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/nir")
}

fn options(answer: Answer) -> Options {
    Options {
        timesteps: Some(12),
        dt: Some(1e-3),
        reset: Some(ResetRule::Value),
        input: Some(InputKind::Counts),
        answer: Some(answer),
    }
}

fn answers() -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder().join("answers.json")).unwrap()).unwrap()
}

fn numbers(rows: &serde_json::Value) -> Vec<f64> {
    let rows = rows.as_array().unwrap().iter();
    rows.flat_map(|r| r.as_array().unwrap().iter().map(|v| v.as_f64().unwrap())).collect()
}

fn files(start: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "nir"))
        .map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), p))
        .filter(|(name, _)| name.starts_with(start) && (start == "bad-" || !name.starts_with("bad-")))
        .collect();
    found.sort();
    found
}

fn run(graph: &Graph, frames: &serde_json::Value) -> Vec<f64> {
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    interpret::output(graph, &Value::real(shape, numbers(frames))).unwrap().reals().to_vec()
}

fn graph_of(imported: Imported) -> Graph {
    imported.model.unwrap_or_else(|d| panic!("{d}")).graph
}

#[test]
fn values_equal_an_independent_simulation() {
    let answers = answers();
    let all = files("");
    assert_eq!(all.len(), answers.as_object().unwrap().len());
    for (name, path) in all {
        let answer = &answers[&name];
        let mut options = options(Answer::Stream);
        if answer["reset"] == "subtract" {
            options.reset = Some(ResetRule::Subtract);
        }
        assert!(is_nir(&path));
        let imported = import(&path, &options);
        let chosen = ["recurrent", "cuba", "integrators"].contains(&name.as_str());
        let wanted_rating = if chosen { Rating::Approximated } else { Rating::Exact };
        assert_eq!(imported.rating, wanted_rating, "{name}: {:?}", imported.reasons);
        let (found, wanted) = (run(&graph_of(imported), &answer["frames"]), numbers(&answer["output"]));
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (i, (f, w)) in found.iter().zip(&wanted).enumerate() {
            assert!((f - w).abs() <= 1e-5 * w.abs().max(1.0), "{name}: value {i} is {f} and {w} is right");
        }
    }
}

/// Files of SpikingJelly's and snnTorch's own exporters against what the frameworks computed (`nir/frameworks/make.py`).
#[test]
fn files_of_frameworks_give_their_answers() {
    let folder = folder().join("frameworks");
    let text = std::fs::read(folder.join("answers.json")).unwrap();
    let answers: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(answers.len(), 6);
    for (name, answer) in &answers {
        let subtract = name == "snn-subtract";
        let rule = if subtract { ResetRule::SubtractLate } else { ResetRule::Value };
        let given = Options { timesteps: Some(10), dt: None, reset: Some(rule), ..options(Answer::Stream) };
        let imported = import(&folder.join(format!("{name}.nir")), &given);
        assert_eq!(imported.rating, Rating::Approximated, "{name}: the time step is assumed");
        let graph = graph_of(imported);
        assert_eq!(run(&graph, &answer["frames"]), numbers(&answer["output"]), "{name}");
        let whole = graph.nodes.iter().filter(|n| matches!(n.op, Op::Neuron(_))).count();
        assert!((1..=2).contains(&whole), "{name}");
    }
}

#[test]
fn the_other_reset_gives_other_spikes() {
    let answers = answers();
    let path = folder().join("subtract.nir");
    let graph = graph_of(import(&path, &options(Answer::Stream)));
    let answer = &answers["subtract"];
    assert_ne!(run(&graph, &answer["frames"]), numbers(&answer["output"]));
}

#[test]
fn what_is_not_given_is_assumed_aloud() {
    let path = folder().join("dense.nir");
    let imported = import(&path, &Options { timesteps: Some(4), ..Options::default() });
    assert_eq!(imported.rating, Rating::Approximated);
    let linear = imported.reasons.iter().find(|r| r.node == "fc1").unwrap();
    assert_eq!(linear.rating, Rating::Exact);
    let said = graph_of(imported).assumptions.join("\n");
    for word in ["--dt", "--reset", "--input-kind", "--readout", "forward Euler"] {
        assert!(said.contains(word), "`{word}` is missing from: {said}");
    }
    let given = graph_of(import(&path, &options(Answer::Sum))).assumptions;
    assert_eq!(given.len(), 1, "{given:?}");
    let recurrent = graph_of(import(&folder().join("recurrent.nir"), &options(Answer::Sum))).assumptions;
    assert!(
        recurrent.iter().any(|a| a.contains("`rec.lif` reaches `rec.w_rec` one step later")),
        "{recurrent:?}"
    );
}

#[test]
fn broken_files_are_refused_with_their_code() {
    let all = files("bad-");
    assert!(all.len() > 12);
    for (name, path) in all {
        let imported = import(&path, &options(Answer::Sum));
        assert_eq!(imported.rating, Rating::Refused, "{name}");
        let refusal = imported.model.expect_err(&name);
        assert!(name.starts_with(&format!("bad-{}", refusal.code)), "{name}: {refusal}");
        assert!(!refusal.help.is_empty() && refusal.place.contains(&name), "{name}: {refusal}");
    }
}

#[test]
fn timesteps_and_a_sensible_dt_are_needed() {
    let path = folder().join("dense.nir");
    let given = options(Answer::Sum);
    for bad in [
        Options { timesteps: None, ..given },
        Options { timesteps: Some(0), ..given },
        Options { dt: Some(0.0), ..given },
        Options { dt: Some(f64::NAN), ..given },
        Options { dt: Some(1.0), ..given },
    ] {
        assert_eq!(import(&path, &bad).model.expect_err("refused").code, "E0516", "{bad:?}");
    }
    let odd = Options { dt: Some(0.7e-3), ..given };
    assert_eq!(import(&folder().join("branches.nir"), &odd).model.expect_err("refused").code, "E0516");
}

/// A network of all ops that NIR holds, except sums.
fn exportable() -> Graph {
    let path = folder().join("conv.nir");
    let mut graph = graph_of(import(&path, &options(Answer::Sum)));
    for node in &mut graph.nodes {
        if let Op::Neuron(n) = &mut node.op {
            if n.leak > 0.0 {
                (n.leak, n.input_gain, n.input_bias, n.threshold) = (0.75, 0.9, 0.013, 0.31);
                n.reset = Reset::Value { value: -0.1 };
            }
        }
    }
    graph.assumptions.clear();
    graph
}

#[test]
fn an_exported_network_comes_back_equal() {
    for dt in [1e-3, 1e-4, 0.37] {
        let graph = exportable();
        let out = export(&graph, Some(dt)).unwrap();
        assert_eq!(out.rating, Rating::Exact, "{:?}", out.reasons);
        let imported = import_bytes("conv", &out.bytes, &Options { dt: Some(dt), ..options(Answer::Sum) });
        let mut back = graph_of(imported);
        back.assumptions.clear();
        assert_eq!(back.tensors, graph.tensors);
        for node in &graph.nodes {
            let other = back.node(back.find(&node.name).unwrap());
            assert_eq!((&other.op, &other.ty), (&node.op, &node.ty), "dt = {dt}");
        }
        assert_eq!(pulvinar_ir::text::print(&back), pulvinar_ir::text::print(&graph));
    }
}

/// Constants come back to the last digit but one, whatever they are.
#[test]
fn constants_come_back() {
    for i in 1..200u32 {
        let x = f64::from(i) / 200.0;
        let constants =
            |n: &mut Neuron| (n.leak, n.input_gain, n.input_bias) = (1.0 - x * x, 0.3 + x, x - 0.5);
        let graph = one_neuron(constants);
        let out = export(&graph, Some(1e-3)).unwrap();
        let back = graph_of(import_bytes("x", &out.bytes, &options(Answer::Stream)));
        let spike = |g: &Graph| match &g.node(g.find("spike").unwrap()).op {
            Op::Neuron(n) => n.clone(),
            other => panic!("{other:?}"),
        };
        let (found, wanted) = (spike(&back), spike(&graph));
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-15 * b.abs().max(1.0);
        assert!(close(found.leak, wanted.leak), "{found:?}");
        assert!(close(found.input_gain, wanted.input_gain) && close(found.input_bias, wanted.input_bias));
    }
}

#[test]
fn every_network_survives_the_round_trip() {
    let answers = answers();
    for (name, path) in files("") {
        // Integrators become sums of constants, which NIR has no node for.
        if ["integrators", "cuba"].contains(&name.as_str()) {
            continue;
        }
        let given = options(Answer::Stream);
        let graph = graph_of(import(&path, &given));
        let out = export(&graph, given.dt).unwrap_or_else(|d| panic!("{name}: {d}"));
        let back = graph_of(import_bytes(&name, &out.bytes, &given));
        let frames = &answers[&name]["frames"];
        assert_eq!(run(&graph, frames), run(&back, frames), "{name}");
    }
}

/// `input` into one neuron.
fn one_neuron(change: impl Fn(&mut Neuron)) -> Graph {
    let mut graph = Graph::new("one", Level::Trained, 3);
    let input = Input { shape: [2, 1, 1], kind: InputKind::Counts, max: 0 };
    let input = graph.push("input", input.into(), &[]).unwrap();
    let mut neuron = Neuron {
        leak: 0.5,
        input_gain: 1.0,
        input_bias: 0.0,
        threshold: 1.0,
        compare: Compare::Above,
        reset: Reset::Value { value: 0.0 },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    };
    change(&mut neuron);
    graph.push("spike", neuron.into(), &[input]).unwrap();
    graph
}

#[test]
fn export_says_what_nir_cannot_hold() {
    let rating = |change: fn(&mut Neuron)| export(&one_neuron(change), None).map(|e| e.rating);
    assert_eq!(rating(|_| ()), Ok(Rating::Exact));
    assert_eq!(rating(|n| n.reset_timing = ResetTiming::NextStep), Ok(Rating::Exact));
    assert_eq!(rating(|n| n.initial = 0.25), Ok(Rating::Exact));
    assert_eq!(rating(|n| n.compare = Compare::AtLeast), Ok(Rating::Approximated));
    assert_eq!(rating(|n| n.reset = Reset::Subtract { value: 1.0 }), Ok(Rating::Approximated));
    let refused: [fn(&mut Neuron); 4] = [
        |n| n.reset = Reset::Subtract { value: 0.5 },
        |n| n.reset = Reset::None,
        |n| n.clamp_min = Some(0.0),
        |n| (n.leak, n.input_bias) = (1.0, 0.5),
    ];
    for change in refused {
        assert_eq!(rating(change).expect_err("refused").code, "E0517");
    }
    let attention = pulvinar_models::zoo::find("ma-snn-tcsa").and_then(|e| (e.load)()).unwrap();
    assert_eq!(export(&attention.graph, None).expect_err("attention").code, "E0517");
    assert_eq!(export(&one_neuron(|_| ()), Some(-1.0)).expect_err("a negative step").code, "E0516");
}

/// A factor of 10³⁰⁰ fits a NIR file and no weight here.
#[test]
fn weights_beyond_single_precision_are_refused() {
    let mut graph = one_neuron(|_| ());
    let spike = graph.find("spike").unwrap();
    graph.push("scale", Affine { mul: 1e300, add: 0.0 }.into(), &[spike]).unwrap();
    let out = export(&graph, Some(1e-3)).unwrap();
    let imported = import_bytes("x", &out.bytes, &options(Answer::Sum));
    assert_eq!(imported.model.expect_err("infinite").code, "E0110");
}

/// Flips of bytes, cuts and swapped pieces never panic, whatever they make of the file.
#[test]
fn damaged_bytes_never_panic() {
    let rounds = std::env::var("PULVINAR_NIR_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(150u64);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let (mut accepted, mut refused) = (0, 0);
    for (name, path) in files("") {
        let bytes = std::fs::read(path).unwrap();
        for round in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..=random(8) {
                let at = random(damaged.len());
                damaged[at] = if random(2) == 0 { random(256) as u8 } else { damaged[at] ^ (1 << random(8)) };
            }
            if round % 5 == 0 {
                damaged.truncate(random(bytes.len()));
            }
            match import_bytes(&name, &damaged, &options(Answer::Sum)).model {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}
