//! Arguments of what runs sweeps on other machines: `sweep submit`, `cluster`.

use super::explore::RunLimits;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `pulvinar sweep submit`.
#[derive(Debug, Args)]
pub struct SweepSubmit {
    /// The plan.
    pub plan: PathBuf,
    /// The store, on a file system that every host sees; it is made if it is not there.
    #[arg(long)]
    pub store: PathBuf,
    /// What starts the shards: `pulvinar cluster backends` lists them.
    #[arg(long)]
    pub backend: String,
    /// Number of shards; those without missing points are not started. Aim at a minute of work or more each.
    #[arg(long, value_name = "N")]
    pub shards: u64,
    /// Points that a shard evaluates at a time, and cores that it asks for.
    #[arg(long, default_value_t = 1)]
    pub jobs: usize,
    /// Limits that every shard gets.
    #[command(flatten)]
    pub limits: RunLimits,
    /// Print the commands and start nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Options of the engine's own submit command, behind `--`.
    #[arg(last = true, value_name = "OPTIONS")]
    pub extra: Vec<String>,
}

/// `pulvinar cluster`.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// List what can start shards.
    Backends,
    /// Try what a sweep needs: engine, a job of three tasks, file system, clocks. Exit code 6: something does not work.
    #[command(
        after_help = "Examples:\n  pulvinar cluster doctor\n  pulvinar cluster doctor --backend slurm --store S -- --partition=short"
    )]
    Doctor(Doctor),
    /// One task of the doctor's job.
    #[command(hide = true)]
    Task {
        /// Folder for its record.
        folder: PathBuf,
    },
}

/// `pulvinar cluster doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Only this back end, which then has to be there; every one without it.
    #[arg(long)]
    pub backend: Option<String>,
    /// A folder on the file system of the store, as the store itself; the current folder without it.
    #[arg(long, default_value = ".")]
    pub store: PathBuf,
    /// Longest time that the job may wait and run (30s, 5m).
    #[arg(long, value_name = "TIME", default_value = "120s")]
    pub patience: String,
    /// Options of the engine's own submit command, behind `--`.
    #[arg(last = true, value_name = "OPTIONS", requires = "backend")]
    pub extra: Vec<String>,
}
