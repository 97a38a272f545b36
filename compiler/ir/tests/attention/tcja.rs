//! `tcja` by plain sums over zero-padded rows and columns of the rates.

use crate::support::{assert_close, sigma, Case, Rng, Work};
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::tcja::Tcja;
use pulvinar_ir::{Shape, Tensor};

fn op() -> Tcja {
    Tcja { along_t: "wt".into(), along_c: "wc".into() }
}

fn oracle(shape: Shape, s: &[f64], wt: &[f64], wc: &[f64]) -> Vec<f64> {
    let (steps, channels) = (shape.t, shape.c);
    let plane = shape.h * shape.w;
    let z: Vec<f64> = s.chunks_exact(plane).map(|p| p.iter().sum::<f64>() / plane as f64).collect();
    // Outside the matrix the rates are zero.
    let rate = |t: i64, c: i64| {
        let inside = t >= 0 && c >= 0 && t < steps as i64 && c < channels as i64;
        if inside {
            z[t as usize * channels + c as usize]
        } else {
            0.0
        }
    };
    let (kt, kc) = (wt.len() / (channels * channels), wc.len() / (steps * steps));
    let left = |k: usize| (k as i64 - 1) / 2;
    let mut y = s.to_vec();
    for t in 0..steps {
        for c in 0..channels {
            let (mut a, mut d) = (0.0, 0.0);
            for other in 0..steps {
                for k in 0..kc {
                    let w = wc[(t * steps + other) * kc + k];
                    a += w * rate(other as i64, c as i64 + k as i64 - left(kc));
                }
            }
            for other in 0..channels {
                for k in 0..kt {
                    let w = wt[(c * channels + other) * kt + k];
                    d += w * rate(t as i64 + k as i64 - left(kt), other as i64);
                }
            }
            let at = (t * channels + c) * plane;
            y[at..at + plane].iter_mut().for_each(|v| *v *= sigma(a * d));
        }
    }
    y
}

fn case(seed: u64, shape: Shape, k: usize) -> (Case, Vec<f64>, Vec<f64>) {
    let mut case = Case::new(seed, shape);
    let wt = case.tensor("wt", &[shape.c, shape.c, k], -2.0, 2.0);
    let wc = case.tensor("wc", &[shape.t, shape.t, k], -2.0, 2.0);
    case.push(op()).unwrap();
    (case, wt, wc)
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (shape, k) = (rng.shape([6, 6, 5, 5]), rng.size(1, 5));
        let (mut case, wt, wc) = case(seed, shape, k);
        let s = case.rng.spikes(shape);
        assert_close(&case.run(&s), &oracle(shape, &s, &wt, &wc), &format!("seed {seed}, {shape}, k {k}"));
    }
}

#[test]
fn an_even_kernel_looks_further_ahead_than_back() {
    // One channel, one tap that is 1: tap k of 4 sees step t + k − 1. The convolution along c sums all seven spikes.
    let shape = Shape::new(8, 1, 1, 1);
    let mut s = vec![1.0; 8];
    s[4] = 0.0;
    for tap in 0..4 {
        let mut case = Case::new(1, shape);
        let weights = (0..4).map(|k| f32::from(u8::from(k == tap))).collect();
        case.graph.tensors.insert("wt".into(), Tensor::real(vec![1, 1, 4], weights));
        case.graph.tensors.insert("wc".into(), Tensor::real(vec![8, 8, 1], vec![1.0; 64]));
        case.push(op()).unwrap();
        let sees_spike = |t: i64| s.get((t + tap - 1) as usize) == Some(&1.0);
        let want: Vec<f64> =
            (0..8).map(|t| s[t as usize] * sigma(if sees_spike(t) { 7.0 } else { 0.0 })).collect();
        assert_close(&case.run(&s), &want, &format!("tap {tap}"));
    }
}

#[test]
fn every_step_waits_for_the_last() {
    let shape = Shape::new(5, 3, 3, 3);
    let (mut case, ..) = case(2, shape, 4);
    let s = vec![1.0; shape.len()];
    assert_eq!(case.touched(&s, 4), [0, 1, 2, 3, 4]);
}

#[test]
fn a_maximum_pool_changes_places_with_it() {
    let shape = Shape::new(4, 3, 6, 6);
    let (mut case, ..) = case(3, shape, 2);
    let s = case.rng.spikes(shape);
    let gates: Vec<f64> =
        case.run(&s).chunks_exact(36).map(|map| map.iter().fold(0.0, |m: f64, &v| m.max(v))).collect();
    let gated = case.graph.output;
    let pool = MaxPool { kernel: [2, 2], stride: [2, 2], padding: [0; 4] };
    case.graph.push("pool", pool.into(), &[gated]).unwrap();
    let want: Vec<f64> = Shape::new(4, 3, 3, 3)
        .coords()
        .map(|(t, c, row, col)| {
            let spikes =
                [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| s[shape.index(t, c, 2 * row + i, 2 * col + j)]);
            gates[t * 3 + c] * spikes.iter().fold(0.0, |m: f64, &v| m.max(v))
        })
        .collect();
    assert_close(&case.run(&s), &want, "the pool behind the gate");
}

#[test]
fn sizes_are_those_of_the_paper() {
    let configured = |k: usize, shape: Shape| {
        let (case, ..) = case(1, shape, k);
        (case.parameters(), case.work())
    };
    let (parameters, work) = configured(4, Shape::new(20, 128, 8, 8));
    assert_eq!(parameters, 67_136);
    assert_eq!(work, Work { macs: 204_800 + 1_310_720, products: 20 * 128 * 64, sigmoids: 2560 });
    for ((k, t, c), parameters) in [
        ((2, 10, 128), 32_968),
        ((4, 10, 512), 1_048_976),
        ((4, 14, 256), 262_928),
        ((4, 14, 512), 1_049_360),
    ] {
        let (found, work) = configured(k, Shape::new(t, c, 1, 1));
        assert_eq!(found, parameters);
        assert_eq!(work.macs, (t * t * k * c + c * c * k * t) as u64);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |wt: &[usize], wc: &[usize]| {
        let mut case = Case::new(1, Shape::new(3, 4, 2, 2));
        case.tensor("wt", wt, 0.0, 1.0);
        case.tensor("wc", wc, 0.0, 1.0);
        case.refused(op())
    };
    assert_eq!(refused(&[4, 3, 4], &[3, 3, 4]), "E0104");
    assert_eq!(refused(&[4, 4, 4], &[4, 4, 4]), "E0104");
    assert_eq!(refused(&[4, 4], &[3, 3, 4]), "E0104");
    assert_eq!(refused(&[4, 4, 0], &[3, 3, 4]), "E0201");
    assert_eq!(Case::new(1, Shape::new(3, 4, 2, 2)).refused(op()), "E0103");
}
