//! `y[o] = b[o] + Σ_i w[o,i] · x[i]`, one timestep at a time.

use super::conv2d::linear_range;
use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `linear`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Weights `[out, in]`.
    pub weight: String,
    /// Bias `[out]`.
    pub bias: Option<String>,
}

impl OpRule for Linear {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        if x.shape.h != 1 || x.shape.w != 1 {
            return Err(cx.refuse(format!("a linear layer takes [T,C,1,1] and gets {}", x.shape), "put a flatten before it"));
        }
        let weight = cx.tensor(&self.weight, &[None, Some(x.shape.c)])?;
        if weight.shape[0] == 0 {
            return Err(cx.refuse("the weights have no rows", "give the layer at least one output"));
        }
        let bias = self.bias.as_deref().map(|b| cx.tensor(b, &[Some(weight.shape[0])])).transpose()?;
        cx.int_or_real(Shape::new(x.shape.t, weight.shape[0], 1, 1), || linear_range(cx, weight, bias, x.as_int(cx.name)?))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let (x, weight) = (cx.inputs[0], cx.tensor(&self.weight));
        let inputs = weight.shape[1];
        let bias = self.bias.as_deref().map(|b| cx.tensor(b));
        if cx.is_real() {
            let w = weight.as_real().expect("level trained");
            let b = bias.map(|b| b.as_real().expect("level trained"));
            let y = x.reals().chunks_exact(inputs).flat_map(|x| {
                let active: Vec<(usize, f64)> = x.iter().copied().enumerate().filter(|(_, v)| *v != 0.0).collect();
                w.chunks_exact(inputs).enumerate().map(move |(o, row)| {
                    active.iter().fold(b.map_or(0.0, |b| f64::from(b[o])), |a, &(i, v)| a + f64::from(row[i]) * v)
                })
            });
            Value::real(cx.ty.shape, y.collect())
        } else {
            let w = weight.as_int().expect("level flow");
            let b = bias.map(|b| b.as_int().expect("level flow"));
            let y = x.ints().chunks_exact(inputs).flat_map(|x| {
                let active: Vec<(usize, i64)> = x.iter().copied().enumerate().filter(|(_, v)| *v != 0).collect();
                w.chunks_exact(inputs).enumerate().map(move |(o, row)| {
                    active.iter().fold(b.map_or(0, |b| i64::from(b[o])), |a, &(i, v)| a + i64::from(row[i]) * v)
                })
            });
            Value::int(cx.ty.shape, y.collect())
        }
    }

    fn tensors(&self) -> Vec<&str> {
        std::iter::once(self.weight.as_str()).chain(self.bias.as_deref()).collect()
    }
}
