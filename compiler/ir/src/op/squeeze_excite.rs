//! Squeeze and excitation, of every step by itself: `g[t,C] = σ(b1 + W1·ReLU(b0 + W0·mean_{hw} x[t]))`, `y = g ⊙ x`.
//!
//! One statistic, two layers, C → C/r → C; the biases may be missing. Causal: a step depends on that step only. The channel
//! gate of `step_attention` has a second statistic, the maximum.
//!
//! Source: Hu et al., "Squeeze-and-Excitation Networks" (arXiv 1709.01507), equations 2 to 4.

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

/// Attributes of `squeeze_excite`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite {
    /// First layer `[C/r, C]`.
    pub w0: String,
    /// Its bias `[C/r]`.
    pub b0: Option<String>,
    /// Second layer `[C, C/r]`.
    pub w1: String,
    /// Its bias `[C]`.
    pub b1: Option<String>,
}

impl SqueezeExcite {
    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let x = e.inputs[0];
        let layer = |weight: &String, bias: &Option<String>| Dense {
            weight: weight.clone(),
            bias: bias.clone(),
            axis: Axis::C,
        };
        let mean = Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::H, Axis::W]) };
        let mean = e.node("mean", mean, &[x])?;
        let hidden = e.node("fc0", layer(&self.w0, &self.b0), &[mean])?;
        let hidden = e.node("relu", Relu {}, &[hidden])?;
        let out = e.node("fc1", layer(&self.w1, &self.b1), &[hidden])?;
        let gate = e.node("gate", Sigmoid {}, &[out])?;
        e.node("gated", Mul {}, &[x, gate])
    }
}

impl OpRule for SqueezeExcite {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let c = x.shape.c;
        let hidden = cx.tensor(&self.w0, &[None, Some(c)])?.shape[0];
        if hidden == 0 {
            return Err(cx.refuse("the gate has no hidden unit", "give its first layer at least one row"));
        }
        cx.tensor(&self.w1, &[Some(c), Some(hidden)])?;
        self.b0.as_deref().map(|b| cx.tensor(b, &[Some(hidden)])).transpose()?;
        self.b1.as_deref().map(|b| cx.tensor(b, &[Some(c)])).transpose()?;
        Ok(x.clone())
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        let all = [Some(&self.w0), self.b0.as_ref(), Some(&self.w1), self.b1.as_ref()];
        all.into_iter().flatten().map(String::as_str).collect()
    }
}
