//! Networks and data that come with the program: trained ones in [`ZOO`], the structures of papers in [`build`].

pub mod build;
pub mod census;

use crate::dataset::{self, Dataset};
use crate::native::{self, Model};
use pulvinar_ir::{Diagnostic, Result};

/// One embedded network.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub doc: &'static str,
    /// Where its structure comes from.
    pub source: &'static str,
    /// Reads it.
    pub load: fn() -> Result<Model>,
}

macro_rules! embedded {
    ($name:literal) => {
        || {
            native::load_bytes(
                concat!($name, "/graph.json"),
                include_bytes!(concat!("../../zoo/default/", $name, "/graph.json")),
                include_bytes!(concat!("../../zoo/default/", $name, "/weights.safetensors")),
                Some(include_bytes!(concat!("../../zoo/default/", $name, "/vectors.safetensors"))),
            )
        }
    };
}

/// All embedded networks; the first is the default.
pub const ZOO: &[Entry] = &[
    Entry {
        name: "ma-snn-tcsa",
        doc: "Attention SNN on event digits: two conv blocks with temporal, channel and spatial attention, two fully connected",
        source: "MA-SNN: Yao et al., \"Attention Spiking Neural Networks\", IEEE TPAMI 2023 (arXiv 2209.13929)",
        load: embedded!("ma-snn-tcsa"),
    },
    Entry {
        name: "vanilla",
        doc: "The same network without attention",
        source: "the baseline of MA-SNN: Yao et al., IEEE TPAMI 2023 (arXiv 2209.13929)",
        load: embedded!("vanilla"),
    },
    Entry {
        name: "small-ta",
        doc: "A small SNN with a temporal gate, for an FPGA of 5 280 logic cells: one conv, one fully connected",
        source: "the temporal attention of MA-SNN: Yao et al., IEEE TPAMI 2023 (arXiv 2209.13929)",
        load: embedded!("small-ta"),
    },
];

/// The network of this name.
pub fn find(name: &str) -> Result<&'static Entry> {
    ZOO.iter().find(|e| e.name == name).ok_or_else(|| {
        let names: Vec<&str> = ZOO.iter().map(|e| e.name).collect();
        Diagnostic::new(
            "E0120",
            format!("network `{name}`"),
            "no network of this name is embedded",
            format!("use one of {}, or the folder of a model", names.join(", ")),
        )
    })
}

/// The embedded test inputs: 100 event digits with labels.
pub fn test_inputs() -> Result<Dataset> {
    dataset::load_bytes(include_bytes!("../../data/digits-embedded.safetensors.gz"))
}

/// The embedded calibration inputs: 64 event digits of the training set.
pub fn calibration() -> Result<Dataset> {
    dataset::load_bytes(include_bytes!("../../data/digits-calibration.safetensors.gz"))
}
