//! `y = (x − mean) · weight / √(var + eps) + bias`, per channel, running statistics (inference).

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `batch_norm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Gain γ `[C]`.
    pub weight: String,
    /// Offset β `[C]`.
    pub bias: String,
    /// Running mean `[C]`.
    pub mean: String,
    /// Running variance `[C]`.
    pub var: String,
    /// Added under the root.
    pub eps: f64,
}

impl BatchNorm {
    /// Slope and offset per channel: `y = a·x + b`.
    pub fn slope_and_offset<'a>(&self, tensor: impl Fn(&str) -> &'a [f32]) -> Vec<(f64, f64)> {
        let (gain, offset, mean, var) = (tensor(&self.weight), tensor(&self.bias), tensor(&self.mean), tensor(&self.var));
        (0..gain.len())
            .map(|c| {
                let a = f64::from(gain[c]) / (f64::from(var[c]) + self.eps).sqrt();
                (a, f64::from(offset[c]) - f64::from(mean[c]) * a)
            })
            .collect()
    }
}

impl OpRule for BatchNorm {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        for name in self.tensors() {
            cx.tensor(name, &[Some(x.shape.c)])?;
        }
        let var = cx.tensors[&self.var].as_real().unwrap_or(&[]);
        if var.iter().any(|&v| f64::from(v) + self.eps <= 0.0) {
            return Err(cx.refuse("a running variance plus eps is not positive", "the statistics are corrupt; export the model in eval mode"));
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let ab = self.slope_and_offset(|n| cx.tensor(n).as_real().expect("level trained"));
        let plane = x.shape.h * x.shape.w;
        let y = x.reals().iter().enumerate().map(|(i, &v)| {
            let (a, b) = ab[i / plane % x.shape.c];
            a * v + b
        });
        Value::real(x.shape, y.collect())
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.weight, &self.bias, &self.mean, &self.var]
    }
}
