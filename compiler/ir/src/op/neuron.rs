//! Spiking neuron, as trained:
//!
//! ```text
//! H[t] = leak · V[t−1] + input_gain · X[t] + input_bias
//! S[t] = H[t] compare threshold
//! V[t] = reset(H[t], S[t]), then clamped from below
//! ```
//!
//! `next_step` resets from the previous step's spike, at the start of the step.
//! MA-SNN's own neuron is `leak = α`, reset to the value `threshold` (the membrane after a spike is α·V_th).

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Comparison that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// Fires at the threshold.
    #[serde(rename = ">=")]
    AtLeast,
    /// Fires above it.
    #[serde(rename = ">")]
    Above,
}

/// What a spike does to the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reset {
    /// Sets it to a value (hard reset).
    Value {
        /// The value.
        value: f64,
    },
    /// Subtracts a value (soft reset).
    Subtract {
        /// The value.
        value: f64,
    },
    /// Leaves it.
    None,
}

/// When a spike acts on the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetTiming {
    /// In the step of the spike.
    SameStep,
    /// At the start of the next step.
    NextStep,
}

/// Attributes of `neuron`; no defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neuron {
    /// Factor on the previous membrane potential.
    pub leak: f64,
    /// Factor on the input current.
    pub input_gain: f64,
    /// Constant current.
    pub input_bias: f64,
    /// Firing threshold.
    pub threshold: f64,
    /// Comparison.
    pub compare: Compare,
    /// Reset.
    pub reset: Reset,
    /// Reset timing.
    pub reset_timing: ResetTiming,
    /// Membrane potential before the first step.
    pub initial: f64,
    /// Lower bound of the membrane potential.
    pub clamp_min: Option<f64>,
}

impl Neuron {
    fn reset(&self, v: f64, spike: bool) -> f64 {
        match (spike, self.reset) {
            (true, Reset::Value { value }) => value,
            (true, Reset::Subtract { value }) => v - value,
            _ => v,
        }
    }

    /// One step of one neuron: new membrane potential and spike.
    pub fn step(&self, v: f64, spiked: bool, x: f64) -> (f64, bool) {
        let late = self.reset_timing == ResetTiming::NextStep;
        let v = if late { self.reset(v, spiked) } else { v };
        let h = self.leak * v + self.input_gain * x + self.input_bias;
        let spike = match self.compare {
            Compare::AtLeast => h >= self.threshold,
            Compare::Above => h > self.threshold,
        };
        let v = if late { h } else { self.reset(h, spike) };
        (self.clamp_min.map_or(v, |m| v.max(m)), spike)
    }
}

impl OpRule for Neuron {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let reset = match self.reset {
            Reset::Value { value } | Reset::Subtract { value } => value,
            Reset::None => 0.0,
        };
        let all = [self.leak, self.input_gain, self.input_bias, self.threshold, reset, self.initial, self.clamp_min.unwrap_or(0.0)];
        if all.iter().any(|v| !v.is_finite()) {
            return Err(cx.refuse("a neuron constant is not finite", "export the model again"));
        }
        if self.input_gain <= 0.0 || !(0.0..=1.0).contains(&self.leak) {
            return Err(cx.refuse("a neuron needs a positive input gain and a leak factor from 0 to 1", "check the time constant"));
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let n = x.shape.step_len();
        let mut state = vec![(self.initial, false); n];
        let spikes = x.reals().iter().enumerate().map(|(i, &current)| {
            let (v, spiked) = &mut state[i % n];
            (*v, *spiked) = self.step(*v, *spiked, current);
            f64::from(u8::from(*spiked))
        });
        Value::real(x.shape, spikes.collect())
    }
}
