//! Everything that determines the result of a point. Every leaf is a key of `SPACE.toml`.

use pulvinar_compiler::map::MapOptions;
use pulvinar_compiler::Options;
use pulvinar_ir::arch::{Arch, Core, Dram, Mesh, Noc, Technology};
use serde::{Deserialize, Serialize};

/// How a point is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Simulated cycle by cycle.
    Cycle,
    /// Counted and timed in closed form (`docs/analytic.md`), without simulating.
    Analytic,
}

/// What the network works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Data set; the embedded one without it.
    pub data: Option<String>,
    /// Encoder of still images and recordings.
    pub encode: Option<String>,
    /// Data set that calibrates the quantiser.
    pub calibration: Option<String>,
    /// Samples of the data set that accuracy is measured on; all without it.
    pub count: Option<usize>,
    /// Samples simulated, the first of them.
    pub simulate: usize,
    /// Firing rate of every layer that has none of its own: a workload without data and trained weights.
    pub rate: Option<f64>,
    /// File of firing rates by layer.
    pub rates: Option<String>,
    /// Spread of such spikes over space and time.
    pub spread: String,
}

/// A point in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Zoo name, or path of a network.
    pub model: String,
    /// Timesteps of a structure of the zoo, other ones than published.
    pub timesteps: Option<usize>,
    /// Seed of random weights, encoders and generated spikes.
    pub seed: u64,
    /// How it is evaluated.
    pub fidelity: Fidelity,
    /// Most cycles of one inference; a longer one counts as timed out.
    pub cycle_limit: u64,
    /// What the network works on.
    pub input: Input,
    /// Choices of the quantiser.
    pub quantise: Options,
    /// Choices of the mapper.
    pub map: MapOptions,
    /// Process, voltage, clock.
    pub technology: Technology,
    /// Mesh of tiles.
    pub mesh: Mesh,
    /// Routers and interfaces.
    pub noc: Noc,
    /// One core.
    pub core: Core,
    /// External memory.
    pub dram: Dram,
}

impl Config {
    /// The default network on a chip, every choice at its default.
    pub fn base(arch: Arch) -> Self {
        let input = Input {
            data: None,
            encode: None,
            calibration: None,
            count: None,
            simulate: 1,
            rate: None,
            rates: None,
            spread: "bernoulli".to_owned(),
        };
        let Arch { technology, mesh, noc, core, dram, .. } = arch;
        Config {
            model: "ma-snn-tcsa".to_owned(),
            timesteps: None,
            seed: 1,
            fidelity: Fidelity::Cycle,
            cycle_limit: 1 << 40,
            input,
            quantise: Options::default(),
            map: MapOptions::default(),
            technology,
            mesh,
            noc,
            core,
            dram,
        }
    }

    /// The chip, not yet checked.
    pub fn arch(&self) -> Arch {
        Arch {
            name: "point".to_owned(),
            technology: self.technology.clone(),
            mesh: self.mesh.clone(),
            noc: self.noc.clone(),
            core: self.core.clone(),
            dram: self.dram.clone(),
        }
    }

    /// True if layers send spikes of given rates.
    pub fn by_rates(&self) -> bool {
        self.input.rate.is_some() || self.input.rates.is_some()
    }

    /// The configuration as a JSON object.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain data always serialises")
    }
}
