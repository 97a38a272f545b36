//! `y[.., o, ..] = b[o] + Σ_i w[o,i] · x[.., i, ..]` along one axis: the small layers of attention.

use super::conv2d::linear_range;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Axis, Shape, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// Attributes of `dense`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Weights `[out, in]`.
    pub weight: String,
    /// Bias `[out]`.
    pub bias: Option<String>,
    /// Axis the map runs along: t or c.
    pub axis: Axis,
}

impl Dense {
    fn size(&self, shape: Shape) -> usize {
        if self.axis == Axis::T { shape.t } else { shape.c }
    }
}

impl OpRule for Dense {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        if !matches!(self.axis, Axis::T | Axis::C) {
            return Err(cx.refuse("dense runs along t or c only", "use conv2d for rows and columns"));
        }
        let weight = cx.tensor(&self.weight, &[None, Some(self.size(x.shape))])?;
        let bias = self.bias.as_deref().map(|b| cx.tensor(b, &[Some(weight.shape[0])])).transpose()?;
        if weight.shape[0] == 0 {
            return Err(cx.refuse("the weights have no rows", "give the layer at least one output"));
        }
        let mut shape = x.shape;
        *(if self.axis == Axis::T { &mut shape.t } else { &mut shape.c }) = weight.shape[0];
        cx.int_or_real(shape, || {
            let mut range = linear_range(cx, weight, bias, x.as_int(cx.name)?)?;
            if range.scale.len() > 1 && self.axis == Axis::T {
                return Err(cx.refuse("a map over time needs one weight scale", "quantise this tensor per tensor"));
            }
            if range.scale.len() != 1 && range.scale.len() != shape.c {
                range.scale.truncate(1);
            }
            Ok(range)
        })
    }

    fn look_ahead(&self, x: Shape) -> usize {
        if self.axis == Axis::T { x.t - 1 } else { 0 }
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, weight) = (cx.inputs[0], cx.tensor(&self.weight));
        let bias = self.bias.as_deref().map(|b| cx.tensor(b));
        let shape = cx.ty.shape;
        let n = self.size(x.shape);
        let source = |o: (usize, usize, usize, usize), i: usize| match self.axis {
            Axis::T => x.shape.index(i, o.1, o.2, o.3),
            _ => x.shape.index(o.0, i, o.2, o.3),
        };
        let row = |o: (usize, usize, usize, usize)| if self.axis == Axis::T { o.0 } else { o.1 };
        if cx.is_real() {
            let w = weight.as_real().expect("level trained");
            let b = bias.and_then(Tensor::as_real);
            let y = shape.coords().map(|o| {
                let start = b.map_or(0.0, |b| f64::from(b[row(o)]));
                (0..n).fold(start, |a, i| a + f64::from(w[row(o) * n + i]) * x.reals()[source(o, i)])
            });
            Value::real(shape, y.collect())
        } else {
            let w = weight.as_int().expect("level flow");
            let b = bias.and_then(Tensor::as_int);
            let y = shape.coords().map(|o| {
                let start = b.map_or(0, |b| i64::from(b[row(o)]));
                (0..n).fold(start, |a, i| a + i64::from(w[row(o) * n + i]) * x.ints()[source(o, i)])
            });
            Value::int(shape, y.collect())
        }
    }

    fn tensors(&self) -> Vec<&str> {
        std::iter::once(self.weight.as_str()).chain(self.bias.as_deref()).collect()
    }
}
