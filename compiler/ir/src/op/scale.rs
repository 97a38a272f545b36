//! `y[c] = factor[c] · x[c]`, a constant per channel (or one for all): the voltage scalers of converted networks and
//! NIR's `Scale`. The pass `lower-scale` turns it into a norm, which folds into the layer before it.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Factors `[1]` or `[C]`.
    pub factor: String,
}

impl OpRule for Scale {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let factors = cx.tensor(&self.factor, &[None])?.len();
        if factors != 1 && factors != x.shape.c {
            return Err(cx.refuse(
                format!("{factors} factors for {} channels", x.shape.c),
                "give one factor, or one per channel",
            ));
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let factors = cx.tensor(&self.factor).as_real().expect("level trained");
        let plane = x.shape.h * x.shape.w;
        let of = |i: usize| f64::from(factors[if factors.len() == 1 { 0 } else { i / plane % x.shape.c }]);
        Value::real(x.shape, x.reals().iter().enumerate().map(|(i, &v)| of(i) * v).collect())
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.factor]
    }
}
