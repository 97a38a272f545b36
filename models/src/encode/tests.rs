//! Encoders against their equations.

use super::*;

fn stills() -> Stills {
    Stills { shape: [1, 1, 5], pixels: vec![0.0, 0.25, 0.5, 0.75, 1.0], labels: Some(vec![3]) }
}

fn encode(name: &str, timesteps: usize, seed: u64) -> Vec<f64> {
    let data = find(name).unwrap().encode(&stills(), timesteps, seed).unwrap();
    assert_eq!(data.labels, Some(vec![3]));
    data.frames.value(0, Level::Trained).unwrap().reals().to_vec()
}

/// Steps at which each of the five elements fires.
fn steps(y: &[f64]) -> Vec<Vec<usize>> {
    (0..5).map(|x| (0..y.len() / 5).filter(|t| y[t * 5 + x] > 0.0).collect()).collect()
}

/// `Σ S[t] · weight(t)` of each element.
fn decoded(y: &[f64], weight: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..5).map(|x| (0..y.len() / 5).map(|t| y[t * 5 + x] * weight(t)).sum()).collect()
}

#[test]
fn direct_repeats() {
    assert_eq!(encode("direct", 3, 0), [0.0, 0.25, 0.5, 0.75, 1.0].repeat(3));
}

#[test]
fn latency_fires_once_at_its_step() {
    // T = 5: steps round(4·(1 − x)) = 3, 2, 1, 0; an element of 0 is silent.
    assert_eq!(steps(&encode("latency", 5, 0)), [vec![], vec![3], vec![2], vec![1], vec![0]]);
    // ln((e⁴ − 1)·x + 1) = 2.67, 3.33, 3.72, 4.
    assert_eq!(steps(&encode("latency-log", 5, 0)), [vec![], vec![1], vec![1], vec![0], vec![0]]);
}

#[test]
fn the_first_spike_comes_where_the_threshold_has_fallen_to_the_element() {
    // T = 9: thresholds 1, 1/2, 1/4 ... 1/256.
    assert_eq!(steps(&encode("ttfs", 9, 0)), [vec![], vec![2], vec![1], vec![1], vec![0]]);
}

#[test]
fn bits_add_up_to_the_element() {
    let phase = encode("phase", 16, 0);
    let one_period = decoded(&phase[..8 * 5], |t| (-(t as f64) - 1.0).exp2());
    assert_eq!(one_period, [0.0, 0.25, 0.5, 0.75, 255.0 / 256.0]);
    assert_eq!(phase[..8 * 5], phase[8 * 5..], "the second period is the first");
    for timesteps in [1, 2, 4, 6] {
        let top = f64::from((1u32 << timesteps) - 1);
        let sums = decoded(&encode("radix", timesteps, 0), |t| ((timesteps - 1 - t) as f64).exp2());
        assert_eq!(sums, [0.0, 0.25, 0.5, 0.75, 1.0].map(|x: f64| (x * top).round()), "T = {timesteps}");
    }
    let windows = encode("radix-4", 12, 0);
    assert_eq!(windows[..4 * 5], encode("radix", 4, 0));
    assert!(windows[4 * 5..].iter().all(|&v| v == 0.0));
}

#[test]
fn a_burst_doubles_while_it_lasts_and_keeps_what_is_left() {
    // x = 0.5: u = .5 fires 1, .375 + .5 fires 2, .625 + .5 fires 4, .625 + .5 fires 8, .125 + .5 does not fire 16.
    let y = encode("burst", 5, 0);
    let of_half: Vec<f64> = (0..5).map(|t| y[t * 5 + 2]).collect();
    assert_eq!(of_half, [1.0, 2.0, 4.0, 8.0, 0.0]);
    let sums = decoded(&encode("burst", 400, 0), |_| 0.125);
    for (sum, x) in sums.iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]) {
        assert!((sum - 400.0 * x).abs() <= 16.0, "{x}: {sum}");
    }
}

#[test]
fn the_hybrid_code_is_an_image_and_then_single_spikes() {
    let y = encode("hybrid", 6, 0);
    assert_eq!(y[..5], [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert_eq!(steps(&y[5..]), [vec![], vec![3], vec![2], vec![1], vec![0]]);
    assert_eq!(encode("hybrid", 1, 0), [0.0, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn random_codes_have_the_mean_of_their_probability_and_follow_the_seed() {
    let t = 20_000;
    let x = [0.0, 0.25, 0.5, 0.75, 1.0];
    let field = |k: usize, x: f64| (-0.5 * ((x - k as f64 / 9.0) / 0.15).powi(2)).exp();
    let fields: Vec<f64> = (0..10).flat_map(|k| x.map(|x| field(k, x))).collect();
    let signed: Vec<f64> = x.into_iter().chain([0.0; 5]).collect();
    for (name, p) in [("rate", x.to_vec()), ("rate-signed", signed), ("population-random", fields)] {
        let y = encode(name, t, 7);
        for (i, &p) in p.iter().enumerate() {
            let mean = y.iter().skip(i).step_by(y.len() / t).sum::<f64>() / t as f64;
            // Five standard deviations of a Bernoulli mean.
            assert!((mean - p).abs() <= 5.0 * (p * (1.0 - p) / t as f64).sqrt(), "{name}, {p}: {mean}");
        }
        assert_eq!(y, encode(name, t, 7));
        assert_ne!(y, encode(name, t, 8));
    }
}

#[test]
fn the_sign_of_an_element_is_its_plane() {
    let stills = Stills { shape: [1, 1, 2], pixels: vec![-0.5, 0.5], labels: None };
    let data = find("rate-signed").unwrap().encode(&stills, 400, 1).unwrap();
    assert_eq!(data.frames.shape(), Shape::new(400, 2, 1, 2));
    let y = data.frames.value(0, Level::Trained).unwrap();
    let sum = |i: usize| y.reals().iter().skip(i).step_by(4).sum::<f64>();
    assert_eq!((sum(0), sum(3)), (0.0, 0.0), "no positive spike of a negative element, nor the reverse");
    assert!((150.0..250.0).contains(&sum(1)) && (150.0..250.0).contains(&sum(2)));
}

#[test]
fn event_frames_gather_bins() {
    let shape = Shape::new(6, 1, 1, 2);
    let bins = Frames::from_u8(shape, vec![1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 1]).unwrap();
    let recordings = Dataset { frames: bins, labels: None };
    let of = |name: &str| {
        let data = find(name).unwrap().encode_recordings(&recordings, 3).unwrap();
        data.frames.value(0, Level::Trained).unwrap().reals().to_vec()
    };
    assert_eq!(of("counts"), [3.0, 0.0, 0.0, 0.0, 3.0, 1.0]);
    assert_eq!(of("binary"), [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(find("counts").unwrap().encode(&stills(), 3, 0).unwrap_err().code, "E0405");
    assert_eq!(find("rate").unwrap().encode_recordings(&recordings, 3).unwrap_err().code, "E0405");
}

#[test]
fn an_unknown_name_lists_the_known() {
    assert!(find("spatial").unwrap_err().help.contains("latency"));
}
