//! Temporal-wise attention of TA-SNN: `g[t] = σ(b1 + W1·ReLU(b0 + W0·mean_{chw} x))`, `y = g ⊙ x`.
//!
//! One statistic, two layers with bias, T → T/r → T. Not causal: the layers mix all timesteps.
//!
//! Source: Yao et al., "Temporal-wise Attention Spiking Neural Networks for Event Streams Classification" (arXiv
//! 2107.11711), the authors' code dialect. `t_attention` is the form of the later paper: two statistics, no bias.

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

/// Attributes of `ta_snn`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaSnn {
    /// First layer `[T/r, T]`.
    pub w0: String,
    /// Its bias `[T/r]`.
    pub b0: String,
    /// Second layer `[T, T/r]`.
    pub w1: String,
    /// Its bias `[T]`.
    pub b1: String,
}

impl TaSnn {
    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let x = e.inputs[0];
        let axes = Axes::of(&[Axis::C, Axis::H, Axis::W]);
        let dense = |w: &str, b: &str| Dense { weight: w.to_owned(), bias: Some(b.to_owned()), axis: Axis::T };
        let mean = e.node("mean", Reduce { kind: ReduceKind::Mean, axes }, &[x])?;
        let hidden = e.node("fc0", dense(&self.w0, &self.b0), &[mean])?;
        let hidden = e.node("relu", Relu {}, &[hidden])?;
        let out = e.node("fc1", dense(&self.w1, &self.b1), &[hidden])?;
        let gate = e.node("gate", Sigmoid {}, &[out])?;
        e.node("gated", Mul {}, &[x, gate])
    }
}

impl OpRule for TaSnn {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let t = x.shape.t;
        let hidden = cx.tensor(&self.w0, &[None, Some(t)])?.shape[0];
        if hidden == 0 {
            return Err(cx.refuse("the attention MLP has no hidden unit", "give its first layer at least one row"));
        }
        cx.tensor(&self.b0, &[Some(hidden)])?;
        cx.tensor(&self.w1, &[Some(t), Some(hidden)])?;
        cx.tensor(&self.b1, &[Some(t)])?;
        Ok(x.clone())
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.w0, &self.b0, &self.w1, &self.b1]
    }
}
