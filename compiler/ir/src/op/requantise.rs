//! `y = clamp(round_half_up(x · mul / 2^shift), lo, hi)`: a new scale by one fixed-point multiply.

use super::{round_shift, EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `requantise`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requantise {
    /// Multiplier, 1..=32767.
    pub mul: i64,
    /// Bits dropped after the product.
    pub shift: u32,
    /// Smallest result.
    pub lo: i64,
    /// Largest result.
    pub hi: i64,
    /// Real value of one unit of the result.
    pub scale: f64,
}

impl Requantise {
    /// The value at one input.
    #[inline]
    pub fn apply(&self, x: i64) -> i64 {
        round_shift(x * self.mul, self.shift).clamp(self.lo, self.hi)
    }

    /// The rescaling from `from` to `to` real units per step, saturating to `lo..=hi`; the multiplier has 15 bits.
    pub fn between(from: f64, to: f64, lo: i64, hi: i64) -> Self {
        let ratio = from / to;
        let shift = (14 - ratio.log2().floor() as i64).clamp(0, 40) as u32;
        let mul = ((ratio * f64::from(shift).exp2()).round() as i64).clamp(1, 32767);
        Requantise { mul, shift, lo, hi, scale: to }
    }
}

impl OpRule for Requantise {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        let int = x.as_int(cx.name)?;
        if !(1..=32767).contains(&self.mul) || self.shift > 40 || self.lo > self.hi || int.bits() > 46 {
            return Err(cx.refuse("requantiser constants are out of range", "multiplier 1..=32767, shift at most 40, lo <= hi, input at most 46 bits"));
        }
        Ok(Type::int(IntType::new(self.apply(int.lo), self.apply(int.hi), self.scale), x.shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        cx.map(|v| v, |v| self.apply(v))
    }
}
