//! Convolution along one of the axes t and c that mixes the other, one position at a time. Along t, with stride 1:
//!
//! ```text
//! y[p, o] = b[o] + Σ_{i,k} w[o, i, k] · x[p + k − before, g(o) + i],   g(o) the first channel of o's group
//! ```
//!
//! and along c the same with the roles of t and c exchanged. Outside the sequence x is 0. Along t it is causal only
//! if no tap looks ahead (`after` = 0); along c it mixes all timesteps of a group.
//!
//! On the chip it is an operation of the attention engine: what it reads is gathered before its first result.

use super::conv2d::linear_range;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::op::window::same_padding;
use crate::shape::{Axis, Shape, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// Attributes of `conv1d`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// Weights `[out, in / groups, k]` over the mixed axis.
    pub weight: String,
    /// Bias `[out]`.
    pub bias: Option<String>,
    /// Axis the kernel slides along, t or c; the other one is mixed.
    pub axis: Axis,
    /// Zeros before and after the axis.
    pub padding: [usize; 2],
    /// Groups of the mixed axis; as many as its size for a depthwise convolution.
    pub groups: usize,
}

impl Conv1d {
    /// A convolution of one group by a kernel of `k` taps whose result is as long as its input.
    pub fn same(weight: &str, axis: Axis, k: usize) -> Self {
        let (before, after) = same_padding(k);
        Conv1d { weight: weight.to_owned(), bias: None, axis, padding: [before, after], groups: 1 }
    }

    /// Sizes of the axis the kernel slides along and of the mixed one.
    fn sizes(&self, shape: Shape) -> (usize, usize) {
        if self.axis == Axis::T { (shape.t, shape.c) } else { (shape.c, shape.t) }
    }

    /// Row of the weights of the output at a place, and the terms of its sum: index of the weight, index in x.
    fn terms(
        &self,
        from: Shape,
        weight: &Tensor,
        (t, c, h, w): (usize, usize, usize, usize),
    ) -> (usize, impl Iterator<Item = (usize, usize)> + '_) {
        let (outputs, inputs, k) = (weight.shape[0], weight.shape[1], weight.shape[2]);
        let (length, _) = self.sizes(from);
        let (place, o) = if self.axis == Axis::T { (t, c) } else { (c, t) };
        let first = o / (outputs / self.groups) * inputs;
        let inside = move |tap: &usize| (self.padding[0]..self.padding[0] + length).contains(&(place + tap));
        let terms = (0..k).filter(inside).flat_map(move |tap| {
            (0..inputs).map(move |i| {
                let (t, c) = self.at(place + tap - self.padding[0], first + i);
                ((o * inputs + i) * k + tap, from.index(t, c, h, w))
            })
        });
        (o, terms)
    }

    /// t and c of a place along the axis and a row of the mixed one.
    fn at(&self, place: usize, row: usize) -> (usize, usize) {
        if self.axis == Axis::T { (place, row) } else { (row, place) }
    }
}

impl OpRule for Conv1d {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        if !matches!(self.axis, Axis::T | Axis::C) {
            return Err(cx.refuse("conv1d slides along t or c only", "use conv2d for rows and columns"));
        }
        let (length, mixed) = self.sizes(x.shape);
        let weight = cx.tensor(&self.weight, &[None; 3])?;
        let [outputs, inputs, k] = [weight.shape[0], weight.shape[1], weight.shape[2]];
        if self.groups == 0
            || outputs == 0
            || inputs.checked_mul(self.groups) != Some(mixed)
            || outputs % self.groups != 0
        {
            return Err(cx.refuse(
                format!("weights {:?} in {} group(s) do not fit {mixed} inputs", weight.shape, self.groups),
                "check the size of the mixed axis and the group count",
            ));
        }
        let bias = self.bias.as_deref().map(|b| cx.tensor(b, &[Some(outputs)])).transpose()?;
        if k == 0 || self.padding.iter().any(|&p| p > 1 << 16) {
            return Err(cx.refuse(
                "the kernel is empty or the padding absurdly large",
                "give at least one tap and at most 65536 zeros at either end",
            ));
        }
        let padded = length + self.padding[0] + self.padding[1];
        if padded < k {
            return Err(cx.refuse(
                format!("{k} taps are more than the {padded} padded places"),
                "use a smaller kernel or more padding",
            ));
        }
        let (t, c) = self.at(padded - k + 1, outputs);
        cx.int_or_real(Shape { t, c, ..x.shape }, || {
            let range = linear_range(cx, weight, bias, x.as_int(cx.name)?)?;
            if range.scale.len() > 1 {
                return Err(cx.refuse("conv1d needs one weight scale", "quantise this tensor per tensor"));
            }
            Ok(range)
        })
    }

    fn look_ahead(&self, x: Shape) -> usize {
        // Along t as many as there are taps after the step's own: the zeros behind the sequence, if it keeps its length.
        let taps = if self.axis == Axis::T { self.padding[1] } else { x.t };
        taps.min(x.t - 1)
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, weight, shape) = (cx.inputs[0], cx.tensor(&self.weight), cx.ty.shape);
        let bias = self.bias.as_deref().map(|b| cx.tensor(b));
        let sums = shape.coords().map(|at| self.terms(x.shape, weight, at));
        if cx.is_real() {
            let w = weight.as_real().expect("level trained");
            let b = bias.and_then(Tensor::as_real);
            let y = sums.map(|(o, terms)| {
                let start = b.map_or(0.0, |b| f64::from(b[o]));
                terms.fold(start, |a, (i, source)| a + f64::from(w[i]) * x.reals()[source])
            });
            Value::real(shape, y.collect())
        } else {
            let w = weight.as_int().expect("level flow");
            let b = bias.and_then(Tensor::as_int);
            let y = sums.map(|(o, terms)| {
                let start = b.map_or(0, |b| i64::from(b[o]));
                terms.fold(start, |a, (i, source)| a + i64::from(w[i]) * x.ints()[source])
            });
            Value::int(shape, y.collect())
        }
    }

    fn tensors(&self) -> Vec<&str> {
        std::iter::once(self.weight.as_str()).chain(self.bias.as_deref()).collect()
    }
}
