//! Estimator `lemaire2022`: operations, addressing and memory accesses of a layer-by-layer spiking engine on 32-bit
//! integers (`lemaire2022`), with θ the spikes of all steps, K the taps and s the stride of a kernel, N the neurons behind it:
//!
//! ```text
//!                  spikes of 0 and 1                               any other operand
//! read input       θ_in                                            T·FL  (linear: T·inputs)
//! read weights     θ_in·C_out·K                                    T·FL
//! read offsets     T·N                                             T·N
//! read, write u    θ_in·C_out·K  and  T·N of the neuron, each      T·N of the neuron
//! write output     θ_out of the neuron                             θ_out of the neuron
//! additions        θ_in·⌈k_h/s⌉·⌈k_w/s⌉·C_out + T·N + θ_out        T·N + θ_out
//! MAC              T·N if the neuron leaks                         T·FL, and the same
//! addressing       MAC 2·θ_in, additions θ_in·C_out·K              additions T·(inputs + N + C_out·K)
//!                  (linear: additions θ_in·C_out)                  (linear: T·(inputs + N))
//! ```
//!
//! A word costs what a memory of the array's size costs: linear between 0, 10 pJ at 8 KiB, 20 pJ at 32 KiB and 100 pJ at
//! 1 MiB and more. Spikes lie in queues of 1000 words.
//!
//! The paper's Eq. 2 multiplies the weights of a linear layer by its inputs once more, against its Eq. 8, 10, 15 and 17;
//! this follows the latter, as `SpikingJelly` 2.0.0 does (`spikingjelly2`). The package Qualia leaves `C_out` out of the
//! addressing of convolutions; this follows the paper's Eq. 16.

use super::constants::Constants;
use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Layer, LayerKind, Population};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "lemaire2022",
    doc: "a 32-bit integer engine layer by layer: operations, addresses, and memories priced by the size of each array",
    network: Network::Spiking,
    sources: &["lemaire2022", "spikingjelly2"],
    estimate,
};

const LEAVES_OUT: [&str; 4] = [
    "attention modules and spiking self-attention",
    "residual additions and pools",
    "network on chip, DRAM",
    "leakage and clock",
];

/// Bytes of a word.
const WORD_BYTES: f64 = 4.0;
/// Words of a queue of spikes.
const QUEUE_WORDS: f64 = 1000.0;

/// Counts of one network: operations, and energy of memory accesses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tally {
    additions: f64,
    macs: f64,
    address_additions: f64,
    address_macs: f64,
    streams_pj: f64,
    weights_pj: f64,
    potentials_pj: f64,
}

/// Energy of a word in an array of this many words.
struct Memory([(f64, f64); 4]);

impl Memory {
    fn new(constants: &Constants) -> Result<Self> {
        let at = |name| constants.per_term(name).map(|c| c.pj());
        let (small, middle, large) =
            (at("lemaire_sram_8k")?, at("lemaire_sram_32k")?, at("lemaire_sram_1m")?);
        Ok(Memory([(0.0, 0.0), (8192.0, small), (32_768.0, middle), (1_048_576.0, large)]))
    }

    fn word_pj(&self, words: f64) -> f64 {
        let bytes = (words * WORD_BYTES).min(self.0[3].0);
        let above = self.0.iter().position(|p| bytes <= p.0).unwrap_or(3).max(1);
        let ((x0, y0), (x1, y1)) = (self.0[above - 1], self.0[above]);
        y0 + (y1 - y0) / (x1 - x0) * (bytes - x0)
    }
}

impl Tally {
    fn layer(&mut self, layer: &Layer, memory: &Memory) {
        let g = &layer.geometry;
        let steps = f64::from(layer.timesteps);
        let weights = g.weights() as f64 + if layer.is_offset() { g.outputs as f64 } else { 0.0 };
        let conv = layer.kind == LayerKind::Conv;
        let offsets = if layer.is_offset() { layer.results() } else { 0.0 };
        self.additions += offsets;
        let uses = if layer.is_binary() {
            let (spikes, outputs) = (layer.spikes(), (g.outputs / g.groups) as f64);
            let reach = g.kernel[0].div_ceil(g.stride[0]) * g.kernel[1].div_ceil(g.stride[1]);
            self.additions += spikes * outputs * reach as f64;
            let uses = spikes * outputs * g.taps() as f64;
            self.address_additions += uses;
            self.address_macs += if conv { 2.0 * spikes } else { 0.0 };
            self.streams_pj += spikes * memory.word_pj(QUEUE_WORDS);
            self.potentials_pj += 2.0 * uses * memory.word_pj(g.output_elements() as f64);
            uses
        } else {
            let dense = layer.dense_macs();
            self.macs += dense;
            let inputs = steps * g.input_elements() as f64;
            let kernels = if conv { steps * (g.outputs * g.taps()) as f64 } else { 0.0 };
            self.address_additions += inputs + layer.results() + kernels;
            self.streams_pj += if conv { dense } else { inputs } * memory.word_pj(g.input_elements() as f64);
            dense
        };
        self.weights_pj += (uses + offsets) * memory.word_pj(weights);
    }

    fn neurons(&mut self, neurons: &Population, memory: &Memory) {
        let (updates, spikes) = (neurons.updates(), neurons.spikes());
        self.additions += spikes;
        self.macs += if neurons.leaky { updates } else { 0.0 };
        self.potentials_pj += 2.0 * updates * memory.word_pj(neurons.elements as f64);
        self.streams_pj += spikes * memory.word_pj(QUEUE_WORDS);
    }
}

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    input.workload.check()?;
    let constants = &Data::embedded().constants;
    let (add, mul) = (constants.per_term("int_add_32")?.pj(), constants.per_term("int_mul_32")?.pj());
    let memory = Memory::new(constants)?;
    let mut tally = Tally::default();
    input.workload.layers.iter().for_each(|layer| tally.layer(layer, &memory));
    input.workload.neurons.iter().for_each(|neurons| tally.neurons(neurons, &memory));
    let operations = |additions: f64, macs: f64| additions * add + macs * (mul + add);
    let terms = [
        ("operations", operations(tally.additions, tally.macs)),
        ("addressing", operations(tally.address_additions, tally.address_macs)),
        ("inputs and outputs", tally.streams_pj),
        ("weights and offsets", tally.weights_pj),
        ("potentials", tally.potentials_pj),
    ];
    let used = ["int_add_32", "int_mul_32", "lemaire_sram_8k", "lemaire_sram_32k", "lemaire_sram_1m"];
    Ok(Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &used))
}
