//! Trained network to program: lower, calibrate, quantise, map.

use crate::args::Choices;
use crate::source::{values, Loaded};
use pulvinar_compiler::map::{map, MapOptions, Mapped};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_explore::memories;
use pulvinar_ir::{Arch, Diagnostic, Graph, Level, Op, Result, Strategy};
use pulvinar_models::Frames;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A network on its way to the chip.
pub struct Compiled {
    /// The integer graph.
    pub flow: Graph,
    /// The program with its report.
    pub mapped: Mapped,
    /// Events per timestep and stream, measured on the calibration inputs.
    pub events: BTreeMap<String, f64>,
}

/// Quantiser options of the command line.
pub fn options(choices: &Choices, direct: bool) -> Result<Options> {
    let options = Options {
        direct,
        weight_bits: choices.weight_bits,
        gate_bits: choices.gate_bits,
        stat_bits: choices.stat_bits,
        ..Options::default()
    };
    options.check()?;
    Ok(options)
}

/// The integer graph of a network.
pub fn quantised(model: &Graph, calibration: &Frames, options: &Options) -> Result<Graph> {
    let lowered = lower(model, options)?;
    let samples = values(calibration, Level::Trained)?;
    let ranges = Calibration::from_inputs(&lowered, &samples)?;
    quantise(&lowered, options, Some(&ranges))
}

/// Everything up to the program.
pub fn compile(loaded: &Loaded, choices: &Choices, seed: u64) -> Result<Compiled> {
    let flow = quantised(&loaded.model.graph, &loaded.calibration, &options(choices, loaded.direct)?)?;
    let events = expected_events(&flow, &loaded.calibration.slice(0..16))?;
    let mapped = map(&flow, &loaded.arch, &map_options(choices, seed, events.clone())?)?;
    Ok(Compiled { flow, mapped, events })
}

/// Maps again with another strategy in one layer, for the comparison in the report.
pub fn remap(
    compiled: &Compiled,
    arch: &Arch,
    choices: &Choices,
    seed: u64,
    (layer, strategy): (&str, Strategy),
) -> Result<Mapped> {
    let mut options = map_options(choices, seed, compiled.events.clone())?;
    options.strategies.insert(layer.to_owned(), strategy);
    map(&compiled.flow, arch, &options)
}

/// Options of the mapper: what the command line chose and the events expected.
pub fn map_options(choices: &Choices, seed: u64, events: BTreeMap<String, f64>) -> Result<MapOptions> {
    let mut options = choices.mapping.as_deref().map_or_else(|| Ok(MapOptions::default()), memories::read)?;
    for text in &choices.strategies {
        let (layer, strategy) = strategy(text)?;
        options.strategies.insert(layer, strategy);
    }
    options.spread &= !choices.no_spread;
    Ok(MapOptions { expected_events: events, seed, ..options })
}

fn strategy(text: &str) -> Result<(String, Strategy)> {
    let refuse = |message: String| {
        let known = Strategy::ALL.map(Strategy::name).join(", ");
        let help = format!("write for example neuron1=recompute; strategies are {known}");
        Diagnostic::new("E0503", format!("--strategy {text}"), message, help)
    };
    let (layer, name) =
        text.split_once('=').ok_or_else(|| refuse("this is not LAYER=STRATEGY".to_owned()))?;
    let strategy =
        Strategy::from_name(name).ok_or_else(|| refuse(format!("`{name}` is no strategy of a layer")))?;
    Ok((layer.to_owned(), strategy))
}

/// Mean non-zero values a timestep of every stream, over sample inputs.
fn expected_events(flow: &Graph, frames: &Frames) -> Result<BTreeMap<String, f64>> {
    let counted: Vec<usize> = (0..flow.nodes.len())
        .filter(|&i| matches!(flow.nodes[i].op, Op::Input(_) | Op::Lif(_) | Op::MaxPool(_)))
        .collect();
    let samples = values(frames, Level::Flow)?;
    let runs =
        samples.par_iter().map(|x| pulvinar_ir::interpret::run(flow, x)).collect::<Result<Vec<_>>>()?;
    let steps = (flow.timesteps * runs.len().max(1)) as f64;
    let events = |i: usize| {
        runs.iter().map(|r| r[i].ints().iter().filter(|v| **v != 0).count()).sum::<usize>() as f64 / steps
    };
    Ok(counted.into_iter().map(|i| (flow.nodes[i].name.clone(), events(i))).collect())
}
