//! Average over windows, padding counted. In integers it is the window's sum; the division is in the scale.

use super::window::Window;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `avg_pool`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool {
    /// Rows, columns.
    pub kernel: [usize; 2],
    /// Rows, columns.
    pub stride: [usize; 2],
    /// Top, bottom, left, right.
    pub padding: [usize; 4],
}

impl AvgPool {
    /// Window geometry.
    pub fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride, padding: self.padding, dilation: [1, 1], transposed: false }
    }
}

impl OpRule for AvgPool {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let (h, w) = self.window().output(cx, x.shape.h, x.shape.w)?;
        let n = (self.kernel[0] * self.kernel[1]) as i64;
        cx.int_or_real(Shape::new(x.shape.t, x.shape.c, h, w), || {
            let x = x.as_int(cx.name)?;
            Ok(IntType { lo: x.lo.min(0).saturating_mul(n), hi: x.hi.max(0).saturating_mul(n), scale: x.scale.iter().map(|s| s / n as f64).collect() })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        if cx.is_real() {
            let n = (self.kernel[0] * self.kernel[1]) as f64;
            let sums = self.window().fold(x.shape, shape, x.reals(), 0.0, |a, v| a + v);
            Value::real(shape, sums.into_iter().map(|s| s / n).collect())
        } else {
            Value::int(shape, self.window().fold(x.shape, shape, x.ints(), 0, |a, v| a + v))
        }
    }
}
