//! Chips by name, and operations that somebody else has counted.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn pulvinar(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pulvinar")).args(args).current_dir(folder).output().unwrap()
}

fn said(folder: &Path, args: &[&str]) -> String {
    let out = pulvinar(folder, args);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn refused(folder: &Path, args: &[&str], words: [&str; 2]) {
    let out = pulvinar(folder, args);
    let err = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{args:?}: {err}");
    assert!(words.iter().all(|w| err.contains(w)), "{words:?} are missing from: {err}");
}

#[test]
fn chips_have_names_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    let said = |args: &[&str]| said(folder.path(), args);
    assert!(said(&["chips"]).lines().count() > 20);
    let odin = said(&["chips", "odin"]);
    assert!(
        odin.contains("sop_all_in") && odin.contains("all-in, in no sum") && odin.contains("frenkel2019odin")
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../arch/odin.toml");
    assert_eq!(said(&["arch", "odin", "--toml"]), fs::read_to_string(&file).unwrap());
    assert_eq!(said(&["arch", "odin"]), said(&["arch", file.to_str().unwrap()]));
    refused(folder.path(), &["arch", "abacus"], ["E0111", "pulvinar chips"]);
}

#[test]
fn counted_operations_are_priced_once() {
    let folder = tempfile::tempdir().unwrap();
    let table = |row: &str| {
        let lines = format!("layer,kind,operations,rate,dense\n{row}\n");
        fs::write(folder.path().join("counted.csv"), lines).unwrap();
    };
    let args = ["energy", "--operations", "counted.csv", "--json"];
    table("network,ac,2.51e6,,");
    let estimate: serde_json::Value = serde_json::from_str(&said(folder.path(), &args)).unwrap();
    assert!((estimate["total_pj"].as_f64().unwrap() - 2.259e6).abs() < 1e-3);
    table("network,ac,2.51e6,0.1366,18.4e6");
    refused(folder.path(), &args, ["E0626", "0.309 uJ in place of 2.26 uJ"]);
}
