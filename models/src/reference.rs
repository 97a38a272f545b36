//! The float reference over many samples, and its comparison with the framework's own answers.

use crate::dataset::Frames;
use crate::native::{Model, Vectors};
use pulvinar_ir::tensor::{Data, Value};
use pulvinar_ir::{interpret, Diagnostic, Elem, Graph, Result, Type};
use rayon::prelude::*;

/// Runs every sample and gives `look` the values of all nodes; results in sample order, whatever the thread count.
pub fn map<R: Send>(
    graph: &Graph,
    frames: &Frames,
    look: impl Fn(usize, &[Value]) -> R + Sync,
) -> Result<Vec<R>> {
    frames.check(graph)?;
    (0..frames.len())
        .into_par_iter()
        .map(|i| Ok(look(i, &interpret::run(graph, &frames.value(i, graph.level)?)?)))
        .collect()
}

/// Runs every sample; one row of real outputs each (integers times their scale, as the host reads them).
pub fn outputs(graph: &Graph, frames: &Frames) -> Result<Vec<Vec<f64>>> {
    let ty = &graph.node(graph.output).ty;
    map(graph, frames, |_, values| scores(&values[graph.output.index()], ty))
}

/// A value as reals.
pub fn scores(value: &Value, ty: &Type) -> Vec<f64> {
    match (&value.data, &ty.elem) {
        (Data::Int(v), Elem::Int(int)) => {
            let plane = value.shape.h * value.shape.w;
            v.iter().enumerate().map(|(i, &x)| x as f64 * int.scale_of(i / plane % value.shape.c)).collect()
        }
        (Data::Int(v), Elem::Real) => v.iter().map(|&x| x as f64).collect(),
        (Data::Real(v), _) => v.clone(),
    }
}

/// Index of the largest score; ties go to the lowest index.
pub fn argmax(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best })
}

/// Samples whose largest score is at their label, of all.
pub fn correct(outputs: &[Vec<f64>], labels: &[u32]) -> usize {
    outputs.iter().zip(labels).filter(|(o, &l)| argmax(o) == l as usize).count()
}

/// Fraction of samples whose largest score is at their label.
pub fn accuracy(outputs: &[Vec<f64>], labels: &[u32]) -> f64 {
    correct(outputs, labels) as f64 / outputs.len().min(labels.len()).max(1) as f64
}

/// The reference against the framework's vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct VectorReport {
    /// Samples run.
    pub inputs: usize,
    /// Neuron-steps compared (each is a spike or none).
    pub neuron_steps: u64,
    /// Spikes the framework recorded.
    pub spikes: u64,
    /// Neuron-steps that differ.
    pub flips: u64,
    /// Samples whose largest output is at another index.
    pub output_mismatch: usize,
    /// Largest difference of an output.
    pub output_error: f64,
}

/// Runs a model on its own vectors and compares every spike and output.
pub fn check_vectors(model: &Model) -> Result<VectorReport> {
    let vectors = model.vectors.as_ref().ok_or_else(|| {
        Diagnostic::new(
            "E0119",
            &model.graph.name,
            "the model has no vectors to check",
            "export it with vectors",
        )
    })?;
    let each = map(&model.graph, &vectors.input, |i, values| compare(&model.graph, vectors, i, values))?;
    Ok(each.into_iter().fold(VectorReport::default(), |a, b| VectorReport {
        inputs: a.inputs + b.inputs,
        neuron_steps: a.neuron_steps + b.neuron_steps,
        spikes: a.spikes + b.spikes,
        flips: a.flips + b.flips,
        output_mismatch: a.output_mismatch + b.output_mismatch,
        output_error: a.output_error.max(b.output_error),
    }))
}

fn compare(graph: &Graph, vectors: &Vectors, i: usize, values: &[Value]) -> VectorReport {
    let mut report = VectorReport { inputs: 1, ..VectorReport::default() };
    for (node, value) in graph.nodes.iter().zip(values) {
        let Some(packed) = vectors.spikes(&node.name, i) else { continue };
        for (k, &v) in value.reals().iter().enumerate() {
            let spike = packed[k / 8] >> (7 - k % 8) & 1 == 1;
            report.neuron_steps += 1;
            report.spikes += u64::from(spike);
            report.flips += u64::from(spike != (v != 0.0));
        }
    }
    let expected: Vec<f64> = vectors.output_of(i).iter().map(|&v| f64::from(v)).collect();
    let output = values[graph.output.index()].reals();
    report.output_mismatch = usize::from(argmax(&expected) != argmax(output));
    report.output_error = expected.iter().zip(output).fold(0.0, |m, (a, b)| m.max((a - b).abs()));
    report
}
