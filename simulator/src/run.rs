//! Options and results of a simulation, and the log it fills.

use crate::accesses::Access;
use pulvinar_ir::counts::Row;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::{Activity, Counts, Trace, Value};
use serde::Serialize;

/// Which engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// Jumps over idle cycles and computes events and sweeps in closed form.
    #[default]
    Fast,
    /// Ticks every unit every cycle, beat by beat, word by word.
    Plain,
}

/// What to run and what to keep.
#[allow(clippy::struct_excessive_bools)] // what is kept, each by itself
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimOptions {
    /// Engine.
    pub engine: EngineKind,
    /// Keep the trace.
    pub trace: bool,
    /// Keep the output value of every stage.
    pub values: bool,
    /// Keep the timeline.
    pub timeline: bool,
    /// Keep the accesses of the on-chip memories (plain engine).
    pub accesses: bool,
    /// Give up after this many cycles.
    pub cycle_limit: u64,
    /// A slow reader of the output, as (period, busy) in cycles: the host takes neither events nor ends of steps in
    /// cycles c with c mod period < busy. `busy` is smaller than `period`.
    pub output_busy: Option<(u64, u64)>,
}

impl Default for SimOptions {
    fn default() -> Self {
        SimOptions {
            engine: EngineKind::Fast,
            trace: false,
            values: false,
            timeline: false,
            accesses: false,
            cycle_limit: 1 << 40,
            output_busy: None,
        }
    }
}

/// What a span of the timeline shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanKind {
    /// Weights are loaded.
    Load,
    /// First event of the step popped to last write landed.
    Accumulate {
        /// Pass.
        pass: u32,
        /// Timestep.
        step: u32,
    },
    /// Sweep.
    Sweep {
        /// Pass.
        pass: u32,
        /// Timestep.
        step: u32,
    },
    /// Attention program.
    Attention {
        /// Pass.
        pass: u32,
    },
    /// Memory transfer of a frame.
    Dma {
        /// Timestep.
        step: u32,
    },
}

/// Something a core did, from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First cycle.
    pub start: u64,
    /// Cycle after the last.
    pub end: u64,
    /// Stage.
    pub stage: u32,
    /// Core.
    pub core: u32,
    /// What.
    pub kind: SpanKind,
}

/// Flits that left a router through one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LinkLoad {
    /// Router.
    pub router: u32,
    /// Output port: 0 north, 1 east, 2 south, 3 west, then local ports.
    pub port: u32,
    /// Flits.
    pub flits: u64,
}

/// Result of one simulated inference.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Value of the graph's output node.
    pub output: Value,
    /// Output value of every stage, if asked for.
    pub values: Vec<Value>,
    /// Activity; `cycles` is the latency of the inference.
    pub counts: Counts,
    /// The trace in canonical order, if asked for.
    pub trace: Option<Trace>,
    /// The timeline in canonical order; empty if not asked for.
    pub timeline: Vec<Span>,
    /// Accesses of the on-chip memories by core, memory, array and cycle, if asked for.
    pub accesses: Vec<Access>,
    /// Flits per router and output port, where there are any.
    pub links: Vec<LinkLoad>,
    /// Cycles in which each core's synapse or update engine worked, by core; both at once count twice.
    pub busy_cycles: Vec<u64>,
    /// First cycle of every phase.
    pub phase_starts: Vec<u64>,
    /// Cycles the weights of a single phase take to load before cycle 0; 0 where phases load during the run.
    pub load_cycles: u64,
    /// Event packets and tokens injected, and taken (a multicast packet is taken once a destination).
    pub injected_flits: u64,
    /// Flits taken by endpoints.
    pub ejected_flits: u64,
    /// Host clock-independent size of the simulation: cycles at which anything was simulated.
    pub visited_cycles: u64,
}

/// What a run records as it goes.
#[derive(Debug)]
pub struct Log {
    steps: usize,
    rows: Vec<Row>,
    /// Trace entries, unsorted.
    pub trace: Option<Vec<(u64, Entry)>>,
    /// Spans, unsorted.
    pub timeline: Option<Vec<Span>>,
    /// Accesses, unsorted.
    pub accesses: Option<Vec<Access>>,
    /// Output of every stage, row-major t, c, h, w.
    pub values: Option<Vec<Vec<i64>>>,
    /// Busy cycles by core.
    pub busy: Vec<u64>,
}

impl Log {
    /// An empty log for `layers` stages and the three other layers (host, dram, noc).
    pub fn new(layers: usize, steps: usize, cores: usize, options: &SimOptions) -> Self {
        Log {
            steps,
            rows: vec![Row::default(); (layers + 3) * steps],
            trace: options.trace.then(Vec::new),
            timeline: options.timeline.then(Vec::new),
            accesses: (options.accesses && options.engine == EngineKind::Plain).then(Vec::new),
            values: None,
            busy: vec![0; cores],
        }
    }

    /// Row of a layer and step; what comes after the last step is booked on it.
    #[inline]
    pub fn row(&mut self, layer: usize, step: usize) -> &mut Row {
        &mut self.rows[layer * self.steps + step.min(self.steps - 1)]
    }

    /// Adds to one activity.
    #[inline]
    pub fn count(&mut self, layer: usize, step: usize, activity: Activity, n: u64) {
        self.row(layer, step).add(activity, n);
    }

    /// Adds a trace entry.
    #[inline]
    pub fn enter(&mut self, cycle: u64, entry: Entry) {
        if let Some(trace) = &mut self.trace {
            trace.push((cycle, entry));
        }
    }

    /// Adds a span.
    pub fn span(&mut self, span: Span) {
        if let Some(timeline) = &mut self.timeline {
            timeline.push(span);
        }
    }

    /// Counts by layer name, rows without activity left out.
    pub fn into_counts(self, names: &[&str], cycles: u64) -> Counts {
        let mut counts = Counts { cycles, ..Counts::default() };
        for (i, row) in self.rows.iter().enumerate() {
            if row.0.iter().any(|&n| n > 0) {
                counts.row(names[i / self.steps], (i % self.steps) as u32).merge(row);
            }
        }
        counts
    }
}
