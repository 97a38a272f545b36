//! Arguments of `pulvinar technology`.

use clap::Args;
use std::path::PathBuf;

/// `pulvinar technology`: without a flag the library; with one its figures in that process.
#[derive(Debug, Args)]
pub struct Technology {
    /// Process of an architecture file.
    #[arg(long)]
    pub arch: Option<PathBuf>,
    /// Process node, nm.
    #[arg(long)]
    pub node: Option<u32>,
    /// Cell type of the memories.
    #[arg(long, value_parser = pulvinar_reports::energy::library::cells())]
    pub cell: Option<String>,
    /// Temperature, K.
    #[arg(long)]
    pub temperature: Option<f64>,
    /// Supply of the logic, V.
    #[arg(long)]
    pub voltage: Option<f64>,
    /// Accept figures scaled over more than two process nodes.
    #[arg(long)]
    pub far_scaling: bool,
}

impl Technology {
    /// Whether a process is asked for.
    pub fn is_process(&self) -> bool {
        self.arch.is_some()
            || self.node.is_some()
            || self.cell.is_some()
            || self.temperature.is_some()
            || self.voltage.is_some()
            || self.far_scaling
    }
}
