//! `matmul` and the spiking self-attention family. All numbers are dyadic, so values are equal to the last bit.
#![allow(clippy::float_cmp)] // see above

use crate::cases::{self, select, spiking};
use crate::support::{assert_close, Case, Rng};
use pulvinar_ir::op::matmul::{Matmul, Over};
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::op::spiking_attention::{Form, SpikingAttention};
use pulvinar_ir::{NodeId, Op, Shape};

/// Element of channel c and token n of operand `o` of `operands` in one step of the input.
fn at(step: &[f64], shape: Shape, (o, c, n): (usize, usize, usize)) -> f64 {
    step[(o * shape.c + c) * shape.h * shape.w + n]
}

/// The sums before the neuron in one step, one for each of its elements.
fn sums(op: &SpikingAttention, shape: Shape, step: &[f64]) -> Vec<f64> {
    let (tokens, d) = (shape.h * shape.w, shape.c / op.heads);
    let x = |o: usize, c: usize, n: usize| at(step, shape, (o, c, n));
    match op.form {
        // In the other order than the op's: every pair of tokens first.
        Form::Ssa => (0..shape.c * tokens)
            .map(|i| {
                let (c, n, first) = (i / tokens, i % tokens, i / tokens / d * d);
                let pair = |m: usize| (first..first + d).map(|c| x(0, c, n) * x(1, c, m)).sum::<f64>();
                (0..tokens).map(|m| pair(m) * x(2, c, m)).sum()
            })
            .collect(),
        Form::Sdsa => (0..shape.c).map(|c| (0..tokens).map(|n| x(1, c, n) * x(2, c, n)).sum()).collect(),
        Form::QkChannel => (0..shape.c).map(|c| (0..tokens).map(|n| x(0, c, n)).sum()).collect(),
        Form::QkToken => (0..op.heads * tokens)
            .map(|i| (0..d).map(|c| x(0, i / tokens * d + c, i % tokens)).sum())
            .collect(),
    }
}

/// The output by the equations, and how often a membrane met its threshold exactly.
fn oracle(op: &SpikingAttention, shape: Shape, x: &[f64]) -> (Vec<f64>, usize) {
    let (tokens, d) = (shape.h * shape.w, shape.c / op.heads);
    let operands = x.len() / shape.len();
    let (mut membrane, mut want, mut exact) = (Vec::new(), Vec::new(), 0);
    for step in x.chunks(operands * shape.step_len()) {
        let sums = sums(op, shape, step);
        membrane.resize(sums.len(), 0.0);
        let mut fired = vec![0.0; sums.len()];
        for (i, sum) in sums.iter().enumerate() {
            let charged = membrane[i] + (op.scale * sum - membrane[i]) / 2.0;
            exact += usize::from(charged == 0.5);
            fired[i] = if charged >= 0.5 { 1.0 } else { 0.0 };
            membrane[i] = charged * (1.0 - fired[i]);
        }
        for i in 0..shape.step_len() {
            let (c, n) = (i / tokens, i % tokens);
            want.push(match op.form {
                Form::Ssa => fired[i],
                Form::Sdsa => at(step, shape, (0, c, n)) * fired[c],
                Form::QkChannel => at(step, shape, (1, c, n)) * fired[c],
                Form::QkToken => at(step, shape, (1, c, n)) * fired[c / d * tokens + n],
            });
        }
    }
    (want, exact)
}

fn module(case: &Case) -> (SpikingAttention, Shape) {
    let node = case.graph.node(case.graph.output);
    match &node.op {
        Op::SpikingAttention(op) => (op.clone(), node.ty.shape),
        other => panic!("{} is not the module", other.name()),
    }
}

#[test]
fn values_are_those_of_the_equations() {
    for make in [cases::ssa, cases::sdsa, cases::qk_token, cases::qk_channel] {
        let (mut met, mut spikes) = (0, 0.0);
        for seed in 0..100 {
            let (case, x) = make(seed);
            let (op, shape) = module(&case);
            let (want, exact) = oracle(&op, shape, &x);
            assert_eq!(case.run(&x), want, "{:?}, seed {seed}", op.form);
            met += exact;
            spikes += want.iter().sum::<f64>();
        }
        assert!(met > 0 && spikes > 0.0, "the threshold is met {met} times and {spikes} spikes leave");
    }
}

#[test]
fn a_membrane_at_the_threshold_fires_only_if_the_comparison_says_so() {
    let shape = Shape::new(1, 4, 1, 1);
    for (compare, want) in [(Compare::AtLeast, 1.0), (Compare::Above, 0.0)] {
        let mut op = spiking(Form::QkToken, 2, 1.0);
        op.neuron.compare = compare;
        let mut case = cases::operands(shape, 2, |_| ());
        case.graph.push("op", op.into(), &[NodeId(1), NodeId(2)]).unwrap();
        // One query spike in each head: half of 1 is charged, which is the threshold.
        assert_eq!(case.run(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]), [want; 4]);
    }
}

#[test]
fn a_step_never_reaches_back() {
    for make in [cases::ssa, cases::sdsa, cases::qk_token, cases::qk_channel] {
        let mut seen = 0;
        for seed in 0..20 {
            let (mut case, x) = make(seed);
            let last = case.graph.timesteps - 1;
            let touched = case.touched(&x, last);
            assert!(touched.iter().all(|&t| t == last), "seed {seed}");
            seen += touched.len();
        }
        assert!(seen > 5, "most changes of a step show in that step");
    }
}

#[test]
fn products_are_those_of_the_sums() {
    for seed in 0..100 {
        let mut rng = Rng(seed);
        let (heads, d, e) = (rng.size(1, 3), rng.size(1, 3), rng.size(1, 4));
        let (t, h, w) = (rng.size(1, 3), rng.size(1, 3), rng.size(1, 3));
        let (a, b, tokens) = (heads * d, heads * e, h * w);
        let shape = Shape::new(t, a + b, h, w);
        let mut case = Case::new(seed, shape);
        select(&mut case, "a", 0, a);
        select(&mut case, "b", a, b);
        let x = case.rng.value(shape, -1.0, 1.0);
        let value = |step: usize, c: usize, n: usize| x[(step * (a + b) + c) * tokens + n];

        let product = Matmul { heads, over: Over::Tokens }.into();
        let ab = case.graph.push("ab", product, &[NodeId(1), NodeId(2)]).unwrap();
        assert_eq!(case.graph.node(ab).ty.shape, Shape::new(t, a, e, 1));
        let want: Vec<f64> = (0..t * a * e)
            .map(|i| {
                let (step, c, j) = (i / (a * e), i / e % a, i % e);
                (0..tokens).map(|n| value(step, c, n) * value(step, a + c / d * e + j, n)).sum()
            })
            .collect();
        assert_close(&case.run(&x), &want, &format!("over tokens, seed {seed}"));

        let product = Matmul { heads, over: Over::Channels }.into();
        let y = case.graph.push("aab", product, &[NodeId(1), ab]).unwrap();
        assert_eq!(case.graph.node(y).ty.shape, Shape::new(t, heads * e, h, w));
        let mut twice = vec![0.0; t * b * tokens];
        for (i, y) in twice.iter_mut().enumerate() {
            let (step, c, n) = (i / (b * tokens), i / tokens % b, i % tokens);
            for k in 0..d {
                let row = c / e * d + k;
                *y += value(step, row, n) * want[(step * a + row) * e + c % e];
            }
        }
        assert_close(&case.run(&x), &twice, &format!("over channels, seed {seed}"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |op: Op, operands: &[u32]| {
        let mut case = cases::operands(Shape::new(2, 6, 2, 2), 3, |case| select(case, "part", 0, 4));
        let operands: Vec<NodeId> = operands.iter().map(|&i| NodeId(i)).collect();
        case.graph.push("op", op, &operands).expect_err("this does not fit").code
    };
    let family = |form, heads| spiking(form, heads, 1.0).into();
    assert_eq!(refused(family(Form::Ssa, 4), &[1, 2, 3]), "E0201");
    assert_eq!(refused(family(Form::Ssa, 0), &[1, 2, 3]), "E0201");
    assert_eq!(refused(family(Form::Ssa, 2), &[1, 2]), "E0201");
    assert_eq!(refused(family(Form::QkToken, 2), &[1, 2, 3]), "E0201");
    assert_eq!(refused(family(Form::Sdsa, 2), &[1, 4, 3]), "E0201");
    assert_eq!(refused(spiking(Form::Sdsa, 2, f64::NAN).into(), &[1, 2, 3]), "E0201");
    assert_eq!(refused(Matmul { heads: 4, over: Over::Tokens }.into(), &[1, 2]), "E0201");
    assert_eq!(refused(Matmul { heads: 0, over: Over::Tokens }.into(), &[1, 2]), "E0201");
    assert_eq!(refused(Matmul { heads: 2, over: Over::Channels }.into(), &[1, 4]), "E0201");
    assert_eq!(refused(Matmul { heads: 2, over: Over::Channels }.into(), &[1]), "E0201");
}

#[test]
fn sums_reach_the_published_bounds_and_no_further() {
    let (heads, shape) = (2, Shape::new(1, 8, 3, 3));
    let (tokens, d) = (9.0, 4.0);
    for (form, operands, bound) in [
        (Form::Ssa, 3, tokens * d),
        (Form::Sdsa, 3, tokens),
        (Form::QkChannel, 2, tokens),
        (Form::QkToken, 2, d),
    ] {
        let fires = |threshold: f64| {
            let mut op = spiking(form, heads, 1.0);
            op.neuron.threshold = threshold;
            let mut case = cases::operands(shape, operands, |_| ());
            let ids: Vec<NodeId> = (1..=operands as u32).map(NodeId).collect();
            case.graph.push("op", op.into(), &ids).unwrap();
            case.run(&vec![1.0; operands * shape.len()]).iter().all(|&s| s == 1.0)
        };
        assert!(fires(bound / 2.0) && !fires(bound / 2.0 + 0.5), "{form:?}");
    }
}

#[test]
fn the_product_of_three_takes_the_cheap_order() {
    // Spikformer on 32 × 32 images: 64 tokens, 12 heads of 32 channels.
    let mut case = cases::operands(Shape::new(4, 384, 8, 8), 3, |_| ());
    case.graph.push("op", spiking(Form::Ssa, 12, 0.125).into(), &[NodeId(1), NodeId(2), NodeId(3)]).unwrap();
    let (pairs_of_channels, pairs_of_tokens) = (2 * 4 * 64 * 384 * 32, 2 * 4 * 64 * 384 * 64);
    assert_eq!(case.work().macs, pairs_of_channels);
    assert!(pairs_of_channels < pairs_of_tokens);
}
