//! Parameters of neurons: one value for all, or one per channel.

use super::param::{refuse, Array, Fields};
use super::shape::{chw, mismatch, squeezed};
use pulvinar_ir::Result;

/// One value, or one per channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Per(Vec<f64>);

impl Per {
    /// One value.
    pub fn one(value: f64) -> Self {
        Per(vec![value])
    }

    /// A parameter of a node whose value has this shape.
    pub fn of(fields: Fields<'_>, key: &str, array: &Array, shape: &[usize]) -> Result<Self> {
        let [c, h, w] = chw(shape);
        let (found, whole) = (squeezed(&array.shape), squeezed(shape));
        if !found.is_empty() && found != whole && found != squeezed(&[c]) {
            let text = format!("parameter `{key}` has shape {:?} and the value {shape:?}", array.shape);
            return Err(mismatch(fields, text));
        }
        if let Some(value) = array.uniform() {
            return Ok(Per::one(value));
        }
        let plane = if found == whole { h * w } else { 1 };
        let channels = array.values.chunks_exact(plane);
        if channels.clone().any(|c| c.iter().any(|v| *v != c[0])) {
            return Err(refuse(
                "E0515",
                fields.name,
                format!("parameter `{key}` differs between the neurons of a channel"),
                "train with parameters shared by a channel, or by the layer",
            ));
        }
        Ok(Per(channels.map(|c| c[0]).collect()))
    }

    /// The value, if it is one for all up to rounding.
    pub fn uniform(&self) -> Option<f64> {
        let first = self.0[0];
        self.0.iter().all(|v| (v - first).abs() <= 1e-6 * v.abs().max(first.abs())).then_some(first)
    }

    /// The values.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The values in single precision.
    pub fn to_f32(&self) -> Vec<f32> {
        self.0.iter().map(|&v| v as f32).collect()
    }

    /// Channel by channel.
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let n = self.0.len().max(other.0.len());
        let at = |p: &Self, i: usize| p.0[if p.0.len() == 1 { 0 } else { i }];
        Per((0..n).map(|i| f(at(self, i), at(other, i))).collect())
    }

    /// Channel by channel.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Per(self.0.iter().map(|&v| f(v)).collect())
    }
}
