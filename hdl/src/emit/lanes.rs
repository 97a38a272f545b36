//! Arithmetic of one lane: elementwise operations and the neuron.

use super::core::CoreBuilder;
use super::format::{signed_bits, value_bits};
use super::sweep::{Lanes, Stages};
use crate::netlist::{index_bits, Bits, Module};
use pulvinar_ir::op::carry::Carry;
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::neuron::ResetTiming;
use pulvinar_ir::NodeId;
use pulvinar_simulator::prepare::sweep::Element;

/// `value · factor` of an unsigned number, in `width` bits.
pub fn scaled(m: &mut Module, value: &Bits, factor: u64, width: u32) -> Bits {
    if factor == 0 {
        return Bits::unsigned(0, width);
    }
    let signed = m.zext(value, value.width() + 1);
    let product = m.mul(&signed, &Bits::unsigned(factor, index_bits(factor as usize + 1) + 1));
    m.zext(&product, width)
}

/// `round_half_up(product / 2^shift)` in `width` bits.
fn round_shift(m: &mut Module, product: &Bits, shift: u32, width: u32) -> Bits {
    if shift == 0 {
        return m.sext(product, width);
    }
    let wide = m.sext(product, product.width().max(shift) + 1);
    let half = Bits::Const { value: 1 << (shift - 1), width: wide.width() };
    let sum = m.add(&wide, &half);
    let high = m.slice(&sum, shift, sum.width() - shift);
    m.sext(&high, width)
}

fn clamp(m: &mut Module, value: &Bits, (lo, hi): (i64, i64), width: u32) -> Bits {
    let wide = value.width().max(signed_bits(lo, hi));
    let value = m.sext(value, wide);
    let (low, high) = (Bits::signed(lo, wide), Bits::signed(hi, wide));
    let under = m.less(&value, &low);
    let over = m.less(&high, &value);
    let capped = m.mux(&over, &high, &value);
    let capped = m.mux(&under, &low, &capped);
    m.sext(&capped, width)
}

/// One elementwise operation (not a table or the neuron) in `width` bits.
pub fn element(m: &mut Module, op: &Element<'_>, a: &Bits, b: &Bits, width: u32) -> Bits {
    match op {
        Element::Relu => {
            let sign = m.bit(a, a.width() - 1);
            let zero = Bits::unsigned(0, a.width());
            let positive = m.mux(&sign, &zero, a);
            m.sext(&positive, width)
        }
        Element::Emit => m.sext(a, width),
        Element::Add => {
            let (a, b) = (m.sext(a, width), m.sext(b, width));
            m.add(&a, &b)
        }
        Element::Gate(gate) => {
            let product = m.mul(a, b);
            round_shift(m, &product, gate.shift, width)
        }
        Element::Requantise(r) => {
            let factor = Bits::signed(r.mul, signed_bits(r.mul, r.mul));
            let product = m.mul(a, &factor);
            // Wide enough for the largest quotient, then clamped.
            let quotient_bits = product.width() + 1;
            let quotient = round_shift(m, &product, r.shift, quotient_bits);
            clamp(m, &quotient, (r.lo, r.hi), width)
        }
        Element::Table(..) | Element::Pulse | Element::Hold => {
            unreachable!("a table, and what depends on the step, is built apart")
        }
        Element::Carry(carry) => carry_on(m, carry, a, width),
        Element::Lif(_) | Element::Fire(_) | Element::Accumulate(_) => {
            unreachable!("neurons and sums over time have constants and are built apart")
        }
    }
}

/// What a neuron carries on of its membrane.
fn carry_on(m: &mut Module, carry: &Carry, u: &Bits, width: u32) -> Bits {
    let factor = Bits::signed(carry.leak, signed_bits(carry.leak, carry.leak));
    let product = m.mul(u, &factor);
    let shift = carry.leak_shift + carry.fraction;
    let wide = m.sext(&product, product.width().max(shift + 1));
    let leaked = m.slice(&wide, shift, wide.width() - shift);
    let silent = clamp(m, &leaked, (carry.floor, i64::MAX >> 16), width.max(leaked.width()));
    let bits = u.width().max(signed_bits(carry.threshold, carry.threshold));
    let (compared, threshold) = (m.sext(u, bits), Bits::signed(carry.threshold, bits));
    let under = m.less(&compared, &threshold);
    let silent = m.sext(&silent, width);
    m.mux(&under, &silent, &Bits::signed(carry.reset, width))
}

/// Write port of the membranes that are gated before they fire (to be joined).
pub struct MembraneWrite {
    enable: Bits,
    word: Bits,
    values: Bits,
    width: u32,
}

/// Constants of a neuron, one a lane.
struct Constants {
    bias: Vec<Bits>,
    threshold: Vec<Bits>,
    reset: Vec<Bits>,
    initial: Vec<Bits>,
    clamp: Option<Vec<Bits>>,
}

impl CoreBuilder<'_> {
    /// The operands in the first step, then zeros.
    pub(super) fn pulsed(&mut self, at: &Stages, operands: &[Bits], width: u32) -> Vec<Bits> {
        let first = self.m.is(&at.step, 0);
        let pulse = |operand: &Bits| {
            let value = self.m.sext(operand, width);
            self.m.mux(&first, &value, &Bits::unsigned(0, width))
        };
        operands.iter().map(pulse).collect()
    }

    /// The operands of the first step, kept in the membrane memory; written when the word leaves the stage.
    pub(super) fn held(&mut self, at: &Stages, operands: &[Bits], width: u32, stage: usize) -> Vec<Bits> {
        let first = self.m.is(&at.step, 0);
        let last_pass = self.m.is(&at.pass, (self.stage.passes.len() - 1) as u64);
        let values: Vec<Bits> = operands.iter().map(|o| self.m.sext(o, width)).collect();
        let read = self.m.and(&at.places[stage - 1].valid, &at.advance);
        let write =
            self.m.all(&[at.places[stage].valid.clone(), at.advance.clone(), first.clone(), last_pass]);
        let (from, to) = (at.places[stage - 1].word.clone(), at.places[stage].word.clone());
        let (lanes, words) = (self.lanes() as u32, self.plan.words);
        let written = self.m.join(&values);
        let kept = self.ram("membrane", (lanes * width, words), (read, from), (write, to, written));
        let value = |(l, value): (usize, &Bits)| {
            let stored = self.m.slice(&kept, l as u32 * width, width);
            self.m.mux(&first, value, &stored)
        };
        values.iter().enumerate().map(value).collect()
    }

    /// Entries of a table, one memory a lane.
    pub(super) fn looked_up(
        &mut self,
        (table, lo): (&[i32], i64),
        operands: &[Bits],
        width: u32,
    ) -> Vec<Bits> {
        let bits = index_bits(table.len());
        let look = |operand: &Bits| {
            let wide = operand.width().max(signed_bits(lo, lo)) + 1;
            let value = self.m.sext(operand, wide);
            let index = self.m.sub(&value, &Bits::signed(lo, wide));
            let index = self.m.zext(&index, bits);
            let data = table.iter().map(|&v| Bits::signed(v.into(), width)).collect();
            self.lookup("table", width, data, index)
        };
        operands.iter().map(look).collect()
    }

    /// Neurons of all lanes on the current in `stage`; gives the spikes of that stage.
    ///
    /// The membrane potential is read two stages earlier, leaks in between, and is written back when the word leaves.
    pub(super) fn neuron(
        &mut self,
        at: &Stages,
        id: NodeId,
        lif: &Lif,
        current: &[Bits],
        stage: usize,
    ) -> Vec<Bits> {
        let source = self.graph().node(id).inputs[0];
        let input = self.graph().node(source).ty.as_int("").cloned();
        let range = input.map_or((0, 0), |t| (t.lo, t.hi));
        let (lo, hi) = lif.state_range(&self.stage.neurons, range, self.machine().steps);
        let width = signed_bits(lo, hi);
        let late = lif.reset_timing == ResetTiming::NextStep;
        let constants = self.neuron_constants(at, width, stage, late);
        let cell = width + u32::from(late);
        let lanes = self.lanes() as u32;
        let written = self.m.wire("membrane_next", lanes * cell);
        let read = self.m.and(&at.places[stage - 2].valid, &at.advance);
        let write = self.m.and(&at.places[stage].valid, &at.advance);
        let last_pass = self.m.is(&at.pass, (self.stage.passes.len() - 1) as u64);
        let write = self.m.and(&write, &last_pass);
        let words = self.plan.words;
        let (from, to) = (at.places[stage - 2].word.clone(), at.places[stage].word.clone());
        let state = self.ram("membrane", (lanes * cell, words), (read, from), (write, to, written.clone()));
        let first = self.m.is(&at.step, 0);
        let (mut spikes, mut next) = (Vec::new(), Vec::new());
        for l in 0..lanes {
            let raw = self.m.slice(&state, l * cell, width);
            let stored = self.m.mux(&first, &constants.initial[l as usize], &raw);
            let fired = if late {
                let bit = self.m.bit(&state, l * cell + width);
                let again = self.m.not(&first);
                self.m.and(&bit, &again)
            } else {
                Bits::zero()
            };
            let [spike, membrane, _] = one_neuron(
                &mut self.m,
                &at.advance,
                lif,
                (&constants, l as usize),
                width,
                (&stored, &fired),
                &current[l as usize],
            );
            next.push(membrane);
            if late {
                next.push(spike.clone());
            }
            spikes.push(self.m.zext(&spike, 2));
        }
        let joined = self.m.join(&next);
        self.join_nets(&written, &joined);
        spikes
    }

    /// Spikes of neurons without memory on the current in `stage`.
    pub(super) fn firing(&mut self, at: &Stages, lif: &Lif, current: &[Bits], stage: usize) -> Vec<Bits> {
        let neurons = self.stage.neurons.clone();
        let (biases, thresholds): (Vec<i64>, Vec<i64>) =
            neurons.iter().map(|k| (k.bias, k.threshold)).unzip();
        let bits = |values: &[i64]| values.iter().map(|&v| signed_bits(v, v)).max().unwrap_or(1);
        let width = (current[0].width() + lif.input_shift).max(bits(&biases)) + 1;
        let wide = width.max(bits(&thresholds));
        let bias = self.per_channel(&biases, width, at, stage);
        let threshold = self.per_channel(&thresholds, wide, at, stage);
        let mut spikes = Vec::new();
        for (lane, x) in current.iter().enumerate() {
            let x = self.m.sext(x, width);
            let shifted = self.m.shift_left(&x, lif.input_shift);
            let shifted = self.m.zext(&shifted, width);
            let h = self.m.add(&shifted, &bias[lane]);
            let h = self.m.sext(&h, wide);
            let under = self.m.less(&h, &threshold[lane]);
            let spike = self.m.not(&under);
            spikes.push(self.m.zext(&spike, 2));
        }
        spikes
    }

    /// The memory of membranes that are gated before they fire: what the step before has left, in stage 1, and the net of
    /// what is written back.
    pub(super) fn membranes(&mut self, at: &Stages) -> Option<(Lanes, MembraneWrite)> {
        let id = self.stage.stage.carry(self.graph())?;
        let width = value_bits(self.graph(), id) + 1;
        let lanes = self.lanes() as u32;
        let write = MembraneWrite {
            enable: self.m.wire("membrane_wen", 1),
            word: self.m.wire("membrane_waddr", index_bits(self.plan.words)),
            values: self.m.wire("membrane_next", lanes * width),
            width,
        };
        let read = self.m.and(&at.places[0].valid, &at.advance);
        let from = at.places[0].word.clone();
        let written = (write.enable.clone(), write.word.clone(), write.values.clone());
        let data = self.ram("membrane", (lanes * width, self.plan.words), (read, from), written);
        let first = self.m.is(&at.step, 0);
        let zero = Bits::unsigned(0, width);
        let values = (0..lanes)
            .map(|l| {
                let stored = self.m.slice(&data, l * width, width);
                self.m.mux(&first, &zero, &stored)
            })
            .collect();
        Some((Lanes { values, stage: 1 }, write))
    }

    /// Writes back what is carried on, known in `stage` of the last pass.
    pub(super) fn write_membranes(
        &mut self,
        at: &Stages,
        write: &MembraneWrite,
        values: &[Bits],
        stage: usize,
    ) {
        let last_pass = self.m.is(&at.pass, self.stage.last_pass() as u64);
        let leaves = self.m.and(&at.places[stage].valid, &at.advance);
        let enable = self.m.and(&leaves, &last_pass);
        let wide: Vec<Bits> = values.iter().map(|v| self.m.sext(v, write.width)).collect();
        let joined = self.m.join(&wide);
        for (net, value) in
            [(&write.enable, enable), (&write.word, at.places[stage].word.clone()), (&write.values, joined)]
        {
            self.join_nets(net, &value);
        }
    }

    fn neuron_constants(&mut self, at: &Stages, width: u32, stage: usize, late: bool) -> Constants {
        let neurons = self.stage.neurons.clone();
        let list =
            |f: fn(&pulvinar_ir::op::lif::LifConstants) -> i64| neurons.iter().map(f).collect::<Vec<i64>>();
        let thresholds = list(|k| k.threshold);
        let wide = thresholds.iter().map(|&v| signed_bits(v, v)).max().unwrap_or(1).max(width);
        let clamps = list(|k| k.clamp_min);
        let clamped = clamps.iter().any(|&v| v > i64::MIN);
        let lowest = -(1i64 << (width - 1));
        let clamps: Vec<i64> = clamps.iter().map(|&v| v.max(lowest)).collect();
        let clamp_width = clamps.iter().map(|&v| signed_bits(v, v)).max().unwrap_or(1).max(width);
        Constants {
            bias: self.per_channel(&list(|k| k.bias), width, at, stage),
            threshold: self.per_channel(&thresholds, wide, at, stage),
            reset: self.per_channel(&list(|k| k.reset), width, at, stage - usize::from(late)),
            initial: self.per_channel(&list(|k| k.initial), width, at, stage - 1),
            clamp: clamped.then(|| self.per_channel(&clamps, clamp_width, at, stage)),
        }
    }
}

/// Spike, new membrane potential and leaked one (a stage earlier) of one lane; sums are modulo 2^width, and the proven
/// range fits.
fn one_neuron(
    m: &mut Module,
    advance: &Bits,
    lif: &Lif,
    (k, lane): (&Constants, usize),
    width: u32,
    (stored, fired): (&Bits, &Bits),
    current: &Bits,
) -> [Bits; 3] {
    // The stage before the current's: reset of the last step, leak.
    let before = match lif.reset {
        LifReset::Value => m.mux(fired, &k.reset[lane], stored),
        LifReset::Subtract => {
            let less = m.sub(stored, &k.reset[lane]);
            m.mux(fired, &less, stored)
        }
        LifReset::None => stored.clone(),
    };
    let leaked = if lif.leak == 1 << lif.leak_shift {
        before
    } else {
        let factor = Bits::signed(lif.leak, signed_bits(lif.leak, lif.leak));
        let product = m.mul(&before, &factor);
        let high = m.sext(&product, product.width().max(lif.leak_shift + 1));
        let high = m.slice(&high, lif.leak_shift, high.width() - lif.leak_shift);
        m.sext(&high, width)
    };
    let leaked = m.delayed(&format!("leaked_l{lane}"), leaked, Some(advance.clone()));
    let wide = m.sext(current, width.max(current.width()));
    let shifted = m.shift_left(&wide, lif.input_shift);
    let shifted = m.zext(&shifted, width);
    let sum = m.add(&leaked, &shifted);
    let h = m.add(&sum, &k.bias[lane]);
    let compared = m.sext(&h, k.threshold[lane].width());
    let under = m.less(&compared, &k.threshold[lane]);
    let spike = m.not(&under);
    let after = match (lif.reset_timing == ResetTiming::NextStep, lif.reset) {
        (true, _) | (_, LifReset::None) => h,
        (_, LifReset::Value) => m.mux(&spike, &k.reset[lane], &h),
        (_, LifReset::Subtract) => {
            let less = m.sub(&h, &k.reset[lane]);
            m.mux(&spike, &less, &h)
        }
    };
    let Some(clamps) = &k.clamp else { return [spike, after, leaked] };
    let clamp = &clamps[lane];
    let value = m.sext(&after, clamp.width());
    let low = m.less(&value, clamp);
    let bounded = m.mux(&low, clamp, &value);
    let bounded = m.zext(&bounded, width);
    [spike, bounded, leaked]
}

/// One lane's neuron as the module `neuron`, for proofs: state and constants are inputs of `width` bits, the current
/// has `current_bits`. `stored`, `fired` and the reset of a late neuron belong to the stage before the others; `leaked`
/// is the register between.
pub fn neuron_module(lif: &Lif, width: u32, current_bits: u32) -> Module {
    let late = lif.reset_timing == ResetTiming::NextStep;
    let mut m = Module::new("neuron", "One neuron.");
    let mut port = |name: &str, width| m.input(name, width);
    let (advance, stored, fired) = (port("advance", 1), port("stored", width), port("fired", 1));
    let current = port("current", current_bits);
    let [bias, threshold, reset, clamp] =
        ["bias", "threshold", "reset", "clamp"].map(|name| vec![port(name, width)]);
    let clamp = lif.clamp_min.as_ref().map(|_| clamp);
    let constants = Constants { bias, threshold, reset, initial: Vec::new(), clamp };
    let fired = if late { fired } else { Bits::zero() };
    let [spike, membrane, leaked] =
        one_neuron(&mut m, &advance, lif, (&constants, 0), width, (&stored, &fired), &current);
    m.output("leaked", leaked);
    m.output("spike", spike);
    m.output("membrane", membrane);
    m
}
