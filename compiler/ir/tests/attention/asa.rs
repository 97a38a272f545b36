//! `asa` by plain loops; the mask by counting who beats whom.

use crate::support::{assert_close, conv_same, sigma, Case, Rng, Work};
use pulvinar_ir::op::asa::Asa;
use pulvinar_ir::Shape;

fn op(two_layers: bool, share: f64) -> Asa {
    Asa {
        fc0: "f0".into(),
        fc1: two_layers.then(|| "f1".into()),
        important: "w1".into(),
        other: "w2".into(),
        alpha: 0.45,
        beta: 0.55,
        share,
    }
}

struct Weights {
    f0: Vec<f64>,
    f1: Option<Vec<f64>>,
    w1: Vec<f64>,
    w2: Vec<f64>,
}

/// Whether fewer than k values of a line beat the one at `own`.
fn wins(line: &[f64], own: usize, k: usize) -> bool {
    line.iter().enumerate().filter(|&(i, &v)| v > line[own] || (v == line[own] && i < own)).count() < k
}

/// Who is important, `[T, C]`.
fn mask(shape: Shape, x: &[f64], w: &Weights, share: f64) -> Vec<bool> {
    let (steps, channels, plane) = (shape.t, shape.c, shape.h * shape.w);
    let op = op(false, share);
    let z: Vec<f64> = x
        .chunks_exact(plane)
        .map(|p| {
            let mean = p.iter().sum::<f64>() / plane as f64;
            let max = p.iter().fold(f64::NEG_INFINITY, |m: f64, &v| m.max(v));
            0.5 * (mean + max) + op.alpha * mean + op.beta * max
        })
        .collect();
    let mut f = vec![0.0; steps * channels];
    for c in 0..channels {
        let mut line: Vec<f64> = (0..steps).map(|t| z[t * channels + c]).collect();
        let layer = |m: &[f64], v: &[f64]| -> Vec<f64> {
            m.chunks_exact(v.len()).map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
        };
        line = layer(&w.f0, &line);
        if let Some(f1) = &w.f1 {
            line.iter_mut().for_each(|v| *v = v.max(0.0));
            line = layer(f1, &line);
        }
        (0..steps).for_each(|t| f[t * channels + c] = line[t]);
    }
    let mut mask = Vec::new();
    for t in 0..steps {
        for c in 0..channels {
            let of_step = &f[t * channels..(t + 1) * channels];
            let of_channel: Vec<f64> = (0..steps).map(|t| f[t * channels + c]).collect();
            let among_channels = wins(of_step, c, (share * channels as f64).floor() as usize);
            let among_steps = wins(&of_channel, t, (share * steps as f64).floor() as usize);
            mask.push(among_channels ^ among_steps);
        }
    }
    mask
}

fn oracle(shape: Shape, x: &[f64], w: &Weights, share: f64) -> Vec<f64> {
    let plane = shape.h * shape.w;
    let mask = mask(shape, x, w, share);
    let gate = |wanted: bool, share: f64, kernel: &[f64]| {
        let mut maps = vec![0.0; plane];
        maps.extend(vec![f64::NEG_INFINITY; plane]);
        for (i, &v) in x.iter().enumerate() {
            let v = if mask[i / plane] == wanted { v } else { 0.0 };
            maps[i % plane] += v / mask.len() as f64 / share;
            let max = &mut maps[plane + i % plane];
            *max = max.max(v);
        }
        conv_same(&maps, [2, shape.h, shape.w], kernel, 1).into_iter().map(sigma).collect::<Vec<_>>()
    };
    let (g1, g2) = (gate(true, share, &w.w1), gate(false, 1.0 - share, &w.w2));
    let of = |i: usize| if mask[i / plane] { g1[i % plane] } else { g2[i % plane] };
    x.iter().enumerate().map(|(i, v)| v * of(i)).collect()
}

fn case(seed: u64, shape: Shape, hidden: Option<usize>, k: usize, share: f64) -> (Case, Weights) {
    let mut case = Case::new(seed, shape);
    let w = Weights {
        f0: case.tensor("f0", &[hidden.unwrap_or(shape.t), shape.t], -1.0, 1.0),
        f1: hidden.map(|n| case.tensor("f1", &[shape.t, n], -1.0, 1.0)),
        w1: case.tensor("w1", &[1, 2, k, k], -1.0, 1.0),
        w2: case.tensor("w2", &[1, 2, k, k], -1.0, 1.0),
    };
    case.push(op(hidden.is_some(), share)).unwrap();
    (case, w)
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (shape, k) = (rng.shape([7, 7, 5, 5]), rng.size(1, 4));
        let hidden = (seed % 2 == 0).then(|| rng.size(1, 3));
        let share = [0.5, 0.5, 0.3][rng.size(0, 2)];
        let (mut case, w) = case(seed, shape, hidden, k, share);
        let x = case.rng.value(shape, -1.0, 1.0);
        assert_close(
            &case.run(&x),
            &oracle(shape, &x, &w, share),
            &format!("seed {seed}, {shape}, share {share}"),
        );
    }
}

#[test]
fn of_equal_features_the_lowest_indices_are_important() {
    // All planes are equal: the lower half of the channels wins in each step, the lower half of the steps in each channel.
    let shape = Shape::new(4, 4, 2, 2);
    let (mut case, w) = case(5, shape, None, 3, 0.5);
    let f0 = pulvinar_ir::Tensor::real(vec![4, 4], vec![0.25; 16]);
    case.graph.tensors.insert("f0".into(), f0);
    let x = [1.0, 2.0, 3.0, 4.0].repeat(16);
    let w = Weights { f0: vec![0.25; 16], ..w };
    let mask = mask(shape, &x, &w, 0.5);
    let expected: Vec<bool> = (0..16).map(|i| (i % 4 < 2) ^ (i / 4 < 2)).collect();
    assert_eq!(mask, expected);
    assert_close(&case.run(&x), &oracle(shape, &x, &w, 0.5), "equal planes");
}

#[test]
fn every_step_waits_for_the_last() {
    let shape = Shape::new(4, 4, 3, 3);
    let (mut case, _) = case(6, shape, None, 3, 0.5);
    let x = case.rng.value(shape, 0.1, 1.0);
    assert_eq!(case.touched(&x, 3), [0, 1, 2, 3]);
}

#[test]
fn sizes_are_those_of_the_paper() {
    // α and β are attributes here.
    let scalars = 2;
    let configured = |shape: Shape, hidden: Option<usize>| {
        let (case, _) = case(1, shape, hidden, 3, 0.5);
        (case.parameters() + scalars, case.work())
    };
    // As large as x: two masked x, two masked gates and x times either; the products by a mask are selections.
    let work = |macs, elements: u64, plane: u64| Work { macs, products: 6 * elements, sigmoids: 2 * plane };
    let (parameters, found) = configured(Shape::new(60, 64, 32, 32), Some(15));
    assert_eq!((parameters, found), (1838, work(115_200 + 36_864, 3_932_160, 1024)));
    let (parameters, found) = configured(Shape::new(20, 128, 128, 128), None);
    assert_eq!((parameters, found), (438, work(51_200 + 589_824, 41_943_040, 16_384)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, size: &[usize], op: Asa| {
        let mut case = Case::new(1, Shape::new(4, 3, 5, 5));
        let fitting: [(&str, &[usize]); 4] =
            [("f0", &[2, 4]), ("f1", &[4, 2]), ("w1", &[1, 2, 3, 3]), ("w2", &[1, 2, 3, 3])];
        for (n, s) in fitting {
            case.tensor(n, if n == name { size } else { s }, 0.0, 1.0);
        }
        case.refused(op)
    };
    assert_eq!(refused("f0", &[2, 3], op(true, 0.5)), "E0104");
    assert_eq!(refused("f0", &[0, 4], op(true, 0.5)), "E0201");
    assert_eq!(refused("f1", &[4, 3], op(true, 0.5)), "E0104");
    assert_eq!(refused("", &[], op(false, 0.5)), "E0104");
    assert_eq!(refused("w1", &[1, 3, 3, 3], op(true, 0.5)), "E0104");
    assert_eq!(refused("w2", &[2, 2, 3, 3], op(true, 0.5)), "E0104");
    assert_eq!(refused("w2", &[1, 2, 0, 3], op(true, 0.5)), "E0201");
    for share in [0.0, 1.0, -0.5, 2.0, f64::NAN] {
        assert_eq!(refused("", &[], op(true, share)), "E0201");
    }
}
