//! Spiking neuron, as trained: one update for all of them. A step on the current X with the emission S of the step before:
//!
//! ```text
//! J[t] = X[t]                                                  without a synaptic current
//! I[t] = current_leak · I[t−1] + X[t],  J[t] = I[t] or I[t−1]  with one
//! V    = V[t−1], reset by S[t−1] if the reset comes with the next step
//! H[t] = leak · V + input_gain · J[t] + input_bias             `leak_fired` in place of the leak where S[t−1] is not 0
//!        reset by S[t−1] if the reset comes with the next charge
//! S[t] = 1 if H compare threshold                              one level
//!      = clamp(round_half_even(H / threshold), 0, levels)      several
//!      = −1 if 0 so far and −H compare negative                with a negative threshold
//!        and at most what the budget of Σ S leaves
//! V[t] = H, reset by S[t] if the reset comes in the same step; then clamped from below
//! Y[t] = amplitude · S[t], or the membrane H[t] itself
//! ```
//!
//! A reset by S sets to a value (where S is not 0) or subtracts S times a value. Every constant may be one a channel, one a
//! step or both (`each`). `docs/neurons.md` says which published neuron is which setting. MA-SNN's own is `leak = α`, reset
//! to the value `threshold` (the membrane after a spike is α·V_th).

mod update;

pub use update::{Constants, State, Table};
pub(in crate::op) use update::{extent, fits, place};

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

impl Compare {
    /// True if `value` fires at `threshold`.
    #[inline]
    pub fn fires(self, value: f64, threshold: f64) -> bool {
        match self {
            Compare::AtLeast => value >= threshold,
            Compare::Above => value > threshold,
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetTiming {
    /// In the step of the spike.
    #[default]
    SameStep,
    /// At the start of the next step, before the leak.
    NextStep,
    /// In the next step, after leak and input.
    NextCharge,
}

/// Threshold of the negative spike.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Negative {
    /// What −H is compared with.
    pub threshold: f64,
    /// Comparison.
    pub compare: Compare,
}

/// Synaptic current between input and membrane.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// Factor on the previous current, 0 to 2.
    pub leak: f64,
    /// True if the membrane takes the current of the step before.
    pub delayed: bool,
    /// True if a reset clears it.
    pub reset: bool,
}

/// What leaves the neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Output {
    /// Spikes times the amplitude.
    #[default]
    Spikes,
    /// The membrane H before its reset.
    Membrane {
        /// Minus the threshold.
        above_threshold: bool,
        /// Not below 0.
        relu: bool,
    },
}

/// A constant that may differ between channels and steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the attributes of these names
pub enum Parameter {
    Leak,
    LeakFired,
    InputGain,
    InputBias,
    Threshold,
    Negative,
    Reset,
    Initial,
    Amplitude,
    CurrentLeak,
}

/// Attributes of `neuron`. Those from `leak_fired` on may be left out of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neuron {
    /// Factor on the previous membrane potential, 0 to 2.
    pub leak: f64,
    /// Factor on the input current, above 0.
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
    /// Leak of the step after a spike; none is `leak`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_fired: Option<f64>,
    /// Value of one spike.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub amplitude: f64,
    /// Most spikes of one step.
    #[serde(default = "one_level", skip_serializing_if = "is_one_level")]
    pub levels: u32,
    /// Negative spikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<Negative>,
    /// Smallest and largest Σ S; `[0, 1]` fires once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<[i64; 2]>,
    /// Synaptic current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Current>,
    /// What leaves.
    #[serde(default, skip_serializing_if = "is_default")]
    pub output: Output,
    /// Tensors whose entries take the place of one constant: `[1]`, `[C]`, `[T, 1]` or `[T, C]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub each: BTreeMap<Parameter, String>,
}

fn one() -> f64 {
    1.0
}

fn one_level() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::float_cmp)] // serde's signature; the default itself
fn is_one(v: &f64) -> bool {
    *v == 1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one_level(v: &u32) -> bool {
    *v == 1
}

fn is_default<T: Default + PartialEq>(v: &T) -> bool {
    *v == T::default()
}

impl Default for Neuron {
    /// Integrate and fire at 1, reset to 0.
    fn default() -> Self {
        Neuron {
            leak: 1.0,
            input_gain: 1.0,
            input_bias: 0.0,
            threshold: 1.0,
            compare: Compare::AtLeast,
            reset: Reset::Value { value: 0.0 },
            reset_timing: ResetTiming::SameStep,
            initial: 0.0,
            clamp_min: None,
            leak_fired: None,
            amplitude: 1.0,
            levels: 1,
            negative: None,
            budget: None,
            current: None,
            output: Output::Spikes,
            each: BTreeMap::new(),
        }
    }
}

impl Neuron {
    /// The neuron without what came after the first files: one set of constants, one kind of spike, no current.
    #[allow(clippy::float_cmp)] // the defaults themselves
    pub fn is_plain(&self) -> bool {
        let plain = Neuron::default();
        self.leak_fired.is_none()
            && self.amplitude == plain.amplitude
            && self.levels == plain.levels
            && self.negative.is_none()
            && self.budget.is_none()
            && self.current.is_none()
            && self.output == plain.output
            && self.each.is_empty()
            && self.reset_timing != ResetTiming::NextCharge
            && self.leak <= 1.0
    }

    /// The one constant of this name, if the neuron has it.
    pub fn constant(&self, parameter: Parameter) -> Option<f64> {
        match parameter {
            Parameter::Leak => Some(self.leak),
            Parameter::LeakFired => self.leak_fired,
            Parameter::InputGain => Some(self.input_gain),
            Parameter::InputBias => Some(self.input_bias),
            Parameter::Threshold => Some(self.threshold),
            Parameter::Negative => self.negative.map(|n| n.threshold),
            Parameter::Reset => match self.reset {
                Reset::Value { value } | Reset::Subtract { value } => Some(value),
                Reset::None => None,
            },
            Parameter::Initial => Some(self.initial),
            Parameter::Amplitude => Some(self.amplitude),
            Parameter::CurrentLeak => self.current.map(|c| c.leak),
        }
    }

    /// True if only 0 and 1 leave.
    pub fn is_binary(&self) -> bool {
        self.emitted() == [0, 1] && self.output == Output::Spikes && is_one(&self.amplitude) && !self.differs(Parameter::Amplitude)
    }

    /// Real value of one spike, if spikes leave and all are worth the same.
    pub fn spike_unit(&self) -> Option<f64> {
        (self.output == Output::Spikes && !self.differs(Parameter::Amplitude)).then_some(self.amplitude)
    }

    /// True if nothing below 0 leaves.
    pub fn is_non_negative(&self) -> bool {
        match self.output {
            Output::Spikes => self.negative.is_none() && self.spike_unit().is_some(),
            Output::Membrane { relu, .. } => relu,
        }
    }

    /// True if a tensor gives this constant.
    pub fn differs(&self, parameter: Parameter) -> bool {
        self.each.contains_key(&parameter)
    }

    /// Smallest and largest emission S of a step.
    pub fn emitted(&self) -> [i64; 2] {
        let range = [-i64::from(self.negative.is_some()), i64::from(self.levels)];
        let [lo, hi] = self.budget.unwrap_or(range);
        // From the lower end of the budget a spike may reach its upper end at most.
        [range[0].max(lo - hi), range[1].min(hi - lo)]
    }

    fn check_constants(&self, cx: &InferCx<'_>) -> Result<()> {
        let all = PARAMETERS.iter().filter_map(|&p| self.constant(p)).chain(self.clamp_min);
        if !all.into_iter().all(f64::is_finite) {
            return Err(cx.refuse("a neuron constant is not finite", "export the model again"));
        }
        let leak = |v: f64| (0.0..=2.0).contains(&v);
        let leaks = [Some(self.leak), self.leak_fired, self.current.map(|c| c.leak)];
        if self.input_gain <= 0.0 || self.amplitude <= 0.0 || !leaks.into_iter().flatten().all(leak) {
            return Err(cx.refuse(
                "a neuron needs a positive input gain and amplitude, and a leak factor from 0 to 2",
                "check the time constant",
            ));
        }
        if !(1..=64).contains(&self.levels) || (self.levels > 1 && self.threshold <= 0.0) {
            return Err(cx.refuse(
                format!("{} levels at the threshold {}", self.levels, self.threshold),
                "give 1 to 64 levels, and a positive threshold if there are several",
            ));
        }
        if self.budget.is_some_and(|[lo, hi]| lo > 0 || hi < 0 || hi - lo > 1 << 20) {
            return Err(cx.refuse("the budget of spikes does not hold 0", "give a range around 0 of at most 2^20"));
        }
        Ok(())
    }

    /// Refuses tensors of constants that the neuron lacks, that fit no channel or step, or that hold what one constant may not.
    fn check_each(&self, cx: &InferCx<'_>, x: &Type) -> Result<()> {
        for (&parameter, name) in &self.each {
            let rank = cx.tensors.get(name).map_or(1, |t| t.shape.len()).clamp(1, 2);
            let tensor = cx.tensor(name, &[None, None][..rank])?;
            if self.constant(parameter).is_none() {
                return Err(cx.refuse(
                    format!("tensor `{name}` is for a constant that this neuron does not have"),
                    "leave it out, or give the attribute it belongs to",
                ));
            }
            if !fits(&tensor.shape, x.shape) {
                return Err(cx.refuse(
                    format!("tensor `{name}` is {:?} for {} channels in {} steps", tensor.shape, x.shape.c, x.shape.t),
                    "give [1], [channels], [steps, 1] or [steps, channels]",
                ));
            }
            let leaks = matches!(parameter, Parameter::Leak | Parameter::LeakFired | Parameter::CurrentLeak);
            let good = |&v: &f32| v.is_finite() && (!leaks || (0.0..=2.0).contains(&v));
            if !tensor.as_real().expect("level trained").iter().all(good) {
                return Err(cx.refuse(
                    format!("tensor `{name}` has an entry that is not finite, or a leak that is not from 0 to 2"),
                    "export the model again",
                ));
            }
        }
        Ok(())
    }
}

/// All of them.
const PARAMETERS: [Parameter; 10] = [
    Parameter::Leak,
    Parameter::LeakFired,
    Parameter::InputGain,
    Parameter::InputBias,
    Parameter::Threshold,
    Parameter::Negative,
    Parameter::Reset,
    Parameter::Initial,
    Parameter::Amplitude,
    Parameter::CurrentLeak,
];

impl OpRule for Neuron {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        self.check_constants(cx)?;
        self.check_each(cx, x)?;
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let table = self.table(|name| cx.tensor(name));
        let (n, plane) = (x.shape.step_len(), x.shape.h * x.shape.w);
        let mut state: Vec<State> = (0..n).map(|i| State::at(table.at(0, i / plane).initial)).collect();
        let step = |(i, &current): (usize, &f64)| {
            let (t, i) = (i / n, i % n);
            self.step(table.at(t, i / plane), &mut state[i], current)
        };
        Value::real(x.shape, x.reals().iter().enumerate().map(step).collect())
    }

    fn tensors(&self) -> Vec<&str> {
        self.each.values().map(String::as_str).collect()
    }
}
