//! Random attention modules and the ops that only they need.

use super::Builder;
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::{Axis, Op, Shape};

impl Builder {
    /// One of the modules, for a value of this shape.
    pub(super) fn module(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        self.conv1d(shape, a / 8, b)
    }

    fn conv1d(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let (axis, mixed) = if b % 2 == 0 { (Axis::T, shape.c) } else { (Axis::C, shape.t) };
        let (k, groups) = (1 + a as usize % 4, if b % 3 == 0 { mixed } else { 1 });
        let weight = self.tensor(&[mixed, mixed / groups, k], -1.0, 1.0);
        let bias = (b % 5 == 0).then(|| self.tensor(&[mixed], -0.5, 0.5));
        Conv1d { bias, groups, ..Conv1d::same(&weight, axis, k) }.into()
    }
}
