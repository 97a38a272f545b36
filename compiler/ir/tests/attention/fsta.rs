//! `fsta` in the order of its equations: F on every channel, two gated currents and their mean.

use crate::support::{assert_close, conv_same, sigma, Case, Rng, Work};
use pulvinar_ir::op::fsta::{dct_bank, Fsta};
use pulvinar_ir::Shape;
use std::f64::consts::PI;

fn op(bank: bool, reduced: bool) -> Fsta {
    Fsta {
        temporal: "f".into(),
        bank: bank.then(|| "bank".into()),
        spatial0: "w0".into(),
        spatial1: reduced.then(|| "w1".into()),
        alpha: 0.45,
        beta: 0.55,
        t: 0.6,
        s: 0.5,
    }
}

/// Filters of the exact DCT-II, rows of 49.
fn dct() -> Vec<f64> {
    let c = |u: usize| if u == 0 { (1.0f64 / 7.0).sqrt() } else { (2.0f64 / 7.0).sqrt() };
    let mut bank = Vec::new();
    for n in 0..49 {
        for i in 0..7 {
            for j in 0..7 {
                let (u, v) = (n % 7, n / 7);
                let row = (PI * (i as f64 + 0.5) * u as f64 / 7.0).cos();
                let column = (PI * (j as f64 + 0.5) * v as f64 / 7.0).cos();
                bank.push(c(u) * c(v) * row * column);
            }
        }
    }
    bank
}

struct Weights {
    f: Vec<f64>,
    bank: Vec<f64>,
    k: usize,
    learned: Vec<Vec<f64>>,
}

fn oracle(shape: Shape, x: &[f64], w: &Weights) -> Vec<f64> {
    let (op, plane) = (op(false, false), shape.h * shape.w);
    let mut z = vec![0.0; shape.t * shape.c];
    for (i, frame) in x.chunks_exact(plane).enumerate() {
        let mean = frame.iter().sum::<f64>() / plane as f64;
        let max = frame.iter().fold(f64::NEG_INFINITY, |m: f64, &v| m.max(v));
        z[i] = op.alpha * mean + op.beta * max;
    }
    let mut gain = vec![0.0; shape.t];
    for t in 0..shape.t {
        for c in 0..shape.c {
            for s in 0..shape.t {
                gain[t] += w.f[t * shape.t + s] * z[s * shape.c + c] / shape.c as f64;
            }
        }
    }
    let x1: Vec<f64> = shape.coords().zip(x).map(|((t, _, _, _), v)| v * (1.0 + sigma(gain[t]))).collect();
    let mut map = vec![0.0; plane];
    for (i, v) in x1.iter().enumerate() {
        map[i % plane] += v / shape.t as f64;
    }
    let filters = w.bank.len() / (w.k * w.k);
    let mut q = conv_same(&map, [1, shape.h, shape.w], &w.bank, filters);
    let last = w.learned.len() - 1;
    for (i, kernel) in w.learned.iter().enumerate() {
        let inputs = q.len() / plane;
        q = conv_same(&q, [inputs, shape.h, shape.w], kernel, if i == last { 1 } else { 3 });
        if i < last {
            q.iter_mut().for_each(|v| *v = v.max(0.0));
        }
    }
    let x2: Vec<f64> = x1.iter().enumerate().map(|(i, v)| v * (1.0 + sigma(q[i % plane]))).collect();
    x1.iter().zip(&x2).map(|(a, b)| f64::midpoint(op.t * a, op.s * b)).collect()
}

/// A random module; every second has a bank of its own, every third is reduced to three maps.
fn case(seed: u64, shape: Shape) -> (Case, Weights) {
    let mut case = Case::new(seed, shape);
    let (own, reduced) = (seed % 2 == 0, seed % 3 == 0);
    let (k, filters) = if own { (3, 4) } else { (7, 49) };
    let f = case.tensor("f", &[shape.t; 2], -1.0, 1.0);
    let bank = if own { case.tensor("bank", &[filters, 1, k, k], -1.0, 1.0) } else { dct() };
    let mut learned = vec![case.tensor("w0", &[if reduced { 3 } else { 1 }, filters, 7, 7], -0.05, 0.05)];
    if reduced {
        learned.push(case.tensor("w1", &[1, 3, 7, 7], -0.2, 0.2));
    }
    case.push(op(own, reduced)).unwrap();
    (case, Weights { f, bank, k, learned })
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let shape = Rng(seed).shape([5, 4, 9, 9]);
        let (mut case, weights) = case(seed, shape);
        let x = case.rng.value(shape, -1.0, 1.0);
        assert_close(&case.run(&x), &oracle(shape, &x, &weights), &format!("seed {seed}, {shape}"));
    }
}

#[test]
fn the_bank_is_the_dct() {
    let values: Vec<f64> = dct_bank(7).as_real().unwrap().iter().map(|&v| f64::from(v)).collect();
    assert_close(&values, &dct(), "the bank");
    for (i, a) in values.chunks_exact(49).enumerate() {
        for (j, b) in values.chunks_exact(49).enumerate() {
            let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-6, "filters {i} and {j}: {product}");
        }
    }
    // Filter 1 varies along the rows, filter 7 along the columns.
    assert!(values[49] > 0.0 && values[49] == values[50] && values[49] != values[56]);
    assert!(
        values[7 * 49] > 0.0 && values[7 * 49] != values[7 * 49 + 1] && values[7 * 49] == values[7 * 49 + 7]
    );
}

#[test]
fn every_step_waits_for_the_last() {
    let shape = Shape::new(4, 3, 5, 5);
    let (mut case, _) = case(1, shape);
    let x = case.rng.value(shape, 0.1, 1.0);
    assert_eq!(case.touched(&x, 3), [0, 1, 2, 3]);
}

#[test]
fn sizes_are_those_of_the_paper() {
    // Seven scalars of the source, four of them in use, are attributes here.
    let scalars = 7;
    let configured = |shape: Shape, hidden: Option<usize>| {
        let mut case = Case::new(1, shape);
        case.tensor("f", &[shape.t; 2], 0.0, 1.0);
        case.tensor("w0", &[hidden.unwrap_or(1), 49, 7, 7], 0.0, 1.0);
        if let Some(hidden) = hidden {
            case.tensor("w1", &[1, hidden, 7, 7], 0.0, 1.0);
        }
        case.push(op(false, hidden.is_some())).unwrap();
        (case.parameters() + scalars, case.work())
    };
    // The source maps every channel through F, T·T·C = 256 and 1,024; its mean over the channels does it once.
    let work = |macs, products, sigmoids| Work { macs, products, sigmoids };
    let (parameters, found) = configured(Shape::new(2, 64, 32, 32), None);
    assert_eq!((parameters, found), (2412, work(4 + 4_917_248, 131_072, 2 + 1024)));
    let (parameters, found) = configured(Shape::new(4, 64, 112, 112), None);
    assert_eq!((parameters, found), (2424, work(16 + 60_236_288, 3_211_264, 4 + 12_544)));
    let (parameters, found) = configured(Shape::new(2, 64, 32, 32), Some(3));
    assert_eq!((parameters, found), (7361, work(4 + 1024 * (2401 + 3 * 2401 + 147), 131_072, 2 + 1024)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, shape: &[usize], op: Fsta| {
        let mut case = Case::new(1, Shape::new(3, 2, 4, 4));
        let fitting: [(&str, &[usize]); 4] =
            [("f", &[3, 3]), ("bank", &[4, 1, 3, 3]), ("w0", &[3, 4, 7, 7]), ("w1", &[1, 3, 7, 7])];
        for (n, s) in fitting {
            case.tensor(n, if n == name { shape } else { s }, 0.0, 1.0);
        }
        case.refused(op)
    };
    assert_eq!(refused("f", &[2, 3], op(true, true)), "E0104");
    assert_eq!(refused("bank", &[5, 1, 3, 3], op(true, true)), "E0104");
    assert_eq!(refused("bank", &[4, 2, 3, 3], op(true, true)), "E0104");
    assert_eq!(refused("bank", &[4, 1, 4, 4], op(true, true)), "E0201");
    assert_eq!(refused("bank", &[0, 1, 3, 3], op(true, true)), "E0104");
    assert_eq!(refused("w0", &[3, 4, 0, 7], op(true, true)), "E0201");
    assert_eq!(refused("w0", &[0, 4, 7, 7], op(true, true)), "E0104");
    assert_eq!(refused("w1", &[2, 3, 7, 7], op(true, true)), "E0104");
    assert_eq!(refused("w1", &[1, 3, 0, 0], op(true, true)), "E0201");
    assert_eq!(refused("", &[], op(true, false)), "E0104");
    assert_eq!(refused("", &[], op(false, true)), "E0104");
    assert_eq!(refused("", &[], Fsta { temporal: "none".into(), ..op(true, true) }), "E0103");
}
