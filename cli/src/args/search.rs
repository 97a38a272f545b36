//! Arguments of `explore search`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Who proposes points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchSampler {
    /// Drawn evenly: what every other sampler has to beat.
    Random,
    /// Sobol's sequence.
    Sobol,
    /// The genetic algorithm NSGA-II.
    Nsga2,
    /// Another program, by standard input and output (docs/explore.md).
    Pipe,
}

/// `pulvinar explore search`. Exit code 75: ended before it was done; the same command goes on.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// The space, with objectives and [reference] (docs/explore.md).
    pub space: PathBuf,
    /// The store; it is made if it is not there.
    #[arg(long)]
    pub store: PathBuf,
    /// Different points to look at, known ones and infeasible ones among them.
    #[arg(long)]
    pub budget: usize,
    /// Who proposes points.
    #[arg(long, value_enum, default_value_t = SearchSampler::Nsga2)]
    pub sampler: SearchSampler,
    /// Seed of the sampler.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Points asked for at a time.
    #[arg(long, default_value_t = 50)]
    pub batch: usize,
    /// Points evaluated at a time; 0 takes every core.
    #[arg(long, default_value_t = 0)]
    pub jobs: usize,
    /// Simulate the points of the front that were found by `fidelity = "analytic"`.
    #[arg(long)]
    pub confirm: bool,
    /// Write every point in the order of the search, a JSON line each.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}
