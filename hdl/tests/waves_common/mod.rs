//! The figures of `docs/waves`: real runs of a small network, drawn.

mod attention;
mod draw;
#[allow(clippy::unwrap_used, clippy::wildcard_imports)] // helpers of tests
#[path = "../../../simulator/tests/machine_common/mod.rs"]
mod machine_common;
mod network;
mod run;
mod steps;

use draw::Figure;
use pulvinar_ir::{Program, Value};
use std::path::Path;

/// A convolution on a chip of one core.
#[allow(dead_code)] // not every user of this module
pub fn program() -> Program {
    run::one_core()
}

/// Its input.
#[allow(dead_code)] // not every user of this module
pub fn input(program: &Program) -> Value {
    run::input(program)
}

/// Every figure: file name and text.
pub fn figures() -> Vec<(String, String)> {
    let all: Vec<&Figure> =
        [network::FIGURES, steps::FIGURES, attention::FIGURES].into_iter().flatten().collect();
    let mut drawn = Vec::new();
    for (i, chip) in run::CHIPS.iter().enumerate() {
        let figures: Vec<&Figure> = all.iter().copied().filter(|f| f.run == i).collect();
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let recording = run::record(dir.path(), *chip).unwrap_or_else(|e| panic!("run {i}: {e}"));
        let waves = draw::waves(&recording, &figures);
        drawn.extend(figures.iter().map(|f| (format!("{}.svg", f.file), f.draw(&recording, &waves).svg())));
    }
    drawn.sort();
    drawn
}

/// The folder of the figures in the documentation.
pub fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/waves"))
}
