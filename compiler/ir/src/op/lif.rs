//! Spiking neuron in integers, per element and timestep:
//!
//! ```text
//! h = ((v · leak) >> leak_shift) + (x << input_shift) + bias        (>> is arithmetic, towards −∞)
//! s = h ≥ threshold
//! v = reset(h, s), then max(v, clamp_min)
//! ```
//!
//! `next_step` resets from the previous step's spike before the leak. Constants are one a layer or one a channel.

use super::neuron::ResetTiming;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// What a spike does to the membrane, in integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifReset {
    /// Sets it to the reset constant.
    Value,
    /// Subtracts the reset constant.
    Subtract,
    /// Leaves it.
    None,
}

/// Attributes of `lif`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lif {
    /// Leak multiplier, 0 ..= 2^`leak_shift`.
    pub leak: i64,
    /// Fraction bits of the leak; 0 with `leak = 1` is no leak.
    pub leak_shift: u32,
    /// Fraction bits the membrane has beyond its input.
    pub input_shift: u32,
    /// Constant current `[1]` or `[C]`.
    pub bias: Option<String>,
    /// Threshold `[1]` or `[C]`.
    pub threshold: String,
    /// Kind of reset.
    pub reset: LifReset,
    /// Reset constant `[1]` or `[C]`.
    pub reset_value: Option<String>,
    /// Reset timing.
    pub reset_timing: ResetTiming,
    /// Membrane potential before the first step, `[1]` or `[C]`; none is 0.
    pub initial: Option<String>,
    /// Lower bound of the membrane potential, `[1]` or `[C]`.
    pub clamp_min: Option<String>,
}

/// Constants of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifConstants {
    /// Constant current.
    pub bias: i64,
    /// Threshold.
    pub threshold: i64,
    /// Reset constant.
    pub reset: i64,
    /// Initial membrane potential.
    pub initial: i64,
    /// Lower bound; `i64::MIN` for none.
    pub clamp_min: i64,
}

impl Lif {
    /// Constants per channel (`channels` entries), given the tensors.
    pub fn constants<'a>(&self, channels: usize, tensor: impl Fn(&str) -> &'a [i32]) -> Vec<LifConstants> {
        let at = |name: &Option<String>, c: usize, none: i64| {
            name.as_deref().map_or(none, |n| {
                let v = tensor(n);
                i64::from(v[if v.len() == 1 { 0 } else { c }])
            })
        };
        (0..channels)
            .map(|c| LifConstants {
                bias: at(&self.bias, c, 0),
                threshold: at(&Some(self.threshold.clone()), c, 0),
                reset: at(&self.reset_value, c, 0),
                initial: at(&self.initial, c, 0),
                clamp_min: at(&self.clamp_min, c, i64::MIN),
            })
            .collect()
    }

    /// False if a step depends on nothing of the step before: a comparator.
    pub fn has_memory(&self) -> bool {
        self.leak != 0
    }

    /// The spike of a neuron without memory.
    #[inline]
    pub fn fires(&self, k: &LifConstants, x: i64) -> bool {
        (x << self.input_shift) + k.bias >= k.threshold
    }

    #[inline]
    fn reset(&self, k: &LifConstants, v: i64, spike: bool) -> i64 {
        match (spike, self.reset) {
            (true, LifReset::Value) => k.reset,
            (true, LifReset::Subtract) => v - k.reset,
            _ => v,
        }
    }

    /// One step of one neuron: new membrane potential and spike.
    #[inline]
    pub fn step(&self, k: &LifConstants, v: i64, spiked: bool, x: i64) -> (i64, bool) {
        let late = self.reset_timing == ResetTiming::NextStep;
        let v = if late { self.reset(k, v, spiked) } else { v };
        let h = ((v * self.leak) >> self.leak_shift) + (x << self.input_shift) + k.bias;
        let spike = h >= k.threshold;
        let v = if late { h } else { self.reset(k, h, spike) };
        (v.max(k.clamp_min), spike)
    }

    /// Proven range of the membrane potential (and of `h`) after `timesteps` steps on inputs in `lo..=hi`.
    ///
    /// The update is monotone in the membrane and the input, so the extremes follow the extreme inputs.
    /// Clipped to `i64`; the sums are taken in `i128`.
    pub fn state_range(&self, constants: &[LifConstants], (lo, hi): (i64, i64), timesteps: usize) -> (i64, i64) {
        let wide = i128::from;
        let (mut all_lo, mut all_hi) = (0i128, 0i128);
        for k in constants {
            let (initial, bias, reset, clamp_min) = (wide(k.initial), wide(k.bias), wide(k.reset), wide(k.clamp_min));
            let (mut v_lo, mut v_hi) = (initial, initial);
            for _ in 0..timesteps {
                // A reset can put the membrane at `reset`, or `reset` below where it was.
                let (r_lo, r_hi) = match self.reset {
                    LifReset::Value => (v_lo.min(reset), v_hi.max(reset)),
                    LifReset::Subtract => (v_lo.min(v_lo - reset), v_hi.max(v_hi - reset)),
                    LifReset::None => (v_lo, v_hi),
                };
                let charge = |v: i128, x: i64| ((v * wide(self.leak)) >> self.leak_shift) + (wide(x) << self.input_shift) + bias;
                let (h_lo, h_hi) = (charge(r_lo, lo), charge(r_hi, hi));
                (all_lo, all_hi) = (all_lo.min(h_lo).min(r_lo), all_hi.max(h_hi).max(r_hi));
                if self.reset == LifReset::Subtract {
                    // Before the clamp, what a spike leaves may lie below everything else.
                    all_lo = all_lo.min(h_lo.max(wide(k.threshold)) - reset);
                }
                (v_lo, v_hi) = (h_lo.max(clamp_min), h_hi.max(clamp_min));
            }
            if self.reset == LifReset::Subtract {
                all_lo = all_lo.min(v_lo - reset);
            }
        }
        let clip = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        (clip(all_lo), clip(all_hi))
    }
}

impl OpRule for Lif {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        for name in self.tensors() {
            let t = cx.tensor(name, &[None])?;
            if t.len() != 1 && t.len() != x.shape.c {
                return Err(cx.refuse(format!("tensor `{name}` has {} entries", t.len()), "give one entry, or one per channel"));
            }
        }
        let int = x.as_int(cx.name)?;
        if self.leak_shift > 16 || self.leak < 0 || self.leak > 1 << self.leak_shift || self.input_shift > 16 {
            return Err(cx.refuse("leak or shift is out of range", "leak from 0 to 2^leak_shift, shifts at most 16"));
        }
        // Channels alike are looked at once.
        let alike = self.tensors().iter().all(|n| cx.tensors[*n].len() == 1);
        let constants = self.constants(if alike { 1 } else { x.shape.c }, |n| cx.tensors[n].as_int().expect("the tensor rule has checked the level"));
        let (lo, hi) = self.state_range(&constants, (int.lo, int.hi), cx.timesteps);
        let bits = IntType::new(lo, hi, 1.0).bits();
        if bits > 32 {
            return Err(cx.refuse(format!("the membrane potential can need {bits} bits, more than 32"), "use a leak, a lower clamp, or fewer weight bits"));
        }
        Ok(Type::int(IntType::new(0, 1, 1.0), x.shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let (n, plane) = (x.shape.step_len(), x.shape.h * x.shape.w);
        let constants = self.constants(x.shape.c, |name| cx.tensor(name).as_int().expect("level flow"));
        let mut state: Vec<(i64, bool)> = (0..n).map(|i| (constants[i / plane].initial, false)).collect();
        let spikes = x.ints().iter().enumerate().map(|(i, &current)| {
            let (v, spiked) = &mut state[i % n];
            (*v, *spiked) = self.step(&constants[i % n / plane], *v, *spiked, current);
            i64::from(*spiked)
        });
        Value::int(x.shape, spikes.collect())
    }

    fn tensors(&self) -> Vec<&str> {
        let optional = [&self.bias, &self.reset_value, &self.initial, &self.clamp_min];
        std::iter::once(self.threshold.as_str()).chain(optional.into_iter().filter_map(|t| t.as_deref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A threshold below the clamp: the spike's subtraction goes below what the clamp lets stay.
    #[test]
    fn the_range_holds_what_a_reset_leaves_before_the_clamp() {
        let lif = Lif {
            leak: 1,
            leak_shift: 0,
            input_shift: 0,
            bias: None,
            threshold: String::new(),
            reset: LifReset::Subtract,
            reset_value: None,
            reset_timing: ResetTiming::SameStep,
            initial: None,
            clamp_min: None,
        };
        let k = LifConstants { bias: 0, threshold: -60, reset: 10, initial: 0, clamp_min: -3 };
        let (lo, _) = lif.state_range(&[k], (-50, 1), 4);
        assert!(lo <= -3 - 50 - 10, "the range starts at {lo}");
    }
}
