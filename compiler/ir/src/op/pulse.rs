//! `y[0] = x[0]`, zero from then on: a value that never changes, told once.

use super::hold::first_step;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{Elem, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `pulse`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulse {}

impl OpRule for Pulse {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        let mut ty = x.clone();
        if let Elem::Int(i) = &mut ty.elem {
            (i.lo, i.hi) = (i.lo.min(0), i.hi.max(0));
        }
        Ok(ty)
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let mut data = first_step(x).to_vec();
        data.resize(x.shape.len(), 0);
        Value::int(x.shape, data)
    }
}
