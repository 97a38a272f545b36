//! Stored tensors (weights, thresholds, tables) and run-time values.

use crate::shape::Shape;
use sha2::{Digest, Sha256};

/// Beginning of the names of tensors that are constants of a structure and were never learned, as in a vote.
pub const FIXED: &str = "fixed.";

/// Numbers of a stored tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Trained parameters.
    Real(Vec<f32>),
    /// Quantised parameters.
    Int {
        /// Values.
        values: Vec<i32>,
        /// Bits each value needs.
        bits: u32,
        /// Real value of one unit: one entry, or one per entry of axis 0.
        scale: Vec<f64>,
    },
}

/// A named constant of a graph, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Numbers.
    pub data: TensorData,
}

impl Tensor {
    /// A real tensor; the product of `shape` must be the number of values.
    pub fn real(shape: Vec<usize>, values: Vec<f32>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "tensor shape holds its values");
        Tensor { shape, data: TensorData::Real(values) }
    }
    /// An integer tensor with one scale, or one per entry of axis 0.
    pub fn int(shape: Vec<usize>, values: Vec<i32>, bits: u32, scale: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "tensor shape holds its values");
        Tensor { shape, data: TensorData::Int { values, bits, scale } }
    }
    /// Number of values.
    pub fn len(&self) -> usize {
        match &self.data {
            TensorData::Real(v) => v.len(),
            TensorData::Int { values, .. } => values.len(),
        }
    }
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Values of a real tensor.
    pub fn as_real(&self) -> Option<&[f32]> {
        match &self.data {
            TensorData::Real(v) => Some(v),
            TensorData::Int { .. } => None,
        }
    }
    /// Values of an integer tensor.
    pub fn as_int(&self) -> Option<&[i32]> {
        match &self.data {
            TensorData::Real(_) => None,
            TensorData::Int { values, .. } => Some(values),
        }
    }
    /// Scale of an integer tensor.
    pub fn scale(&self) -> &[f64] {
        match &self.data {
            TensorData::Real(_) => &[1.0],
            TensorData::Int { scale, .. } => scale,
        }
    }
    /// Bits per value (32 for real tensors).
    pub fn bits(&self) -> u32 {
        match &self.data {
            TensorData::Real(_) => 32,
            TensorData::Int { bits, .. } => *bits,
        }
    }
    /// SHA-256 of shape and little-endian values, hex.
    pub fn hash(&self) -> String {
        let mut h = Sha256::new();
        for &d in &self.shape {
            h.update((d as u64).to_le_bytes());
        }
        match &self.data {
            TensorData::Real(v) => v.iter().for_each(|x| h.update(x.to_le_bytes())),
            TensorData::Int { values, .. } => values.iter().for_each(|x| h.update(x.to_le_bytes())),
        }
        h.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Numbers of a run-time value.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Reals.
    Real(Vec<f64>),
    /// Integers.
    Int(Vec<i64>),
}

/// A run-time value: one sample, all timesteps, row-major t, c, h, w.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Shape.
    pub shape: Shape,
    /// Numbers.
    pub data: Data,
}

impl Value {
    /// A real value.
    pub fn real(shape: Shape, data: Vec<f64>) -> Self {
        assert_eq!(shape.len(), data.len(), "value shape holds its numbers");
        Value { shape, data: Data::Real(data) }
    }
    /// An integer value.
    pub fn int(shape: Shape, data: Vec<i64>) -> Self {
        assert_eq!(shape.len(), data.len(), "value shape holds its numbers");
        Value { shape, data: Data::Int(data) }
    }
    /// Reals; the verifier has proven the level.
    pub fn reals(&self) -> &[f64] {
        match &self.data {
            Data::Real(v) => v,
            Data::Int(_) => panic!("the verifier proves a trained graph holds reals only"),
        }
    }
    /// Integers; the verifier has proven the level.
    pub fn ints(&self) -> &[i64] {
        match &self.data {
            Data::Int(v) => v,
            Data::Real(_) => panic!("the verifier proves a flow graph holds integers only"),
        }
    }
}
