//! Advance Spatial Attention of ASA-SNN, on the current before the neuron: two spatial gates, one for the important and one
//! for the other features.
//!
//! ```text
//! a[T,C] = mean_{hw} x,  m[T,C] = max_{hw} x
//! f[T,C] = F((½ + α)·a + (½ + β)·m)                 F: T → T, or T → T/r → ReLU → T; no bias
//! mask[T,C] = (f among the ⌊λC⌋ largest of its step) xor (f among the ⌊λT⌋ largest of its channel)
//! g1[H,W] = σ(W1 ∗ [mean_{tc}(mask ⊙ x)/λ ; max_{tc}(mask ⊙ x)])             W1, W2: 2 → 1, no bias, 'same'
//! g2[H,W] = σ(W2 ∗ [mean_{tc}((1 − mask) ⊙ x)/(1 − λ) ; max_{tc}((1 − mask) ⊙ x)])
//! y       = x ⊙ (g1 where mask, else g2)
//! ```
//!
//! The maxima see the zeros of what is masked out. Of equal values the lowest index counts as the larger one. Not causal: F
//! mixes all timesteps, and they compete in the mask. It takes two passes over x before the one that gates it: mean and
//! maximum of the planes, then the maps.
//!
//! Source: Yao et al., "Inherent Redundancy in Spiking Neural Networks" (arXiv 2308.08227) and the authors' code. A sample is
//! on its own here; the code's masks are the union over a batch.

use super::add::Add;
use super::affine::Affine;
use super::concat::Concat;
use super::dense::Dense;
use super::expand::Expand;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::relu::Relu;
use super::sigmoid::Sigmoid;
use super::top_k::TopK;
use super::{expand, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Type};
use serde::{Deserialize, Serialize};

/// Attributes of `asa`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asa {
    /// F, `[T, T]`, or its first layer `[T/r, T]`.
    pub fc0: String,
    /// F's second layer `[T, T/r]`, if there are two.
    pub fc1: Option<String>,
    /// W1, the kernel for the important features, `[1, 2, k, k]`.
    pub important: String,
    /// W2, the kernel for the others, `[1, 2, k, k]`.
    pub other: String,
    /// Weight α of the mean, beside ½.
    pub alpha: f64,
    /// Weight β of the maximum, beside ½.
    pub beta: f64,
    /// λ, the share of channels and of steps that wins, between 0 and 1.
    pub share: f64,
}

impl Asa {
    /// The mask, 0 or 1, `[T, C, 1, 1]`; of two bits the exclusive or is the square of the difference.
    fn mask(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let (x, plane) = (e.inputs[0], Axes::of(&[Axis::H, Axis::W]));
        let dense = |weight: &str| Dense { weight: weight.to_owned(), bias: None, axis: Axis::T };
        let mut scores = Vec::new();
        for (kind, word, weight) in [(ReduceKind::Mean, "mean", self.alpha), (ReduceKind::Max, "max", self.beta)] {
            let statistic = e.node(word, Reduce { kind, axes: plane }, &[x])?;
            scores.push(e.node(&format!("{word}.part"), Affine { mul: 0.5 + weight, add: 0.0 }, &[statistic])?);
        }
        let mut f = e.node("score", Add {}, &scores)?;
        f = e.node("fc0", dense(&self.fc0), &[f])?;
        if let Some(last) = &self.fc1 {
            f = e.node("fc0.relu", Relu {}, &[f])?;
            f = e.node("fc1", dense(last), &[f])?;
        }
        let won = |n: usize| (self.share * n as f64) as usize;
        let shape = e.shape(x);
        let channels = e.node("top.c", TopK { axis: Axis::C, k: won(shape.c) }, &[f])?;
        let steps = e.node("top.t", TopK { axis: Axis::T, k: won(shape.t) }, &[f])?;
        let minus = e.node("top.minus", Affine { mul: -1.0, add: 0.0 }, &[steps])?;
        let difference = e.node("top.difference", Add {}, &[channels, minus])?;
        e.node("mask", Mul {}, &[difference, difference])
    }

    /// The gate of the features under a mask, where the mask is 1; their share of all is known.
    fn gate(e: &mut Expand<'_>, part: &str, mask: NodeId, share: f64, kernel: &str) -> Result<NodeId> {
        let axes = Axes::of(&[Axis::T, Axis::C]);
        let masked = e.node(&format!("{part}.x"), Mul {}, &[e.inputs[0], mask])?;
        let mean = e.node(&format!("{part}.sum"), Reduce { kind: ReduceKind::Mean, axes }, &[masked])?;
        let mean = e.node(&format!("{part}.mean"), Affine { mul: share.recip(), add: 0.0 }, &[mean])?;
        let max = e.node(&format!("{part}.max"), Reduce { kind: ReduceKind::Max, axes }, &[masked])?;
        let maps = e.node(&format!("{part}.maps"), Concat {}, &[mean, max])?;
        let map = e.same_conv(&format!("{part}.conv"), kernel, maps)?;
        let map = e.node(&format!("{part}.map"), Sigmoid {}, &[map])?;
        e.node(&format!("{part}.gate"), Mul {}, &[mask, map])
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let mask = self.mask(e)?;
        let rest = e.node("rest", Affine { mul: -1.0, add: 1.0 }, &[mask])?;
        let important = Self::gate(e, "important", mask, self.share, &self.important)?;
        let other = Self::gate(e, "other", rest, 1.0 - self.share, &self.other)?;
        // Two gated values and not one value by the sum of two gates: products of gates need no memory, their sum would.
        let important = e.node("important.gated", Mul {}, &[e.inputs[0], important])?;
        let other = e.node("other.gated", Mul {}, &[e.inputs[0], other])?;
        e.node("gated", Add {}, &[important, other])
    }
}

impl OpRule for Asa {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        if !(self.share > 0.0 && self.share < 1.0) {
            return Err(cx.refuse(
                format!("a share of {} of the features is important", self.share),
                "give a share between 0 and 1",
            ));
        }
        let steps = x.shape.t;
        let outputs = if self.fc1.is_some() { None } else { Some(steps) };
        let hidden = cx.tensor(&self.fc0, &[outputs, Some(steps)])?.shape[0];
        if hidden == 0 {
            return Err(cx.refuse("the attention MLP has no hidden unit", "give its first layer at least one row"));
        }
        if let Some(last) = &self.fc1 {
            cx.tensor(last, &[Some(steps), Some(hidden)])?;
        }
        for kernel in [&self.important, &self.other] {
            if cx.tensor(kernel, &[Some(1), Some(2), None, None])?.is_empty() {
                return Err(cx.refuse("a spatial kernel is empty", "give a kernel of at least 1 x 1"));
            }
        }
        expand::infer(self, cx)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        let all = [Some(&self.fc0), self.fc1.as_ref(), Some(&self.important), Some(&self.other)];
        all.into_iter().flatten().map(String::as_str).collect()
    }
}
