//! From reals to integers: weights, statistics, gates, tables, neurons.
//!
//! - spikes and counts keep scale 1; pools of them keep exact sums;
//! - weights are symmetric, per output channel where every reader leads elementwise to a neuron, whose constants
//!   absorb the scale, else per tensor; layers that meet in an addition share one scale;
//! - reductions keep full sums; a statistic is requantised to `stat_bits` where it enters a layer;
//! - a sigmoid is a table over a saturated fixed-point index; gates are UQ0.g; a gated current keeps its unit
//!   (with `current_fraction_bits` more), rounded half up;
//! - a product with a stream of zeros and ones is a mask: a layer with a relu.

mod add;
pub(super) mod analysis;
mod engine;
mod mask;
mod membrane;
mod neuron;
mod radix;
mod small;
mod weights;

use super::edit::insert_tensor;
use super::Context;
use analysis::Facts;
use pulvinar_ir::op::gate::Gate;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::op::sigmoid::logistic;
use pulvinar_ir::op::table::Table;
use pulvinar_ir::{Diagnostic, Graph, IntType, Level, NodeId, Op, Result, Tensor, Type};
use std::collections::BTreeSet;

/// Largest event count assumed of an input that was not calibrated.
const ASSUMED_COUNT: i64 = 255;

/// The pass.
pub(super) fn run(graph: &Graph, cx: &Context<'_>) -> Result<Graph> {
    cx.options.check_names(graph)?;
    let mut q = Quantiser::new(graph, *cx);
    for id in graph.ids() {
        let new = q.node(id)?;
        q.map[id.index()] = Some(new);
    }
    q.new.output = q.emitted(graph.output, q.mapped(graph.output))?;
    Ok(q.finish())
}

/// The graph under construction.
struct Quantiser<'a> {
    old: &'a Graph,
    cx: Context<'a>,
    facts: Facts,
    new: Graph,
    /// New node of every old one already seen.
    map: Vec<Option<NodeId>>,
    /// Delays whose source (old id) came later.
    feedback: Vec<(NodeId, NodeId)>,
    assumptions: BTreeSet<String>,
    /// Gates: new nodes whose values are UQ0.g.
    gates: BTreeSet<NodeId>,
}

impl<'a> Quantiser<'a> {
    fn new(old: &'a Graph, cx: Context<'a>) -> Self {
        let mut new = Graph::new(&old.name, Level::Flow, old.timesteps);
        new.assumptions.clone_from(&old.assumptions);
        Quantiser {
            facts: Facts::of(old, cx.options),
            old,
            cx,
            new,
            map: vec![None; old.nodes.len()],
            feedback: Vec::new(),
            assumptions: BTreeSet::new(),
            gates: BTreeSet::new(),
        }
    }

    fn finish(mut self) -> Graph {
        for (delay, source) in std::mem::take(&mut self.feedback) {
            self.new.nodes[delay.index()].inputs = vec![self.mapped(source)];
        }
        self.new.assumptions.extend(std::mem::take(&mut self.assumptions));
        self.new
    }

    fn mapped(&self, old: NodeId) -> NodeId {
        self.map[old.index()].expect("the verifier proves topological order")
    }

    /// New operands of an old node.
    fn operands(&mut self, id: NodeId) -> Result<Vec<NodeId>> {
        let inputs = &self.old.node(id).inputs;
        inputs.iter().map(|&i| self.given(id, i, self.mapped(i))).collect()
    }

    fn int(&self, new: NodeId) -> IntType {
        self.new.node(new).ty.as_int("").expect("the quantiser builds integers only").clone()
    }

    /// The one scale of a value, or a refusal at `place`.
    fn scale(&self, new: NodeId, place: &str) -> Result<f64> {
        self.int(new).single_scale(&format!("node `{place}`"))
    }

    /// Adds a helper of `name`: the name is fresh in both graphs.
    fn helper(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let fresh = std::iter::once(name.to_owned())
            .chain((1..).map(|i| format!("{name}.{i}")))
            .find(|n| self.old.find(n).is_none() && self.new.find(n).is_none())
            .expect("there are more numbers than nodes");
        self.new.push(&fresh, op.into(), inputs)
    }

    /// Adds the counterpart of an old node under its name.
    fn counterpart(&mut self, id: NodeId, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId> {
        self.new.push(&self.old.node(id).name, op.into(), inputs)
    }

    fn node(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        match &node.op {
            Op::Input(i) => self.input(id, i),
            Op::Conv1d(_) | Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) | Op::Dense(_) => {
                self.weighted(id)
            }
            Op::Matmul(m) => self.matmul(id, m),
            Op::Add(_) => self.add(id),
            Op::Concat(_) => self.concat(id),
            Op::Mul(_) => self.product(id),
            Op::Affine(a) => self.affine(id, a.mul, a.add),
            Op::TopK(_) => self.top_k(id),
            Op::Sigmoid(_) => self.sigmoid(id),
            Op::Neuron(n) => self.neuron(id, n),
            Op::Membrane(m) => self.carry(id, m),
            Op::Radix(r) => self.radix(id, r),
            Op::Accumulate(a) => self.accumulate(id, a),
            Op::Delay(_) => self.delay(id),
            Op::Reduce(r) => self.reduction(id, r),
            Op::MaxPool(p) => self.max_pool(id, p),
            Op::AvgPool(_) | Op::Upsample(_) | Op::Flatten(_) | Op::Relu(_) | Op::Readout(_) => {
                let operands = self.operands(id)?;
                self.counterpart(id, node.op.clone(), &operands)
            }
            _ => Err(self.without_integer_form(id)),
        }
    }

    fn input(&mut self, id: NodeId, input: &Input) -> Result<NodeId> {
        let name = &self.old.node(id).name;
        let seen = self.cx.calibration.and_then(|c| c.magnitude(name).map(|m| (m.ceil() as i64, c.inputs)));
        let max = match (input.kind, seen) {
            (InputKind::Binary, _) => 1,
            (InputKind::Counts, Some((seen, inputs))) => {
                let max = (seen.clamp(1, 1 << 16) as u64 + 1).next_power_of_two() as i64 - 1;
                self.assumptions.insert(format!("input counts are at most {max}: {inputs} calibration inputs reach {seen}"));
                max
            }
            (InputKind::Counts, None) => {
                self.assumptions.insert(format!("input counts are at most {ASSUMED_COUNT}: there were no calibration inputs"));
                ASSUMED_COUNT
            }
            (InputKind::Real, _) => {
                return Err(Diagnostic::new(
                    "E0304",
                    format!("node `{name}`"),
                    "the input carries real numbers and the chip takes events",
                    "encode the input as spikes or counts (`--encode`), and declare its kind `binary` or `counts`",
                ))
            }
        };
        self.counterpart(id, Input { max, ..input.clone() }, &[])
    }

    /// Largest magnitude of an old node's values: calibrated with margin, at most what its new type proves.
    fn magnitude(&mut self, old: NodeId, new: NodeId) -> f64 {
        let name = &self.old.node(old).name;
        let int = self.int(new);
        let widest = int.scale.iter().fold(0.0, |a: f64, &s| a.max(s));
        let proven = int.lo.abs().max(int.hi.abs()) as f64 * widest;
        let margin = self.cx.options.stat_margin;
        match self.cx.calibration.and_then(|c| c.magnitude(name).map(|m| (m, c.inputs))) {
            Some((seen, inputs)) if seen > 0.0 => {
                self.assumptions.insert(format!(
                    "statistics saturate at {margin} times their range on {inputs} calibration inputs"
                ));
                proven.min(seen * margin)
            }
            Some(_) => proven,
            None => {
                self.assumptions.insert("statistics take their proven ranges, which may be wide: there were no calibration inputs".to_owned());
                proven
            }
        }
    }

    /// The value of `old`, requantised for node `reader` to `bits` bits if it has more.
    fn narrow(&mut self, old: NodeId, reader: &str, bits: u32) -> Result<NodeId> {
        let new = self.mapped(old);
        let int = self.int(new);
        if int.bits() <= bits || self.facts.is_stream(old) {
            return Ok(new);
        }
        let from = self.scale(new, reader)?;
        let top = (1i64 << (bits - 1)) - 1;
        let to = (self.magnitude(old, new) / top as f64).max(from);
        self.rescale(new, &format!("{reader}.in"), to, top)
    }

    /// Requantises a value to the scale `to`, saturating at ±`top` (or 0 and `top` if it is never negative).
    fn rescale(&mut self, new: NodeId, name: &str, to: f64, top: i64) -> Result<NodeId> {
        let from = self.scale(new, name)?;
        let lo = if self.int(new).lo >= 0 { 0 } else { -top };
        self.helper(name, Requantise::between(from, to, lo, top), &[new])
    }

    /// Operands of a concatenation on one scale.
    fn concat(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let (name, sources) = (node.name.clone(), node.inputs.clone());
        let mut operands = self.operands(id)?;
        let scales: Vec<Vec<f64>> = operands.iter().map(|&n| self.int(n).scale).collect();
        if scales.iter().any(|s| !add::close(s, &scales[0])) {
            let top = (1i64 << (self.cx.options.stat_bits_of(&name) - 1)) - 1;
            let ranges: Vec<f64> =
                sources.iter().zip(&operands).map(|(&o, &n)| self.magnitude(o, n)).collect();
            let to = ranges.iter().fold(0.0, |a: f64, &r| a.max(r)) / top as f64;
            for (i, operand) in operands.iter_mut().enumerate() {
                *operand =
                    self.rescale(*operand, &format!("{name}.in{i}"), if to > 0.0 { to } else { 1.0 }, top)?;
            }
        }
        self.counterpart(id, node.op.clone(), &operands)
    }

    /// Fraction bits of a gate (UQ0.g) or 0/1 mask.
    fn gate_bits(&self, new: NodeId) -> Option<u32> {
        let int = self.int(new);
        if int.is_binary() && int.scale == [1.0] {
            return Some(0);
        }
        self.gates.contains(&new).then(|| -int.scale[0].log2().round() as u32)
    }

    /// A product: of two gates, of a value and a gate, or of two values.
    fn mul(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let [a, b] = [self.mapped(node.inputs[0]), self.mapped(node.inputs[1])];
        let shift = match (self.gate_bits(a), self.gate_bits(b)) {
            (Some(g), Some(h)) => {
                let drop = (g + h).saturating_sub(self.cx.options.gate_product_bits);
                let new = self.counterpart(id, Gate { shift: drop }, &[a, b])?;
                self.gates.insert(new);
                return Ok(new);
            }
            (None, Some(g)) => (node.inputs[0], b, g),
            (Some(g), None) => (node.inputs[1], a, g),
            (None, None) => {
                let bits = self.cx.options.stat_bits_of(&node.name);
                let a = self.narrow(node.inputs[0], &node.name, bits)?;
                let b = self.narrow(node.inputs[1], &node.name, bits)?;
                return self.counterpart(id, Gate { shift: 0 }, &[a, b]);
            }
        };
        let (old, gate, g) = shift;
        let value = self.mapped(old);
        let extra = if self.facts.is_stream(old) || self.facts.large[id.index()] {
            // Counts and small sums of them have no fraction: they keep all of the gate's.
            g
        } else if self.facts.first_gate(self.old, id) {
            self.cx.options.current_fraction_bits.min(g)
        } else {
            0
        };
        self.counterpart(id, Gate { shift: g - extra }, &[value, gate])
    }

    /// Requantise to an index, then look the gate up.
    fn sigmoid(&mut self, id: NodeId) -> Result<NodeId> {
        let name = self.old.node(id).name.clone();
        let (entries, range) = (self.cx.options.table_entries as i64, self.cx.options.table_range);
        let bits = self.cx.options.gate_bits_of(&name);
        let (unit, lo, one) = (2.0 * range / entries as f64, -entries / 2, f64::from(bits).exp2());
        let x = self.mapped(self.old.node(id).inputs[0]);
        let from = self.scale(x, &name)?;
        let index =
            self.helper(&format!("{name}.index"), Requantise::between(from, unit, lo, -lo - 1), &[x])?;
        let entry = |i: i64| (logistic(i as f64 * unit) * one).round().min(one - 1.0) as i32;
        let values: Vec<i32> = (lo..-lo).map(entry).collect();
        let tensor = Tensor::int(vec![values.len()], values, bits, vec![1.0 / one]);
        let table = self.table(&format!("sigmoid.{bits}"), tensor);
        let new = self.counterpart(id, Table { table, lo, function: "sigmoid".to_owned() }, &[index])?;
        self.gates.insert(new);
        Ok(new)
    }

    /// The tensor's name; equal tensors of one base are stored once.
    fn table(&mut self, base: &str, tensor: Tensor) -> String {
        match self.new.tensors.get(base) {
            Some(t) if *t == tensor => base.to_owned(),
            _ => insert_tensor(&mut self.new, base, tensor),
        }
    }

    /// One step of delay; feedback may carry spikes, whose type is known before their neuron is, or a membrane.
    fn delay(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let source = node.inputs[0];
        if self.map[source.index()].is_some() {
            let operands = self.operands(id)?;
            return self.counterpart(id, node.op.clone(), &operands);
        }
        if let Op::Membrane(membrane) = &self.old.node(source).op {
            return self.carried(id, source, membrane);
        }
        let spikes = match &self.old.node(source).op {
            Op::Neuron(n) => n.spike_unit().map(|unit| (n.emitted(), unit)),
            _ => None,
        };
        let Some(([lo, hi], unit)) = spikes else {
            return Err(Diagnostic::new(
                "E0305",
                format!("node `{}`", node.name),
                "feedback carries a value whose integer range depends on itself",
                "delay the spikes of a neuron, not a current",
            ));
        };
        let ty = Type::int(IntType::new(lo, hi, unit), node.ty.shape);
        let new = self.new.push_typed(&node.name, node.op.clone(), &[], ty);
        self.feedback.push((new, source));
        Ok(new)
    }
}
