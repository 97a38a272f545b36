//! Command line: one vocabulary and one set of flags for all verbs.

mod cluster;
mod energy;
mod explore;
mod options;
mod plot;
mod results;
mod search;
mod technology;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub use cluster::{Cluster, Doctor, SweepSubmit};
pub use energy::{Energy, InOut, StemArg};
pub use explore::{
    Explore, MapArgs, PlanArgs, RetryArg, RunLimits, SamplerArg, ShardArgs, Store, StoreFormat, Sweep,
    SweepRun, SweepStatus,
};
pub use options::{AcceleratorArg, CountArg, MemoryArg, Options, ReadingArg, ResidualArg};
pub use plot::{FidelityArg, ParetoArgs, PlotArgs, SelectArgs, StatusArg};
pub use results::{CompareArgs, ReportArgs, StudyArg, StudyArgs};
pub use search::{SearchArgs, SearchSampler};
pub use technology::Technology;

/// Compile, simulate and price attention spiking neural networks on neuromorphic hardware.
///
/// Without a verb: `pulvinar run`, the embedded trained network on real inputs and the default chip.
#[derive(Debug, Parser)]
#[command(
    name = "pulvinar",
    version,
    propagate_version = true,
    after_help = "Example:\n  pulvinar run --inputs 16 -o out/"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// Flags every verb takes.
    #[command(flatten)]
    pub global: Global,
}

/// Flags every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print machine-readable JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress bars and no notes on standard error.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Worker threads; 0 takes every core. The results do not depend on it.
    #[arg(long, global = true, default_value_t = 0)]
    pub threads: usize,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Compile, simulate and report in one go.
    #[command(
        after_help = "Examples:\n  pulvinar run\n  pulvinar run vanilla --inputs 8 --strategy neuron1=spill_dram -o out/\n  pulvinar run ma-gesture-tcsa --rate 0.026 -o out/"
    )]
    Run(Run),
    /// Read a trained model and write it in the native format.
    #[command(
        after_help = "Examples:\n  pulvinar import model/graph.json -o net/\n  pulvinar import net.nir --timesteps 20 --dt 1e-3 --reset value -o net/"
    )]
    Import(Import),
    /// Write a network without attention in another format.
    #[command(after_help = "Example:\n  pulvinar export net/ --format nir --dt 1e-3 -o net.nir")]
    Export(Export),
    /// Does it fit, what spills, what is assumed: a verdict without simulating.
    #[command(after_help = "Example:\n  pulvinar check ma-snn-tcsa")]
    Check(Check),
    /// Compile for a chip and write the program.
    #[command(after_help = "Example:\n  pulvinar compile ma-snn-tcsa -o prog/ --emit quantise")]
    Compile(Compile),
    /// Simulate a compiled program.
    #[command(after_help = "Example:\n  pulvinar simulate prog/ --inputs 4 --trace trace.txt")]
    Simulate(Simulate),
    /// Compile for a chip and write its Verilog, with test benches, scripts and constraints.
    #[command(
        after_help = "Example:\n  pulvinar rtl --arch arch/fpga.toml -o digits-rtl/ --verify --synth ecp5"
    )]
    Rtl(Rtl),
    /// Show or write the report of an earlier run, or earlier estimates, again.
    #[command(after_help = "Example:\n  pulvinar report out/report.json -o again/")]
    Report(ReportArgs),
    /// Runs or estimates side by side with their ratios to the first: vanilla against attention, SNN against ANN.
    #[command(
        after_help = "Examples:\n  pulvinar compare vanilla/ attention/ -o compared/\n  pulvinar compare energy-a/ energy-b/energy.json --json"
    )]
    Compare(CompareArgs),
    /// Run a study of the documentation again and write its tables and figures.
    #[command(
        after_help = "Examples:\n  pulvinar study attention -o study/\n  pulvinar study energy -o study/"
    )]
    Study(StudyArgs),
    /// Accuracy of quantised networks over a grid of weight and gate bits.
    #[command(after_help = "Example:\n  pulvinar bits ma-snn-tcsa --inputs 200")]
    Bits(Bits),
    /// Price a network by its shapes and rates with every estimator; tables, methods and bibliography for a paper.
    #[command(
        after_help = "Examples:\n  pulvinar energy net/ --input data.safetensors -o energy/\n  pulvinar energy net/ --input data.safetensors --simulate --estimator paper-sop -o energy/\n  pulvinar energy att-res-18 --rate 0.148 --stem none\n  pulvinar energy gac-imagenet-18 --rate 0.157 --estimator paper-sop --stem once --attention out\n  pulvinar energy --operations counted.csv"
    )]
    Energy(Energy),
    /// Spaces of designs: expand one into a plan of points.
    #[command(subcommand)]
    Explore(Explore),
    /// Run the points of a plan into a store of results.
    #[command(subcommand)]
    Sweep(Sweep),
    /// Look after a store of results.
    #[command(subcommand)]
    Store(Store),
    /// What a cluster needs for sweeps.
    #[command(subcommand)]
    Cluster(Cluster),
    /// List the networks that come with Pulvinar: trained ones, and structures of papers with their counts.
    Zoo,
    /// Print the default chip, or another of `pulvinar chips`, or check a file.
    #[command(after_help = "Example:\n  pulvinar arch --toml > chip.toml && pulvinar arch chip.toml")]
    Arch(ArchArgs),
    /// List the chips: architectures to simulate on (--arch NAME), and published figures with scope, grade and source.
    #[command(after_help = "Examples:\n  pulvinar chips loihi\n  pulvinar run vanilla --arch loihi -o out/")]
    Chips(ChipsArgs),
    /// List the compiler's passes.
    Passes,
    /// List the encoders.
    Encoders,
    /// List the energy estimators.
    Estimators,
    /// The library of energies, areas and leakages: every number with its source, the errors of its rules, and what it gives
    /// in a process.
    #[command(
        after_help = "Examples:\n  pulvinar technology\n  pulvinar technology --node 28 --cell lop --temperature 340\n  pulvinar technology --node 7 --far-scaling"
    )]
    Technology(Technology),
    /// Print a shell completion script.
    #[command(after_help = "Example:\n  pulvinar completions bash > /etc/bash_completion.d/pulvinar")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the network, its inputs and the chip come from.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// A zoo name (a structure gets random weights of the seed), a native model folder, its graph.json, or a file of another
    /// tool: NIR, torch.export (.pt2), ONNX or lava-dl (.net).
    #[arg(default_value = "ma-snn-tcsa")]
    pub model: String,
    /// Inputs: a data set (.safetensors or .safetensors.gz) with frames [N,T,C,H,W] or stills [N,C,H,W].
    #[arg(long)]
    pub input: Option<PathBuf>,
    /// Encoder for still images or recordings (`pulvinar encoders` lists them).
    #[arg(long)]
    pub encode: Option<String>,
    /// Inputs for calibrating the quantiser; the zoo's own for zoo models, else the first inputs.
    #[arg(long)]
    pub calibration: Option<PathBuf>,
    /// Use only the first N inputs.
    #[arg(long)]
    pub inputs: Option<usize>,
    /// Architecture file, or the name of a chip (`pulvinar chips`); the default chip without it.
    #[arg(long)]
    pub arch: Option<PathBuf>,
    /// Seed of placement, encoders and random weights.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What a file of another tool does not say.
    #[command(flatten)]
    pub nir: NirArgs,
}

/// What a file of another tool does not say.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Files of other tools")]
pub struct NirArgs {
    /// Timesteps of an inference; required where the file holds one step or continuous time. Of a structure of the zoo,
    /// other ones than published.
    #[arg(long)]
    pub timesteps: Option<usize>,
    /// Seconds of a timestep (NIR); 1e-4 is assumed.
    #[arg(long)]
    pub dt: Option<f64>,
    /// What a spike does to the potential (NIR): set it to v_reset (assumed), or subtract the threshold.
    #[arg(long, value_enum)]
    pub reset: Option<ResetArg>,
    /// What the input carries; counts are assumed.
    #[arg(long, value_enum)]
    pub input_kind: Option<InputKindArg>,
    /// What is made of the output over time; its sum is assumed.
    #[arg(long, value_enum)]
    pub readout: Option<ReadoutArg>,
}

/// Reset of a spiking neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResetArg {
    /// To v_reset.
    Value,
    /// By the threshold.
    Subtract,
    /// By the threshold, in the next step and after the leak, as snnTorch does.
    SubtractLate,
}

/// What an input stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputKindArg {
    /// 0 or 1.
    Binary,
    /// 0 or more.
    Counts,
    /// Real numbers.
    Real,
}

/// What is made of an output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReadoutArg {
    /// Sum over time.
    Sum,
    /// Mean over time.
    Mean,
    /// Nothing.
    Stream,
}

/// Choices of the quantiser and the scheduler.
#[derive(Debug, Clone, Args)]
pub struct Choices {
    /// Bits of a weight, 2..=16.
    #[arg(long, default_value_t = 8)]
    pub weight_bits: u32,
    /// Bits of a gate, 2..=16.
    #[arg(long, default_value_t = 8)]
    pub gate_bits: u32,
    /// Bits of a statistic, 4..=16.
    #[arg(long, default_value_t = 12)]
    pub stat_bits: u32,
    /// How a layer waits for a gate over all timesteps, e.g. `neuron1=recompute` (spill_sram, spill_dram, recompute).
    #[arg(long = "strategy", value_name = "LAYER=STRATEGY")]
    pub strategies: Vec<String>,
    /// Options of the mapper from a file, as `pulvinar explore map` writes it; --strategy stands above it.
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Keep every layer on as few cores as it fits.
    #[arg(long)]
    pub no_spread: bool,
}

impl Default for Choices {
    /// As without any flag.
    fn default() -> Self {
        Choices {
            weight_bits: 8,
            gate_bits: 8,
            stat_bits: 12,
            strategies: Vec::new(),
            mapping: None,
            no_spread: false,
        }
    }
}

/// How counts and cycles of a run come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fidelity {
    /// Simulated cycle by cycle.
    Cycle,
    /// In closed form from the spikes of the integer reference, without simulating (docs/analytic.md).
    Analytic,
}

/// Engine of the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// Skips what is idle.
    Fast,
    /// Every unit, every cycle.
    Plain,
    /// Both, and compare their listings.
    Both,
}

/// `pulvinar run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Network, inputs, chip.
    #[command(flatten)]
    pub source: Source,
    /// Quantiser and scheduler.
    #[command(flatten)]
    pub choices: Choices,
    /// Workload by firing rate.
    #[command(flatten)]
    pub rates: RatesArgs,
    /// Simulate, or work out in closed form; the report then says how far that may be off.
    #[arg(long, value_enum, default_value_t = Fidelity::Cycle)]
    pub fidelity: Fidelity,
    /// Engine of the simulator.
    #[arg(long, value_enum, default_value_t = EngineArg::Fast)]
    pub engine: EngineArg,
    /// Network to compare with: a zoo name or model folder, or `none`. The default network has its vanilla twin.
    #[arg(long)]
    pub twin: Option<String>,
    /// Output folder; it is replaced whole.
    #[arg(short, long, default_value = "pulvinar-out")]
    pub output: PathBuf,
}

/// A workload by firing rate: layers send generated spikes of these rates, whatever their weights.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Workload by firing rate")]
#[command(group = clap::ArgGroup::new("workload").args(["rate", "rates"]).multiple(true))]
pub struct RatesArgs {
    /// Spikes a neuron and step of every layer that has no rate of its own; no data and no trained weights are needed.
    #[arg(long, conflicts_with_all = ["twin", "calibration", "encode"])]
    pub rate: Option<f64>,
    /// Rates of layers: CSV with a header `layer,rate` or `layer,rate,spread`.
    #[arg(long, conflicts_with_all = ["twin", "calibration", "encode"])]
    pub rates: Option<PathBuf>,
    /// Spread over space and time: bernoulli, or correlated:PATCH:ACTIVE:PERSISTENCE (docs/rates.md).
    #[arg(long, requires = "workload", default_value = "bernoulli")]
    pub spread: String,
}

/// `pulvinar import`.
#[derive(Debug, Args)]
pub struct Import {
    /// A native model folder, its graph.json, or a NIR, torch.export (.pt2), ONNX or lava-dl (.net) file.
    pub model: PathBuf,
    /// Output folder.
    #[arg(short, long)]
    pub output: PathBuf,
    /// What a file of another tool does not say.
    #[command(flatten)]
    pub nir: NirArgs,
}

/// Format of an exported network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// NIR 1.0 in HDF5.
    Nir,
}

/// `pulvinar export`.
#[derive(Debug, Args)]
pub struct Export {
    /// A zoo name, a native model folder, its graph.json, or a file of another tool.
    pub model: String,
    /// Format.
    #[arg(long, value_enum, default_value_t = FormatArg::Nir)]
    pub format: FormatArg,
    /// Output file.
    #[arg(short, long)]
    pub output: PathBuf,
    /// What a file of another tool does not say; the time step is also that of the file written.
    #[command(flatten)]
    pub nir: NirArgs,
}

/// `pulvinar check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Network, inputs, chip.
    #[command(flatten)]
    pub source: Source,
    /// Quantiser and scheduler.
    #[command(flatten)]
    pub choices: Choices,
}

/// `pulvinar compile`.
#[derive(Debug, Args)]
pub struct Compile {
    /// Network, inputs, chip.
    #[command(flatten)]
    pub source: Source,
    /// Quantiser and scheduler.
    #[command(flatten)]
    pub choices: Choices,
    /// Print the IR after this pass (`pulvinar passes`), or `program`.
    #[arg(long, value_name = "STAGE")]
    pub emit: Option<String>,
    /// Output folder of the program.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
}

/// `pulvinar simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Folder written by `pulvinar compile`.
    pub program: PathBuf,
    /// Inputs; the embedded ones without it.
    #[arg(long)]
    pub input: Option<PathBuf>,
    /// Use only the first N inputs.
    #[arg(long, default_value_t = 1)]
    pub inputs: usize,
    /// Engine of the simulator.
    #[arg(long, value_enum, default_value_t = EngineArg::Fast)]
    pub engine: EngineArg,
    /// Write every event and flit of the first input with its cycle.
    #[arg(long)]
    pub trace: Option<PathBuf>,
    /// Write the timeline of the first input as a Chrome trace (opens in Perfetto).
    #[arg(long)]
    pub timeline: Option<PathBuf>,
}

/// Verilog simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SimulatorArg {
    /// Some time to build, then fast.
    Verilator,
    /// Icarus Verilog: starts at once, slow.
    Icarus,
}

/// Family of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetArg {
    /// Lattice ECP5-85F.
    Ecp5,
    /// Lattice iCE40 UP5K.
    Ice40,
    /// Xilinx 7 series, as Yosys estimates it.
    Xilinx,
}

/// `pulvinar rtl`.
#[derive(Debug, Args)]
pub struct Rtl {
    /// Network, inputs, chip.
    #[command(flatten)]
    pub source: Source,
    /// Quantiser and scheduler.
    #[command(flatten)]
    pub choices: Choices,
    /// Output folder; it is replaced whole.
    #[arg(short, long)]
    pub output: PathBuf,
    /// Run the inputs through simulator and RTL and compare their listings, cycle by cycle.
    #[arg(long)]
    pub verify: bool,
    /// Simulator for --verify.
    #[arg(long, value_enum, default_value_t = SimulatorArg::Verilator)]
    pub simulator: SimulatorArg,
    /// Synthesise for a family, and place and route.
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub synth: Option<TargetArg>,
    /// Seeds of place and route.
    #[arg(long, default_value_t = 3)]
    pub seeds: u32,
}

/// `pulvinar bits`.
#[derive(Debug, Args)]
pub struct Bits {
    /// Network, inputs, chip.
    #[command(flatten)]
    pub source: Source,
    /// Weight bits to try.
    #[arg(long, value_delimiter = ',', default_value = "8,6,4,3")]
    pub weights: Vec<u32>,
    /// Gate bits to try.
    #[arg(long, value_delimiter = ',', default_value = "8,4,2")]
    pub gates: Vec<u32>,
}

/// `pulvinar chips`.
#[derive(Debug, Args)]
pub struct ChipsArgs {
    /// Only this chip, with all its figures.
    pub name: Option<String>,
}

/// `pulvinar arch`.
#[derive(Debug, Args)]
pub struct ArchArgs {
    /// Architecture file to check, or the name of a chip (`pulvinar chips`); the default chip without it.
    pub file: Option<PathBuf>,
    /// Print as TOML.
    #[arg(long)]
    pub toml: bool,
    /// Print the JSON Schema of architecture files.
    #[arg(long, conflicts_with = "toml")]
    pub schema: bool,
}
