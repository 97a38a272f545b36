//! Symmetric weights and biases at the scale of their sums.

use super::analysis::largest;
use super::Quantiser;
use pulvinar_ir::{Diagnostic, NodeId, Op, Result, Tensor};

/// A channel's scale is at least the largest channel's over this, so that nearly dead channels do not widen the membrane.
const SCALE_SPREAD: f64 = 256.0;

/// Largest magnitude of a `bits`-bit weight; symmetric, so that the negative end stays unused.
fn top(bits: u32) -> f64 {
    f64::from((1i32 << (bits - 1)) - 1)
}

impl Quantiser<'_> {
    /// A convolution (along rows and columns, t or c), linear or dense layer.
    pub(super) fn weighted(&mut self, id: NodeId) -> Result<NodeId> {
        let node = self.old.node(id);
        let source = node.inputs[0];
        let small = self.facts.statistic[id.index()];
        let bits = self.cx.options.stat_bits_of(&node.name);
        let x = if let Op::Conv1d(_) = node.op {
            self.gathered(id, bits)?[0]
        } else {
            let x = self.narrow(source, &node.name, bits)?;
            self.given(id, source, x)?
        };
        let unit = self.scale(x, &node.name)?;
        let (weight, bias) = node.op.weights().expect("called for layers with weights");
        let bits = self.cx.options.weight_bits_of(&node.name, small);
        let tensor = &self.old.tensors[weight];
        let scales = self.scales(id, tensor, bits, unit);
        let values = round_weights(tensor, bits, &scales);
        let sums: Vec<f64> = scales.iter().map(|s| s * unit).collect();
        let bias = match bias {
            Some(b) => Some((b, self.bias(&node.name, b, &sums)?)),
            None => None,
        };
        let weight = self.table(weight, Tensor::int(tensor.shape.clone(), values, bits, scales));
        let bias = bias.map(|(name, tensor)| self.table(name, tensor));
        self.counterpart(id, node.op.with_weights(weight, bias), &[x])
    }

    /// One scale, or one a channel where neurons absorb it.
    fn scales(&self, id: NodeId, tensor: &Tensor, bits: u32, unit: f64) -> Vec<f64> {
        let one = matches!(self.old.node(id).op, Op::Conv1d(_));
        let all = best_scale(tensor.as_real().unwrap_or(&[]), bits);
        if let Some(shared) = self.facts.shared_scale[id.index()] {
            return vec![shared / unit];
        }
        if !self.facts.per_channel[id.index()] || one {
            return vec![all];
        }
        let floor = largest(tensor) / top(bits) / SCALE_SPREAD;
        rows(tensor)
            .map(|row| if row.iter().all(|&w| w == 0.0) { all } else { best_scale(row, bits).max(floor) })
            .collect()
    }

    /// A bias in units of the sums it is added to.
    pub(super) fn bias(&self, node: &str, name: &str, sums: &[f64]) -> Result<Tensor> {
        let values = self.old.tensors[name].as_real().expect("level trained").iter().enumerate().map(|(o, &b)| {
            let units = f64::from(b) / sums[if sums.len() == 1 { 0 } else { o }];
            if units.abs() > 1e9 {
                return Err(Diagnostic::new(
                    "E0306",
                    format!("node `{node}`, tensor `{name}`"),
                    format!("bias {o} is {units:.0} units of its layer's sums and does not fit 32 bits"),
                    "the weights are vanishingly small against the bias; check the layer, or give it more weight bits",
                ));
            }
            Ok(units.round() as i32)
        });
        let values = values.collect::<Result<Vec<i32>>>()?;
        Ok(Tensor::int(vec![values.len()], values, 32, sums.to_vec()))
    }
}

/// Weights of each output.
fn rows(tensor: &Tensor) -> impl Iterator<Item = &[f32]> {
    let values = tensor.as_real().unwrap_or(&[]);
    values.chunks_exact((values.len() / tensor.shape[0].max(1)).max(1))
}

fn round_weights(tensor: &Tensor, bits: u32, scales: &[f64]) -> Vec<i32> {
    let scale = |o: usize| scales[if scales.len() == 1 { 0 } else { o }];
    rows(tensor)
        .enumerate()
        .flat_map(|(o, row)| row.iter().map(move |&w| round(f64::from(w), scale(o), bits) as i32))
        .collect()
}

fn round(w: f64, scale: f64, bits: u32) -> f64 {
    (w / scale).round().clamp(-top(bits), top(bits))
}

/// The scale of least squared error among clippings of the largest weight down to a half; 1 for all zeros, and the
/// magnitude itself where there is one only: such weights are ±1.
fn best_scale(weights: &[f32], bits: u32) -> f64 {
    let largest = weights.iter().fold(0.0, |a: f64, &w| a.max(f64::from(w).abs()));
    if largest == 0.0 {
        return 1.0;
    }
    if weights.iter().all(|&w| w == 0.0 || f64::from(w).abs().to_bits() == largest.to_bits()) {
        return largest;
    }
    let error = |scale: f64| -> f64 {
        weights.iter().map(|&w| (f64::from(w) - scale * round(f64::from(w), scale, bits)).powi(2)).sum()
    };
    let candidates = (0..=20).map(|i| largest / top(bits) * (1.0 - 0.025 * f64::from(i)));
    candidates
        .map(|s| (error(s), s))
        .fold((f64::INFINITY, 1.0), |best, c| if c.0 < best.0 { c } else { best })
        .1
}
