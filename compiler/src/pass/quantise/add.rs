//! Additions: both operands on one scale.

use super::Quantiser;
use pulvinar_ir::{NodeId, Result};

/// True if two lists of scales agree to the verifier's tolerance.
pub(super) fn close(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= 1e-9 * x.abs().max(y.abs()))
}

/// Largest width that an operand may take on the finer scale of the other.
const MAX_BITS: f64 = 30.0;

impl Quantiser<'_> {
    /// The coarser operand is rescaled to the unit of the finer one without loss of range; if that is too wide, both
    /// become statistics.
    pub(super) fn add(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let (name, mut operands) = (node.name.clone(), self.operands(id)?);
        let [a, b] = [self.int(operands[0]), self.int(operands[1])];
        if !close(&a.scale, &b.scale) {
            let scales = [self.scale(operands[0], &name)?, self.scale(operands[1], &name)?];
            let coarse = usize::from(scales[1] > scales[0]);
            let ratio = scales[coarse] / scales[1 - coarse];
            let coarse_int = if coarse == 0 { &a } else { &b };
            let reach = coarse_int.lo.abs().max(coarse_int.hi.abs()) as f64 * ratio;
            if ratio < 16384.0 && reach < MAX_BITS.exp2() {
                let top = reach.ceil() as i64 + 1;
                operands[coarse] =
                    self.rescale(operands[coarse], &format!("{name}.in{coarse}"), scales[1 - coarse], top)?;
            } else {
                operands = self.both_narrow(id, operands)?;
            }
        }
        self.counterpart(id, node.op.clone(), &operands)
    }

    /// Both operands on the scale of the wider range, one bit short of a statistic.
    fn both_narrow(&mut self, id: NodeId, operands: Vec<NodeId>) -> Result<Vec<NodeId>> {
        let node = self.old.node(id);
        let top = (1i64 << (self.cx.options.stat_bits_of(&node.name) - 2)) - 1;
        let ranges: Vec<f64> =
            node.inputs.iter().zip(&operands).map(|(&o, &n)| self.magnitude(o, n)).collect();
        let to = ranges.iter().fold(f64::MIN_POSITIVE, |m, &r| m.max(r)) / top as f64;
        let rescaled = operands
            .iter()
            .enumerate()
            .map(|(i, &n)| self.rescale(n, &format!("{}.in{i}", node.name), to, top));
        rescaled.collect()
    }
}
