//! `explore search` as it is called.
#![allow(clippy::unwrap_used)] // helpers of tests

use serde_json::Value as Json;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SPACE: &str = r#"
name = "search"
objectives = ["latency_us", "energy_pj"]
[reference]
latency_us = 1000.0
energy_pj = 1e7
[set]
model = "small-ta"
fidelity = "analytic"
input.count = 2
[keys]
core.lanes = [1, 2, 4, 8]
core.state_kib = [1, 16]
quantise.weight_bits = [4, 8]
"#;

fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulvinar"));
    command
        .args(["--quiet", "explore", "search", "SPACE.toml", "--store", "S"])
        .args(args)
        .current_dir(folder);
    command
}

fn searched(args: &[&str], folder: &Path) -> String {
    let out = command(args, folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_search_says_what_it_found_and_writes_the_same_log_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("SPACE.toml"), SPACE).unwrap();
    let args = ["--budget", "12", "--batch", "4", "--confirm", "--json", "-o"];
    let of = |log: &str, more: &[&str]| -> (Json, String) {
        let text = searched(&[&args[..], &[log], more].concat(), folder.path());
        (serde_json::from_str(&text).unwrap(), fs::read_to_string(folder.path().join(log)).unwrap())
    };
    let (first, log) = of("a.jsonl", &["--jobs", "1"]);
    let front = first["front"].as_array().unwrap();
    assert!(first["points"] == 12 && first["end"] == "budget" && !front.is_empty(), "{first}");
    assert_eq!(first["evaluated"].as_u64().unwrap(), 12 + front.len() as u64);
    assert!(front.iter().all(|p| p["confirmed"]["status"] == "ok"), "{first}");
    assert!(first["analytic_error"].is_object());
    let (again, same) = of("b.jsonl", &["--jobs", "2"]);
    assert_eq!(again["evaluated"], 0);
    assert_eq!((&again["front"], &log), (&first["front"], &same));
    let lines: Vec<Json> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[11]["hypervolume"], first["hypervolume"]);
    assert!(lines
        .iter()
        .all(|l| l["set"]["core.lanes"].is_i64() && l["digits"].as_array().unwrap().len() == 3));
    let text = searched(&["--budget", "12", "--batch", "4", "--confirm"], folder.path());
    assert!(text.contains("evaluated 0 in") && text.contains("simulated"), "{text}");
    assert!(text.contains("largest difference on the front: latency_us"), "{text}");
}

#[test]
fn another_program_searches_through_the_pipe() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("SPACE.toml"), SPACE).unwrap();
    let mut child = command(&["--budget", "3", "--sampler", "pipe", "--json"], folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[[0,0,0],[3,1,1]]\n").unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.splitn(3, '\n');
    let mut next = || -> Json { serde_json::from_str(lines.next().unwrap()).unwrap() };
    let (head, answers, report) = (next(), next(), next());
    assert_eq!(head["axes"][0]["values"][3]["core.lanes"], 8);
    assert_eq!((answers[0]["number"].clone(), report["points"].clone()), (1.into(), 2.into()));
}

#[test]
fn an_unknown_sampler_is_told_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let out = command(&["--budget", "3", "--sampler", "agemoea"], folder.path()).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(2) && said.contains("random, sobol, nsga2, pipe"), "{said}");
}
