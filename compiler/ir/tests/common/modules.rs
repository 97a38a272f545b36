//! Random attention modules and the ops that only they need.

use super::Builder;
use pulvinar_ir::op::asa::Asa;
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::op::fsta::Fsta;
use pulvinar_ir::op::gac::Gac;
use pulvinar_ir::op::tcja::Tcja;
use pulvinar_ir::op::top_k::TopK;
use pulvinar_ir::{Axis, NodeId, Op, Shape};

impl Builder {
    /// One of the modules, on the last node, which has this shape.
    pub(super) fn module(&mut self, shape: Shape, a: u8, b: u8) -> (Op, Vec<NodeId>) {
        let last = self.graph.output;
        match a % 6 {
            0 => (self.conv1d(shape, a / 8, b), vec![last]),
            1 => (self.fsta(shape, a, b), vec![last]),
            2 => (self.tcja(shape, b), vec![last]),
            3 => (self.gac(shape, b), vec![last, last]),
            4 => (self.asa(shape, a, b), vec![last]),
            _ => (top_k(shape, a, b), vec![last]),
        }
    }

    fn tcja(&mut self, shape: Shape, b: u8) -> Op {
        let k = 1 + b as usize % 4;
        let along_t = self.tensor(&[shape.c, shape.c, k], -1.0, 1.0);
        Tcja { along_t, along_c: self.tensor(&[shape.t, shape.t, k], -1.0, 1.0) }.into()
    }

    fn gac(&mut self, shape: Shape, b: u8) -> Op {
        let (hidden, k) = (1 + b as usize % 2, 1 + b as usize / 2 % 4);
        let (ta0, ta1) =
            (self.tensor(&[hidden, shape.t], -1.0, 1.0), self.tensor(&[shape.t, hidden], -1.0, 1.0));
        let sca0 = self.tensor(&[2, shape.c, k, k], -1.0, 1.0);
        Gac { ta0, ta1, sca0, sca1: self.tensor(&[shape.c, 2, k, k], -1.0, 1.0) }.into()
    }

    fn asa(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let hidden = (b % 2 == 0).then_some(1 + b as usize / 2 % 2);
        let fc0 = self.tensor(&[hidden.unwrap_or(shape.t), shape.t], -1.0, 1.0);
        let fc1 = hidden.map(|n| self.tensor(&[shape.t, n], -1.0, 1.0));
        let k = 1 + b as usize / 4 % 3;
        let (important, other) =
            (self.tensor(&[1, 2, k, k], -1.0, 1.0), self.tensor(&[1, 2, 3, 3], -1.0, 1.0));
        Asa { fc0, fc1, important, other, alpha: 0.5, beta: 0.4, share: [0.5, 0.3][a as usize / 6 % 2] }
            .into()
    }

    fn fsta(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let temporal = self.tensor(&[shape.t; 2], -1.0, 1.0);
        let bank = (b % 2 == 0).then(|| self.tensor(&[2, 1, 3, 3], -1.0, 1.0));
        let (filters, hidden) = (if bank.is_some() { 2 } else { 49 }, b % 3 == 0);
        let k = 1 + a as usize / 8 % 4;
        let spatial0 = self.tensor(&[1 + usize::from(hidden), filters, k, k], -0.5, 0.5);
        let spatial1 = hidden.then(|| self.tensor(&[1, 2, 3, 3], -1.0, 1.0));
        Fsta { temporal, bank, spatial0, spatial1, alpha: 0.5, beta: 0.4, t: 0.6, s: 0.5 }.into()
    }

    fn conv1d(&mut self, shape: Shape, a: u8, b: u8) -> Op {
        let (axis, mixed) = if b % 2 == 0 { (Axis::T, shape.c) } else { (Axis::C, shape.t) };
        let (k, groups) = (1 + a as usize % 4, if b % 3 == 0 { mixed } else { 1 });
        let weight = self.tensor(&[mixed, mixed / groups, k], -1.0, 1.0);
        let bias = (b % 5 == 0).then(|| self.tensor(&[mixed], -0.5, 0.5));
        Conv1d { bias, groups, ..Conv1d::same(&weight, axis, k) }.into()
    }
}

fn top_k(shape: Shape, a: u8, b: u8) -> Op {
    let axis = Axis::ALL[b as usize % 4];
    TopK { axis, k: a as usize / 6 % (shape.dims()[axis as usize] + 1) }.into()
}
