//! Estimator `neuromc`: a training chip of 16-bit values and 1-bit spikes at 32 nm, its forward pass (`neuromc`), with the
//! counts and constants of its profile in `SpikingJelly` 2.0.0 (`spikingjelly2`).
//!
//! A layer of C channels, K taps, N results and M = FL products a step walks 16 channels of one tap at a time, R = ⌈C/16⌉·K
//! rounds; b is 1 bit for spikes, else 16:
//!
//! ```text
//! arithmetic   M·(add + multiplexer) for spikes, else M·(add + multiply)      however few of them spike
//! registers    2·b·M + 2·16·W + 16·(3·M − N) + 16·N·(R − 1)   bits, W weights
//! SRAM         operands N·R, weights W, partial sums N·(R − 1) read and N·R written
//! neuron       multiplexer + add + multiply + 3 comparisons an update; current and membrane read and written
//!              (16 bits), spike read and written, mask written (1 bit), in registers and SRAM
//! norm         3 additions and 3 multiplications an element, 2, 4 and a root a channel; two values an element and five
//!              a channel through a 2 MB memory
//! ```
//!
//! The weights are fetched every step. DRAM and the network on chip are 0 in the tool's published energy.

use super::constants::Constants;
use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Elements, Layer, Population};
use pulvinar_ir::Result;

/// Registry entry.
pub const ESTIMATOR: Estimator = Estimator {
    name: "neuromc",
    doc: "forward pass of a 16-bit training chip: dense arithmetic, registers and SRAM, norms with their statistics",
    network: Network::Spiking,
    sources: &["neuromc", "spikingjelly2"],
    estimate,
};

const LEAVES_OUT: [&str; 4] = [
    "attention modules and spiking self-attention",
    "residual additions and pools",
    "DRAM, network on chip, leakage and clock",
    "sparsity: silent inputs cost what spikes cost",
];

/// Channels that are summed at once.
const LANES: u64 = 16;
/// Bits of a value.
const VALUE_BITS: f64 = 16.0;
/// Bits of a wide access.
const WIDE_BITS: f64 = 256.0;

/// Prices, pJ.
#[derive(Clone, Copy)]
struct Prices {
    add: f64,
    mul: f64,
    mux: f64,
    compare: f64,
    root: f64,
    register_bit: f64,
    /// One bit of spikes before a layer.
    spike: f64,
    /// One 16-bit weight or dense operand.
    weight: f64,
    /// One 16-bit sum.
    sum: f64,
    /// 256 bits of membranes.
    membranes: f64,
    /// 16 spikes behind a neuron.
    spikes: f64,
    norm_read: f64,
    norm_write: f64,
}

const NAMES: [&str; 12] = [
    "neuromc_add",
    "neuromc_mul",
    "neuromc_compare",
    "neuromc_root",
    "neuromc_register_bit",
    "neuromc_sram_spike",
    "neuromc_sram_weight",
    "neuromc_sram_sum",
    "neuromc_sram_membranes",
    "neuromc_sram_spikes",
    "neuromc_sram_norm_read",
    "neuromc_sram_norm_write",
];

impl Prices {
    fn new(constants: &Constants) -> Result<Self> {
        let mut pj = [0.0; 12];
        for (pj, name) in pj.iter_mut().zip(NAMES) {
            *pj = constants.per_term(name)?.pj();
        }
        let [add, mul, compare, root, register_bit, spike, weight, sum, membranes, spikes, norm_read, norm_write] =
            pj;
        // A multiplexer is a sixteenth of an adder in the tool.
        let mux = add / 16.0;
        Ok(Prices {
            add,
            mul,
            mux,
            compare,
            root,
            register_bit,
            spike,
            weight,
            sum,
            membranes,
            spikes,
            norm_read,
            norm_write,
        })
    }
}

/// Energy by kind.
#[derive(Default)]
struct Tally {
    arithmetic: f64,
    registers: f64,
    sram: f64,
}

impl Tally {
    fn layer(&mut self, layer: &Layer, p: &Prices) {
        let g = &layer.geometry;
        let (macs, results, weights) =
            (g.dense_macs() as f64, g.output_elements() as f64, g.weights() as f64);
        let rounds = ((g.inputs / g.groups).div_ceil(LANES) * g.taps()) as f64;
        let spikes = layer.is_binary();
        let (operand_bits, operand, second) =
            if spikes { (1.0, p.spike, p.mux) } else { (VALUE_BITS, p.weight, p.mul) };
        let (partial, streamed) = (results * (rounds - 1.0), results * rounds);
        let values = 2.0 * weights + (3.0 * macs - results) + partial;
        let steps = f64::from(layer.timesteps);
        self.arithmetic += steps * macs * (p.add + second);
        self.registers += steps * p.register_bit * (2.0 * operand_bits * macs + VALUE_BITS * values);
        self.sram += steps * (operand * streamed + p.weight * weights + p.sum * (partial + streamed));
    }

    fn neurons(&mut self, neurons: &Population, p: &Prices) {
        let n = neurons.updates();
        self.arithmetic += n * (p.mux + p.add + p.mul + 3.0 * p.compare);
        // Current and membrane: read and written; spike: read and written; mask: written.
        self.registers += n * p.register_bit * (4.0 * VALUE_BITS + 3.0);
        let membrane = p.membranes * VALUE_BITS / WIDE_BITS;
        self.sram += n * 2.0 * (p.sum + membrane) + n * 3.0 * p.spikes / VALUE_BITS;
    }

    fn norm(&mut self, norm: &Elements, p: &Prices) {
        let (n, channels) = (norm.total(), norm.channels as f64 * f64::from(norm.timesteps));
        self.arithmetic +=
            p.add * (3.0 * n + 2.0 * channels) + p.mul * (3.0 * n + 4.0 * channels) + p.root * channels;
        // Elements: two values, read and written. Channels: mean read twice, variance, root, gain and offset once; the
        // first three are written.
        let (reads, writes) = (2.0 * n + 6.0 * channels, 2.0 * n + 3.0 * channels);
        self.registers += p.register_bit * VALUE_BITS * (reads + writes);
        self.sram += (p.norm_read * reads + p.norm_write * writes) * VALUE_BITS / WIDE_BITS;
    }
}

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    let prices = Prices::new(&Data::embedded().constants)?;
    let mut tally = Tally::default();
    input.workload.layers.iter().for_each(|layer| tally.layer(layer, &prices));
    input.workload.neurons.iter().for_each(|neurons| tally.neurons(neurons, &prices));
    input.workload.norms.iter().for_each(|norm| tally.norm(norm, &prices));
    let terms = [("arithmetic", tally.arithmetic), ("registers", tally.registers), ("SRAM", tally.sram)];
    Ok(Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &NAMES))
}
