//! Ways into the attention engine and out of it for whole streams.
//!
//! `conv1d` and `matmul` work on values of all steps. A stream that one of them reads is *gathered*: reduced over no axis,
//! so that its sums lie in the statistics memory. The engine of a layer gathers one accumulator; where operands come from
//! several layers, these are packed into one as the digits of a number,
//!
//! ```text
//! x₀ + B₁·x₁ + B₂·x₂ ...,   Bᵢ₊₁ = Bᵢ·(largest xᵢ + 1)
//! ```
//!
//! by synapses of weight Bᵢ, and a table each takes the digits apart. On the way out an `emit` makes a value of the engine
//! a stream again; a neuron takes it as it is.

use super::Quantiser;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::emit::Emit;
use pulvinar_ir::op::matmul::Matmul;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::table::Table;
use pulvinar_ir::{Axes, Diagnostic, IntType, NodeId, Op, Result, Tensor};
use std::collections::BTreeSet;

/// Most bits of an operand of a product: what two of them need fits the engine.
const FACTOR_BITS: u32 = 22;

impl Quantiser<'_> {
    /// A product of sums and spikes, exact unless an operand is very wide.
    pub(super) fn matmul(&mut self, id: NodeId, matmul: &Matmul) -> Result<NodeId> {
        let operands = self.gathered(id, FACTOR_BITS)?;
        self.counterpart(id, matmul.clone(), &operands)
    }

    /// Operands of an op that only the engine has, of at most so many bits if they are not spikes or counts.
    pub(super) fn gathered(&mut self, id: NodeId, bits: u32) -> Result<Vec<NodeId>> {
        let name = self.old.node(id).name.clone();
        let streams = self.streams_of(id);
        let one = |q: &mut Self, input: NodeId| {
            if q.facts.statistic[input.index()] {
                return q.narrow(input, &name, bits);
            }
            if let [_] = streams[..] {
                let x = q.narrow(input, &name, bits)?;
                return q.gather(&name, x);
            }
            let digit = streams.iter().position(|&s| s == input).expect("the list holds every operand");
            q.digit(id, &streams, digit)
        };
        self.old.node(id).inputs.clone().into_iter().map(|input| one(self, input)).collect()
    }

    /// Streams that the engine of this node's layer gathers: those of all such ops that its values meet.
    fn streams_of(&self, id: NodeId) -> Vec<NodeId> {
        let users = self.old.users();
        let (mut seen, mut streams, mut todo) = (BTreeSet::new(), BTreeSet::new(), vec![id]);
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            let node = self.old.node(id);
            let statistic = |i: &&NodeId| self.facts.statistic[i.index()];
            todo.extend(node.inputs.iter().chain(&users[id.index()]).filter(statistic));
            if matches!(node.op, Op::Conv1d(_) | Op::Matmul(_)) {
                streams.extend(node.inputs.iter().filter(|i| !statistic(i)));
            }
        }
        streams.into_iter().collect()
    }

    fn gather(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let op = Reduce { kind: ReduceKind::Sum, axes: Axes::default() };
        self.shared(&format!("{name}.gathered"), op, &[x])
    }

    /// One digit of the packed streams.
    fn digit(&mut self, id: NodeId, streams: &[NodeId], digit: usize) -> Result<NodeId> {
        let name = self.old.node(id).name.clone();
        let refuse = |message: &str| {
            let help =
                "put neurons before it: operands are spikes or small counts of one shape, made before it";
            Diagnostic::new(
                "E0310",
                format!("node `{name}`"),
                format!("has no integer form: {message}"),
                help,
            )
        };
        let new = streams.iter().map(|s| self.map[s.index()]).collect::<Option<Vec<NodeId>>>();
        let new = new.ok_or_else(|| refuse("an operand of the same layer is made later"))?;
        let shape = self.new.node(new[0]).ty.shape;
        if new.iter().any(|&x| self.new.node(x).ty.shape != shape) {
            return Err(refuse("its operands come from several layers of different shapes"));
        }
        let mut bases = vec![1i64];
        for &x in &new {
            let int = self.int(x);
            let values = if int.lo < 0 { i64::MAX } else { int.hi + 1 };
            bases.push(bases[bases.len() - 1].saturating_mul(values));
        }
        let entries = bases[new.len()];
        if entries > self.cx.options.table_entries as i64 {
            return Err(refuse("its operands come from several layers and have too many values"));
        }
        // Named after the streams, so that every op of the layer finds the same nodes.
        let names: Vec<String> = streams.iter().map(|s| self.old.node(*s).name.clone()).collect();
        let mut packed = self.scaled(new[0], 1)?;
        for (&x, &base) in new.iter().zip(&bases).skip(1) {
            let part = self.scaled(x, base)?;
            packed = self.shared(&format!("{}.packed", names[0]), Add {}, &[packed, part])?;
        }
        let packed = self.gather(&names[0], packed)?;
        let int = self.int(new[digit]);
        let values = (0..entries).map(|v| (v / bases[digit] % (int.hi + 1)) as i32).collect();
        let tensor = Tensor::int(vec![entries as usize], values, 1 + int.bits(), int.scale);
        let name = format!("{}.digit", names[digit]);
        let table = self.table(&name, tensor);
        self.shared(&name, Table { table, lo: 0, function: "digit".to_owned() }, &[packed])
    }

    /// A stream times a whole number, in units of 1.
    fn scaled(&mut self, x: NodeId, factor: i64) -> Result<NodeId> {
        let name = format!("{}.times{factor}", self.new.node(x).name);
        let unit = self.scale(x, &name)?;
        if factor == 1 && unit.to_bits() == 1f64.to_bits() {
            return Ok(x);
        }
        let channels = self.new.node(x).ty.shape.c;
        let weight = i32::try_from(factor).expect("at most as many as a table has entries");
        let bits = 1 + IntType::new(0, factor, 1.0).bits();
        let tensor = Tensor::int(vec![channels, 1, 1, 1], vec![weight; channels], bits, vec![1.0 / unit]);
        let weight = self.table(&name, tensor);
        let op = Conv2d {
            weight,
            bias: None,
            stride: [1; 2],
            padding: [0; 4],
            dilation: [1; 2],
            groups: channels,
        };
        self.shared(&name, op, &[x])
    }

    /// The value `new` of `old` as `reader` takes it: emitted, if the engine makes it and the reader is none of its ops.
    pub(super) fn given(&mut self, reader: NodeId, old: NodeId, new: NodeId) -> Result<NodeId> {
        if self.facts.statistic[reader.index()] {
            return Ok(new);
        }
        self.emitted(old, new)
    }

    /// The value `new` of `old` outside the engine.
    pub(super) fn emitted(&mut self, old: NodeId, new: NodeId) -> Result<NodeId> {
        if !self.facts.large[old.index()] {
            return Ok(new);
        }
        let name = format!("{}.emit", self.old.node(old).name);
        self.shared(&name, Emit {}, &[new])
    }

    /// The node with this op and these operands, or a new one.
    fn shared(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let op = op.into();
        let same = |id: &NodeId| self.new.node(*id).op == op && self.new.node(*id).inputs == inputs;
        match self.new.ids().find(same) {
            Some(id) => Ok(id),
            None => self.helper(name, op, inputs),
        }
    }
}
