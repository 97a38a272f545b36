//! Which axis of a network every axis of a tensor stands for.

use super::program::mismatch;
use pulvinar_ir::{Axis, Result};

/// A part of a tensor's axis: an axis of the network, or `None` for the batch; sizes of 1 are left out.
pub(super) type Part = (Option<Axis>, usize);

/// A tensor in a network: the node that holds its numbers, and what each of its axes is made of, outermost first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    /// Name of the node.
    pub node: String,
    /// Parts of every axis.
    pub dims: Vec<Vec<Part>>,
    /// True for what was reduced and has passed no layer since, as in a gate.
    pub statistic: bool,
}

/// A part, if it is more than 1.
pub(super) fn part(axis: Axis, size: usize) -> Vec<Part> {
    if size == 1 {
        Vec::new()
    } else {
        vec![(Some(axis), size)]
    }
}

impl Value {
    /// Axes of the network that the tensor has.
    pub fn axes(&self) -> Vec<Axis> {
        self.dims.iter().flatten().filter_map(|p| p.0).collect()
    }

    /// True if the tensor has an axis.
    pub fn has(&self, axis: Axis) -> bool {
        self.axes().contains(&axis)
    }

    /// The same numbers with other axes.
    pub fn with(&self, dims: Vec<Vec<Part>>) -> Self {
        Value { dims, ..self.clone() }
    }

    /// True if the axis at this position is this one, or of size 1.
    pub fn is(&self, dim: usize, axis: Axis) -> bool {
        self.dims[dim].iter().all(|p| p.0 == Some(axis))
    }

    /// Axes in words.
    pub fn words(&self) -> String {
        let word = |p: &Part| p.0.map_or_else(|| "batch".to_owned(), |a| format!("{a:?}").to_lowercase());
        let dim = |d: &Vec<Part>| {
            if d.is_empty() {
                "1".to_owned()
            } else {
                d.iter().map(word).collect::<Vec<_>>().join("·")
            }
        };
        format!("[{}]", self.dims.iter().map(dim).collect::<Vec<_>>().join(", "))
    }

    /// The parts regrouped to these sizes.
    pub fn view(&self, name: &str, shape: &[usize]) -> Result<Self> {
        let split =
            || mismatch(name, format!("{} is reshaped to {shape:?}, which splits an axis", self.words()));
        let mut parts = self.dims.iter().flatten().copied();
        let mut dims = Vec::with_capacity(shape.len());
        for &size in shape {
            let (mut dim, mut have) = (Vec::new(), 1);
            while have < size {
                let p = parts.next().ok_or_else(split)?;
                have *= p.1;
                dim.push(p);
            }
            if have != size {
                return Err(split());
            }
            dims.push(dim);
        }
        match parts.next() {
            None => Ok(self.with(dims)),
            Some(_) => Err(split()),
        }
    }
}
