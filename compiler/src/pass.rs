//! The passes: functions from graph to graph in one table, verified after each.

mod canonicalise;
mod edit;
mod fold_batch_norm;
mod fold_pool;
mod fuse_neuron;
mod hoist;
mod late_mean;
mod lower_attention;
mod lower_readout;
mod lower_scale;
mod merge_gates;
mod move_relu;
mod quantise;
mod range_analysis;
mod share_statistics;

use crate::{Calibration, Options};
use pulvinar_ir::verify::verify;
use pulvinar_ir::{Graph, Level, Result};

/// What a pass may look at beside the graph.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Choices.
    pub options: &'a Options,
    /// Ranges on sample inputs; without them the quantiser takes proven ranges and says so.
    pub calibration: Option<&'a Calibration>,
}

/// How much of a graph's meaning a pass keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Every output bit.
    Exact,
    /// Real values up to the rounding of f32 constants and of the order of sums.
    WithinTolerance,
    /// A new level: reals become integers.
    NewLevel,
}

/// One pass.
pub struct Pass {
    /// Name in `--emit` and reports.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// What it keeps.
    pub keeps_meaning: Meaning,
    /// Level of the graphs it takes.
    pub level_in: Level,
    /// The function; its result is not verified yet.
    pub run: fn(&Graph, &Context<'_>) -> Result<Graph>,
}

macro_rules! passes {
    ($($name:literal, $doc:literal, $meaning:ident, $level:ident, $module:ident;)+) => {
        /// All passes in pipeline order.
        pub const PASSES: &[Pass] = &[$(Pass {
            name: $name,
            doc: $doc,
            keeps_meaning: Meaning::$meaning,
            level_in: Level::$level,
            run: $module::run,
        }),+];
    };
}

passes! {
    "canonicalise", "drop identities, repeated and dead nodes", Exact, Trained, canonicalise;
    "lower-readout", "readouts inside the network and their heads to steps", WithinTolerance, Trained, lower_readout;
    "lower-attention", "attention to reductions, dense layers, sigmoids and products", WithinTolerance, Trained, lower_attention;
    "lower-scale", "constant factors to norms", Exact, Trained, lower_scale;
    "fold-batch-norm", "batch norms and affines into the layer before them", WithinTolerance, Trained, fold_batch_norm;
    "late-mean", "the mean over time of the last layers to the readout", WithinTolerance, Trained, late_mean;
    "fold-pool", "average pools into the convolution next to them", WithinTolerance, Trained, fold_pool;
    "share-statistics", "statistics of gated values from those of ungated ones, one reduction a layer", WithinTolerance, Trained, share_statistics;
    "merge-gates", "one multiply an element for several gates", WithinTolerance, Trained, merge_gates;
    "move-relu", "rectify before a positive gate", Exact, Trained, move_relu;
    "quantise", "reals to integers", NewLevel, Trained, quantise;
    "hoist", "layers of a value that never changes in the first step only (direct coding)", Exact, Flow, hoist;
    "fuse-neuron", "layer biases into neurons, requantisers that do nothing away", Exact, Flow, fuse_neuron;
    "range-analysis", "proven range of every stream", Exact, Flow, range_analysis;
}

/// The pass with this name.
pub fn find(name: &str) -> Option<&'static Pass> {
    PASSES.iter().find(|p| p.name == name)
}

/// Runs a pass on a verified graph of its level and verifies the result.
pub fn run_pass(pass: &Pass, graph: &Graph, cx: &Context<'_>) -> Result<Graph> {
    let graph = (pass.run)(graph, cx)?;
    verify(&graph).map_err(|d| d.within(&format!("after pass `{}`", pass.name)))?;
    Ok(graph)
}

/// Runs every pass whose level is the graph's, in order; `observe` sees each result.
///
/// A trained graph leaves as a flow graph, a flow graph runs the passes behind the quantiser.
/// `calibration` belongs to `lower(graph, options)`.
pub fn run_pipeline(
    graph: &Graph,
    options: &Options,
    calibration: Option<&Calibration>,
    mut observe: impl FnMut(&'static str, &Graph),
) -> Result<Graph> {
    run_some(graph, options, calibration, |_| true, &mut observe)
}

/// The trained graph with attention, norms, pools and gates in the form the quantiser takes.
pub fn lower(graph: &Graph, options: &Options) -> Result<Graph> {
    run_some(
        graph,
        options,
        None,
        |p| p.level_in == Level::Trained && p.keeps_meaning != Meaning::NewLevel,
        &mut |_, _| (),
    )
}

/// The integer graph of a lowered one.
pub fn quantise(lowered: &Graph, options: &Options, calibration: Option<&Calibration>) -> Result<Graph> {
    let late = |p: &Pass| p.keeps_meaning == Meaning::NewLevel || p.level_in == Level::Flow;
    run_some(lowered, options, calibration, late, &mut |_, _| ())
}

fn run_some(
    graph: &Graph,
    options: &Options,
    calibration: Option<&Calibration>,
    wanted: impl Fn(&Pass) -> bool,
    observe: &mut dyn FnMut(&'static str, &Graph),
) -> Result<Graph> {
    options.check()?;
    verify(graph)?;
    let cx = Context { options, calibration };
    let mut graph = graph.clone();
    for pass in PASSES.iter().filter(|p| wanted(p)) {
        if pass.level_in == graph.level {
            graph = run_pass(pass, &graph, &cx)?;
            observe(pass.name, &graph);
        }
    }
    Ok(graph)
}
