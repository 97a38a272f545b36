//! `pulvinar rtl` as a user meets it.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn arch(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../arch").join(name);
    path.canonicalize().unwrap().display().to_string()
}

fn pulvinar(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pulvinar"))
        .args(args)
        .current_dir(folder)
        .output()
        .expect("the binary starts")
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_digit_network_becomes_a_folder_and_the_same_one_again() {
    let dir = tempfile::tempdir().unwrap();
    let chip = arch("fpga.toml");
    let run = || {
        let out = pulvinar(dir.path(), &["rtl", "--arch", &chip, "--inputs", "1", "-o", "out", "--json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap()
    };
    let facts = run();
    let first = files(&dir.path().join("out"));
    assert_eq!(facts["files"], first.len());
    assert!(facts["cycles"][0].as_u64().unwrap() > 10_000);
    assert!(facts["verified"].is_null() && facts["synthesis"].is_null());
    // What tools have left in the folder does not survive.
    fs::create_dir(dir.path().join("out/build")).unwrap();
    assert_eq!(run(), facts);
    assert_eq!(files(&dir.path().join("out")), first);
}

#[test]
fn what_has_no_verilog_is_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let barrier = arch("loihi128.toml");
    for (args, word) in [
        (vec!["rtl", "--arch", &barrier, "-o", "out"], "tokens"),
        (vec!["rtl", "--strategy", "neuron1=spill_dram", "-o", "out"], "spill_sram"),
        (vec!["rtl", "--seeds", "0", "-o", "out"], "1 or more"),
    ] {
        let out = pulvinar(dir.path(), &args);
        let message = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{args:?}: {message}");
        assert!(message.contains("help: ") && message.contains(word), "{message}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{args:?} left something behind");
    }
}
