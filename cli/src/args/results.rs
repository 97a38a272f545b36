//! Arguments of `pulvinar study`, `report` and `compare`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StudyArg {
    /// What attention saves and costs by the papers' formula and on the chip (docs/study-attention.md).
    Attention,
    /// Prosperity's shapes at its densities on a chip of its resources (docs/study-prosperity.md).
    Prosperity,
    /// Every estimator on the networks of the papers at their published rates (docs/study-energy.md).
    Energy,
    /// Chips on which the Gesture network of MA-SNN is cheaper with its gates than without
    /// (docs/study-where-attention-pays.md).
    WhereAttentionPays,
    /// The cheapest chip that runs the default network within 0.5 points of its float accuracy (docs/study-cheapest-chip.md).
    CheapestChip,
}

/// `pulvinar study`.
#[derive(Debug, Args)]
pub struct StudyArgs {
    /// Which.
    #[arg(value_enum)]
    pub study: StudyArg,
    /// Architecture file; the chip of the study without it.
    #[arg(long)]
    pub arch: Option<PathBuf>,
    /// Seed of weights, spikes and placement.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Output folder; it is replaced whole.
    #[arg(short, long)]
    pub output: PathBuf,
}

/// `pulvinar report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// report.json of a run, energy.json of estimates, or the folder of either.
    pub run: PathBuf,
    /// Output folder; text goes to the terminal without it.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// `pulvinar compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders or files of `pulvinar run` and `pulvinar energy -o`, two or more.
    #[arg(required = true, num_args = 2..)]
    pub runs: Vec<PathBuf>,
    /// Output folder for the page, text, LaTeX, CSV, JSON and the figure; it is replaced whole.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}
