//! `y[o,p] = b[o] + Σ_{i,k} w[o,i,k] · x[i, p·stride + k·dilation − padding]`, one timestep at a time.

use super::window::{same_padding, Window};
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Shape, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// Attributes of `conv2d`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Weights `[out, in / groups, kh, kw]`.
    pub weight: String,
    /// Bias `[out]`.
    pub bias: Option<String>,
    /// Rows, columns.
    pub stride: [usize; 2],
    /// Top, bottom, left, right.
    pub padding: [usize; 4],
    /// Rows, columns.
    pub dilation: [usize; 2],
    /// Channel groups.
    pub groups: usize,
}

impl Conv2d {
    /// Window geometry for this weight tensor.
    pub fn window(&self, weight: &Tensor) -> Window {
        Window { kernel: [weight.shape[2], weight.shape[3]], stride: self.stride, padding: self.padding, dilation: self.dilation, transposed: false }
    }
}

/// Range and scale of `bias + Σ w·x` per output channel: rows of `weight` times a range.
pub(super) fn linear_range(cx: &InferCx<'_>, weight: &Tensor, bias: Option<&Tensor>, x: &IntType) -> Result<IntType> {
    let values = weight.as_int().expect("the tensor rule has checked the level");
    let outputs = weight.shape[0].max(1);
    let (mut lo, mut hi) = (i64::MAX, i64::MIN);
    for (o, row) in values.chunks_exact((values.len() / outputs).max(1)).enumerate() {
        let b = bias.and_then(Tensor::as_int).map_or(0, |b| i64::from(b[o]));
        let (mut l, mut h) = (b, b);
        for &w in row {
            let (p, q) = (i64::from(w).saturating_mul(x.lo.min(0)), i64::from(w).saturating_mul(x.hi.max(0)));
            l = l.saturating_add(p.min(q));
            h = h.saturating_add(p.max(q));
        }
        (lo, hi) = (lo.min(l), hi.max(h));
    }
    let s = x.single_scale(&format!("node `{}`", cx.name))?;
    Ok(IntType { lo, hi, scale: weight.scale().iter().map(|w| w * s).collect() })
}

impl Conv2d {
    /// A convolution of stride 1 whose result has the size of its input, by a kernel of `[rows, columns]`.
    pub fn same(weight: &str, kernel: [usize; 2]) -> Self {
        let ((top, bottom), (left, right)) = (same_padding(kernel[0]), same_padding(kernel[1]));
        Conv2d {
            weight: weight.to_owned(),
            bias: None,
            stride: [1, 1],
            padding: [top, bottom, left, right],
            dilation: [1, 1],
            groups: 1,
        }
    }
}

impl OpRule for Conv2d {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let (weight, bias) = operands(cx, &self.weight, self.bias.as_deref(), self.groups)?;
        let x = cx.inputs[0];
        let (h, w) = self.window(weight).output(cx, x.shape.h, x.shape.w)?;
        cx.int_or_real(Shape::new(x.shape.t, weight.shape[0], h, w), || linear_range(cx, weight, bias, x.as_int(cx.name)?))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let weight = cx.tensor(&self.weight);
        scatter(cx, &self.window(weight), weight, self.bias.as_deref().map(|b| cx.tensor(b)))
    }

    fn tensors(&self) -> Vec<&str> {
        std::iter::once(self.weight.as_str()).chain(self.bias.as_deref()).collect()
    }
}

/// Weights `[out, in / groups, kh, kw]` and bias of a layer that fit its one operand.
pub(super) fn operands<'a>(
    cx: &InferCx<'a>,
    weight: &str,
    bias: Option<&str>,
    groups: usize,
) -> Result<(&'a Tensor, Option<&'a Tensor>)> {
    let [x] = cx.operands()?;
    let weight = cx.tensor(weight, &[None; 4])?;
    let (outputs, inputs) = (weight.shape[0], weight.shape[1]);
    if groups == 0 || outputs == 0 || inputs.checked_mul(groups) != Some(x.shape.c) || outputs % groups != 0 {
        return Err(cx.refuse(
            format!("weights {:?} in {groups} group(s) do not fit {} input channels", weight.shape, x.shape.c),
            "check the producing layer's channels and the group count",
        ));
    }
    let bias = bias.map(|b| cx.tensor(b, &[Some(outputs)])).transpose()?;
    Ok((weight, bias))
}

/// Value of a convolution through a window, plain or transposed.
pub(super) fn scatter(cx: &EvalCx<'_>, window: &Window, weight: &Tensor, bias: Option<&Tensor>) -> Value {
    let x = cx.inputs[0];
    if cx.is_real() {
        let w: Vec<f64> = weight.as_real().expect("level trained").iter().map(|&v| f64::from(v)).collect();
        let b = bias.map(|b| b.as_real().expect("level trained").iter().map(|&v| f64::from(v)).collect());
        let y = convolve(x.shape, cx.ty.shape, window, weight.shape[1], x.reals(), &w, b, 0.0, |a, w, x| a + w * x);
        Value::real(cx.ty.shape, y)
    } else {
        let w: Vec<i64> = weight.as_int().expect("level flow").iter().map(|&v| i64::from(v)).collect();
        let b = bias.map(|b| b.as_int().expect("level flow").iter().map(|&v| i64::from(v)).collect());
        let y = convolve(x.shape, cx.ty.shape, window, weight.shape[1], x.ints(), &w, b, 0, |a, w, x| a + w * x);
        Value::int(cx.ty.shape, y)
    }
}

/// Event-driven convolution: every non-zero input scatters into the outputs that see it.
#[allow(clippy::too_many_arguments)] // one loop nest, two number types
fn convolve<T: Copy + PartialEq>(
    input: Shape,
    output: Shape,
    window: &Window,
    group_inputs: usize,
    x: &[T],
    weight: &[T],
    bias: Option<Vec<T>>,
    zero: T,
    mac: impl Fn(T, T, T) -> T,
) -> Vec<T> {
    let [kh, kw] = window.kernel;
    let group_outputs = output.c / (input.c / group_inputs);
    let plane = output.h * output.w;
    let mut y = Vec::with_capacity(output.len());
    for _ in 0..output.t {
        for o in 0..output.c {
            y.extend(std::iter::repeat_n(bias.as_ref().map_or(zero, |b| b[o]), plane));
        }
    }
    for ((t, i, row, col), &v) in input.coords().zip(x) {
        if v == zero {
            continue;
        }
        let group = i / group_inputs;
        for ky in 0..kh {
            let Some(oy) = window.out_row(row, ky, output.h) else { continue };
            for kx in 0..kw {
                let Some(ox) = window.out_col(col, kx, output.w) else { continue };
                let mut at = output.index(t, group * group_outputs, oy, ox);
                let mut w = ((group * group_outputs * group_inputs + i % group_inputs) * kh + ky) * kw + kx;
                for _ in 0..group_outputs {
                    y[at] = mac(y[at], weight[w], v);
                    at += plane;
                    w += group_inputs * kh * kw;
                }
            }
        }
    }
    y
}
