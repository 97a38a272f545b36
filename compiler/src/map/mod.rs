//! Mapping: a flow graph onto the cores of a chip.
//!
//! stages → strategies → partition → phases → streams → placement → checks. Every step is a function of the graph, the
//! architecture and the options, so the same three give the same program.

mod check;
mod cluster;
mod connectivity;
mod memory;
mod options;
mod partition;
mod phases;
mod place;
mod report;
mod roles;
mod stages;
mod strategy;
mod streams;
pub mod text;
mod widths;
mod work;

pub use check::check;
pub use options::{Costs, MapOptions, Placement};
pub use report::{MapReport, PhaseReport, SliceReport, StageReport};
pub use stages::stages;
pub use strategy::Alternative;
pub use work::Rates;

use memory::StageMemory;
use partition::{spread, Grid, Layer};
use phases::Part;
use place::{place, Placed};
use pulvinar_ir::program::gates_made;
use pulvinar_ir::{Arch, Diagnostic, Endpoint, Graph, NodeId, Phase, Program, Result, Slice, Stage, StageId};
use std::collections::BTreeSet;
use streams::{Crossing, StreamCx};

/// A program and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The program; it has passed [`check`].
    pub program: Program,
    /// Decisions and expectations.
    pub report: MapReport,
}

/// Maps a flow graph on a chip.
pub fn map(graph: &Graph, arch: &Arch, options: &MapOptions) -> Result<Mapped> {
    let rates = Rates::of(graph, options)?;
    let (stages, alternatives) = planned(graph, arch, &rates, options)?;
    let layers = layers(graph, arch, &stages, &rates, options);
    let grids = layers.iter().map(|l| l.smallest(l.stage.strategy)).collect::<Result<Vec<Grid>>>()?;
    let mut parts = phases::phases(&layers, &grids)?;
    if options.spread {
        parts.iter_mut().for_each(|phase| spread_phase(&layers, phase, arch.cores() as usize));
    }
    let cx =
        StreamCx { graph, arch, stages: &stages, rates: &rates, answer: roles::Roles::of(graph)?.answer };
    let (phases, placed) = build_phases(&cx, &layers, &parts, options);
    let program = Program { graph: graph.clone(), arch: arch.clone(), stages: stages.clone(), phases };
    check(&program, &rates)?;
    let report = report::report(&program, &layers, alternatives, &placed, &rates);
    Ok(Mapped { program, report })
}

/// Stages with their strategies, and those that each might have had.
///
/// A stage with attention whose slices are more than the cores, whatever its strategy, is cut in two: one that sums, in as
/// many phases as it takes, and one that takes the sums as events and waits for its gates.
fn planned(
    graph: &Graph,
    arch: &Arch,
    rates: &Rates,
    options: &MapOptions,
) -> Result<(Vec<Stage>, Vec<Vec<Alternative>>)> {
    let mut cut = BTreeSet::new();
    loop {
        let mut stages = stages::stages_cut(graph, arch, &cut)?;
        check_names(graph, &stages, options)?;
        let layers = layers(graph, arch, &stages, rates, options);
        let alternatives = strategy::alternatives(&layers, options);
        let wide = layers.iter().zip(&alternatives).filter(|(l, a)| is_too_wide(l.stage, a, arch.cores()));
        let sums: Vec<NodeId> = wide.map(|(l, _)| l.stage.accumulator).collect();
        if sums.is_empty() {
            let chosen = strategy::choose(&layers, &alternatives, options)?;
            drop(layers);
            stages.iter_mut().zip(chosen).for_each(|(stage, strategy)| stage.strategy = strategy);
            return Ok((stages, alternatives));
        }
        cut.extend(sums);
    }
}

/// True for a stage that fits with no strategy and still sums by itself.
fn is_too_wide(stage: &Stage, alternatives: &[Alternative], cores: u32) -> bool {
    let fits = alternatives.iter().any(|a| a.slices.is_some_and(|n| n <= cores));
    stage.is_multipass() && !fits && stage.synapses.iter().all(|s| s.source != stage.accumulator)
}

fn layers<'a>(
    graph: &'a Graph,
    arch: &'a Arch,
    stages: &'a [Stage],
    rates: &'a Rates,
    options: &MapOptions,
) -> Vec<Layer<'a>> {
    let layer = |(i, stage): (usize, &'a Stage)| Layer {
        graph,
        arch,
        stage,
        memory: StageMemory::new(graph, arch, stage, &gates_made(stages, i).concat(), rates),
        rates,
        max_channels: options.max_channels.get(&stage.name).copied(),
    };
    stages.iter().enumerate().map(layer).collect()
}

/// Refuses options for layers that do not exist.
fn check_names(graph: &Graph, stages: &[Stage], options: &MapOptions) -> Result<()> {
    let layers = options.max_channels.keys().chain(options.strategies.keys());
    let unknown = layers.clone().find(|name| !stages.iter().any(|s| s.name == **name));
    let unknown = unknown.or_else(|| options.expected_events.keys().find(|name| graph.find(name).is_none()));
    let Some(name) = unknown else { return Ok(()) };
    let known: Vec<&str> = stages.iter().map(|s| s.name.as_str()).collect();
    Err(Diagnostic::new(
        "E0606",
        format!("mapping option for `{name}`"),
        "there is no layer of this name",
        format!("layers here: {}", known.join(", ")),
    ))
}

fn spread_phase(layers: &[Layer<'_>], phase: &mut [Part], cores: usize) {
    let fixed: usize = phase.iter().map(|p| if let Part::Pieces(_, r) = p { r.len() } else { 0 }).sum();
    let whole: Vec<(usize, Grid)> = phase
        .iter()
        .filter_map(|p| if let Part::Whole(stage, grid) = p { Some((*stage, *grid)) } else { None })
        .collect();
    let chosen: Vec<&Layer<'_>> = whole.iter().map(|(stage, _)| &layers[*stage]).collect();
    let mut grids: Vec<Grid> = whole.iter().map(|(_, grid)| *grid).collect();
    spread(&chosen, &mut grids, cores - fixed);
    let mut next = grids.into_iter();
    for part in phase {
        if let Part::Whole(_, grid) = part {
            *grid = next.next().expect("one grid a whole stage");
        }
    }
}

fn build_phases(
    cx: &StreamCx<'_>,
    layers: &[Layer<'_>],
    parts: &[Vec<Part>],
    options: &MapOptions,
) -> (Vec<Phase>, Vec<Placed>) {
    let in_phase = |range: std::ops::Range<usize>, stage: usize| {
        parts[range].iter().any(|phase| phases::holds(phase, stage))
    };
    let reads = |stage: usize, node: NodeId| cx.stages[stage].synapses.iter().any(|s| s.source == node);
    let mut phases = Vec::new();
    let mut all_placed = Vec::new();
    for (p, phase) in parts.iter().enumerate() {
        let stages = 0..cx.stages.len();
        let crossing = Crossing {
            before: stages.clone().map(|s| in_phase(0..p, s)).collect(),
            after: stages
                .clone()
                .map(|s| {
                    stages.clone().any(|r| reads(r, cx.stages[s].output) && in_phase(p + 1..parts.len(), r))
                })
                .collect(),
        };
        let mut slices = slices_of(layers, phase);
        let planned = cx.phase(&slices, &crossing);
        let placed = place(cx.arch, slices.len(), &planned, options);
        slices.iter_mut().zip(&placed.cores).for_each(|(slice, &core)| slice.core = core);
        let on_core = |e: Endpoint| {
            if let Endpoint::Core(s) = e {
                Endpoint::Core(placed.cores[s as usize])
            } else {
                e
            }
        };
        let streams = planned.into_iter().map(|planned| {
            let mut stream = planned.stream;
            stream.source = on_core(stream.source);
            stream.destinations.iter_mut().for_each(|d| *d = on_core(*d));
            stream.destinations.sort_unstable();
            stream
        });
        phases.push(Phase { streams: streams.collect(), slices });
        all_placed.push(placed);
    }
    (phases, all_placed)
}

/// Slices of a phase in stage order; `core` is the slice's index until it is placed.
fn slices_of(layers: &[Layer<'_>], phase: &[Part]) -> Vec<Slice> {
    let mut slices = Vec::new();
    for part in phase {
        for (i, region) in part.regions(layers).into_iter().enumerate() {
            slices.push(Slice {
                stage: StageId(part.stage() as u32),
                core: slices.len() as u32,
                channels: region.channels.map(|v| v as u32),
                rows: region.rows.map(|v| v as u32),
                home: i == 0 && layers[part.stage()].stage.borrowed().is_empty(),
            });
        }
    }
    slices
}
