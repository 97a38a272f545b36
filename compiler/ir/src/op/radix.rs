//! The end of a layer under radix coding: sums of one window become trains of the next, highest bit first.
//!
//! ```text
//! u[t] = 2·u[t−1] + x[t], from 0 at the start of a window of W steps
//! q    = clamp(⌊(u + b) / step + ½⌋, 0, 2^W − 1) at the end of the window
//! S[t] = bit W − 1 − k of the q of the window before, k = t mod W
//! ```
//!
//! A window's train stands for `Σ S·2^(W−1−k)`, so the network computes what a network of W-bit activations does, one layer
//! a window. Radix-encoded networks: arXiv 2206.02495.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// Largest number of bits of a train.
pub const MAX_WINDOW: usize = 16;

/// Attributes of `radix`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Radix {
    /// Steps of a window, which are the bits of a train; the timesteps are a multiple.
    pub window: usize,
    /// Added to the sum, `[1]` or `[C]`.
    pub bias: Option<String>,
    /// Real value of one unit of the train.
    pub step: f64,
}

/// Checks a window and a bias that both levels have.
pub(super) fn check(cx: &InferCx<'_>, window: usize, bias: Option<&str>) -> Result<()> {
    let [x] = cx.operands()?;
    if !(1..=MAX_WINDOW).contains(&window) || cx.timesteps % window != 0 || x.shape.t != cx.timesteps {
        return Err(cx.refuse(
            format!("{} steps are no whole number of windows of {window} bits", x.shape.t),
            "use a window from 1 to 16 that divides the timesteps",
        ));
    }
    let bias = bias.map(|b| cx.tensor(b, &[None])).transpose()?;
    match bias {
        Some(b) if b.len() != 1 && b.len() != x.shape.c => {
            Err(cx.refuse("the bias has neither one entry nor one a channel", "give one entry, or one per channel"))
        }
        _ => Ok(()),
    }
}

impl OpRule for Radix {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        check(cx, self.window, self.bias.as_deref())?;
        if !(self.step > 0.0 && self.step.is_finite()) {
            return Err(cx.refuse("the step is not above 0", "give the real value of one unit of the train"));
        }
        Ok(cx.inputs[0].clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, n, plane) = (cx.inputs[0], cx.ty.shape.step_len(), cx.ty.shape.h * cx.ty.shape.w);
        let bias = self.bias.as_deref().and_then(|b| cx.tensor(b).as_real());
        let top = f64::from((1u32 << self.window) - 1);
        let mut state = vec![(0.0, 0u32); n];
        let trains = x.reals().iter().enumerate().map(|(i, &v)| {
            let (t, i) = (i / n, i % n);
            let (u, code) = &mut state[i];
            let bit = *code >> (self.window - 1 - t % self.window) & 1;
            *u = if t % self.window == 0 { 0.0 } else { 2.0 * *u } + v;
            if (t + 1) % self.window == 0 {
                let b = bias.map_or(0.0, |b| f64::from(b[if b.len() == 1 { 0 } else { i / plane }]));
                *code = ((*u + b) / self.step + 0.5).floor().clamp(0.0, top) as u32;
            }
            f64::from(bit)
        });
        Value::real(x.shape, trains.collect())
    }

    fn tensors(&self) -> Vec<&str> {
        self.bias.as_deref().into_iter().collect()
    }
}

/// A bias tensor of integers by channel; zeros for none.
pub(super) fn biases(bias: Option<&Tensor>, channels: usize) -> Vec<i64> {
    let bias = bias.and_then(Tensor::as_int).unwrap_or(&[0]);
    (0..channels).map(|c| i64::from(bias[if bias.len() == 1 { 0 } else { c }])).collect()
}
