//! `y[t] = x[t−1]`, zero at t = 0: the only edge that may close a cycle.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::shape::{Elem, Type};
use crate::tensor::{Data, Value};
use serde::{Deserialize, Serialize};

/// Attributes of `delay`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {}

impl OpRule for Delay {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        let [x] = cx.operands()?;
        let mut ty = x.clone();
        if let Elem::Int(i) = &mut ty.elem {
            i.lo = i.lo.min(0);
            i.hi = i.hi.max(0);
        }
        Ok(ty)
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let step = x.shape.step_len();
        let kept = x.shape.len() - step;
        let data = match &x.data {
            Data::Real(v) => Data::Real([vec![0.0; step].as_slice(), &v[..kept]].concat()),
            Data::Int(v) => Data::Int([vec![0; step].as_slice(), &v[..kept]].concat()),
        };
        Value { shape: x.shape, data }
    }
}
