//! The gate of Gated Attention Coding, between an encoder's neuron and the first block. Inputs: the encoder's current x
//! and the spikes s that its neuron makes of it.
//!
//! ```text
//! TA[T]        = M(mean_{chw} x) + M(max_{chw} x),  M: T → T/r → ReLU → T, no bias
//! SCA[T,C,H,W] = W1 ∗ ReLU(W0 ∗ x), a frame at a time, no bias, 'same'
//! y            = σ(TA ⊙ SCA) ⊙ s
//! ```
//!
//! M mixes all timesteps, so on moving inputs it is not causal. Under direct coding every frame of x is the same: give x as
//! one frame, which stands for T equal ones; its two statistics and its SCA are then found once, and no frame waits.
//! An even kernel has its longer padding below and on the right, as 'same' has in PyTorch.
//!
//! Source: Qiu et al., "Gated Attention Coding for Training High-performance and Efficient Spiking Neural Networks"
//! (arXiv 2308.06582) and the authors' code, whose dialect this is.

use super::add::Add;
use super::dense::Dense;
use super::expand::Expand;
use super::ma_attention::Branch;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::relu::Relu;
use super::sigmoid::Sigmoid;
use super::{expand, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Shape, Type};
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// Attributes of `gac`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gac {
    /// M, first layer `[T/r, T]`.
    pub ta0: String,
    /// M, second layer `[T, T/r]`.
    pub ta1: String,
    /// W0, `[M, C, k, k]`.
    pub sca0: String,
    /// W1, `[C, M, k, k]`.
    pub sca1: String,
}

impl Gac {
    /// TA, `[T, 1, 1, 1]`; the branches meet before M's second layer, which is linear.
    fn temporal(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let (x, steps) = (e.inputs[0], e.shape(e.inputs[1]).t);
        let dense = |weight: &str| Dense { weight: weight.to_owned(), bias: None, axis: Axis::T };
        let repeat =
            (e.shape(x).t < steps).then(|| e.constant("steps", Tensor::real(vec![steps, 1], vec![1.0; steps])));
        let mut hidden = Vec::new();
        for (kind, word) in [(ReduceKind::Mean, "t.mean"), (ReduceKind::Max, "t.max")] {
            let axes = Axes::of(&[Axis::C, Axis::H, Axis::W]);
            let mut statistic = e.node(word, Reduce { kind, axes }, &[x])?;
            if let Some(ones) = &repeat {
                statistic = e.node(&format!("{word}.steps"), dense(ones), &[statistic])?;
            }
            let h = e.node(&format!("{word}.fc0"), dense(&self.ta0), &[statistic])?;
            hidden.push(e.node(&format!("{word}.relu"), Relu {}, &[h])?);
        }
        let sum = e.node("t.hidden", Add {}, &hidden)?;
        e.node("t.fc1", dense(&self.ta1), &[sum])
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let (x, s) = (e.inputs[0], e.inputs[1]);
        let temporal = self.temporal(e)?;
        let maps = e.same_conv("sca.conv0", &self.sca0, x)?;
        let maps = e.node("sca.relu", Relu {}, &[maps])?;
        let maps = e.same_conv("sca.conv1", &self.sca1, maps)?;
        let both = e.node("joint", Mul {}, &[maps, temporal])?;
        let gate = e.node("gate", Sigmoid {}, &[both])?;
        e.node("gated", Mul {}, &[s, gate])
    }
}

impl OpRule for Gac {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x, s] = cx.operands()?;
        if x.shape != s.shape && x.shape != (Shape { t: 1, ..s.shape }) {
            return Err(cx.refuse(
                format!("the current is {} and the spikes are {}", x.shape, s.shape),
                "give the spikes that a neuron makes of the current, or one frame of a constant current",
            ));
        }
        Branch { axis: Axis::T, w0: &self.ta0, w1: &self.ta1 }.check(cx, s.shape)?;
        let first = cx.tensor(&self.sca0, &[None, Some(s.shape.c), None, None])?;
        let last = cx.tensor(&self.sca1, &[Some(s.shape.c), Some(first.shape[0]), None, None])?;
        if first.is_empty() || last.is_empty() {
            return Err(cx.refuse("a spatial kernel is empty", "give at least one filter of at least 1 x 1"));
        }
        expand::infer(self, cx)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.ta0, &self.ta1, &self.sca0, &self.sca1]
    }
}
