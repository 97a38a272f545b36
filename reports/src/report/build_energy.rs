//! Energy, constants and memory traffic of a report.

use super::build::Pieces;
use super::{
    ActivityEnergy, BreakEvenRow, ComponentEnergy, ConstantRow, Energy, EstimateRow, Interval, LayerEnergy,
    MemoryTraffic, Published, StepEnergy, SwingRow, Term, UnpricedRow,
};
use crate::energy::{simulated, Data, EnergyReport, Estimate, Origin, Scope, Uncertainty};
use pulvinar_ir::counts::{Activity, Component, Cost, Memory, Row};
use std::collections::BTreeMap;

/// Row of the energy table that holds what is paid every cycle.
pub const STATIC_LAYER: &str = "static";

/// Parts of the chip in the order of reports.
pub const COMPONENTS: [Component; 12] = [
    Component::Synapse,
    Component::WeightMemory,
    Component::AccumulatorMemory,
    Component::Neuron,
    Component::StateMemory,
    Component::Attention,
    Component::AttentionMemory,
    Component::Interface,
    Component::Network,
    Component::Dram,
    Component::Clock,
    Component::Leakage,
];

/// Name of a part of the chip in reports.
pub fn component_name(component: Component) -> &'static str {
    match component {
        Component::Synapse => "synapse",
        Component::WeightMemory => "weight memory",
        Component::AccumulatorMemory => "accumulator memory",
        Component::Neuron => "neuron",
        Component::StateMemory => "state memory",
        Component::Attention => "attention",
        Component::AttentionMemory => "attention memory",
        Component::Interface => "interface",
        Component::Network => "network",
        Component::Dram => "DRAM",
        Component::Leakage => "leakage",
        Component::Clock => "clock",
    }
}

pub(super) fn constants(energy: &EnergyReport) -> Vec<ConstantRow> {
    energy.used.iter().map(|u| ConstantRow::of(&u.origin, u.terms.clone())).collect()
}

impl ConstantRow {
    /// A number of the data and the names of what it prices.
    pub fn of(origin: &Origin, terms: Vec<String>) -> Self {
        ConstantRow {
            name: origin.name.clone(),
            value: origin.value,
            unit: origin.unit.clone(),
            node_nm: origin.node_nm,
            sources: origin.sources.clone(),
            grade: origin.grade.name().to_owned(),
            spread: origin.spread,
            terms,
        }
    }
}

pub(super) fn energy(p: &Pieces) -> Energy {
    let e = p.energy;
    let unpriced = |u: &crate::energy::breakdown::UnpricedTerm| UnpricedRow {
        name: u.name.clone(),
        component: component_name(u.component).to_owned(),
        count: u.count as f64 / p.n,
        why: u.why.clone(),
    };
    let activity = |(a, aj): (&Activity, &u128)| ActivityEnergy {
        activity: a.name().to_owned(),
        component: component_name(a.component()).to_owned(),
        count: p.counts.total(*a) as f64 / p.n,
        energy_pj: p.pj(*aj),
    };
    Energy {
        total_pj: p.pj(e.total_aj),
        uncertainty: interval(p),
        static_pj: p.pj(e.static_aj),
        by_component: parts(p, &e.by_component),
        by_layer: by_layer(p),
        by_activity: e.by_activity.iter().map(activity).collect(),
        by_timestep: e
            .by_timestep
            .iter()
            .map(|(t, aj)| StepEnergy { timestep: *t, energy_pj: p.pj(*aj) })
            .collect(),
        statics_pj: e.statics.iter().map(|s| Term { name: s.name.clone(), value: p.pj(s.aj) }).collect(),
        unpriced: e.unpriced.iter().map(unpriced).collect(),
        estimates: p.facts.estimates.iter().map(|estimate| self::estimate(p, estimate)).collect(),
        break_even: p.facts.break_even.iter().map(BreakEvenRow::of).collect(),
        published: published(),
        notes: notes(e),
    }
}

/// `None` for a total of nothing.
fn interval(p: &Pieces) -> Option<Interval> {
    let total = p.pj(p.energy.total_aj);
    let u = (total > 0.0).then(|| Uncertainty::of(p.energy))?;
    let row = |s: &crate::energy::uncertainty::Swing| SwingRow {
        constant: s.family.clone(),
        spread: s.spread,
        down_pj: total * s.down,
        up_pj: total * s.up,
    };
    Some(Interval {
        p5_pj: total * u.p5,
        p50_pj: total * u.p50,
        p95_pj: total * u.p95,
        draws: u.draws,
        seed: u.seed,
        swings: u.swings.iter().map(row).collect(),
    })
}

fn parts(p: &Pieces, map: &BTreeMap<Component, u128>) -> Vec<ComponentEnergy> {
    let part = |c: &Component| {
        map.get(c)
            .map(|aj| ComponentEnergy { component: component_name(*c).to_owned(), energy_pj: p.pj(*aj) })
    };
    COMPONENTS.iter().filter_map(part).collect()
}

/// Layers in topological order, then what belongs to no layer, then the static part.
fn by_layer(p: &Pieces) -> Vec<LayerEnergy> {
    let e = p.energy;
    let stages = p.program.stages.iter().map(|s| s.name.as_str());
    let others =
        e.by_layer.keys().map(String::as_str).filter(|k| p.program.stages.iter().all(|s| s.name != *k));
    let mut rows: Vec<LayerEnergy> = stages
        .chain(others)
        .filter_map(|name| {
            let aj = *e.by_layer.get(name)?;
            let parts = e.by_layer_component.get(name).map(|m| parts(p, m)).unwrap_or_default();
            Some(LayerEnergy { layer: name.to_owned(), energy_pj: p.pj(aj), parts })
        })
        .collect();
    if e.static_aj > 0 {
        let mut map: BTreeMap<Component, u128> = BTreeMap::new();
        e.statics.iter().for_each(|s| *map.entry(s.component).or_default() += s.aj);
        let layer = STATIC_LAYER.to_owned();
        rows.push(LayerEnergy { layer, energy_pj: p.pj(e.static_aj), parts: parts(p, &map) });
    }
    rows
}

/// One estimator. The simulated one is this report's own energy, the mean over its inputs.
fn estimate(p: &Pieces, e: &Estimate) -> EstimateRow {
    let row = EstimateRow::of(e);
    if e.estimator != simulated::ESTIMATOR.name {
        return row;
    }
    let term = |c: ComponentEnergy| Term { name: c.component, value: c.energy_pj };
    let terms_pj = parts(p, &p.energy.by_component).into_iter().map(term).collect();
    EstimateRow { terms_pj, total_pj: p.pj(p.energy.total_aj), ..row }
}

/// Each remark once, with the terms it is about.
fn notes(energy: &EnergyReport) -> Vec<String> {
    let mut grouped: Vec<(&str, Vec<&str>)> = Vec::new();
    for (term, note) in &energy.notes {
        match grouped.iter_mut().find(|g| g.0 == note) {
            Some(group) => group.1.push(term),
            None => grouped.push((note, vec![term])),
        }
    }
    grouped.into_iter().map(|(note, terms)| format!("{note}: {}", terms.join(", "))).collect()
}

fn published() -> Vec<Published> {
    let row = |c: &crate::energy::constants::Constant| Published {
        name: c.origin.name.replacen(".sop", "", 1),
        energy_pj: c.origin.value,
        node_nm: c.origin.node_nm,
        all_in: c.scope == Scope::AllIn,
        grade: c.origin.grade.name().to_owned(),
        sources: c.origin.sources.clone(),
    };
    Data::embedded().constants.synaptic_operations().into_iter().map(row).collect()
}

/// Traffic of every memory that was used.
pub(super) fn memory_traffic(p: &Pieces) -> Vec<MemoryTraffic> {
    Memory::ALL.iter().filter_map(|m| one_memory(p, *m)).collect()
}

fn one_memory(p: &Pieces, memory: Memory) -> Option<MemoryTraffic> {
    let arch = &p.program.arch;
    let word_bits = arch.word_bits(memory);
    let words = |cost: Cost| -> (u64, Option<u128>) {
        let kinds = Activity::ALL.iter().filter(|a| a.cost() == cost);
        let priced: Vec<u128> = kinds.clone().filter_map(|a| p.energy.by_activity.get(a).copied()).collect();
        let energy = (!priced.is_empty()).then(|| priced.iter().sum());
        (kinds.map(|a| p.counts.total(*a)).sum(), energy)
    };
    let (reads, read_aj) = words(Cost::Read(memory));
    let (writes, write_aj) = words(Cost::Write(memory));
    if reads + writes == 0 {
        return None;
    }
    let bits = |words: u64| words as f64 * f64::from(word_bits) / p.n;
    let priced = read_aj.is_some() || write_aj.is_some();
    Some(MemoryTraffic {
        memory: memory.name().to_owned(),
        capacity_bits: arch.capacity_bits(memory),
        word_bits,
        read_bits: bits(reads),
        written_bits: bits(writes),
        energy_pj: priced.then(|| p.pj(read_aj.unwrap_or(0) + write_aj.unwrap_or(0))),
    })
}

/// Bits moved per inference in the attention memories of one layer.
pub(super) fn attention_bits(p: &Pieces, row: &Row) -> f64 {
    let used = Activity::ALL.iter().filter(|a| a.component() == Component::AttentionMemory);
    let bits = used.filter_map(|a| match a.cost() {
        Cost::Read(m) | Cost::Write(m) => Some(row.get(*a) as f64 * f64::from(p.program.arch.word_bits(m))),
        _ => None,
    });
    bits.sum::<f64>() / p.n
}
