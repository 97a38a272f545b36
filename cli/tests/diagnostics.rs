//! What only the binary refuses, word for word as in `golden/diagnostics.txt`; `UPDATE_GOLDEN=1` writes the file.
//! The codes of the libraries are held in the same way by `tests/tests/diagnostics`.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_models::{dataset, zoo, Dataset};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Code, the fault in words, what lies in the folder, and the arguments.
type Case = (&'static str, &'static str, fn(&Path), &'static [&'static str]);

const CASES: &[Case] = &[
    ("E0406", "an accuracy without labels", unlabelled, &["bits", "--input", "data.safetensors"]),
    ("E0501", "an output without a name", |_| (), &["run", "-o", ".."]),
    ("E0502", "an output over the folder of something else", foreign, &["run", "-o", "foreign"]),
    ("E0503", "a strategy nobody knows", |_| (), &["compile", "--strategy", "neuron1=magic", "-o", "out"]),
    ("E0504", "a pass nobody knows", |_| (), &["compile", "--emit", "wavelet"]),
    ("E0505", "a program that is no text", not_text, &["simulate", "prog"]),
    (
        "E0506",
        "an estimator nobody knows",
        |_| (),
        &["energy", "vanilla", "--rate", "0.1", "--estimator", "joule"],
    ),
    ("E0509", "a chip nobody knows", |_| (), &["chips", "abacus"]),
    ("E0518", "a time step for a network that has none", |_| (), &["check", "vanilla", "--dt", "1e-3"]),
];

fn unlabelled(folder: &Path) {
    let frames = zoo::test_inputs().unwrap().frames.slice(0..1);
    let data = dataset::to_bytes(&Dataset { frames, labels: None });
    fs::write(folder.join("data.safetensors"), data).unwrap();
}

fn foreign(folder: &Path) {
    fs::create_dir(folder.join("foreign")).unwrap();
    fs::write(folder.join("foreign/diary.txt"), "").unwrap();
}

fn not_text(folder: &Path) {
    fs::create_dir(folder.join("prog")).unwrap();
    fs::write(folder.join("prog/program.json"), [0xff, 0xfe]).unwrap();
}

#[test]
fn refusals_of_the_binary_read_as_in_the_golden_file() {
    let mut text = String::new();
    for (code, fault, prepare, args) in CASES {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let out = Command::new(env!("CARGO_BIN_EXE_pulvinar"))
            .args(["--quiet"])
            .args(*args)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{fault}: {said}");
        assert!(said.starts_with(&format!("error[{code}]")), "{fault}: {said}");
        text.push_str(&format!("# {fault}: pulvinar {}\n{said}\n", args.join(" ")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/diagnostics.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{} differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}", file.display());
}
