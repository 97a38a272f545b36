//! The embedded networks and data: they load, and the reference answers as the framework did.

use pulvinar_models::native::{load_bytes, to_bytes};
use pulvinar_models::{check_vectors, reference, safetensors, sha256_hex, zoo};

#[test]
fn the_reference_agrees_with_the_framework() {
    for entry in zoo::ZOO {
        let model = (entry.load)().unwrap();
        let start = std::time::Instant::now();
        let report = check_vectors(&model).unwrap();
        println!("{}: {report:?} {:?}", entry.name, start.elapsed());
        assert!(report.inputs >= 16);
        assert!(report.spikes > 8_000, "vectors nearly silent say little");
        assert!(report.flips as f64 <= 1e-5 * report.spikes as f64, "{}: {report:?}", entry.name);
        assert_eq!(report.output_mismatch, 0, "{}: {report:?}", entry.name);
    }
}

#[test]
fn flipped_spikes_are_counted() {
    let files = to_bytes(&(zoo::ZOO[0].load)().unwrap()).unwrap();
    let mut vectors = files.vectors.unwrap();
    let at = {
        let views = safetensors::parse(&vectors).unwrap();
        views["spikes.neuron0"].data.as_ptr() as usize - vectors.as_ptr() as usize
    };
    vectors[at + 5] ^= 0b1000_0001;
    vectors[at + 3136 * 63] ^= 0b0001_0000;
    let mut json: serde_json::Value = serde_json::from_slice(&files.graph_json).unwrap();
    json["vectors"]["sha256"] = sha256_hex(&vectors).into();
    let model = load_bytes("flipped", json.to_string().as_bytes(), &files.weights, Some(&vectors)).unwrap();
    assert_eq!(check_vectors(&model).unwrap().flips, 3);
}

#[test]
fn ties_go_to_the_lowest_index() {
    assert_eq!(reference::argmax(&[0.0, 2.0, 1.0, 2.0]), 1);
    assert_eq!(reference::correct(&[vec![1.0, 1.0], vec![0.0, 1.0]], &[0, 0]), 1);
}

#[test]
fn the_networks_know_the_embedded_digits() {
    let data = zoo::test_inputs().unwrap();
    let labels = data.labels.as_deref().unwrap();
    for entry in zoo::ZOO {
        let outputs = reference::outputs(&(entry.load)().unwrap().graph, &data.frames).unwrap();
        let right = reference::correct(&outputs, labels);
        println!("{}: {right} of {}", entry.name, labels.len());
        assert!(right >= 90, "{}: {right} of {}", entry.name, labels.len());
    }
}

#[test]
fn data_sets_fit_the_networks() {
    for entry in zoo::ZOO {
        let graph = (entry.load)().unwrap().graph;
        for (data, count) in [(zoo::test_inputs().unwrap(), 100), (zoo::calibration().unwrap(), 64)] {
            data.frames.check(&graph).unwrap();
            assert_eq!((data.frames.len(), data.labels.unwrap().len()), (count, count));
        }
    }
}

#[test]
fn an_unknown_network_is_refused_with_the_list() {
    assert!(zoo::find("resnet").unwrap_err().help.contains("ma-snn-tcsa"));
}
