//! Random modules that work step by step, and those with several operands.

use super::Builder;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::matmul::{Matmul, Over};
use pulvinar_ir::op::membrane::Membrane;
use pulvinar_ir::op::spiking_attention::{Form, SpikingAttention};
use pulvinar_ir::op::squeeze_excite::SqueezeExcite;
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::op::stsc::Stsc;
use pulvinar_ir::op::ta_snn::TaSnn;
use pulvinar_ir::{NodeId, Op, Shape};

impl Builder {
    /// One of the modules, for a value of this shape, and its operands.
    pub(super) fn step_module(&mut self, x: NodeId, shape: Shape, a: u8, b: u8) -> (Op, Vec<NodeId>) {
        let operands = [x, NodeId(u32::from(b) % self.graph.nodes.len() as u32), x];
        let heads = if b % 2 == 0 { 1 } else { shape.c };
        let op = match a % 6 {
            3 => {
                let over = if a % 2 == 0 { Over::Tokens } else { Over::Channels };
                return (Matmul { heads, over }.into(), operands[..2].to_vec());
            }
            4 => {
                let form = [Form::Ssa, Form::Sdsa, Form::QkToken, Form::QkChannel][b as usize / 4 % 4];
                let Op::Neuron(neuron) = super::neuron(a, b) else { unreachable!("`neuron` makes neurons") };
                let op = SpikingAttention { form, heads, scale: 0.125, neuron };
                return (op.into(), vec![x; if b / 4 % 4 < 2 { 3 } else { 2 }]);
            }
            5 => self.stsc(shape, b),
            0 => self.step_attention(shape, b, a % 2 == 0).into(),
            1 if a / 6 % 4 == 3 => {
                Membrane { leak: 0.5, threshold: 0.25, reset: f64::from(b % 3) / 8.0 }.into()
            }
            1 => self.ma_neuron(shape, b),
            _ if a / 6 % 2 == 1 => self.squeeze_excite(shape, b),
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

    fn stsc(&mut self, shape: Shape, b: u8) -> Op {
        let (hidden, taps) = (1 + b as usize % 3, 1 + b as usize / 4 % 2 * 2);
        let temporal = self.tensor(&[shape.c, 1, taps], -1.0, 1.0);
        let gate0 = self.tensor(&[hidden, shape.c, 3], -1.0, 1.0);
        let gate0_bias = self.tensor(&[hidden], -0.5, 0.5);
        let gate1 = self.tensor(&[shape.c, hidden], -1.0, 1.0);
        Stsc { temporal, gate0, gate0_bias, gate1 }.into()
    }

    fn squeeze_excite(&mut self, shape: Shape, b: u8) -> Op {
        let hidden = 1 + b as usize % 3;
        let (w0, w1) =
            (self.tensor(&[hidden, shape.c], -1.0, 1.0), self.tensor(&[shape.c, hidden], -1.0, 1.0));
        let b0 = (b % 2 == 0).then(|| self.tensor(&[hidden], -0.5, 0.5));
        SqueezeExcite { w0, b0, w1, b1: None }.into()
    }

    fn ta_snn(&mut self, shape: Shape, b: u8) -> Op {
        let hidden = 1 + b as usize % 3;
        let (w0, b0) = (self.tensor(&[hidden, shape.t], -1.0, 1.0), self.tensor(&[hidden], -0.5, 0.5));
        let (w1, b1) = (self.tensor(&[shape.t, hidden], -1.0, 1.0), self.tensor(&[shape.t], -0.5, 0.5));
        TaSnn { w0, b0, w1, b1 }.into()
    }
}
