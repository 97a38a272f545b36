//! Every diagnostic code, triggered by a small bad input and compared word for word with `goldens/diagnostics.txt`.
//! `UPDATE_GOLDEN=1` writes the file. What only the binary refuses is held in the same way by the tests of `cli`.
#![allow(clippy::unwrap_used)] // helpers of tests

mod chips;
mod exchange;
mod files;
mod nets;

use pulvinar_ir::Diagnostic;
use pulvinar_tests::{root, sources};
use std::collections::BTreeSet;
use std::fs;

/// Code, the fault in words, and the bad input.
pub type Case = (&'static str, &'static str, fn() -> Diagnostic);

/// Goldens of diagnostics, from the root.
const GOLDENS: [&str; 3] =
    ["tests/goldens/diagnostics.txt", "cli/tests/golden/diagnostics.txt", "hdl/tests/golden/diagnostics.txt"];

/// Codes that no input reaches, with the reason.
const UNREACHED: &[(&str, &str)] = &[
    ("E0704", "the fast and the plain engine agree; the code is there to report a bug of ours"),
    ("E0809", "waveforms are read as our own test bench wrote them; the reader's own tests show the message"),
    ("E0911", "no network is known whose reading panics; the code is there to report a bug of ours"),
];

fn cases() -> impl Iterator<Item = &'static Case> {
    [files::MODELS, files::NUMBERS, exchange::NIR, chips::MAPPING, chips::REPORTS, chips::SIMULATION]
        .into_iter()
        .flatten()
}

#[test]
fn diagnostics_read_as_in_the_golden_file() {
    let mut text = String::new();
    for (code, fault, refuse) in cases() {
        let refusal = refuse();
        assert_eq!(&refusal.code, code, "{fault}: {refusal}");
        for part in [&refusal.message, &refusal.place, &refusal.help] {
            assert!(!part.trim().is_empty(), "{fault}: {refusal}");
        }
        text.push_str(&format!("# {fault}\n{refusal}\n\n"));
    }
    let file = root().join(GOLDENS[0]);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    assert!(golden == text, "{} differs; look at it, then run with UPDATE_GOLDEN=1:\n{text}", file.display());
}

/// Words of the form `E0123` between two marks.
fn codes(text: &str, before: &str, after: &str) -> BTreeSet<String> {
    let is_code = |c: &str| c.len() == 5 && c.starts_with('E') && c[1..].bytes().all(|b| b.is_ascii_digit());
    let rests = text.match_indices(before).map(|(i, _)| &text[i + before.len()..]);
    let words = rests.filter_map(|rest| rest.split_once(after)).map(|(word, _)| word);
    words.filter(|c| is_code(c)).map(str::to_owned).collect()
}

/// A new code comes with a case here, or in the tests of `cli` if only the binary refuses so.
#[test]
fn every_code_of_the_sources_is_triggered() {
    let is_source = |p: &&std::path::PathBuf| p.components().any(|c| c.as_os_str() == "src");
    let code = |p: &std::path::PathBuf| codes(&fs::read_to_string(p).unwrap(), "\"", "\"");
    let used: BTreeSet<String> = sources(&[".rs"]).iter().filter(is_source).flat_map(code).collect();
    let shown = |p: &str| codes(&fs::read_to_string(root().join(p)).unwrap_or_default(), "error[", "]");
    let held: BTreeSet<String> = GOLDENS.into_iter().flat_map(shown).collect();
    let excused: BTreeSet<String> = UNREACHED.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert!(used.len() > 60, "the sources name {} codes only", used.len());
    assert!(held.is_disjoint(&excused), "reached after all: {:?}", held.intersection(&excused));
    let all: BTreeSet<String> = held.union(&excused).cloned().collect();
    let missing: Vec<_> = used.difference(&all).collect();
    let stale: Vec<_> = all.difference(&used).collect();
    assert!(missing.is_empty() && stale.is_empty(), "no case: {missing:?}; not in the sources: {stale:?}");
}
