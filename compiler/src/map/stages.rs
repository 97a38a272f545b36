//! Stages: clusters with their nodes sorted into passes, and the proven widths of their memories.

use super::cluster::{clusters, Cluster};
use super::roles::{refuse, Role, Roles};
use super::widths::{accumulator_bits, state_bits};
use pulvinar_ir::arch::Sync;
use pulvinar_ir::program::gate_maker;
use pulvinar_ir::scope::stage_scope;
use pulvinar_ir::{Arch, Diagnostic, Graph, NodeId, Op, Pass, Result, Scope, Stage, Strategy};
use std::collections::BTreeSet;

/// Stages of a flow graph in topological order. Stages of several passes keep their currents in SRAM until a
/// strategy is chosen.
pub fn stages(graph: &Graph, arch: &Arch) -> Result<Vec<Stage>> {
    stages_cut(graph, arch, &BTreeSet::new())
}

/// The same with stages cut behind the sums `cut`, which then travel as events to a stage of their own.
pub fn stages_cut(graph: &Graph, arch: &Arch, cut: &BTreeSet<NodeId>) -> Result<Vec<Stage>> {
    let roles = Roles::of(graph)?;
    let clusters = clusters(graph, &roles, cut)?;
    let stages = clusters.iter().map(|c| stage(graph, &roles, c)).collect::<Result<Vec<_>>>()?;
    check_borrowed(graph, &stages)?;
    match arch.noc.sync {
        Sync::Barrier => check_barrier(graph, &stages)?,
        Sync::Tokens => check_buffers(arch, &stages)?,
    }
    Ok(stages)
}

fn stage(graph: &Graph, roles: &Roles, cluster: &Cluster) -> Result<Stage> {
    let passes = Levels::of(graph, roles, cluster).passes(cluster)?;
    let carries = cluster.full.iter().any(|&id| matches!(graph.node(id).op, Op::Carry(_)));
    let strategy = match (passes.len() > 1, carries) {
        (false, _) => Strategy::Direct,
        (true, true) => Strategy::Step,
        (true, false) => Strategy::SpillSram,
    };
    let stage = Stage {
        name: graph.node(cluster.output).name.clone(),
        synapses: cluster.synapses.clone(),
        accumulator: cluster.accumulator,
        accumulator_bits: accumulator_bits(graph, &cluster.synapses)?,
        state_bits: state_bits(graph, cluster)?,
        strategy,
        passes,
        output: cluster.output,
    };
    if carries && stage_scope(graph, &stage) != Scope::Step {
        return Err(refuse(
            graph,
            cluster.output,
            "fires from a membrane whose gates look ahead in time, so that no step is ever known",
            "gate the membrane by statistics of its own step",
        ));
    }
    Ok(stage)
}

/// Pass of every node of a cluster: for full-size nodes the first sweep that can evaluate them (the number of gate
/// levels they depend on), for small nodes the sweep after which they are known.
struct Levels<'a> {
    graph: &'a Graph,
    roles: &'a Roles,
    level: Vec<u32>,
    /// Products of two gates as large as the current: made in the sweep, never stored.
    product: Vec<bool>,
}

impl<'a> Levels<'a> {
    fn of(graph: &'a Graph, roles: &'a Roles, cluster: &Cluster) -> Self {
        let n = graph.nodes.len();
        let mut levels = Levels { graph, roles, level: vec![0; n], product: vec![false; n] };
        let mut members: Vec<NodeId> = cluster.full.iter().chain(&cluster.small).copied().collect();
        members.sort_unstable();
        for &id in &members {
            levels.product[id.index()] = levels.is_product(id, cluster.accumulator);
            let small = roles.get(id) == Role::Small;
            let operands = graph.node(id).inputs.iter().filter(|&&i| i != cluster.accumulator);
            let wait =
                |i: &NodeId| levels.level[i.index()] + u32::from(!small && roles.get(*i) == Role::Small);
            levels.level[id.index()] = operands.map(wait).max().unwrap_or(0);
        }
        levels
    }

    fn is_product(&self, id: NodeId, accumulator: NodeId) -> bool {
        let full = self.graph.node(accumulator).ty.shape.len();
        let len = |i: NodeId| self.graph.node(i).ty.shape.len();
        let node = self.graph.node(id);
        let readers = &self.roles.users[id.index()];
        self.roles.get(id) == Role::Small
            && matches!(node.op, Op::Gate(_))
            && len(id) == full
            && node.inputs.iter().all(|&i| len(i) < full)
            && readers
                .iter()
                .all(|&u| self.roles.get(u) == Role::Full && matches!(self.graph.node(u).op, Op::Gate(_)))
    }

    fn is_tap(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        matches!(node.op, Op::Reduce(_)) && self.roles.get(node.inputs[0]) != Role::Small
    }

    fn at(&self, id: NodeId) -> u32 {
        self.level[id.index()]
    }

    fn passes(&self, cluster: &Cluster) -> Result<Vec<Pass>> {
        // A lender waits for the gates too: what both make meets again.
        let own = if cluster.output == cluster.accumulator { 0 } else { self.at(cluster.output) };
        let last = cluster.lent.iter().map(|&g| self.at(g) + 1).fold(own, u32::max);
        let mut passes = Vec::new();
        for p in 0..=last {
            let small = |want_tap: bool| {
                let keep = move |i: &NodeId| {
                    self.at(*i) == p && self.is_tap(*i) == want_tap && !self.product[i.index()]
                };
                cluster.small.iter().copied().filter(keep).collect::<Vec<NodeId>>()
            };
            let (taps, program) = (small(true), small(false));
            let carries = cluster.full.iter().filter(|i| matches!(self.graph.node(**i).op, Op::Carry(_)));
            let roots: Vec<NodeId> = if p == last {
                carries.copied().chain([cluster.output]).collect()
            } else {
                taps.iter().map(|&t| self.graph.node(t).inputs[0]).collect()
            };
            let (mut elementwise, gates) = self.closure(&roots, cluster.accumulator);
            // Nothing here reads the output: it ends the sweep.
            elementwise.sort_by_key(|&id| (id == cluster.output, id));
            passes.push(Pass { elementwise, gates, taps, program });
        }
        self.check(&passes, cluster.accumulator)?;
        Ok(passes)
    }

    /// Full-size nodes (and gate products) between the accumulator and `roots`, and the gates they read.
    fn closure(&self, roots: &[NodeId], accumulator: NodeId) -> (Vec<NodeId>, Vec<NodeId>) {
        let (mut elementwise, mut gates) = (Vec::new(), Vec::new());
        let mut todo = roots.to_vec();
        while let Some(id) = todo.pop() {
            let kept = self.roles.get(id) == Role::Small && !self.product[id.index()];
            let list = if kept { &mut gates } else { &mut elementwise };
            if id == accumulator || self.roles.get(id) == Role::State || list.contains(&id) {
                continue;
            }
            list.push(id);
            if !kept {
                todo.extend(&self.graph.node(id).inputs);
            }
        }
        elementwise.sort_unstable();
        gates.sort_unstable();
        (elementwise, gates)
    }

    fn check(&self, passes: &[Pass], accumulator: NodeId) -> Result<()> {
        let shape = self.graph.node(accumulator).ty.shape;
        let differs = |id: &NodeId| self.graph.node(*id).ty.shape != shape;
        if let Some(id) = passes.iter().flat_map(|p| p.elementwise.iter().copied()).find(differs) {
            return Err(refuse(
                self.graph,
                id,
                format!("is {} and leaves a layer of {shape}", self.graph.node(id).ty.shape),
                "what the attention engine gives out must have the shape of what it gathered",
            ));
        }
        for gate in passes.iter().flat_map(|p| &p.gates) {
            if self.is_tap(*gate) {
                return Err(refuse(
                    self.graph,
                    *gate,
                    "is a statistic that gates a current as it is",
                    "put a requantise or a table between statistic and gate",
                ));
            }
        }
        Ok(())
    }
}

/// Gates travel to another stage between its first pass and its last, from one program.
fn check_borrowed(graph: &Graph, stages: &[Stage]) -> Result<()> {
    for (i, stage) in stages.iter().enumerate() {
        let borrowed = stage.borrowed();
        let Some(&gate) = borrowed.first() else { continue };
        let lender = &stages[gate_maker(stages, i)];
        let programs = || lender.passes.iter().take(1).flat_map(|p| &p.program);
        let alone = stage.passes.iter().all(|p| p.taps.is_empty() && p.program.is_empty());
        let simple = [lender, stage].iter().all(|s| s.passes.len() == 2);
        if !(alone && simple && borrowed.iter().all(|g| programs().any(|p| p == g))) {
            return Err(refuse(
                graph,
                gate,
                format!("gates layer `{}`, which has or needs other gates beside it", stage.name),
                "take all gates of a layer from statistics of one layer; a gate of another layer must be the only one",
            ));
        }
    }
    Ok(())
}

/// Events of step t arrive for step t + 1 while step t is still being summed.
fn check_buffers(arch: &Arch, stages: &[Stage]) -> Result<()> {
    let late = stages.iter().find(|s| s.synapses.iter().any(|s| s.delayed));
    match late.filter(|_| arch.core.accumulator_buffers < 2) {
        Some(stage) => Err(Diagnostic::new(
            "E0602",
            format!("layer `{}`", stage.name),
            "has a delayed synapse, whose events need a second accumulator buffer",
            "set core.accumulator_buffers = 2",
        )),
        None => Ok(()),
    }
}

fn check_barrier(graph: &Graph, stages: &[Stage]) -> Result<()> {
    for stage in stages {
        if stage.is_multipass() {
            return Err(Diagnostic::new(
                "E0602",
                format!("layer `{}`", stage.name),
                "needs all timesteps before its first output, and with sync = \"barrier\" all cores sweep every step once",
                "use sync = \"tokens\" for networks with attention",
            ));
        }
        if let Some(synapse) = stage.synapses.iter().find(|s| !s.delayed) {
            return Err(Diagnostic::new(
                "E0602",
                format!("layer `{}`", stage.name),
                format!(
                    "reads `{}` in the same step, and with sync = \"barrier\" events act one step later",
                    graph.node(synapse.source).name
                ),
                "put a delay on every edge between layers, or use sync = \"tokens\"",
            ));
        }
    }
    Ok(())
}
