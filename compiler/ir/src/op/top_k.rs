//! `y = 1` where x is among the k largest along one axis, else 0; of equal values the lowest index comes first.
//! Along t it is not causal.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{Axis, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `top_k`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopK {
    /// Axis along which values compete.
    pub axis: Axis,
    /// How many win, 0 to the size of the axis.
    pub k: usize,
}

impl OpRule for TopK {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        let size = x.shape.dims()[self.axis as usize];
        if self.k > size {
            return Err(cx.refuse(
                format!("{} of {size} values cannot be chosen", self.k),
                "choose at most as many as the axis has",
            ));
        }
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let dims = x.shape.dims();
        let axis = self.axis as usize;
        let stride: usize = dims[axis + 1..].iter().product();
        let mut y = vec![0.0; x.shape.len()];
        for first in (0..y.len()).filter(|i| i / stride % dims[axis] == 0) {
            let mut line: Vec<usize> = (0..dims[axis]).map(|i| first + i * stride).collect();
            // + 0.0 makes −0 equal to 0; the sort is stable.
            line.sort_by(|&a, &b| (x.reals()[b] + 0.0).total_cmp(&(x.reals()[a] + 0.0)));
            line[..self.k].iter().for_each(|&i| y[i] = 1.0);
        }
        Value::real(x.shape, y)
    }
}
