//! `y = mul · x + add` with two constants.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `affine`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Factor.
    pub mul: f64,
    /// Summand.
    pub add: f64,
}

impl OpRule for Affine {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        if !(self.mul.is_finite() && self.add.is_finite()) {
            return Err(cx.refuse("a constant is not finite", "export the model again"));
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.map(|v| self.mul * v + self.add, |v| v)
    }
}
