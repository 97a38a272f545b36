//! `y = max(0, x)`.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `relu`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relu {}

impl OpRule for Relu {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        cx.int_or_real(x.shape, || {
            let x = x.as_int(cx.name)?;
            Ok(IntType { lo: x.lo.max(0), hi: x.hi.max(0), scale: x.scale.clone() })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.map(|v| v.max(0.0), |v| v.max(0))
    }
}
