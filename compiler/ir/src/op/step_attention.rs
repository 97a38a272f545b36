//! Channel and spatial attention of every step by itself:
//!
//! ```text
//! g_c[t,C]   = σ(M(mean_{hw} x[t]) + M(max_{hw} x[t]))               x1[t] = g_c[t] ⊙ x[t]
//! g_s[t,H,W] = σ(conv_{k×k,2→1}([mean_c x1[t] ; max_c x1[t]]))       x2[t] = g_s[t] ⊙ x1[t]
//! y = ReLU(x2), or x2;   M: C → C/r → ReLU → C without bias, shared by both branches
//! ```
//!
//! Either gate may be missing. Causal: a step depends on that step only. It stands on the current in the attention residual
//! networks (trailing ReLU, the shortcut is added behind it) and on the membrane in `ma_neuron`.
//!
//! Source: Yao et al., "Attention Spiking Neural Networks" (arXiv 2209.13929): the authors' code of the residual networks
//! (r 8, k 3) and the paper's equations (k 7).

use super::expand::Expand;
use super::ma_attention::{check_spatial, expand_spatial, Branch};
use super::mul::Mul;
use super::relu::Relu;
use super::{InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axis, Type};
use serde::{Deserialize, Serialize};

/// Attributes of `step_attention`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepAttention {
    /// Channel MLP, first layer `[C/r, C]`; both of its layers or none.
    pub ca0: Option<String>,
    /// Channel MLP, second layer `[C, C/r]`.
    pub ca1: Option<String>,
    /// Spatial convolution `[1, 2, k, k]`.
    pub sa: Option<String>,
    /// Trailing ReLU.
    pub relu: bool,
}

impl StepAttention {
    fn channels(&self) -> Option<Branch<'_>> {
        self.ca0.as_deref().zip(self.ca1.as_deref()).map(|(w0, w1)| Branch { axis: Axis::C, w0, w1 })
    }

    /// Refuses weights that do not fit operand `x`.
    pub(super) fn check(&self, cx: &InferCx<'_>, x: &Type) -> Result<()> {
        if self.ca0.is_some() != self.ca1.is_some() {
            return Err(cx.refuse(
                "one layer of the channel MLP is missing",
                "give both `ca0` and `ca1`, or neither for no channel gate",
            ));
        }
        if let Some(branch) = self.channels() {
            branch.check(cx, x.shape)?;
        }
        self.sa.as_deref().map_or(Ok(()), |sa| check_spatial(cx, sa))
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let mut x = e.inputs[0];
        if let Some(branch) = self.channels() {
            let gate = branch.expand(e, "c", x, &[Axis::H, Axis::W])?;
            x = e.node("c", Mul {}, &[x, gate])?;
        }
        if let Some(sa) = &self.sa {
            let gate = expand_spatial(e, sa, x, &[Axis::C])?;
            x = e.node("s", Mul {}, &[x, gate])?;
        }
        if self.relu { e.node("relu", Relu {}, &[x]) } else { Ok(x) }
    }
}

impl OpRule for StepAttention {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        self.check(cx, x)?;
        Ok(x.clone())
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        [&self.ca0, &self.ca1, &self.sa].into_iter().filter_map(|t| t.as_deref()).collect()
    }
}
