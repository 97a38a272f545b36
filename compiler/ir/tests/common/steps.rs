//! Random modules that work step by step, and those with several operands.

use super::Builder;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::op::ta_snn::TaSnn;
use pulvinar_ir::{NodeId, Op, Shape};

impl Builder {
    /// One of the modules, for a value of this shape, and its operands.
    pub(super) fn step_module(&mut self, x: NodeId, shape: Shape, a: u8, b: u8) -> (Op, Vec<NodeId>) {
        let op = match a % 3 {
            0 => self.step_attention(shape, b, a % 2 == 0).into(),
            1 => self.ma_neuron(shape, b),
            _ => self.ta_snn(shape, b),
        };
        (op, vec![x])
    }

    fn step_attention(&mut self, shape: Shape, b: u8, relu: bool) -> StepAttention {
        let (hidden, k) = (1 + b as usize % 2, 1 + b as usize % 3);
        let (ca0, ca1) = (b % 4 != 1)
            .then(|| (self.tensor(&[hidden, shape.c], -1.0, 1.0), self.tensor(&[shape.c, hidden], -1.0, 1.0)))
            .unzip();
        let sa = (b % 4 != 2).then(|| self.tensor(&[1, 2, k, k], -1.0, 1.0));
        StepAttention { ca0, ca1, sa, relu }
    }

    fn ma_neuron(&mut self, shape: Shape, b: u8) -> Op {
        let StepAttention { ca0, ca1, sa, .. } = self.step_attention(shape, b, false);
        MaNeuron { leak: 0.5, threshold: 0.25, reset: f64::from(b % 3) / 8.0, ca0, ca1, sa }.into()
    }

    fn ta_snn(&mut self, shape: Shape, b: u8) -> Op {
        let hidden = 1 + b as usize % 3;
        let (w0, b0) = (self.tensor(&[hidden, shape.t], -1.0, 1.0), self.tensor(&[hidden], -0.5, 0.5));
        let (w1, b1) = (self.tensor(&[shape.t, hidden], -1.0, 1.0), self.tensor(&[shape.t], -0.5, 0.5));
        TaSnn { w0, b0, w1, b1 }.into()
    }
}
