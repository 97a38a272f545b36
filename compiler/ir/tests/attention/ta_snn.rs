//! `ta_snn`, temporal attention from the mean alone, with biases.

use crate::cases::{self, weights};
use crate::support::{assert_close, sigma, Case};
use pulvinar_ir::op::ta_snn::TaSnn;
use pulvinar_ir::{NodeId, Shape};

fn op() -> TaSnn {
    TaSnn { w0: "w0".into(), b0: "b0".into(), w1: "w1".into(), b1: "b1".into() }
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let (case, x) = cases::ta_snn(seed);
        let shape = case.graph.node(NodeId(0)).ty.shape;
        let [w0, b0, w1, b1] = ["w0", "b0", "w1", "b1"].map(|n| weights(&case, n).unwrap());
        let (steps, frame) = (shape.t, shape.step_len());
        let mut hidden = b0.clone();
        for t in 0..steps {
            let mut sum = 0.0;
            for i in 0..frame {
                sum += x[t * frame + i];
            }
            for (j, h) in hidden.iter_mut().enumerate() {
                *h += w0[j * steps + t] * sum / frame as f64;
            }
        }
        let mut want = x.clone();
        for t in 0..steps {
            let mut logit = b1[t];
            for (j, h) in hidden.iter().enumerate() {
                logit += w1[t * hidden.len() + j] * h.max(0.0);
            }
            for i in 0..frame {
                want[t * frame + i] *= sigma(logit);
            }
        }
        assert_close(&case.run(&x), &want, &format!("seed {seed}"));
    }
}

#[test]
fn the_last_step_changes_all() {
    let shape = Shape::new(6, 2, 3, 3);
    let mut case = Case::new(3, shape);
    for (name, sizes) in [("w0", vec![3, 6]), ("b0", vec![3]), ("w1", vec![6, 3]), ("b1", vec![6])] {
        case.tensor(name, &sizes, 0.1, 1.0);
    }
    case.push(op()).unwrap();
    let x = case.rng.value(shape, 0.1, 1.0);
    assert_eq!(case.touched(&x, 5), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |shapes: [&[usize]; 4]| {
        let mut case = Case::new(1, Shape::new(6, 2, 2, 2));
        for (name, shape) in ["w0", "b0", "w1", "b1"].into_iter().zip(shapes) {
            case.tensor(name, shape, 0.0, 1.0);
        }
        case.refused(op())
    };
    assert_eq!(refused([&[2, 5], &[2], &[6, 2], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[3], &[6, 2], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[2], &[6, 3], &[6]]), "E0104");
    assert_eq!(refused([&[2, 6], &[2], &[6, 2], &[5]]), "E0104");
    assert_eq!(refused([&[0, 6], &[0], &[6, 0], &[6]]), "E0201");
}

#[test]
fn it_is_two_small_layers() {
    let mut case = Case::new(0, Shape::new(60, 64, 32, 32));
    for (name, sizes) in [("w0", vec![12, 60]), ("b0", vec![12]), ("w1", vec![60, 12]), ("b1", vec![60])] {
        case.tensor(name, &sizes, 0.0, 1.0);
    }
    case.push(op()).unwrap();
    assert_eq!(case.parameters(), 2 * 60 * 12 + 12 + 60);
    assert_eq!(
        (case.work().macs, case.work().products, case.work().sigmoids),
        (2 * 60 * 12, 60 * 64 * 32 * 32, 60)
    );
}
