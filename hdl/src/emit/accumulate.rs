//! Sums over time, and sums of a window that leave as trains.

use super::core::CoreBuilder;
use super::format::{signed_bits, value_bits};
use super::lanes;
use super::sweep::Stages;
use crate::netlist::Bits;
use pulvinar_ir::op::accumulate::AccumulateKind;
use pulvinar_ir::NodeId;
use pulvinar_simulator::prepare::sweep::{Element, Sum, Train};

impl CoreBuilder<'_> {
    /// True at the steps `first`, `first` + `window`, ...
    fn is_any(&mut self, step: &Bits, window: usize, first: usize) -> Bits {
        let steps: Vec<u64> = (first..self.machine().steps).step_by(window).map(|t| t as u64).collect();
        let hits: Vec<Bits> = steps.iter().map(|&t| self.m.is(step, t)).collect();
        hits.into_iter().reduce(|a, b| self.m.or(&a, &b)).expect("a window fits into the steps")
    }

    /// What a lane keeps from step to step: a memory read two stages before and written in the stage, in the last pass. Gives
    /// what is read, and the wire of what is written.
    pub(super) fn kept(
        &mut self,
        at: &Stages,
        stage: usize,
        [memory, next]: [&str; 2],
        bits: u32,
    ) -> [Bits; 2] {
        let written = self.m.wire(next, bits);
        let read = self.m.and(&at.places[stage - 2].valid, &at.advance);
        let write = self.m.and(&at.places[stage].valid, &at.advance);
        let last_pass = self.m.is(&at.pass, (self.stage.passes.len() - 1) as u64);
        let write = self.m.and(&write, &last_pass);
        let words = self.plan.words;
        let (from, to) = (at.places[stage - 2].word.clone(), at.places[stage].word.clone());
        let state = self.ram(memory, (bits, words), (read, from), (write, to, written.clone()));
        [state, written]
    }

    /// Lanes of sums that leave as trains: the state is sum and train; the highest bit of the train leaves, and what is left
    /// moves up until the next window's code takes its place.
    pub(super) fn radix(
        &mut self,
        at: &Stages,
        id: NodeId,
        train: &Train<'_>,
        current: &[Bits],
        stage: usize,
    ) -> Vec<Bits> {
        let source = self.graph().node(id).inputs[0];
        let (lo, hi) = self.graph().node(source).ty.as_int("").map_or((0, 0), |t| (t.lo, t.hi));
        let (lo, hi) = train.op.range(lo, hi);
        let (width, window) = (signed_bits(lo, hi), train.op.window);
        let least = train.bias.iter().copied().min().unwrap_or(0).min(0);
        let most = train.bias.iter().copied().max().unwrap_or(0).max(0);
        let total_width = signed_bits(lo + least, hi + most);
        let (lanes, cell) = (self.lanes() as u32, width + window as u32);
        let [state, written] = self.kept(at, stage, ["trains", "train_next"], lanes * cell);
        let never = self.m.is(&at.step, 0);
        let (first, last) = (self.is_any(&at.step, window, 0), self.is_any(&at.step, window, window - 1));
        let bias = self.per_channel(&train.bias, total_width, at, stage);
        let requantise = train.op.requantise();
        let element = Element::Requantise(&requantise);
        let (zero, none) = (Bits::unsigned(0, width), Bits::unsigned(0, window as u32));
        let (mut next, mut given) = (Vec::new(), Vec::new());
        for l in 0..lanes {
            let sum = self.m.slice(&state, l * cell, width);
            let code = self.m.slice(&state, l * cell + width, window as u32);
            let sum = self.m.mux(&first, &zero, &sum);
            let code = self.m.mux(&never, &none, &code);
            let sum = self.m.delayed(&format!("train_sum_l{l}"), sum, Some(at.advance.clone()));
            let code = self.m.delayed(&format!("train_code_l{l}"), code, Some(at.advance.clone()));
            let doubled = self.m.shift_left(&sum, 1);
            let doubled = self.m.zext(&doubled, width);
            let x = self.m.sext(&current[l as usize], width.max(current[l as usize].width()));
            let x = self.m.zext(&x, width);
            let u = self.m.add(&doubled, &x);
            let wide = self.m.sext(&u, total_width);
            let total = self.m.add(&wide, &bias[l as usize]);
            let fresh = lanes::element(&mut self.m, &element, &total, &total, window as u32 + 1);
            let fresh = self.m.zext(&fresh, window as u32);
            let moved = self.m.shift_left(&code, 1);
            let moved = self.m.zext(&moved, window as u32);
            next.push(u);
            next.push(self.m.mux(&last, &fresh, &moved));
            let bit = self.m.bit(&code, window as u32 - 1);
            given.push(self.m.zext(&bit, 2));
        }
        let joined = self.m.join(&next);
        self.join_nets(&written, &joined);
        given
    }

    /// Lanes of a sum over time in a stage: the state is read two stages before and written in the stage; in the last step the
    /// sum leaves with its bias, before that zero.
    pub(super) fn accumulate(
        &mut self,
        at: &Stages,
        id: NodeId,
        sum: &Sum<'_>,
        current: &[Bits],
        stage: usize,
    ) -> Vec<Bits> {
        let source = self.graph().node(id).inputs[0];
        let (lo, hi) = self.graph().node(source).ty.as_int("").map_or((0, 0), |t| (t.lo, t.hi));
        let (lo, hi) = sum.op.range(lo, hi);
        let (width, out) = (signed_bits(lo, hi), value_bits(self.graph(), id));
        let lanes = self.lanes() as u32;
        let [state, written] = self.kept(at, stage, ["sums", "sum_next"], lanes * width);
        let first = self.is_any(&at.step, sum.op.window, 0);
        let last = self.m.is(&at.step, sum.last as u64);
        let bias = self.per_channel(&sum.bias, out, at, stage);
        let (zero, nothing) = (Bits::unsigned(0, width), Bits::unsigned(0, out));
        let (mut next, mut given) = (Vec::new(), Vec::new());
        for l in 0..lanes {
            let raw = self.m.slice(&state, l * width, width);
            let stored = self.m.mux(&first, &zero, &raw);
            let stored = self.m.delayed(&format!("sum_l{l}"), stored, Some(at.advance.clone()));
            let stored = if sum.op.kind == AccumulateKind::Radix {
                let doubled = self.m.shift_left(&stored, 1);
                self.m.zext(&doubled, width)
            } else {
                stored
            };
            // Modulo 2^width, and the proven range fits.
            let x = self.m.sext(&current[l as usize], width.max(current[l as usize].width()));
            let x = self.m.zext(&x, width);
            let u = self.m.add(&stored, &x);
            let wide = self.m.sext(&u, out.max(width));
            let wide = self.m.zext(&wide, out);
            let total = self.m.add(&wide, &bias[l as usize]);
            given.push(self.m.mux(&last, &total, &nothing));
            next.push(u);
        }
        let joined = self.m.join(&next);
        self.join_nets(&written, &joined);
        given
    }
}
