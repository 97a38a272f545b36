//! What a caller knows of a run besides program, counts and energy.

use super::{BitsRow, ClosedForm, Span, SpikeDot, StrategyFigures, Summary};
use crate::energy::break_even::Verdict;
use crate::energy::{AreaReport, Estimate};

/// Facts of a run, filled by whoever ran it. Sums are over all inputs unless stated.
#[derive(Debug, Clone, Default)]
pub struct RunFacts {
    /// Version of the program.
    pub version: String,
    /// Command line that makes the report again.
    pub command: String,
    /// SHA-256 of graph and weights, hex.
    pub model_hash: String,
    /// Name of the input data.
    pub input: String,
    /// SHA-256 of the input data, hex.
    pub input_hash: String,
    /// SHA-256 of the architecture text, hex.
    pub arch_hash: String,
    /// Seed of placement and sampling.
    pub seed: u64,
    /// Assumptions besides those of the graph.
    pub assumptions: Vec<String>,
    /// Trained parameters.
    pub parameters: u64,
    /// One entry an inference.
    pub inputs: Vec<InputFacts>,
    /// Cycles that load weights before the first inference.
    pub load_cycles: u64,
    /// How far the closed form is off, if it stands in for a simulation.
    pub closed_form: Option<ClosedForm>,
    /// Rates that the layers were given in place of computing their spikes, in words.
    pub workload: Option<String>,
    /// True if every event equals that of the integer reference; absent if nobody compared.
    pub spikes_equal_to_reference: Option<bool>,
    /// Events compared for it.
    pub compared_events: u64,
    /// Busy cycles by core.
    pub core_busy_cycles: Vec<u64>,
    /// Flits by router output.
    pub link_flits: Vec<LinkFlits>,
    /// What each core did, first input.
    pub spans: Vec<Span>,
    /// Spikes of the first input.
    pub spikes: Vec<SpikeDot>,
    /// Strategies weighed by the compiler: (stage name, figures).
    pub alternatives: Vec<(String, StrategyFigures)>,
    /// The run to compare with.
    pub twin: Option<Summary>,
    /// Accuracy by operand width.
    pub bits: Vec<BitsRow>,
    /// Estimators side by side, each for one inference.
    pub estimates: Vec<Estimate>,
    /// The network against published limits of break-even.
    pub break_even: Vec<Verdict>,
    /// Area of the chip.
    pub area: Option<AreaReport>,
}

/// One inference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputFacts {
    /// Latency, cycles.
    pub cycles: u64,
    /// True class, if known.
    pub label: Option<u32>,
    /// Class the chip predicts.
    pub prediction: Option<u32>,
    /// Class the float model predicts, if it was run.
    pub float_prediction: Option<u32>,
}

/// Flits through one router output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFlits {
    /// Router (tile).
    pub router: u32,
    /// Output port: 0 north, 1 east, 2 south, 3 west, from 4 on local.
    pub port: u32,
    /// Flits.
    pub flits: u64,
}
