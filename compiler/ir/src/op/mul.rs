//! `y = a · b`, size-1 axes broadcast.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `mul`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mul {}

impl OpRule for Mul {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [a, b] = cx.operands()?;
        let shape = a.shape.broadcast(b.shape).ok_or_else(|| {
            cx.refuse(format!("shapes {} and {} do not multiply", a.shape, b.shape), "every axis must agree or be 1")
        })?;
        Ok(Type::real(shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.zip(|a, b| a * b, |a, b| a * b)
    }
}
