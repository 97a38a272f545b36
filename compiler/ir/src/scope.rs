//! Time scope: how many later steps a value waits for.
//!
//! Every op says how far ahead in time it looks ([`OpRule::look_ahead`](crate::op::OpRule::look_ahead)); along a path the
//! steps add up, and a delay gives one back.

use crate::graph::{Graph, NodeId};
use crate::op::Op;
use crate::program::Stage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How much of the sequence a stage must have seen before it can give out a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The step itself: the stage is causal.
    Step,
    /// So many later steps.
    Window {
        /// Steps after the one given out.
        steps: u32,
    },
    /// All steps.
    Whole,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Step => f.write_str("step"),
            Scope::Window { steps } => write!(f, "window {steps}"),
            Scope::Whole => f.write_str("whole"),
        }
    }
}

impl Scope {
    /// The scope of a value of `timesteps` steps that looks `ahead` steps ahead.
    pub fn of(ahead: usize, timesteps: usize) -> Scope {
        match ahead {
            0 => Scope::Step,
            n if n + 1 >= timesteps => Scope::Whole,
            n => Scope::Window { steps: n as u32 },
        }
    }
}

/// Later steps that a step of each node's value depends on; nodes outside `members` are at hand step by step.
pub fn look_ahead(graph: &Graph, members: &BTreeSet<NodeId>) -> Vec<usize> {
    let most = graph.timesteps.saturating_sub(1);
    let mut ahead = vec![0usize; graph.nodes.len()];
    // Feedback through a delay settles: the numbers only grow, and there is a largest one.
    loop {
        let mut settled = true;
        for &id in members {
            let node = graph.node(id);
            let operand = |&i: &NodeId| ahead[i.index()] + node.op.rule().look_ahead(graph.node(i).ty.shape);
            let steps = node.inputs.iter().map(operand).max().unwrap_or(0);
            let back = usize::from(matches!(node.op, Op::Delay(_)));
            let steps = steps.saturating_sub(back).min(most);
            settled &= ahead[id.index()] == steps;
            ahead[id.index()] = steps;
        }
        if settled {
            return ahead;
        }
    }
}

/// Nodes of a stage, and those of another stage's attention that make the gates it borrows.
pub(crate) fn members(graph: &Graph, stage: &Stage) -> BTreeSet<NodeId> {
    let parts = stage.passes.iter().flat_map(|p| [&p.elementwise, &p.taps, &p.program]);
    let mut members: BTreeSet<NodeId> = parts.flatten().copied().collect();
    let (mut todo, full) = (stage.borrowed(), graph.node(stage.accumulator).ty.shape.len());
    while let Some(id) = todo.pop() {
        let small = |i: &NodeId| graph.node(*i).ty.shape.len() < full;
        if members.insert(id) {
            todo.extend(graph.node(id).inputs.iter().copied().filter(small));
        }
    }
    members
}

/// True if some value of a stage has not one entry a timestep, as behind a map from few steps to many.
pub(crate) fn mixes_steps(graph: &Graph, stage: &Stage) -> bool {
    let steps = graph.node(stage.accumulator).ty.shape.t;
    members(graph, stage).iter().any(|&m| graph.node(m).ty.shape.t != steps)
}

/// The scope of a stage: the farthest that any of its sweeps, statistics and gates look ahead.
pub fn stage_scope(graph: &Graph, stage: &Stage) -> Scope {
    let steps = graph.node(stage.accumulator).ty.shape.t;
    if mixes_steps(graph, stage) {
        return Scope::of(steps.saturating_sub(1), steps);
    }
    let members = members(graph, stage);
    let ahead = look_ahead(graph, &members);
    Scope::of(members.iter().map(|m| ahead[m.index()]).max().unwrap_or(0), steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Level;
    use crate::op::conv1d::Conv1d;
    use crate::op::delay::Delay;
    use crate::op::input::{Input, InputKind};
    use crate::op::reduce::{Reduce, ReduceKind};
    use crate::op::relu::Relu;
    use crate::shape::{Axes, Axis};
    use crate::tensor::Tensor;

    fn graph() -> Graph {
        let mut g = Graph::new("ahead", Level::Trained, 9);
        g.push("input", Input { shape: [3, 2, 2], kind: InputKind::Real, max: 0 }.into(), &[]).unwrap();
        g.tensors.insert("w".to_owned(), Tensor::real(vec![3, 3, 5], vec![1.0; 45]));
        g
    }

    fn all(g: &Graph) -> Vec<usize> {
        look_ahead(g, &g.ids().collect())
    }

    #[test]
    fn windows_add_up_and_delays_give_back() {
        let mut g = graph();
        let conv = || Conv1d::same("w", Axis::T, 5).into();
        let a = g.push("a", conv(), &[NodeId(0)]).unwrap();
        let b = g.push("b", conv(), &[a]).unwrap();
        let late = g.push("late", Delay {}.into(), &[b]).unwrap();
        g.push("relu", Relu {}.into(), &[late]).unwrap();
        assert_eq!(all(&g), [0, 2, 4, 3, 3]);
        assert_eq!(Scope::of(3, 9), Scope::Window { steps: 3 });
        let causal = Conv1d { padding: [4, 0], ..Conv1d::same("w", Axis::T, 5) };
        let c = g.push("causal", causal.into(), &[NodeId(0)]).unwrap();
        assert_eq!(all(&g)[c.index()], 0);
    }

    #[test]
    fn a_fold_over_time_needs_all_of_it() {
        let mut g = graph();
        let reduce = |axes: &[Axis]| Reduce { kind: ReduceKind::Max, axes: Axes::of(axes) };
        let c = g.push("c", reduce(&[Axis::H, Axis::W]).into(), &[NodeId(0)]).unwrap();
        let t = g.push("t", reduce(&[Axis::T, Axis::C]).into(), &[c]).unwrap();
        assert_eq!(all(&g), [0, 0, 8]);
        assert_eq!((Scope::of(all(&g)[t.index()], 9), Scope::of(0, 1)), (Scope::Whole, Scope::Step));
        assert_eq!(
            [Scope::Whole, Scope::Step, Scope::Window { steps: 2 }].map(|s| s.to_string()),
            ["whole", "step", "window 2"]
        );
    }
}
