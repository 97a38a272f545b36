//! `ma_neuron`, a neuron that gates its membrane before it fires.

use crate::cases;
use crate::step_attention::Gates;
use crate::support::Case;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::{NodeId, Op, Shape};

fn constants(case: &Case) -> MaNeuron {
    match &case.graph.node(case.graph.output).op {
        Op::MaNeuron(op) => op.clone(),
        other => panic!("{} is not the module", other.name()),
    }
}

#[test]
fn spikes_are_those_of_the_equations() {
    let mut spikes = 0.0;
    for seed in 0..100 {
        let (case, x) = cases::ma_neuron(seed);
        let shape = case.graph.node(NodeId(0)).ty.shape;
        let (op, gates) = (constants(&case), Gates::of(&case));
        let mut carried = vec![0.0; shape.step_len()];
        let mut want = Vec::new();
        for frame in x.chunks(shape.step_len()) {
            let charged: Vec<f64> = carried.iter().zip(frame).map(|(h, x)| h + x).collect();
            for (u, h) in gates.apply(shape, &charged).into_iter().zip(&mut carried) {
                assert!(
                    (u - op.threshold).abs() > 1e-9,
                    "seed {seed} is too near to a threshold to prove anything"
                );
                let s = if u >= op.threshold { 1.0 } else { 0.0 };
                *h = op.reset * s + op.leak * u * (1.0 - s);
                want.push(s);
            }
        }
        spikes += want.iter().sum::<f64>() / want.len() as f64 / 100.0;
        assert_eq!(case.run(&x), want, "seed {seed}");
    }
    assert!((0.1..0.9).contains(&spikes), "{spikes} spikes an element");
}

#[test]
fn without_gates_it_is_the_plain_neuron() {
    use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
    let shape = Shape::new(9, 3, 2, 2);
    let mut case = Case::new(5, shape);
    case.push(MaNeuron { leak: 0.5, threshold: 0.5, reset: 0.0, ca0: None, ca1: None, sa: None }).unwrap();
    let mut plain = Case::new(5, shape);
    let neuron = Neuron {
        leak: 0.5,
        input_gain: 1.0,
        input_bias: 0.0,
        threshold: 0.5,
        compare: Compare::AtLeast,
        reset: Reset::Value { value: 0.0 },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    };
    plain.push(neuron).unwrap();
    // Sixteenths: the threshold is met exactly now and then.
    let x: Vec<f64> = (0..shape.len()).map(|_| case.rng.size(0, 12) as f64 / 16.0).collect();
    assert_eq!(case.run(&x), plain.run(&x));
}

#[test]
fn a_step_never_reaches_back() {
    let mut later = false;
    for seed in 0..40 {
        let (mut case, x) = cases::ma_neuron(seed);
        let last = case.graph.timesteps - 1;
        assert!(case.touched(&x, last).iter().all(|&t| t == last), "seed {seed}");
        let touched = case.touched(&x, last / 2);
        assert!(touched.iter().all(|&t| t >= last / 2), "seed {seed}");
        later |= touched.iter().any(|&t| t > last / 2);
    }
    assert!(later, "the membrane carries a change to later steps");
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |sa: &[usize], leak: f64, threshold: f64| {
        let mut case = Case::new(1, Shape::new(3, 4, 2, 2));
        case.tensor("sa", sa, 0.0, 1.0);
        case.refused(MaNeuron { leak, threshold, reset: 0.0, ca0: None, ca1: None, sa: Some("sa".into()) })
    };
    assert_eq!(refused(&[1, 3, 7, 7], 0.5, 0.5), "E0104");
    assert_eq!(refused(&[1, 2, 7, 7], 1.5, 0.5), "E0201");
    assert_eq!(refused(&[1, 2, 7, 7], f64::NAN, 0.5), "E0201");
    assert_eq!(refused(&[1, 2, 7, 7], 0.5, f64::INFINITY), "E0201");
}

#[test]
fn the_first_layer_of_the_gesture_network_has_the_published_size() {
    let mut case = Case::new(0, Shape::new(60, 64, 32, 32));
    case.tensor("ca0", &[4, 64], 0.0, 1.0);
    case.tensor("ca1", &[64, 4], 0.0, 1.0);
    case.tensor("sa", &[1, 2, 7, 7], 0.0, 1.0);
    let name = |s: &str| Some(s.to_owned());
    let op = MaNeuron {
        leak: 0.3,
        threshold: 0.3,
        reset: 0.0,
        ca0: name("ca0"),
        ca1: name("ca1"),
        sa: name("sa"),
    };
    case.push(op).unwrap();
    assert_eq!(case.parameters(), 512 + 98);
    // 1,024 a step are published for the channel gate; its second layer runs once here instead of twice (256 less).
    assert_eq!(case.work().macs, 60 * (1_024 - 256) + 60 * 100_352);
    assert_eq!(case.work().sigmoids, 60 * (64 + 1_024));
}
