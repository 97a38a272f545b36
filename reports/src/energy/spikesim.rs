//! Estimators `spikesim` and `spikesim-sram`: crossbars that compute in memory (`moitra2023spikesim`), x = 64 rows and columns:
//!
//! ```text
//! E_PE = H-tree + fetch + tile buffer + neuron + (x/8)·(16·subtractor + buffer) + (x/8)²·(ADC + multiplexer) + (x/8)·K·crossbar
//! E    = Σ_conv T·h·w·⌈C_in/x⌉·⌈C_out/x⌉·E_PE
//! ```
//!
//! A cycle of a processing element costs the same however few of its inputs spike: the rates do not enter.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{Layer, LayerKind};
use pulvinar_ir::Result;

/// Crossbars of resistive memory.
pub const RRAM: Estimator = Estimator {
    name: "spikesim",
    doc: "convolutions on 64 x 64 crossbars of resistive memory, every cycle alike however few inputs spike",
    network: Network::Spiking,
    sources: &["moitra2023spikesim", "spikingjelly2"],
    estimate: |input| estimate(input, "spikesim", "spikesim_crossbar_rram"),
};

/// Crossbars of SRAM.
pub const SRAM: Estimator = Estimator {
    name: "spikesim-sram",
    doc: "as spikesim, with crossbars of SRAM",
    network: Network::Spiking,
    sources: &["moitra2023spikesim", "spikingjelly2"],
    estimate: |input| estimate(input, "spikesim-sram", "spikesim_crossbar_sram"),
};

const LEAVES_OUT: [&str; 4] = [
    "fully connected layers",
    "attention modules, residual additions, pools",
    "DRAM, leakage and clock",
    "sparsity: silent inputs cost what spikes cost",
];

/// Rows and columns of a crossbar.
const CROSSBAR: u64 = 64;
/// Rows and columns that share a converter.
const SHARED: u64 = 8;

const SHARES: [&str; 8] = [
    "spikesim_htree",
    "spikesim_fetch",
    "spikesim_tile_buffer",
    "spikesim_neuron",
    "spikesim_subtractor",
    "spikesim_buffer",
    "spikesim_adc",
    "spikesim_multiplexer",
];

/// Cycles of processing elements over all steps.
fn cycles(layer: &Layer) -> f64 {
    let g = &layer.geometry;
    let tiles = (g.inputs / g.groups).div_ceil(CROSSBAR) * g.outputs.div_ceil(CROSSBAR);
    (tiles * g.out_plane[0] * g.out_plane[1]) as f64 * f64::from(layer.timesteps)
}

fn estimate(input: &EstimatorInput, name: &'static str, crossbar: &'static str) -> Result<Estimate> {
    let constants = &Data::embedded().constants;
    let ways = (CROSSBAR / SHARED) as f64;
    let mut price = [0.0; 8];
    for (price, share) in price.iter_mut().zip(SHARES) {
        *price = constants.per_term(share)?.pj();
    }
    let [htree, fetch, tile, neuron, subtractor, buffer, adc, multiplexer] = price;
    let crossbar_pj = constants.per_term(crossbar)?.pj();
    let convs = || input.workload.layers.iter().filter(|l| l.kind == LayerKind::Conv);
    let all: f64 = convs().map(cycles).sum();
    let arrays: f64 = convs().map(|l| cycles(l) * ways * l.geometry.taps() as f64).sum();
    let terms = [
        ("H-tree, fetch and buffers", all * (htree + fetch + tile + ways * buffer)),
        ("converters", all * (ways * ways * (adc + multiplexer) + ways * 16.0 * subtractor)),
        ("neurons", all * neuron),
        ("crossbars", arrays * crossbar_pj),
    ];
    Ok(Estimate::new(name, &terms, &LEAVES_OUT, &[SHARES.as_slice(), &[crossbar]].concat()))
}
