//! Temporal-channel joint attention of TCJA-SNN, on spikes behind the neuron.
//!
//! ```text
//! z[T,C] = mean_{hw} s
//! a[T,C] = conv along c, T → T, k taps, no bias, 'same', of z
//! d[T,C] = conv along t, C → C, k taps, no bias, 'same', of z
//! y      = s ⊙ σ(a ⊙ d)
//! ```
//!
//! Not causal: the convolution along c mixes all timesteps. An even kernel has its longer padding behind, as 'same' has in
//! PyTorch. The result is graded: a gate per (t, c) that is positive, and so may change places with a maximum pool.
//!
//! Source: Zhu et al., "TCJA-SNN: Temporal-Channel Joint Attention for Spiking Neural Networks" (arXiv 2206.10177) and
//! the authors' code, whose dialect this is.

use super::conv1d::Conv1d;
use super::expand::Expand;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::sigmoid::Sigmoid;
use super::{expand, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Type};
use serde::{Deserialize, Serialize};

/// Attributes of `tcja`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcja {
    /// Convolution along t, `[C, C, k]`.
    pub along_t: String,
    /// Convolution along c, `[T, T, k]`.
    pub along_c: String,
}

impl Tcja {
    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let s = e.inputs[0];
        let plane = Axes::of(&[Axis::H, Axis::W]);
        let rates = e.node("mean", Reduce { kind: ReduceKind::Mean, axes: plane }, &[s])?;
        let mut maps = Vec::new();
        for (part, weight, axis) in [("c", &self.along_c, Axis::C), ("t", &self.along_t, Axis::T)] {
            let taps = e.tensor(weight).shape[2];
            maps.push(e.node(part, Conv1d::same(weight, axis, taps), &[rates])?);
        }
        let joint = e.node("joint", Mul {}, &maps)?;
        let gate = e.node("gate", Sigmoid {}, &[joint])?;
        e.node("gated", Mul {}, &[s, gate])
    }
}

impl OpRule for Tcja {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [s] = cx.operands()?;
        for (weight, n) in [(&self.along_t, s.shape.c), (&self.along_c, s.shape.t)] {
            if cx.tensor(weight, &[Some(n), Some(n), None])?.is_empty() {
                return Err(cx.refuse(format!("the kernel `{weight}` is empty"), "give it at least one tap"));
            }
        }
        expand::infer(self, cx)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.along_t, &self.along_c]
    }
}
