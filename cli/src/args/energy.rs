//! Arguments of `pulvinar energy`.

use super::{NirArgs, Options};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Rates of what spikes, in place of data.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Rates")]
pub struct RateArgs {
    /// Spikes a neuron and step, of every layer that has no row in --rates.
    #[arg(long)]
    pub rate: Option<f64>,
    /// A file of rates: the line `layer,rate`, then one row a layer of neurons; a row `input` is the sample's.
    #[arg(long, value_name = "CSV")]
    pub rates: Option<PathBuf>,
}

/// How layers on the sample are charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StemArg {
    /// Once, for a still image.
    Once,
    /// Every step.
    Steps,
    /// Not at all.
    None,
}

/// Whether something is in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InOut {
    /// It is.
    In,
    /// It is not.
    Out,
}

/// `pulvinar energy`.
#[derive(Debug, Args)]
pub struct Energy {
    /// A zoo name, a native model folder, its graph.json, or a NIR file. A structure takes --timesteps.
    #[arg(default_value = "ma-snn-tcsa")]
    pub model: String,
    /// Rates.
    #[command(flatten)]
    pub rates: RateArgs,
    /// Rate of the same network without attention, for the ratio of the papers' Eq. 19.
    #[arg(long, value_name = "RATE", help_heading = "Rates")]
    pub base_rate: Option<f64>,
    /// A file of its rates.
    #[arg(long, value_name = "CSV", help_heading = "Rates")]
    pub base_rates: Option<PathBuf>,
    /// Only these estimators (`pulvinar estimators`).
    #[arg(long = "estimator", value_name = "NAME")]
    pub estimators: Vec<String>,
    /// Papers' formula: layers on the sample.
    #[arg(long, value_enum, default_value_t = StemArg::Steps, help_heading = "Papers' formula")]
    pub stem: StemArg,
    /// Papers' formula: attention.
    #[arg(long, value_enum, default_value_t = InOut::In, help_heading = "Papers' formula")]
    pub attention: InOut,
    /// Papers' formula: analog convolutions on shortcuts.
    #[arg(long, value_enum, default_value_t = InOut::Out, help_heading = "Papers' formula")]
    pub shortcut: InOut,
    /// Choices of single estimators.
    #[command(flatten)]
    pub options: Options,
    /// What a NIR file does not say.
    #[command(flatten)]
    pub nir: NirArgs,
}
