//! Ranges of real values on sample inputs, for the quantiser.

use pulvinar_ir::{interpret, Data, Diagnostic, Graph, Level, NodeId, Result, Value};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Smallest and largest value.
type Range = (f64, f64);

/// Smallest and largest value every node took on the sample inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// Number of sample inputs.
    pub inputs: usize,
    /// Smallest and largest value by node name.
    pub ranges: BTreeMap<String, Range>,
}

impl Calibration {
    /// Runs the float reference of a lowered trained graph on every input.
    ///
    /// Integer inputs are read as reals. Errors: no inputs, a flow graph, inputs that do not fit.
    pub fn from_inputs(graph: &Graph, inputs: &[Value]) -> Result<Self> {
        Self::from_given(graph, inputs, &BTreeMap::new())
    }

    /// The same with some nodes, by name, held at given values; each has one value, whatever the input.
    pub fn from_given(graph: &Graph, inputs: &[Value], given: &BTreeMap<String, Value>) -> Result<Self> {
        if graph.level != Level::Trained {
            return Err(Diagnostic::new(
                "E0309",
                &graph.name,
                "calibration runs the float model and this graph is integers",
                "calibrate before the quantiser",
            ));
        }
        if inputs.is_empty() {
            return Err(Diagnostic::new(
                "E0309",
                &graph.name,
                "there are no calibration inputs",
                "give at least one, or leave calibration out",
            ));
        }
        let given = given.iter().filter_map(|(name, v)| Some((graph.find(name)?, as_real(v)))).collect();
        let seen = inputs.par_iter().map(|x| seen(graph, x, &given)).collect::<Result<Vec<_>>>()?;
        let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); graph.nodes.len()];
        for seen in seen {
            for (range, (lo, hi)) in ranges.iter_mut().zip(seen) {
                *range = (range.0.min(lo), range.1.max(hi));
            }
        }
        let ranges = graph.nodes.iter().map(|n| n.name.clone()).zip(ranges).collect();
        Ok(Calibration { inputs: inputs.len(), ranges })
    }

    /// Largest magnitude of a node's values, if it was seen.
    pub fn magnitude(&self, node: &str) -> Option<f64> {
        self.ranges.get(node).map(|(lo, hi)| lo.abs().max(hi.abs())).filter(|m| m.is_finite())
    }
}

/// Ranges of the nodes on one input.
fn seen(graph: &Graph, input: &Value, given: &BTreeMap<NodeId, Value>) -> Result<Vec<Range>> {
    let range = |value: Value| {
        let reals = value.reals().iter();
        reals.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)))
    };
    Ok(interpret::run_with(graph, &as_real(input), given)?.into_iter().map(range).collect())
}

/// The same value in reals.
fn as_real(value: &Value) -> Value {
    match &value.data {
        Data::Real(_) => value.clone(),
        Data::Int(v) => Value::real(value.shape, v.iter().map(|&x| x as f64).collect()),
    }
}
