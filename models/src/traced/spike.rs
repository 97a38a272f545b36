//! Layers of neurons: rows of spikes, whole streams of them, and spikes read one step late.

use super::cell::Cell;
use super::emit::Operand;
use super::layout::{part, Value};
use super::program::{Id, Kind};
use super::roll::{frozen, no_neuron, part_of, unlike, Job, Roll, Stop, Tried, ZERO};
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::neuron::{Neuron, Reset};
use pulvinar_ir::{Axis, Result};

impl Roll<'_> {
    /// Spikes of the step before.
    pub(super) fn late(&mut self, ids: &[Id], zero: bool) -> Tried<Value> {
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
    pub(super) fn spikes_row(&mut self, ids: &[Id]) -> Tried<Value> {
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
    pub(super) fn spikes_whole(&mut self, id: Id) -> Tried<Value> {
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
    pub(super) fn fire_whole(&mut self, id: Id, neuron: &Neuron) -> Tried<Value> {
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
    pub(super) fn fire_row(&mut self, ids: &[Id], neuron: &Neuron) -> Tried<Value> {
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

/// In words, for the reasons.
pub(super) fn describe(n: &Neuron) -> String {
    let reset = match n.reset {
        Reset::Value { value } => format!("reset to {value}"),
        Reset::Subtract { value } => format!("reset by {value}"),
        Reset::None => "no reset".to_owned(),
    };
    let sign = if n.compare == pulvinar_ir::op::neuron::Compare::Above { ">" } else { ">=" };
    let current = n.current.map_or_else(String::new, |c| format!(", a current of leak {}", c.leak));
    format!("leak {}, gain {}{current}, fires {sign} {}, {reset}", n.leak, n.input_gain, n.threshold)
}
