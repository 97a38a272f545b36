//! `stsc`, temporal filter and gate of input spikes.

use crate::cases::{self, weights};
use crate::support::{assert_close, sigma, Case};
use pulvinar_ir::op::stsc::Stsc;
use pulvinar_ir::{NodeId, Shape};

fn op() -> Stsc {
    let [temporal, gate0, gate0_bias, gate1] =
        ["temporal", "gate0", "gate0_bias", "gate1"].map(str::to_owned);
    Stsc { temporal, gate0, gate0_bias, gate1 }
}

/// A case with weights from 0.1 to 1 for C channels, K taps and C/r hidden channels.
fn positive(shape: Shape, taps: usize, hidden: usize) -> Case {
    let mut case = Case::new(1, shape);
    case.tensor("temporal", &[shape.c, 1, taps], 0.1, 1.0);
    case.tensor("gate0", &[hidden, shape.c, 3], 0.1, 1.0);
    case.tensor("gate0_bias", &[hidden], 0.1, 1.0);
    case.tensor("gate1", &[shape.c, hidden], 0.01, 0.1);
    case.push(op()).expect("these weights fit");
    case
}

/// Element (t, c, p) of `x`, 0 outside the sequence.
fn at(shape: Shape, x: &[f64], t: i64, c: usize, p: usize) -> f64 {
    let plane = shape.h * shape.w;
    if (0..shape.t as i64).contains(&t) {
        x[(t as usize * shape.c + c) * plane + p]
    } else {
        0.0
    }
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let (case, x) = cases::stsc(seed);
        let shape = case.graph.node(NodeId(0)).ty.shape;
        let [temporal, gate0, bias, gate1] =
            ["temporal", "gate0", "gate0_bias", "gate1"].map(|n| weights(&case, n).unwrap());
        let (plane, hidden) = (shape.h * shape.w, bias.len());
        let (taps, gate_taps) = (temporal.len() / shape.c, gate0.len() / hidden / shape.c);
        let mut want = Vec::new();
        for t in 0..shape.t as i64 {
            let mut h = bias.clone();
            for (j, h) in h.iter_mut().enumerate() {
                for c in 0..shape.c {
                    for k in 0..gate_taps {
                        let source = t + k as i64 - (gate_taps / 2) as i64;
                        let mean =
                            (0..plane).map(|p| at(shape, &x, source, c, p)).sum::<f64>() / plane as f64;
                        *h += gate0[(j * shape.c + c) * gate_taps + k] * mean;
                    }
                }
            }
            for c in 0..shape.c {
                let z: f64 = (0..hidden).map(|j| gate1[c * hidden + j] * h[j].max(0.0)).sum();
                for p in 0..plane {
                    let filtered: f64 = (0..taps)
                        .map(|k| {
                            temporal[c * taps + k] * at(shape, &x, t + k as i64 - (taps / 2) as i64, c, p)
                        })
                        .sum();
                    want.push(filtered * (1.0 - sigma(z)));
                }
            }
        }
        assert_close(&case.run(&x), &want, &format!("seed {seed}"));
    }
}

#[test]
fn a_step_reaches_two_steps_either_way() {
    let shape = Shape::new(15, 4, 2, 2);
    for (taps, steps) in [(5, 5..=9), (1, 6..=8), (3, 6..=8)] {
        let mut case = positive(shape, taps, 2);
        let x = case.rng.value(shape, 0.1, 1.0);
        assert_eq!(case.touched(&x, 7), steps.collect::<Vec<_>>(), "{taps} taps");
        assert_eq!(case.touched(&x, 14).len(), 1 + taps.max(3) / 2, "{taps} taps");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |shapes: [&[usize]; 4]| {
        let mut case = Case::new(1, Shape::new(6, 4, 2, 2));
        for (name, shape) in ["temporal", "gate0", "gate0_bias", "gate1"].into_iter().zip(shapes) {
            case.tensor(name, shape, 0.0, 1.0);
        }
        case.refused(op())
    };
    assert_eq!(refused([&[3, 1, 5], &[2, 4, 3], &[2], &[4, 2]]), "E0104");
    assert_eq!(refused([&[4, 4, 5], &[2, 4, 3], &[2], &[4, 2]]), "E0104");
    assert_eq!(refused([&[4, 1, 5], &[2, 3, 3], &[2], &[4, 2]]), "E0104");
    assert_eq!(refused([&[4, 1, 5], &[2, 4, 3], &[3], &[4, 2]]), "E0104");
    assert_eq!(refused([&[4, 1, 5], &[2, 4, 3], &[2], &[4, 3]]), "E0104");
    assert_eq!(refused([&[4, 1, 4], &[2, 4, 3], &[2], &[4, 2]]), "E0201");
    assert_eq!(refused([&[4, 1, 5], &[2, 4, 2], &[2], &[4, 2]]), "E0201");
    assert_eq!(refused([&[4, 1, 0], &[2, 4, 3], &[2], &[4, 2]]), "E0201");
    assert_eq!(refused([&[4, 1, 5], &[0, 4, 3], &[0], &[4, 0]]), "E0201");
}

#[test]
fn both_configurations_have_the_published_size() {
    let speech = positive(Shape::new(15, 700, 1, 1), 5, 700);
    assert_eq!(speech.parameters(), 1_964_200);
    let work = speech.work();
    assert_eq!(work.macs, 15 * (3_500 + 1_470_000 + 490_000));
    assert_eq!((work.products, work.sigmoids), (10_500, 10_500));
    assert_eq!(positive(Shape::new(10, 128, 4, 4), 3, 128).parameters(), 66_048);
}
