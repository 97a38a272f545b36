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
//! A word costs, in an array of n words of 32 bits:
//!
//! | form | pJ a word | of |
//! |---|---|---|
//! | by size | linear between 0, 10 at 8 KiB, 20 at 32 KiB and 100 at 1 MiB and more; spikes lie in queues of 1000 words | `SpikingJelly` 2.0.0 (`spikingjelly2`) |
//! | `Qualia` | 13.2 + 1.09e-5·(bits of the array) | Qualia's default (`qualia`) |
//! | `QualiaFlat` | 10 for each 64 bits, so 5 | Qualia's other one |
//!
//! Where the sources contradict each other this follows the equations that agree with the others, and [`Variant`] has the rest:
//!
//! * Qualia leaves `C_out` out of the additions that address a convolution, against the paper's Eq. 16.3;
//! * it addresses a linear layer rate·T·`C_out` times, where Eq. 17.2 and its own comment have θ_in·`C_out`;
//! * Eq. 2.4 adds θ_in·inputs·`C_out` in a linear layer, once more for every input than a spike has synapses, and leaves out the θ_out
//!   of the resets.

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

/// How a memory is priced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemoryForm {
    /// Piecewise linear in the size of the array.
    #[default]
    BySize,
    /// A fixed part and one a bit of the array.
    Qualia,
    /// The same for every array.
    QualiaFlat,
}

/// A reading of the sources; the default one is that of the table above.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    /// Memories.
    pub memory: MemoryForm,
    /// Additions that address a convolution are θ_in·K, without the output channels.
    pub address_without_outputs: bool,
    /// Additions that address a linear layer are counted by the rate in place of the spikes.
    pub address_by_rate: bool,
    /// Additions of a linear layer are θ_in·inputs·outputs, without resets (Eq. 2.4 as printed).
    pub additions_of_eq_2_4: bool,
}

impl MemoryForm {
    /// Names of the constants.
    fn constants(self) -> &'static [&'static str] {
        match self {
            MemoryForm::BySize => &["lemaire_sram_8k", "lemaire_sram_32k", "lemaire_sram_1m"],
            MemoryForm::Qualia => &["qualia_sram_word", "qualia_sram_bit"],
            MemoryForm::QualiaFlat => &["qualia_sram_64"],
        }
    }
}

/// Energy of a word in an array of this many words.
enum Memory {
    /// Points of (bytes, pJ).
    Points([(f64, f64); 4]),
    /// pJ, and pJ a bit of the array.
    Line(f64, f64),
}

impl Memory {
    fn new(constants: &Constants, form: MemoryForm) -> Result<Self> {
        let pj = |name: &&str| constants.per_term(name).map(|c| c.pj());
        let pj = form.constants().iter().map(pj).collect::<Result<Vec<_>>>()?;
        Ok(match *pj.as_slice() {
            [small, middle, large] => {
                Memory::Points([(0.0, 0.0), (8192.0, small), (32_768.0, middle), (1_048_576.0, large)])
            }
            [word, bit] => Memory::Line(word, bit),
            // One access of 64 bits holds two words.
            _ => Memory::Line(pj[0] * WORD_BYTES / 8.0, 0.0),
        })
    }

    fn word_pj(&self, words: f64) -> f64 {
        match self {
            Memory::Line(word, bit) => word + bit * words * WORD_BYTES * 8.0,
            Memory::Points(points) => {
                let bytes = (words * WORD_BYTES).min(points[3].0);
                let above = points.iter().position(|p| bytes <= p.0).unwrap_or(3).max(1);
                let ((x0, y0), (x1, y1)) = (points[above - 1], points[above]);
                y0 + (y1 - y0) / (x1 - x0) * (bytes - x0)
            }
        }
    }
}

impl Tally {
    fn layer(&mut self, layer: &Layer, memory: &Memory, variant: Variant) {
        let g = &layer.geometry;
        let steps = f64::from(layer.timesteps);
        let weights = g.weights() as f64 + if layer.is_offset() { g.outputs as f64 } else { 0.0 };
        let conv = layer.kind == LayerKind::Conv;
        let offsets = if layer.is_offset() { layer.results() } else { 0.0 };
        self.additions += offsets;
        let uses = if layer.is_binary() {
            let (spikes, outputs) = (layer.spikes(), (g.outputs / g.groups) as f64);
            let reach = g.kernel[0].div_ceil(g.stride[0]) * g.kernel[1].div_ceil(g.stride[1]);
            let again = if variant.additions_of_eq_2_4 && !conv { g.inputs as f64 } else { 1.0 };
            self.additions += spikes * outputs * reach as f64 * again;
            let uses = spikes * outputs * g.taps() as f64;
            self.address_additions += match conv {
                true if variant.address_without_outputs => spikes * g.taps() as f64,
                false if variant.address_by_rate => layer.rate * steps * outputs,
                _ => uses,
            };
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

    fn neurons(&mut self, neurons: &Population, memory: &Memory, variant: Variant) {
        let (updates, spikes) = (neurons.updates(), neurons.spikes());
        // Behind a linear layer a channel is one neuron.
        let no_resets = variant.additions_of_eq_2_4 && neurons.elements == neurons.channels;
        self.additions += if no_resets { 0.0 } else { spikes };
        self.macs += if neurons.leaky { updates } else { 0.0 };
        self.potentials_pj += 2.0 * updates * memory.word_pj(neurons.elements as f64);
        self.streams_pj += spikes * memory.word_pj(QUEUE_WORDS);
    }
}

fn estimate(input: &EstimatorInput) -> Result<Estimate> {
    input.workload.check()?;
    let constants = &Data::embedded().constants;
    let (add, mul) = (constants.per_term("int_add_32")?.pj(), constants.per_term("int_mul_32")?.pj());
    let variant = input.lemaire;
    let memory = Memory::new(constants, variant.memory)?;
    let mut tally = Tally::default();
    input.workload.layers.iter().for_each(|layer| tally.layer(layer, &memory, variant));
    input.workload.neurons.iter().for_each(|neurons| tally.neurons(neurons, &memory, variant));
    let operations = |additions: f64, macs: f64| additions * add + macs * (mul + add);
    let terms = [
        ("operations", operations(tally.additions, tally.macs)),
        ("addressing", operations(tally.address_additions, tally.address_macs)),
        ("inputs and outputs", tally.streams_pj),
        ("weights and offsets", tally.weights_pj),
        ("potentials", tally.potentials_pj),
    ];
    let used = [&["int_add_32", "int_mul_32"], variant.memory.constants()].concat();
    let qualia = Some("qualia");
    Ok(Estimate::new(ESTIMATOR.name, &terms, &LEAVES_OUT, &used).choosing([
        (variant.memory == MemoryForm::Qualia, "memories as Qualia prices them", qualia),
        (variant.memory == MemoryForm::QualiaFlat, "10 pJ for 64 bits of any memory", qualia),
        (variant.address_without_outputs, "addresses of convolutions without output channels", qualia),
        (variant.address_by_rate, "addresses of linear layers by the rate", qualia),
        (variant.additions_of_eq_2_4, "additions of linear layers by Eq. 2.4 as printed", None),
    ]))
}
