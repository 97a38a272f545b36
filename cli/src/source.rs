//! From arguments to a network, its inputs and a chip.

use crate::args::{NirArgs, Source};
use pulvinar_explore::chips;
use pulvinar_ir::{Arch, Diagnostic, Level, Result, Shape, Value};
use pulvinar_models::import::{self, Format};
use pulvinar_models::{dataset, encode, native, zoo, Dataset, Frames, Model};
use std::path::Path;

/// What the arguments name, read and checked against each other.
pub struct Loaded {
    /// The trained network.
    pub model: Model,
    /// Its inputs.
    pub inputs: Dataset,
    /// Hash of the inputs used.
    pub inputs_hash: String,
    /// Inputs that calibrate the quantiser.
    pub calibration: Frames,
    /// The chip.
    pub arch: Arch,
    /// All frames of every input are the same: stills under the encoder `direct`.
    pub direct: bool,
    /// What had to be assumed on the way, beyond the assumptions of the graph.
    pub assumptions: Vec<String>,
}

/// The format of another tool's file, if the name is one and no zoo name.
pub fn foreign(name: &str) -> Option<&'static Format> {
    let zoo = zoo::ZOO.iter().any(|e| e.name == name);
    if zoo {
        None
    } else {
        import::recognise(Path::new(name))
    }
}

/// Reads a zoo name, a folder, a graph.json or another tool's file; the seed is for the random weights of a structure.
pub fn model(name: &str, seed: u64, args: &NirArgs) -> Result<Model> {
    if let Some(format) = foreign(name) {
        return import::import(format, Path::new(name), &args.options()).model;
    }
    if let (Some(structure), true) = (zoo::build::find(name), zoo::ZOO.iter().all(|e| e.name != name)) {
        NirArgs { timesteps: None, ..args.clone() }.refuse(name)?;
        let structure = args.timesteps.map_or(Ok(*structure), |t| structure.over(t))?;
        return structure.model(seed);
    }
    args.refuse(name)?;
    if let Some(entry) = zoo::ZOO.iter().find(|e| e.name == name) {
        return (entry.load)();
    }
    if Path::new(name).exists() {
        return native::load(Path::new(name));
    }
    zoo::find(name).and_then(|e| (e.load)())
}

/// Reads the architecture file, or takes the chip of that name, or the default chip. A file goes before a name.
pub fn arch(file: Option<&Path>) -> Result<Arch> {
    file.map_or_else(|| Ok(Arch::default_chip()), |path| chips::read(path, Path::new("")))
}

/// Reads everything.
pub fn load(source: &Source) -> Result<Loaded> {
    let model = model(&source.model, source.seed, &source.nir)?;
    let arch = arch(source.arch.as_deref())?;
    let shape = input_shape(&model);
    let mut assumptions = Vec::new();
    let embedded = zoo::test_inputs()?;
    let inputs = match &source.input {
        Some(path) => frames(path, source, shape.t)?,
        None if embedded.frames.shape() == shape => embedded,
        None => {
            return Err(Diagnostic::new(
                "E0401",
                &source.model,
                format!("the embedded inputs are {} and this network takes {shape}", embedded.frames.shape()),
                "give inputs of its own with --input",
            ))
        }
    };
    inputs.frames.check(&model.graph)?;
    let inputs = some(inputs, source.inputs)?;
    let calibration = calibration(source, shape, &inputs, &mut assumptions)?;
    calibration.check(&model.graph)?;
    let inputs_hash = pulvinar_models::sha256_hex(&dataset::to_bytes(&inputs));
    let direct = source.input.is_some() && source.encode.as_deref() == Some("direct");
    Ok(Loaded { model, inputs, inputs_hash, calibration, arch, direct, assumptions })
}

/// The first inputs, as many as asked for and at least one.
pub fn some(mut inputs: Dataset, wanted: Option<usize>) -> Result<Dataset> {
    if let Some(n) = wanted {
        if n == 0 {
            return Err(Diagnostic::new("E0404", "--inputs", "no inputs to run on", "give at least 1"));
        }
        inputs.frames = inputs.frames.slice(0..n);
        inputs.labels = inputs.labels.map(|l| l.into_iter().take(n).collect());
    }
    if inputs.frames.is_empty() {
        return Err(Diagnostic::new("E0404", "inputs", "the data set is empty", "give at least one input"));
    }
    Ok(inputs)
}

fn input_shape(model: &Model) -> Shape {
    let input = model.graph.input().expect("the loader has verified that there is one input");
    model.graph.node(input).ty.shape
}

fn frames(path: &Path, source: &Source, timesteps: usize) -> Result<Dataset> {
    match &source.encode {
        Some(name) => {
            let encoder = encode::find(name)?;
            if encoder.takes_recordings() {
                encoder.encode_recordings(&dataset::load(path)?, timesteps)
            } else {
                encoder.encode(&dataset::load_stills(path)?, timesteps, source.seed)
            }
        }
        None => dataset::load(path),
    }
}

fn calibration(
    source: &Source,
    shape: Shape,
    inputs: &Dataset,
    assumptions: &mut Vec<String>,
) -> Result<Frames> {
    if let Some(path) = &source.calibration {
        return Ok(frames(path, source, shape.t)?.frames);
    }
    let embedded = zoo::calibration()?.frames;
    let from_zoo = zoo::ZOO.iter().any(|e| e.name == source.model);
    if (from_zoo || source.input.is_none()) && embedded.shape() == shape {
        return Ok(embedded);
    }
    let n = inputs.frames.len().min(64);
    assumptions.push(format!(
        "quantiser calibrated on the first {n} inputs themselves (--calibration gives others)"
    ));
    Ok(inputs.frames.slice(0..n))
}

/// All samples as values of a level.
pub fn values(frames: &Frames, level: Level) -> Result<Vec<Value>> {
    (0..frames.len()).map(|i| frames.value(i, level)).collect()
}
