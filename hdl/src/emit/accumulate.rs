//! Sums over time.

use super::core::CoreBuilder;
use super::format::{signed_bits, value_bits};
use super::sweep::Stages;
use crate::netlist::Bits;
use pulvinar_ir::op::accumulate::AccumulateKind;
use pulvinar_ir::NodeId;
use pulvinar_simulator::prepare::sweep::Sum;

impl CoreBuilder<'_> {
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
        let written = self.m.wire("sum_next", lanes * width);
        let read = self.m.and(&at.places[stage - 2].valid, &at.advance);
        let write = self.m.and(&at.places[stage].valid, &at.advance);
        let last_pass = self.m.is(&at.pass, (self.stage.passes.len() - 1) as u64);
        let write = self.m.and(&write, &last_pass);
        let words = self.plan.words;
        let (from, to) = (at.places[stage - 2].word.clone(), at.places[stage].word.clone());
        let state = self.ram("sums", (lanes * width, words), (read, from), (write, to, written.clone()));
        let starts = (0..self.machine().steps).step_by(sum.op.window).map(|t| t as u64);
        let starts: Vec<Bits> = starts.map(|t| self.m.is(&at.step, t)).collect();
        let first = starts.into_iter().reduce(|a, b| self.m.or(&a, &b)).expect("there is a step");
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
