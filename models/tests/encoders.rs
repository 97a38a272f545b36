//! Encoders against vectors of SpikingJelly 2.0 and snnTorch 1.0; `encoders/make.py` makes them.
#![allow(clippy::unwrap_used)] // tests

use pulvinar_ir::{Level, Shape};
use pulvinar_models::dataset::{Dataset, Frames, Stills};
use pulvinar_models::encode::find;
use serde_json::Value;

#[test]
fn encoders_equal_those_of_the_packages() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("encoders/vectors.json")).unwrap();
    for case in &cases {
        let numbers = |key: &str| -> Vec<f32> {
            case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect()
        };
        let (name, x) = (case["encoder"].as_str().unwrap(), numbers("x"));
        let timesteps = case["timesteps"].as_u64().unwrap() as usize;
        let encoder = find(name).unwrap();
        let data = if encoder.takes_recordings() {
            let elements = case["elements"].as_u64().unwrap() as usize;
            let frames = Frames::from_f32(Shape::new(x.len() / elements, elements, 1, 1), x).unwrap();
            encoder.encode_recordings(&Dataset { frames, labels: None }, timesteps)
        } else {
            encoder.encode(&Stills { shape: [x.len(), 1, 1], pixels: x, labels: None }, timesteps, 0)
        };
        let got = data.unwrap().frames.value(0, Level::Trained).unwrap();
        let want: Vec<f64> = numbers("spikes").into_iter().map(f64::from).collect();
        assert_eq!(got.reals(), want, "{name}, T = {timesteps}");
    }
    assert!(cases.len() >= 11);
}
