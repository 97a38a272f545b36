//! Spiking self-attention between the query, key and value spikes of one block; tokens n are rows and columns, a head is
//! d neighbouring channels, N the number of heads, LIF is `neuron`, and everything happens within a timestep:
//!
//! ```text
//! ssa:         y = LIF(scale · q·(kᵀ·v))            per head; integers up to tokens · d before the scale
//! sdsa:        y = q ⊙ LIF(scale · Σ_n k ⊙ v)       one mask bit a channel
//! qk_token:    y = k ⊙ LIF(scale · Σ_{c of head} q) one mask bit a token and head
//! qk_channel:  y = k ⊙ LIF(scale · Σ_n q)           one mask bit a channel
//! ```
//!
//! There is no softmax. Causal. The layers before (1×1 convolution, norm, neuron) and behind are nodes of their own.
//! Operands are q, k, v; the two `qk` forms take q and k. `ssa` is also the third form of the second spike-driven
//! transformer; (q·kᵀ)·v is the same integer as q·(kᵀ·v), and the cheaper order where a head has fewer channels than tokens.
//!
//! Sources: Spikformer (Zhou et al., arXiv 2209.15425); Spike-driven Transformer (Yao et al., arXiv 2307.01694) and its
//! second version (arXiv 2404.03663); QKFormer (Zhou et al., arXiv 2403.16552). All use tau 2 and threshold 0.5: the sums
//! are integers, so the membrane meets the threshold exactly, and the comparison is `>=`.
//!
//! In the expansion the sum over the channels of a head and the spreading of its mask are grouped convolutions by ones.

use super::affine::Affine;
use super::conv2d::Conv2d;
use super::expand::{self, Expand};
use super::matmul::{Matmul, Over};
use super::mul::Mul;
use super::neuron::Neuron;
use super::reduce::{Reduce, ReduceKind};
use super::{InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Type};
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Member of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Product of three.
    Ssa,
    /// Channel mask from key and value.
    Sdsa,
    /// Token mask from the query.
    QkToken,
    /// Channel mask from the query.
    QkChannel,
}

/// Attributes of `spiking_attention`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpikingAttention {
    /// Member of the family.
    pub form: Form,
    /// Heads, which divide the channels.
    pub heads: usize,
    /// Factor on the sums.
    pub scale: f64,
    /// The attention neuron.
    pub neuron: Neuron,
}

impl SpikingAttention {
    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let tokens = Reduce { kind: ReduceKind::Sum, axes: Axes::of(&[Axis::H, Axis::W]) };
        let matmul = |over| Matmul { heads: self.heads, over };
        let (q, k, v) = (e.inputs[0], e.inputs[1], e.inputs[e.inputs.len() - 1]);
        match self.form {
            Form::Ssa => {
                let kv = e.node("kv", matmul(Over::Tokens), &[k, v])?;
                let sum = e.node("qkv", matmul(Over::Channels), &[q, kv])?;
                self.fire(e, sum)
            }
            Form::Sdsa => {
                let kv = e.node("kv", Mul {}, &[k, v])?;
                let sum = e.node("sum", tokens, &[kv])?;
                let mask = self.fire(e, sum)?;
                e.node("masked", Mul {}, &[q, mask])
            }
            Form::QkChannel => {
                let sum = e.node("sum", tokens, &[q])?;
                let mask = self.fire(e, sum)?;
                e.node("masked", Mul {}, &[k, mask])
            }
            Form::QkToken => {
                let (c, d) = (e.shape(q).c, e.shape(q).c / self.heads);
                let sum = self.by_ones(e, "sum", [self.heads, d], q)?;
                let mask = self.fire(e, sum)?;
                let mask = self.by_ones(e, "mask", [c, 1], mask)?;
                e.node("masked", Mul {}, &[k, mask])
            }
        }
    }

    /// The attention neuron on scaled sums.
    fn fire(&self, e: &mut Expand<'_>, sum: NodeId) -> Result<NodeId> {
        let identity = self.scale.to_bits() == 1f64.to_bits();
        let current = if identity { sum } else { e.node("scaled", Affine { mul: self.scale, add: 0.0 }, &[sum])? };
        e.node("spikes", self.neuron.clone(), &[current])
    }

    /// A 1×1 convolution by ones, one group a head.
    fn by_ones(&self, e: &mut Expand<'_>, part: &str, [outputs, inputs]: [usize; 2], x: NodeId) -> Result<NodeId> {
        let ones = Tensor::real(vec![outputs, inputs, 1, 1], vec![1.0; outputs * inputs]);
        let ones = e.constant(&format!("{part}.ones"), ones);
        e.node(part, Conv2d { groups: self.heads, ..Conv2d::same(&ones, [1, 1]) }, &[x])
    }
}

impl OpRule for SpikingAttention {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let first = match self.form {
            Form::Ssa | Form::Sdsa => cx.operands::<3>()?[0],
            Form::QkToken | Form::QkChannel => cx.operands::<2>()?[0],
        };
        if let Some(other) = cx.inputs.iter().find(|ty| ty.shape != first.shape) {
            return Err(cx.refuse(
                format!("an operand is {} and another {}", first.shape, other.shape),
                "query, key and value must have one shape",
            ));
        }
        if self.heads == 0 || first.shape.c % self.heads != 0 {
            return Err(cx.refuse(
                format!("{} heads do not divide {} channels", self.heads, first.shape.c),
                "give a number of heads that divides the channels",
            ));
        }
        expand::infer(self, cx)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        self.neuron.tensors()
    }
}
