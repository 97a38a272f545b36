//! The network of a point and what it works on: read once, used by every point that names them.

use crate::config::{Config, Input};
use pulvinar_compiler::{lower, Calibration, Options};
use pulvinar_ir::{Diagnostic, Graph, Level, Result, Shape, Value};
use pulvinar_models::rates::{of_bytes, sample_seed, Plan, Rates, Spread};
use pulvinar_models::{dataset, encode, import, native, sha256_hex, zoo, Dataset, Frames, Model};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// Contents that a configuration names, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of the network, its timesteps and weights.
    pub model: String,
    /// Of the inputs, or of the rates with their spread and seed.
    pub workload: String,
}

/// What a network works on.
#[derive(Debug, Clone)]
pub enum Workload {
    /// Inputs; the network computes its own spikes.
    Data {
        /// Inputs, as many as are used.
        inputs: Dataset,
        /// Inputs that calibrate the quantiser.
        calibration: Frames,
    },
    /// Layers send spikes of these rates.
    Rates(Plan),
}

/// A network that was read, with its workload.
pub struct Network {
    /// The trained network.
    pub model: Model,
    /// What it works on.
    pub workload: Workload,
    /// All frames of an input are the same.
    pub direct: bool,
    /// Contents.
    pub identity: Identity,
    /// Samples simulated.
    samples: usize,
    seed: u64,
    /// Without and with folded pools.
    lowered: [OnceLock<Result<Lowered>>; 2],
}

/// Spikes of a sample's neurons, by name.
pub type Given = BTreeMap<String, Value>;

/// What is the same for every choice of the quantiser.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// The network in the form the quantiser takes.
    pub graph: Graph,
    /// Ranges on the calibration inputs.
    pub ranges: Calibration,
    /// Inputs simulated.
    pub inputs: Frames,
    /// Spikes that the layers are given, an entry a sample; empty where they compute their own.
    pub given: Vec<Given>,
}

impl Network {
    /// Reads what a configuration names; paths are relative to `folder`.
    ///
    /// # Errors
    /// Whatever is wrong with the files: all are faults of the input, none is a result.
    pub fn load(config: &Config, folder: &Path) -> Result<Self> {
        let model = model(config, folder)?;
        if config.input.simulate == 0 {
            return Err(Diagnostic::new("E0404", "input.simulate", "no inputs to run on", "give at least 1"));
        }
        let id = model.graph.input().expect("the loader has verified that there is one input");
        let shape = model.graph.node(id).ty.shape;
        let direct_data = config.input.data.is_some() && config.input.encode.as_deref() == Some("direct");
        let (workload, direct) = if config.by_rates() {
            (Workload::Rates(rates(&config.input, folder)?), Plan::reads_image(&model.graph))
        } else {
            (data(config, folder, shape)?, direct_data)
        };
        if let Workload::Data { inputs, calibration } = &workload {
            inputs.frames.check(&model.graph)?;
            calibration.check(&model.graph)?;
        }
        let content = match &workload {
            Workload::Data { inputs, calibration } => {
                let calibration = Dataset { frames: calibration.clone(), labels: None };
                let hash = |d: &Dataset| sha256_hex(&dataset::to_bytes(d));
                format!("{} {} direct {direct}", hash(inputs), hash(&calibration))
            }
            Workload::Rates(plan) => format!("{plan:?} seed {}", config.seed),
        };
        let identity = Identity {
            model: sha256_hex(format!("{} T {}", model.hash, model.graph.timesteps).as_bytes()),
            workload: sha256_hex(content.as_bytes()),
        };
        let lowered = [OnceLock::new(), OnceLock::new()];
        let (samples, seed) = (config.input.simulate, config.seed);
        Ok(Network { model, workload, direct, identity, samples, seed, lowered })
    }

    /// Labels of the inputs, if accuracy can be measured.
    pub fn labels(&self) -> Option<&[u32]> {
        match &self.workload {
            Workload::Data { inputs, .. } => inputs.labels.as_deref(),
            Workload::Rates(_) => None,
        }
    }

    /// The network in the form the quantiser takes, with its ranges: computed once.
    pub fn lowered(&self, fold_pool: bool) -> Result<&Lowered> {
        let computed = self.lowered[usize::from(fold_pool)].get_or_init(|| self.lower(fold_pool));
        computed.as_ref().map_err(Clone::clone)
    }

    fn lower(&self, fold_pool: bool) -> Result<Lowered> {
        let options = Options { direct: self.direct, fold_pool, ..Options::default() };
        let graph = lower(&self.model.graph, &options)?;
        match &self.workload {
            Workload::Data { inputs, calibration } => {
                let ranges = Calibration::from_inputs(&graph, &values(calibration, Level::Trained)?)?;
                let inputs = inputs.frames.slice(0..self.samples);
                Ok(Lowered { graph, ranges, inputs, given: Vec::new() })
            }
            Workload::Rates(plan) => {
                plan.check(&graph)?;
                let inputs = plan.frames(&graph, self.seed, self.samples)?;
                let given = (0..self.samples)
                    .map(|i| plan.spikes(&graph, sample_seed(self.seed, i)))
                    .collect::<Result<Vec<Given>>>()?;
                let graph = of_bytes(graph);
                let first = inputs.value(0, Level::Trained)?;
                let ranges = Calibration::from_given(&graph, &[first], &given[0])?;
                Ok(Lowered { graph, ranges, inputs, given })
            }
        }
    }
}

/// All samples as values of a level.
pub fn values(frames: &Frames, level: Level) -> Result<Vec<Value>> {
    (0..frames.len()).map(|i| frames.value(i, level)).collect()
}

/// Reads a zoo name, a structure of the zoo, a native model or another tool's file.
fn model(config: &Config, folder: &Path) -> Result<Model> {
    let name = config.model.as_str();
    let no_timesteps = |model: Model| match config.timesteps {
        Some(_) => Err(Diagnostic::new(
            "E0903",
            "timesteps",
            format!("the steps of `{name}` are those it was trained with"),
            "leave `timesteps` out, or take a structure of the zoo (`pulvinar zoo`)",
        )),
        None => Ok(model),
    };
    if let Some(entry) = zoo::ZOO.iter().find(|e| e.name == name) {
        return no_timesteps((entry.load)()?);
    }
    if let Some(structure) = zoo::build::find(name) {
        return config.timesteps.map_or(Ok(*structure), |t| structure.over(t))?.model(config.seed);
    }
    let path = folder.join(name);
    if let Some(format) = import::recognise(&path) {
        let options = import::Options { timesteps: config.timesteps, ..import::Options::default() };
        return import::import(format, &path, &options).model;
    }
    if path.exists() {
        return no_timesteps(native::load(&path)?);
    }
    let known = zoo::ZOO.iter().map(|e| e.name).chain(zoo::build::all().map(|b| b.name));
    Err(crate::keys::unknown("network", name, known, "model"))
}

fn rates(input: &Input, folder: &Path) -> Result<Plan> {
    let given = input.rates.as_ref().map(|file| Rates::read(&folder.join(file))).transpose()?;
    let rates = match (given, input.rate) {
        (Some(rates), None) => rates,
        (Some(rates), Some(rate)) => rates.with_others(rate)?,
        (None, rate) => Rates::uniform(rate.unwrap_or_default())?,
    };
    Ok(Plan { rates, spread: Spread::parse(&input.spread, "input.spread")? })
}

fn data(config: &Config, folder: &Path, shape: Shape) -> Result<Workload> {
    let read = |file: &String| frames(&folder.join(file), config, shape.t);
    let mut inputs = match &config.input.data {
        Some(file) => read(file)?,
        None => zoo::test_inputs()?,
    };
    if config.input.data.is_none() && inputs.frames.shape() != shape {
        return Err(Diagnostic::new(
            "E0401",
            config.model.as_str(),
            format!("the embedded inputs are {} and this network takes {shape}", inputs.frames.shape()),
            "give inputs of its own with `input.data`, or firing rates with `input.rate`",
        ));
    }
    if let Some(n) = config.input.count {
        inputs.frames = inputs.frames.slice(0..n);
        inputs.labels = inputs.labels.map(|l| l.into_iter().take(n).collect());
    }
    if inputs.frames.is_empty() {
        return Err(Diagnostic::new("E0404", "inputs", "the data set is empty", "give at least one input"));
    }
    let embedded = zoo::calibration()?.frames;
    let trained_here = zoo::ZOO.iter().any(|e| e.name == config.model);
    let calibration = match &config.input.calibration {
        Some(file) => read(file)?.frames,
        None if (trained_here || config.input.data.is_none()) && embedded.shape() == shape => embedded,
        None => inputs.frames.slice(0..64),
    };
    Ok(Workload::Data { inputs, calibration })
}

fn frames(path: &Path, config: &Config, timesteps: usize) -> Result<Dataset> {
    let Some(name) = &config.input.encode else { return dataset::load(path) };
    let encoder = encode::find(name)?;
    if encoder.takes_recordings() {
        encoder.encode_recordings(&dataset::load(path)?, timesteps)
    } else {
        encoder.encode(&dataset::load_stills(path)?, timesteps, config.seed)
    }
}
