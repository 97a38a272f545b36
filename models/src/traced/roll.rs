//! From a program to a network: loops over time are rolled up.
//!
//! A job is the value of a node that holds all steps (or has no time), or that of a row of nodes, one a step. Nodes of a row do
//! the same to rows of operands, down to `x[t]` of one tensor, which is that tensor, or to the spikes of a layer of
//! neurons. Jobs that wait for others are put off, so that no depth of a file is a depth of the stack.

use super::cell::Cells;
use super::emit::{Emit, Operand};
use super::layout::{part, Value};
use super::program::{Id, Kind, Node, Program};
use crate::import::refuse;
use pulvinar_ir::{Axis, Diagnostic, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in a row for a tensor of zeros.
pub(super) const ZERO: Id = usize::MAX;

/// What is to be translated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// A node that holds all steps, or has no time.
    Whole(Id),
    /// A node a step.
    Row(Vec<Id>),
}

/// Why a job is not done.
pub(super) enum Stop {
    /// Another one is needed first.
    Needs(Job),
    /// It cannot be done.
    Refused(Diagnostic),
}

impl From<Diagnostic> for Stop {
    fn from(d: Diagnostic) -> Self {
        Stop::Refused(d)
    }
}

pub(super) type Tried<T> = std::result::Result<T, Stop>;

/// Translation under way.
pub(super) struct Roll<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its neurons.
    pub cells: &'a Cells,
    /// Timesteps.
    pub steps: usize,
    /// The network.
    pub emit: Emit<'a>,
    pub(super) done: BTreeMap<Job, Value>,
    /// Values of layers of neurons that feed themselves, under way.
    pub(super) ahead: BTreeMap<Job, Value>,
    /// Those whose value was used before it was there.
    pub(super) looped: BTreeSet<Job>,
    /// True for what belongs to one step of an unrolled loop.
    stepwise: Vec<bool>,
}

/// What depends on one index of an axis, or on one step of neurons.
fn stepwise(program: &Program, cells: &Cells, steps: usize) -> Vec<bool> {
    let mut found = vec![false; program.nodes.len()];
    for (id, node) in program.nodes.iter().enumerate() {
        let inner = node.inputs.iter().any(|&i| found[i]);
        found[id] = match node.kind {
            Kind::Stack { .. } => inner && node.inputs.len() != steps,
            Kind::Select { .. } => true,
            Kind::Fire(_) => node.shape[0] == 1 && steps > 1,
            Kind::Compare { .. } => inner || cells.length(id) > 1,
            _ => inner,
        };
    }
    found
}

/// A graph of one step whose potential never changes.
pub(super) fn frozen(name: &str) -> Diagnostic {
    refuse(
        "E0519",
        name,
        "the file holds one step of this neuron and no way for its potential to reach the next: it would start anew in \
         every step",
        "trace the network over all timesteps: multi-step mode, or a forward with the loop over time; or let the \
         potentials be inputs and outputs of the step",
    )
}

impl<'a> Roll<'a> {
    /// A translation that starts from the value of the input.
    pub fn new(program: &'a Program, cells: &'a Cells, steps: usize, emit: Emit<'a>, input: Value) -> Self {
        let at = program.nodes.iter().position(|n| n.kind == Kind::Input);
        let done = at.map(|i| (Job::Whole(i), input)).into_iter().collect();
        let stepwise = stepwise(program, cells, steps);
        Roll { program, cells, steps, emit, done, ahead: BTreeMap::new(), looped: BTreeSet::new(), stepwise }
    }

    /// Does a job and all it needs.
    pub fn run(&mut self, job: Job) -> Result<Value> {
        let mut waiting = vec![job.clone()];
        let mut listed = BTreeSet::from([job.clone()]);
        while let Some(next) = waiting.last().cloned() {
            match self.attempt(&next) {
                Ok(value) => {
                    listed.remove(&next);
                    waiting.pop();
                    self.done.insert(next, value);
                }
                Err(Stop::Refused(d)) => return Err(d),
                Err(Stop::Needs(other)) => {
                    if !listed.insert(other.clone()) {
                        return Err(refuse(
                            "E0513",
                            &self.node(&other).name,
                            "its value depends on itself within a step",
                            "let a neuron stand in every loop, read one step later",
                        ));
                    }
                    waiting.push(other);
                }
            }
        }
        Ok(self.done[&job].clone())
    }

    fn node(&self, job: &Job) -> &'a Node {
        let id = match job {
            Job::Whole(id) => *id,
            Job::Row(ids) => ids.iter().copied().find(|&id| id != ZERO).unwrap_or(0),
        };
        &self.program.nodes[id]
    }

    pub(super) fn get(&self, job: Job) -> Tried<Value> {
        self.done.get(&job).cloned().ok_or(Stop::Needs(job))
    }

    fn attempt(&mut self, job: &Job) -> Tried<Value> {
        match job {
            Job::Whole(id) => self.whole(*id),
            Job::Row(ids) => self.row(ids),
        }
    }

    fn whole(&mut self, id: Id) -> Tried<Value> {
        let node = &self.program.nodes[id];
        match &node.kind {
            Kind::Stack { dim } => {
                let over_time =
                    node.inputs.len() == self.steps && node.inputs.iter().any(|&i| self.stepwise[i]);
                if !over_time {
                    return self.side_by_side(node, *dim);
                }
                let row = self.get(Job::Row(node.inputs.clone()))?;
                let mut dims = row.dims.clone();
                dims.insert(*dim, part(Axis::T, self.steps));
                Ok(row.with(dims))
            }
            Kind::Compare { .. } => self.spikes_whole(id),
            Kind::Fire(neuron) => self.fire_whole(id, neuron),
            Kind::Select { .. } => Err(part_of(&node.name, "it takes one index of an axis").into()),
            kind => {
                let operands = node.inputs.iter().map(|&i| self.operand(&[i])).collect::<Tried<Vec<_>>>()?;
                Ok(self.emit.op(self.program, node, kind, operands)?)
            }
        }
    }

    /// Values that become the channels of one.
    fn side_by_side(&mut self, node: &Node, dim: usize) -> Tried<Value> {
        let mut parts = Vec::with_capacity(node.inputs.len());
        for &id in &node.inputs {
            match self.operand(&[id])? {
                Operand::Value(v) => {
                    let mut dims = v.dims.clone();
                    dims.insert(dim, Vec::new());
                    parts.push(Operand::Value(v.with(dims)));
                }
                Operand::Const(_) => return Err(part_of(&node.name, "it joins a constant").into()),
            }
        }
        Ok(self.emit.op(self.program, node, &Kind::Cat { dim }, parts)?)
    }

    /// The operand of a row of nodes, or of one.
    pub(super) fn operand(&self, ids: &[Id]) -> Tried<Operand> {
        let same = ids.iter().all(|id| *id == ids[0]);
        if same && ids[0] != ZERO && self.program.as_const(ids[0]).is_some() {
            return Ok(Operand::Const(ids[0]));
        }
        let job = if same { Job::Whole(ids[0]) } else { Job::Row(ids.to_vec()) };
        self.get(job).map(Operand::Value)
    }

    fn row(&mut self, ids: &[Id]) -> Tried<Value> {
        if ids.iter().all(|id| *id == ids[0]) && ids[0] != ZERO {
            return self.get(Job::Whole(ids[0]));
        }
        let zero = |id: Id| id == ZERO || self.program.uniform(id) == Some(0.0);
        let later = ids.get(1).copied().filter(|&id| id != ZERO);
        let Some(later) = later else {
            return Err(part_of("constant", "a value is zero in some steps only").into());
        };
        let node = &self.program.nodes[later];
        if zero(ids[0]) || self.program.as_const(ids[0]).is_some() {
            return self.row_from_constant(ids, zero(ids[0]));
        }
        if ids.len() != self.steps {
            return Err(part_of(&node.name, "it is there in some of the steps only").into());
        }
        let first = &self.program.nodes[ids[0]];
        match &node.kind {
            Kind::Select { dim, .. } => self.selected(ids, *dim),
            Kind::Compare { .. } => self.spikes_row(ids),
            Kind::Fire(neuron) => self.fire_row(ids, neuron),
            kind => {
                let alike = |&id: &Id| {
                    let n = &self.program.nodes[id];
                    n.kind == *kind && n.inputs.len() == node.inputs.len()
                };
                if !ids.iter().all(alike) {
                    return Err(unlike(&first.name).into());
                }
                let column =
                    |i: usize| ids.iter().map(|&id| self.program.nodes[id].inputs[i]).collect::<Vec<_>>();
                let operands =
                    (0..node.inputs.len()).map(|i| self.operand(&column(i))).collect::<Tried<Vec<_>>>()?;
                Ok(self.emit.op(self.program, node, kind, operands)?)
            }
        }
    }

    /// `y[t]` of one tensor, in order.
    fn selected(&mut self, ids: &[Id], dim: usize) -> Tried<Value> {
        let source = self.program.nodes[ids[0]].inputs[0];
        let name = &self.program.nodes[ids[0]].name;
        for (t, &id) in ids.iter().enumerate() {
            let n = &self.program.nodes[id];
            if n.kind != (Kind::Select { dim, index: t }) || n.inputs[0] != source {
                return Err(part_of(name, "the steps do not take one index each, in order").into());
            }
        }
        let whole = self.get(Job::Whole(source))?;
        let mut dims = whole.dims.clone();
        if dims.remove(dim) != part(Axis::T, self.steps) {
            return Err(part_of(name, "a loop runs along another axis than time").into());
        }
        Ok(whole.with(dims))
    }

    /// A row whose first value is constant: something read one step late, and what is made of it.
    fn row_from_constant(&mut self, ids: &[Id], zero: bool) -> Tried<Value> {
        let later = &self.program.nodes[ids[1]];
        if let Kind::Compare { .. } = later.kind {
            return self.late(ids, zero);
        }
        let (Kind::View | Kind::Permute(_) | Kind::Expand | Kind::Linear | Kind::Conv { .. } | Kind::Mul) =
            later.kind
        else {
            return Err(unlike(&later.name).into());
        };
        // Zero through a layer is its bias.
        let bias = later.inputs.get(2).copied();
        let fits = match bias {
            Some(b) => self.program.as_const(ids[0].min(self.program.nodes.len() - 1)).is_some_and(|first| {
                ids[0] != ZERO && self.program.as_const(b).is_some_and(|bias| spread_equal(&first.0, &bias.0))
            }),
            None => zero,
        };
        let constant = |i: usize| later.inputs.get(i).is_some_and(|&id| self.program.as_const(id).is_some());
        let data = usize::from(later.kind == Kind::Mul && constant(0));
        if !fits || !(1..later.inputs.len()).all(|i| constant(if data == 1 { i - 1 } else { i })) {
            return Err(unlike(&later.name).into());
        }
        let alike = |&id: &Id| {
            let n = &self.program.nodes[id];
            let weights = (0..n.inputs.len()).all(|i| i == data || n.inputs[i] == later.inputs[i]);
            n.kind == later.kind && n.inputs.len() == later.inputs.len() && weights
        };
        if !ids[1..].iter().all(alike) {
            return Err(unlike(&later.name).into());
        }
        let mut row = vec![ZERO];
        row.extend(ids[1..].iter().map(|&id| self.program.nodes[id].inputs[data]));
        let mut operands: Vec<Operand> = later.inputs.iter().map(|&i| Operand::Const(i)).collect();
        operands[data] = Operand::Value(self.get(Job::Row(row))?);
        Ok(self.emit.op(self.program, later, &later.kind, operands)?)
    }
}

/// True if the values are those of a bias, repeated.
fn spread_equal(values: &[f64], bias: &[f64]) -> bool {
    values.len() % bias.len().max(1) == 0
        && values.iter().zip(bias.iter().cycle()).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1e-6))
}

pub(super) fn part_of(name: &str, what: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        format!("{what}, and values here are whole streams"),
        "return a value for every step, or their sum or mean over time",
    )
}

pub(super) fn unlike(name: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        "the steps of a loop do not do the same, or not to the step before",
        "trace a loop whose steps are alike, over all timesteps",
    )
}

pub(super) fn no_neuron(name: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        "a comparison that is no spike of a neuron",
        "compare a potential with one threshold; other comparisons are not read",
    )
}
