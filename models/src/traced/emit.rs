//! Nodes of the network for operations whose operands are there.

use super::layout::{part, Part, Value};
use super::program::{mismatch, Const, Id, Kind, Node, Program};
use super::spike::describe;
use crate::import::net::{clean, Net};
use crate::import::{refuse, Rating, Reason};
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::concat::Concat;
use pulvinar_ir::op::mul::Mul;
use pulvinar_ir::op::neuron::Neuron;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::op::sigmoid::Sigmoid;
use pulvinar_ir::{Axes, Axis, Diagnostic, Op, Result};

/// An operand.
pub(super) enum Operand {
    /// A value of the network.
    Value(Value),
    /// A constant of the program.
    Const(Id),
}

/// The network in the making, and what is said of it.
pub(super) struct Emit<'a> {
    /// The network.
    pub net: Net,
    /// What became of every node.
    pub reasons: &'a mut Vec<Reason>,
    /// True if the last axis of what has no rows is a length, as 1-D convolutions see it.
    pub length: bool,
    /// Timesteps.
    pub steps: usize,
}

/// A refusal of an operation that is not known.
pub(super) fn unread(name: &str, what: &str) -> Diagnostic {
    refuse(
        "E0512",
        name,
        format!("`{what}` is not read here"),
        "docs/imports.md lists the operations that are; the Python exporter knows more",
    )
}

/// A refusal of what a layer does.
pub(super) fn unfit(name: &str, what: impl Into<String>, help: &str) -> Diagnostic {
    refuse("E0515", name, what, help)
}

impl Emit<'_> {
    /// A name of the network for a node of the program.
    pub fn fresh(&mut self, name: &str) -> String {
        self.net.fresh(&clean(name))
    }

    /// Says that a node is exact.
    pub fn say(&mut self, node: &str, text: &str) {
        self.reasons.push(Reason { node: node.to_owned(), rating: Rating::Exact, text: text.to_owned() });
    }

    /// Adds a node and says so.
    pub fn add(&mut self, name: &str, inputs: &[&Value], op: impl Into<Op>) -> String {
        let node = self.fresh(name);
        self.net.node(&node, inputs.iter().map(|v| v.node.clone()).collect(), op);
        self.say(&node, "");
        node
    }

    /// A tensor of the network named after a node of it.
    pub fn tensor(&mut self, node: &str, what: &str, shape: &[usize], values: &[f64]) -> String {
        let n: usize = shape.iter().product();
        let values = (0..n).map(|i| if values.len() == 1 { values[0] } else { values[i] } as f32).collect();
        self.net.tensor(&format!("{node}.{what}"), shape.to_vec(), values)
    }

    /// Axes of one step of this shape, batch first.
    pub fn guess(&self, shape: &[usize]) -> Vec<Vec<Part>> {
        let axes: &[Option<Axis>] = match (shape.len(), self.length) {
            (1, _) => &[Some(Axis::C)],
            (2, false) => &[None, Some(Axis::C)],
            (2, true) => &[Some(Axis::C), Some(Axis::W)],
            (3, false) => &[Some(Axis::C), Some(Axis::H), Some(Axis::W)],
            (3, true) => &[None, Some(Axis::C), Some(Axis::W)],
            _ => &[None, Some(Axis::C), Some(Axis::H), Some(Axis::W)],
        };
        let dim = |(a, &n): (&Option<Axis>, &usize)| if n == 1 { Vec::new() } else { vec![(*a, n)] };
        axes.iter().zip(shape).map(dim).collect()
    }

    /// The value of an operation.
    pub fn op(
        &mut self,
        program: &Program,
        node: &Node,
        kind: &Kind,
        operands: Vec<Operand>,
    ) -> Result<Value> {
        let name = node.name.as_str();
        let constant = |o: &Operand| matches!(o, Operand::Const(_));
        match (kind, &operands[..]) {
            (Kind::Add | Kind::Sub | Kind::Mul, [Operand::Value(a), Operand::Value(b)]) => {
                self.join(name, kind, a, b)
            }
            (Kind::Add | Kind::Sub | Kind::Mul, [Operand::Value(x), Operand::Const(c)]) => {
                self.with_constant(program, node, (kind, false), x, *c)
            }
            (Kind::Add | Kind::Sub | Kind::Mul, [Operand::Const(c), Operand::Value(x)]) => {
                self.with_constant(program, node, (kind, true), x, *c)
            }
            (Kind::Cat { dim }, _) => self.cat(name, &operands, *dim),
            (Kind::Unknown(what), _) => Err(unread(name, what)),
            (_, [Operand::Value(x), weights @ ..]) if weights.iter().all(constant) => {
                let weights: Vec<Id> = weights
                    .iter()
                    .filter_map(|w| if let Operand::Const(c) = w { Some(*c) } else { None })
                    .collect();
                self.single(program, node, kind, x, &weights)
            }
            _ => Err(unfit(
                name,
                "its weights are computed by the network, or its input is constant",
                "only layers whose weights are parameters are read",
            )),
        }
    }

    fn single(
        &mut self,
        program: &Program,
        node: &Node,
        kind: &Kind,
        x: &Value,
        weights: &[Id],
    ) -> Result<Value> {
        let name = node.name.as_str();
        match kind {
            Kind::Relu => Ok(Value { node: self.add(name, &[x], Relu {}), ..x.clone() }),
            Kind::Sigmoid => Ok(Value { node: self.add(name, &[x], Sigmoid {}), ..x.clone() }),
            Kind::Linear => self.linear(program, name, x, weights),
            Kind::Conv { window, groups, rows } => {
                self.conv(program, name, x, weights, (window, *groups, *rows))
            }
            Kind::BatchNorm { eps } => self.batch_norm(program, name, x, weights, *eps),
            Kind::Pool { window, max } => self.pool(name, x, window, *max),
            Kind::Reduce { kind, dims, keep } => self.reduce(name, x, *kind, dims, *keep),
            Kind::View => x.view(name, &node.shape),
            Kind::Permute(order) => Ok(x.with(order.iter().map(|&d| x.dims[d].clone()).collect())),
            Kind::Expand => Ok(self.expand(x, &node.shape)),
            _ => Err(unfit(name, "an operation out of place", "trace the network again")),
        }
    }

    /// Sum, difference or product of two values.
    fn join(&mut self, name: &str, kind: &Kind, a: &Value, b: &Value) -> Result<Value> {
        let n = a.dims.len().max(b.dims.len());
        let at =
            |v: &Value, i: usize| (i + v.dims.len()).checked_sub(n).map_or(Vec::new(), |i| v.dims[i].clone());
        let mut dims = Vec::with_capacity(n);
        for i in 0..n {
            let (p, q) = (at(a, i), at(b, i));
            if p != q && !p.is_empty() && !q.is_empty() {
                let text = format!("its operands have the axes {} and {}", a.words(), b.words());
                return Err(unfit(name, text, "bring both to the same order of axes"));
            }
            dims.push(if p.is_empty() { q } else { p });
        }
        let node = match kind {
            Kind::Add => self.add(name, &[a, b], Add {}),
            Kind::Mul => self.add(name, &[a, b], Mul {}),
            _ => {
                let less = self.add(&format!("{name}.negative"), &[b], Affine { mul: -1.0, add: 0.0 });
                self.add(name, &[a, &Value { node: less, ..b.clone() }], Add {})
            }
        };
        Ok(Value { node, dims, statistic: a.statistic && b.statistic })
    }

    /// Sum, difference or product with a constant; `first` if the constant is the first operand.
    fn with_constant(
        &mut self,
        program: &Program,
        node: &Node,
        (kind, first): (&Kind, bool),
        x: &Value,
        c: Id,
    ) -> Result<Value> {
        let name = node.name.as_str();
        // mul · x + sign · c, or c · x
        let (mul, sign) = match (kind, first) {
            (Kind::Add, _) => (1.0, 1.0),
            (Kind::Sub, false) => (1.0, -1.0),
            (Kind::Sub, true) => (-1.0, 1.0),
            _ => (0.0, 0.0),
        };
        if let Some(c) = program.uniform(c) {
            let op = if sign == 0.0 { Affine { mul: c, add: 0.0 } } else { Affine { mul, add: sign * c } };
            return Ok(Value { node: self.add(name, &[x], op), ..x.clone() });
        }
        let values =
            program.as_const(c).and_then(|v| per_channel(v, program.shape(c), x)).ok_or_else(|| {
                let text = format!("a constant of shape {:?} meets the axes {}", program.shape(c), x.words());
                unfit(name, text, "use constants of one value, or of one value a channel")
            })?;
        let (new, n) = (self.fresh(name), values.len());
        if sign == 0.0 {
            let factor = self.tensor(&new, "factor", &[n], &values);
            self.net.node(&new, vec![x.node.clone()], Scale { factor });
        } else {
            let offset: Vec<f64> = values.iter().map(|v| v * sign).collect();
            let op = BatchNorm {
                weight: self.tensor(&new, "weight", &[n], &[mul]),
                bias: self.tensor(&new, "bias", &[n], &offset),
                mean: self.tensor(&new, "mean", &[n], &[0.0]),
                var: self.tensor(&new, "var", &[n], &[1.0]),
                eps: 0.0,
            };
            self.net.node(&new, vec![x.node.clone()], op);
        }
        self.say(&new, "");
        Ok(Value { node: new, ..x.clone() })
    }

    fn cat(&mut self, name: &str, operands: &[Operand], dim: usize) -> Result<Value> {
        let mut values = Vec::with_capacity(operands.len());
        for operand in operands {
            match operand {
                Operand::Value(v) => values.push(v),
                Operand::Const(_) => return Err(unfit(name, "it joins a constant", "join values only")),
            }
        }
        let others = |v: &Value| [&v.dims[..dim], &v.dims[dim + 1..]].concat();
        let along = |v: &&Value| v.is(dim, Axis::C) && others(v) == others(values[0]);
        if !values.iter().all(along) {
            let words: Vec<String> = values.iter().map(|v| v.words()).collect();
            let text = format!("it joins {} along axis {dim}", words.join(" and "));
            return Err(unfit(name, text, "only joining along channels is read"));
        }
        let total = values.iter().map(|v| v.dims[dim].first().map_or(1, |p| p.1)).sum();
        let mut dims = values[0].dims.clone();
        dims[dim] = part(Axis::C, total);
        let statistic = values.iter().all(|v| v.statistic);
        Ok(Value { node: self.add(name, &values, Concat {}), dims, statistic })
    }

    fn reduce(
        &mut self,
        name: &str,
        x: &Value,
        kind: ReduceKind,
        dims: &[usize],
        keep: bool,
    ) -> Result<Value> {
        let gone: Vec<Part> = dims.iter().flat_map(|&d| x.dims[d].iter().copied()).collect();
        let axes: Vec<Axis> = gone.iter().filter_map(|p| p.0).collect();
        if axes.len() != gone.len() {
            return Err(unfit(
                name,
                "it reduces over the batch",
                "reduce over time, channels or pixels only",
            ));
        }
        let rest = x.dims.iter().enumerate().filter_map(|(d, parts)| {
            if dims.contains(&d) {
                keep.then(Vec::new)
            } else {
                Some(parts.clone())
            }
        });
        let rest: Vec<Vec<Part>> = rest.collect();
        if axes.is_empty() {
            return Ok(x.with(rest));
        }
        let node = self.add(name, &[x], Reduce { kind, axes: Axes::of(&axes) });
        Ok(Value { node, dims: rest, statistic: true })
    }

    /// Repeats are left to the broadcast of what comes next; those of a value without time, once a step, are time.
    fn expand(&self, x: &Value, shape: &[usize]) -> Value {
        let mut dims = vec![Vec::new(); shape.len() - x.dims.len()];
        dims.extend(x.dims.iter().cloned());
        if !x.has(Axis::T) && !x.statistic && shape[0] == self.steps && dims[0].is_empty() {
            dims[0] = part(Axis::T, self.steps);
        }
        x.with(dims)
    }

    /// A layer of neurons under a name that is reserved; `looped` if its value was used before.
    pub fn neuron(
        &mut self,
        name: &str,
        (ahead, looped): (&Value, bool),
        drive: &[(Value, f64)],
        neuron: &Neuron,
    ) -> Result<Value> {
        let mut current: Option<Value> = None;
        for (value, factor) in drive {
            let term = if *factor == 1.0 {
                value.clone()
            } else {
                let op = Affine { mul: *factor, add: 0.0 };
                Value { node: self.add(&format!("{name}.gain"), &[value], op), ..value.clone() }
            };
            current = Some(match current {
                None => term,
                Some(sum) => self.join(&format!("{name}.sum"), &Kind::Add, &sum, &term)?,
            });
        }
        let current =
            current.ok_or_else(|| unfit(name, "nothing drives this neuron", "connect it to the input"))?;
        if looped && ahead.dims != current.dims {
            let text =
                format!("its current has the axes {} and its spikes {}", current.words(), ahead.words());
            return Err(mismatch(name, text));
        }
        self.net.node(&ahead.node, vec![current.node.clone()], neuron.clone());
        let text = describe(neuron);
        self.say(&ahead.node, &text);
        Ok(Value { node: ahead.node.clone(), dims: current.dims, statistic: false })
    }
}

/// One value a channel, of a constant that meets a value.
fn per_channel(values: &Const, shape: &[usize], x: &Value) -> Option<Vec<f64>> {
    let at = x.dims.iter().position(|d| d.len() == 1 && d[0].0 == Some(Axis::C))?;
    let back = x.dims.len() - at;
    let own = shape.len().checked_sub(back)?;
    let only = shape.iter().enumerate().all(|(i, &n)| n == 1 || i == own);
    (only && shape[own] == x.dims[at][0].1 && values.0.len() == shape[own]).then(|| values.0.clone())
}
