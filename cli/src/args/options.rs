//! Arguments of the estimators of `pulvinar energy`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// A way of counting operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CountArg {
    /// The papers' formula.
    Papers,
    /// Spikingformer: layers and self-attention; zeros and ones by their rate, anything else in full.
    Spikingformer,
    /// `SyOPs`: layers, norms, pools, neurons.
    Syops,
    /// `NeuroBench`: operands other than 0, without biases.
    Neurobench,
}

/// What a synapse does with a sum of spikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResidualArg {
    /// Accumulate, once a spike.
    Ac,
    /// Multiply.
    Mac,
}

/// Memories of `lemaire2022`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MemoryArg {
    /// By the size of the array, as `SpikingJelly` has it.
    Size,
    /// 13.2 pJ a word and 1.09e-5 pJ a bit of the array, Qualia's default.
    Qualia,
    /// 10 pJ for each 64 bits, Qualia's other one.
    QualiaFlat,
}

/// A place where the sources of `lemaire2022` contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReadingArg {
    /// Convolutions are addressed without their output channels (Qualia).
    ConvAddress,
    /// Linear layers are addressed by the rate in place of the spikes (Qualia).
    LinearAddress,
    /// Additions of linear layers as the paper prints its Eq. 2.4.
    Equation24,
}

/// An accelerator of `prosperity-lumped`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AcceleratorArg {
    /// Prosperity.
    Prosperity,
    /// Eyeriss.
    Eyeriss,
    /// PTB.
    Ptb,
    /// SATO.
    Sato,
    /// MINT.
    Mint,
    /// Stellar.
    Stellar,
}

/// Choices of single estimators.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Whose counting rules `paper-sop` follows; all but `papers` take none of the choices above.
    #[arg(long, value_enum, default_value_t = CountArg::Papers, help_heading = "Papers' formula")]
    pub count: CountArg,
    /// Papers' formula: layers on sums and means of spikes.
    #[arg(long, value_enum, default_value_t = ResidualArg::Ac, help_heading = "Papers' formula")]
    pub residual: ResidualArg,
    /// Price operations that are counted already, in place of a network: the line `layer,kind,operations,rate,dense`, then rows;
    /// kinds are ac and mac. A rate that is in the operations already is refused.
    #[arg(long, value_name = "CSV", conflicts_with = "estimators", help_heading = "Papers' formula")]
    pub operations: Option<PathBuf>,
    /// `lemaire2022`: price of a memory word.
    #[arg(long, value_enum, default_value_t = MemoryArg::Size, help_heading = "Other estimators")]
    pub lemaire_memory: MemoryArg,
    /// `lemaire2022`: follow the other source where two contradict each other.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "READING",
        help_heading = "Other estimators"
    )]
    pub lemaire_reading: Vec<ReadingArg>,
    /// Duration of one sample, s: `device-truenorth`, `device-odin`, `prosperity-lumped`.
    #[arg(long, value_name = "S", help_heading = "Other estimators")]
    pub seconds: Option<f64>,
    /// Duration of a timestep, s: `device-truenorth` (1e-3 without it), `device-odin` (the time it works without it).
    #[arg(long, value_name = "S", help_heading = "Other estimators")]
    pub tick: Option<f64>,
    /// Clock of `device-odin`, MHz (75 without it).
    #[arg(long, value_name = "MHZ", help_heading = "Other estimators")]
    pub device_mhz: Option<f64>,
    /// Bits moved to and from DRAM: `prosperity-lumped`.
    #[arg(long, value_name = "BITS", help_heading = "Other estimators")]
    pub dram_bits: Option<f64>,
    /// Accelerator of `prosperity-lumped`.
    #[arg(long, value_enum, default_value_t = AcceleratorArg::Prosperity, help_heading = "Other estimators")]
    pub accelerator: AcceleratorArg,
}
