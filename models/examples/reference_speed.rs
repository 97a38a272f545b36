//! Time of the float reference, one sample after the other on one thread:
//! `cargo run --release -p pulvinar-models --example reference_speed`.

use pulvinar_ir::{interpret, Level};
use pulvinar_models::zoo;
use std::time::Instant;

fn main() {
    let frames = zoo::test_inputs().expect("the embedded data loads").frames;
    for entry in zoo::ZOO {
        let graph = (entry.load)().expect("the embedded networks load").graph;
        let start = Instant::now();
        for i in 0..frames.len() {
            let value = frames.value(i, Level::Trained).expect("the index is below the length");
            interpret::run(&graph, &value).expect("the embedded data fits");
        }
        println!(
            "{}: {:.2} ms per sample",
            entry.name,
            start.elapsed().as_secs_f64() * 1e3 / frames.len() as f64
        );
    }
}
