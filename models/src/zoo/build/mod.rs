//! Structures of published networks, built from shapes and settings. Their weights are random or zero: they serve for
//! counting, compiling and simulating, not for answers. One file a family; registration is one line of [`FAMILIES`].

mod asa;
mod attention;
mod first_spike;
mod five_layer;
mod fsta;
mod gac;
mod ma_snn;
mod mlf;
mod ms_resnet;
mod net;
mod prosperity;
mod radix;
mod stsc;
mod transformer;

use crate::native::{self, Model, Producer};
use crate::sha256_hex;
use pulvinar_ir::{Diagnostic, Graph, Result};
use std::collections::BTreeMap;

/// Weights of a built network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// All zero: quick, for counting.
    Zeros,
    /// Uniform with the variance of He initialisation, a function of (seed, tensor, index).
    Random {
        /// Seed.
        seed: u64,
    },
}

/// Sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Timesteps T.
    pub timesteps: usize,
    /// Channels, rows and columns of one timestep of the input.
    pub input: [usize; 3],
    /// Classes of the answer.
    pub classes: usize,
    /// Divisor of all widths of hidden layers; 1 is the published network, more is a narrow copy.
    pub narrow: usize,
}

impl Setting {
    /// The published sizes.
    const fn new(timesteps: usize, input: [usize; 3], classes: usize) -> Self {
        Setting { timesteps, input, classes, narrow: 1 }
    }

    /// A width of a hidden layer.
    fn width(&self, published: usize) -> usize {
        (published / self.narrow).max(1)
    }
}

/// A structure that can be built.
#[derive(Debug, Clone, Copy)]
pub struct Builder {
    /// Name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub doc: &'static str,
    /// Where it comes from: authors, title, arXiv.
    pub source: &'static str,
    /// Published sizes.
    pub setting: Setting,
    /// What published totals count and the graph does not hold as parameters: how many, and what.
    pub beside: &'static [(u64, &'static str)],
    /// Builds the graph, level `trained`, for any sizes.
    pub build: fn(&Setting, Fill) -> Result<Graph>,
}

/// All families.
#[rustfmt::skip]
const FAMILIES: &[&[Builder]] = &[
    ma_snn::NETWORKS,
    ms_resnet::NETWORKS,
    gac::NETWORKS,
    fsta::NETWORKS,
    asa::NETWORKS,
    five_layer::NETWORKS,
    transformer::NETWORKS,
    stsc::NETWORKS,
    mlf::NETWORKS,
    radix::NETWORKS,
    prosperity::NETWORKS,
    first_spike::NETWORKS,
];

/// All structures.
pub fn all() -> impl Iterator<Item = &'static Builder> {
    FAMILIES.iter().copied().flatten()
}

/// The structure of this name.
pub fn find(name: &str) -> Option<&'static Builder> {
    all().find(|b| b.name == name)
}

impl Builder {
    /// A structure whose published totals count the parameters of the graph and no others.
    const fn new(
        name: &'static str,
        doc: &'static str,
        source: &'static str,
        setting: Setting,
        build: fn(&Setting, Fill) -> Result<Graph>,
    ) -> Self {
        Builder { name, doc, source, setting, beside: &[], build }
    }

    /// The same with parameters beside those of the graph.
    const fn beside(self, beside: &'static [(u64, &'static str)]) -> Self {
        Builder { beside, ..self }
    }

    /// The same structure over another number of timesteps, 1 to 65536 (E0109).
    pub fn over(self, timesteps: usize) -> Result<Self> {
        if !(1..=1 << 16).contains(&timesteps) {
            let (place, message) = (format!("network `{}`", self.name), format!("{timesteps} timesteps"));
            return Err(Diagnostic::new("E0109", place, message, "give from 1 to 65536 timesteps"));
        }
        Ok(Builder { setting: Setting { timesteps, ..self.setting }, ..self })
    }

    /// The published network, with zeros as weights.
    pub fn zeros(&self) -> Result<Graph> {
        (self.build)(&self.setting, Fill::Zeros)
    }

    /// Number of parameters beside those of the graph.
    pub fn parameters_beside(&self) -> u64 {
        self.beside.iter().map(|b| b.0).sum()
    }

    /// The published network with random weights, as a model.
    pub fn model(&self, seed: u64) -> Result<Model> {
        let mut graph = (self.build)(&self.setting, Fill::Random { seed })?;
        self.name.clone_into(&mut graph.name);
        graph.assumptions.push(format!("weights of `{}` are random (seed {seed}), not trained", self.name));
        let producer = Producer {
            name: "pulvinar".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            framework: "none".to_owned(),
            extra: BTreeMap::new(),
        };
        let mut model = Model { graph, vectors: None, producer, hash: String::new() };
        model.hash = sha256_hex(&native::to_bytes(&model)?.graph_json);
        Ok(model)
    }
}
