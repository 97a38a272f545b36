//! Product of two values, of every timestep and head by itself. Channels are heads × d, rows and columns are tokens n:
//!
//! ```text
//! over tokens:    y[t, h·d + i, j] = Σ_n a[t, h·d + i, n] · b[t, h·e + j, n]     aᵀ·b, result [T, heads·d, e, 1]
//! over channels:  y[t, h·P + p, n] = Σ_i a[t, h·d + i, n] · b[t, h·d + i, p]     a·b,  result [T, heads·P, H, W]
//! ```
//!
//! with e the channels of a head of b and P = rows · columns of b; the result of the second has the rows and columns of a.
//! So `q·(kᵀ·v)` is the second of q and the first of k and v, and `q·kᵀ` the second of q and k. Causal: step by step.
//! Between spike trains a product is an AND, a sum a population count. Level `trained` only so far.
//!
//! Source: the attention of Spikformer (Zhou et al., arXiv 2209.15425), where no softmax stands between the two products.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// What a product sums over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Rows and columns.
    Tokens,
    /// Channels of a head.
    Channels,
}

/// Attributes of `matmul`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matmul {
    /// Heads, which divide the channels of both operands.
    pub heads: usize,
    /// What the product sums over.
    pub over: Over,
}

impl Matmul {
    fn result(&self, a: Shape, b: Shape) -> Shape {
        match self.over {
            Over::Tokens => Shape::new(a.t, a.c, b.c / self.heads, 1),
            Over::Channels => Shape { c: self.heads * b.h * b.w, ..a },
        }
    }

    /// Number of products in each sum, for the shape of the first operand.
    pub fn terms(&self, a: Shape) -> usize {
        if self.over == Over::Tokens { a.h * a.w } else { a.c / self.heads }
    }
}

impl OpRule for Matmul {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [a, b] = cx.operands()?.map(|ty| ty.shape);
        if self.heads == 0 || a.c % self.heads != 0 || b.c % self.heads != 0 {
            return Err(cx.refuse(
                format!("{} heads do not divide {} and {} channels", self.heads, a.c, b.c),
                "give a number of heads that divides the channels of both operands",
            ));
        }
        let fit = match self.over {
            Over::Tokens => (a.h, a.w) == (b.h, b.w),
            Over::Channels => a.c == b.c,
        };
        if a.t != b.t || !fit {
            return Err(cx.refuse(
                format!("shapes {a} and {b} do not multiply"),
                "over tokens rows and columns must agree, over channels the channels, and always the timesteps",
            ));
        }
        Ok(Type::real(self.result(a, b)))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let [a, b] = [cx.inputs[0], cx.inputs[1]];
        let (shape, terms) = (cx.ty.shape, self.terms(a.shape));
        let (d, e, tokens_b) = (a.shape.c / self.heads, b.shape.c / self.heads, b.shape.h * b.shape.w);
        let at = |v: &Value, t: usize, c: usize, n: usize| v.reals()[(t * v.shape.c + c) * v.shape.h * v.shape.w + n];
        let tokens = shape.h * shape.w;
        let y = (0..shape.len()).map(|i| {
            let (t, c, n) = (i / shape.step_len(), i / tokens % shape.c, i % tokens);
            let product = |k: usize| match self.over {
                Over::Tokens => at(a, t, c, k) * at(b, t, c / d * e + n, k),
                Over::Channels => at(a, t, c / tokens_b * d + k, n) * at(b, t, c / tokens_b * d + k, c % tokens_b),
            };
            (0..terms).map(product).sum()
        });
        Value::real(shape, y.collect())
    }
}
