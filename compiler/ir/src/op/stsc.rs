//! Spatio-temporal synaptic connection of STSC-SNN, on the spikes before a layer:
//!
//! ```text
//! y[t,c,h,w] = (Σ_k w_t[c,k] · x[t + k − ⌊K/2⌋, c, h, w]) · D[t,c]
//! D[T,C]     = 1 − σ(W · ReLU(b + conv_t(mean_{hw} x)))     conv_t: C → C/r along t (3 taps), W: C/r → C without bias
//! ```
//!
//! Outside the sequence x is 0; kernels have an odd number of taps, so the result is as long as the input. Not causal, but
//! the look-ahead is bounded: ⌊K/2⌋ steps of the wider kernel (2 for 5 taps), a window and no buffer of all timesteps.
//!
//! Source: Yu et al., "STSC-SNN: Spatio-Temporal Synaptic Connection with Temporal Convolution and Attention for Spiking
//! Neural Networks" (arXiv 2210.05241), the authors' code dialect. In the expansion 1 − σ(z) is σ(−z), so that the sign goes
//! into the layer before it.

use super::affine::Affine;
use super::conv1d::Conv1d;
use super::dense::Dense;
use super::expand::Expand;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::relu::Relu;
use super::sigmoid::Sigmoid;
use super::{InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Type};
use serde::{Deserialize, Serialize};

/// Attributes of `stsc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stsc {
    /// Taps along t of every channel `[C, 1, K]`.
    pub temporal: String,
    /// First layer of the gate, along t `[C/r, C, taps]`.
    pub gate0: String,
    /// Its bias `[C/r]`.
    pub gate0_bias: String,
    /// Second layer of the gate `[C, C/r]`.
    pub gate1: String,
}

impl Stsc {
    /// A convolution along t by this kernel, as long as its input.
    fn along_t(e: &Expand<'_>, kernel: &str) -> Conv1d {
        Conv1d::same(kernel, Axis::T, e.tensor(kernel).shape[2])
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let x = e.inputs[0];
        let depthwise = Conv1d { groups: e.shape(x).c, ..Self::along_t(e, &self.temporal) };
        let filtered = e.node("filtered", depthwise, &[x])?;
        let mean = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::H, Axis::W]) };
        let mean = e.node("mean", mean, &[x])?;
        let squeeze = Conv1d { bias: Some(self.gate0_bias.clone()), ..Self::along_t(e, &self.gate0) };
        let hidden = e.node("fc0", squeeze, &[mean])?;
        let hidden = e.node("relu", Relu {}, &[hidden])?;
        let out = e.node("fc1", Dense { weight: self.gate1.clone(), bias: None, axis: Axis::C }, &[hidden])?;
        let negative = e.node("negative", Affine { mul: -1.0, add: 0.0 }, &[out])?;
        let gate = e.node("gate", Sigmoid {}, &[negative])?;
        e.node("gated", Mul {}, &[filtered, gate])
    }
}

impl OpRule for Stsc {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let c = x.shape.c;
        let taps = cx.tensor(&self.temporal, &[Some(c), Some(1), None])?.shape[2];
        let gate0 = cx.tensor(&self.gate0, &[None, Some(c), None])?;
        let (hidden, gate_taps) = (gate0.shape[0], gate0.shape[2]);
        if hidden == 0 || taps % 2 == 0 || gate_taps % 2 == 0 {
            return Err(cx.refuse(
                format!("kernels of {taps} and {gate_taps} taps with {hidden} hidden channels"),
                "give kernels with an odd number of taps, which keep the length, and at least one hidden channel",
            ));
        }
        cx.tensor(&self.gate0_bias, &[Some(hidden)])?;
        cx.tensor(&self.gate1, &[Some(c), Some(hidden)])?;
        Ok(x.clone())
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.temporal, &self.gate0, &self.gate0_bias, &self.gate1]
    }
}
