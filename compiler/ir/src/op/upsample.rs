//! Nearest-neighbour upsampling: `y[c, i, j] = x[c, ⌊i / s_h⌋, ⌊j / s_w⌋]`. From one place it is a broadcast.

use super::window::Window;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `upsample`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// Rows and columns made of one.
    pub scale: [usize; 2],
}

impl Upsample {
    /// Window geometry: a transposed window of ones whose kernel is its stride.
    pub fn window(&self) -> Window {
        Window { kernel: self.scale, stride: self.scale, padding: [0; 4], dilation: [1, 1], transposed: true }
    }
}

impl OpRule for Upsample {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let (h, w) = self.window().output(cx, x.shape.h, x.shape.w)?;
        Ok(Type { elem: x.elem.clone(), shape: Shape { h, w, ..x.shape } })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        if cx.is_real() {
            Value::real(shape, self.window().fold(x.shape, shape, x.reals(), 0.0, |_, v| v))
        } else {
            Value::int(shape, self.window().fold(x.shape, shape, x.ints(), 0, |_, v| v))
        }
    }
}
