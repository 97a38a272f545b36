//! Arithmetic of one lane: elementwise operations, tables, neurons without memory.

use super::core::CoreBuilder;
use super::format::{signed_bits, value_bits};
use super::sweep::{Lanes, Stages};
use crate::netlist::{index_bits, Bits, Module};
use pulvinar_ir::op::carry::Carry;
use pulvinar_ir::op::lif::Lif;
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

/// A two's complement number within bounds, in `width` bits.
pub fn clamp(m: &mut Module, value: &Bits, (lo, hi): (i64, i64), width: u32) -> Bits {
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
        Element::Select => {
            let clear = m.is(a, 0);
            let value = m.sext(b, width);
            m.mux(&clear, &Bits::unsigned(0, width), &value)
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
        Element::Lif(_) | Element::Fire(_) | Element::Accumulate(_) | Element::Radix(_) => {
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

    /// Spikes of neurons without memory on the current in `stage`.
    pub(super) fn firing(&mut self, at: &Stages, lif: &Lif, current: &[Bits], stage: usize) -> Vec<Bits> {
        let table = self.stage.neurons.clone();
        let (biases, thresholds): (Vec<i64>, Vec<i64>) =
            table.all().iter().map(|k| (k.bias, k.threshold)).unzip();
        let bits = |values: &[i64]| values.iter().map(|&v| signed_bits(v, v)).max().unwrap_or(1);
        let width = (current[0].width() + lif.input_shift).max(bits(&biases)) + 1;
        let wide = width.max(bits(&thresholds));
        let bias = self.by_step(&table, &(biases, width), at, stage);
        let threshold = self.by_step(&table, &(thresholds, wide), at, stage);
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
}
