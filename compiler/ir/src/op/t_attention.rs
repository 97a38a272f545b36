//! Temporal-wise attention: `g[t] = σ(M(mean_{chw} x) + M(max_{chw} x))`, `y = g ⊙ x`,
//! `M: T → T/r → ReLU → T` without bias, shared by both branches.
//!
//! Source: Yao et al., "Attention Spiking Neural Networks" (arXiv 2209.13929), the authors' code dialect.

use super::expand::Expand;
use super::mul::Mul;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::op::ma_attention::{gate_by, Branch};
use crate::shape::{Axis, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `t_attention`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TAttention {
    /// First layer `[T/r, T]`.
    pub w0: String,
    /// Second layer `[T, T/r]`.
    pub w1: String,
}

impl OpRule for TAttention {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        Branch { axis: Axis::T, w0: &self.w0, w1: &self.w1 }.check(cx, x.shape)?;
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let gate = Branch { axis: Axis::T, w0: &self.w0, w1: &self.w1 }.gate(cx, x.shape, x.reals());
        Value::real(x.shape, gate_by(x.shape, x.reals(), |t, _, _, _| gate[t]))
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        let (x, branch) = (e.inputs[0], Branch { axis: Axis::T, w0: &self.w0, w1: &self.w1 });
        Some(branch.expand(e, "t", x, &[Axis::C, Axis::H, Axis::W]).and_then(|gate| e.node("gated", Mul {}, &[x, gate])))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.w0, &self.w1]
    }
}
