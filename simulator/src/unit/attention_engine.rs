//! Attention engine of a home slice: evaluates the small nodes of a pass, node by node.

use crate::prepare::sweep::{attention_work, merge_cycles, node_cycles, PassPlan};
use pulvinar_ir::op::EvalCx;
use pulvinar_ir::{Activity, Graph, NodeId, Op, Value};

/// The engine.
#[derive(Debug, Default)]
pub struct AttentionEngine {
    /// Small values so far, by node.
    values: Vec<Option<Value>>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    pass: usize,
    start: u64,
    /// Cycle after the last node (fast).
    finish: u64,
    /// Taps still to merge before the program begins (plain).
    merges: Vec<NodeId>,
    /// Next node of the program (plain).
    node: usize,
    /// Operation under way: its node unless it merges a tap, and its remaining cycles (plain).
    operation: Option<(Option<NodeId>, u64)>,
}

impl Running {
    /// Begins the next operation, if there is one.
    fn advance(&mut self, program: &[NodeId], graph: &Graph, lanes: u64) {
        self.operation = if let Some(tap) = self.merges.pop() {
            Some((None, merge_cycles(graph, tap, lanes)))
        } else {
            let next = program.get(self.node).copied();
            self.node += 1;
            next.map(|n| (Some(n), node_cycles(graph, n, lanes)))
        };
    }
}

impl AttentionEngine {
    /// True while a program runs.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Cycle at which the running program is finished (fast).
    pub fn finish_at(&self) -> Option<u64> {
        self.running.as_ref().map(|r| r.finish)
    }

    /// Starts the program of a pass on its finished statistics.
    pub fn start(
        &mut self,
        now: u64,
        pass: usize,
        program: &[NodeId],
        graph: &Graph,
        taps: Vec<(NodeId, Value)>,
        lanes: u64,
    ) {
        self.values.resize(graph.nodes.len(), None);
        let mut merges: Vec<NodeId> = taps.iter().map(|(node, _)| *node).collect();
        merges.reverse();
        for (node, value) in taps {
            self.values[node.index()] = Some(value);
        }
        let merging: u64 = merges.iter().map(|&n| merge_cycles(graph, n, lanes)).sum();
        let working: u64 = program.iter().map(|&n| node_cycles(graph, n, lanes)).sum();
        let finish = now + merging + working;
        let mut running = Running { pass, start: now, finish, merges, node: 0, operation: None };
        running.advance(program, graph, lanes);
        self.running = Some(running);
    }

    /// One cycle; when the program is finished gives its pass and first cycle.
    pub fn tick(
        &mut self,
        now: u64,
        fast: bool,
        programs: &[&[NodeId]],
        graph: &Graph,
        lanes: u64,
    ) -> Option<(usize, u64)> {
        let running = self.running.as_mut()?;
        let (pass, start) = (running.pass, running.start);
        let program = programs[pass];
        if fast {
            if now < running.finish {
                return None;
            }
            program.iter().for_each(|&n| self.evaluate(graph, n));
        } else if let Some((node, left)) = running.operation {
            if left > 1 {
                running.operation = Some((node, left - 1));
                return None;
            }
            running.advance(program, graph, lanes);
            if let Some(node) = node {
                self.evaluate(graph, node);
            }
            return None;
        }
        self.running = None;
        Some((pass, start))
    }

    fn evaluate(&mut self, graph: &Graph, id: NodeId) {
        let node = graph.node(id);
        let types: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).ty).collect();
        let known = |i: &NodeId| {
            self.values[i.index()]
                .as_ref()
                .expect("invariant: preparation has checked the program's operands")
        };
        let inputs: Vec<&Value> = node.inputs.iter().map(known).collect();
        let value = node.op.rule().eval(&EvalCx {
            inputs: &inputs,
            types: &types,
            ty: &node.ty,
            tensors: &graph.tensors,
        });
        self.values[id.index()] = Some(value);
    }

    /// Gates a pass hands on, concatenated.
    pub fn gates(&self, pass: &PassPlan<'_>) -> Vec<i64> {
        let known =
            |n: &NodeId| self.values[n.index()].as_ref().expect("invariant: the program has made its gates");
        pass.made.iter().flat_map(|n| known(n).ints().iter().copied()).collect()
    }
}

/// Arithmetic of one node.
pub fn node_activity(graph: &Graph, id: NodeId) -> (Activity, u64) {
    let work = attention_work(graph, id);
    match graph.node(id).op {
        Op::Dense(_) | Op::Conv1d(_) | Op::Conv2d(_) | Op::Matmul(_) => (Activity::DenseMac, work),
        Op::Table(_) => (Activity::TableLookup, work),
        _ => (Activity::AttentionOp, work),
    }
}
