//! `y = x`: a value of the attention engine leaves it, as large as the layer's own.
//!
//! What the engine makes gates currents and goes no further. An `emit` is read out of the gate memory by the layer's last
//! sweep instead, and its non-zero values are the layer's events.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `emit`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emit {}

impl OpRule for Emit {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.inputs[0].clone()
    }
}
