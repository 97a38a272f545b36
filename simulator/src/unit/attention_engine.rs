//! Attention engine of a home slice: evaluates the small nodes of a pass, operation by operation.
//!
//! Where attention goes along with the steps, the engine keeps as many steps of a value as later rounds read. A program
//! then first moves these on by one step; the step made last takes the place that has become free.

use crate::prepare::attention::{attention_work, merge_cycles, node_cycles, shift_cycles};
use crate::prepare::sweep::PassPlan;
use pulvinar_ir::op::EvalCx;
use pulvinar_ir::{Activity, Graph, NodeId, Op, Schedule, Shape, Value};
use std::borrow::Cow;
use std::collections::VecDeque;

/// The engine.
#[derive(Debug, Default)]
pub struct AttentionEngine {
    /// Small values so far, by node: of all steps, or of those that are kept.
    values: Vec<Option<Value>>,
    running: Option<Running>,
    /// Rounds so far.
    round: usize,
}

/// What the engine does with a value, one after the other.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// The kept steps move on by one.
    Shift,
    /// Own and arrived statistics become the value.
    Merge,
    /// The node is evaluated.
    Node,
    /// The node has no step in this round: zeros are written.
    Zero,
}

/// A program that is finished.
#[derive(Debug)]
pub struct Finished {
    /// Its pass.
    pub pass: usize,
    /// Its first cycle.
    pub start: u64,
    /// Its arithmetic.
    pub work: Vec<(Activity, u64)>,
}

#[derive(Debug)]
struct Running {
    pass: usize,
    start: u64,
    /// Cycle after the last operation (fast).
    finish: u64,
    /// Operations to come, and their cycles.
    operations: VecDeque<(Work, NodeId, u64)>,
    /// Arithmetic of the whole program.
    work: Vec<(Activity, u64)>,
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

    /// Rounds that are over.
    pub fn round(&self) -> usize {
        self.round
    }

    /// The last program of a round is finished.
    pub fn end_round(&mut self) {
        self.round += 1;
    }

    /// Starts the program of a pass on its finished statistics.
    pub fn start(
        &mut self,
        (now, pass): (u64, usize),
        program: &[NodeId],
        (graph, schedule): (&Graph, Option<&Schedule>),
        taps: Vec<(NodeId, Value)>,
        lanes: u64,
    ) {
        self.values.resize(graph.nodes.len(), None);
        let depth = |n: NodeId| schedule.map_or(1, |s| s.depth(n));
        let outside = |n: NodeId| schedule.is_some_and(|s| s.is_outside(n, self.round));
        let merged: Vec<NodeId> = taps.iter().map(|t| t.0).collect();
        let operations = operations(&merged, program, (graph, schedule), self.round, lanes);
        for &(work, node, _) in &operations {
            if matches!(work, Work::Shift) {
                let kept = Shape { t: depth(node), ..graph.node(node).ty.shape };
                self.values[node.index()].get_or_insert_with(|| zeros(kept));
            }
        }
        let taps: Vec<_> =
            taps.into_iter().map(|(n, v)| (n, if outside(n) { zeros(v.shape) } else { v })).collect();
        let finish = now + operations.iter().map(|o| o.2).sum::<u64>();
        let work = operations.iter().map(|&(work, n, _)| activity(work, graph, n, depth(n))).collect();
        // A shift moves the steps that are kept before the new one comes.
        for &(_, node, _) in operations.iter().filter(|o| matches!(o.0, Work::Shift)) {
            self.shift(node);
        }
        for (node, value) in taps {
            self.put(node, value);
        }
        self.running = Some(Running { pass, start: now, finish, operations, work });
    }

    /// One cycle; gives the program when it is finished.
    pub fn tick(
        &mut self,
        now: u64,
        fast: bool,
        graph: &Graph,
        schedule: Option<&Schedule>,
    ) -> Option<Finished> {
        let running = self.running.as_mut()?;
        if fast {
            if now < running.finish {
                return None;
            }
            for (work, node, _) in std::mem::take(&mut running.operations) {
                self.work(work, graph, node, schedule);
            }
        } else if let Some((work, node, left)) = running.operations.front_mut() {
            *left -= 1;
            if *left == 0 {
                let (work, node) = (*work, *node);
                running.operations.pop_front();
                self.work(work, graph, node, schedule);
            }
            return None;
        }
        self.running.take().map(|r| Finished { pass: r.pass, start: r.start, work: r.work })
    }

    fn work(&mut self, work: Work, graph: &Graph, id: NodeId, schedule: Option<&Schedule>) {
        match work {
            Work::Shift | Work::Merge => {}
            Work::Zero => self.put(id, zeros(graph.node(id).ty.shape)),
            Work::Node => {
                let value = self.evaluate(graph, id, schedule);
                self.put(id, value);
            }
        }
    }

    fn evaluate(&self, graph: &Graph, id: NodeId, schedule: Option<&Schedule>) -> Value {
        let node = graph.node(id);
        let types: Vec<_> = node.inputs.iter().map(|i| &graph.node(*i).ty).collect();
        let known = |&i: &NodeId| {
            let value =
                self.values[i.index()].as_ref().expect("invariant: preparation has checked the operands");
            let Some(s) = schedule.filter(|s| s.depth(i) > 1) else { return Cow::Borrowed(value) };
            let (len, steps) = (value.shape.step_len(), s.window(id, i));
            let shape = Shape { t: steps.len(), ..value.shape };
            Cow::Owned(Value::int(shape, value.ints()[steps.start * len..steps.end * len].to_vec()))
        };
        let inputs: Vec<Cow<'_, Value>> = node.inputs.iter().map(known).collect();
        let inputs: Vec<&Value> = inputs.iter().map(|v| &**v).collect();
        let (ty, tensors) = (&node.ty, &graph.tensors);
        node.op.rule().eval(&EvalCx { inputs: &inputs, types: &types, ty, tensors })
    }

    /// The value of a node, or of the last of its kept steps.
    fn put(&mut self, id: NodeId, value: Value) {
        match &mut self.values[id.index()] {
            Some(kept) if kept.shape.t > value.shape.t => {
                let mut all = kept.ints().to_vec();
                let at = all.len() - value.shape.len();
                all[at..].copy_from_slice(value.ints());
                *kept = Value::int(kept.shape, all);
            }
            place => *place = Some(value),
        }
    }

    fn shift(&mut self, id: NodeId) {
        let kept = self.values[id.index()].as_mut().expect("invariant: kept values are zeros at first");
        let mut all = kept.ints().to_vec();
        all.rotate_left(kept.shape.step_len());
        *kept = Value::int(kept.shape, all);
    }

    /// Gates a pass hands on, concatenated: of all steps, or of the one made last.
    pub fn gates(&self, pass: &PassPlan<'_>, by_step: bool) -> Vec<i64> {
        let made = |n: &NodeId| {
            let value = self.values[n.index()].as_ref();
            let value = value.expect("invariant: the program has made its gates");
            let first = if by_step { value.shape.len() - value.shape.step_len() } else { 0 };
            value.ints()[first..].iter().copied()
        };
        pass.made.iter().flat_map(made).collect()
    }
}

/// What a program does in a round, and the cycles of each operation: kept steps move on, statistics are merged, nodes made.
fn operations(
    taps: &[NodeId],
    program: &[NodeId],
    (graph, schedule): (&Graph, Option<&Schedule>),
    round: usize,
    lanes: u64,
) -> VecDeque<(Work, NodeId, u64)> {
    let depth = |n: NodeId| schedule.map_or(1, |s| s.depth(n));
    let outside = |n: NodeId| schedule.is_some_and(|s| s.is_outside(n, round));
    let kept = taps.iter().chain(program).copied().filter(|&n| depth(n) > 1);
    let shifts = kept.map(|n| (Work::Shift, n, shift_cycles(graph, n, depth(n), lanes)));
    let merges = taps.iter().map(|&n| (Work::Merge, n, merge_cycles(graph, n, lanes)));
    let nodes = program.iter().map(|&n| {
        let work = if outside(n) { Work::Zero } else { Work::Node };
        (work, n, node_cycles(graph, n, lanes, outside(n)))
    });
    shifts.chain(merges).chain(nodes).collect()
}

/// Cycles and arithmetic of a program in a round, without running it.
pub fn program_cost(
    taps: &[NodeId],
    program: &[NodeId],
    (graph, schedule): (&Graph, Option<&Schedule>),
    round: usize,
    lanes: u64,
) -> (u64, Vec<(Activity, u64)>) {
    let operations = operations(taps, program, (graph, schedule), round, lanes);
    let depth = |n: NodeId| schedule.map_or(1, |s| s.depth(n));
    let work = operations.iter().map(|&(work, n, _)| activity(work, graph, n, depth(n))).collect();
    (operations.iter().map(|o| o.2).sum(), work)
}

fn zeros(shape: Shape) -> Value {
    Value::int(shape, vec![0; shape.len()])
}

/// Arithmetic of one operation.
fn activity(work: Work, graph: &Graph, id: NodeId, depth: usize) -> (Activity, u64) {
    let n = attention_work(graph, id);
    match (work, &graph.node(id).op) {
        (Work::Merge | Work::Zero, _) => (Activity::AttentionOp, 0),
        (Work::Shift, _) => (Activity::AttentionOp, ((depth - 1) * graph.node(id).ty.shape.len()) as u64),
        (Work::Node, Op::Dense(_) | Op::Conv1d(_) | Op::Conv2d(_) | Op::Matmul(_)) => (Activity::DenseMac, n),
        (Work::Node, Op::Table(_)) => (Activity::TableLookup, n),
        (Work::Node, _) => (Activity::AttentionOp, n),
    }
}
