//! `[T,C,H,W] → [T,C·H·W,1,1]`, row-major c, h, w.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Elem, IntType, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `flatten`: none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl OpRule for Flatten {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let elem = match &x.elem {
            Elem::Real => Elem::Real,
            Elem::Int(i) if i.scale.len() == 1 => Elem::Int(i.clone()),
            Elem::Int(i) => {
                let plane = x.shape.h * x.shape.w;
                let scale = (0..x.shape.step_len()).map(|k| i.scale[k / plane]).collect();
                Elem::Int(IntType { lo: i.lo, hi: i.hi, scale })
            }
        };
        Ok(Type { elem, shape: Shape::new(x.shape.t, x.shape.step_len(), 1, 1) })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        Value { shape: cx.ty.shape, data: cx.inputs[0].data.clone() }
    }
}
