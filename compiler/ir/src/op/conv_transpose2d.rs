//! The transpose of a convolution: input place i reaches output place `i·stride + k·dilation − padding` through tap k,
//!
//! `y[o,q] = b[o] + Σ w[o,i,k] · x[i,p]` over all p, k with `q = p·stride + k·dilation − padding`, one timestep at a time.
//!
//! The size is `(n − 1)·stride − padding + dilation·(kernel − 1) + 1 + output_padding` an axis, as PyTorch's. The weights lie
//! as those of `conv2d`; PyTorch's `[in, out / groups, kh, kw]` is turned by the exporter.

use super::conv2d::{linear_range, operands, scatter};
use super::window::Window;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Shape, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// Attributes of `conv_transpose2d`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2d {
    /// Weights `[out, in / groups, kh, kw]`.
    pub weight: String,
    /// Bias `[out]`.
    pub bias: Option<String>,
    /// Rows, columns between the outputs of neighbouring inputs.
    pub stride: [usize; 2],
    /// Cut off the output at top, bottom, left, right.
    pub padding: [usize; 4],
    /// Rows and columns added to the output at the bottom and right, each less than the stride or the dilation.
    pub output_padding: [usize; 2],
    /// Rows, columns.
    pub dilation: [usize; 2],
    /// Channel groups.
    pub groups: usize,
}

impl ConvTranspose2d {
    /// Window geometry for this weight tensor.
    pub fn window(&self, weight: &Tensor) -> Window {
        Window {
            kernel: [weight.shape[2], weight.shape[3]],
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            transposed: true,
        }
    }
}

impl OpRule for ConvTranspose2d {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let (weight, bias) = operands(cx, &self.weight, self.bias.as_deref(), self.groups)?;
        let x = cx.inputs[0];
        let (h, w) = self.window(weight).output(cx, x.shape.h, x.shape.w)?;
        let [more_h, more_w] = self.output_padding;
        if (0..2).any(|i| self.output_padding[i] >= self.stride[i].max(self.dilation[i])) {
            return Err(cx.refuse(
                "the output padding is not smaller than the stride or the dilation",
                "use a smaller output padding",
            ));
        }
        let shape = Shape::new(x.shape.t, weight.shape[0], h + more_h, w + more_w);
        cx.int_or_real(shape, || linear_range(cx, weight, bias, x.as_int(cx.name)?))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let weight = cx.tensor(&self.weight);
        scatter(cx, &self.window(weight), weight, self.bias.as_deref().map(|b| cx.tensor(b)))
    }

    fn tensors(&self) -> Vec<&str> {
        std::iter::once(self.weight.as_str()).chain(self.bias.as_deref()).collect()
    }
}
