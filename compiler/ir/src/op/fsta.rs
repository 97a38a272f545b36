//! Frequency-based spatial-temporal attention of FSTA-SNN, on the current before every neuron.
//!
//! ```text
//! a[T,C] = mean_{hw} x,  m[T,C] = max_{hw} x
//! g[T]   = σ(mean_c F(α·a + β·m))                        F: T → T, no bias
//! x1     = (1 + g) ⊙ x
//! d[n,H,W] = bank ∗ (Σ_c mean_t x1)                      n fixed filters, by default 49 of the 7 × 7 DCT-II
//! q[H,W] = W0 ∗ d,  or W1 ∗ ReLU(W0 ∗ d) if reduced      learned, no bias, 'same'
//! x2     = (1 + σ(q)) ⊙ x1
//! y      = (t·x1 + s·x2) / 2
//! ```
//!
//! Not causal: F mixes all timesteps and the map is a mean over them.
//!
//! Source: Yu et al., "FSTA-SNN: Frequency-based Spatial-Temporal Attention Module for Spiking Neural Networks"
//! (arXiv 2501.14744) and the authors' code, whose dialect this is.
//!
//! The expansion computes the same with less work. One pass over x gives `Σ_c x` and `max_{hw} x`; the mean over channels
//! is taken before F, which is linear; and x is multiplied once, `y = x ⊙ (1 + g) ⊙ ((t + s)/2 + s/2 · σ(q))`.
//! The bank and W0 stay two convolutions: the zeros around d make one kernel for both wrong near the border.

use super::affine::Affine;
use super::dense::Dense;
use super::expand::Expand;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::relu::Relu;
use super::sigmoid::Sigmoid;
use super::{add::Add, expand, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Type};
use crate::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// Attributes of `fsta`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fsta {
    /// F, `[T, T]`.
    pub temporal: String,
    /// Fixed filters `[n, 1, k, k]`, k odd; without them the 49 of the DCT-II. (The source ships a rounded table.)
    pub bank: Option<String>,
    /// W0, `[1, n, k, k]`, or `[n/r, n, k, k]` if reduced.
    pub spatial0: String,
    /// W1, `[1, n/r, k, k]`, if reduced.
    pub spatial1: Option<String>,
    /// Weight α of the mean.
    pub alpha: f64,
    /// Weight β of the maximum.
    pub beta: f64,
    /// Weight t of the temporally gated current.
    pub t: f64,
    /// Weight s of the current gated in time and space.
    pub s: f64,
}

/// The `k · k` filters of the orthonormal 2-D DCT-II, `[k², 1, k, k]`: filter `u + k·v` is
/// `c_u c_v cos(π(i + ½)u / k) cos(π(j + ½)v / k)` in row i and column j, with `c_0 = √(1/k)`, else `√(2/k)`.
pub fn dct_bank(k: usize) -> Tensor {
    let wave = |frequency: usize, place: usize| {
        let norm = if frequency == 0 { 1.0 } else { 2.0 } / k as f64;
        norm.sqrt() * (PI * (place as f64 + 0.5) * frequency as f64 / k as f64).cos()
    };
    let filter = |n: usize| {
        let (u, v) = (n % k, n / k);
        (0..k * k).map(move |p| (wave(u, p / k) * wave(v, p % k)) as f32)
    };
    Tensor::real(vec![k * k, 1, k, k], (0..k * k).flat_map(filter).collect())
}

/// Rows and columns of the DCT-II bank.
const BANK_SIZE: usize = 7;

impl Fsta {
    /// `1 + g`, from the channel sum of the input.
    fn temporal(&self, e: &mut Expand<'_>, sum: NodeId) -> Result<NodeId> {
        let (x, plane) = (e.inputs[0], Axes::of(&[Axis::H, Axis::W]));
        let channels = e.shape(x).c as f64;
        let mean = e.node("t.mean", Reduce { kind: ReduceKind::Mean, axes: plane }, &[sum])?;
        let mean = e.node("t.alpha", Affine { mul: self.alpha / channels, add: 0.0 }, &[mean])?;
        let max = e.node("t.max", Reduce { kind: ReduceKind::Max, axes: plane }, &[x])?;
        let max = e.node("t.peak", Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::C]) }, &[max])?;
        let max = e.node("t.beta", Affine { mul: self.beta, add: 0.0 }, &[max])?;
        let both = e.node("t.both", Add {}, &[mean, max])?;
        let f = Dense { weight: self.temporal.clone(), bias: None, axis: Axis::T };
        let f = e.node("t.fc", f, &[both])?;
        let gate = e.node("t.gate", Sigmoid {}, &[f])?;
        e.node("t.gain", Affine { mul: 1.0, add: 1.0 }, &[gate])
    }

    /// `(t + s)/2 + s/2 · σ(q)`, from the map that the bank sees.
    fn spatial(&self, e: &mut Expand<'_>, map: NodeId) -> Result<NodeId> {
        let bank = self.bank.clone().unwrap_or_else(|| e.constant("dct", dct_bank(BANK_SIZE)));
        let mut q = e.same_conv("s.bank", &bank, map)?;
        q = e.same_conv("s.conv0", &self.spatial0, q)?;
        if let Some(last) = &self.spatial1 {
            q = e.node("s.relu", Relu {}, &[q])?;
            q = e.same_conv("s.conv1", last, q)?;
        }
        let gate = e.node("s.gate", Sigmoid {}, &[q])?;
        e.node("s.gain", Affine { mul: self.s / 2.0, add: f64::midpoint(self.t, self.s) }, &[gate])
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let x = e.inputs[0];
        let sum = e.node("sum", Reduce { kind: ReduceKind::Sum, axes: Axes::of(&[Axis::C]) }, &[x])?;
        let in_time = self.temporal(e, sum)?;
        let map = e.node("s.sum", Mul {}, &[sum, in_time])?;
        let map = e.node("s.mean", Reduce { kind: ReduceKind::Mean, axes: Axes::of(&[Axis::T]) }, &[map])?;
        let in_space = self.spatial(e, map)?;
        let factor = e.node("factor", Mul {}, &[in_time, in_space])?;
        e.node("gated", Mul {}, &[x, factor])
    }
}

impl OpRule for Fsta {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        cx.tensor(&self.temporal, &[Some(x.shape.t); 2])?;
        let mut filters = BANK_SIZE * BANK_SIZE;
        if let Some(bank) = &self.bank {
            let shape = &cx.tensor(bank, &[None, Some(1), None, None])?.shape;
            if shape[2] % 2 == 0 || shape[3] % 2 == 0 {
                return Err(cx.refuse(
                    format!("the filters of the bank have {} x {} taps", shape[2], shape[3]),
                    "give filters of odd size, which keep the size of the map",
                ));
            }
            filters = shape[0];
        }
        let outputs = if self.spatial1.is_some() { None } else { Some(1) };
        let first = cx.tensor(&self.spatial0, &[outputs, Some(filters), None, None])?;
        let mut learned = vec![first];
        if let Some(last) = &self.spatial1 {
            learned.push(cx.tensor(last, &[Some(1), Some(first.shape[0]), None, None])?);
        }
        if learned.iter().any(|w| w.is_empty()) {
            return Err(cx.refuse("a spatial kernel is empty", "give at least one filter of at least 1 x 1"));
        }
        expand::infer(self, cx)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        let fixed = [Some(&self.temporal), self.bank.as_ref(), Some(&self.spatial0), self.spatial1.as_ref()];
        fixed.into_iter().flatten().map(String::as_str).collect()
    }
}
