//! Data sets: what is stored is read, what does not fit is refused with a place and a remedy.

#![allow(clippy::unwrap_used)] // a test may panic

use flate2::{write::GzEncoder, Compression};
use pulvinar_ir::{Diagnostic, Level, Shape};
use pulvinar_models::dataset::{load_bytes, load_stills_bytes, to_bytes};
use pulvinar_models::safetensors::{write, Owned};
use pulvinar_models::{encode, zoo, Dataset, Frames};
use std::collections::BTreeMap;
use std::io::Write;

fn file(tensors: &[(&str, Owned)]) -> Vec<u8> {
    write(&tensors.iter().map(|(n, t)| ((*n).to_owned(), t.clone())).collect::<BTreeMap<_, _>>())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn check(e: &Diagnostic, code: &str, word: &str) {
    assert_eq!(e.code, code, "{e}");
    assert!(e.to_string().contains(word), "`{word}` is not in: {e}");
    assert!(!e.help.is_empty() && !e.place.is_empty(), "{e}");
}

#[test]
fn a_stored_data_set_is_read_plain_and_gzipped() {
    let frames = Frames::from_u8(Shape::new(1, 2, 1, 2), vec![0, 1, 2, 3, 4, 5, 6, 255]).unwrap();
    let data = Dataset { frames, labels: Some(vec![7, 0]) };
    let bytes = to_bytes(&data);
    assert_eq!(load_bytes(&bytes).unwrap(), data);
    assert_eq!(load_bytes(&gzip(&bytes)).unwrap(), data);
    assert_eq!(data.frames.max(), 255);
    assert_eq!(data.frames.value(1, Level::Flow).unwrap().ints(), [4, 5, 6, 255]);
    assert_eq!(data.frames.value(0, Level::Trained).unwrap().reals(), [0.0, 1.0, 2.0, 3.0]);
    let second = data.frames.slice(1..9);
    assert_eq!(
        (second.len(), second.value(0, Level::Flow).unwrap()),
        (1, data.frames.value(1, Level::Flow).unwrap())
    );
    check(&data.frames.value(2, Level::Flow).unwrap_err(), "E0404", "2 samples");
}

#[test]
fn faults_are_refused() {
    let dims = [1, 1, 1, 1, 2];
    let load = |tensors: &[(&str, Owned)]| load_bytes(&file(tensors)).unwrap_err();
    check(&load(&[("frame", Owned::u8(&dims, &[0, 0]))]), "E0403", "`frame`");
    check(&load(&[]), "E0403", "missing");
    check(&load(&[("frames", Owned::u8(&[1, 2], &[0, 0]))]), "E0403", "[N,T,C,H,W]");
    check(&load(&[("frames", Owned::u8(&[1, 0, 1, 1, 1], &[]))]), "E0403", "frames");
    check(&load(&[("frames", Owned::f32(&dims, &[0.0, -1.0]))]), "E0403", "element 1 is -1");
    check(&load(&[("frames", Owned::f32(&dims, &[f32::NAN, 0.0]))]), "E0403", "NaN");
    let frames = ("frames", Owned::u8(&dims, &[0, 0]));
    check(&load(&[frames.clone(), ("labels", Owned::u8(&[2], &[0, 0]))]), "E0403", "labels");
    check(&load(&[frames.clone(), ("labels", Owned::f32(&[1], &[0.0]))]), "E0403", "not integers");
    let mut cut = gzip(&file(&[frames]));
    cut.truncate(cut.len() - 6);
    check(&load_bytes(&cut).unwrap_err(), "E0116", "gzip");
}

#[test]
fn samples_that_do_not_fit_a_network_are_refused() {
    let graph = (zoo::ZOO[0].load)().unwrap().graph;
    let shape = graph.node(graph.input().unwrap()).ty.shape;
    let whole = Frames::from_f32(shape, vec![3.0; shape.len()]).unwrap();
    whole.check(&graph).unwrap();
    let half = Frames::from_f32(shape, vec![0.5; shape.len()]).unwrap();
    check(&half.check(&graph).unwrap_err(), "E0402", "--encode");
    check(&half.value(0, Level::Flow).unwrap_err(), "E0402", "fractions");
    let longer = Shape { t: shape.t + 1, ..shape };
    let other = Frames::from_u8(longer, vec![0; longer.len()]).unwrap();
    check(&other.check(&graph).unwrap_err(), "E0401", &longer.to_string());
}

#[test]
fn stills_become_frames_that_fit() {
    let bytes =
        file(&[("images", Owned::u8(&[2, 1, 1, 2], &[0, 255, 51, 0])), ("labels", Owned::u8(&[2], &[4, 5]))]);
    let stills = load_stills_bytes(&bytes).unwrap();
    assert_eq!((stills.len(), stills.pixels.as_slice()), (2, [0.0, 1.0, 0.2, 0.0].as_slice()));
    let data = encode::find("latency").unwrap().encode(&stills, 6, 0).unwrap();
    assert_eq!((data.frames.len(), data.frames.shape()), (2, Shape::new(6, 1, 1, 2)));
    assert_eq!(data.labels, Some(vec![4, 5]));
    // Sample 1: 0.2 fires at round(5 · 0.8) = 4.
    let spikes = data.frames.value(1, Level::Flow).unwrap();
    assert_eq!(spikes.ints().iter().position(|&s| s == 1), Some(4 * 2));

    let load = |image: Owned| load_stills_bytes(&file(&[("images", image)])).unwrap_err();
    check(&load(Owned::f32(&[1, 1, 1, 1], &[1.5])), "E0403", "outside -1..=1");
    check(&load(Owned::f32(&[1, 1, 1], &[0.5])), "E0403", "[N,C,H,W]");
    check(&encode::find("direct").unwrap().encode(&stills, 0, 0).unwrap_err(), "E0403", "absurdly");
}
