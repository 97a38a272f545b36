//! Arguments of `pulvinar explore pareto` and `explore plot`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How a point ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusArg {
    /// It has metrics.
    Ok,
    /// It cannot be built.
    Infeasible,
    /// A bug.
    Crash,
    /// It took longer than allowed.
    Timeout,
}

/// How a point was evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FidelityArg {
    /// Simulated.
    Cycle,
    /// In closed form; simulated rows of the same points confirm them.
    Analytic,
}

/// Which points of a store, and what is looked for.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// The store.
    pub store: PathBuf,
    /// Only the points of this plan; its objectives, reference and bounds are those of the front.
    #[arg(long)]
    pub plan: Option<PathBuf>,
    /// Only rows that the sweep of this name computed.
    #[arg(long)]
    pub sweep: Option<String>,
    /// Only rows that ended so; `ok` without it.
    #[arg(long, value_enum)]
    pub status: Option<StatusArg>,
    /// Only rows of this fidelity.
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityArg>,
    /// Only rows for which this holds, of a key or a metric (=, !=, <, <=, >, >=); may be given again.
    #[arg(long = "where", value_name = "NAME=VALUE")]
    pub conditions: Vec<String>,
    /// Metrics of the front; those of the plan, or latency_us, energy_pj and area_mm2 without it.
    #[arg(long, value_delimiter = ',')]
    pub objectives: Vec<String>,
    /// Worst value of an objective that counts; the worst of the points without it.
    #[arg(long, value_delimiter = ',', value_name = "NAME=VALUE")]
    pub reference: Vec<String>,
}

/// `pulvinar explore pareto`.
#[derive(Debug, Args)]
pub struct ParetoArgs {
    /// Points and objectives.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Also write the front, as CSV or Parquet by the ending of the file.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// `pulvinar explore plot`.
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// Points and objectives.
    #[command(flatten)]
    pub select: SelectArgs,
    /// Output folder for the page, and every figure as SVG, CSV and Parquet; it is replaced whole.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Metric across; the first objective without it.
    #[arg(long)]
    pub x: Option<String>,
    /// Metric up; the second objective without it.
    #[arg(long)]
    pub y: Option<String>,
    /// Metric or key that colours; the third objective, or the key that decides most.
    #[arg(long)]
    pub colour: Option<String>,
    /// Keys of the heat map, across and down; the two that decide the first objective without it.
    #[arg(long, value_delimiter = ',', value_name = "KEY,KEY")]
    pub heat: Vec<String>,
    /// Metric of the heat map; the first objective without it.
    #[arg(long, value_name = "METRIC")]
    pub heat_of: Option<String>,
    /// Points of the energy stacks, by the first digits of their keys; the best in every objective without it.
    #[arg(long, value_delimiter = ',', value_name = "POINT")]
    pub points: Vec<String>,
    /// Logs of searches, for hypervolume against evaluations; points at random without it.
    #[arg(long, value_name = "LOG")]
    pub trials: Vec<PathBuf>,
}
