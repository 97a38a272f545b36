//! What points share never changes a result: with any key perturbed, a point comes to what it comes to alone.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_explore::evaluate::{Evaluated, Outcome};
use pulvinar_explore::{keys, parts, Config, Evaluator, Limits, Scalar, Settings};
use pulvinar_ir::Arch;
use std::collections::BTreeSet;
use std::path::Path;

/// Keys of the configuration that lead to files; there are none here.
const FILES: [&str; 5] = ["input.data", "input.encode", "input.calibration", "input.rates", "input.spread"];

/// Keys of a mapping or run whose loss these chips would not show: rows of sparse layers, a chip with a barrier, details of a
/// DRAM channel that is never busy. The options of the mapper enter whole, and the DRAM channel does for a run.
const NOT_SHOWN: [&str; 12] = [
    "core.pointer_kib",
    "dram.bank_groups",
    "dram.open_ahead",
    "dram.t_ccd_cycles",
    "dram.t_ccd_l_cycles",
    "dram.t_faw_cycles",
    "dram.t_rrd_cycles",
    "dram.t_rrd_l_cycles",
    "dram.t_rtp_cycles",
    "map.default_rate",
    "map.spread",
    "noc.barrier_cycles",
];

fn base(settings: &[(&str, Scalar)]) -> Config {
    let settings: Settings = settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    keys::with(&Config::base(Arch::default_chip()).json(), &settings).unwrap()
}

fn word(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

/// Configurations that between them use most of a chip.
fn bases() -> Vec<Config> {
    let common = [
        ("model", word("small-ta")),
        ("input.count", Scalar::Int(1)),
        ("mesh.width", Scalar::Int(2)),
        ("mesh.height", Scalar::Int(3)),
        ("mesh.dram_tile", Scalar::Int(5)),
    ];
    let of = |more: &[(&str, Scalar)]| base(&[&common[..], more].concat());
    vec![
        // Many slices.
        of(&[
            ("fidelity", word("analytic")),
            ("map.max_channels.neuron0", Scalar::Int(1)),
            ("mesh.width", Scalar::Int(4)),
        ]),
        // Currents in DRAM, and several phases.
        of(&[
            ("map.strategies.fc_neuron0", word("spill_dram")),
            ("core.hazard", word("stall")),
            ("mesh.width", Scalar::Int(1)),
            ("mesh.height", Scalar::Int(1)),
            ("mesh.dram_tile", Scalar::Int(0)),
            ("dram.banks", Scalar::Int(2)),
        ]),
        // Events kept where there is hardly room for them.
        of(&[
            ("map.strategies.fc_neuron0", word("recompute")),
            ("fidelity", word("analytic")),
            ("core.spike_store_kib", Scalar::Int(5)),
        ]),
        // The choice is the mapper's.
        of(&[
            ("fidelity", word("analytic")),
            ("core.lanes", Scalar::Int(128)),
            ("core.frame_kib", Scalar::Int(1)),
            ("map.costs.dram_bit_fj", Scalar::Int(1000)),
        ]),
    ]
}

/// Other values of a key: numbers around and far from its own, the words that it takes.
fn others(config: &Config, key: &str) -> Vec<Config> {
    let json = config.json();
    let with = |value: Scalar| keys::with(&json, &Settings::from([(key.to_owned(), value)]));
    let values = match keys::get(&json, key).and_then(Scalar::of_json) {
        Some(Scalar::Bool(v)) => vec![Scalar::Bool(!v)],
        Some(Scalar::Int(v)) => [0, 1, v / 2, v + 1, v * 2, v * 32].map(Scalar::Int).to_vec(),
        Some(Scalar::Real(v)) => [v * 0.5, v * 1.2, v * 3.0].map(Scalar::Real).to_vec(),
        Some(Scalar::Text(_)) | None => {
            // The refusal of a wrong word names the right ones.
            let refusal = with(word("?")).map_or_else(|d| d.message, |_| String::new());
            let words = refusal.split('`').skip(3).step_by(2).map(word);
            words.chain([Scalar::Int(1), Scalar::Real(0.8), Scalar::Bool(true)]).collect()
        }
    };
    values.into_iter().filter_map(|v| with(v).ok()).filter(|c| c != config).collect()
}

/// Faults of the input, such as none, stand for themselves.
fn come_to(done: pulvinar_ir::Result<Evaluated>) -> Outcome {
    done.map_or_else(|fault| Outcome::Crash(fault.to_string()), |done| done.outcome)
}

/// What comes of mapping and run alone: prices do not change it.
fn ran(outcome: &Outcome) -> String {
    let Outcome::Ok(values) = outcome else { return format!("{outcome:?}") };
    ["latency_cycles", "noc_flits", "cores_used", "load_cycles"].map(|m| values[m].to_string()).join(" ")
}

#[test]
fn no_key_is_left_out_of_what_points_share() {
    let limits = Limits::default();
    let alone = Evaluator::new(Path::new("."), 8);
    let (mut kept, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for config in bases() {
        let shared = Evaluator::new(Path::new("."), 2);
        let first = come_to(shared.evaluate(&config, &limits));
        assert!(matches!(first, Outcome::Ok(_)), "{first:?}");
        for key in keys::all().iter().filter(|k| !FILES.contains(&k.as_str())) {
            let group = key.starts_with("quantise.") || key.starts_with("input.");
            let most = if group { 1 } else { usize::MAX };
            for other in others(&config, key).iter().take(most) {
                let got = come_to(shared.evaluate(other, &limits));
                assert_eq!(got, come_to(alone.evaluate_alone(other, &limits)), "{key}");
                if !group && parts::marks(other) != parts::marks(&config) {
                    kept.insert(key.clone());
                    if ran(&got) != ran(&first) {
                        shown.insert(key.clone());
                    }
                }
            }
        }
        assert_eq!(come_to(shared.evaluate(&config, &limits)), first);
    }
    let hidden: Vec<&String> = kept.difference(&shown).collect();
    assert_eq!(hidden, NOT_SHOWN, "keys whose loss would not be noticed");
}
