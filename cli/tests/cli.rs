//! The binary as a user meets it.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn pulvinar(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pulvinar"))
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command that must be refused: exit 1, one diagnostic with place and help, nothing left in the folder.
fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let before = listing(folder);
    let out = pulvinar(folder, args);
    let err = text(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{args:?}: {err}");
    assert_eq!(err.matches("error[").count(), 1, "{args:?}: {err}");
    assert!(err.contains("at: ") && err.contains("help: "), "{err}");
    for word in words {
        assert!(err.contains(word), "`{word}` is missing from: {err}");
    }
    assert_eq!(before, listing(folder), "{args:?} left something behind");
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A writable copy of the default model.
fn model(folder: &Path) {
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/default/ma-snn-tcsa");
    fs::create_dir(folder.join("net")).unwrap();
    for file in ["graph.json", "weights.safetensors", "vectors.safetensors"] {
        fs::copy(zoo.join(file), folder.join("net").join(file)).unwrap();
    }
}

fn edit_graph(folder: &Path, from: &str, to: &str) {
    let path = folder.join("net/graph.json");
    let graph = fs::read_to_string(&path).unwrap();
    assert!(graph.contains(from), "the graph holds {from}");
    fs::write(&path, graph.replacen(from, to, 1)).unwrap();
}

#[test]
fn run_reports_and_writes_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let out = pulvinar(dir.path(), &["run", "--inputs", "2", "-o", "out"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let page = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http://localhost"));
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.path().join("out/report.json")).unwrap()).unwrap();
    assert_eq!(report["correctness"]["spikes_equal_to_reference"], true);
    assert!(report["twin"].is_object());
    // Running again replaces the folder whole and gives the same bytes.
    let first = fs::read(dir.path().join("out/report.json")).unwrap();
    assert!(pulvinar(dir.path(), &["run", "--inputs", "2", "-o", "out"]).status.success());
    assert_eq!(first, fs::read(dir.path().join("out/report.json")).unwrap());
    assert_eq!(listing(dir.path()), ["out"]);
}

#[test]
fn rates_make_a_workload_without_answers() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rates.csv"), "layer,rate\nneuron0,0.2\n").unwrap();
    let args = ["run", "--rates", "rates.csv", "--rate", "0.05", "--inputs", "2", "-o", "out", "--json"];
    let out = pulvinar(dir.path(), &args);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let correct = &report["correctness"];
    assert!(correct["workload"].as_str().unwrap().contains("0.05"), "{correct}");
    assert!(correct["accuracy"].is_null() && correct["agreement_with_float"].is_null(), "{correct}");
    let slots = 2.0 * report["model"]["timesteps"].as_f64().unwrap();
    for layer in report["layers"].as_array().unwrap() {
        let wanted = if layer["name"] == "neuron0" { 0.2 } else { 0.05 };
        let (rate, n) = (layer["firing_rate"].as_f64().unwrap(), layer["neurons"].as_f64().unwrap());
        assert!((rate - wanted).abs() < 5.0 * (wanted / (n * slots)).sqrt(), "{}: {rate}", layer["name"]);
    }
    assert!(report["attention"][0]["statistics_ops"].as_f64().unwrap() > 0.0);
    let page = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("a workload by firing rate"));
}

#[test]
fn rates_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let write =
        |name: &str, rows: &str| fs::write(dir.path().join(name), format!("layer,rate\n{rows}")).unwrap();
    write("unknown.csv", "conv0,0.1\n");
    write("missing.csv", "input,0.1\n");
    write("text.csv", "input,much\n");
    refused(dir.path(), &["run", "--rate", "1.5"], &["E0407", "1.5"]);
    refused(
        dir.path(),
        &["run", "--rates", "unknown.csv", "--rate", "0.1"],
        &["E0409", "`conv0`", "neuron1"],
    );
    refused(dir.path(), &["run", "--rates", "missing.csv"], &["E0409", "it spikes and has no rate"]);
    refused(dir.path(), &["run", "--rates", "text.csv"], &["E0408", "line 2"]);
    refused(dir.path(), &["run", "--rates", "nowhere.csv"], &["E0111"]);
    refused(dir.path(), &["run", "--rate", "0.1", "--spread", "waves"], &["E0407", "waves"]);
    refused(dir.path(), &["run", "ma-gesture", "--rate", "0.1", "--timesteps", "0"], &["E0109"]);
    let usage = pulvinar(dir.path(), &["run", "--spread", "bernoulli"]);
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn compile_and_simulate_agree_with_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = pulvinar(dir.path(), &["compile", "ma-snn-tcsa", "-o", "prog"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let args = [
        "simulate",
        "prog",
        "--inputs",
        "1",
        "--engine",
        "both",
        "--trace",
        "t.txt",
        "--timeline",
        "t.json",
        "--json",
    ];
    let out = pulvinar(dir.path(), &args);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let simulated: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let out = pulvinar(dir.path(), &["run", "--inputs", "1", "--json", "--twin", "none"]);
    let run: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(simulated["runs"][0]["cycles"].as_f64(), run["timing"]["latency_cycles"].as_f64());
    assert!(fs::read_to_string(dir.path().join("t.txt")).unwrap().lines().count() > 1000);
    serde_json::from_slice::<serde_json::Value>(&fs::read(dir.path().join("t.json")).unwrap()).unwrap();
}

#[test]
fn lists_print() {
    let dir = tempfile::tempdir().unwrap();
    for verb in ["zoo", "passes", "encoders", "estimators", "arch", "technology"] {
        for extra in [None, Some("--json")] {
            let args: Vec<&str> = std::iter::once(verb).chain(extra).collect();
            let out = pulvinar(dir.path(), &args);
            assert!(out.status.success() && !out.stdout.is_empty(), "{args:?}: {}", text(&out.stderr));
        }
    }
    for stage in ["canonicalise", "quantise", "range-analysis", "program"] {
        let out = pulvinar(dir.path(), &["compile", "vanilla", "--emit", stage]);
        assert!(out.status.success() && out.stdout.len() > 500, "{stage}: {}", text(&out.stderr));
    }
    assert_eq!(pulvinar(dir.path(), &["compile", "--emit", "nonsense"]).status.code(), Some(1));
    assert_eq!(pulvinar(dir.path(), &["nonsense"]).status.code(), Some(2));
}

#[test]
fn structures_are_networks_without_training() {
    let dir = tempfile::tempdir().unwrap();
    let out = pulvinar(dir.path(), &["zoo", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let gesture = list.as_array().unwrap().iter().find(|n| n["name"] == "ma-gesture-tcsa").unwrap();
    assert_eq!((&gesture["parameters"], &gesture["neurons"]), (&2_340_535.into(), &106_763.into()));
    assert_eq!(gesture["trained"], false);
    let out = pulvinar(dir.path(), &["check", "stsc-shd"]);
    assert!(text(&out.stderr).contains("E0401"), "its own inputs are missing: {}", text(&out.stderr));
}

#[test]
fn reports_compare() {
    let dir = tempfile::tempdir().unwrap();
    for (model, folder) in [("ma-snn-tcsa", "a"), ("vanilla", "b")] {
        let out = pulvinar(dir.path(), &["run", model, "--inputs", "1", "--twin", "none", "-o", folder]);
        assert!(out.status.success(), "{}", text(&out.stderr));
    }
    let out = pulvinar(dir.path(), &["compare", "a", "b/report.json", "-o", "both"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("latency"));
    let read = |name: &str| fs::read_to_string(dir.path().join("both").join(name)).unwrap();
    assert!(read("report.html").contains("vanilla") && read("comparison.tex").contains("\\toprule"));
    // Estimates of the same network stand beside its run; the folder may be replaced.
    let out = pulvinar(dir.path(), &["energy", "--inputs", "1", "-o", "e"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let out = pulvinar(dir.path(), &["compare", "a", "e", "-o", "both", "--json"]);
    let all: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(all["entries"].as_array().unwrap().len(), 2);
    let out = pulvinar(dir.path(), &["report", "e", "-o", "again"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(
        fs::read(dir.path().join("e/energy.json")).unwrap(),
        fs::read(dir.path().join("again/energy.json")).unwrap()
    );
    fs::write(dir.path().join("bad.json"), "{\"energy_format\": 1}").unwrap();
    refused(dir.path(), &["compare", "a", "bad.json"], &["E0613", "bad.json"]);
    refused(dir.path(), &["compare", "a", "nowhere"], &["E0111", "nowhere"]);
    assert_eq!(pulvinar(dir.path(), &["compare", "a"]).status.code(), Some(2));
}

#[test]
fn import_writes_what_it_read() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path());
    let out = pulvinar(dir.path(), &["import", "net", "-o", "copy"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("exact"));
    let out = pulvinar(dir.path(), &["import", "copy/graph.json", "-o", "again"]);
    assert!(out.status.success(), "{}", text(&out.stderr));
    let read = |p: &str| fs::read(dir.path().join(p)).unwrap();
    assert_eq!(read("copy/graph.json"), read("again/graph.json"));
    assert_eq!(read("copy/weights.safetensors"), read("again/weights.safetensors"));
}

type Fault = (&'static str, fn(&Path), &'static [&'static str]);

const MODEL_FAULTS: &[Fault] = &[
    ("truncated weights", |d| truncate(&d.join("net/weights.safetensors")), &["weights"]),
    ("unknown field", |d| edit_graph(d, "\"nodes\"", "\"colour\": 1, \"nodes\""), &["colour"]),
    ("wrong version", |d| edit_graph(d, "\"format_version\": 1", "\"format_version\": 99"), &["99"]),
    ("unsupported op", |d| edit_graph(d, "\"op\": \"flatten\"", "\"op\": \"wavelet\""), &["wavelet"]),
    ("missing graph", |d| fs::remove_file(d.join("net/graph.json")).unwrap(), &["graph.json"]),
    ("not JSON", |d| fs::write(d.join("net/graph.json"), "{").unwrap(), &["graph.json"]),
];

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn bad_inputs_are_refused() {
    for (name, fault, words) in MODEL_FAULTS {
        let dir = tempfile::tempdir().unwrap();
        model(dir.path());
        fault(dir.path());
        println!("{name}");
        refused(dir.path(), &["import", "net", "-o", "out"], words);
        refused(dir.path(), &["run", "net", "--inputs", "1", "-o", "out"], words);
    }
}

#[test]
fn bad_chips_are_refused() {
    let faults = [
        ("width = 4", "width = 0", "mesh.width"),
        ("\nlanes = 16", "\nlanes = 0", "lanes"),
        ("dram_tile = 15", "dram_tile = 99", "dram_tile"),
        ("name =", "nmae =", "nmae"),
        ("lstp", "sram", "sram"),
        ("accumulator_kib = 64", "accumulator_kib = 1", "accumulator"),
    ];
    for (from, to, word) in faults {
        let dir = tempfile::tempdir().unwrap();
        let toml = text(&pulvinar(dir.path(), &["arch", "--toml"]).stdout);
        assert!(toml.contains(from), "{from}");
        fs::write(dir.path().join("chip.toml"), toml.replacen(from, to, 1)).unwrap();
        let extra = if word == "accumulator" { ["--no-spread"].as_slice() } else { &[] };
        let args = [["run", "--arch", "chip.toml", "--inputs", "1", "-o", "out"].as_slice(), extra].concat();
        let out = pulvinar(dir.path(), &args);
        // A chip that is merely small may run in several phases; the others are refused.
        if word != "accumulator" || !out.status.success() {
            fs::remove_dir_all(dir.path().join("out")).ok();
            refused(dir.path(), &args, &[word]);
        }
    }
}

#[test]
fn bad_data_and_places_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.safetensors"), b"not a data set").unwrap();
    refused(dir.path(), &["run", "--input", "data.safetensors", "-o", "out"], &["data.safetensors"]);
    refused(dir.path(), &["run", "--input", "absent.safetensors", "-o", "out"], &["absent"]);
    refused(dir.path(), &["run", "nosuchnet", "-o", "out"], &["nosuchnet", "vanilla"]);
    refused(dir.path(), &["run", "--strategy", "conv1=magic", "-o", "out"], &["conv1=magic"]);
    refused(dir.path(), &["run", "--weight-bits", "99", "-o", "out"], &["weight_bits"]);
    refused(dir.path(), &["run", "--inputs", "0", "-o", "out"], &["--inputs"]);
    fs::write(dir.path().join("file"), b"").unwrap();
    refused(dir.path(), &["run", "--inputs", "1", "-o", "file/out"], &["file"]);
    fs::create_dir(dir.path().join("foreign")).unwrap();
    fs::write(dir.path().join("foreign/diary.txt"), b"").unwrap();
    refused(dir.path(), &["run", "--inputs", "1", "-o", "foreign"], &["foreign"]);
}

#[cfg(unix)]
#[test]
fn a_failed_run_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_pulvinar"))
        .args(["run", "--engine", "both", "-o", "out"])
        .current_dir(dir.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(400));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(listing(dir.path()).is_empty(), "{:?}", listing(dir.path()));
}

/// A NIR file of the importer's tests.
fn nir(name: &str) -> String {
    format!("{}/../models/tests/nir/{name}.nir", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn nir_is_imported_checked_and_exported_again() {
    let dir = tempfile::tempdir().unwrap();
    let all = ["--timesteps", "12", "--dt", "1e-3", "--reset", "value", "--input-kind", "counts"];
    let file = nir("dense");
    let out = pulvinar(dir.path(), &[&["import", &file, "-o", "net", "--json"][..], &all].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    let facts: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(facts["rating"], "exact");
    assert_eq!(facts["reasons"][0]["node"], "fc1");
    // What is not given is said, in the import and in every report on the network.
    let out = pulvinar(dir.path(), &["import", &file, "--timesteps", "12", "-o", "guessed"]);
    assert!(
        text(&out.stdout).contains("; approximated")
            && text(&out.stdout).contains("assumed: NIR: a time step")
    );
    let out = pulvinar(dir.path(), &["export", "net", "--dt", "1e-3", "-o", "again.nir"]);
    assert!(text(&out.stdout).contains("; exact"), "{}{}", text(&out.stdout), text(&out.stderr));
    let import = ["import", "again.nir", "-o", "back"];
    assert!(pulvinar(dir.path(), &[&import[..], &all].concat()).status.success());
    let weights = |folder: &str| fs::read(dir.path().join(folder).join("weights.safetensors")).unwrap();
    assert_eq!(weights("net"), weights("back"));
    // Refusals are rated in JSON, too.
    let out = pulvinar(
        dir.path(),
        &["import", &nir("bad-E0512-unknown"), "-o", "bad", "--timesteps", "4", "--json"],
    );
    let facts: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &facts["rating"]), (Some(1), &serde_json::json!("refused")));
    refused(dir.path(), &["import", &file, "-o", "net2"], &["E0516", "--timesteps"]);
    refused(dir.path(), &["export", "ma-snn-tcsa", "-o", "x.nir"], &["E0517"]);
}

/// Published: a ResNet-18 of 8.404 mJ as an artificial network; stem once and the rate that gives 1.49 mJ.
#[test]
fn energy_prices_a_structure_by_rates() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let out = pulvinar(folder.path(), &[&["energy"], args, &["--json"]].concat());
        assert!(out.status.success(), "{}", text(&out.stderr));
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap()
    };
    let all = run(&["att-res-18", "--rate", "0.148"]);
    let names: Vec<&str> =
        all["estimates"].as_array().unwrap().iter().map(|e| e["estimator"].as_str().unwrap()).collect();
    assert!(names.contains(&"paper-sop") && names.contains(&"lemaire2022") && !names.contains(&"simulated"));
    let total = |v: &serde_json::Value, i: usize| v["estimates"][i]["total_pj"].as_f64().unwrap() * 1e-9;
    assert!((total(&all, names.iter().position(|n| *n == "ann-equivalent").unwrap()) - 8.404).abs() < 5e-4);
    let paper = ["--estimator", "paper-sop", "--stem", "once", "--attention", "out"];
    let once = run(&[&["gac-imagenet-18", "--rate", "0.157"], paper.as_slice()].concat());
    assert!((total(&once, 0) - 1.49).abs() < 5e-3);
    let six = run(&[&["gac-imagenet-18", "--rate", "0.157", "--timesteps", "6"], paper.as_slice()].concat());
    assert_eq!(six["timesteps"], 6);
    assert!(total(&six, 0) > total(&once, 0));
    fs::write(folder.path().join("r.csv"), "layer,rate\nconv0.spikes,0.3\ninput,0.05\n").unwrap();
    let gesture = ["ma-gesture-tcsa", "--estimator", "paper-sop", "--base-rate", "0.173", "--rate", "0.026"];
    let quiet = run(&gesture);
    let busy = run(&[gesture.as_slice(), &["--rates", "r.csv"]].concat());
    assert!(quiet["estimates"][0]["attention_efficiency"].as_f64().unwrap() > 2.0);
    assert!(busy["spikes"].as_f64() > quiet["spikes"].as_f64());
    // 60 steps at 0.026 are 1.56 spikes a neuron, below the limit of 1.72.
    assert_eq!(
        (&quiet["break_even"][1]["side"], &busy["break_even"][1]["side"]),
        (&"below".into(), &"above".into())
    );
    let said = text(&pulvinar(folder.path(), &["energy", "vanilla", "--rate", "0.1"]).stdout);
    assert!(said.contains("spikesim-sram") && said.contains("µJ"), "{said}");
    refused(folder.path(), &["energy", "vanilla", "--rates", "r.csv"], &["E0409", "input"]);
    refused(folder.path(), &["energy", "ma-gesture"], &["E0409", "has no rate"]);
    refused(folder.path(), &["energy", "--twin", "small-ta"], &["E0409", "--twin"]);
}

/// What a paper needs, from rates that are measured; the written rates give the same energies again.
#[test]
fn energy_writes_what_a_paper_needs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let out = pulvinar(folder.path(), &[&["energy", "--json"], args].concat());
        assert!(out.status.success(), "{}", text(&out.stderr));
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap()
    };
    let measured = run(&["--inputs", "3", "--twin", "vanilla", "-o", "paper"]);
    let read = |name: &str| fs::read_to_string(folder.path().join("paper").join(name)).unwrap();
    for name in [
        "energy.csv",
        "terms.csv",
        "constants.csv",
        "energy.tex",
        "constants.tex",
        "energy.bib",
        "methods.txt",
        "paper.tex",
        "estimators.svg",
    ] {
        assert!(!read(name).is_empty(), "{name}");
    }
    assert!(
        read("methods.tex").contains("measured on 3 inputs")
            && read("energy.bib").contains("@inproceedings{horowitz2014,")
    );
    assert!(measured["rates"]["basis"]["measured"]["inputs"] == 3 && measured["simulated"].is_null());
    let (own, base) =
        (&measured["rates"]["layers"][0]["rate"], &measured["rates"]["layers"][0]["without_attention"]);
    assert!(own.as_f64().unwrap() > 0.0 && base != own);
    // The folder may be replaced, and its rates may be given back.
    let again = run(&["--rates", "paper/rates.csv", "-o", "paper"]);
    let total = |v: &serde_json::Value| v["estimates"][6]["total_pj"].as_f64().unwrap();
    assert!((total(&measured) - total(&again)).abs() < 1e-9 * total(&measured));
    let simulated = run(&["--inputs", "1", "--estimator", "paper-sop", "--estimator", "simulated"]);
    let names: Vec<_> =
        simulated["estimates"].as_array().unwrap().iter().map(|e| e["estimator"].clone()).collect();
    assert_eq!(names, ["paper-sop", "simulated"]);
    assert_eq!(simulated["simulated"]["node_nm"], 22);
    let by_rate = run(&["vanilla", "--rate", "0.05", "--estimator", "simulated"]);
    assert!(by_rate["estimates"][0]["total_pj"].as_f64().unwrap() > 0.0);
}

/// Traced networks and lava-dl files are read by every verb that takes a network.
#[test]
fn the_library_is_listed_and_gives_figures_in_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let json = |args: &[&str]| -> serde_json::Value {
        let out = pulvinar(folder.path(), &[args, &["--json"]].concat());
        assert!(out.status.success(), "{}", text(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    };
    let library = json(&["technology"]);
    for entry in library["entries"].as_array().unwrap() {
        for key in ["name", "value", "unit", "sources", "grade", "scope", "spread", "table"] {
            assert!(!entry[key].is_null(), "{key} of {entry}");
        }
    }
    assert!(library["entries"].as_array().unwrap().len() > 6000);
    let value = |facts: &serde_json::Value, name: &str| {
        let rows = facts["figures"].as_array().unwrap();
        rows.iter().find(|r| r["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    let (old, mid, hot) = (
        json(&["technology", "--node", "45"]),
        json(&["technology", "--node", "28"]),
        json(&["technology", "--node", "28", "--temperature", "350", "--voltage", "0.8"]),
    );
    assert!((value(&old, "add, 32 bit") - 0.1).abs() < 1e-12);
    assert!(value(&mid, "add, 32 bit") < 0.1 && value(&hot, "add, 32 bit") < value(&mid, "add, 32 bit"));
    let leak = "SRAM leakage, 64 KiB x 64 bit";
    assert!(value(&hot, leak) > 2.0 * value(&mid, leak));
    refused(folder.path(), &["technology", "--node", "7"], &["E0635", "far_scaling"]);
    refused(folder.path(), &["technology", "--temperature", "390"], &["E0634"]);
    refused(folder.path(), &["technology", "--voltage", "9"], &["E0302", "technology.voltage_v"]);
    let far = text(&pulvinar(folder.path(), &["technology", "--node", "7", "--far-scaling"]).stdout);
    assert!(far.contains("scaled from 22 nm over 3 steps; far: read with care"));
}

#[test]
fn other_tools_files_are_imported_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| format!("{}/../models/tests/{name}", env!("CARGO_MANIFEST_DIR"));
    for (name, more) in [
        ("traced/sj-conv.pt2", &[][..]),
        ("traced/snn-zero.onnx", &[]),
        ("lava/dense.net", &["--timesteps", "8", "--readout", "sum"]),
    ] {
        let file = file(name);
        let out = pulvinar(dir.path(), &[&["import", &file, "-o", "net", "--json"][..], more].concat());
        assert!(out.status.success(), "{name}: {}", text(&out.stderr));
        let facts: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(facts["rating"], "exact", "{name}");
        assert!(!facts["reasons"].as_array().unwrap().is_empty());
        let again = pulvinar(dir.path(), &["import", "net", "-o", "twice"]);
        assert!(again.status.success(), "{name}: {}", text(&again.stderr));
    }
    let frozen = file("traced/bad-E0519-sj-frozen.pt2");
    refused(dir.path(), &["import", &frozen, "-o", "x"], &["E0519", "trace the network over all timesteps"]);
    refused(
        dir.path(),
        &["import", &file("traced/sj-conv.pt2"), "--dt", "1e-3", "-o", "x"],
        &["E0518", "--dt"],
    );
}
