//! Report of a run from program, counts, energy and facts.

use super::build_energy::{constants, energy, memory_traffic};
use super::{
    bounds, Area, AreaRow, AttentionLayer, Correctness, DramTraffic, Layer, LinkLoad, Mesh, ModelSummary,
    NocTraffic, Provenance, Raster, RateSeries, Report, RunFacts, Span, Term, Timeline, Timing, Traffic,
    FORMAT,
};
use crate::energy::{AreaReport, EnergyReport};
use pulvinar_ir::counts::{Activity, Component, Counts, Row};
use pulvinar_ir::diag::{Diagnostic, Result};
use pulvinar_ir::program::{Program, Stage, StageId, Strategy};
use pulvinar_ir::{Op, Schedule};
use std::collections::BTreeSet;

/// Most spans a report holds; the longest are kept.
pub const MAX_SPANS: usize = 8000;
/// Most spikes a report holds; a regular sample is kept.
pub const MAX_SPIKES: usize = 12_000;

/// The pieces with the divisor that makes sums over inputs figures of one inference.
pub(super) struct Pieces<'a> {
    pub program: &'a Program,
    pub counts: &'a Counts,
    pub energy: &'a EnergyReport,
    pub facts: &'a RunFacts,
    /// Inferences.
    pub n: f64,
    /// Cycles of all inferences.
    pub cycles: f64,
}

impl Report {
    /// Gathers a run. `counts` is the sum over the inputs of `facts`, `energy` its price.
    ///
    /// Refuses a run without inputs (`E0611`) and an input that took no time (`E0612`).
    pub fn build(
        program: &Program,
        counts: &Counts,
        energy: &EnergyReport,
        facts: &RunFacts,
    ) -> Result<Report> {
        check(facts)?;
        let cycles = facts.inputs.iter().map(|i| i.cycles as f64).sum();
        let p = Pieces { program, counts, energy, facts, n: facts.inputs.len() as f64, cycles };
        let layers: Vec<Layer> = (0..program.stages.len()).map(|i| p.layer(StageId(i as u32))).collect();
        let mesh = p.mesh();
        Ok(Report {
            format: FORMAT,
            provenance: p.provenance(),
            model: p.model(&layers),
            closed_form: facts.closed_form,
            correctness: p.correctness(),
            timing: p.timing(),
            energy: self::energy(&p),
            traffic: p.traffic(&mesh),
            attention: p.attention(&layers),
            twin: facts.twin.clone(),
            bottlenecks: bounds::bottlenecks(&p, &layers, &mesh),
            rates: p.rates(),
            layers,
            mesh,
            timeline: timeline(facts),
            raster: raster(facts),
            bits: facts.bits.clone(),
            area: facts.area.as_ref().map(area),
        })
    }
}

fn check(facts: &RunFacts) -> Result<()> {
    if facts.inputs.is_empty() {
        return Err(Diagnostic::new(
            "E0611",
            "report",
            "the run has no inputs",
            "simulate at least one input",
        ));
    }
    match facts.inputs.iter().position(|i| i.cycles == 0) {
        None => Ok(()),
        Some(i) => Err(Diagnostic::new(
            "E0612",
            format!("input {i}"),
            "the inference took no cycle",
            "report the cycles of a finished simulation",
        )),
    }
}

impl Pieces<'_> {
    fn simulated(&self) -> bool {
        self.facts.closed_form.is_none()
    }

    fn provenance(&self) -> Provenance {
        let (facts, graph) = (self.facts, &self.program.graph);
        Provenance {
            version: facts.version.clone(),
            command: facts.command.clone(),
            model: graph.name.clone(),
            model_hash: facts.model_hash.clone(),
            input: facts.input.clone(),
            input_hash: facts.input_hash.clone(),
            arch: self.program.arch.name.clone(),
            arch_hash: facts.arch_hash.clone(),
            seed: facts.seed,
            assumptions: graph.assumptions.iter().chain(&facts.assumptions).cloned().collect(),
            constants: constants(self.energy),
        }
    }

    fn model(&self, layers: &[Layer]) -> ModelSummary {
        let program = self.program;
        let cores: BTreeSet<u32> = program.phases.iter().flat_map(|p| &p.slices).map(|s| s.core).collect();
        ModelSummary {
            parameters: self.facts.parameters,
            neurons: layers.iter().map(|l| l.neurons).sum(),
            layers: layers.len() as u32,
            timesteps: program.graph.timesteps as u32,
            phases: program.phases.len() as u32,
            cores_used: cores.len() as u32,
            cores: program.arch.cores(),
            node_nm: program.arch.technology.node_nm,
        }
    }

    fn correctness(&self) -> Correctness {
        let inputs = &self.facts.inputs;
        let share = |hits: usize, of: usize| (of > 0).then(|| hits as f64 / of as f64);
        let pairs = |a: fn(&super::InputFacts) -> Option<u32>, b: fn(&super::InputFacts) -> Option<u32>| {
            let both: Vec<bool> = inputs.iter().filter_map(|i| Some(a(i)? == b(i)?)).collect();
            share(both.iter().filter(|hit| **hit).count(), both.len())
        };
        Correctness {
            inputs: inputs.len() as u64,
            workload: self.facts.workload.clone(),
            labelled: inputs.iter().filter(|i| i.label.is_some()).count() as u64,
            accuracy: pairs(|i| i.prediction, |i| i.label),
            float_accuracy: pairs(|i| i.float_prediction, |i| i.label),
            agreement_with_float: pairs(|i| i.prediction, |i| i.float_prediction),
            spikes_equal_to_reference: self.facts.spikes_equal_to_reference,
            compared_events: self.facts.compared_events,
        }
    }

    fn timing(&self) -> Timing {
        let clock_mhz = self.program.arch.technology.clock_mhz;
        let each = || self.facts.inputs.iter().map(|i| i.cycles);
        let latency_cycles = self.cycles / self.n;
        Timing {
            clock_mhz,
            latency_cycles,
            latency_min_cycles: each().min().unwrap_or(0),
            latency_max_cycles: each().max().unwrap_or(0),
            latency_us: latency_cycles / clock_mhz,
            throughput_per_s: clock_mhz * 1e6 / latency_cycles,
            load_cycles: self.facts.load_cycles,
        }
    }

    fn traffic(&self, mesh: &Mesh) -> Traffic {
        let arch = &self.program.arch;
        let total = |a| self.counts.total(a) as f64 / self.n;
        let burst = f64::from(arch.dram.burst_bytes);
        let flit_hops = total(Activity::LinkFlit);
        let between = mesh.links.iter().filter(|l| l.port < 4).map(|l| l.flits_per_cycle);
        Traffic {
            memories: memory_traffic(self),
            noc: NocTraffic {
                injected_flits: total(Activity::FlitInject),
                ejected_flits: total(Activity::FlitEject),
                flit_hops,
                link_bits: flit_hops * f64::from(arch.noc.payload_bits),
                peak_link_flits_per_cycle: self.simulated().then(|| between.fold(0.0, f64::max)),
            },
            dram: DramTraffic {
                read_bytes: total(Activity::DramRead) * burst,
                written_bytes: total(Activity::DramWrite) * burst,
                activates: total(Activity::DramActivate),
            },
        }
    }

    /// Activity of one layer over all timesteps, all inputs.
    fn row(&self, layer: &str) -> Row {
        let mut sum = Row::default();
        let rows = self.counts.rows.iter().filter(|((name, _), _)| name == layer);
        rows.for_each(|(_, row)| sum.merge(row));
        sum
    }

    fn layer(&self, id: StageId) -> Layer {
        let stage = self.program.stage(id);
        let shape = self.program.graph.node(stage.output).ty.shape;
        let row = self.row(&stage.name);
        let get = |a| row.get(a) as f64 / self.n;
        let slices = self.program.phases.iter().flat_map(|p| &p.slices).filter(|s| s.stage == id);
        let cores = slices.map(|s| s.core).collect::<BTreeSet<_>>().len() as u32;
        let (synapse, sweep, attention) = (
            get(Activity::SynapseBusyCycles),
            get(Activity::SweepBusyCycles),
            get(Activity::AttentionBusyCycles),
        );
        let per_core = (synapse.max(sweep) / f64::from(cores.max(1))).max(attention);
        let elements = shape.step_len();
        let spikes = get(Activity::Spike);
        let used = Activity::ALL.iter().filter(|a| row.get(**a) > 0);
        Layer {
            name: stage.name.clone(),
            kind: self.kind(stage),
            shape: [shape.c as u32, shape.h as u32, shape.w as u32],
            neurons: if self.fires(stage) { elements as u64 } else { 0 },
            cores,
            spikes,
            firing_rate: spikes / (elements * self.program.graph.timesteps).max(1) as f64,
            synaptic_events: get(Activity::SynAdd) + get(Activity::SynMac),
            synapse_busy_cycles: synapse,
            sweep_busy_cycles: sweep,
            attention_busy_cycles: attention,
            stall_cycles: self
                .simulated()
                .then(|| get(Activity::SynapseStallCycles) + get(Activity::SweepStallCycles)),
            busy_fraction: per_core * self.n / self.cycles,
            energy_pj: self.energy.by_layer.get(&stage.name).map_or(0.0, |aj| self.pj(*aj)),
            counts: used.map(|a| Term { name: a.name().to_owned(), value: get(*a) }).collect(),
        }
    }

    /// True for a layer of neurons; others may keep sums or held values where a membrane would be.
    fn fires(&self, stage: &Stage) -> bool {
        matches!(self.program.graph.node(stage.output).op, Op::Lif(_))
    }

    fn kind(&self, stage: &Stage) -> String {
        let mut kinds: Vec<&str> = Vec::new();
        for synapse in &stage.synapses {
            let op = self.program.graph.node(synapse.node).op.name();
            let name = match op {
                "conv2d" | "linear" | "sparse" | "avg_pool" | "max_pool" => op,
                _ => "identity",
            };
            if !kinds.contains(&name) {
                kinds.push(name);
            }
        }
        if kinds.is_empty() {
            "none".to_owned()
        } else {
            kinds.join(" + ")
        }
    }

    /// Energy of one inference, pJ.
    pub(super) fn pj(&self, aj: u128) -> f64 {
        aj as f64 / 1e6 / self.n
    }

    fn attention(&self, layers: &[Layer]) -> Vec<AttentionLayer> {
        let stages = self.program.stages.iter().zip(layers);
        stages.filter_map(|(stage, layer)| self.attention_of(stage, layer)).collect()
    }

    fn attention_of(&self, stage: &Stage, layer: &Layer) -> Option<AttentionLayer> {
        use {Activity as A, Component as C};
        let row = self.row(&stage.name);
        let get = |a: A| row.get(a) as f64 / self.n;
        let sum = |list: &[A]| list.iter().map(|a| get(*a)).sum::<f64>();
        if !stage.is_multipass() && sum(&[A::GateMul, A::DenseMac, A::StatAdd]) == 0.0 {
            return None;
        }
        let parts = self.energy.by_layer_component.get(&stage.name);
        let pj = |c| parts.and_then(|p| p.get(&c)).map_or(0.0, |aj| self.pj(*aj));
        let twin = self.facts.twin.as_ref();
        let before = twin.and_then(|t| t.layer_spikes.iter().find(|l| l.name == stage.name));
        Some(AttentionLayer {
            layer: stage.name.clone(),
            strategy: stage.strategy.name().to_owned(),
            passes: stage.passes.len() as u32,
            gate_multiplies: get(A::GateMul),
            gate_products: get(A::GateProduct),
            dense_macs: get(A::DenseMac),
            table_lookups: get(A::TableLookup),
            statistics_ops: sum(&[A::StatAdd, A::StatCompare]),
            buffer_bytes: self.buffer_bytes(stage, get(A::SpikeStoreWrite)),
            memory_bits: super::build_energy::attention_bits(self, &row),
            engine_cycles: layer.attention_busy_cycles,
            energy_pj: pj(C::Attention) + pj(C::AttentionMemory),
            alternatives: self
                .facts
                .alternatives
                .iter()
                .filter(|a| a.0 == stage.name)
                .map(|a| a.1.clone())
                .collect(),
            saved_spikes: before.map(|b| b.value - layer.spikes),
        })
    }

    /// Storage between passes: frames of all timesteps or of a window, or the events kept (32 bits each).
    fn buffer_bytes(&self, stage: &Stage, stored_events: f64) -> f64 {
        let elements = self.program.graph.node(stage.accumulator).ty.shape.step_len();
        let steps = self.program.graph.timesteps;
        let frames = |n: usize| (elements * n) as f64 * f64::from(stage.accumulator_bits) / 8.0;
        match stage.strategy {
            Strategy::Direct | Strategy::Step => 0.0,
            Strategy::SpillSram | Strategy::SpillDram => frames(steps),
            Strategy::Window => {
                frames(Schedule::of(&self.program.graph, stage).map_or(steps, |s| s.ahead + 1))
            }
            Strategy::Recompute => stored_events * 4.0,
        }
    }

    fn mesh(&self) -> Mesh {
        let m = &self.program.arch.mesh;
        let mut core_layers = vec![String::new(); self.program.arch.cores() as usize];
        for slice in self.program.phases.iter().flat_map(|p| &p.slices) {
            let Some(label) = core_layers.get_mut(slice.core as usize) else { continue };
            let name = &self.program.stage(slice.stage).name;
            if !label.split('/').any(|l| l == name) {
                let join = if label.is_empty() { "" } else { "/" };
                *label = format!("{label}{join}{name}");
            }
        }
        let busy =
            |core: usize| self.facts.core_busy_cycles.get(core).map_or(0.0, |c| *c as f64 / self.cycles);
        let load = |l: &super::LinkFlits| LinkLoad {
            router: l.router,
            port: l.port,
            flits_per_cycle: l.flits as f64 / self.cycles,
        };
        Mesh {
            width: m.width,
            height: m.height,
            cores_per_tile: m.cores_per_tile,
            host_tile: m.host_tile,
            dram_tile: m.dram_tile,
            core_busy_fraction: (0..core_layers.len()).filter(|_| self.simulated()).map(busy).collect(),
            core_layers,
            links: self.facts.link_flits.iter().filter(|l| l.flits > 0).map(load).collect(),
        }
    }

    fn rates(&self) -> Vec<RateSeries> {
        let neurons = self.program.stages.iter().filter(|s| self.fires(s));
        let series = neurons.map(|stage| {
            let elements = self.program.graph.node(stage.output).ty.shape.step_len().max(1) as f64;
            let rate = |t: usize| {
                let row = self.counts.rows.get(&(stage.name.clone(), t as u32));
                row.map_or(0.0, |r| r.get(Activity::Spike) as f64) / self.n / elements
            };
            let spikes_per_neuron = (0..self.program.graph.timesteps).map(rate).collect();
            RateSeries { layer: stage.name.clone(), spikes_per_neuron }
        });
        series.collect()
    }
}

fn timeline(facts: &RunFacts) -> Timeline {
    let mut spans: Vec<Span> = facts.spans.iter().filter(|s| s.end_cycle > s.start_cycle).cloned().collect();
    let kept = spans.len().min(MAX_SPANS);
    let dropped = (spans.len() - kept) as u64;
    spans.sort_by_key(|s| std::cmp::Reverse(s.end_cycle - s.start_cycle));
    spans.truncate(kept);
    spans.sort();
    let first = facts.inputs.first().map_or(0, |i| i.cycles);
    let cycles = spans.iter().map(|s| s.end_cycle).max().unwrap_or(0).max(first);
    Timeline { cycles, spans, dropped }
}

fn raster(facts: &RunFacts) -> Raster {
    let mut spikes = facts.spikes.clone();
    spikes.sort_unstable();
    let total = spikes.len() as u64;
    let every = spikes.len().div_ceil(MAX_SPIKES).max(1);
    Raster { spikes: spikes.into_iter().step_by(every).collect(), total }
}

fn area(area: &AreaReport) -> Area {
    let row = |i: &crate::energy::area::AreaItem| AreaRow {
        block: i.name.clone(),
        instances: i.instances,
        area_mm2: i.mm2(),
    };
    Area {
        total_mm2: area.total_mm2,
        rows: area.items.iter().map(row).collect(),
        unpriced: area.unpriced.clone(),
    }
}
