//! Expected work: events a step of every stream, and what they cost a slice.
//!
//! Rates are thousandths of events a step, so everything behind the options is an integer.

use super::connectivity::{Connectivity, Region};
use super::memory::group_blocks;
use super::options::MapOptions;
use pulvinar_ir::op::window::Window;
use pulvinar_ir::{Diagnostic, Graph, NodeId, Result, Shape, Stage, Strategy, Synapse};

/// Expected events of streams.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Thousandths of events a step, by node.
    milli_events: Vec<u64>,
    /// True where the caller gave a number.
    known: Vec<bool>,
    margin_percent: u64,
}

impl Rates {
    /// Rates of every node as a stream: given ones, else the default rate of its elements.
    pub fn of(graph: &Graph, options: &MapOptions) -> Result<Self> {
        let milli = |events: f64| (events * 1000.0).round() as u64;
        let sane = |v: f64| v.is_finite() && (0.0..=1e12).contains(&v);
        let refuse = |place: &str, value: f64| {
            Diagnostic::new(
                "E0606",
                place.to_owned(),
                format!("{value} is no number of events a step"),
                "give a finite number that is 0 or more",
            )
        };
        if !sane(options.default_rate) {
            return Err(refuse("default_rate", options.default_rate));
        }
        let n = graph.nodes.len();
        let mut rates = Rates {
            milli_events: vec![0; n],
            known: vec![false; n],
            margin_percent: options.spike_store_margin_percent.into(),
        };
        for id in graph.ids() {
            let node = graph.node(id);
            rates.milli_events[id.index()] = milli(options.default_rate * node.ty.shape.step_len() as f64);
            if let Some(&events) = options.expected_events.get(&node.name) {
                if !sane(events) {
                    return Err(refuse(&format!("expected_events `{}`", node.name), events));
                }
                rates.milli_events[id.index()] = milli(events).min(node.ty.shape.step_len() as u64 * 1000);
                rates.known[id.index()] = true;
            }
        }
        Ok(rates)
    }

    /// Thousandths of events a step.
    pub fn milli(&self, node: NodeId) -> u64 {
        self.milli_events[node.index()]
    }

    /// True where the caller gave a number.
    pub fn is_known(&self, node: NodeId) -> bool {
        self.known[node.index()]
    }

    /// Events of the whole sequence that a spike store must hold: the expected ones with the margin, at most all.
    pub fn stored_events(&self, graph: &Graph, node: NodeId) -> u64 {
        let shape = graph.node(node).ty.shape;
        let expected = self.milli(node) * shape.t as u64 * (100 + self.margin_percent);
        expected.div_ceil(100_000).min(shape.len() as u64)
    }
}

/// Expected work of one slice in one timestep and one synapse pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Thousandths of events taken.
    pub milli_events: u64,
    /// Thousandths of cycles of the synapse engine.
    pub milli_beats: u64,
    /// Thousandths of synaptic operations.
    pub milli_adds: u64,
    /// Words of one sweep.
    pub sweep_words: u64,
}

/// Expected work of a slice of a stage.
pub fn work(graph: &Graph, stage: &Stage, rates: &Rates, region: Region, lanes: u32) -> Work {
    let shape = graph.node(stage.accumulator).ty.shape;
    let blocks = region.channel_count().div_ceil(lanes as usize) as u64;
    let mut out = Work { sweep_words: blocks * (region.row_count() * shape.w) as u64, ..Work::default() };
    for synapse in &stage.synapses {
        let events = rates.milli(synapse.source);
        let (beats, adds, sources) = density(graph, synapse, shape, region, lanes);
        out.milli_events += events;
        out.milli_beats += (events * beats).div_ceil(sources.max(1)).max(events);
        out.milli_adds += events * adds / sources.max(1);
    }
    out
}

/// Beats and synapses of all sources together in a slice, and the number of sources.
fn density(graph: &Graph, synapse: &Synapse, shape: Shape, region: Region, lanes: u32) -> (u64, u64, u64) {
    let lanes = lanes as usize;
    let input = graph.node(synapse.source).ty.shape;
    let sources = input.step_len() as u64;
    let positions = (region.row_count() * shape.w) as u64;
    let channels = region.channel_count() as u64;
    match Connectivity::of(graph, synapse) {
        Connectivity::Conv { window, groups, group_inputs } => {
            let taps = window_taps(&window, positions) * group_inputs as u64;
            (taps * group_blocks(shape.c, groups, region, lanes), taps * channels, sources)
        }
        Connectivity::Linear { inputs } => {
            let inputs = inputs as u64;
            (inputs * channels.div_ceil(lanes as u64), inputs * channels, sources)
        }
        Connectivity::Sparse { targets, outputs } => {
            let synapses = targets.len() as u64 * channels / outputs.max(1) as u64;
            (synapses.div_ceil(lanes as u64), synapses, sources)
        }
        Connectivity::Pool { window, .. } => {
            let taps = window_taps(&window, positions) * channels;
            (taps, taps, sources)
        }
        Connectivity::Identity { first } => {
            let held = region.channels[1].min(first + input.c).saturating_sub(region.channels[0].max(first));
            let taps = positions * held as u64;
            (taps, taps, sources)
        }
    }
}

/// Pairs of an input position and one of these output positions that a tap joins, at the borders too.
fn window_taps(window: &Window, positions: u64) -> u64 {
    let taps = positions * (window.kernel[0] * window.kernel[1]) as u64;
    if window.transposed {
        taps.div_ceil((window.stride[0] * window.stride[1]) as u64)
    } else {
        taps
    }
}

/// Expected cycles of a slice for the whole sequence, when `slices` share the stage's statistics and gates.
pub fn cycles(graph: &Graph, stage: &Stage, strategy: Strategy, work: Work, slices: u64) -> u64 {
    let steps = graph.timesteps as u64;
    let passes = stage.passes.len() as u64;
    let synapse_passes = if strategy == Strategy::Recompute { passes } else { 1 };
    let synapse = work.milli_beats.div_ceil(1000) * synapse_passes;
    let sweep = (work.sweep_words + SWEEP_LATENCY_CYCLES) * passes;
    // Statistics and gates pass one event a cycle through the home.
    let len = |id: &NodeId| graph.node(*id).ty.shape.len() as u64;
    let shared: u64 = stage
        .passes
        .iter()
        .map(|p| p.taps.iter().map(len).sum::<u64>() + p.gates.iter().map(len).sum::<u64>())
        .sum();
    // A buffer fills while the one before is swept, unless all of one pass comes before the next.
    let overlaps = passes == 1 || strategy == Strategy::Step;
    let overlap = if overlaps { synapse.max(sweep) } else { synapse + sweep };
    steps * overlap + (slices - 1) * shared
}

/// Cycles from the start of a sweep to its first word in the encoder.
const SWEEP_LATENCY_CYCLES: u64 = 6;
