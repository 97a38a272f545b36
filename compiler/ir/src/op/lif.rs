//! Spiking neuron in integers, per element and timestep; `neuron` has the same update in reals:
//!
//! ```text
//! i = ((i · current leak) >> its shift) + (x << input_shift)        only with a synaptic current
//! h = ((v · leak) >> leak_shift) + (x << input_shift) + bias        (>> is arithmetic, towards −∞)
//!     `x · input_gain` in place of the shift if there is a gain; i, or the i of the step before, if there is a current
//! s = number of thresholds that h reaches; −1 if none and h < negative; within what the budget of Σ s leaves
//! v = reset(h, s), then max(v, clamp_min)
//! y = s, or (h − minus) >> shift
//! ```
//!
//! `next_step` resets from the previous step's spikes before the leak, `next_charge` after leak and input. Constants are one
//! a layer, one a channel, one a step or both: `[1]`, `[C]`, `[T, 1]`, `[T, C]`.

mod update;

pub use update::{LifConstants, LifRanges, LifState, LifTable};

use super::neuron::ResetTiming;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// What a spike does to the membrane, in integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifReset {
    /// Sets it to the reset constant.
    Value,
    /// Subtracts the reset constant, once a spike.
    Subtract,
    /// Leaves it.
    #[default]
    None,
}

/// Synaptic current.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifCurrent {
    /// Leak multiplier, 0 ..= 2 · 2^`leak_shift`.
    pub leak: i64,
    /// Fraction bits of the leak.
    pub leak_shift: u32,
    /// Multipliers in place of the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<String>,
    /// True if the membrane takes the current of the step before.
    pub delayed: bool,
    /// True if a reset clears it.
    pub reset: bool,
}

/// What leaves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LifOutput {
    /// s.
    #[default]
    Spikes,
    /// `(h − minus) >> shift`, not below 0 with `relu`.
    Membrane {
        /// Bits dropped.
        shift: u32,
        /// Not below 0.
        relu: bool,
        /// What is taken off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minus: Option<String>,
    },
}

/// Attributes of `lif`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lif {
    /// Leak multiplier, 0 ..= 2 · 2^`leak_shift`.
    pub leak: i64,
    /// Fraction bits of the leak; 0 with `leak = 1` is no leak.
    pub leak_shift: u32,
    /// Fraction bits the membrane has beyond its input.
    pub input_shift: u32,
    /// Constant current.
    pub bias: Option<String>,
    /// Threshold of the first spike.
    pub threshold: String,
    /// Kind of reset.
    pub reset: LifReset,
    /// Reset constant.
    pub reset_value: Option<String>,
    /// Reset timing.
    pub reset_timing: ResetTiming,
    /// Membrane potential before the first step; none is 0.
    pub initial: Option<String>,
    /// Lower bound of the membrane potential.
    pub clamp_min: Option<String>,
    /// Leak multipliers in place of the one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaks: Option<String>,
    /// Leak multipliers of the step after a spike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_fired: Option<String>,
    /// Factors on the input in place of 2^`input_shift`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_gain: Option<String>,
    /// Thresholds of the second spike on, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub higher: Vec<String>,
    /// Below it a negative spike leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// Smallest and largest Σ s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<[i64; 2]>,
    /// Synaptic current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<LifCurrent>,
    /// What leaves.
    #[serde(default, skip_serializing_if = "is_spikes")]
    pub output: LifOutput,
    /// Real value of one unit of what leaves, one or one a channel; none is 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unit: Vec<f64>,
}

fn is_spikes(output: &LifOutput) -> bool {
    *output == LifOutput::Spikes
}

impl Lif {
    /// Smallest and largest s.
    pub fn emitted(&self) -> [i64; 2] {
        let range = [-i64::from(self.negative.is_some()), 1 + self.higher.len() as i64];
        let [lo, hi] = self.budget.unwrap_or(range);
        [range[0].max(lo - hi), range[1].min(hi - lo)]
    }

    /// Bits that the neuron keeps of its emissions from step to step: the last one where a later step needs it, and their sum.
    pub fn emission_bits(&self) -> u32 {
        let bits = |[lo, hi]: [i64; 2]| IntType::new(lo, hi, 1.0).bits();
        let last = self.reset_timing != ResetTiming::SameStep || self.leak_fired.is_some();
        u32::from(last) * bits(self.emitted()) + self.budget.map_or(0, bits)
    }

    /// False if a step depends on nothing of the step before and only a spike leaves: a comparator.
    pub fn has_memory(&self) -> bool {
        let plain = self.leaks.is_none()
            && self.leak_fired.is_none()
            && self.input_gain.is_none()
            && self.higher.is_empty()
            && self.negative.is_none()
            && self.budget.is_none()
            && self.current.is_none()
            && self.output == LifOutput::Spikes
            && self.reset_timing != ResetTiming::NextCharge;
        self.leak != 0 || !plain
    }

    /// The spike of a neuron without memory.
    #[inline]
    pub fn fires(&self, k: &LifConstants, x: i64) -> bool {
        (x << self.input_shift) + k.bias >= k.threshold
    }

    fn check_shifts(&self, cx: &InferCx<'_>) -> Result<()> {
        let leak = |leak: i64, shift: u32| shift <= 16 && (0..=2 << shift).contains(&leak);
        let current = self.current.as_ref().is_none_or(|c| leak(c.leak, c.leak_shift));
        if !current || !leak(self.leak, self.leak_shift) || self.input_shift > 16 {
            return Err(cx.refuse("leak or shift is out of range", "leak from 0 to 2 · 2^leak_shift, shifts at most 16"));
        }
        if matches!(self.output, LifOutput::Membrane { shift, .. } if shift > 32) {
            return Err(cx.refuse("the output drops more than 32 bits", "drop at most 32"));
        }
        if self.higher.len() > 63 || self.budget.is_some_and(|[lo, hi]| lo > 0 || hi < 0 || hi - lo > 1 << 20) {
            let help = "at most 64 levels, and a budget of at most 2^20 around 0";
            return Err(cx.refuse("too many levels, or a budget that does not hold 0", help));
        }
        if self.input_gain.is_some() && self.current.is_some() {
            return Err(cx.refuse("a gain and a synaptic current", "put the gain into the layer before the current"));
        }
        Ok(())
    }

    /// Type of what leaves, given the ranges.
    fn leaving(&self, ranges: &LifRanges, table: &LifTable) -> IntType {
        let scale = if self.unit.is_empty() { vec![1.0] } else { self.unit.clone() };
        let (lo, hi) = match &self.output {
            LifOutput::Spikes => (self.emitted()[0], self.emitted()[1]),
            LifOutput::Membrane { shift, relu, .. } => {
                let minus = table.all().iter().map(|k| k.minus);
                let (least, most) = minus.fold((i64::MAX, i64::MIN), |(l, m), v| (l.min(v), m.max(v)));
                let floor = |v: i64| if *relu { v.max(0) } else { v };
                let (h_lo, h_hi) = ranges.charged;
                (floor((h_lo.saturating_sub(most)) >> shift), floor((h_hi.saturating_sub(least)) >> shift))
            }
        };
        IntType { lo, hi, scale }
    }
}

impl OpRule for Lif {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        for name in self.tensors() {
            let rank = cx.tensors.get(name).map_or(1, |t| t.shape.len()).clamp(1, 2);
            let t = cx.tensor(name, &[None, None][..rank])?;
            if !super::neuron::fits(&t.shape, x.shape) {
                let help = "give one entry, or one per channel, per step, or per step and channel";
                return Err(cx.refuse(format!("tensor `{name}` has {} entries", t.len()), help));
            }
        }
        let int = x.as_int(cx.name)?;
        self.check_shifts(cx)?;
        if !self.unit.is_empty() && self.unit.len() != 1 && self.unit.len() != x.shape.c {
            return Err(cx.refuse("units fit no channel", "give one unit, or one per channel"));
        }
        let table = self.table(None, |n| &cx.tensors[n]);
        let leaks = |k: &LifConstants| [k.leak, k.leak_fired, k.current_leak].into_iter().all(|v| (0..=2 << 16).contains(&v));
        if !table.all().iter().all(leaks) {
            return Err(cx.refuse("a leak is out of range", "leaks from 0 to 2 · 2^leak_shift"));
        }
        let ranges = self.state_ranges(&table, (int.lo, int.hi), cx.timesteps);
        let bits = |(lo, hi): (i64, i64)| IntType::new(lo, hi, 1.0).bits();
        let bits = bits(ranges.membrane).max(bits(ranges.current));
        if bits > 32 {
            return Err(cx.refuse(format!("the membrane potential can need {bits} bits, more than 32"), "use a leak, a lower clamp, or fewer weight bits"));
        }
        Ok(Type::int(self.leaving(&ranges, &table), x.shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let (n, plane) = (x.shape.step_len(), x.shape.h * x.shape.w);
        let table = self.table(Some(x.shape.c), |name| cx.tensor(name));
        let mut state: Vec<LifState> = (0..n).map(|i| LifState::at(table.row(0)[i / plane].initial)).collect();
        let leaving = x.ints().iter().enumerate().map(|(i, &current)| {
            self.step(&table.row(i / n)[i % n / plane], &mut state[i % n], current)
        });
        Value::int(x.shape, leaving.collect())
    }

    fn tensors(&self) -> Vec<&str> {
        let minus = match &self.output {
            LifOutput::Membrane { minus, .. } => minus.as_deref(),
            LifOutput::Spikes => None,
        };
        let optional = [
            &self.bias,
            &self.reset_value,
            &self.initial,
            &self.clamp_min,
            &self.leaks,
            &self.leak_fired,
            &self.input_gain,
            &self.negative,
        ];
        let current = self.current.as_ref().and_then(|c| c.leaks.as_deref());
        let optional = optional.into_iter().filter_map(|t| t.as_deref()).chain(current).chain(minus);
        std::iter::once(self.threshold.as_str()).chain(optional).chain(self.higher.iter().map(String::as_str)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A threshold below the clamp: the spike's subtraction goes below what the clamp lets stay.
    #[test]
    fn the_range_holds_what_a_reset_leaves_before_the_clamp() {
        let lif = Lif { leak: 1, reset: LifReset::Subtract, ..Lif::default() };
        let k = LifConstants { leak: 1, leak_fired: 1, gain: 1, threshold: -60, reset: 10, clamp_min: -3, ..LifConstants::default() };
        let (lo, _) = lif.state_ranges(&LifTable::of(vec![k]), (-50, 1), 4).membrane;
        assert!(lo <= -3 - 50 - 10, "the range starts at {lo}");
    }
}
