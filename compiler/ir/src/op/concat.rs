//! Concatenation along the channels.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `concat`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concat {}

impl OpRule for Concat {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let Some(first) = cx.inputs.first() else {
            return Err(cx.refuse("there is nothing to concatenate", "give at least one input"));
        };
        let mut shape = first.shape;
        shape.c = cx.inputs.iter().map(|x| x.shape.c).sum();
        if cx.inputs.iter().any(|x| (x.shape.t, x.shape.h, x.shape.w) != (shape.t, shape.h, shape.w)) {
            return Err(cx.refuse("the inputs differ in time, rows or columns", "bring them to one size first"));
        }
        cx.int_or_real(shape, || {
            let ints = cx.inputs.iter().map(|x| x.as_int(cx.name)).collect::<Result<Vec<_>>>()?;
            let lo = ints.iter().map(|i| i.lo).min().unwrap_or(0);
            let hi = ints.iter().map(|i| i.hi).max().unwrap_or(0);
            if ints.iter().all(|i| i.scale.len() == 1 && i.scale == ints[0].scale) {
                return Ok(IntType { lo, hi, scale: ints[0].scale.clone() });
            }
            let scale: Vec<f64> = cx.inputs.iter().zip(&ints).flat_map(|(x, i)| (0..x.shape.c).map(|c| i.scale_of(c))).collect();
            let same = scale.iter().all(|s| (s - scale[0]).abs() <= 1e-9 * scale[0].abs());
            Ok(IntType { lo, hi, scale: if same { vec![scale[0]] } else { scale } })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let shape = cx.ty.shape;
        if cx.is_real() {
            let mut y = Vec::with_capacity(shape.len());
            (0..shape.t).for_each(|t| cx.inputs.iter().for_each(|x| y.extend_from_slice(step(x.reals(), t, x.shape.step_len()))));
            Value::real(shape, y)
        } else {
            let mut y = Vec::with_capacity(shape.len());
            (0..shape.t).for_each(|t| cx.inputs.iter().for_each(|x| y.extend_from_slice(step(x.ints(), t, x.shape.step_len()))));
            Value::int(shape, y)
        }
    }
}

fn step<T>(v: &[T], t: usize, n: usize) -> &[T] {
    &v[t * n..(t + 1) * n]
}
