//! Arguments of the verbs that explore designs: `explore`, `sweep`, `store`.

use super::cluster::SweepSubmit;
use super::plot::{ParetoArgs, PlotArgs};
use super::search::SearchArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `pulvinar explore`.
#[derive(Debug, Subcommand)]
pub enum Explore {
    /// Expand a space into a plan: its points with their keys, how long they will take, how many are known.
    #[command(
        after_help = "Examples:\n  pulvinar explore plan SPACE.toml -o PLAN\n  pulvinar explore plan SPACE.toml --sampler sobol --count 500 --store S -o PLAN"
    )]
    Plan(PlanArgs),
    /// Look for the best points of a space: each is looked up in the store, or evaluated into it.
    #[command(
        after_help = "Examples:\n  pulvinar explore search SPACE.toml --store S --budget 600\n  pulvinar explore search SPACE.toml --store S --budget 200 --sampler random --seed 3 -o log.jsonl"
    )]
    Search(SearchArgs),
    /// Look for better memories for a network to lie in: how every layer keeps its currents, and on how many cores it is. The
    /// network, its workload and the chip are those of `[set]` of a space.
    #[command(
        after_help = "Example:\n  pulvinar explore map SPACE.toml --method anneal --budget 200 -o mapping.toml && pulvinar run --mapping mapping.toml"
    )]
    Map(MapArgs),
    /// The front of the points of a store, with its hypervolume.
    #[command(
        after_help = "Examples:\n  pulvinar explore pareto S --plan PLAN\n  pulvinar explore pareto S --fidelity analytic --objectives latency_us,energy_pj --reference energy_pj=2e7 --where 'accuracy>=0.95' -o front.csv"
    )]
    Pareto(ParetoArgs),
    /// Figures of the points of a store as SVG, CSV and Parquet, and one page with all of them.
    #[command(
        after_help = "Examples:\n  pulvinar explore plot S --plan PLAN -o plots/\n  pulvinar explore plot S --x latency_us --y energy_pj --colour core.lanes --heat core.lanes,core.weight_kib --trials search.jsonl --trials random.jsonl -o plots/"
    )]
    Plot(PlotArgs),
    /// List the keys of a space with their values on the default chip.
    Keys,
    /// List the metrics.
    Metrics,
}

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SamplerArg {
    /// Every combination.
    Grid,
    /// Drawn evenly.
    Random,
    /// Sobol's sequence.
    Sobol,
    /// The [[point]] tables of the file.
    List,
}

/// `pulvinar explore plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The space (docs/explore.md).
    pub space: PathBuf,
    /// The plan to write.
    #[arg(short, long)]
    pub output: PathBuf,
    /// How points are chosen.
    #[arg(long, value_enum, default_value_t = SamplerArg::Grid)]
    pub sampler: SamplerArg,
    /// Points of a random or Sobol sample.
    #[arg(long, default_value_t = 100)]
    pub count: usize,
    /// Seed of such a sample.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Say how many points this store knows.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Run no points for the estimate of time.
    #[arg(long)]
    pub no_pilot: bool,
}

/// `pulvinar explore map`.
#[derive(Debug, Args)]
pub struct MapArgs {
    /// The space (docs/explore.md); its axes are left alone.
    pub space: PathBuf,
    /// anneal: one layer at a time, dearer by chance, less and less; evolve: children of two parents.
    #[arg(long, default_value = "anneal")]
    pub method: String,
    /// Mappings that are tried, at most.
    #[arg(long, default_value_t = 100)]
    pub budget: usize,
    /// Seed of the method.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What is minimised: a metric (`pulvinar explore metrics`).
    #[arg(long, default_value = "edp_pj_us")]
    pub objective: String,
    /// Write what was found as options of the mapper, for --mapping.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// `pulvinar sweep`. Exit codes: 0 every point has a row, 3 some crashed or timed out, 75 ended before it was done and can be
/// resumed; `status` 4 if points are missing.
#[derive(Debug, Subcommand)]
pub enum Sweep {
    /// Run the points of a plan that a store does not know yet.
    #[command(
        after_help = "Examples:\n  pulvinar sweep run PLAN --store S\n  pulvinar sweep run PLAN --store S --shard 3/8 --jobs 4 --limit 50m\n  pulvinar sweep run PLAN --store S --shards 100    # in an array job of Slurm or HyperQueue"
    )]
    Run(SweepRun),
    /// The same as `run`: only what is missing is run.
    Resume(SweepRun),
    /// Start the shards that miss points on this machine or on a cluster (docs/cluster.md). To resume, submit again.
    #[command(
        after_help = "Examples:\n  pulvinar sweep submit PLAN --store S --backend local --shards 8\n  pulvinar sweep submit PLAN --store S --backend slurm --shards 100 --jobs 4 -- --partition=short --time=1:00:00\n  pulvinar sweep submit PLAN --store S --backend hq --shards 100"
    )]
    Submit(SweepSubmit),
    /// Say what a store knows of a plan.
    #[command(
        after_help = "Examples:\n  pulvinar sweep status PLAN --store S\n  pulvinar sweep status PLAN --store S --watch=30s"
    )]
    Status(SweepStatus),
}

/// What is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RetryArg {
    /// Points that crashed.
    Crash,
    /// Points that took too long.
    Timeout,
}

/// Share of a plan.
#[derive(Debug, Clone, Default, Args)]
pub struct ShardArgs {
    /// Only shard i of n, i from 0: the points whose key mod n is i.
    #[arg(long, value_name = "I/N", conflicts_with = "shards")]
    pub shard: Option<String>,
    /// Only one shard of n; which one is said by PULVINAR_TASK_ID, HQ_TASK_ID or SLURM_ARRAY_TASK_ID.
    #[arg(long, value_name = "N")]
    pub shards: Option<u64>,
}

/// `pulvinar sweep run`.
#[derive(Debug, Args)]
pub struct SweepRun {
    /// The plan.
    pub plan: PathBuf,
    /// The store; it is made if it is not there.
    #[arg(long)]
    pub store: PathBuf,
    /// Share of the plan.
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Points evaluated at a time; 0 takes every core.
    #[arg(long, default_value_t = 0)]
    pub jobs: usize,
    /// Limits.
    #[command(flatten)]
    pub limits: RunLimits,
}

/// What a run leaves out, and what it does again.
#[derive(Debug, Args)]
pub struct RunLimits {
    /// Begin no point after this time (30s, 50m, 2h).
    #[arg(long, value_name = "TIME")]
    pub limit: Option<String>,
    /// Most time of a point (looked at before every inference); it is then kept as timed out.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Run such points again.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub retry: Vec<RetryArg>,
}

/// `pulvinar sweep status`.
#[derive(Debug, Args)]
pub struct SweepStatus {
    /// The plan.
    pub plan: PathBuf,
    /// The store.
    #[arg(long)]
    pub store: PathBuf,
    /// Share of the plan.
    #[command(flatten)]
    pub shard: ShardArgs,
    /// Say it again and again until nothing is missing, with rate and estimate.
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "5s")]
    pub watch: Option<String>,
}

/// `pulvinar store`. Exit code 5: two results for one key.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Look at every row: doubles, conflicts, torn files.
    Check {
        /// The store.
        store: PathBuf,
    },
    /// Merge the files of a store, one row a key. No other process may use the store meanwhile.
    Compact {
        /// The store.
        store: PathBuf,
        /// Also files that changed within the last ten minutes.
        #[arg(long)]
        all: bool,
    },
    /// Write the rows to one file.
    #[command(after_help = "Example:\n  pulvinar store export S --varying -o results.csv")]
    Export {
        /// The store.
        store: PathBuf,
        /// The file to write.
        #[arg(short, long)]
        output: PathBuf,
        /// Format; by the ending of the file without it.
        #[arg(long, value_enum)]
        format: Option<StoreFormat>,
        /// Leave out settings that are the same in every row.
        #[arg(long)]
        varying: bool,
    },
}

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreFormat {
    /// A header and a line a row.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Parquet.
    Parquet,
}
