//! Product of two values, of every timestep and head by itself. Channels are heads × d, rows and columns are tokens n:
//!
//! ```text
//! over tokens:    y[t, h·d + i, j] = Σ_n a[t, h·d + i, n] · b[t, h·e + j, n]     aᵀ·b, result [T, heads·d, e, 1]
//! over channels:  y[t, h·P + p, n] = Σ_i a[t, h·d + i, n] · b[t, h·d + i, p]     a·b,  result [T, heads·P, H, W]
//! ```
//!
//! with e the channels of a head of b and P = rows · columns of b; the result of the second has the rows and columns of a.
//! So `q·(kᵀ·v)` is the second of q and the first of k and v, and `q·kᵀ` the second of q and k. Causal: step by step.
//! Between spike trains a product is an AND, a sum a population count. In integers sums are exact and the scale is the
//! product of both scales; on the chip it is an operation of the attention engine.
//!
//! Source: the attention of Spikformer (Zhou et al., arXiv 2209.15425), where no softmax stands between the two products.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{IntType, Shape, Type};
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

    /// Indices in a and b of the factors of one output's sum.
    fn factors(
        &self,
        a: Shape,
        b: Shape,
        shape: Shape,
        output: usize,
    ) -> impl Iterator<Item = (usize, usize)> + '_ {
        let (d, e, tokens_b) = (a.c / self.heads, b.c / self.heads, b.h * b.w);
        let tokens = shape.h * shape.w;
        let (t, c, n) = (output / shape.step_len(), output / tokens % shape.c, output % tokens);
        let at = move |s: Shape, c: usize, n: usize| (t * s.c + c) * s.h * s.w + n;
        (0..self.terms(a)).map(move |k| match self.over {
            Over::Tokens => (at(a, c, k), at(b, c / d * e + n, k)),
            Over::Channels => {
                let row = c / tokens_b * d + k;
                (at(a, row, n), at(b, row, c % tokens_b))
            }
        })
    }

    /// Number of products in each sum, for the shape of the first operand.
    pub fn terms(&self, a: Shape) -> usize {
        if self.over == Over::Tokens { a.h * a.w } else { a.c / self.heads }
    }
}

impl OpRule for Matmul {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let types = cx.operands()?;
        let [a, b] = types.map(|ty| ty.shape);
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
        cx.int_or_real(self.result(a, b), || {
            let [x, y] = [types[0].as_int(cx.name)?, types[1].as_int(cx.name)?];
            if x.bits() + y.bits() > 48 {
                return Err(cx.refuse("a product is wider than 48 bits", "requantise an operand first"));
            }
            let corners = [x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi];
            let terms = self.terms(a) as i64;
            let bound = |product: i64| product.saturating_mul(terms);
            Ok(IntType::new(
                bound(corners.into_iter().min().unwrap_or(0)),
                bound(corners.into_iter().max().unwrap_or(0)),
                x.single_scale(cx.name)? * y.single_scale(cx.name)?,
            ))
        })
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let [a, b] = [cx.inputs[0], cx.inputs[1]];
        let shape = cx.ty.shape;
        let factors = (0..shape.len()).map(|output| self.factors(a.shape, b.shape, shape, output));
        if cx.is_real() {
            let (x, y) = (a.reals(), b.reals());
            Value::real(shape, factors.map(|f| f.map(|(i, j)| x[i] * y[j]).sum()).collect())
        } else {
            let (x, y) = (a.ints(), b.ints());
            Value::int(shape, factors.map(|f| f.map(|(i, j)| x[i] * y[j]).sum()).collect())
        }
    }
}
