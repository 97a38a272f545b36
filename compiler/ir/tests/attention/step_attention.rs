//! `step_attention`, channel and spatial gates of every step by itself.

use crate::cases::{self, weights};
use crate::support::{assert_close, sigma, Case};
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::{NodeId, Shape};

/// Parameters of both gates.
pub struct Gates {
    ca: Option<(Vec<f64>, Vec<f64>)>,
    /// Values, rows, columns.
    sa: Option<(Vec<f64>, usize, usize)>,
}

impl Gates {
    /// Those of a case.
    pub fn of(case: &Case) -> Self {
        let size = |i: usize| case.graph.tensors["sa"].shape[i];
        Gates {
            ca: weights(case, "ca0").zip(weights(case, "ca1")),
            sa: weights(case, "sa").map(|v| (v, size(2), size(3))),
        }
    }

    /// One gated frame, by the equations.
    pub fn apply(&self, shape: Shape, x: &[f64]) -> Vec<f64> {
        let plane = shape.h * shape.w;
        let mut y = x.to_vec();
        if let Some((w0, w1)) = &self.ca {
            let gate = channel_gate(w0, w1, shape, &y);
            y.iter_mut().enumerate().for_each(|(i, v)| *v *= gate[i / plane]);
        }
        if let Some((kernel, kh, kw)) = &self.sa {
            let gate = spatial_gate(kernel, *kh, *kw, shape, &y);
            y.iter_mut().enumerate().for_each(|(i, v)| *v *= gate[i % plane]);
        }
        y
    }
}

fn channel_gate(w0: &[f64], w1: &[f64], shape: Shape, x: &[f64]) -> Vec<f64> {
    let (channels, plane) = (shape.c, shape.h * shape.w);
    let hidden = w1.len() / channels;
    let mut logits = vec![0.0; channels];
    for maximum in [false, true] {
        let statistic = |c: usize| {
            let values = &x[c * plane..(c + 1) * plane];
            if maximum {
                values.iter().copied().fold(f64::MIN, f64::max)
            } else {
                values.iter().sum::<f64>() / plane as f64
            }
        };
        for j in 0..hidden {
            let before: f64 = (0..channels).map(|c| w0[j * channels + c] * statistic(c)).sum();
            for c in 0..channels {
                logits[c] += w1[c * hidden + j] * before.max(0.0);
            }
        }
    }
    logits.into_iter().map(sigma).collect()
}

fn spatial_gate(kernel: &[f64], kh: usize, kw: usize, shape: Shape, x: &[f64]) -> Vec<f64> {
    let (h, w) = (shape.h as i64, shape.w as i64);
    let mut maps = [vec![0.0; shape.h * shape.w], vec![f64::MIN; shape.h * shape.w]];
    for (i, v) in x.iter().enumerate() {
        let p = i % (shape.h * shape.w);
        maps[0][p] += v / shape.c as f64;
        maps[1][p] = maps[1][p].max(*v);
    }
    let mut gate = Vec::new();
    for (row, col) in (0..h).flat_map(|row| (0..w).map(move |col| (row, col))) {
        let mut logit = 0.0;
        for (m, map) in maps.iter().enumerate() {
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let (r, c) = (row + ky as i64 - (kh as i64 - 1) / 2, col + kx as i64 - (kw as i64 - 1) / 2);
                if (0..h).contains(&r) && (0..w).contains(&c) {
                    logit += kernel[(m * kh + ky) * kw + kx] * map[(r * w + c) as usize];
                }
            }
        }
        gate.push(sigma(logit));
    }
    gate
}

#[test]
fn values_are_those_of_the_equations() {
    for seed in 0..100 {
        let (case, x) = cases::step_attention(seed);
        let shape = case.graph.node(NodeId(0)).ty.shape;
        let gates = Gates::of(&case);
        let mut want: Vec<f64> =
            x.chunks(shape.step_len()).flat_map(|frame| gates.apply(shape, frame)).collect();
        if seed % 3 != 0 {
            want.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        assert_close(&case.run(&x), &want, &format!("seed {seed}"));
    }
}

#[test]
fn a_step_changes_itself_only() {
    let mut seen = 0;
    for seed in 0..20 {
        let (mut case, x) = cases::step_attention(seed);
        let last = case.graph.timesteps - 1;
        let touched = case.touched(&x, last);
        assert!(touched.is_empty() || touched == [last], "seed {seed}");
        seen += touched.len();
    }
    assert!(seen > 10, "a trailing ReLU hides a few changes, not most");
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |shapes: [&[usize]; 3], change: fn(&mut StepAttention)| {
        let mut case = Case::new(1, Shape::new(3, 4, 2, 2));
        for (name, shape) in ["ca0", "ca1", "sa"].into_iter().zip(shapes) {
            case.tensor(name, shape, 0.0, 1.0);
        }
        let name = |s: &str| Some(s.to_owned());
        let mut op = StepAttention { ca0: name("ca0"), ca1: name("ca1"), sa: name("sa"), relu: true };
        change(&mut op);
        case.refused(op)
    };
    assert_eq!(refused([&[2, 5], &[4, 2], &[1, 2, 3, 3]], |_| ()), "E0104");
    assert_eq!(refused([&[2, 4], &[4, 3], &[1, 2, 3, 3]], |_| ()), "E0104");
    assert_eq!(refused([&[2, 4], &[4, 2], &[1, 1, 3, 3]], |_| ()), "E0104");
    assert_eq!(refused([&[0, 4], &[4, 0], &[1, 2, 3, 3]], |_| ()), "E0201");
    assert_eq!(refused([&[2, 4], &[4, 2], &[1, 2, 0, 3]], |_| ()), "E0201");
    assert_eq!(refused([&[2, 4], &[4, 2], &[1, 2, 3, 3]], |op| op.ca1 = None), "E0201");
    assert_eq!(refused([&[2, 4], &[4, 2], &[1, 2, 3, 3]], |op| op.sa = Some("none".into())), "E0103");
}

#[test]
fn residual_networks_have_the_published_size() {
    // Blocks of each stage of 18, 34 and 104 layers; parameters and multiply-accumulates a step of all attention.
    let networks = [
        ([2, 2, 2, 2], 174_224, 498_100),
        ([3, 4, 6, 3], 314_656, 878_342),
        ([3, 8, 32, 8], 1_085_334, 2_571_024),
    ];
    for (blocks, parameters, macs) in networks {
        let (mut p, mut m) = (0, 0);
        for (stage, n) in blocks.into_iter().enumerate() {
            let (c, size) = (64 << stage, 56 >> stage);
            let mut case = Case::new(0, Shape::new(1, c, size, size));
            case.tensor("ca0", &[c / 8, c], 0.0, 1.0);
            case.tensor("ca1", &[c, c / 8], 0.0, 1.0);
            case.tensor("sa", &[1, 2, 3, 3], 0.0, 1.0);
            let name = |s: &str| Some(s.to_owned());
            case.push(StepAttention { ca0: name("ca0"), ca1: name("ca1"), sa: name("sa"), relu: true })
                .unwrap();
            p += n * case.parameters();
            // The second layer runs once behind the sum of both branches, where the published figure counts it twice.
            m += n as u64 * (case.work().macs + (c * c / 8) as u64);
        }
        assert_eq!((p, m), (parameters, macs));
    }
}
