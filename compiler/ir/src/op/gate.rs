//! `y = round_half_up(a · b / 2^shift)`, size-1 axes broadcast; one rounding, no saturation.
//!
//! A gate is UQ0.g: an unsigned integer of g bits with scale 2^−g. The result keeps the scale
//! `scale(a) · scale(b) · 2^shift`, so gating a current by a UQ0.g gate with shift g leaves its unit alone.

use super::{round_shift, EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `gate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Bits dropped after the product.
    pub shift: u32,
}

impl OpRule for Gate {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [a, b] = cx.operands()?;
        let shape = a.shape.broadcast(b.shape).ok_or_else(|| {
            cx.refuse(format!("shapes {} and {} do not gate", a.shape, b.shape), "every axis must agree or be 1")
        })?;
        if self.shift > 32 {
            return Err(cx.refuse("a gate shift above 32 leaves nothing", "use at most 16 gate bits"));
        }
        cx.int_or_real(shape, || {
            let (a, b) = (a.as_int(cx.name)?, b.as_int(cx.name)?);
            if a.bits() + b.bits() > 60 {
                return Err(cx.refuse("the product is wider than 60 bits", "requantise an operand first"));
            }
            let corners = [a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi].map(|v| round_shift(v, self.shift));
            let b_scale = b.single_scale(cx.name)?;
            let unit = b_scale * f64::from(self.shift).exp2();
            Ok(IntType {
                lo: corners.into_iter().min().unwrap_or(0),
                hi: corners.into_iter().max().unwrap_or(0),
                scale: a.scale.iter().map(|s| s * unit).collect(),
            })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.zip(|a, b| a * b, |a, b| round_shift(a * b, self.shift))
    }
}
