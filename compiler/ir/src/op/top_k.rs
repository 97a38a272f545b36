//! `y = 1` where x is among the k largest along one axis, else 0; of equal values the lowest index comes first.
//! Along t it is not causal.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Axis, IntType, Shape, Type};
use crate::tensor::Value;
use std::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// Attributes of `top_k`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopK {
    /// Axis along which values compete.
    pub axis: Axis,
    /// How many win, 0 to the size of the axis.
    pub k: usize,
}

impl TopK {
    /// Who is among the k first of its line in an order of indices.
    fn winners(&self, shape: Shape, order: impl Fn(usize, usize) -> Ordering) -> Vec<bool> {
        let dims = shape.dims();
        let axis = self.axis as usize;
        let stride: usize = dims[axis + 1..].iter().product();
        let mut won = vec![false; shape.len()];
        for first in (0..won.len()).filter(|i| i / stride % dims[axis] == 0) {
            let mut line: Vec<usize> = (0..dims[axis]).map(|i| first + i * stride).collect();
            line.sort_by(|&a, &b| order(a, b)); // stable
            line[..self.k].iter().for_each(|&i| won[i] = true);
        }
        won
    }
}

impl OpRule for TopK {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let size = x.shape.dims()[self.axis as usize];
        if self.k > size {
            return Err(cx.refuse(
                format!("{} of {size} values cannot be chosen", self.k),
                "choose at most as many as the axis has",
            ));
        }
        cx.int_or_real(x.shape, || Ok(IntType::new(0, 1, 1.0)))
    }

    fn look_ahead(&self, x: Shape) -> usize {
        if self.axis == Axis::T { x.t - 1 } else { 0 }
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        if cx.is_real() {
            // + 0.0 makes −0 equal to 0.
            let v = x.reals();
            let won = self.winners(x.shape, |a, b| (v[b] + 0.0).total_cmp(&(v[a] + 0.0)));
            Value::real(x.shape, won.into_iter().map(|w| f64::from(u8::from(w))).collect())
        } else {
            let v = x.ints();
            let won = self.winners(x.shape, |a, b| v[b].cmp(&v[a]));
            Value::int(x.shape, won.into_iter().map(i64::from).collect())
        }
    }
}
