//! A NIR graph as it stands in a file: nodes with named parameters, and edges.

pub(super) use crate::import::hdf5::{Array, Param};
pub(super) use crate::import::refuse;

use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// A node.
#[derive(Debug, Clone, Default)]
pub(super) struct RawNode {
    /// Type: `LIF`, `Conv2d` ...
    pub kind: String,
    /// Parameters.
    pub params: BTreeMap<String, Param>,
    /// The inner graph of a `NIRGraph`.
    pub graph: Option<RawGraph>,
}

/// A graph.
#[derive(Debug, Clone, Default)]
pub(super) struct RawGraph {
    /// Nodes by name.
    pub nodes: BTreeMap<String, RawNode>,
    /// From, to.
    pub edges: Vec<(String, String)>,
}

/// Parameters of one node, with its name for diagnostics.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// Name of the node.
    pub name: &'a str,
    /// The node.
    pub node: &'a RawNode,
}

impl<'a> Fields<'a> {
    fn bad(&self, key: &str, what: &str) -> Diagnostic {
        refuse(
            "E0511",
            self.name,
            format!("parameter `{key}` of this {} {what}", self.node.kind),
            "write the file again with its exporter, every parameter finite and of its documented type",
        )
    }

    /// Numbers, finite, at least one.
    pub fn numbers(&self, key: &str) -> Result<&'a Array> {
        let array = match self.node.params.get(key) {
            Some(Param::Reals(a) | Param::Integers(a)) => a,
            Some(Param::Text(text)) => return Err(self.bad(key, &format!("is the text `{text}`"))),
            Some(Param::Other(kind)) => return Err(self.bad(key, &format!("is of type {kind}"))),
            None => return Err(self.bad(key, "is missing")),
        };
        if array.values.is_empty() {
            return Err(self.bad(key, "is empty"));
        }
        match array.values.iter().position(|v| !v.is_finite()) {
            Some(i) => Err(self.bad(key, &format!("is NaN or infinite at position {i}"))),
            None => Ok(array),
        }
    }

    /// Numbers of this rank.
    pub fn ranked(&self, key: &str, rank: usize) -> Result<&'a Array> {
        let array = self.numbers(key)?;
        if array.shape.len() == rank {
            return Ok(array);
        }
        Err(self.bad(key, &format!("has shape {:?} where {rank} axes are needed", array.shape)))
    }

    /// Numbers, or a default where the file has none.
    pub fn numbers_or(&self, key: &str, default: f64) -> Result<Array> {
        match self.node.params.get(key) {
            Some(_) => self.numbers(key).cloned(),
            None => Ok(Array { shape: Vec::new(), values: vec![default] }),
        }
    }

    /// Sizes: whole numbers from 0 to 2²⁰.
    pub fn sizes(&self, key: &str) -> Result<Vec<usize>> {
        let whole = |&v: &f64| (v.fract() == 0.0 && (0.0..=1_048_576.0).contains(&v)).then_some(v as usize);
        let sizes: Option<Vec<usize>> = self.numbers(key)?.values.iter().map(whole).collect();
        sizes.ok_or_else(|| self.bad(key, "is not made of whole numbers from 0 to 1048576"))
    }

    /// Rows and columns; one number stands for both.
    pub fn pair(&self, key: &str) -> Result<[usize; 2]> {
        match self.sizes(key)?[..] {
            [both] => Ok([both; 2]),
            [rows, columns] => Ok([rows, columns]),
            _ => Err(self.bad(key, "has more than two entries")),
        }
    }

    /// A single size.
    pub fn size(&self, key: &str) -> Result<usize> {
        match self.sizes(key)?[..] {
            [one] => Ok(one),
            _ => Err(self.bad(key, "has more than one entry")),
        }
    }

    /// An axis, negative from the last; a default where the file has none.
    pub fn axis(&self, key: &str, default: f64, rank: usize) -> Result<usize> {
        let array = self.numbers_or(key, default)?;
        let value = array.uniform().filter(|v| v.fract() == 0.0 && v.abs() < 64.0);
        let value = value.ok_or_else(|| self.bad(key, "is not an axis"))? as i64;
        let axis = if value < 0 { value + rank as i64 } else { value };
        usize::try_from(axis)
            .ok()
            .filter(|a| *a < rank)
            .ok_or_else(|| self.bad(key, &format!("is axis {value} of a value of {rank} axes")))
    }

    /// A text, if the parameter is one.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        match self.node.params.get(key) {
            Some(Param::Text(text)) => Some(text),
            _ => None,
        }
    }
}
