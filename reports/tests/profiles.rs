//! Estimators against the profiles of `SpikingJelly` 2.0.0 on one small network (`vectors/spikingjelly_profiles.py`).
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_reports::energy::break_even::{verdicts, Side};
use pulvinar_reports::energy::workload::{Elements, Geometry, Layer, LayerKind, Operand, Population, Role};
use pulvinar_reports::energy::{estimators, Estimate, EstimatorInput, Workload};
use serde_json::Value;

const STEPS: u32 = 3;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/spikingjelly_profiles.json")).unwrap()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} is a number"))
}

fn layer(name: &str, kind: LayerKind, geometry: Geometry, rate: Option<f64>) -> Layer {
    Layer {
        name: name.to_owned(),
        kind,
        role: if rate.is_some() { Role::Spiking } else { Role::Stem },
        operand: if rate.is_some() { Operand::Binary } else { Operand::Real },
        geometry,
        normed: false,
        rate: rate.unwrap_or(1.0),
        rate_without_attention: rate.unwrap_or(1.0),
        timesteps: STEPS,
    }
}

fn neurons(name: &str, channels: u64, plane: u64, rate: f64, leaky: bool) -> Population {
    Population { name: name.to_owned(), elements: channels * plane, channels, timesteps: STEPS, rate, leaky }
}

/// The network of the script.
fn network() -> Workload {
    let stem = Geometry {
        kernel: [3, 3],
        padding: [1, 1],
        plane: [12, 10],
        out_plane: [12, 10],
        ..Geometry::linear(3, 20, true)
    };
    let conv = Geometry {
        inputs: 20,
        outputs: 80,
        stride: [2, 2],
        plane: [12, 10],
        out_plane: [6, 5],
        bias: false,
        ..stem
    };
    Workload {
        layers: vec![
            layer("stem", LayerKind::Conv, stem, None),
            layer("conv", LayerKind::Conv, conv, Some(0.25)),
            layer("fc", LayerKind::Linear, Geometry::linear(2400, 10, true), Some(0.2)),
        ],
        neurons: vec![
            neurons("spikes0", 20, 120, 0.25, true),
            neurons("spikes1", 80, 30, 0.2, false),
            neurons("spikes2", 10, 1, 0.3, true),
        ],
        ..Workload::default()
    }
}

fn estimate(name: &str, workload: Workload) -> Estimate {
    let input = EstimatorInput { workload, ..EstimatorInput::default() };
    (estimators::estimator(name).unwrap().estimate)(&input).unwrap()
}

fn term(estimate: &Estimate, name: &str) -> f64 {
    estimate.terms.iter().find(|t| t.0 == name).unwrap_or_else(|| panic!("no term {name}")).1
}

fn assert_equal(ours: f64, theirs: f64) {
    assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours}, {theirs}");
}

#[test]
fn lemaire_of_spikingjelly() {
    let (v, e) = (vectors(), estimate("lemaire2022", network()));
    for (term_name, key) in [
        ("operations", "ops_pj"),
        ("addressing", "addressing_pj"),
        ("inputs and outputs", "inout_pj"),
        ("weights and offsets", "params_pj"),
        ("potentials", "potential_pj"),
    ] {
        println!("{term_name}");
        assert_equal(term(&e, term_name), number(&v, &format!("/lemaire/{key}")));
    }
    assert_equal(e.total_pj, number(&v, "/lemaire/total_pj"));
}

/// The published profile takes the bytes of the numbers that run, here four, for all three precisions.
#[test]
fn simple_profile_of_spikingjelly() {
    let v = vectors();
    let of = |key: &str| number(&v, &format!("/simple/{key}"));
    let parameters = of("weight_read_bytes") + of("bias_read_bytes");
    let states = of("neuron_state_read_bytes") + of("neuron_state_write_bytes");
    for (name, mac, ac, bytes) in
        [("step-fp32", 4.6, 0.9, 4.0), ("step-fp16", 1.5, 0.4, 2.0), ("step-int8", 0.23, 0.03, 1.0)]
    {
        let e = estimate(name, network());
        assert_equal(term(&e, "multiply-accumulates"), mac * of("mac"));
        assert_equal(term(&e, "accumulations"), ac * of("synop"));
        assert_equal(term(&e, "weights and offsets"), 24.96 * parameters * bytes / 4.0);
        assert_equal(term(&e, "membranes"), 24.96 * states * bytes / 4.0);
    }
}

#[test]
fn spikesim_of_spikingjelly() {
    let v = vectors();
    assert_equal(estimate("spikesim", network()).total_pj, number(&v, "/spikesim_rram"));
    assert_equal(estimate("spikesim-sram", network()).total_pj, number(&v, "/spikesim_sram"));
}

#[test]
fn neuromc_of_spikingjelly() {
    let v = vectors();
    let mut normed = network();
    normed.norms.push(Elements {
        name: "norm".to_owned(),
        elements: 2400,
        channels: 80,
        timesteps: STEPS,
        operand: Operand::Real,
        rate: 1.0,
    });
    for (key, work) in [("neuromc", network()), ("neuromc_norm", normed)] {
        let e = estimate("neuromc", work);
        assert_equal(term(&e, "arithmetic"), number(&v, &format!("/{key}/compute_pj")));
        assert_equal(term(&e, "registers") + term(&e, "SRAM"), number(&v, &format!("/{key}/memory_pj")));
    }
}

/// What the counter's rules say of the same network, by hand: stem 194,400 + 7,200 of its bias, multiplied; convolution
/// 1,296,000 at 0.25; fully connected 72,000 + 30 at 0.2; neurons 3·4,810.
#[test]
fn syops_by_hand() {
    let e = estimate("syops", network());
    assert_equal(term(&e, "layers (MAC)"), 4.6 * 201_600.0);
    assert_equal(term(&e, "layers (AC)"), 0.9 * (0.25 * 1_296_000.0 + 0.2 * 72_030.0));
    assert_equal(term(&e, "neurons (AC)"), 0.9 * 14_430.0);
}

/// Three steps at rates 0.25 on 432,000 products and 0.2 on 24,000: 0.7421 uses a synapse. Neurons: (3·600 + 3·480 + 3·3)
/// spikes on 4,810 membranes.
#[test]
fn published_limits_by_hand() {
    let found = verdicts(&network()).unwrap();
    let values: Vec<f64> = found.iter().map(|v| v.value).collect();
    assert_equal(values[0], 3.0 * (0.25 * 432_000.0 + 0.2 * 24_000.0) / 456_000.0);
    assert_equal(values[1], 3249.0 / 4810.0);
    assert_equal(values[2], 1083.0 / 4810.0);
    let sides: Vec<Side> = found.iter().map(|v| v.side).collect();
    assert_eq!(sides, [Side::Between, Side::Below, Side::Above, Side::Above]);
    assert_eq!(found[0].origins.len(), 2);
    assert_eq!(found[1].origins[0].sources, ["davidson2021"]);
    let silent = verdicts(&Workload::default()).unwrap();
    assert!(silent.iter().all(|v| v.value == 0.0 && v.side == Side::Below));
}

/// 256 inputs, 128 neurons, 10 membranes that are read out, at T steps and one rate.
fn classifier(steps: u32, rate: f64) -> Workload {
    let mut work = Workload {
        layers: vec![
            layer("hidden", LayerKind::Linear, Geometry::linear(256, 128, false), Some(rate)),
            layer("output", LayerKind::Linear, Geometry::linear(128, 10, false), Some(rate)),
        ],
        neurons: vec![
            neurons("hidden.spikes", 128, 1, rate, true),
            neurons("output.membrane", 10, 1, 0.0, true),
        ],
        ..Workload::default()
    };
    work.layers.iter_mut().for_each(|l| l.timesteps = steps);
    work.neurons.iter_mut().for_each(|n| n.timesteps = steps);
    work
}

/// Published by Spyx: the rate at which both cost the same, in percent; energies of 7 and 10 steps, in pJ.
#[test]
fn yan_of_spyx() {
    let snn = |steps, rate| estimate("yan2024-spyx", classifier(steps, rate)).total_pj;
    let qnn = |steps| estimate("yan2024-spyx-qnn", classifier(steps, 0.0)).total_pj;
    for (steps, percent) in [(5, 7.50), (6, 6.25), (7, 5.36), (8, 6.25), (9, 5.56), (10, 5.00)] {
        let silent = snn(steps, 0.0);
        let meet = 100.0 * (qnn(steps) - silent) / (snn(steps, 1.0) - silent);
        assert!((meet - percent).abs() <= 5e-3, "{steps}: {meet}");
    }
    for (steps, rate, published) in
        [(7, 0.02, 7.67e5), (7, 0.05, 1.91e6), (7, 0.1, 3.82e6), (10, 0.05, 2.73e6)]
    {
        assert!((snn(steps, rate) / published - 1.0).abs() < 2.5e-3, "{steps}, {rate}: {}", snn(steps, rate));
    }
    assert!((qnn(7) / 2.05e6 - 1.0).abs() < 2.5e-3 && (qnn(10) / 2.73e6 - 1.0).abs() < 2.5e-3);
}
