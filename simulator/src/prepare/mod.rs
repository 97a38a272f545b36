//! The machine of a program: everything that does not depend on the input, laid out once.

pub mod attention;
pub mod phase;
pub mod sparse;
pub mod sweep;
pub mod synapse;

use crate::packet::MAX_STEPS;
use phase::PhasePlan;
use pulvinar_ir::arch::{Hazard, Sync};
use pulvinar_ir::tensor::Data;
use pulvinar_ir::{Axis, Diagnostic, Endpoint, Graph, Level, Op, Program, Result, Strategy, Value};
use sweep::StagePlan;

/// A program the simulator cannot run.
pub(crate) fn refuse(
    place: impl Into<String>,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Diagnostic {
    Diagnostic::new("E0701", place, message, help)
}

/// A program laid out for simulation: weight images, address tables, sweep descriptors, routes.
#[derive(Debug)]
pub struct Machine<'p> {
    /// The program.
    pub program: &'p Program,
    /// Timesteps.
    pub steps: usize,
    /// Stages.
    pub stages: Vec<StagePlan<'p>>,
    /// Phases.
    pub phases: Vec<PhasePlan>,
    /// The graph as one step of it is: for stages whose attention runs step by step.
    one_step: Option<Graph>,
    /// Accumulator buffers in use.
    pub buffers: usize,
    /// Cycles of the chip-wide barrier; none with tokens.
    pub barrier: Option<u64>,
    /// True if the synapse engine waits on accumulator hazards.
    pub stall: bool,
    /// True if the program uses the external memory during an inference.
    pub dram: bool,
}

impl<'p> Machine<'p> {
    /// Lays out a program, or says what the machine cannot run.
    pub fn new(program: &'p Program) -> Result<Self> {
        let arch = &program.arch;
        arch.check()?;
        pulvinar_ir::verify::verify(&program.graph)?;
        check_nodes(program)?;
        let graph = &program.graph;
        if graph.level != Level::Flow || graph.timesteps > MAX_STEPS {
            return Err(refuse(
                &graph.name,
                "the machine runs integer graphs of up to 65536 steps",
                "quantise first",
            ));
        }
        let indices = 0..program.stages.len();
        let stages: Vec<StagePlan<'p>> =
            indices.map(|i| sweep::stage_plan(graph, &program.stages, i)).collect::<Result<_>>()?;
        let barrier = (arch.noc.sync == Sync::Barrier).then_some(u64::from(arch.noc.barrier_cycles));
        let buffers = if barrier.is_some() { 2 } else { arch.core.accumulator_buffers as usize };
        check_sync(program, barrier.is_some(), buffers)?;
        let dram = uses_dram(program);
        let phases = program.phases.iter();
        let phases = phases.map(|p| phase::phase_plan(program, &stages, p, dram)).collect::<Result<_>>()?;
        let stall = arch.core.hazard == Hazard::Stall;
        let one_step = one_step(program);
        Ok(Machine {
            program,
            steps: graph.timesteps,
            stages,
            phases,
            one_step,
            buffers,
            barrier,
            stall,
            dram,
        })
    }

    /// Index of the host among the layers of a log: behind the stages.
    pub fn host_layer(&self) -> usize {
        self.stages.len()
    }
    /// Index of the external memory.
    pub fn dram_layer(&self) -> usize {
        self.stages.len() + 1
    }
    /// Index of the network.
    pub fn noc_layer(&self) -> usize {
        self.stages.len() + 2
    }
    /// Names of all layers, by index.
    pub fn layer_names(&self) -> Vec<&str> {
        let stages = self.stages.iter().map(|s| s.stage.name.as_str());
        stages.chain(["host", "dram", "noc"]).collect()
    }

    /// The graph whose shapes a stage's small values have: of all steps, or of one.
    pub fn small_graph(&self, stage: usize) -> &Graph {
        let by_step = self.stages[stage].by_step();
        self.one_step.as_ref().filter(|_| by_step).unwrap_or(&self.program.graph)
    }

    /// Lets stages send given values in place of what they compute: a workload by firing rate. Sums, sweeps and gates are
    /// worked on as ever, so all costs are those of the given values.
    ///
    /// # Errors
    /// E0705 for another number of stages, a value of another shape or one that the stage's output type cannot carry.
    pub fn give(&mut self, outputs: &[Option<Value>]) -> Result<()> {
        let bad = |place: &str, message: String| {
            Err(Diagnostic::new("E0705", place, message, "give one value a stage, as its output type says"))
        };
        if outputs.len() != self.stages.len() {
            return bad(
                "given outputs",
                format!("{} values for {} stages", outputs.len(), self.stages.len()),
            );
        }
        let graph = &self.program.graph;
        for (plan, output) in self.stages.iter_mut().zip(outputs) {
            let Some(value) = output else {
                plan.given = None;
                continue;
            };
            let ty = &graph.node(plan.stage.output).ty;
            let int = ty.as_int(&plan.stage.name)?;
            if value.shape != ty.shape {
                return bad(
                    &plan.stage.name,
                    format!("a value of {} for an output of {}", value.shape, ty.shape),
                );
            }
            match &value.data {
                Data::Int(v) if v.iter().all(|x| (int.lo..=int.hi).contains(x)) => {
                    plan.given = Some(v.clone());
                }
                _ => {
                    let message = format!("not all values are whole numbers in {}..{}", int.lo, int.hi);
                    return bad(&plan.stage.name, message);
                }
            }
        }
        Ok(())
    }
}

/// The nodes with values of one step, and the tensors of the attention programs that go step by step.
fn one_step(program: &Program) -> Option<Graph> {
    let along = |s: &&pulvinar_ir::Stage| matches!(s.strategy, Strategy::Step | Strategy::Window);
    let stages: Vec<_> = program.stages.iter().filter(along).collect();
    stages.first()?;
    let graph = &program.graph;
    let small = stages.iter().flat_map(|s| &s.passes).flat_map(|p| &p.program);
    let names = small.flat_map(|id| graph.node(*id).op.rule().tensors());
    let nodes = graph.nodes.iter().cloned().map(|mut node| {
        node.ty.shape.t = 1;
        if let Op::Conv1d(conv) = &mut node.op {
            // It reads the steps that are kept, and no others.
            conv.padding = if conv.axis == Axis::T { [0; 2] } else { conv.padding };
        }
        node
    });
    Some(Graph {
        nodes: nodes.collect(),
        output: graph.output,
        tensors: names.map(|n| (n.to_owned(), graph.tensors[n].clone())).collect(),
        ..Graph::new(&graph.name, graph.level, 1)
    })
}

fn uses_dram(program: &Program) -> bool {
    let through = |e: &Endpoint| *e == Endpoint::Dram;
    let streams = program.phases.iter().flat_map(|p| &p.streams);
    program.phases.len() > 1
        || program.stages.iter().any(|s| s.strategy == Strategy::SpillDram && s.is_multipass())
        || streams.into_iter().any(|s| through(&s.source) || s.destinations.iter().any(through))
}

fn check_nodes(program: &Program) -> Result<()> {
    let nodes = program.graph.nodes.len();
    let known = |id: &pulvinar_ir::NodeId| id.index() < nodes;
    for stage in &program.stages {
        let synapses = stage.synapses.iter().flat_map(|s| [&s.node, &s.source]);
        let passes = stage
            .passes
            .iter()
            .flat_map(|p| p.elementwise.iter().chain(&p.gates).chain(&p.taps).chain(&p.program));
        if !synapses.chain(passes).chain([&stage.accumulator, &stage.output]).all(known) {
            return Err(refuse(
                &stage.name,
                "the stage names a node that does not exist",
                "build programs with the mapper",
            ));
        }
    }
    if program.phases.iter().flat_map(|p| &p.streams).any(|s| !known(&s.node)) {
        return Err(refuse(
            "streams",
            "a stream names a node that does not exist",
            "build programs with the mapper",
        ));
    }
    let output = |s: &pulvinar_ir::Stream| s.destinations.contains(&Endpoint::Host);
    if !program.phases.iter().flat_map(|p| &p.streams).any(output) {
        return Err(refuse(
            "streams",
            "no stream ends at the host, so there is no answer",
            "send the output stage to the host",
        ));
    }
    Ok(())
}

fn check_sync(program: &Program, barrier: bool, buffers: usize) -> Result<()> {
    let synapses = || program.stages.iter().flat_map(|s| s.synapses.iter().map(move |y| (s, y)));
    if barrier {
        if let Some((stage, _)) = synapses().find(|(_, y)| !y.delayed) {
            return Err(refuse(
                &stage.name,
                "with a barrier every synapse acts one step late and this one does not",
                "delay every edge between layers, or use sync = \"tokens\"",
            ));
        }
        if let Some(stage) = program.stages.iter().find(|s| s.is_multipass()) {
            return Err(refuse(
                &stage.name,
                "with a barrier a stage has one pass",
                "use sync = \"tokens\" for attention over time",
            ));
        }
        if program.is_multiphase() {
            return Err(refuse(
                "phases",
                "with a barrier a program has one phase",
                "use a larger chip, or sync = \"tokens\"",
            ));
        }
    } else if let Some((stage, _)) = synapses().find(|(_, y)| y.delayed && buffers < 2) {
        return Err(refuse(
            &stage.name,
            "a delayed synapse needs a second accumulator buffer",
            "set core.accumulator_buffers = 2",
        ));
    }
    Ok(())
}
