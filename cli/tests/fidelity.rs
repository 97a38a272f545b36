//! `--fidelity analytic`.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::process::Command;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The closed form says that it is one and how far it may be off, and leaves out what only a simulation shows.
#[test]
fn an_analytic_run_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let run = |more: &[&str], out: &str| {
        let args = [&["run", "--inputs", "1", "-o", out][..], more].concat();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulvinar"));
        let done = command.args(args).current_dir(dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        let read = |file: &str| fs::read_to_string(dir.path().join(out).join(file)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&read("report.json")).unwrap();
        (text(&done.stdout), json, read("report.html"))
    };
    let (_, cycle, _) = run(&[], "cycle");
    let (table, json, page) = run(&["--fidelity", "analytic"], "analytic");
    for words in ["Nothing was simulated", "95th percentile"] {
        assert!(table.contains(words) && page.contains(words), "{words}: {table}");
    }
    assert!(cycle.get("closed_form").is_none());
    let error = &json["closed_form"];
    assert!(error["points"].as_u64().unwrap() > 50, "{error}");
    for quantity in ["latency", "energy"] {
        assert!(
            error[quantity]["median_percent"].as_f64() < error[quantity]["percentile_95_percent"].as_f64()
        );
    }
    assert!(json["layers"][0]["stall_cycles"].is_null() && cycle["layers"][0]["stall_cycles"].is_number());
    assert!(json["mesh"]["core_busy_fraction"].as_array().unwrap().is_empty());
    assert!(page.contains("plot-energy") && !page.contains("plot-mesh") && !page.contains("plot-timeline"));
    // Contents are the same, time is close.
    for exact in ["layers/0/spikes", "traffic/noc/flit_hops", "correctness/accuracy", "area/total_mm2"] {
        let path = format!("/{exact}");
        assert_eq!(json.pointer(&path), cycle.pointer(&path), "{exact}");
    }
    let latency = |json: &serde_json::Value| json["timing"]["latency_cycles"].as_f64().unwrap();
    assert!((latency(&json) / latency(&cycle) - 1.0).abs() < 0.15);
    let (_, rates, _) = run(&["--fidelity", "analytic", "--rate", "0.1"], "rates");
    assert!(rates["closed_form"].is_object() && rates["correctness"]["workload"].is_string());
}

/// What a search over memories finds is a file that the verbs which compile take, and it costs what the search says.
#[test]
fn a_mapping_that_was_found_is_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let space = "[set]\nmodel = \"small-ta\"\nfidelity = \"analytic\"\ninput.count = 1\n";
    fs::write(dir.path().join("space.toml"), space).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulvinar"));
        let done = command.args(args).arg("--json").current_dir(dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", text(&done.stderr));
        serde_json::from_slice::<serde_json::Value>(&done.stdout).unwrap()
    };
    let search = ["explore", "map", "space.toml", "--objective", "latency_cycles", "-o", "mapping.toml"];
    let found = run(&search);
    let one = ["run", "small-ta", "--inputs", "1", "--fidelity", "analytic", "-o"];
    let cycles = |more: &[&str], out: &str| {
        run(&[&one[..], &[out], more].concat())["timing"]["latency_cycles"].as_f64().unwrap()
    };
    assert_eq!(found["greedy"].as_f64(), Some(cycles(&[], "greedy")));
    assert_eq!(found["cost"].as_f64(), Some(cycles(&["--mapping", "mapping.toml"], "found")));
    assert!(found["cost"].as_f64() < found["greedy"].as_f64(), "{found}");
}
