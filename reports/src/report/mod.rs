//! The report: plain numbers of one run, every field with its unit. Figures are per inference unless they say otherwise.

mod activity;
mod bounds;
mod build;
mod build_energy;
mod energy;
mod facts;

pub use activity::{
    AttentionLayer, BitsRow, Bottleneck, Layer, LinkLoad, Mesh, Raster, RateSeries, Span, SpikeDot,
    StrategyFigures, Timeline,
};
pub(crate) use bounds::port_name;
pub use build_energy::{component_name, COMPONENTS, STATIC_LAYER};
pub use energy::{
    ActivityEnergy, Area, AreaRow, BreakEvenRow, ComponentEnergy, Energy, EstimateRow, Interval, LayerEnergy,
    Published, StepEnergy, SwingRow, Term, UnpricedRow,
};
pub use facts::{InputFacts, LinkFlits, RunFacts};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the JSON form; raised when a field changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// One run of one network on one chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Version of this form ([`FORMAT`]).
    pub format: u32,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// The network.
    pub model: ModelSummary,
    /// How far counts and cycles may be off, if they were worked out in closed form and nothing was simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_form: Option<ClosedForm>,
    /// Was it right.
    pub correctness: Correctness,
    /// How fast.
    pub timing: Timing,
    /// At what energy.
    pub energy: Energy,
    /// What was moved.
    pub traffic: Traffic,
    /// Layers with attention: what it cost.
    pub attention: Vec<AttentionLayer>,
    /// The run it is compared with: the same network without attention, or whatever the user named.
    pub twin: Option<Summary>,
    /// Layers in topological order.
    pub layers: Vec<Layer>,
    /// What holds the run up; the busiest unit first.
    pub bottlenecks: Vec<Bottleneck>,
    /// Load of cores and links.
    pub mesh: Mesh,
    /// What each core did when, first input.
    pub timeline: Timeline,
    /// Spikes of the first input.
    pub raster: Raster,
    /// Firing rate of each layer over time, mean over inputs.
    pub rates: Vec<RateSeries>,
    /// Accuracy by operand width, where it was measured.
    pub bits: Vec<BitsRow>,
    /// Area of the chip.
    pub area: Option<Area>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// Command line that makes this report again.
    pub command: String,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of graph and weights, hex.
    pub model_hash: String,
    /// Name of the input data.
    pub input: String,
    /// SHA-256 of the input data, hex.
    pub input_hash: String,
    /// Name of the chip.
    pub arch: String,
    /// SHA-256 of the architecture text, hex.
    pub arch_hash: String,
    /// Seed of placement and sampling.
    pub seed: u64,
    /// What was assumed, by importer, compiler and energy model.
    pub assumptions: Vec<String>,
    /// Constants in the energy total.
    pub constants: Vec<ConstantRow>,
}

/// A constant in the energy total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantRow {
    /// Name.
    pub name: String,
    /// Value in `unit`.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// Process node, nm, where it matters.
    pub node_nm: Option<u32>,
    /// Keys of the bibliography.
    pub sources: Vec<String>,
    /// Evidence: measured, published, simulated, derived, table or recalled.
    pub grade: String,
    /// Standard deviation of the logarithm of the true value around this one; 0 if it is not varied.
    #[serde(default)]
    pub spread: f64,
    /// Activities and static terms it prices.
    pub terms: Vec<String>,
}

/// The network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSummary {
    /// Trained parameters.
    pub parameters: u64,
    /// Neurons of all layers.
    pub neurons: u64,
    /// Layers as the hardware runs them.
    pub layers: u32,
    /// Timesteps of one inference.
    pub timesteps: u32,
    /// Phases: sets of layers resident on the chip together.
    pub phases: u32,
    /// Cores in use in any phase.
    pub cores_used: u32,
    /// Cores on the chip.
    pub cores: u32,
    /// Process node, nm.
    pub node_nm: u32,
}

/// Was it right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correctness {
    /// Inferences simulated, or worked out in closed form.
    pub inputs: u64,
    /// Of them with a label.
    pub labelled: u64,
    /// Fraction of labelled inputs whose prediction is the label.
    pub accuracy: Option<f64>,
    /// The same for the float model.
    pub float_accuracy: Option<f64>,
    /// Fraction of inputs on which chip and float model predict the same class.
    pub agreement_with_float: Option<f64>,
    /// Rates that the layers were given in place of computing their spikes, in words; there are no answers then.
    #[serde(default)]
    pub workload: Option<String>,
    /// True if every event of every layer equals that of the integer reference.
    pub spikes_equal_to_reference: Option<bool>,
    /// Events compared for it, all inputs.
    pub compared_events: u64,
}

/// Differences between the closed form and the simulated machine on the suite that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosedForm {
    /// Networks on chips of the suite.
    pub points: u64,
    /// Of the cycles of an inference.
    pub latency: ErrorSpread,
    /// Of the energy of an inference.
    pub energy: ErrorSpread,
}

/// Absolute differences, percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSpread {
    /// Half of the points are closer.
    pub median_percent: f64,
    /// 95 of 100 points are closer.
    pub percentile_95_percent: f64,
    /// No point is farther.
    pub largest_percent: f64,
}

/// How fast. Inputs run one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Clock, MHz.
    pub clock_mhz: f64,
    /// Mean over inputs of the cycles from first input to last output.
    pub latency_cycles: f64,
    /// Fastest input.
    pub latency_min_cycles: u64,
    /// Slowest input.
    pub latency_max_cycles: u64,
    /// Mean latency, µs.
    pub latency_us: f64,
    /// Inferences per second.
    pub throughput_per_s: f64,
    /// Cycles that load weights once before the first inference.
    pub load_cycles: u64,
}

/// What was moved, per inference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Memories of the cores, all cores together.
    pub memories: Vec<MemoryTraffic>,
    /// Network on chip.
    pub noc: NocTraffic,
    /// External memory.
    pub dram: DramTraffic,
}

/// Traffic of one memory, all cores together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryTraffic {
    /// Name.
    pub memory: String,
    /// Capacity in one core, bits.
    pub capacity_bits: u64,
    /// Word width, bits.
    pub word_bits: u32,
    /// Bits read.
    pub read_bits: f64,
    /// Bits written.
    pub written_bits: f64,
    /// Energy of these accesses, pJ; absent if they have no price.
    pub energy_pj: Option<f64>,
}

/// Traffic of the network on chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NocTraffic {
    /// Flits injected.
    pub injected_flits: f64,
    /// Flits ejected (more than injected with multicast).
    pub ejected_flits: f64,
    /// Flits over links between tiles.
    pub flit_hops: f64,
    /// Payload bits over links between tiles.
    pub link_bits: f64,
    /// Load of the busiest link between tiles, flits per cycle; absent in closed form.
    pub peak_link_flits_per_cycle: Option<f64>,
}

/// Traffic of the external memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DramTraffic {
    /// Bytes read.
    pub read_bytes: f64,
    /// Bytes written.
    pub written_bytes: f64,
    /// Row activations.
    pub activates: f64,
}

/// The few numbers by which runs are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Model on chip.
    pub name: String,
    /// Inferences simulated.
    pub inputs: u64,
    /// Accuracy, fraction.
    pub accuracy: Option<f64>,
    /// Agreement with the float model, fraction.
    pub agreement_with_float: Option<f64>,
    /// Mean latency, µs.
    pub latency_us: f64,
    /// Inferences per second.
    pub throughput_per_s: f64,
    /// Energy per inference, nJ.
    pub energy_nj: f64,
    /// Spikes per inference.
    pub spikes: f64,
    /// Spikes per neuron and timestep.
    pub firing_rate: f64,
    /// Synaptic events per inference.
    pub synaptic_events: f64,
    /// Bits read and written in the cores' memories per inference.
    pub memory_bits: f64,
    /// Flits over links per inference.
    pub flit_hops: f64,
    /// Bytes to and from external memory per inference.
    pub dram_bytes: f64,
    /// Spikes per inference of each layer, by name.
    pub layer_spikes: Vec<Term>,
}

impl Report {
    /// Spikes per inference, all layers.
    pub fn spikes(&self) -> f64 {
        self.layers.iter().map(|l| l.spikes).sum()
    }
    /// Synaptic events per inference, all layers.
    pub fn synaptic_events(&self) -> f64 {
        self.layers.iter().map(|l| l.synaptic_events).sum()
    }
    /// Spikes per neuron and timestep.
    pub fn firing_rate(&self) -> f64 {
        let slots = self.model.neurons as f64 * f64::from(self.model.timesteps);
        if slots > 0.0 {
            self.spikes() / slots
        } else {
            0.0
        }
    }
    /// Mean power, mW: energy over latency (1 pJ / 1 µs = 1 µW).
    pub fn power_mw(&self) -> f64 {
        if self.timing.latency_us > 0.0 {
            self.energy.total_pj / self.timing.latency_us / 1e3
        } else {
            0.0
        }
    }
    /// Energy of a synaptic event with everything in it, pJ: total over synaptic events.
    pub fn pj_per_synaptic_event(&self) -> Option<f64> {
        let events = self.synaptic_events();
        (events > 0.0).then(|| self.energy.total_pj / events)
    }
    /// Keys of all sources behind the report, sorted.
    pub fn sources(&self) -> Vec<&str> {
        let constants = self.provenance.constants.iter().flat_map(|c| &c.sources);
        let estimates = self.energy.estimates.iter().flat_map(|e| &e.sources);
        let published = self.energy.published.iter().flat_map(|p| &p.sources);
        let limits = self.energy.break_even.iter().flat_map(|b| &b.sources);
        let mut keys: Vec<&str> =
            constants.chain(estimates).chain(published).chain(limits).map(String::as_str).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
    /// The numbers by which runs are compared; also what another run takes as its twin.
    pub fn summary(&self) -> Summary {
        let traffic = &self.traffic;
        Summary {
            name: format!("{} on {}", self.provenance.model, self.provenance.arch),
            inputs: self.correctness.inputs,
            accuracy: self.correctness.accuracy,
            agreement_with_float: self.correctness.agreement_with_float,
            latency_us: self.timing.latency_us,
            throughput_per_s: self.timing.throughput_per_s,
            energy_nj: self.energy.total_pj / 1e3,
            spikes: self.spikes(),
            firing_rate: self.firing_rate(),
            synaptic_events: self.synaptic_events(),
            memory_bits: traffic.memories.iter().map(|m| m.read_bits + m.written_bits).sum(),
            flit_hops: traffic.noc.flit_hops,
            dram_bytes: traffic.dram.read_bytes + traffic.dram.written_bytes,
            layer_spikes: self
                .layers
                .iter()
                .map(|l| Term { name: l.name.clone(), value: l.spikes })
                .collect(),
        }
    }
}
