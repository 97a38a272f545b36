//! What a neuron that fires at its operand carries on of it, without memory of its own:
//!
//! ```text
//! H = reset where U ≥ threshold, leak · U elsewhere
//! ```
//!
//! A `delay` brings H to the next step, where it is added to the current: so a neuron is written out whose membrane goes
//! through other nodes before it fires (`ma_neuron`). In integers it is a `carry`.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::Type;
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `membrane`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membrane {
    /// Factor on the membrane that did not fire, 0 to 1.
    pub leak: f64,
    /// Firing threshold, which fires when it is reached.
    pub threshold: f64,
    /// Membrane after a spike.
    pub reset: f64,
}

impl Membrane {
    /// Refuses constants that no neuron has.
    pub(super) fn check(&self, cx: &InferCx<'_>) -> Result<()> {
        if !(self.threshold.is_finite() && self.reset.is_finite()) {
            return Err(cx.refuse("a neuron constant is not finite", "export the model again"));
        }
        if !(0.0..=1.0).contains(&self.leak) {
            return Err(cx.refuse("the leak factor is not from 0 to 1", "check the time constant"));
        }
        Ok(())
    }
}

impl OpRule for Membrane {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        self.check(cx)?;
        Ok(x.clone())
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        let next = |&u: &f64| if u >= self.threshold { self.reset } else { self.leak * u };
        Value::real(x.shape, x.reals().iter().map(next).collect())
    }
}
