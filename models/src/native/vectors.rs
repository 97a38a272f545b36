//! Test vectors: the framework's own inputs, spikes and outputs.

use crate::dataset::{frames_of, labels_of, Frames};
use crate::safetensors::{parse, write, Dtype, Owned, View};
use pulvinar_ir::{Diagnostic, Graph, Op, Result};
use std::collections::BTreeMap;

/// What the training framework computed on some inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Inputs.
    pub input: Frames,
    /// Elements of one output.
    pub classes: usize,
    /// Outputs `[N, classes]`, row-major.
    pub output: Vec<f32>,
    /// Classes, one a sample, if recorded.
    pub labels: Option<Vec<u32>>,
    /// Packed spikes of every neuron node whose value is 0 or 1, samples one after the other (see [`Vectors::spikes`]).
    packed: BTreeMap<String, Vec<u8>>,
}

impl Vectors {
    /// Output of sample `i`.
    pub fn output_of(&self, i: usize) -> &[f32] {
        &self.output[i * self.classes..(i + 1) * self.classes]
    }

    /// Spikes of a neuron node on sample `i`, packed eight a byte in row-major order t, c, h, w, first in the
    /// most significant bit.
    pub fn spikes(&self, node: &str, i: usize) -> Option<&[u8]> {
        let bytes = self.packed.get(node)?;
        let row = bytes.len() / self.input.len();
        bytes.get(i * row..(i + 1) * row)
    }

    /// Names of the recorded neuron nodes.
    pub fn neurons(&self) -> impl Iterator<Item = &str> {
        self.packed.keys().map(String::as_str)
    }

    /// Reads and checks the vectors of a graph.
    pub(super) fn parse(bytes: &[u8], graph: &Graph) -> Result<Self> {
        let mut tensors = parse(bytes)?;
        let mut take = |name: &str| tensors.remove(name).ok_or_else(|| malformed(name, "it is missing"));
        let input = frames_of("input", &take("input")?)?;
        input.check(graph)?;
        let count = input.len();
        if count == 0 {
            return Err(malformed("input", "there is no sample"));
        }
        let classes = graph.node(graph.output).ty.shape.len();
        let output = output_of(&take("output")?, count, classes)?;
        let mut packed = BTreeMap::new();
        for node in graph.nodes.iter().filter(|n| matches!(&n.op, Op::Neuron(n) if n.is_binary())) {
            let name = format!("spikes.{}", node.name);
            packed.insert(node.name.clone(), spikes_of(&name, &take(&name)?, count, node.ty.shape.len())?);
        }
        let labels = tensors.remove("labels").map(|l| labels_of(&l, count)).transpose()?;
        match tensors.keys().next() {
            Some(other) => Err(malformed(other, "no node of the graph has these vectors")),
            None => Ok(Vectors { input, classes, output, labels, packed }),
        }
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let count = self.input.len();
        let mut tensors = BTreeMap::from([
            ("input".to_owned(), self.input.to_tensor()),
            ("output".to_owned(), Owned::f32(&[count, self.classes], &self.output)),
        ]);
        for (node, bytes) in &self.packed {
            tensors.insert(format!("spikes.{node}"), Owned::u8(&[count, bytes.len() / count], bytes));
        }
        if let Some(labels) = &self.labels {
            let data = labels.iter().flat_map(|&l| i64::from(l).to_le_bytes()).collect();
            tensors.insert("labels".to_owned(), Owned { dtype: Dtype::I64, shape: vec![count], data });
        }
        write(&tensors)
    }
}

fn output_of(view: &View<'_>, count: usize, classes: usize) -> Result<Vec<f32>> {
    if view.shape != [count, classes] {
        return Err(malformed(
            "output",
            &format!("shape {:?} where [{count}, {classes}] is needed", view.shape),
        ));
    }
    let output = view.to_f32().ok_or_else(|| malformed("output", "elements are not F32"))?;
    if output.iter().any(|v| !v.is_finite()) {
        return Err(malformed("output", "an element is NaN or infinite"));
    }
    Ok(output)
}

fn spikes_of(name: &str, view: &View<'_>, count: usize, bits: usize) -> Result<Vec<u8>> {
    let row = bits.div_ceil(8);
    if view.shape != [count, row] {
        return Err(malformed(name, &format!("shape {:?} where [{count}, {row}] is needed", view.shape)));
    }
    view.as_u8().map(<[u8]>::to_vec).ok_or_else(|| malformed(name, "elements are not U8"))
}

fn malformed(tensor: &str, message: &str) -> Diagnostic {
    Diagnostic::new(
        "E0119",
        format!("tensor `{tensor}`"),
        message,
        "export graph, weights and vectors together",
    )
}
