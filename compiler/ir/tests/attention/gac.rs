//! `gac` as the encoder uses it: current, neuron, gate.

use crate::support::{assert_close, conv_same, sigma, Case, Rng, Work};
use pulvinar_ir::op::gac::Gac;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Axes, Axis, NodeId, Shape};

fn op() -> Gac {
    Gac { ta0: "m0".into(), ta1: "m1".into(), sca0: "w0".into(), sca1: "w1".into() }
}

/// `u ← u/2 + x`, fires above 1, back to 0: the neuron of the code for CIFAR.
fn neuron() -> Neuron {
    Neuron {
        leak: 0.5,
        input_gain: 1.0,
        input_bias: 0.0,
        threshold: 1.0,
        compare: Compare::Above,
        reset: Reset::Value { value: 0.0 },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    }
}

/// Tensors of a module of `hidden` units in time and k × k kernels over as many maps as there are channels.
struct Weights {
    m0: Vec<f64>,
    m1: Vec<f64>,
    w0: Vec<f64>,
    w1: Vec<f64>,
}

fn weights(case: &mut Case, shape: Shape, hidden: usize, k: usize) -> Weights {
    let kernel = [shape.c, shape.c, k, k];
    Weights {
        m0: case.tensor("m0", &[hidden, shape.t], -1.0, 1.0),
        m1: case.tensor("m1", &[shape.t, hidden], -1.0, 1.0),
        w0: case.tensor("w0", &kernel, -0.5, 0.5),
        w1: case.tensor("w1", &kernel, -0.5, 0.5),
    }
}

/// The encoder: the input is the current; `one_frame` takes the gate from its mean over time.
fn encoder(case: &mut Case, one_frame: bool) {
    let x = NodeId(0);
    let s = case.graph.push("s", neuron().into(), &[x]).unwrap();
    let frame = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::T]) };
    let current = if one_frame { case.graph.push("frame", frame.into(), &[x]).unwrap() } else { x };
    case.graph.push("gac", op().into(), &[current, s]).unwrap();
}

fn oracle(shape: Shape, x: &[f64], w: &Weights) -> Vec<f64> {
    let (steps, frame) = (shape.t, shape.step_len());
    let mlp = |v: &[f64]| {
        let rows = |m: &[f64], v: &[f64]| -> Vec<f64> {
            m.chunks_exact(v.len()).map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum()).collect()
        };
        let hidden: Vec<f64> = rows(&w.m0, v).into_iter().map(|h| h.max(0.0)).collect();
        rows(&w.m1, &hidden)
    };
    let frames: Vec<&[f64]> = x.chunks_exact(frame).collect();
    let mean: Vec<f64> = frames.iter().map(|f| f.iter().sum::<f64>() / frame as f64).collect();
    let max: Vec<f64> =
        frames.iter().map(|f| f.iter().fold(f64::NEG_INFINITY, |m: f64, &v| m.max(v))).collect();
    let temporal: Vec<f64> = mlp(&mean).iter().zip(mlp(&max)).map(|(a, b)| a + b).collect();
    let mut y = Vec::new();
    let mut u = vec![0.0; frame];
    for t in 0..steps {
        let size = [shape.c, shape.h, shape.w];
        let inner: Vec<f64> = conv_same(frames[t], size, &w.w0, shape.c).iter().map(|v| v.max(0.0)).collect();
        let sca = conv_same(&inner, size, &w.w1, shape.c);
        for i in 0..frame {
            u[i] = 0.5 * u[i] + frames[t][i];
            let spike = u[i] > 1.0;
            if spike {
                u[i] = 0.0;
            }
            y.push(if spike { sigma(temporal[t] * sca[i]) } else { 0.0 });
        }
    }
    y
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (shape, hidden, k) = (rng.shape([5, 3, 6, 6]), rng.size(1, 3), rng.size(1, 5));
        let mut case = Case::new(seed, shape);
        let w = weights(&mut case, shape, hidden, k);
        encoder(&mut case, false);
        let x = case.rng.value(shape, -1.0, 3.0);
        assert_close(&case.run(&x), &oracle(shape, &x, &w), &format!("seed {seed}, {shape}, k {k}"));
    }
}

#[test]
fn under_direct_coding_one_frame_makes_the_gate() {
    for seed in 0..20 {
        let shape = Shape::new(4, 3, 6, 5);
        let gated = |one_frame: bool| {
            let mut case = Case::new(seed, shape);
            let w = weights(&mut case, shape, 2, 4);
            encoder(&mut case, one_frame);
            let image = case.rng.value(Shape { t: 1, ..shape }, -1.0, 2.0);
            let x = image.repeat(shape.t);
            assert_close(
                &case.run(&x),
                &oracle(shape, &x, &w),
                &format!("seed {seed}, one frame: {one_frame}"),
            );
            (case.run(&x), case.work().macs)
        };
        let (all, once) = (gated(false), gated(true));
        assert_close(&once.0, &all.0, "one frame for all");
        assert!(once.1 < all.1 / 3, "{} and {} multiply-accumulates", once.1, all.1);
    }
}

#[test]
fn on_moving_inputs_every_step_waits_for_the_last() {
    let shape = Shape::new(4, 2, 5, 5);
    let mut case = Case::new(3, shape);
    weights(&mut case, shape, 2, 4);
    // Every unit of the hidden layer sees the last step and is seen by all.
    case.tensor("m0", &[2, 4], 0.5, 1.0);
    case.tensor("m1", &[4, 2], 0.5, 1.0);
    encoder(&mut case, false);
    let x = case.rng.value(shape, 1.0, 3.0);
    assert_eq!(case.touched(&x, 3), [0, 1, 2, 3]);
}

#[test]
fn sizes_are_those_of_the_paper() {
    let configured = |shape: Shape, one_frame: bool| {
        let mut case = Case::new(1, shape);
        for (name, size) in [("m0", vec![shape.t / 2, shape.t]), ("m1", vec![shape.t, shape.t / 2])] {
            case.tensor(name, &size, 0.0, 1.0);
        }
        for name in ["w0", "w1"] {
            case.tensor(name, &[64, 64, 4, 4], 0.0, 1.0);
        }
        encoder(&mut case, one_frame);
        (case.parameters(), case.work())
    };
    for (steps, parameters) in [(2, 131_076), (4, 131_088), (6, 131_108)] {
        assert_eq!(configured(Shape::new(steps, 64, 32, 32), false).0, parameters);
    }
    // In time: two branches through M's first layer, their sum through its second; one frame is also repeated.
    let (mlp, repeat) = (2 * 8 + 8, 2 * 4);
    let work = |macs, elements: u64| Work { macs, products: 2 * elements, sigmoids: elements };
    let cifar = Shape::new(4, 64, 32, 32);
    assert_eq!(configured(cifar, false).1, work(4 * 134_217_728 + mlp, 262_144));
    assert_eq!(configured(cifar, true).1, work(134_217_728 + mlp + repeat, 262_144));
    let imagenet = Shape::new(4, 64, 112, 112);
    assert_eq!(configured(imagenet, false).1, work(6_576_668_672 + mlp, 3_211_264));
    assert_eq!(configured(imagenet, true).1, work(1_644_167_168 + mlp + repeat, 3_211_264));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |name: &str, size: &[usize]| {
        let shape = Shape::new(3, 2, 4, 4);
        let mut case = Case::new(1, shape);
        weights(&mut case, shape, 2, 4);
        case.tensor(name, size, 0.0, 1.0);
        let error = case.graph.push("gac", op().into(), &[NodeId(0), NodeId(0)]).unwrap_err();
        error.code.to_string()
    };
    assert_eq!(refused("m0", &[2, 4]), "E0104");
    assert_eq!(refused("m0", &[0, 3]), "E0201");
    assert_eq!(refused("m1", &[3, 1]), "E0104");
    assert_eq!(refused("w0", &[2, 3, 4, 4]), "E0104");
    assert_eq!(refused("w0", &[2, 2, 0, 4]), "E0201");
    assert_eq!(refused("w1", &[1, 2, 4, 4]), "E0104");
    assert_eq!(refused("w1", &[2, 2, 4]), "E0104");

    let shape = Shape::new(3, 2, 4, 4);
    let mut case = Case::new(1, shape);
    weights(&mut case, shape, 2, 4);
    assert_eq!(case.refused(op()), "E0201");
    let plane = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::H]) };
    let other = case.graph.push("other", plane.into(), &[NodeId(0)]).unwrap();
    assert_eq!(
        case.graph.push("gac", op().into(), &[other, NodeId(0)]).unwrap_err().code.to_string(),
        "E0201"
    );
}
