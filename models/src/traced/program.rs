//! A traced program: tensor operations in topological order, each with its shape.
//!
//! Equal operations on equal operands are one node, operations on constants are computed, and what changes no value is
//! left out, so that two steps of an unrolled loop differ only in where they begin.

use super::fold;
use crate::import::refuse;
use pulvinar_ir::op::neuron::Neuron;
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// Position of a node.
pub(crate) type Id = usize;

/// Largest tensor, in elements.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;
/// Most nodes of a program.
pub(crate) const MAX_NODES: usize = 1 << 18;

/// A constant: one value for all elements, or one each, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Const(pub Vec<f64>);

impl Const {
    /// The one value, if all are equal.
    pub fn uniform(&self) -> Option<f64> {
        let first = *self.0.first()?;
        self.0.iter().all(|v| *v == first).then_some(first)
    }
}

/// Windows of a convolution or pool: rows, columns; padding is top, bottom, left, right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 4],
    pub dilation: [usize; 2],
}

/// What a node does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// The input of the network.
    Input,
    /// State that enters a single step; the program says what leaves.
    State,
    /// A constant.
    Const(Const),
    /// Sum, elementwise with broadcasting.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// 1 where the first operand is above the second (`strict`), or at least as large, else 0.
    Compare { strict: bool },
    /// max(0, x).
    Relu,
    /// Logistic function.
    Sigmoid,
    /// Convolution of x by a weight, and a bias if there is one; `rows` is false for 1-D.
    Conv { window: Window, groups: usize, rows: bool },
    /// x times the transposed weight, and a bias if there is one.
    Linear,
    /// Batch normalisation: x, gain, offset, mean, variance.
    BatchNorm { eps: f64 },
    /// Pool over the last two axes.
    Pool { window: Window, max: bool },
    /// Mean, sum or maximum over axes.
    Reduce { kind: ReduceKind, dims: Vec<usize>, keep: bool },
    /// Another shape of the same elements in order.
    View,
    /// Axes in another order.
    Permute(Vec<usize>),
    /// Repeats axes of size 1, or new ones in front.
    Expand,
    /// One index of an axis.
    Select { dim: usize, index: usize },
    /// Operands along a new axis.
    Stack { dim: usize },
    /// Operands along an axis.
    Cat { dim: usize },
    /// A layer of neurons over the first axis: current, potential before the first step.
    Fire(Neuron),
    /// Potential after the last step of the operand, a `Fire`.
    Left,
    /// Something that is not read; refused if a value depends on it.
    Unknown(String),
}

/// A node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Name in the file.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Operands.
    pub inputs: Vec<Id>,
    /// Sizes.
    pub shape: Vec<usize>,
}

/// A program.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// Nodes in topological order.
    pub nodes: Vec<Node>,
    /// Values of the program, in order.
    pub outputs: Vec<Id>,
    /// For every `State`, the node with its value after the step.
    pub next: BTreeMap<Id, Id>,
    known: BTreeMap<String, Id>,
}

/// Number of elements, if it is not absurd.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|n| *n <= MAX_ELEMENTS)
}

/// Shape of a broadcast value.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let n = a.len().max(b.len());
    let at = |s: &[usize], i: usize| (i + s.len()).checked_sub(n).map_or(1, |i| s[i]);
    (0..n)
        .map(|i| match (at(a, i), at(b, i)) {
            (x, y) if x == y || y == 1 => Some(x),
            (1, y) => Some(y),
            _ => None,
        })
        .collect()
}

/// A refusal because of shapes.
pub(crate) fn mismatch(name: &str, message: impl Into<String>) -> Diagnostic {
    refuse(
        "E0514",
        name,
        message,
        "the file contradicts itself; trace the network again with one of its inputs",
    )
}

impl Program {
    /// Adds a node, or gives the equal one that is there.
    pub fn push(&mut self, name: &str, kind: Kind, inputs: &[Id], shape: Vec<usize>) -> Result<Id> {
        if count(&shape).is_none() {
            return Err(mismatch(name, format!("a value of the absurd shape {shape:?}")));
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(refuse(
                "E0513",
                name,
                format!("the program has more than {MAX_NODES} nodes"),
                "trace fewer timesteps",
            ));
        }
        if let Some(value) = fold::fold(self, &kind, inputs, &shape) {
            return Ok(self.constant(name, shape, value));
        }
        let key = match &kind {
            Kind::Const(c) if c.0.len() == 1 => format!("{:x} {shape:?}", c.0[0].to_bits()),
            Kind::Input | Kind::State | Kind::Const(_) => String::new(),
            other => format!("{other:?} {inputs:?} {shape:?}"),
        };
        if let Some(&id) = self.known.get(&key) {
            return Ok(id);
        }
        let id = self.nodes.len();
        if !key.is_empty() {
            self.known.insert(key, id);
        }
        self.nodes.push(Node { name: name.to_owned(), kind, inputs: inputs.to_vec(), shape });
        Ok(id)
    }

    fn constant(&mut self, name: &str, shape: Vec<usize>, value: Const) -> Id {
        let key = (value.0.len() == 1).then(|| format!("{:x} {shape:?}", value.0[0].to_bits()));
        if let Some(&id) = key.as_ref().and_then(|k| self.known.get(k)) {
            return id;
        }
        let id = self.nodes.len();
        self.known.extend(key.map(|k| (k, id)));
        self.nodes.push(Node { name: name.to_owned(), kind: Kind::Const(value), inputs: Vec::new(), shape });
        id
    }

    /// A constant; its values are one, or as many as the shape has elements.
    pub fn constants(&mut self, name: &str, shape: &[usize], values: Vec<f64>) -> Result<Id> {
        let n = count(shape)
            .ok_or_else(|| mismatch(name, format!("a constant of the absurd shape {shape:?}")))?;
        if n > 0 && values.len() != 1 && values.len() != n {
            return Err(mismatch(name, format!("{} values for shape {shape:?}", values.len())));
        }
        Ok(self.constant(name, shape.to_vec(), Const(values)))
    }

    /// One number.
    pub fn scalar(&mut self, value: f64) -> Id {
        self.constant("constant", Vec::new(), Const(vec![value]))
    }

    /// Sizes of a node.
    pub fn shape(&self, id: Id) -> &[usize] {
        &self.nodes[id].shape
    }

    /// The constant at a node.
    pub fn as_const(&self, id: Id) -> Option<&Const> {
        match &self.nodes[id].kind {
            Kind::Const(c) => Some(c),
            _ => None,
        }
    }

    /// The one value of a constant.
    pub fn uniform(&self, id: Id) -> Option<f64> {
        self.as_const(id).and_then(Const::uniform)
    }

    /// Sum, difference, product or comparison; neutral constants are left out.
    pub fn binary(&mut self, name: &str, kind: Kind, a: Id, b: Id) -> Result<Id> {
        let shape = broadcast(self.shape(a), self.shape(b)).ok_or_else(|| {
            mismatch(name, format!("operands of the shapes {:?} and {:?}", self.shape(a), self.shape(b)))
        })?;
        let is = |p: &Self, id: Id, v: f64| p.uniform(id) == Some(v);
        let keeps = |p: &Self, id: Id| p.shape(id) == shape;
        let neutral = match kind {
            Kind::Add | Kind::Sub if is(self, b, 0.0) && keeps(self, a) => Some(a),
            Kind::Add if is(self, a, 0.0) && keeps(self, b) => Some(b),
            Kind::Mul if is(self, b, 1.0) && keeps(self, a) => Some(a),
            Kind::Mul if is(self, a, 1.0) && keeps(self, b) => Some(b),
            Kind::Mul if is(self, a, 0.0) || is(self, b, 0.0) => {
                return self.constants(name, &shape, vec![0.0]);
            }
            _ => None,
        };
        if let Some(id) = neutral {
            return Ok(id);
        }
        // A sum of a map and a vector is a map with a bias.
        for (x, bias) in [(a, b), (b, a)] {
            let vector =
                self.as_const(bias).is_some() && self.shape(bias) == &shape[shape.len().saturating_sub(1)..];
            if kind == Kind::Add
                && self.nodes[x].kind == Kind::Linear
                && self.nodes[x].inputs.len() == 2
                && vector
            {
                let [map, weight] = [self.nodes[x].inputs[0], self.nodes[x].inputs[1]];
                return self.linear(name, map, weight, Some(bias));
            }
        }
        self.push(name, kind, &[a, b], shape)
    }

    /// The values returned; states that have no next value yet come back in their order, after the output.
    pub fn returns(&mut self, mut returned: Vec<Id>, states: &[Id]) -> Result<()> {
        let open: Vec<Id> = states.iter().copied().filter(|s| !self.next.contains_key(s)).collect();
        if !open.is_empty() && returned.len() != open.len() + 1 {
            return Err(Diagnostic::new(
                "E0513",
                "file",
                format!("it takes {} tensors and returns {}", open.len() + 1, returned.len()),
                "let the network take one tensor, or a step's input and potentials and return its output and potentials",
            ));
        }
        let after = returned.split_off(returned.len() - open.len());
        self.next.extend(open.into_iter().zip(after));
        self.outputs = returned;
        Ok(())
    }

    /// Quotient by a constant, as a product.
    pub fn quotient(&mut self, name: &str, a: Id, b: Id) -> Result<Id> {
        let Some(divisor) = self.as_const(b) else {
            let shape = broadcast(self.shape(a), self.shape(b)).unwrap_or_default();
            return self.push(name, Kind::Unknown("division by a computed value".to_owned()), &[a, b], shape);
        };
        let inverse: Vec<f64> = divisor.0.iter().map(|v| 1.0 / v).collect();
        let shape = self.shape(b).to_vec();
        let inverse = self.constants(name, &shape, inverse)?;
        self.binary(name, Kind::Mul, a, inverse)
    }

    /// Another shape of the same elements.
    pub fn view(&mut self, name: &str, x: Id, shape: Vec<usize>) -> Result<Id> {
        if count(&shape).is_none() || count(self.shape(x)) != count(&shape) {
            return Err(mismatch(name, format!("shape {:?} as {shape:?}", self.shape(x))));
        }
        if self.shape(x) == shape {
            return Ok(x);
        }
        // A view of a view is one view.
        let origin = if self.nodes[x].kind == Kind::View { self.nodes[x].inputs[0] } else { x };
        if self.shape(origin) == shape {
            return Ok(origin);
        }
        self.push(name, Kind::View, &[origin], shape)
    }

    /// One index of an axis.
    pub fn select(&mut self, name: &str, x: Id, dim: usize, index: usize) -> Result<Id> {
        let mut shape = self.shape(x).to_vec();
        if shape.get(dim).is_none_or(|n| index >= *n) {
            return Err(mismatch(name, format!("index {index} of axis {dim} of shape {shape:?}")));
        }
        if self.nodes[x].kind == (Kind::Stack { dim }) {
            return Ok(self.nodes[x].inputs[index]);
        }
        if shape[dim] == 1 {
            shape.remove(dim);
            return self.view(name, x, shape);
        }
        shape.remove(dim);
        self.push(name, Kind::Select { dim, index }, &[x], shape)
    }

    /// Operands along a new axis.
    pub fn stack(&mut self, name: &str, xs: &[Id], dim: usize) -> Result<Id> {
        let first = xs.first().map(|&x| self.shape(x).to_vec());
        let Some(mut shape) = first.filter(|s| dim <= s.len() && xs.iter().all(|&x| self.shape(x) == s))
        else {
            return Err(mismatch(name, "the parts have different shapes"));
        };
        shape.insert(dim, xs.len());
        self.push(name, Kind::Stack { dim }, xs, shape)
    }

    /// Operands along an axis; parts of size 1 are stacked.
    pub fn cat(&mut self, name: &str, xs: &[Id], dim: usize) -> Result<Id> {
        let Some(mut shape) = xs.first().map(|&x| self.shape(x).to_vec()).filter(|s| dim < s.len()) else {
            return Err(mismatch(name, "there is nothing to join, or no such axis"));
        };
        let others = |s: &[usize]| [&s[..dim], &s[(dim + 1).min(s.len())..]].concat();
        if xs.iter().any(|&x| others(self.shape(x)) != others(&shape) || self.shape(x).len() != shape.len()) {
            return Err(mismatch(name, "the parts have different shapes"));
        }
        if xs.len() > 1 && xs.iter().all(|&x| self.shape(x)[dim] == 1) {
            let parts: Result<Vec<Id>> = xs.iter().map(|&x| self.select(name, x, dim, 0)).collect();
            return self.stack(name, &parts?, dim);
        }
        shape[dim] = xs.iter().map(|&x| self.shape(x)[dim]).sum();
        self.push(name, Kind::Cat { dim }, xs, shape)
    }
}
