//! What a sweep folds into a tap's memory, and where.

use super::attend::AttentionSide;
use super::core::CoreBuilder;
use super::lanes::scaled;
use super::sweep::{Lanes, Stages, LAST_STAGE};
use crate::attention::TapLayout;
use crate::netlist::{index_bits, Bits};
use pulvinar_ir::Shape;
use pulvinar_simulator::prepare::sweep::PassPlan;

impl CoreBuilder<'_> {
    /// Statistics of a pass, given to their memories one stage after the value is made.
    pub(super) fn folds(
        &mut self,
        at: &Stages,
        p: usize,
        pass: &PassPlan<'_>,
        registers: &[Lanes],
        is_pass: &Bits,
        attention: &AttentionSide,
    ) {
        for (i, tap) in pass.taps.iter().enumerate() {
            let register = &registers[tap.register];
            let stage = (register.stage + 1).min(LAST_STAGE);
            let lanes = self.carry(at, register, stage, &format!("p{p}_tap{i}"));
            let moves = self.leaves(at, stage);
            let fold = self.m.and(&moves, is_pass);
            let held = self.held_lanes(at, stage);
            let mask = self.m.join(&held);
            let values = self.m.join(&lanes.values);
            let row = self.fold_row(at, stage, tap.shape);
            let first = self.fold_first(at, stage, tap.shape);
            let nets = &attention.taps[p][i];
            for (net, value) in [
                (&nets.fold, fold),
                (&nets.first, first),
                (&nets.row, row),
                (&nets.mask, mask),
                (&nets.values, values),
            ] {
                self.join_nets(net, &value);
            }
        }
    }

    /// True for the first of the words that a step folds into a row of a tap's memory, where every step starts anew.
    pub(super) fn fold_first(&mut self, at: &Stages, stage: usize, shape: Shape) -> Bits {
        if !self.stage.by_step() {
            return Bits::zero();
        }
        let rows = self.plan.region.rows[1] - self.plan.region.rows[0];
        let place = at.places[stage].clone();
        let folded = [
            (shape.c, self.plan.blocks, place.block),
            (shape.h, rows, place.row),
            (shape.w, self.plan.region.columns, place.column),
        ];
        let mut first = Bits::one();
        for (kept, size, index) in folded {
            if kept == 1 && size > 1 {
                let zero = self.m.is(&index, 0);
                first = self.m.and(&first, &zero);
            }
        }
        first
    }

    /// Row of a tap's memory for the word in a stage.
    pub(super) fn fold_row(&mut self, at: &Stages, stage: usize, shape: Shape) -> Bits {
        let layout = TapLayout::new(shape, &self.plan.region, self.lanes());
        let width = index_bits(layout.rows());
        let b = layout.box_shape;
        let place = at.places[stage].clone();
        let terms = [
            (at.step.clone(), b.t, b.h * b.w * layout.blocks),
            (place.row, b.h, b.w * layout.blocks),
            (place.column, b.w, layout.blocks),
            (place.block, layout.blocks, 1),
        ];
        let mut row = Bits::unsigned(0, width);
        for (index, size, stride) in terms {
            if size > 1 {
                let term = scaled(&mut self.m, &index, stride as u64, width);
                row = self.m.add(&row, &term);
            }
        }
        row
    }
}
