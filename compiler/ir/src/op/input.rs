//! The network's input stream.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// What the input carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// 0 or 1.
    Binary,
    /// Event counts, 0 or more.
    Counts,
    /// Real numbers.
    Real,
}

/// Attributes of `input`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Sizes of one timestep: channels, rows, columns.
    pub shape: [usize; 3],
    /// What the stream carries.
    pub kind: InputKind,
    /// Largest value of an integer stream (level flow); 0 at level trained.
    pub max: i64,
}

impl OpRule for Input {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.operands::<0>()?;
        let [c, h, w] = self.shape;
        let shape = Shape::new(cx.timesteps, c, h, w);
        if shape.bounded_len().is_none() || shape.dims().iter().any(|&d| d > 1 << 20) {
            return Err(cx.refuse(format!("input shape {shape} is empty or absurdly large"), "give every axis a size of at least 1"));
        }
        cx.int_or_real(shape, || {
            if self.max < 1 {
                return Err(cx.refuse("an integer input needs a largest value of at least 1", "calibrate on sample inputs"));
            }
            Ok(IntType::new(0, self.max, 1.0))
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.inputs[0].clone()
    }
}
