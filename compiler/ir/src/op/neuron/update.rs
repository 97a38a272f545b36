//! The neuron's step and its constants by channel and step.

use super::{Neuron, Output, Parameter, Reset, ResetTiming};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Constants of one channel in one step; what the neuron does not have is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // the attributes of these names
pub struct Constants {
    pub leak: f64,
    pub leak_fired: f64,
    pub input_gain: f64,
    pub input_bias: f64,
    pub threshold: f64,
    pub negative: f64,
    pub reset: f64,
    pub initial: f64,
    pub amplitude: f64,
    pub current_leak: f64,
}

/// Constants of all channels and steps: one entry for all, or as many as differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    all: Vec<Constants>,
    steps: usize,
    channels: usize,
}

impl Table {
    /// Those of step t and channel c.
    #[inline]
    pub fn at(&self, t: usize, c: usize) -> &Constants {
        let t = if self.steps == 1 { 0 } else { t };
        let c = if self.channels == 1 { 0 } else { c };
        &self.all[t * self.channels + c]
    }
    /// Steps that differ: 1 or T.
    pub fn steps(&self) -> usize {
        self.steps
    }
    /// Channels that differ: 1 or C.
    pub fn channels(&self) -> usize {
        self.channels
    }
}

/// What a neuron keeps from step to step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct State {
    /// Membrane potential.
    pub membrane: f64,
    /// Synaptic current.
    pub current: f64,
    /// Emission of the step before.
    pub last: i64,
    /// Sum of all emissions.
    pub spent: i64,
}

impl State {
    /// Before the first step.
    pub fn at(membrane: f64) -> Self {
        State { membrane, ..State::default() }
    }
}

/// True if a tensor of this shape holds a constant for every step and channel.
pub(in crate::op) fn fits(tensor: &[usize], x: Shape) -> bool {
    match *tensor {
        [c] => c == 1 || c == x.c,
        [t, c] => t == x.t && (c == 1 || c == x.c),
        _ => false,
    }
}

/// Index of (t, c) in a tensor of this shape that `fits`.
#[inline]
pub(in crate::op) fn place(tensor: &[usize], (t, c): (usize, usize)) -> usize {
    match *tensor {
        [n] => c.min(n - 1),
        [_, n] => t * n + c.min(n - 1),
        _ => unreachable!("the type rule has checked the rank"),
    }
}

/// Steps and channels among which tensors of these shapes differ.
pub(in crate::op) fn extent<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> (usize, usize) {
    shapes.fold((1, 1), |(steps, channels), shape| match *shape {
        [c] => (steps, channels.max(c)),
        [t, c] => (steps.max(t), channels.max(c)),
        _ => (steps, channels),
    })
}

impl Neuron {
    /// Constants by step and channel, given the tensors.
    pub fn table<'a>(&self, tensor: impl Fn(&str) -> &'a Tensor) -> Table {
        let (steps, channels) = extent(self.each.values().map(|n| tensor(n).shape.as_slice()));
        let at = |t: usize, c: usize| {
            let value = |p: Parameter| match self.each.get(&p) {
                Some(name) => {
                    let tensor = tensor(name);
                    let values = tensor.as_real().expect("level trained");
                    f64::from(values[place(&tensor.shape, (t, c))])
                }
                None => self.constant(p).unwrap_or(0.0),
            };
            let leak = value(Parameter::Leak);
            Constants {
                leak,
                leak_fired: if self.leak_fired.is_some() { value(Parameter::LeakFired) } else { leak },
                input_gain: value(Parameter::InputGain),
                input_bias: value(Parameter::InputBias),
                threshold: value(Parameter::Threshold),
                negative: value(Parameter::Negative),
                reset: value(Parameter::Reset),
                initial: value(Parameter::Initial),
                amplitude: value(Parameter::Amplitude),
                current_leak: value(Parameter::CurrentLeak),
            }
        };
        let all = (0..steps).flat_map(|t| (0..channels).map(move |c| (t, c))).map(|(t, c)| at(t, c)).collect();
        Table { all, steps, channels }
    }

    fn reset(&self, k: &Constants, v: f64, s: i64) -> f64 {
        match self.reset {
            _ if s == 0 => v,
            Reset::Value { .. } => k.reset,
            Reset::Subtract { .. } => v - k.reset * s as f64,
            Reset::None => v,
        }
    }

    /// H of this step; the synaptic current moves on.
    fn charge(&self, k: &Constants, state: &mut State, x: f64) -> f64 {
        let last = state.last;
        let clears = |timing| last != 0 && self.reset_timing == timing;
        let next_step = clears(ResetTiming::NextStep);
        let drive = self.current.map_or(x, |c| {
            let before = if c.reset && next_step { 0.0 } else { state.current };
            let after = k.current_leak * before + x;
            state.current = if c.reset && clears(ResetTiming::NextCharge) { 0.0 } else { after };
            if c.delayed {
                before
            } else {
                after
            }
        });
        let v = if next_step { self.reset(k, state.membrane, last) } else { state.membrane };
        let leak = if last == 0 { k.leak } else { k.leak_fired };
        let h = leak * v + k.input_gain * drive + k.input_bias;
        if clears(ResetTiming::NextCharge) {
            self.reset(k, h, last)
        } else {
            h
        }
    }

    /// S of this step.
    fn emit(&self, k: &Constants, h: f64, spent: i64) -> i64 {
        let mut s = if self.levels == 1 {
            i64::from(self.compare.fires(h, k.threshold))
        } else {
            (h / k.threshold).round_ties_even().clamp(0.0, f64::from(self.levels)) as i64
        };
        if let (0, Some(negative)) = (s, &self.negative) {
            s = -i64::from(negative.compare.fires(-h, k.negative));
        }
        self.budget.map_or(s, |[lo, hi]| (spent + s).clamp(lo, hi) - spent)
    }

    /// One step of one neuron on the current `x`: what leaves it. The new state is in `state`.
    #[inline]
    pub fn step(&self, k: &Constants, state: &mut State, x: f64) -> f64 {
        let h = self.charge(k, state, x);
        let s = self.emit(k, h, state.spent);
        let now = self.reset_timing == ResetTiming::SameStep;
        let v = if now { self.reset(k, h, s) } else { h };
        if now && s != 0 && self.current.is_some_and(|c| c.reset) {
            state.current = 0.0;
        }
        state.membrane = self.clamp_min.map_or(v, |m| v.max(m));
        (state.last, state.spent) = (s, state.spent + s);
        match self.output {
            Output::Spikes => k.amplitude * s as f64,
            Output::Membrane { above_threshold, relu } => {
                let y = if above_threshold { h - k.threshold } else { h };
                if relu {
                    y.max(0.0)
                } else {
                    y
                }
            }
        }
    }
}
