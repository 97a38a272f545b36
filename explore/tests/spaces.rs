//! Spaces, samples, plans and keys.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_explore::sample::{sample, Sampler};
use pulvinar_explore::{keys, Evaluator, Plan, Scalar, Settings, Space};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeSet;
use std::path::Path;

fn space(text: &str) -> Result<Space> {
    Space::parse(text, "SPACE.toml", Path::new("."))
}

fn refusal(text: &str) -> Diagnostic {
    space(text).unwrap_err()
}

const EXAMPLE: &str = include_str!("../examples/default.toml");

#[test]
fn the_example_is_a_space() {
    let space = space(EXAMPLE).unwrap();
    assert_eq!(space.sizes(), [3, 3, 2, 2], "{:?}", space.axes);
    assert_eq!(space.base.input.count, Some(20));
    let all = sample(&space, Sampler::Grid, 0, 0).unwrap();
    // 4 x 4 tiles of 64 KiB are 1 MiB, so nothing is lost to the constraint.
    assert_eq!(all.len(), 36);
    for settings in &all {
        assert_eq!(settings["core.lanes"], settings["core.attention_lanes"]);
        let config = space.config(settings).unwrap();
        assert!(config.core.weight_kib * config.mesh.width * config.mesh.height <= 1024);
    }
}

/// A base chip is a file, or the name of a chip where there is no such file.
#[test]
fn a_base_chip_has_a_name_or_a_file() {
    assert_eq!(space("arch = \"study\"").unwrap().base.mesh.width, 8);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("study"), pulvinar_ir::arch::DEFAULT_ARCH).unwrap();
    let parsed = Space::parse("arch = \"study\"", "SPACE.toml", folder.path()).unwrap();
    assert_eq!(parsed.base.mesh, pulvinar_ir::Arch::default_chip().mesh);
    let refused = refusal("arch = \"abacus\"");
    assert!(refused.code == "E0111" && refused.help.contains("pulvinar chips"), "{refused}");
}

#[test]
fn bounds_are_of_metrics() {
    let space = space(include_str!("../examples/cheapest.toml")).unwrap();
    let metrics = |accuracy: f64| [("accuracy".to_owned(), accuracy)].into();
    assert!(space.goal.admits(&metrics(1.0)) && !space.goal.admits(&metrics(0.99)));
    assert!(
        !space.goal.admits(&pulvinar_explore::metrics::Values::new()),
        "what is not known keeps no bound"
    );
    assert_eq!(refusal("[bounds]\naccurcy = { at_least = 1 }").code, "E0902");
    assert_eq!(refusal("[bounds]\naccuracy = { least = 1 }").code, "E0901");
}

#[test]
fn digits_and_indices_agree() {
    let space = space(EXAMPLE).unwrap();
    for index in 0..space.grid().unwrap() {
        let digits = space.digits(index);
        assert_eq!(space.index(&digits), index);
        assert!(digits.iter().zip(space.sizes()).all(|(d, n)| *d < n));
    }
}

fn values(text: &str) -> Vec<Scalar> {
    space(&format!("[keys]\n{text}")).unwrap().axes[0].values.iter().map(|v| v[0].clone()).collect()
}

#[test]
fn ranges_hold_what_they_say() {
    let ints = |list: &[i64]| list.iter().map(|v| Scalar::Int(*v)).collect::<Vec<_>>();
    let reals = |list: &[f64]| list.iter().map(|v| Scalar::Real(*v)).collect::<Vec<_>>();
    assert_eq!(values("core.lanes = { from = 2, to = 5 }"), ints(&[2, 3, 4, 5]));
    assert_eq!(values("core.lanes = { from = 2, to = 9, step = 3 }"), ints(&[2, 5, 8]));
    assert_eq!(values("core.lanes = { from = 2, to = 16, factor = 2 }"), ints(&[2, 4, 8, 16]));
    assert_eq!(values("core.lanes = { from = 1, to = 100, log_points = 3 }"), ints(&[1, 10, 100]));
    assert_eq!(values("core.lanes = [4, 4, 8]"), ints(&[4, 8]));
    assert_eq!(
        values("technology.clock_mhz = { from = 100, to = 200, points = 3 }"),
        reals(&[100.0, 150.0, 200.0])
    );
    assert_eq!(values("\"technology.clock_mhz\" = 100"), reals(&[100.0]));
    assert_eq!(values("technology.voltage_v = [1, 0.8]"), reals(&[1.0, 0.8]));
    assert_eq!(values("input.rate = [0, 0.5]"), reals(&[0.0, 0.5]));
}

#[test]
fn what_is_wrong_is_refused() {
    for (code, text, says) in [
        ("E0901", "keys = 3", "line 1"),
        ("E0901", "[keyz]\n", "keyz"),
        ("E0902", "[keys]\ncore.lane = [1]", "core.lanes"),
        ("E0902", "[set]\nquantise.weights_bits = 4", "quantise.weight_bits"),
        ("E0902", "objectives = [\"latency\"]", "latency_us"),
        ("E0902", "[[constraint]]\nkey = \"core.lane\"\nat_most = 3", "core.lanes"),
        ("E0903", "[keys]\ncore.lanes = { from = 9, to = 3 }", "empty"),
        ("E0903", "[keys]\ncore.lanes = []", "no value"),
        ("E0903", "[keys]\ncore.lanes = [\"many\"]", "no value of the key"),
        ("E0903", "[keys]\nnoc.routing = [\"north\"]", "no value of the key"),
        ("E0903", "[keys]\ntechnology.clock_mhz = { from = 1, to = 3 }", "said once"),
        ("E0903", "[keys]\ncore.lanes = { from = 1, to = 3, factor = 1 }", "walked"),
        ("E0903", "[keys]\ncore.lanes = { from = 1, to = 3, every = 1 }", "every"),
        ("E0903", "[keys]\ncore.lanes = [1]\n[[joint]]\nkeys = [\"core.lanes\"]\nvalues = [[2]]", "twice"),
        ("E0903", "[[joint]]\nkeys = [\"mesh.width\", \"mesh.height\"]\nvalues = [[2]]", "2 keys"),
        ("E0903", "[[constraint]]\nkey = \"core.lanes\"", "no bound"),
        ("E0903", "[[constraint]]\nat_most = 3", "what it bounds"),
        ("E0903", "objectives = []", "no objective"),
        ("E0903", "[reference]\naccuracy = 0.5", "no objective"),
    ] {
        let refusal = refusal(text);
        assert_eq!(refusal.code, code, "{text}: {refusal}");
        assert!(refusal.to_string().contains(says), "{text}: {refusal}");
    }
    let none =
        space("[keys]\ncore.lanes = [4, 8]\n[[constraint]]\nkey = \"core.lanes\"\nat_least = 9").unwrap();
    for sampler in [Sampler::Grid, Sampler::Random, Sampler::Sobol] {
        assert_eq!(sample(&none, sampler, 5, 1).unwrap_err().code, "E0904");
    }
    assert_eq!(sample(&none, Sampler::List, 5, 1).unwrap_err().code, "E0903");
}

#[test]
fn samples_are_distinct_and_repeat() {
    let space = space(EXAMPLE).unwrap();
    for sampler in [Sampler::Random, Sampler::Sobol] {
        let of = |seed| sample(&space, sampler, 20, seed).unwrap();
        let text = |s: &[Settings]| s.iter().map(|p| format!("{p:?}")).collect::<BTreeSet<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert_eq!(text(&of(1)).len(), 20);
        // A sample of more than there is is the whole.
        assert_eq!(sample(&space, sampler, 1000, 1).unwrap().len(), 36);
    }
}

#[test]
fn listed_points_are_taken_as_they_are() {
    let text = "[[point]]\ncore.lanes = 4\n[[point]]\ncore.lanes = 16\nnoc.routing = \"yx\"";
    let listed = sample(&space(text).unwrap(), Sampler::List, 0, 0).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["noc.routing"], Scalar::Text("yx".to_owned()));
}

/// What is the same has the same key, however it is said; what may matter changes it.
#[test]
fn keys_follow_the_content() {
    let evaluator = Evaluator::new(Path::new("."), 4);
    let key = |text: &str| {
        let space = space(text).unwrap();
        let settings = sample(&space, Sampler::Grid, 0, 0).unwrap();
        evaluator.key(&space.config(&settings[0]).unwrap()).unwrap()
    };
    let base = key("");
    assert_eq!(key("[set]\ncore.lanes = 16"), key("[keys]\ncore.lanes = [16]"));
    assert_eq!(key("[set]\nseed = 7"), base, "a trained network on given data has no use for the seed");
    assert_eq!(key("name = \"other\"\nobjectives = [\"area_mm2\"]"), base);
    let different = [
        key("[set]\ncore.lanes = 4"),
        key("[set]\nmodel = \"vanilla\""),
        key("[set]\nquantise.weight_bits = 4"),
        key("[set]\nmap.seed = 2"),
        key("[set]\ninput.count = 3"),
        key("[set]\ninput.simulate = 3"),
        key("[set]\ninput.rate = 0.1"),
        key("[set]\ninput.rate = 0.1\nseed = 2"),
        key("[set]\ninput.rate = 0.2"),
        key("[set]\ncycle_limit = 1000"),
        base,
    ];
    assert_eq!(different.iter().collect::<BTreeSet<_>>().len(), different.len());
}

#[test]
fn plans_are_sorted_and_know_what_cannot_be_had() {
    let space = space(EXAMPLE).unwrap();
    let evaluator = Evaluator::new(Path::new("."), 2);
    let settings = sample(&space, Sampler::Grid, 0, 0).unwrap();
    let mut reversed = settings.clone();
    reversed.reverse();
    let plan = Plan::new(&space, settings, &evaluator).unwrap();
    assert_eq!(plan.points, Plan::new(&space, reversed, &evaluator).unwrap().points);
    // Points of one choice of the quantiser stand together.
    let bits: Vec<&Scalar> = plan.points.iter().map(|p| &p.set["quantise.weight_bits"]).collect();
    assert_eq!(bits.windows(2).filter(|w| w[0] != w[1]).count(), 1);
    let refused = |text: &str| {
        let space = self::space(text).unwrap();
        let settings = sample(&space, Sampler::Grid, 0, 0).unwrap();
        Plan::new(&space, settings, &evaluator).unwrap_err()
    };
    assert_eq!(refused("objectives = [\"accuracy\"]\n[set]\ninput.rate = 0.1").code, "E0905");
    let layer = refused("[keys]\nmap.strategies.neuron7 = [\"recompute\"]");
    assert!(layer.code == "E0902" && layer.help.contains("neuron"), "{layer}");
    assert_eq!(refused("[set]\nmodel = \"ma-snn-tsca\"").code, "E0902");
}

#[test]
fn every_key_can_be_set_to_what_it_is() {
    let space = space("").unwrap();
    let flat = keys::flat(&space.base.json());
    assert!(flat.len() > 60, "{} keys", flat.len());
    assert_eq!(space.config(&flat).unwrap(), space.base);
}
