//! Layers, attention, load and activity as plain numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One layer as the hardware runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Name.
    pub name: String,
    /// Its synapses: `conv2d`, `linear`, ...
    pub kind: String,
    /// Channels, rows, columns of one timestep of its output.
    pub shape: [u32; 3],
    /// Neurons.
    pub neurons: u64,
    /// Cores it runs on.
    pub cores: u32,
    /// Output spikes.
    pub spikes: f64,
    /// Spikes per neuron and timestep.
    pub firing_rate: f64,
    /// Synaptic events.
    pub synaptic_events: f64,
    /// Core-cycles in which a synapse engine issued.
    pub synapse_busy_cycles: f64,
    /// Core-cycles in which an update engine swept.
    pub sweep_busy_cycles: f64,
    /// Core-cycles in which an attention engine worked.
    pub attention_busy_cycles: f64,
    /// Core-cycles lost to hazards, bank conflicts and full queues; absent in closed form.
    pub stall_cycles: Option<f64>,
    /// Share of cycles in which the layer's busiest kind of engine is at work, mean over its cores.
    pub busy_fraction: f64,
    /// Counted energy, pJ (leakage and clock are not split by layer).
    pub energy_pj: f64,
    /// Every non-zero activity: counts per inference, by name.
    pub counts: Vec<super::Term>,
}

/// What attention on one layer cost, per inference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttentionLayer {
    /// Layer.
    pub layer: String,
    /// How currents are kept while a gate is not there: direct, spill_sram, spill_dram, recompute.
    pub strategy: String,
    /// Sweeps over the sequence.
    pub passes: u32,
    /// Gate × current multiplications.
    pub gate_multiplies: f64,
    /// Gate × gate multiplications.
    pub gate_products: f64,
    /// Multiply-accumulates that make the gates.
    pub dense_macs: f64,
    /// Sigmoid table look-ups.
    pub table_lookups: f64,
    /// Additions and comparisons of running statistics.
    pub statistics_ops: f64,
    /// Storage for currents or events between passes, bytes.
    pub buffer_bytes: f64,
    /// Bits moved in statistics, gate, frame and spike-store memories.
    pub memory_bits: f64,
    /// Core-cycles of the attention engine.
    pub engine_cycles: f64,
    /// Energy of attention arithmetic and memories, pJ.
    pub energy_pj: f64,
    /// Strategies that were weighed, the chosen one among them.
    pub alternatives: Vec<StrategyFigures>,
    /// Spikes of this layer in the twin run less its spikes here.
    pub saved_spikes: Option<f64>,
}

/// Figures of one strategy on one layer, per inference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyFigures {
    /// Strategy.
    pub strategy: String,
    /// Cycles.
    pub cycles: Option<f64>,
    /// Bits moved to keep or repeat the currents.
    pub traffic_bits: Option<f64>,
    /// Energy, pJ.
    pub energy_pj: Option<f64>,
    /// `modelled` by the compiler or `simulated`.
    pub basis: String,
}

/// A unit and how busy it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bottleneck {
    /// Unit.
    pub unit: String,
    /// Layer, link or channel it belongs to.
    pub place: String,
    /// Share of cycles in which it is at work.
    pub busy_fraction: f64,
    /// What would move it.
    pub remedy: String,
}

/// Load of cores and links, mean over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Tiles per row.
    pub width: u32,
    /// Tiles per column.
    pub height: u32,
    /// Cores on one tile.
    pub cores_per_tile: u32,
    /// Tile of the host port.
    pub host_tile: u32,
    /// Tile of the memory controller.
    pub dram_tile: u32,
    /// Busy share of each core; none in closed form.
    pub core_busy_fraction: Vec<f64>,
    /// Layers on each core, phases joined by `/`; empty for an idle core.
    pub core_layers: Vec<String>,
    /// Load of each router output that carried a flit; none in closed form.
    pub links: Vec<LinkLoad>,
}

/// Load of one router output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkLoad {
    /// Router (tile).
    pub router: u32,
    /// Output port: 0 north (row − 1), 1 east (column + 1), 2 south, 3 west, from 4 on local.
    pub port: u32,
    /// Flits per cycle, at most 1.
    pub flits_per_cycle: f64,
}

/// What each core did when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// Length of the run, cycles.
    pub cycles: u64,
    /// Spans, by core and start.
    pub spans: Vec<Span>,
    /// Spans that were left out to bound the report.
    pub dropped: u64,
}

/// Something a core did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Core.
    pub core: u32,
    /// First cycle.
    pub start_cycle: u64,
    /// Cycle after the last.
    pub end_cycle: u64,
    /// `load`, `accumulate`, `sweep 0`, `sweep 1`, ..., `attention`, `dma`.
    pub kind: String,
    /// Layer.
    pub layer: String,
}

/// Spikes of one input.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Raster {
    /// Spikes, by layer, step and neuron; a regular sample if there were too many.
    pub spikes: Vec<SpikeDot>,
    /// Spikes there were.
    pub total: u64,
}

/// One spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpikeDot {
    /// Index of the layer.
    pub layer: u32,
    /// Timestep.
    pub step: u32,
    /// Index of the neuron in the layer, row-major (c, h, w).
    pub neuron: u32,
}

/// Firing rate of one layer over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateSeries {
    /// Layer.
    pub layer: String,
    /// Spikes per neuron, by timestep.
    pub spikes_per_neuron: Vec<f64>,
}

/// Accuracy at one choice of operand widths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BitsRow {
    /// Weight width.
    pub weight_bits: u32,
    /// Gate width.
    pub gate_bits: u32,
    /// Accuracy, fraction.
    pub accuracy: f64,
    /// Agreement with the float model, fraction.
    pub agreement_with_float: Option<f64>,
}
