//! From a program to a network: loops over time are rolled up.
//!
//! A job is the value of a node that holds all steps (or has no time), or that of a row of nodes, one a step. Nodes of a row do
//! the same to rows of operands, down to `x[t]` of one tensor, which is that tensor, or to the spikes of a layer of
//! neurons. Jobs that wait for others are put off, so that no depth of a file is a depth of the stack.

use super::cell::{Cell, Cells};
use super::emit::{Emit, Operand};
use super::layout::{part, Value};
use super::program::{Id, Kind, Node, Program};
use crate::import::refuse;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::neuron::{Neuron, Reset};
use pulvinar_ir::{Axis, Diagnostic, Result};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in a row for a tensor of zeros.
const ZERO: Id = usize::MAX;

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

type Tried<T> = std::result::Result<T, Stop>;

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
    done: BTreeMap<Job, Value>,
    /// Values of layers of neurons that feed themselves, under way.
    ahead: BTreeMap<Job, Value>,
    /// Those whose value was used before it was there.
    looped: BTreeSet<Job>,
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

    fn get(&self, job: Job) -> Tried<Value> {
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
    fn operand(&self, ids: &[Id]) -> Tried<Operand> {
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

    /// Spikes of the step before.
    fn late(&mut self, ids: &[Id], zero: bool) -> Tried<Value> {
        let name = &self.program.nodes[ids[1]].name;
        let place = |id: &Id| self.cells.of_spike.get(id).copied();
        let cell = place(&ids[1]).filter(|_| zero).map(|p| p.0).ok_or_else(|| unlike(name))?;
        let in_order = ids[1..].iter().enumerate().all(|(t, id)| place(id) == Some((cell, t)));
        let spikes = self.cells.cells[cell].as_ref().map_err(Clone::clone)?.spikes.clone();
        if !in_order || ids.len() != spikes.len() {
            return Err(unlike(name).into());
        }
        let job = Job::Row(spikes);
        let now = match (self.done.get(&job), self.ahead.get(&job)) {
            (Some(value), _) => value.clone(),
            (None, Some(value)) => {
                self.looped.insert(job);
                value.clone()
            }
            (None, None) => self.get(job)?,
        };
        let node = self.emit.net.helper(&format!("{}.last", now.node), vec![now.node.clone()], Delay {});
        self.emit.say(&node, "the spikes of the step before");
        Ok(Value { node, ..now })
    }

    /// Spikes of unrolled steps: of one layer, or of comparisons that keep nothing.
    fn spikes_row(&mut self, ids: &[Id]) -> Tried<Value> {
        let name = self.program.nodes[ids[0]].name.clone();
        let places: Option<Vec<(usize, usize)>> =
            ids.iter().map(|id| self.cells.of_spike.get(id).copied()).collect();
        let Some(places) = places else { return Err(no_neuron(&name).into()) };
        let cell = |i: usize| self.cells.cells[i].as_ref().map_err(|d| Stop::Refused(d.clone()));
        let first = cell(places[0].0)?.clone();
        let one = places.iter().enumerate().all(|(t, p)| *p == (places[0].0, t));
        if one && first.spikes.len() == ids.len() {
            return self.neurons(&name, ids, first);
        }
        let mut drive = Vec::with_capacity(ids.len());
        for p in &places {
            let c = cell(p.0)?;
            if c.spikes.len() != 1 || c.carried || c.neuron != first.neuron {
                return Err(unlike(&name).into());
            }
            drive.push(c.drive[0].clone());
        }
        self.neurons(&name, ids, Cell { drive, ..first })
    }

    fn neurons(&mut self, name: &str, ids: &[Id], cell: Cell) -> Tried<Value> {
        let job = Job::Row(ids.to_vec());
        if !self.ahead.contains_key(&job) {
            let node = self.emit.fresh(name);
            let dims = self.emit.guess(&self.program.nodes[ids[0]].shape);
            self.ahead.insert(job.clone(), Value { node, dims, statistic: false });
        }
        let rows = self.rows(name, &cell)?;
        let mut operands = Vec::with_capacity(rows.len());
        for (row, factor) in &rows {
            match self.operand(row)? {
                Operand::Value(v) => operands.push((v, *factor)),
                Operand::Const(_) => return Err(no_neuron(name).into()),
            }
        }
        let ahead = self.ahead[&job].clone();
        Ok(self.emit.neuron(name, (&ahead, self.looped.contains(&job)), &operands, &cell.neuron)?)
    }

    /// The terms of the current as rows.
    fn rows(&self, name: &str, cell: &Cell) -> Result<Vec<(Vec<Id>, f64)>> {
        let last = cell.drive.last().expect("invariant: a cell has a step");
        let mut rows: Vec<(Vec<Id>, f64)> = last.iter().map(|t| (Vec::new(), t.1)).collect();
        let marks: Vec<String> = last.iter().map(|t| self.mark(t.0, 0)).collect();
        for terms in &cell.drive {
            let mut left: Vec<(Id, f64)> = terms.clone();
            let mut open = Vec::new();
            for (i, row) in rows.iter_mut().enumerate() {
                let fits = |t: &(Id, f64)| {
                    last.len() == 1
                        || (self.mark(t.0, 0) == marks[i] && (t.1 - row.1).abs() <= 1e-6 * row.1.abs())
                };
                match left.iter().position(fits) {
                    Some(k) => row.0.push(left.remove(k).0),
                    None => open.push(i),
                }
            }
            // In the first step, what is read late is a constant, or is not there.
            for i in open {
                rows[i].0.push(if left.is_empty() { ZERO } else { left.remove(0).0 });
            }
            if !left.is_empty() {
                return Err(unlike(name));
            }
        }
        Ok(rows)
    }

    /// What a node is, whatever the step.
    fn mark(&self, id: Id, depth: usize) -> String {
        let node = &self.program.nodes[id];
        if depth == 6 {
            return String::new();
        }
        match &node.kind {
            Kind::Const(_) => format!("#{id}"),
            Kind::Select { dim, .. } => format!("[{dim} of {}]", node.inputs[0]),
            Kind::Compare { .. } => {
                self.cells.of_spike.get(&id).map_or(String::new(), |p| format!("spike {}", p.0))
            }
            kind => {
                let inner: Vec<String> = node.inputs.iter().map(|&i| self.mark(i, depth + 1)).collect();
                format!("{:?}({})", std::mem::discriminant(kind), inner.join(" "))
            }
        }
    }

    /// Spikes of a node that holds all steps, or of a step whose state is carried.
    fn spikes_whole(&mut self, id: Id) -> Tried<Value> {
        let name = self.program.nodes[id].name.clone();
        let Some(&(index, _)) = self.cells.of_spike.get(&id) else { return Err(no_neuron(&name).into()) };
        let cell = self.cells.cells[index].as_ref().map_err(|d| Stop::Refused(d.clone()))?.clone();
        if cell.spikes.len() != 1 {
            return Err(part_of(&name, "the spikes of one step are used alone").into());
        }
        let mut operands = Vec::new();
        for &(term, factor) in &cell.drive[0] {
            match self.operand(&[term])? {
                Operand::Value(v) => operands.push((v, factor)),
                Operand::Const(_) => return Err(no_neuron(&name).into()),
            }
        }
        if !cell.carried && !operands.iter().any(|(v, _)| v.has(Axis::T)) {
            return Err(frozen(&name).into());
        }
        let node = self.emit.fresh(&name);
        let dims = self.emit.guess(&self.program.nodes[id].shape);
        let ahead =
            Value { node, dims: operands.first().map_or(dims, |(v, _)| v.dims.clone()), statistic: false };
        Ok(self.emit.neuron(&name, (&ahead, false), &operands, &cell.neuron)?)
    }

    /// A layer of neurons that a framework traces as one operation, over all steps or over one with carried state.
    fn fire_whole(&mut self, id: Id, neuron: &Neuron) -> Tried<Value> {
        let node = &self.program.nodes[id];
        let x = match self.operand(&[node.inputs[0]])? {
            Operand::Value(v) => v,
            Operand::Const(_) => return Err(no_neuron(&node.name).into()),
        };
        let start = self.origin(node.inputs[1]);
        if self.program.nodes[start].kind == Kind::State {
            let left = self.program.next.get(&start).map(|&n| self.origin(n));
            let back = left.is_some_and(|l| {
                self.program.nodes[l].kind == Kind::Left && self.program.nodes[l].inputs[0] == id
            });
            if !back || x.has(Axis::T) {
                return Err(frozen(&node.name).into());
            }
            return self.fire(&node.name, x, neuron.clone());
        }
        let initial = self
            .program
            .uniform(start)
            .ok_or_else(|| part_of(&node.name, "its potential starts from a computed value"))?;
        if self.steps > 1 && x.dims.first() != Some(&part(Axis::T, self.steps)) {
            return Err(frozen(&node.name).into());
        }
        self.fire(&node.name, x, Neuron { initial, ..neuron.clone() })
    }

    /// Such operations of one step each, chained by their potentials.
    fn fire_row(&mut self, ids: &[Id], neuron: &Neuron) -> Tried<Value> {
        let name = self.program.nodes[ids[0]].name.clone();
        let mut initial = 0.0;
        for (t, &id) in ids.iter().enumerate() {
            let n = &self.program.nodes[id];
            if n.kind != Kind::Fire(neuron.clone()) || n.shape.first() != Some(&1) {
                return Err(unlike(&name).into());
            }
            let start = self.origin(n.inputs[1]);
            if t == 0 {
                initial = self.program.uniform(start).ok_or_else(|| unlike(&name))?;
            } else if self.program.nodes[start].kind != Kind::Left
                || self.program.nodes[start].inputs[0] != ids[t - 1]
            {
                return Err(frozen(&name).into());
            }
        }
        let currents: Vec<Id> = ids.iter().map(|&id| self.program.nodes[id].inputs[0]).collect();
        match self.operand(&currents)? {
            Operand::Value(x) => self.fire(&name, x, Neuron { initial, ..neuron.clone() }),
            Operand::Const(_) => Err(no_neuron(&name).into()),
        }
    }

    fn fire(&mut self, name: &str, x: Value, neuron: Neuron) -> Tried<Value> {
        let node = self.emit.fresh(name);
        let ahead = Value { node, dims: x.dims.clone(), statistic: false };
        Ok(self.emit.neuron(name, (&ahead, false), &[(x, 1.0)], &neuron)?)
    }

    /// The node behind views.
    fn origin(&self, mut id: Id) -> Id {
        while self.program.nodes[id].kind == Kind::View {
            id = self.program.nodes[id].inputs[0];
        }
        id
    }
}

/// True if the values are those of a bias, repeated.
fn spread_equal(values: &[f64], bias: &[f64]) -> bool {
    values.len() % bias.len().max(1) == 0
        && values.iter().zip(bias.iter().cycle()).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1e-6))
}

fn part_of(name: &str, what: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        format!("{what}, and values here are whole streams"),
        "return a value for every step, or their sum or mean over time",
    )
}

fn unlike(name: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        "the steps of a loop do not do the same, or not to the step before",
        "trace a loop whose steps are alike, over all timesteps",
    )
}

fn no_neuron(name: &str) -> Diagnostic {
    refuse(
        "E0515",
        name,
        "a comparison that is no spike of a neuron",
        "compare a potential with one threshold; other comparisons are not read",
    )
}

/// In words, for the reasons.
pub(super) fn describe(n: &Neuron) -> String {
    let reset = match n.reset {
        Reset::Value { value } => format!("reset to {value}"),
        Reset::Subtract { value } => format!("reset by {value}"),
        Reset::None => "no reset".to_owned(),
    };
    let sign = if n.compare == pulvinar_ir::op::neuron::Compare::Above { ">" } else { ">=" };
    format!("leak {}, gain {}, fires {sign} {}, {reset}", n.leak, n.input_gain, n.threshold)
}
