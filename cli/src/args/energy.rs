//! Arguments of `pulvinar energy`.

use super::{Choices, Options, RatesArgs, Source};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
    /// Network, inputs, chip. Inputs measure the rates where none are given; a structure needs neither inputs nor weights.
    #[command(flatten)]
    pub source: Source,
    /// Quantiser and scheduler, for --simulate.
    #[command(flatten)]
    pub choices: Choices,
    /// Rates in place of inputs. A row `input` is the mean value of the sample's elements, 1 without it.
    #[command(flatten)]
    pub rates: RatesArgs,
    /// The same network without attention: its rates, measured on the same inputs, are those of --base-rates.
    #[arg(long, value_name = "NET", conflicts_with_all = ["base_rate", "base_rates"], help_heading = "Workload by firing rate")]
    pub twin: Option<String>,
    /// Rate of the same network without attention, for the ratio of the papers' Eq. 19.
    #[arg(long, value_name = "RATE", help_heading = "Workload by firing rate")]
    pub base_rate: Option<f64>,
    /// A file of its rates.
    #[arg(long, value_name = "CSV", help_heading = "Workload by firing rate")]
    pub base_rates: Option<PathBuf>,
    /// Compile and simulate too, for the estimator `simulated`; --estimator simulated does the same.
    #[arg(long)]
    pub simulate: bool,
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
    /// Output folder for tables, figure, methods, bibliography and CSV; it is replaced whole.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}
