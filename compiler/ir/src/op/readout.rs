//! What the host makes of the last layer over time: mean, sum, or the value of the last step. In integers a mean is the sum
//! and divides in the scale.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Shape, Type};
use crate::tensor::{Data, Value};
use serde::{Deserialize, Serialize};

/// What the host makes of the output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadoutKind {
    /// Mean over t.
    Mean,
    /// Sum over t.
    Sum,
    /// Value at the last t.
    Last,
}

/// Attributes of `readout`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readout {
    /// Mean, sum or last value.
    pub kind: ReadoutKind,
}

impl OpRule for Readout {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let n = x.shape.t as i64;
        let shape = Shape::new(1, x.shape.c, x.shape.h, x.shape.w);
        cx.int_or_real(shape, || {
            let x = x.as_int(cx.name)?;
            if self.kind == ReadoutKind::Last {
                return Ok(x.clone());
            }
            let unit = if self.kind == ReadoutKind::Mean { n as f64 } else { 1.0 };
            Ok(IntType { lo: x.lo.saturating_mul(n), hi: x.hi.saturating_mul(n), scale: x.scale.iter().map(|s| s / unit).collect() })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        let n = shape.len();
        if self.kind == ReadoutKind::Last {
            let first = x.shape.len() - n;
            return match &x.data {
                Data::Real(v) => Value::real(shape, v[first..].to_vec()),
                Data::Int(v) => Value::int(shape, v[first..].to_vec()),
            };
        }
        if cx.is_real() {
            let unit = if self.kind == ReadoutKind::Mean { x.shape.t as f64 } else { 1.0 };
            Value::real(shape, (0..n).map(|i| x.reals().iter().skip(i).step_by(n).sum::<f64>() / unit).collect())
        } else {
            Value::int(shape, (0..n).map(|i| x.ints().iter().skip(i).step_by(n).sum()).collect())
        }
    }
}
