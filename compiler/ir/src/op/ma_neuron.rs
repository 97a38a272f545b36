//! Spiking neuron whose membrane is gated before it fires, the paper dialect of MA-SNN, step by step:
//!
//! ```text
//! P[t]  = H[t−1] + X[t]                      H[−1] = 0
//! U1[t] = g_c(P[t]) ⊙ P[t]                   statistics over h and w of this step
//! U[t]  = g_s(U1[t]) ⊙ U1[t]                 statistics over c of this step
//! S[t]  = U[t] ≥ threshold
//! H[t]  = reset · S[t] + leak · U[t] · (1 − S[t])
//! ```
//!
//! The gates are those of `step_attention` (7×7 in the paper), either may be missing; gated is the membrane, so H carries
//! the gates of all steps before. Causal. The paper's temporal attention acts on the current X and is `t_attention`.
//!
//! Source: Yao et al., "Attention Spiking Neural Networks" (arXiv 2209.13929), equations 4 to 16.
//!
//! In the expansion `membrane` makes H of U, a `delay` brings it back, and a neuron without memory (leak 0) is the
//! comparator.

use super::add::Add;
use super::expand::Expand;
use super::membrane::Membrane;
use super::neuron::{Compare, Neuron, Reset, ResetTiming};
use super::step_attention::StepAttention;
use super::{InferCx, OpRule};
use crate::diag::Result;
use crate::graph::{Level, NodeId};
use crate::shape::Type;
use serde::{Deserialize, Serialize};

/// Attributes of `ma_neuron`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaNeuron {
    /// Factor β on the membrane that did not fire, 0 to 1.
    pub leak: f64,
    /// Firing threshold, which fires when it is reached.
    pub threshold: f64,
    /// Membrane after a spike.
    pub reset: f64,
    /// Channel MLP, first layer `[C/r, C]`; both of its layers or none.
    pub ca0: Option<String>,
    /// Channel MLP, second layer `[C, C/r]`.
    pub ca1: Option<String>,
    /// Spatial convolution `[1, 2, k, k]`.
    pub sa: Option<String>,
}

impl MaNeuron {
    fn gates(&self) -> StepAttention {
        StepAttention { ca0: self.ca0.clone(), ca1: self.ca1.clone(), sa: self.sa.clone(), relu: false }
    }

    fn membrane(&self) -> Membrane {
        Membrane { leak: self.leak, threshold: self.threshold, reset: self.reset }
    }

    fn comparator(&self) -> Neuron {
        Neuron {
            leak: 0.0,
            input_gain: 1.0,
            input_bias: 0.0,
            threshold: self.threshold,
            compare: Compare::AtLeast,
            reset: Reset::None,
            reset_timing: ResetTiming::SameStep,
            initial: 0.0,
            clamp_min: None,
            ..Neuron::default()
        }
    }

    fn write_out(&self, e: &mut Expand<'_>) -> Result<NodeId> {
        let x = e.inputs[0];
        let carried = e.feedback("carried", Type::real(e.shape(x)));
        let charged = e.node("charged", Add {}, &[x, carried])?;
        let membrane = e.node("gated", self.gates(), &[charged])?;
        let next = e.node("next", self.membrane(), &[membrane])?;
        e.close(carried, next);
        e.node("spikes", self.comparator(), &[membrane])
    }
}

impl OpRule for MaNeuron {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Trained)?;
        let [x] = cx.operands()?;
        self.membrane().check(cx)?;
        self.gates().check(cx, x)?;
        Ok(x.clone())
    }

    fn expand(&self, e: &mut Expand<'_>) -> Option<Result<NodeId>> {
        Some(self.write_out(e))
    }

    fn tensors(&self) -> Vec<&str> {
        [&self.ca0, &self.ca1, &self.sa].into_iter().filter_map(|t| t.as_deref()).collect()
    }
}
