//! How a layer keeps its currents while it waits for its gates: chosen by expected cost, or told by the caller.

use super::connectivity::Region;
use super::options::MapOptions;
use super::partition::Layer;
use super::phases;
use super::widths::weight_name;
use super::work::work;
use pulvinar_ir::scope::stage_scope;
use pulvinar_ir::{Diagnostic, Result, Schedule, Strategy};
use serde::{Deserialize, Serialize};

/// One way to keep currents and what it would cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// The strategy.
    pub strategy: Strategy,
    /// Expected cost of one inference beyond a single pass, in the femtojoules of the options' `costs`.
    pub cost_fj: u64,
    /// Fewest slices; none if it fits nowhere.
    pub slices: Option<u32>,
}

/// The alternatives of every layer.
pub fn alternatives(layers: &[Layer<'_>], options: &MapOptions) -> Vec<Vec<Alternative>> {
    let one = |layer: &Layer<'_>| {
        kinds(layer, layers)
            .iter()
            .map(|&strategy| {
                let slices = layer.smallest(strategy).ok().map(|g| g.count() as u32);
                Alternative {
                    strategy,
                    cost_fj: cost_fj(layer, options, strategy, slices.unwrap_or(1)),
                    slices,
                }
            })
            .collect()
    };
    layers.iter().map(one).collect()
}

/// Strategies that a layer can have.
fn kinds(layer: &Layer<'_>, layers: &[Layer<'_>]) -> Vec<Strategy> {
    if !layer.stage.is_multipass() {
        return vec![Strategy::Direct];
    }
    if layer.stage.carry(layer.graph).is_some() {
        // A membrane is known when the step before is over.
        return vec![Strategy::Step];
    }
    let alone = !layer.stage.lends(layers.iter().map(|l| l.stage));
    let schedule = Schedule::of(layer.graph, layer.stage).filter(|_| alone);
    let along = schedule.map(|s| s.strategy());
    along.into_iter().chain([Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute]).collect()
}

/// The strategy of every layer.
///
/// Each layer goes along with the steps if it can, else takes the cheapest strategy that fits. If the layers then need more
/// cores than there are, layers change to the strategy with the fewest slices, those that free most cores first, if that makes
/// one phase of it and moves no more through DRAM than several phases do.
pub fn choose(layers: &[Layer<'_>], all: &[Vec<Alternative>], options: &MapOptions) -> Result<Vec<Strategy>> {
    let cores = layers.first().map_or(0, |l| l.arch.cores());
    let forced = layers.iter().map(|l| forced(l, layers, options)).collect::<Result<Vec<_>>>()?;
    let mut chosen = Vec::new();
    for ((layer, alternatives), forced) in layers.iter().zip(all).zip(&forced) {
        let fits = |a: &&Alternative| a.slices.is_some_and(|n| n <= cores || !layer.stage.is_multipass());
        let along = |s: Strategy| matches!(s, Strategy::Step | Strategy::Window);
        let rank = |a: &&Alternative| (!along(a.strategy), a.cost_fj);
        let cheapest = alternatives.iter().filter(fits).min_by_key(rank).or(alternatives.first());
        chosen.push(forced.or(cheapest.map(|a| a.strategy)).unwrap_or(Strategy::Direct));
    }
    let slices = |i: usize, s: Strategy| {
        all[i].iter().find(|a| a.strategy == s).and_then(|a| a.slices).unwrap_or(cores.saturating_add(1))
    };
    let total = |c: &[Strategy]| c.iter().enumerate().map(|(i, &s)| u64::from(slices(i, s))).sum::<u64>();
    let mut savings: Vec<(u32, usize, Strategy)> = Vec::new();
    for i in (0..layers.len()).filter(|&i| forced[i].is_none()) {
        let least = all[i].iter().filter(|a| a.slices.is_some()).min_by_key(|a| (a.slices, a.cost_fj));
        savings.extend(
            least.map(|a| (slices(i, chosen[i]).saturating_sub(slices(i, a.strategy)), i, a.strategy)),
        );
    }
    savings.sort_by_key(|&(saved, i, _)| (std::cmp::Reverse(saved), i));
    let mut smaller = chosen.clone();
    for (_, i, strategy) in savings.into_iter().filter(|s| s.0 > 0) {
        if total(&smaller) > u64::from(cores) {
            smaller[i] = strategy;
        }
    }
    if smaller == chosen || total(&smaller) > u64::from(cores) {
        return Ok(chosen);
    }
    let several = dram_bits(layers, &chosen).is_some_and(|s| Some(s) < dram_bits(layers, &smaller));
    Ok(if several { chosen } else { smaller })
}

/// Expected bits through DRAM in one inference; none if layers that belong together would be in different phases.
fn dram_bits(layers: &[Layer<'_>], strategies: &[Strategy]) -> Option<u64> {
    let grids =
        layers.iter().zip(strategies).map(|(l, &s)| l.smallest(s)).collect::<Result<Vec<_>>>().ok()?;
    let phases = phases::phases(layers, &grids).ok()?;
    let spilled = layers.iter().zip(strategies).filter(|(_, s)| **s == Strategy::SpillDram);
    let spilled: u64 = spilled.map(|(layer, _)| moved_bits(layer)).sum();
    Some(spilled + phases::dram_bits(layers, strategies, &phases))
}

/// Bits of a layer's currents of all timesteps, once a pass: written in the first, read in the others.
fn moved_bits(layer: &Layer<'_>) -> u64 {
    let currents = layer.shape().len() as u64 * u64::from(layer.stage.accumulator_bits);
    currents * layer.stage.passes.len() as u64
}

/// The strategy the caller asked for.
fn forced(layer: &Layer<'_>, layers: &[Layer<'_>], options: &MapOptions) -> Result<Option<Strategy>> {
    let Some(&strategy) = options.strategies.get(&layer.stage.name) else { return Ok(None) };
    if !kinds(layer, layers).contains(&strategy) {
        let (passes, scope) = (layer.stage.passes.len(), stage_scope(layer.graph, layer.stage));
        return Err(Diagnostic::new(
            "E0606",
            format!("strategy of layer `{}`", layer.stage.name),
            format!("a layer of {passes} pass(es) and scope {scope} cannot be {}", strategy.name()),
            "layers without attention are direct; the others spill_sram, spill_dram or recompute, step if their scope is \
             the step, and window if it is a window",
        ));
    }
    Ok(Some(strategy))
}

/// Expected cost of keeping or recomputing the currents of all timesteps.
fn cost_fj(layer: &Layer<'_>, options: &MapOptions, strategy: Strategy, slices: u32) -> u64 {
    let costs = &options.costs;
    let (sram, dram, cycle) =
        (u128::from(costs.sram_bit_fj), u128::from(costs.dram_bit_fj), u128::from(costs.cycle_fj));
    let (stage, graph) = (layer.stage, layer.graph);
    let passes = stage.passes.len() as u128;
    let again = passes - 1;
    let acc_bits = u128::from(stage.accumulator_bits);
    let bits = layer.shape().len() as u128 * acc_bits;
    let moved = u128::from(moved_bits(layer));
    let cost = match strategy {
        Strategy::Direct => 0,
        Strategy::Step => bits * again * sram,
        Strategy::SpillSram | Strategy::Window => moved * sram,
        Strategy::SpillDram => {
            let channel = &layer.arch.dram;
            let burst_bits = u128::from(channel.burst_bytes) * 8;
            let bus_cycles = bits.div_ceil(burst_bits) * u128::from(channel.burst_cycles) * passes;
            moved * (dram + 2 * sram) + bus_cycles * cycle * u128::from(slices)
        }
        Strategy::Recompute => {
            let steps = graph.timesteps as u128;
            let work = work(graph, stage, layer.rates, Region::whole(layer.shape()), layer.arch.core.lanes);
            let weight = |s: &pulvinar_ir::Synapse| {
                weight_name(&graph.node(s.node).op).map_or(0, |n| graph.tensors[n].bits())
            };
            let weight_bits = u128::from(stage.synapses.iter().map(weight).max().unwrap_or(0));
            let add = u128::from(costs.add_fj) + (weight_bits + 2 * acc_bits) * sram;
            let store = u128::from(work.milli_events) * 32 * sram * passes * u128::from(slices);
            let synapse = u128::from(work.milli_adds) * add + u128::from(work.milli_beats) * cycle;
            steps * (store + again * synapse) / 1000
        }
    };
    u64::try_from(cost).unwrap_or(u64::MAX)
}
