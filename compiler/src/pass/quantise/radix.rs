//! Sums over time, and trains of radix coding.

use super::Quantiser;
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::radix::Radix;
use pulvinar_ir::op::radix_code::RadixCode;
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::{NodeId, Result};

impl Quantiser<'_> {
    /// The bias in units of the result.
    pub(super) fn accumulate(&mut self, id: NodeId, sum: &Accumulate) -> Result<NodeId> {
        let name = self.old.node(id).name.clone();
        let x = self.mapped(self.old.node(id).inputs[0]);
        let steps = if sum.kind == AccumulateKind::Mean { sum.window as f64 } else { 1.0 };
        let bias = match &sum.bias {
            Some(bias) => {
                let units: Vec<f64> = self.int(x).scale.iter().map(|s| s / steps).collect();
                let tensor = self.bias(&name, bias, &units)?;
                Some(self.table(bias, tensor))
            }
            None => None,
        };
        self.counterpart(id, Accumulate { bias, ..sum.clone() }, &[x])
    }

    /// The bias in units of the sum, the step as a fixed-point multiply.
    pub(super) fn radix(&mut self, id: NodeId, radix: &Radix) -> Result<NodeId> {
        let name = self.old.node(id).name.clone();
        let x = self.mapped(self.old.node(id).inputs[0]);
        let unit = self.scale(x, &name)?;
        let Requantise { mul, shift, .. } = Requantise::between(unit, radix.step, 0, (1 << radix.window) - 1);
        let bias = match &radix.bias {
            Some(bias) => {
                let tensor = self.bias(&name, bias, &[unit])?;
                Some(self.table(bias, tensor))
            }
            None => None,
        };
        self.counterpart(id, RadixCode { window: radix.window, bias, mul, shift }, &[x])
    }
}
