//! A readout inside a network: the sum over time plus a bias, given out at the last step; zeros before. What follows is a
//! network without time, such as the head of a hybrid of spiking and analog layers.
//!
//! ```text
//! u[t] = u[t−1] + x[t]        sum, mean
//! u[t] = 2·u[t−1] + x[t]      radix: the sum of the trains' values, highest bit first
//! y[T−1] = u[T−1] + b, divided by the window for a mean; y[t] = 0 before
//! ```
//!
//! The sum starts anew every `window` steps, so that it is one over the last window; a window of T steps takes all.
//! In integers a mean is the sum; the division is in the scale.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};

/// How steps are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccumulateKind {
    /// Sum over t.
    Sum,
    /// Mean over t.
    Mean,
    /// Every step counts half of the one before it.
    Radix,
}

/// Attributes of `accumulate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accumulate {
    /// Weights of the steps.
    pub kind: AccumulateKind,
    /// Steps of one sum; T is a multiple.
    pub window: usize,
    /// Added once, `[1]` or `[C]`.
    pub bias: Option<String>,
}

impl Accumulate {
    /// The sum after step t.
    #[inline]
    pub fn step(&self, t: usize, u: i64, x: i64) -> i64 {
        let u = if t % self.window == 0 { 0 } else { u };
        (if self.kind == AccumulateKind::Radix { 2 * u } else { u }) + x
    }

    /// Sum of the weights of a window.
    fn weight(&self) -> i64 {
        match self.kind {
            AccumulateKind::Radix if self.window > 40 => i64::MAX,
            AccumulateKind::Radix => (1 << self.window) - 1,
            _ => self.window as i64,
        }
    }

    /// Smallest and largest sum, at any step, of inputs from `lo` to `hi`.
    pub fn range(&self, lo: i64, hi: i64) -> (i64, i64) {
        let n = self.weight();
        (lo.min(0).saturating_mul(n), hi.max(0).saturating_mul(n))
    }

    /// The bias of every channel.
    pub fn biases<'a>(&self, channels: usize, tensor: impl Fn(&str) -> &'a [i32]) -> Vec<i64> {
        let bias = self.bias.as_deref().map_or(&[0][..], tensor);
        (0..channels).map(|c| i64::from(bias[if bias.len() == 1 { 0 } else { c }])).collect()
    }
}

impl OpRule for Accumulate {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        if x.shape.t != cx.timesteps {
            return Err(cx.refuse(
                format!("takes a value of {} steps and gets {}", cx.timesteps, x.shape),
                "accumulate a stream, not a statistic",
            ));
        }
        if self.window == 0 || cx.timesteps % self.window != 0 {
            return Err(cx.refuse(
                format!("{} steps are no whole number of windows of {}", cx.timesteps, self.window),
                "use a window that divides the timesteps",
            ));
        }
        let bias = self.bias.as_deref().map(|b| cx.tensor(b, &[None])).transpose()?;
        if bias.is_some_and(|b| b.len() != 1 && b.len() != x.shape.c) {
            return Err(cx.refuse("the bias has neither one entry nor one a channel", "give one entry, or one per channel"));
        }
        cx.int_or_real(x.shape, || {
            let x = x.as_int(cx.name)?;
            let (lo, hi) = self.range(x.lo, x.hi);
            let biases = bias.and_then(Tensor::as_int).unwrap_or(&[0]);
            let least = biases.iter().copied().map(i64::from).min().unwrap_or(0).min(0);
            let most = biases.iter().copied().map(i64::from).max().unwrap_or(0).max(0);
            if IntType::new(lo, hi, 1.0).bits() > 32 {
                return Err(cx.refuse("the sum over time can need more than 32 bits", "use fewer timesteps or weight bits"));
            }
            let steps = if self.kind == AccumulateKind::Mean { self.window as f64 } else { 1.0 };
            Ok(IntType {
                lo: lo.saturating_add(least),
                hi: hi.saturating_add(most),
                scale: x.scale.iter().map(|s| s / steps).collect(),
            })
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, n) = (cx.inputs[0], cx.ty.shape.step_len());
        let (plane, first) = (x.shape.h * x.shape.w, x.shape.len() - n);
        let bias = self.bias.as_deref().map(|b| cx.tensor(b));
        let at = |len: usize, i: usize| if len == 1 { 0 } else { i / plane };
        if cx.is_real() {
            let keep = if self.kind == AccumulateKind::Radix { 2.0 } else { 1.0 };
            let steps = if self.kind == AccumulateKind::Mean { self.window as f64 } else { 1.0 };
            let mut sums = vec![0.0; n];
            for (t, step) in x.reals().chunks_exact(n).enumerate() {
                let keep = if t % self.window == 0 { 0.0 } else { keep };
                sums.iter_mut().zip(step).for_each(|(u, v)| *u = keep * *u + v);
            }
            let bias = bias.and_then(Tensor::as_real);
            let last = sums.iter().enumerate().map(|(i, u)| u / steps + bias.map_or(0.0, |b| f64::from(b[at(b.len(), i)])));
            Value::real(x.shape, std::iter::repeat_n(0.0, first).chain(last).collect())
        } else {
            let mut sums = vec![0; n];
            for (t, step) in x.ints().chunks_exact(n).enumerate() {
                sums.iter_mut().zip(step).for_each(|(u, &v)| *u = self.step(t, *u, v));
            }
            let bias = bias.and_then(Tensor::as_int);
            let last = sums.iter().enumerate().map(|(i, u)| u + bias.map_or(0, |b| i64::from(b[at(b.len(), i)])));
            Value::int(x.shape, std::iter::repeat_n(0, first).chain(last).collect())
        }
    }

    fn tensors(&self) -> Vec<&str> {
        self.bias.as_deref().into_iter().collect()
    }
}
