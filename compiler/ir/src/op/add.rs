//! `y = a + b`, shapes equal; in integers both scales must be equal.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `add`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {}

impl OpRule for Add {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [a, b] = cx.operands()?;
        let shape = a.shape.broadcast(b.shape).ok_or_else(|| {
            cx.refuse(format!("shapes {} and {} do not add", a.shape, b.shape), "make both branches the same shape")
        })?;
        cx.int_or_real(shape, || {
            let (a, b) = (a.as_int(cx.name)?, b.as_int(cx.name)?);
            let close = |(x, y): (&f64, &f64)| (x - y).abs() <= 1e-9 * x.abs().max(y.abs());
            if a.scale.len() != b.scale.len() || !a.scale.iter().zip(&b.scale).all(close) {
                return Err(cx.refuse("the operands of an addition have different scales", "requantise one of them first"));
            }
            Ok(IntType { lo: a.lo + b.lo, hi: a.hi + b.hi, scale: a.scale.clone() })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.zip(|a, b| a + b, |a, b| a + b)
    }
}
