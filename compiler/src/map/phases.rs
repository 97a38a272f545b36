//! Phases: which slices are on the chip together.
//!
//! Stages are packed in order: a phase takes stages until the next one no longer fits. A stage of one pass with more
//! slices than cores runs in several phases, some channels in each.

use super::connectivity::Region;
use super::partition::{Grid, Layer};
use pulvinar_ir::arch::Sync;
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Diagnostic, Result, Strategy};

/// An event in DRAM, about.
const EVENT_BITS: u64 = 32;

/// Part of a stage in a phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of the stage, cut into a grid.
    Whole(usize, Grid),
    /// Some pieces of the stage, the rest being in other phases.
    Pieces(usize, Vec<Region>),
}

impl Part {
    /// Index of the stage.
    pub fn stage(&self) -> usize {
        match self {
            Part::Whole(stage, _) | Part::Pieces(stage, _) => *stage,
        }
    }
    /// The boxes it is cut into.
    pub fn regions(&self, layers: &[Layer<'_>]) -> Vec<Region> {
        match self {
            Part::Whole(stage, grid) => grid.regions(layers[*stage].shape(), layers[*stage].arch.core.lanes),
            Part::Pieces(_, regions) => regions.clone(),
        }
    }
    fn slices(&self) -> usize {
        match self {
            Part::Whole(_, grid) => grid.count(),
            Part::Pieces(_, regions) => regions.len(),
        }
    }
}

/// True if some of a stage is in a phase.
pub fn holds(phase: &[Part], stage: usize) -> bool {
    phase.iter().any(|part| part.stage() == stage)
}

/// Packs all stages; `grids` are their smallest partitions.
pub fn phases(layers: &[Layer<'_>], grids: &[Grid]) -> Result<Vec<Vec<Part>>> {
    let cores = layers.first().map_or(0, |l| l.arch.cores() as usize);
    let mut phases: Vec<Vec<Part>> = vec![Vec::new()];
    for (stage, (layer, &grid)) in layers.iter().zip(grids).enumerate() {
        let mut parts = vec![Part::Whole(stage, grid)];
        if grid.count() > cores {
            if layer.stage.is_multipass() {
                return Err(too_wide(layer, grid, cores));
            }
            let regions = grid.regions(layer.shape(), layer.arch.core.lanes);
            parts = regions.chunks(cores).map(|r| Part::Pieces(stage, r.to_vec())).collect();
        }
        for part in parts {
            let current = phases.last_mut().expect("there is a first phase");
            let used: usize = current.iter().map(Part::slices).sum();
            if used > 0 && used + part.slices() > cores {
                phases.push(vec![part]);
            } else {
                current.push(part);
            }
        }
    }
    check(layers, &phases)?;
    Ok(phases)
}

/// Expected bits through DRAM in one inference because there are several phases: weights and pointers, which come every time,
/// and events that wait from one phase to another.
pub fn dram_bits(layers: &[Layer<'_>], strategies: &[Strategy], phases: &[Vec<Part>]) -> u64 {
    if phases.len() < 2 {
        return 0;
    }
    let loaded = |part: &Part| -> u64 {
        let (layer, strategy) = (&layers[part.stage()], strategies[part.stage()]);
        let bits = |region: Region| {
            let footprint = layer.memory.footprint(region, strategy);
            footprint.bits(Memory::Weight) + footprint.bits(Memory::Pointer)
        };
        part.regions(layers).into_iter().map(bits).sum()
    };
    let crossing = |(stage, layer): (usize, &Layer<'_>)| -> u64 {
        let Some(made) = phases.iter().position(|phase| holds(phase, stage)) else { return 0 };
        let output = layer.stage.output;
        let reads = |part: &Part| layers[part.stage()].stage.synapses.iter().any(|s| s.source == output);
        let readers = phases[made + 1..].iter().filter(|phase| phase.iter().any(reads)).count() as u64;
        let events = layer.rates.milli(output) * layer.graph.timesteps as u64 / 1000;
        events * EVENT_BITS * (readers + u64::from(readers > 0))
    };
    let weights: u64 = phases.iter().flatten().map(loaded).sum();
    weights + layers.iter().enumerate().map(crossing).sum::<u64>()
}

fn too_wide(layer: &Layer<'_>, grid: Grid, cores: usize) -> Diagnostic {
    Diagnostic::new(
        "E0603",
        format!("layer `{}`", layer.stage.name),
        format!("fits nowhere: with attention all its {} slices must be on the chip together, and there are {cores} cores", grid.count()),
        "enlarge the memories of a core or the mesh, or choose spill_dram or recompute for this layer",
    )
}

/// Feedback cannot cross phases, and a barrier knows one phase only.
fn check(layers: &[Layer<'_>], phases: &[Vec<Part>]) -> Result<()> {
    let Some(first) = layers.first().filter(|_| phases.len() > 1) else { return Ok(()) };
    if first.arch.noc.sync == Sync::Barrier {
        return Err(Diagnostic::new(
            "E0604",
            format!("network `{}`", first.graph.name),
            "needs several phases, which a chip with sync = \"barrier\" does not have",
            "enlarge the mesh or the memories of a core, or use sync = \"tokens\"",
        ));
    }
    let span = |stage: usize| {
        let here = |phase: &Vec<Part>| holds(phase, stage);
        (phases.iter().position(here).unwrap_or(0), phases.iter().rposition(here).unwrap_or(0))
    };
    for (reader, layer) in layers.iter().enumerate() {
        let gates = layer.stage.borrowed();
        let lends =
            |l: &Layer<'_>| l.stage.passes.iter().any(|p| gates.iter().any(|g| p.program.contains(g)));
        let lender = layers.iter().position(lends);
        if let Some(lender) = lender.filter(|&l| span(l) != span(reader)) {
            return Err(Diagnostic::new(
                "E0604",
                format!("layer `{}`", layer.stage.name),
                format!(
                    "is gated by statistics of `{}`, and both do not fit on the chip together",
                    layers[lender].stage.name
                ),
                "enlarge the mesh or the memories of a core",
            ));
        }
    }
    for (consumer, layer) in layers.iter().enumerate() {
        for synapse in &layer.stage.synapses {
            let Some(producer) = layers.iter().position(|l| l.stage.output == synapse.source) else {
                continue;
            };
            let ((first_made, last_made), (first_read, _)) = (span(producer), span(consumer));
            let split_loop = producer == consumer && first_made != last_made;
            if producer >= consumer && (last_made > first_read || split_loop) {
                return Err(Diagnostic::new(
                    "E0604",
                    format!("layer `{}`", layer.stage.name),
                    format!(
                        "is fed back from `{}`, and both do not fit on the chip together",
                        layers[producer].stage.name
                    ),
                    "enlarge the mesh or the memories of a core",
                ));
            }
        }
    }
    Ok(())
}
