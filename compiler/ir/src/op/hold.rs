//! `y[t] = x[0]`: a value that never changes, remembered.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `hold`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {}

/// Elements of the first timestep.
pub(super) fn first_step(x: &Value) -> &[i64] {
    &x.ints()[..x.shape.step_len()]
}

impl OpRule for Hold {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        Value::int(x.shape, first_step(x).repeat(x.shape.t))
    }
}
