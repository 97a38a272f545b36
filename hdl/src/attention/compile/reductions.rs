//! Operations with a reduction: layers, products, folds and rankings.

use super::super::operation::{Affine, Kind, Operation};
use super::{broadcast, signed_bits, sizes, Compiler};
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::matmul::{Matmul, Over};
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::top_k::TopK;
use pulvinar_ir::{Axis, NodeId, Result};

impl Compiler<'_> {
    pub(super) fn dense(&mut self, d: &Dense, id: NodeId) -> Operation {
        let input = self.graph.node(id).inputs[0];
        let (s, out) = (self.shape(input), self.shape(id));
        let mut x = broadcast(self.place_of(id, 0), s);
        let (digit, n, stride) = if d.axis == Axis::T { (4, s.t, s.step_len()) } else { (2, s.c, s.h * s.w) };
        x.outputs[digit] = 0;
        x.folds[0] = stride as i64;
        let mut operation = Operation::new(Kind::Mac, sizes(out), x);
        operation.folds[0] = n;
        let mut channel = [0; 5];
        channel[digit] = 1;
        self.load(&mut operation, &d.weight, d.bias.as_deref(), channel);
        operation
    }

    pub(super) fn conv2d(&mut self, c: &Conv2d, id: NodeId) -> Operation {
        let input = self.graph.node(id).inputs[0];
        let (s, out) = (self.shape(input), self.shape(id));
        let weight = &self.graph.tensors[&c.weight].shape;
        let (group_inputs, kernel) = (weight[1], [weight[2], weight[3]]);
        let [stride_h, stride_w] = c.stride.map(|v| v as i64);
        let [dilation_h, dilation_w] = c.dilation.map(|v| v as i64);
        let (top, left) = (c.padding[0] as i64, c.padding[2] as i64);
        let (width, plane) = (s.w as i64, (s.h * s.w) as i64);
        let x = Affine {
            base: self.place_of(id, 0) as i64 - top * width - left,
            outputs: [stride_w, stride_h * width, 0, group_inputs as i64 * plane, s.step_len() as i64],
            folds: [dilation_w, dilation_h * width, plane, 0],
        };
        let group_outputs = out.c / c.groups;
        let mut operation = Operation::new(Kind::Mac, [out.w, out.h, group_outputs, c.groups, out.t], x);
        operation.folds = [kernel[1], kernel[0], group_inputs, 1];
        let row = Affine { base: -top, outputs: [0, stride_h, 0, 0, 0], folds: [0, dilation_h, 0, 0] };
        let column = Affine { base: -left, outputs: [stride_w, 0, 0, 0, 0], folds: [dilation_w, 0, 0, 0] };
        (operation.row, operation.column) = ((row, s.h), (column, s.w));
        self.load(&mut operation, &c.weight, c.bias.as_deref(), [0, 0, 1, group_outputs as i64, 0]);
        operation
    }

    pub(super) fn reduce(&mut self, r: &Reduce, id: NodeId) -> Operation {
        let input = self.graph.node(id).inputs[0];
        let (s, out) = (self.shape(input), self.shape(id));
        let mut x = broadcast(self.place_of(id, 0), s);
        let folded = [(s.w, out.w), (s.h, out.h), (s.c, out.c), (s.t, out.t)];
        x.folds = [x.outputs[0], x.outputs[1], x.outputs[2], x.outputs[4]];
        let kind = if r.kind == ReduceKind::Max { Kind::Max } else { Kind::Sum };
        let mut operation = Operation::new(kind, sizes(out), x);
        operation.folds = folded.map(|(from, to)| from / to);
        operation
    }

    pub(super) fn conv1d(&mut self, c: &Conv1d, id: NodeId) -> Operation {
        let input = self.graph.node(id).inputs[0];
        let (s, out) = (self.shape(input), self.shape(id));
        let weight = &self.graph.tensors[&c.weight].shape;
        let (group_outputs, group_inputs, taps) = (weight[0] / c.groups, weight[1], weight[2]);
        let (base, before) = (self.place_of(id, 0) as i64, c.padding[0] as i64);
        let [step, plane, row] = [s.step_len(), s.h * s.w, s.w].map(|n| n as i64);
        let per_group = group_inputs as i64;
        // Digits 3 and 4 of the outputs are the group and the step, or the output of the group and the group.
        let (size, along, mixed, length, place, channel) = if c.axis == Axis::T {
            let size = [out.w, out.h, group_outputs, c.groups, out.t];
            (size, step, plane, self.steps_of(id, input), 4, [0, 0, 1, group_outputs as i64, 0])
        } else {
            let size = [out.w, out.h, out.c, group_outputs, c.groups];
            (size, plane, step, s.c, 2, [0, 0, 0, 1, group_outputs as i64])
        };
        let mut x =
            Affine { base: base - before * along, outputs: [1, row, 0, 0, 0], folds: [along, mixed, 0, 0] };
        x.outputs[place] = along;
        x.outputs[if c.axis == Axis::T { 3 } else { 4 }] = per_group * mixed;
        let mut operation = Operation::new(Kind::Mac, size, x);
        operation.folds = [taps, group_inputs, 1, 1];
        let mut inside = Affine { base: -before, outputs: [0; 5], folds: [1, 0, 0, 0] };
        inside.outputs[place] = 1;
        operation.row = (inside, length);
        self.load(&mut operation, &c.weight, c.bias.as_deref(), channel);
        operation
    }

    /// The narrower factor goes to the narrow port of the multiplier.
    pub(super) fn matmul(&mut self, m: &Matmul, id: NodeId) -> Result<Operation> {
        let inputs = &self.graph.node(id).inputs;
        let (a, b, out) = (self.shape(inputs[0]), self.shape(inputs[1]), self.shape(id));
        let [d, e] = [a.c / m.heads, b.c / m.heads];
        let [plane_a, plane_b] = [a.h * a.w, b.h * b.w].map(|n| n as i64);
        let [step_a, step_b] = [a, b].map(|s| s.step_len() as i64);
        let (size, xa, xb) = match m.over {
            Over::Tokens => (
                [1, e, d, m.heads, out.t],
                ([0, 0, plane_a, d as i64 * plane_a, step_a], 1),
                ([0, plane_b, 0, e as i64 * plane_b, step_b], 1),
            ),
            Over::Channels => (
                [out.w, out.h, b.h * b.w, m.heads, out.t],
                ([1, out.w as i64, 0, d as i64 * plane_a, step_a], plane_a),
                ([0, 0, 1, d as i64 * plane_b, step_b], plane_b),
            ),
        };
        let affine = |i: usize, (outputs, fold): ([i64; 5], i64)| Affine {
            base: self.place_of(id, i) as i64,
            outputs,
            folds: [fold, 0, 0, 0],
        };
        let (mut x, mut y) = (affine(0, xa), affine(1, xb));
        let [mut wide, mut narrow] = [self.bits(inputs[0])?, self.bits(inputs[1])?];
        if narrow > wide {
            (x, y, wide, narrow) = (y, x, narrow, wide);
        }
        (self.width, self.factor_bits) = (self.width.max(wide), self.factor_bits.max(narrow));
        let mut operation = Operation { y, ..Operation::new(Kind::Product, size, x) };
        operation.folds[0] = m.terms(a);
        Ok(operation)
    }

    /// Every value against every one of its line, which y walks; what comes before x has a smaller index.
    pub(super) fn top_k(&mut self, top: &TopK, id: NodeId) -> Operation {
        let input = self.graph.node(id).inputs[0];
        let s = self.shape(input);
        let x = broadcast(self.place_of(id, 0), s);
        let digit = [4, 2, 1, 0][top.axis as usize];
        let n = s.dims()[top.axis as usize];
        let mut y = x;
        y.outputs[digit] = 0;
        y.folds[0] = x.outputs[digit];
        let mut before = Affine { base: -1, outputs: [0; 5], folds: [-1, 0, 0, 0] };
        before.outputs[digit] = 1;
        let mut operation = Operation { y, ..Operation::new(Kind::Rank, sizes(s), x) };
        operation.folds[0] = n;
        operation.row = (before, n);
        operation.limits = [0, top.k as i64];
        self.width = self.width.max(signed_bits([n as i64]));
        operation
    }
}
