//! Attention that runs along with the steps: which step of a small value is made when, and how many steps of it are kept.
//!
//! A stage whose statistics, gates and layers mix steps by convolutions along t at most need not see the whole sequence.
//! It works in *rounds*. Round r gathers the statistics of step r; its programs make step r − late(v) of every small value
//! v; and its last sweep gives out step r − ahead. Outside the sequence every small value is 0, as the convolutions have it.

use crate::graph::{Graph, NodeId};
use crate::op::Op;
use crate::program::{Stage, Strategy};
use crate::scope::{look_ahead, members, mixes_steps, stage_scope, Scope};
use crate::shape::{Axis, Shape};
use std::ops::Range;

/// Rounds of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Rounds between a step's statistics and the last sweep over it.
    pub ahead: usize,
    /// Steps of the sequence.
    steps: usize,
    /// By node: rounds between a step's statistics and its value.
    late: Vec<usize>,
    /// By node: steps of its operands before and after its own.
    reach: Vec<[usize; 2]>,
    /// By node: steps that are kept, the last one made included.
    depth: Vec<usize>,
}

/// Steps before and after its own that an op reads; none if it mixes them otherwise.
fn reach(op: &Op, operand: Shape) -> Option<[usize; 2]> {
    match op {
        Op::Conv1d(c) if c.axis == Axis::T => Some(c.padding),
        op => (op.rule().look_ahead(operand) == 0).then_some([0; 2]),
    }
}

impl Schedule {
    /// The rounds of a stage of several passes; none if its gates need the whole sequence or come from another stage.
    ///
    /// With a look-ahead the stage has two passes, and all its gates look as far ahead.
    pub fn of(graph: &Graph, stage: &Stage) -> Option<Schedule> {
        let ahead = match stage_scope(graph, stage) {
            Scope::Step => 0,
            Scope::Window { steps } => steps as usize,
            Scope::Whole => return None,
        };
        if !stage.is_multipass() || mixes_steps(graph, stage) || !stage.borrowed().is_empty() {
            return None;
        }
        let late = look_ahead(graph, &members(graph, stage));
        let (steps, n) = (graph.node(stage.accumulator).ty.shape.t, graph.nodes.len());
        let mut schedule = Schedule { ahead, steps, late, reach: vec![[0; 2]; n], depth: vec![1; n] };
        for &id in stage.passes.iter().flat_map(|p| &p.program) {
            for &operand in &graph.node(id).inputs {
                let [before, after] = reach(&graph.node(id).op, graph.node(operand).ty.shape)?;
                let (made, read) = (schedule.late[operand.index()], schedule.late[id.index()]);
                if read < made + after {
                    return None;
                }
                schedule.reach[id.index()] = [before, after];
                let depth = &mut schedule.depth[operand.index()];
                *depth = (*depth).max(1 + read + before - made);
            }
        }
        let mut gates = stage.passes.iter().flat_map(|p| &p.gates);
        let together = stage.passes.len() == 2 && gates.all(|g| schedule.late[g.index()] == ahead);
        (ahead == 0 || together).then_some(schedule)
    }

    /// The strategy that works in these rounds.
    pub fn strategy(&self) -> Strategy {
        if self.ahead == 0 {
            Strategy::Step
        } else {
            Strategy::Window
        }
    }

    /// Rounds between a step's statistics and this value of it.
    fn late(&self, id: NodeId) -> usize {
        self.late[id.index()]
    }

    /// Steps of a small value that are kept.
    pub fn depth(&self, id: NodeId) -> usize {
        self.depth[id.index()]
    }

    /// True if some value of the last round is still read in the next one.
    pub fn remembers(&self) -> bool {
        self.ahead > 0 || self.depth.iter().any(|&d| d > 1)
    }

    /// The kept steps of an operand that a small node reads, the oldest kept one being 0.
    pub fn window(&self, reader: NodeId, operand: NodeId) -> Range<usize> {
        let [before, after] = self.reach[reader.index()];
        let first = self.depth(operand) + self.late(operand) - 1 - self.late(reader) - before;
        first..first + before + after + 1
    }

    /// First round that makes a step of a value, and how many do; in all others the value is 0.
    pub fn rounds(&self, id: NodeId) -> [usize; 2] {
        [self.late(id), self.steps]
    }

    /// True if a round makes no step of a value.
    pub fn is_outside(&self, id: NodeId, round: usize) -> bool {
        let [from, span] = self.rounds(id);
        !(from..from + span).contains(&round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Level;
    use crate::op::{
        conv1d::Conv1d, emit::Emit, gate::Gate, input::Input, input::InputKind, reduce, relu::Relu,
    };
    use crate::program::Pass;
    use crate::shape::Axes;
    use crate::tensor::Tensor;

    /// input → gathered → 5 taps `filtered`, and 3 taps → relu, the product of both given out, in `steps` steps.
    fn stsc(steps: usize, axis: Axis) -> (Graph, Stage) {
        let mut g = Graph::new("stsc", Level::Flow, steps);
        let input = Input { shape: [3, 1, 1], kind: InputKind::Counts, max: 3 };
        let x = g.push("input", input.into(), &[]).unwrap();
        for k in [3, 5] {
            g.tensors.insert(format!("w{k}"), Tensor::int(vec![3, 3, k], vec![1; 9 * k], 8, vec![1.0]));
        }
        let gather = reduce::Reduce { kind: reduce::ReduceKind::Sum, axes: Axes::default() };
        let tap = g.push("tap", gather.into(), &[x]).unwrap();
        let filtered = g.push("filtered", Conv1d::same("w5", Axis::T, 5).into(), &[tap]).unwrap();
        let hidden = g.push("hidden", Conv1d::same("w3", axis, 3).into(), &[tap]).unwrap();
        let relu = g.push("relu", Relu {}.into(), &[hidden]).unwrap();
        let gated = g.push("gated", Gate { shift: 2 }.into(), &[filtered, relu]).unwrap();
        let out = g.push("out", Emit {}.into(), &[gated]).unwrap();
        let program = vec![filtered, hidden, relu, gated];
        let first = Pass { elementwise: vec![], gates: vec![], taps: vec![tap], program };
        let last = Pass { elementwise: vec![out], gates: vec![gated], taps: vec![], program: vec![] };
        let stage = Stage {
            name: "out".to_owned(),
            synapses: vec![],
            accumulator: x,
            accumulator_bits: 2,
            state_bits: 0,
            passes: vec![first, last],
            strategy: Strategy::Window,
            output: out,
        };
        (g, stage)
    }

    #[test]
    fn values_are_kept_as_long_as_somebody_reads_them() {
        let (graph, stage) = stsc(9, Axis::T);
        let schedule = Schedule::of(&graph, &stage).unwrap();
        let [tap, filtered, hidden, relu, gated] = [1, 2, 3, 4, 5].map(NodeId);
        assert_eq!((schedule.ahead, schedule.strategy()), (2, Strategy::Window));
        assert_eq!([tap, filtered, hidden, relu, gated].map(|n| schedule.late(n)), [0, 2, 1, 1, 2]);
        assert_eq!([tap, filtered, hidden, relu, gated].map(|n| schedule.depth(n)), [5, 1, 1, 2, 1]);
        // In round r the tap holds steps r − 4 to r; `hidden` is made of step r − 1 and reads r − 2 to r.
        assert_eq!((schedule.window(filtered, tap), schedule.window(hidden, tap)), (0..5, 2..5));
        assert_eq!((schedule.window(gated, filtered), schedule.window(gated, relu)), (0..1, 0..1));
        assert_eq!(
            [0, 1, 2, 10, 11].map(|r| schedule.is_outside(gated, r)),
            [true, true, false, false, true]
        );
    }

    #[test]
    fn what_needs_all_steps_has_no_rounds() {
        for (steps, axis) in [(9, Axis::C), (3, Axis::T), (2, Axis::T)] {
            let (graph, stage) = stsc(steps, Axis::T);
            let (graph, stage) = if axis == Axis::T { (graph, stage) } else { mixing(steps) };
            assert_eq!(Schedule::of(&graph, &stage), None, "{steps} steps, along {axis:?}");
        }
    }

    /// The same with a convolution along c, which mixes all steps.
    fn mixing(steps: usize) -> (Graph, Stage) {
        let (mut graph, stage) = stsc(steps, Axis::T);
        let Op::Conv1d(conv) = &mut graph.nodes[3].op else { panic!("the fourth node is a convolution") };
        conv.axis = Axis::C;
        (graph, stage)
    }
}
