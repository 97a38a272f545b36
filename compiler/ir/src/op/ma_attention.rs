//! Multi-dimensional attention of MA-SNN, code dialect: temporal, channel, spatial, each on the output
//! of the one before, with statistics over the whole sequence.
//!
//! ```text
//! g_t[T]   = σ(M_t(mean_{chw} x) + M_t(max_{chw} x))          x1 = g_t ⊙ x
//! g_c[C]   = σ(M_c(mean_{thw} x1) + M_c(max_{thw} x1))        x2 = g_c ⊙ x1
//! g_s[H,W] = σ(conv_{k×k,2→1}([mean_{tc} x2 ; max_{tc} x2]))  x3 = g_s ⊙ x2,  y = ReLU(x3)
//! ```
//!
//! Source: Yao et al., "Attention Spiking Neural Networks" (arXiv 2209.13929) and the authors' code.
//!
//! The two branches of an MLP without bias meet before its second layer in the expansion,
//! `M(a) + M(b) = W1·(ReLU(W0·a) + ReLU(W0·b))`, which is exact because the layer is linear.

use super::add::Add;
use super::concat::Concat;
use super::dense::Dense;
use super::expand::Expand;
use super::mul::Mul;
use super::reduce::{Reduce, ReduceKind};
use super::relu::Relu;
use super::sigmoid::{logistic, Sigmoid};
use super::window::{same_padding, Window};
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::{Axes, Axis, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `ma_attention`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaAttention {
    /// Which gates, a subset of `tcs` in this order.
    pub gates: String,
    /// Temporal MLP, first layer `[T/r, T]`.
    pub ta0: Option<String>,
    /// Temporal MLP, second layer `[T, T/r]`.
    pub ta1: Option<String>,
    /// Channel MLP, first layer `[C/r, C]`.
    pub ca0: Option<String>,
    /// Channel MLP, second layer `[C, C/r]`.
    pub ca1: Option<String>,
    /// Spatial convolution `[1, 2, k, k]`.
    pub sa: Option<String>,
    /// Trailing ReLU.
    pub relu: bool,
}

/// The shared MLP over one axis.
pub(super) struct Branch<'a> {
    /// t or c.
    pub axis: Axis,
    /// First layer.
    pub w0: &'a str,
    /// Second layer.
    pub w1: &'a str,
}

impl Branch<'_> {
    /// Refuses weights that do not fit.
    pub fn check(&self, cx: &InferCx<'_>, shape: Shape) -> Result<()> {
        let n = if self.axis == Axis::T { shape.t } else { shape.c };
        let hidden = cx.tensor(self.w0, &[None, Some(n)])?.shape[0];
        if hidden == 0 {
            return Err(cx.refuse("the attention MLP has no hidden unit", "give its first layer at least one row"));
        }
        cx.tensor(self.w1, &[Some(n), Some(hidden)])?;
        Ok(())
    }

    /// The gate along the axis.
    pub fn gate(&self, cx: &EvalCx<'_>, shape: Shape, x: &[f64]) -> Vec<f64> {
        let n = if self.axis == Axis::T { shape.t } else { shape.c };
        let mut mean = vec![0.0; n];
        let mut max = vec![f64::NEG_INFINITY; n];
        for ((t, c, _, _), &v) in shape.coords().zip(x) {
            let i = if self.axis == Axis::T { t } else { c };
            mean[i] += v;
            max[i] = max[i].max(v);
        }
        mean.iter_mut().for_each(|m| *m /= (shape.len() / n) as f64);
        let w0 = cx.tensor(self.w0).as_real().expect("level trained");
        let w1 = cx.tensor(self.w1).as_real().expect("level trained");
        let hidden = w0.len() / n;
        let mlp = |x: &[f64]| {
            let h: Vec<f64> = w0.chunks_exact(n).map(|r| dot(r, x).max(0.0)).collect();
            w1.chunks_exact(hidden).map(|r| dot(r, &h)).collect::<Vec<f64>>()
        };
        mlp(&mean).into_iter().zip(mlp(&max)).map(|(a, b)| logistic(a + b)).collect()
    }
}

impl Branch<'_> {
    /// Nodes of `σ(W1·(ReLU(W0·mean x) + ReLU(W0·max x)))`, statistics over `over`; names begin with `part`.
    pub fn expand(&self, e: &mut Expand<'_>, part: &str, x: NodeId, over: &[Axis]) -> Result<NodeId> {
        let dense = |weight: &str| Dense { weight: weight.to_owned(), bias: None, axis: self.axis };
        let mut hidden = Vec::new();
        for (kind, word) in [(ReduceKind::Mean, "mean"), (ReduceKind::Max, "max")] {
            let statistic = e.node(&format!("{part}.{word}"), Reduce { kind, axes: Axes::of(over) }, &[x])?;
            let h = e.node(&format!("{part}.{word}.fc0"), dense(self.w0), &[statistic])?;
            hidden.push(e.node(&format!("{part}.{word}.relu"), Relu {}, &[h])?);
        }
        let sum = e.node(&format!("{part}.hidden"), Add {}, &hidden)?;
        let out = e.node(&format!("{part}.fc1"), dense(self.w1), &[sum])?;
        e.node(&format!("{part}.gate"), Sigmoid {}, &[out])
    }
}

/// Refuses a kernel that is not `[1, 2, k, k]`.
pub(super) fn check_spatial(cx: &InferCx<'_>, kernel: &str) -> Result<()> {
    if cx.tensor(kernel, &[Some(1), Some(2), None, None])?.is_empty() {
        return Err(cx.refuse("the spatial kernel is empty", "give a kernel of at least 1 x 1"));
    }
    Ok(())
}

/// Nodes of `σ(conv([mean x ; max x]))`, statistics over `over`; the same size as a frame.
pub(super) fn expand_spatial(e: &mut Expand<'_>, kernel: &str, x: NodeId, over: &[Axis]) -> Result<NodeId> {
    let axes = Axes::of(over);
    let mean = e.node("s.mean", Reduce { kind: ReduceKind::Mean, axes }, &[x])?;
    let max = e.node("s.max", Reduce { kind: ReduceKind::Max, axes }, &[x])?;
    let maps = e.node("s.maps", Concat {}, &[mean, max])?;
    let out = e.same_conv("s.conv", kernel, maps)?;
    e.node("s.gate", Sigmoid {}, &[out])
}

fn dot(w: &[f32], x: &[f64]) -> f64 {
    w.iter().zip(x).map(|(&w, &x)| f64::from(w) * x).sum()
}

/// Multiplies every element by a gate of its coordinates.
pub(super) fn gate_by(shape: Shape, x: &[f64], gate: impl Fn(usize, usize, usize, usize) -> f64) -> Vec<f64> {
    shape.coords().zip(x).map(|((t, c, h, w), &v)| v * gate(t, c, h, w)).collect()
}

impl MaAttention {
    fn branches(&self) -> impl Iterator<Item = Branch<'_>> {
        let t = self.ta0.as_deref().zip(self.ta1.as_deref()).map(|(w0, w1)| Branch { axis: Axis::T, w0, w1 });
        let c = self.ca0.as_deref().zip(self.ca1.as_deref()).map(|(w0, w1)| Branch { axis: Axis::C, w0, w1 });
        t.into_iter().chain(c)
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let mut x = e.inputs[0];
        for branch in self.branches() {
            let part = if branch.axis == Axis::T { "t" } else { "c" };
            let others: Vec<Axis> = Axis::ALL.into_iter().filter(|&a| a != branch.axis).collect();
            let gate = branch.expand(e, part, x, &others)?;
            x = e.node(part, Mul {}, &[x, gate])?;
        }
        if let Some(sa) = &self.sa {
            let gate = expand_spatial(e, sa, x, &[Axis::T, Axis::C])?;
            x = e.node("s", Mul {}, &[x, gate])?;
        }
        if self.relu { e.node("relu", Relu {}, &[x]) } else { Ok(x) }
    }

    fn spatial_gate(cx: &EvalCx<'_>, sa: &str, shape: Shape, x: &[f64]) -> Vec<f64> {
        let weight = cx.tensor(sa);
        let plane = shape.h * shape.w;
        let mut maps = vec![0.0; plane];
        maps.extend(std::iter::repeat_n(f64::NEG_INFINITY, plane));
        for ((_, _, h, w), &v) in shape.coords().zip(x) {
            let i = h * shape.w + w;
            maps[i] += v / (shape.t * shape.c) as f64;
            maps[plane + i] = maps[plane + i].max(v);
        }
        let k = [weight.shape[2], weight.shape[3]];
        let (pads, padl) = (same_padding(k[0]), same_padding(k[1]));
        let window = Window { kernel: k, stride: [1, 1], padding: [pads.0, pads.1, padl.0, padl.1], dilation: [1, 1], transposed: false };
        let w = weight.as_real().expect("level trained");
        (0..plane)
            .map(|p| {
                let mut acc = 0.0;
                for (i, map) in maps.chunks_exact(plane).enumerate() {
                    for ky in 0..k[0] {
                        let Some(y) = window.row(p / shape.w, ky, shape.h) else { continue };
                        for kx in 0..k[1] {
                            let Some(x) = window.col(p % shape.w, kx, shape.w) else { continue };
                            acc += f64::from(w[(i * k[0] + ky) * k[1] + kx]) * map[y * shape.w + x];
                        }
                    }
                }
                logistic(acc)
            })
            .collect()
    }
}

impl OpRule for MaAttention {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let has = [
            ('t', self.ta0.is_some() && self.ta1.is_some()),
            ('c', self.ca0.is_some() && self.ca1.is_some()),
            ('s', self.sa.is_some()),
        ];
        let expected: String = has.iter().filter(|(_, present)| *present).map(|(g, _)| *g).collect();
        if self.gates != expected {
            return Err(cx.refuse(
                format!("gates are `{}` but the tensors given are those of `{expected}`", self.gates),
                "name a subset of `tcs` in this order and give exactly its tensors",
            ));
        }
        for branch in self.branches() {
            branch.check(cx, x.shape)?;
        }
        if let Some(sa) = &self.sa {
            check_spatial(cx, sa)?;
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let shape = cx.inputs[0].shape;
        let mut x = cx.inputs[0].reals().to_vec();
        for branch in self.branches() {
            let gate = branch.gate(cx, shape, &x);
            x = gate_by(shape, &x, |t, c, _, _| gate[if branch.axis == Axis::T { t } else { c }]);
        }
        if let Some(sa) = &self.sa {
            let gate = Self::spatial_gate(cx, sa, shape, &x);
            x = gate_by(shape, &x, |_, _, h, w| gate[h * shape.w + w]);
        }
        if self.relu {
            x.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        Value::real(shape, x)
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        [&self.ta0, &self.ta1, &self.ca0, &self.ca1, &self.sa].into_iter().filter_map(|t| t.as_deref()).collect()
    }
}
