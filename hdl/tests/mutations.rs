//! The comparison with the simulator can fail: a few of the mutations of `hdl/examples/mutations.rs`, each with a seed
//! that shows it.
#![allow(clippy::unwrap_used)] // tests

mod common;

use common::mutation::{Kind, Place, Verdict};
use common::table::MUTATIONS;
use pulvinar_hdl::rtl::PRIMITIVES;
use std::collections::BTreeMap;

/// What is changed, in which way, and a seed that shows it.
const SHOWN: [(&str, Kind, u64); 4] = [
    ("router", Kind::Timing, 6),
    ("input_vc", Kind::Logic, 2),
    ("update_engine", Kind::Timing, 6),
    ("(emitted core)", Kind::Logic, 3),
];

#[test]
fn the_comparison_notices() {
    for (place, kind, seed) in SHOWN {
        let mutation = MUTATIONS.iter().find(|m| m.place() == place && m.kind == kind).unwrap();
        let verdict = mutation.run(seed).unwrap();
        assert!(matches!(verdict, Verdict::Caught(_)), "{place}: {}: {verdict:?}", mutation.what);
    }
}

#[test]
fn every_mutation_has_one_place() {
    for mutation in MUTATIONS {
        let Place::Primitive(name) = mutation.place else { continue };
        let (_, text) = PRIMITIVES.iter().find(|(n, _)| *n == format!("{name}.v")).unwrap();
        assert_eq!(text.matches(mutation.text).count(), 1, "{name}: {}", mutation.what);
        assert_ne!(mutation.text, mutation.replacement);
    }
}

#[test]
fn timing_and_logic_of_many_primitives_are_changed() {
    let mut kinds: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
    for mutation in MUTATIONS {
        kinds.entry(mutation.place()).or_default()[usize::from(mutation.kind == Kind::Timing)] = true;
    }
    assert!(kinds.values().filter(|k| **k == [true; 2]).count() >= 12, "{kinds:?}");
}
