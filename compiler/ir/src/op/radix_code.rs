//! `radix` in integers: the same sums; the train's code is `clamp(round_half_up((u + b) · mul / 2^shift), 0, 2^W − 1)`.

use super::radix::{biases, check};
use super::requantise::Requantise;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::{Tensor, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attributes of `radix_code`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RadixCode {
    /// Steps of a window, which are the bits of a train.
    pub window: usize,
    /// Added to the sum, `[1]` or `[C]`.
    pub bias: Option<String>,
    /// Multiplier, 1..=32767.
    pub mul: i64,
    /// Bits dropped after the product.
    pub shift: u32,
}

/// What an element keeps: the sum of this window, and what is left of the train of the one before, its next bit highest.
pub type RadixState = (i64, u32);

impl RadixCode {
    /// From a sum with its bias to a code.
    pub fn requantise(&self) -> Requantise {
        Requantise { mul: self.mul, shift: self.shift, lo: 0, hi: (1 << self.window) - 1, scale: 1.0 }
    }

    /// True at the first, and at the last step of a window.
    pub fn ends(&self, t: usize) -> (bool, bool) {
        (t % self.window == 0, (t + 1) % self.window == 0)
    }

    /// Step t of one element: its new state and the bit that leaves.
    #[inline]
    pub fn step(&self, t: usize, (u, code): RadixState, x: i64, bias: i64) -> (RadixState, bool) {
        let (first, last) = self.ends(t);
        let bit = code >> (self.window - 1) & 1 == 1;
        let u = if first { 0 } else { 2 * u } + x;
        let left = code << 1 & ((1 << self.window) - 1);
        ((u, if last { self.requantise().apply(u + bias) as u32 } else { left }), bit)
    }

    /// Smallest and largest sum of inputs from `lo` to `hi`.
    pub fn range(&self, lo: i64, hi: i64) -> (i64, i64) {
        let n = (1 << self.window) - 1;
        (lo.min(0).saturating_mul(n), hi.max(0).saturating_mul(n))
    }

    /// The bias of every channel.
    pub fn biases(&self, channels: usize, tensors: &BTreeMap<String, Tensor>) -> Vec<i64> {
        biases(self.bias.as_ref().and_then(|b| tensors.get(b)), channels)
    }
}

impl OpRule for RadixCode {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        check(cx, self.window, self.bias.as_deref())?;
        let x = cx.inputs[0].as_int(cx.name)?;
        let (lo, hi) = self.range(x.lo, x.hi);
        if IntType::new(lo, hi, 1.0).bits() > 32 {
            return Err(cx.refuse("the sum of a window can need more than 32 bits", "use a shorter window or fewer weight bits"));
        }
        if !(1..=32767).contains(&self.mul) || self.shift > 40 {
            return Err(cx.refuse("requantiser constants are out of range", "multiplier 1..=32767, shift at most 40"));
        }
        Ok(Type::int(IntType::new(0, 1, 1.0), cx.inputs[0].shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, shape) = (cx.inputs[0], cx.ty.shape);
        let (n, plane) = (shape.step_len(), shape.h * shape.w);
        let bias = self.biases(shape.c, cx.tensors);
        let mut state: Vec<RadixState> = vec![(0, 0); n];
        let trains = x.ints().iter().enumerate().map(|(i, &v)| {
            let (new, bit) = self.step(i / n, state[i % n], v, bias[i % n / plane]);
            state[i % n] = new;
            i64::from(bit)
        });
        Value::int(shape, trains.collect())
    }

    fn tensors(&self) -> Vec<&str> {
        self.bias.as_deref().into_iter().collect()
    }
}
