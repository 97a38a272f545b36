//! `squeeze_excite`, channel attention from the mean alone.

use crate::cases::{self, weights};
use crate::support::{assert_close, sigma, Case};
use pulvinar_ir::op::squeeze_excite::SqueezeExcite;
use pulvinar_ir::{NodeId, Shape};

fn op(biases: bool) -> SqueezeExcite {
    let bias = |name: &str| biases.then(|| name.to_owned());
    SqueezeExcite { w0: "w0".into(), b0: bias("b0"), w1: "w1".into(), b1: bias("b1") }
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let (case, x) = cases::squeeze_excite(seed);
        let shape = case.graph.node(NodeId(0)).ty.shape;
        let (channels, plane) = (shape.c, shape.h * shape.w);
        let [w0, w1] = ["w0", "w1"].map(|n| weights(&case, n).unwrap());
        let hidden = w0.len() / channels;
        let b0 = weights(&case, "b0").unwrap_or_else(|| vec![0.0; hidden]);
        let b1 = weights(&case, "b1").unwrap_or_else(|| vec![0.0; channels]);
        let mut want = x.clone();
        for frame in want.chunks_exact_mut(channels * plane) {
            let mut squeezed = vec![0.0; channels];
            for (i, v) in frame.iter().enumerate() {
                squeezed[i / plane] += v / plane as f64;
            }
            let mut inner = vec![0.0; hidden];
            for j in 0..hidden {
                inner[j] = b0[j];
                for (c, s) in squeezed.iter().enumerate() {
                    inner[j] += w0[j * channels + c] * s;
                }
            }
            for c in 0..channels {
                let mut logit = b1[c];
                for (j, v) in inner.iter().enumerate() {
                    logit += w1[c * hidden + j] * v.max(0.0);
                }
                frame[c * plane..(c + 1) * plane].iter_mut().for_each(|v| *v *= sigma(logit));
            }
        }
        assert_close(&case.run(&x), &want, &format!("seed {seed}"));
    }
}

#[test]
fn a_step_changes_itself_only() {
    let shape = Shape::new(6, 4, 3, 3);
    let mut case = Case::new(3, shape);
    case.tensor("w0", &[2, 4], 0.1, 1.0);
    case.tensor("w1", &[4, 2], 0.1, 1.0);
    case.push(op(false)).unwrap();
    let x = case.rng.value(shape, 0.1, 1.0);
    assert_eq!(case.touched(&x, 5), [5]);
    assert_eq!(case.touched(&x, 2), [2]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |shapes: [&[usize]; 4]| {
        let mut case = Case::new(1, Shape::new(2, 6, 2, 2));
        for (name, shape) in ["w0", "b0", "w1", "b1"].into_iter().zip(shapes) {
            case.tensor(name, shape, 0.0, 1.0);
        }
        case.refused(op(true))
    };
    assert_eq!(refused([&[2, 5], &[2], &[6, 2], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[3], &[6, 2], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[2], &[6, 3], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[2], &[6, 2], &[5]]), "E0104");
    assert_eq!(refused([&[0, 6], &[0], &[6, 0], &[6]]), "E0201");
}

#[test]
fn it_is_two_small_layers_a_step() {
    let mut case = Case::new(0, Shape::new(60, 64, 32, 32));
    case.tensor("w0", &[4, 64], 0.0, 1.0);
    case.tensor("w1", &[64, 4], 0.0, 1.0);
    case.push(op(false)).unwrap();
    assert_eq!(case.parameters(), 2 * 64 * 4);
    assert_eq!(
        (case.work().macs, case.work().products, case.work().sigmoids),
        (60 * 2 * 64 * 4, 60 * 64 * 32 * 32, 60 * 64)
    );
}
