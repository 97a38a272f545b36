//! The comparison with the simulator can fail: a few of the mutations of `hdl/examples/mutations.rs`, each with a seed
//! that shows it.
#![allow(clippy::unwrap_used)] // tests

mod common;

use common::arrivals;
use common::mutation::{text_of, Kind, Mutation, Place, Verdict};
use common::table::MUTATIONS;
use std::collections::BTreeMap;

/// What is changed, in which way, and a seed that shows it.
const SHOWN: [(&str, Kind, u64); 5] = [
    ("router", Kind::Timing, 6),
    ("input_vc", Kind::Logic, 2),
    ("update_engine", Kind::Timing, 6),
    ("(emitted core)", Kind::Logic, 3),
    ("arrivals", Kind::Timing, 0),
];

#[test]
fn the_comparison_notices() {
    for (place, kind, seed) in SHOWN {
        let mutation = MUTATIONS.iter().find(|m| m.place() == place && m.kind == kind).unwrap();
        let verdict = mutation.run(seed).unwrap();
        assert!(matches!(verdict, Verdict::Caught(_)), "{place}: {}: {verdict:?}", mutation.what);
    }
}

/// Statistics of one address in consecutive cycles are rare in programs: 4 of the 276 with RTL among the first 400 seeds have them.
#[test]
fn statistics_of_one_address_meet_in_a_program() {
    let find = |m: &&Mutation| m.place() == "arrivals" && m.kind == Kind::Timing;
    let changed = Mutation { place: Place::Primitive("arrivals"), ..*MUTATIONS.iter().find(find).unwrap() };
    let unchanged = Mutation { replacement: changed.text, ..changed };
    assert_eq!(unchanged.run(2129).unwrap(), Verdict::Survived);
    assert!(matches!(changed.run(2129).unwrap(), Verdict::Caught(_)));
}

#[test]
fn arrivals_hold_sums_and_maxima() {
    for seed in 0..20 {
        assert_eq!(arrivals::difference(seed, text_of("arrivals")).unwrap(), None, "seed {seed}");
    }
}

#[test]
fn every_mutation_has_one_place() {
    for mutation in MUTATIONS {
        let (Place::Primitive(name) | Place::Unit(name, _)) = mutation.place else { continue };
        assert_eq!(text_of(name).matches(mutation.text).count(), 1, "{name}: {}", mutation.what);
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
