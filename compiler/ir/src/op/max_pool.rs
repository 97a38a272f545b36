//! Maximum over windows; padding never wins.

use super::window::Window;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `max_pool`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Rows, columns.
    pub kernel: [usize; 2],
    /// Rows, columns.
    pub stride: [usize; 2],
    /// Top, bottom, left, right; at most half the kernel.
    pub padding: [usize; 4],
}

impl MaxPool {
    /// Window geometry.
    pub fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride, padding: self.padding, dilation: [1, 1], transposed: false }
    }
}

impl OpRule for MaxPool {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let (h, w) = self.window().output(cx, x.shape.h, x.shape.w)?;
        let p = self.padding;
        if p[0].max(p[1]) * 2 > self.kernel[0] || p[2].max(p[3]) * 2 > self.kernel[1] {
            return Err(cx.refuse("max-pool padding is more than half the kernel, so a window could be all padding", "reduce the padding"));
        }
        Ok(Type { elem: x.elem.clone(), shape: Shape::new(x.shape.t, x.shape.c, h, w) })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        if cx.is_real() {
            Value::real(shape, self.window().fold(x.shape, shape, x.reals(), f64::NEG_INFINITY, f64::max))
        } else {
            Value::int(shape, self.window().fold(x.shape, shape, x.ints(), i64::MIN, i64::max))
        }
    }
}
