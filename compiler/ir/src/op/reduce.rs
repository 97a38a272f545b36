//! Mean, sum or maximum over a set of axes; reduced axes keep size 1.
//!
//! In integers a mean is the full sum; the division is in the scale, so nothing is rounded.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Axes, Axis, IntType, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// What is kept of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReduceKind {
    /// Arithmetic mean.
    Mean,
    /// Sum.
    Sum,
    /// Maximum.
    Max,
}

/// Attributes of `reduce`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reduce {
    /// What is kept.
    pub kind: ReduceKind,
    /// Axes that go.
    pub axes: Axes,
}

impl OpRule for Reduce {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let shape = x.shape.reduced(self.axes);
        let n = (x.shape.len() / shape.len()) as i64;
        cx.int_or_real(shape, || {
            let x = x.as_int(cx.name)?;
            let scale = if shape.c == 1 && x.scale.len() > 1 { vec![x.single_scale(cx.name)?] } else { x.scale.clone() };
            Ok(match self.kind {
                ReduceKind::Max => IntType { lo: x.lo, hi: x.hi, scale },
                ReduceKind::Sum => IntType { lo: x.lo.saturating_mul(n), hi: x.hi.saturating_mul(n), scale },
                ReduceKind::Mean => IntType { lo: x.lo.saturating_mul(n), hi: x.hi.saturating_mul(n), scale: scale.iter().map(|s| s / n as f64).collect() },
            })
        })
    }

    fn look_ahead(&self, x: Shape) -> usize {
        if self.axes.has(Axis::T) { x.t - 1 } else { 0 }
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        let max = self.kind == ReduceKind::Max;
        if cx.is_real() {
            let mut y = vec![if max { f64::NEG_INFINITY } else { 0.0 }; shape.len()];
            fold(x.shape, shape, x.reals(), &mut y, |a, v| if max { a.max(v) } else { a + v });
            if self.kind == ReduceKind::Mean {
                let n = (x.shape.len() / shape.len()) as f64;
                y.iter_mut().for_each(|v| *v /= n);
            }
            Value::real(shape, y)
        } else {
            let mut y = vec![if max { i64::MIN } else { 0 }; shape.len()];
            fold(x.shape, shape, x.ints(), &mut y, |a, v| if max { a.max(v) } else { a + v });
            Value::int(shape, y)
        }
    }
}

fn fold<T: Copy>(from: Shape, to: Shape, x: &[T], y: &mut [T], step: impl Fn(T, T) -> T) {
    for (row, x) in from.rows().zip(x.chunks_exact(from.w)) {
        let (i, di) = to.broadcast_row(row);
        for (w, &v) in x.iter().enumerate() {
            let at = i + w * di;
            y[at] = step(y[at], v);
        }
    }
}
