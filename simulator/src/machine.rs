//! Running inputs on a machine.

use crate::engine::Simulation;
use crate::noc::{self, Fabric, RouterActivity, MAX_PORTS, MESH_PORTS};
use crate::prepare::Machine;
use crate::run::{EngineKind, LinkLoad, Log, Run, SimOptions};
use crate::unit::host_port::HostMemory;
use crate::unit::loader::load;
use crate::unit::memory_controller::{load_bound, ExternalMemory};
use pulvinar_ir::interpret::check_input;
use pulvinar_ir::op::EvalCx;
use pulvinar_ir::{Activity, Diagnostic, Endpoint, NodeId, Program, Result, StreamKind, Trace, Value};
use rayon::prelude::*;

/// Runs one input on a program.
pub fn simulate(program: &Program, input: &Value, options: &SimOptions) -> Result<Run> {
    Machine::new(program)?.simulate(input, options)
}

/// Runs many inputs, in parallel; `progress` gets the number of finished runs. The result does not depend on threads.
pub fn simulate_many(
    machine: &Machine<'_>,
    inputs: &[Value],
    options: &SimOptions,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Run>> {
    let done = std::sync::atomic::AtomicUsize::new(0);
    let one = |input: &Value| {
        let run = machine.simulate(input, options);
        progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1);
        run
    };
    inputs.par_iter().map(one).collect()
}

/// Flit counts of all routers over all phases.
struct Traffic {
    routers: Vec<RouterActivity>,
    visited: u64,
    starts: Vec<u64>,
}

impl Traffic {
    fn add<F: Fabric>(&mut self, fabric: &F) {
        self.routers.iter_mut().zip(&fabric.activity()).for_each(|(sum, router)| merge(sum, router));
    }
}

impl Machine<'_> {
    /// Runs one input.
    pub fn simulate(&self, input: &Value, options: &SimOptions) -> Result<Run> {
        check_input(&self.program.graph, input)?;
        check_reader(options)?;
        let cores = self.program.arch.cores() as usize;
        let mut log = Log::new(self.stages.len(), self.steps, cores, options);
        let graph = &self.program.graph;
        if options.values {
            log.values = Some(
                self.stages.iter().map(|s| vec![0; graph.node(s.stage.output).ty.shape.len()]).collect(),
            );
        }
        let mut memory = self.host_memory();
        let traffic = match options.engine {
            EngineKind::Fast => self.run_phases::<noc::Fast>(input, &mut memory, &mut log, options)?,
            EngineKind::Plain => self.run_phases::<noc::Plain>(input, &mut memory, &mut log, options)?,
        };
        self.result(input, memory, log, traffic)
    }

    fn run_phases<F: Fabric>(
        &self,
        input: &Value,
        memory: &mut HostMemory,
        log: &mut Log,
        options: &SimOptions,
    ) -> Result<Traffic> {
        let routers = vec![RouterActivity::default(); self.program.arch.tiles() as usize];
        let mut traffic = Traffic { routers, visited: 0, starts: Vec::new() };
        let mut external = ExternalMemory::new(self);
        let mut start = 0;
        for phase in &self.phases {
            traffic.starts.push(start);
            if self.phases.len() > 1 {
                let (end, fabric) = load(self, phase, phase.fabric::<F>()?, start, &mut external, log);
                start = end;
                traffic.add(&fabric);
            }
            let state = (input, &mut *memory, &mut external, &mut *log);
            let end = Simulation::<F>::new(self, phase, state, (options, start))?.run()?;
            traffic.visited += end.visited;
            start = end.end;
            traffic.add(&end.fabric);
        }
        self.book_memory(&mut external, start, log);
        Ok(traffic)
    }

    /// Cycles the weights of a single phase take to load before cycle 0; 0 where phases load during the run.
    pub fn load_cycles(&self) -> u64 {
        match &self.phases[..] {
            [phase] => load_bound(self, phase),
            _ => 0,
        }
    }

    /// Commands of the external memory, if the program uses it.
    pub(crate) fn book_memory(&self, external: &mut ExternalMemory, end: u64, log: &mut Log) {
        if !self.dram {
            return;
        }
        external.channel.advance(end);
        let counts = external.channel.counts();
        let row = log.row(self.dram_layer(), 0);
        row.add(Activity::DramActivate, counts.activates);
        row.add(Activity::DramRead, counts.reads);
        row.add(Activity::DramWrite, counts.writes);
        row.add(Activity::DramRefresh, counts.refreshes);
    }

    fn host_memory(&self) -> HostMemory {
        let mut memory = HostMemory::default();
        for (phase, streams) in self.phases.iter().zip(self.program.phases.iter().map(|p| &p.streams)) {
            let taken = |s: &&pulvinar_ir::Stream| {
                s.kind == StreamKind::Events && s.destinations.contains(&Endpoint::Host)
            };
            for stream in streams.iter().filter(taken) {
                if !memory.values.iter().any(|(n, _)| *n == stream.node) {
                    let len = self.program.graph.node(stream.node).ty.shape.len();
                    memory.values.push((stream.node, vec![0; len]));
                }
            }
            if self.barrier.is_none() {
                memory.tokens_left += u64::from(phase.host_inputs) * self.steps as u64;
            } else {
                memory.tokens_left = u64::MAX;
            }
        }
        memory
    }

    fn result(&self, input: &Value, memory: HostMemory, mut log: Log, traffic: Traffic) -> Result<Run> {
        let graph = &self.program.graph;
        let finished = memory.finished_at.ok_or_else(|| {
            Diagnostic::new(
                "E0702",
                "host",
                "the run ended without an answer",
                "build programs with the mapper",
            )
        })?;
        let output = self.answer(input, &memory)?;
        self.book_network(&mut log, &traffic.routers);
        let shape = |s: usize| graph.node(self.stages[s].stage.output).ty.shape;
        let values = log.values.take().unwrap_or_default();
        let values = values.into_iter().enumerate().map(|(s, v)| Value::int(shape(s), v)).collect();
        let trace = log.trace.take().map(|entries| {
            let mut trace = Trace { entries };
            trace.sort();
            trace
        });
        let mut timeline = log.timeline.take().unwrap_or_default();
        timeline.sort_unstable();
        let mut accesses = log.accesses.take().unwrap_or_default();
        accesses.sort_unstable();
        let total = |f: fn(&RouterActivity) -> u64| traffic.routers.iter().map(f).sum();
        Ok(Run {
            output,
            values,
            trace,
            timeline,
            accesses,
            links: links(&traffic.routers),
            busy_cycles: std::mem::take(&mut log.busy),
            phase_starts: traffic.starts,
            load_cycles: self.load_cycles(),
            injected_flits: total(|r| r.injections),
            ejected_flits: total(|r| r.ejections),
            visited_cycles: traffic.visited,
            counts: log.into_counts(&self.layer_names(), finished + 1),
        })
    }

    fn book_network(&self, log: &mut Log, routers: &[RouterActivity]) {
        let row = log.row(self.noc_layer(), 0);
        for r in routers {
            row.add(Activity::BufferWrite, r.buffer_writes);
            row.add(Activity::BufferRead, r.buffer_reads);
            row.add(Activity::Crossbar, r.crossbar_traversals);
            row.add(Activity::Arbitration, r.vc_allocations + r.switch_arbitrations);
            row.add(Activity::LinkFlit, r.link_flits[..MESH_PORTS].iter().sum());
        }
    }

    /// The output node's value, from what the host has received.
    fn answer(&self, input: &Value, memory: &HostMemory) -> Result<Value> {
        let mut values: Vec<Option<Value>> = vec![None; self.program.graph.nodes.len()];
        self.host_value(self.program.graph.output, input, memory, &mut values)
    }

    fn host_value(
        &self,
        id: NodeId,
        input: &Value,
        memory: &HostMemory,
        values: &mut [Option<Value>],
    ) -> Result<Value> {
        if let Some(value) = &values[id.index()] {
            return Ok(value.clone());
        }
        let graph = &self.program.graph;
        let node = graph.node(id);
        let value = if let Some((_, v)) = memory.values.iter().find(|(n, _)| *n == id) {
            Value::int(node.ty.shape, v.clone())
        } else if graph.input() == Some(id) {
            input.clone()
        } else if self.stages.iter().any(|s| s.stage.output == id || s.stage.accumulator == id)
            || node.inputs.iter().any(|&i| i >= id)
        {
            let message = format!("the answer needs `{}`, which the host does not receive", node.name);
            return Err(crate::prepare::refuse("host", message, "send the output stage to the host"));
        } else {
            let operands = node
                .inputs
                .iter()
                .map(|&i| self.host_value(i, input, memory, values))
                .collect::<Result<Vec<_>>>()?;
            let types: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).ty).collect();
            let inputs: Vec<&Value> = operands.iter().collect();
            node.op.rule().eval(&EvalCx {
                inputs: &inputs,
                types: &types,
                ty: &node.ty,
                tensors: &graph.tensors,
            })
        };
        values[id.index()] = Some(value.clone());
        Ok(value)
    }
}

/// A reader that is never ready would keep the run from ending.
fn check_reader(options: &SimOptions) -> Result<()> {
    match options.output_busy {
        Some((period, busy)) if busy >= period => Err(crate::prepare::refuse(
            "output_busy",
            format!("the reader is busy in {busy} of {period} cycles, so no output can be taken"),
            "let it be ready in at least one cycle of a period",
        )),
        _ => Ok(()),
    }
}

fn merge(sum: &mut RouterActivity, r: &RouterActivity) {
    sum.buffer_writes += r.buffer_writes;
    sum.buffer_reads += r.buffer_reads;
    sum.crossbar_traversals += r.crossbar_traversals;
    sum.vc_allocations += r.vc_allocations;
    sum.switch_arbitrations += r.switch_arbitrations;
    sum.ejections += r.ejections;
    sum.injections += r.injections;
    sum.link_flits.iter_mut().zip(&r.link_flits).for_each(|(a, b)| *a += b);
}

fn links(routers: &[RouterActivity]) -> Vec<LinkLoad> {
    let mut links = Vec::new();
    for (router, activity) in routers.iter().enumerate() {
        for port in (0..MAX_PORTS).filter(|&p| activity.link_flits[p] > 0) {
            links.push(LinkLoad {
                router: router as u32,
                port: port as u32,
                flits: activity.link_flits[port],
            });
        }
    }
    links
}
