//! `conv1d`, the convolution along t or c.

use crate::support::{assert_close, Case, Rng};
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::{Axis, Shape};

fn op(axis: Axis, bias: bool, padding: [usize; 2], groups: usize) -> Conv1d {
    Conv1d { weight: "w".into(), bias: bias.then(|| "b".into()), axis, padding, groups }
}

#[test]
fn values_are_those_of_the_sum() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (axis, groups, k) = ([Axis::T, Axis::C][rng.size(0, 1)], rng.size(1, 3), rng.size(1, 5));
        let (length, inputs, outputs) = (rng.size(1, 6), rng.size(1, 3), rng.size(1, 3));
        let padding = [rng.size(0, 3), k - 1];
        let (h, w) = (rng.size(1, 3), rng.size(1, 3));
        let along_t = axis == Axis::T;
        let shape =
            |n: usize, m: usize| if along_t { Shape::new(n, m, h, w) } else { Shape::new(m, n, h, w) };
        let (from, to) = (shape(length, inputs * groups), shape(length + padding[0], outputs * groups));
        let mut case = Case::new(seed, from);
        let weight = case.tensor("w", &[outputs * groups, inputs, k], -1.0, 1.0);
        let bias = (seed % 2 == 0).then(|| case.tensor("b", &[outputs * groups], -1.0, 1.0));
        let x = rng.value(from, -1.0, 1.0);
        case.push(op(axis, bias.is_some(), padding, groups)).unwrap();

        let mut want = vec![0.0; to.len()];
        for (i, (t, c, row, col)) in to.coords().enumerate() {
            let (place, o) = if along_t { (t, c) } else { (c, t) };
            want[i] = bias.as_ref().map_or(0.0, |b| b[o]);
            for source in 0..length {
                let tap = source as i64 + padding[0] as i64 - place as i64;
                if !(0..k as i64).contains(&tap) {
                    continue;
                }
                for input in 0..inputs {
                    let row_of_x = o / outputs * inputs + input;
                    let (t, c) = if along_t { (source, row_of_x) } else { (row_of_x, source) };
                    want[i] +=
                        weight[(o * inputs + input) * k + tap as usize] * x[from.index(t, c, row, col)];
                }
            }
        }
        assert_close(&case.run(&x), &want, &format!("seed {seed}"));
    }
}

#[test]
fn along_time_a_step_reaches_the_steps_its_taps_see() {
    let shape = Shape::new(15, 4, 1, 1);
    for (k, groups, steps) in [(5, 4, 5..=9), (3, 1, 6..=8), (4, 1, 5..=8)] {
        let mut case = Case::new(k as u64, shape);
        case.tensor("w", &[4, 4 / groups, k], 0.5, 1.0);
        case.push(Conv1d { groups, ..Conv1d::same("w", Axis::T, k) }).unwrap();
        let x = case.rng.value(shape, 0.0, 1.0);
        assert_eq!(case.touched(&x, 7), steps.collect::<Vec<_>>());
    }
    let mut causal = Case::new(9, shape);
    causal.tensor("w", &[4, 4, 3], 0.5, 1.0);
    causal.push(op(Axis::T, false, [2, 0], 1)).unwrap();
    let x = causal.rng.value(shape, 0.0, 1.0);
    assert_eq!(causal.touched(&x, 7), [7, 8, 9]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = |weight: &[usize], op: Conv1d| {
        let mut case = Case::new(1, Shape::new(3, 4, 2, 2));
        case.tensor("w", weight, 0.0, 1.0);
        case.tensor("b", &[5], 0.0, 1.0);
        case.refused(op)
    };
    assert_eq!(case(&[4, 3, 2], op(Axis::T, false, [0, 1], 1)), "E0201");
    assert_eq!(case(&[4, 4, 2], op(Axis::C, false, [0, 1], 1)), "E0201");
    assert_eq!(case(&[3, 2, 2], op(Axis::T, false, [0, 1], 2)), "E0201");
    assert_eq!(case(&[4, 4, 2], op(Axis::T, false, [0, 1], 0)), "E0201");
    assert_eq!(case(&[4, 4, 2], op(Axis::H, false, [0, 1], 1)), "E0201");
    assert_eq!(case(&[4, 4, 0], op(Axis::T, false, [0, 1], 1)), "E0201");
    assert_eq!(case(&[4, 4, 5], op(Axis::T, false, [0, 1], 1)), "E0201");
    assert_eq!(case(&[4, 4, 2], op(Axis::T, false, [usize::MAX, 1], 1)), "E0201");
    assert_eq!(case(&[4, 4, 2], op(Axis::T, true, [0, 1], 1)), "E0104");
    assert_eq!(case(&[4, 4], op(Axis::T, false, [0, 1], 1)), "E0104");
}
