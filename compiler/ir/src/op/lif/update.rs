//! The integer neuron's step, its constants by channel and step, and the proof of its ranges.

use super::{Lif, LifOutput, LifReset};
use crate::op::neuron::{extent, place, ResetTiming};
use crate::tensor::Tensor;

/// Constants of one channel in one step; what the neuron does not have is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifConstants {
    /// Leak multiplier.
    pub leak: i64,
    /// Leak multiplier after a spike.
    pub leak_fired: i64,
    /// Factor on the input, 2^`input_shift` without a gain.
    pub gain: i64,
    /// Constant current.
    pub bias: i64,
    /// Threshold.
    pub threshold: i64,
    /// Thresholds of the second spike on.
    pub higher: Vec<i64>,
    /// Bound below which a negative spike leaves.
    pub negative: i64,
    /// Reset constant.
    pub reset: i64,
    /// Initial membrane potential.
    pub initial: i64,
    /// Lower bound; `i64::MIN` for none.
    pub clamp_min: i64,
    /// Leak multiplier of the synaptic current.
    pub current_leak: i64,
    /// Taken off a membrane that leaves.
    pub minus: i64,
}

/// Constants by step and channel; one row where no step differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifTable {
    all: Vec<LifConstants>,
    channels: usize,
}

impl LifTable {
    /// One row.
    pub fn of(row: Vec<LifConstants>) -> Self {
        LifTable { channels: row.len(), all: row }
    }
    /// Rows of `channels` entries one after the other.
    pub fn rows(all: Vec<LifConstants>, channels: usize) -> Self {
        LifTable { all, channels }
    }
    /// Constants of the channels in a step.
    #[inline]
    pub fn row(&self, step: usize) -> &[LifConstants] {
        let first = if self.all.len() == self.channels { 0 } else { step * self.channels };
        &self.all[first..first + self.channels]
    }
    /// Rows one after the other.
    pub fn all(&self) -> &[LifConstants] {
        &self.all
    }
    /// Rows: 1, or one a step.
    pub fn steps(&self) -> usize {
        self.all.len() / self.channels.max(1)
    }
    /// True for a stage without a neuron.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// What a neuron keeps from step to step; the proof says that 32 bits hold it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LifState {
    /// Membrane potential.
    pub membrane: i32,
    /// Synaptic current.
    pub current: i32,
    /// s of the step before.
    pub last: i32,
    /// Σ s.
    pub spent: i32,
}

impl LifState {
    /// Before the first step.
    pub fn at(membrane: i64) -> Self {
        LifState { membrane: membrane as i32, ..LifState::default() }
    }
}

/// Proven ranges over all steps and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifRanges {
    /// Membrane potential, h included.
    pub membrane: (i64, i64),
    /// h.
    pub charged: (i64, i64),
    /// Synaptic current.
    pub current: (i64, i64),
}

impl Lif {
    /// Constants by step for `channels` channels (or as few as differ), given the tensors.
    pub fn table<'a>(&self, channels: Option<usize>, tensor: impl Fn(&str) -> &'a Tensor) -> LifTable {
        use super::OpRule;
        let (steps, differ) = extent(self.tensors().into_iter().map(|n| tensor(n).shape.as_slice()));
        let channels = channels.unwrap_or(differ);
        let all = (0..steps).flat_map(|t| (0..channels).map(move |c| (t, c)));
        LifTable { all: all.map(|at| self.constants_at(at, &tensor)).collect(), channels }
    }

    fn constants_at<'a>(&self, at: (usize, usize), tensor: &impl Fn(&str) -> &'a Tensor) -> LifConstants {
        let read = |name: &str| {
            let t = tensor(name);
            i64::from(t.as_int().expect("the tensor rule has checked the level")[place(&t.shape, at)])
        };
        let or = |name: &Option<String>, none: i64| name.as_deref().map_or(none, read);
        let leak = or(&self.leaks, self.leak);
        LifConstants {
            leak,
            leak_fired: or(&self.leak_fired, leak),
            gain: or(&self.input_gain, 1 << self.input_shift),
            bias: or(&self.bias, 0),
            threshold: read(&self.threshold),
            higher: self.higher.iter().map(|n| read(n)).collect(),
            negative: or(&self.negative, 0),
            reset: or(&self.reset_value, 0),
            initial: or(&self.initial, 0),
            clamp_min: or(&self.clamp_min, i64::MIN),
            current_leak: self.current.as_ref().map_or(0, |c| or(&c.leaks, c.leak)),
            minus: match &self.output {
                LifOutput::Membrane { minus, .. } => or(minus, 0),
                LifOutput::Spikes => 0,
            },
        }
    }

    #[inline]
    fn reset(&self, k: &LifConstants, v: i64, s: i64) -> i64 {
        match self.reset {
            LifReset::Value if s != 0 => k.reset,
            LifReset::Subtract => v - k.reset * s,
            _ => v,
        }
    }

    /// h of this step; the synaptic current moves on.
    #[inline]
    fn charge(&self, k: &LifConstants, state: &mut LifState, x: i64) -> i64 {
        let last = i64::from(state.last);
        let clears = |timing| last != 0 && self.reset_timing == timing;
        let drive = match &self.current {
            None => x * k.gain,
            Some(c) => {
                let before =
                    if c.reset && clears(ResetTiming::NextStep) { 0 } else { i64::from(state.current) };
                let after = ((before * k.current_leak) >> c.leak_shift) + (x << self.input_shift);
                state.current = if c.reset && clears(ResetTiming::NextCharge) { 0 } else { after as i32 };
                if c.delayed {
                    before
                } else {
                    after
                }
            }
        };
        let v = i64::from(state.membrane);
        let v = if self.reset_timing == ResetTiming::NextStep { self.reset(k, v, last) } else { v };
        let leak = if last == 0 { k.leak } else { k.leak_fired };
        let h = ((v * leak) >> self.leak_shift) + drive + k.bias;
        if self.reset_timing == ResetTiming::NextCharge {
            self.reset(k, h, last)
        } else {
            h
        }
    }

    /// s of this step.
    #[inline]
    fn emit(&self, k: &LifConstants, h: i64, spent: i32) -> i64 {
        let mut s = i64::from(h >= k.threshold);
        s += k.higher.iter().filter(|&&t| h >= t).count() as i64;
        if s == 0 && self.negative.is_some() && h < k.negative {
            s = -1;
        }
        let spent = i64::from(spent);
        self.budget.map_or(s, |[lo, hi]| (spent + s).clamp(lo, hi) - spent)
    }

    /// One step of one neuron on the current `x`: what leaves it. The new state is in `state`.
    #[inline]
    pub fn step(&self, k: &LifConstants, state: &mut LifState, x: i64) -> i64 {
        let h = self.charge(k, state, x);
        let s = self.emit(k, h, state.spent);
        let now = self.reset_timing == ResetTiming::SameStep;
        let v = if now { self.reset(k, h, s) } else { h };
        if now && s != 0 && self.current.as_ref().is_some_and(|c| c.reset) {
            state.current = 0;
        }
        state.membrane = v.max(k.clamp_min) as i32;
        (state.last, state.spent) = (s as i32, state.spent + if self.budget.is_some() { s as i32 } else { 0 });
        match self.output {
            LifOutput::Spikes => s,
            LifOutput::Membrane { shift, relu, .. } => {
                let y = (h - k.minus) >> shift;
                if relu {
                    y.max(0)
                } else {
                    y
                }
            }
        }
    }

    /// Proven ranges after `timesteps` steps on inputs in `lo..=hi`.
    ///
    /// Membrane, current and input are followed as independent intervals, whatever fires. Clipped to `i64`; the sums are taken
    /// in `i128`.
    pub fn state_ranges(&self, table: &LifTable, input: (i64, i64), timesteps: usize) -> LifRanges {
        let mut all = Wide { membrane: (0, 0), charged: (i128::MAX, i128::MIN), current: (0, 0) };
        for c in 0..table.channels {
            self.follow(|t| &table.row(t)[c], input, timesteps, &mut all);
        }
        let clip = |(lo, hi): (i128, i128)| {
            let clip = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
            (clip(lo), clip(hi))
        };
        let charged = if all.charged.0 > all.charged.1 { (0, 0) } else { all.charged };
        LifRanges { membrane: clip(all.membrane), charged: clip(charged), current: clip(all.current) }
    }

    /// Range of a membrane in `v` after a reset that may or may not come.
    fn after_reset(&self, k: &LifConstants, (lo, hi): (i128, i128)) -> (i128, i128) {
        let reset = i128::from(k.reset);
        match self.reset {
            LifReset::Value => (lo.min(reset), hi.max(reset)),
            LifReset::Subtract => {
                let steps = self.emitted().map(|s| i128::from(s) * reset);
                let (most, least) = (steps[0].max(steps[1]).max(0), steps[0].min(steps[1]).min(0));
                (lo - most, hi - least)
            }
            LifReset::None => (lo, hi),
        }
    }

    fn follow<'k>(&self, k: impl Fn(usize) -> &'k LifConstants, (lo, hi): (i64, i64), steps: usize, all: &mut Wide) {
        let (lo, hi) = (i128::from(lo), i128::from(hi));
        let (mut v, mut e) = ((i128::from(k(0).initial), i128::from(k(0).initial)), (0, 0));
        for t in 0..steps {
            let k = k(t);
            let r = self.after_reset(k, v);
            let drive = match &self.current {
                None => scaled((lo, hi), k.gain.into(), 0),
                Some(c) => {
                    let before = if c.reset { hull(e, (0, 0)) } else { e };
                    let kept = scaled(before, k.current_leak.into(), c.leak_shift);
                    let after = (kept.0 + (lo << self.input_shift), kept.1 + (hi << self.input_shift));
                    e = if c.reset { hull(after, (0, 0)) } else { after };
                    all.current = hull(all.current, after);
                    if c.delayed {
                        before
                    } else {
                        after
                    }
                }
            };
            let kept = scaled(r, k.leak.into(), self.leak_shift);
            let kept = if self.leak_fired.is_some() {
                hull(kept, scaled(r, k.leak_fired.into(), self.leak_shift))
            } else {
                kept
            };
            let bias = i128::from(k.bias);
            let mut h = (kept.0 + drive.0 + bias, kept.1 + drive.1 + bias);
            all.membrane = hull(all.membrane, hull(h, r));
            if self.reset_timing == ResetTiming::NextCharge {
                h = self.after_reset(k, h);
                all.membrane = hull(all.membrane, h);
            }
            all.charged = hull(all.charged, h);
            if self.reset == LifReset::Subtract {
                // Before the clamp, what a spike leaves may lie below everything else.
                let most = self.emitted().map(|s| i128::from(s) * i128::from(k.reset)).into_iter().max().unwrap_or(0);
                let least = if self.higher.is_empty() { h.0.max(k.threshold.into()) } else { h.0 };
                all.membrane.0 = all.membrane.0.min(least - most);
                if self.negative.is_some() {
                    all.membrane.1 = all.membrane.1.max(h.1.max(k.negative.into()) + i128::from(k.reset).abs());
                }
            }
            v = (h.0.max(k.clamp_min.into()), h.1.max(k.clamp_min.into()));
        }
        if self.reset == LifReset::Subtract && steps > 0 {
            all.membrane = hull(all.membrane, self.after_reset(k(steps - 1), v));
        }
    }
}

/// Ranges under way.
struct Wide {
    membrane: (i128, i128),
    charged: (i128, i128),
    current: (i128, i128),
}

fn hull(a: (i128, i128), b: (i128, i128)) -> (i128, i128) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// `(v · factor) >> shift` of a range.
fn scaled((lo, hi): (i128, i128), factor: i128, shift: u32) -> (i128, i128) {
    let (a, b) = ((lo.saturating_mul(factor)) >> shift, (hi.saturating_mul(factor)) >> shift);
    (a.min(b), a.max(b))
}
