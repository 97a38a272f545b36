//! From the messages of a file to a program.

use super::wire::{unreadable, Attribute, RawModel, RawNode, RawTensor};
use super::{ops, shapes};
use crate::import::{net::clean, refuse};
use crate::traced::half::half;
use crate::traced::program::{count, mismatch, Id, Kind, Program, MAX_NODES};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// Sets of operators that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 9..=26;

fn structure(place: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("E0513", place, message, "export the network again with `torch.onnx.export`")
}

/// A node with its operands.
pub(super) struct Call<'a> {
    /// Operator.
    pub op: &'a str,
    /// Name in the network.
    pub name: String,
    /// Operands; `None` where one is left out.
    pub inputs: Vec<Option<Id>>,
    /// Number of results.
    pub outputs: usize,
    /// Version of the operators.
    pub opset: i64,
    attributes: &'a BTreeMap<String, Attribute<'a>>,
}

impl Call<'_> {
    fn bad(&self, what: &str) -> Diagnostic {
        Diagnostic::new(
            "E0511",
            format!("node `{}`", self.name),
            format!("{what} of this {} is missing or of another type", self.op),
            "export the network again with `torch.onnx.export`",
        )
    }
    /// An operand.
    pub fn input(&self, i: usize) -> Result<Id> {
        self.maybe(i).ok_or_else(|| self.bad(&format!("operand {i}")))
    }
    /// An operand, if there is one.
    pub fn maybe(&self, i: usize) -> Option<Id> {
        self.inputs.get(i).copied().flatten()
    }
    /// A whole number.
    pub fn int(&self, key: &str, default: i64) -> i64 {
        self.attributes.get(key).and_then(|a| a.int).unwrap_or(default)
    }
    /// A real number.
    pub fn real(&self, key: &str, default: f64) -> f64 {
        self.attributes.get(key).and_then(|a| a.real).unwrap_or(default)
    }
    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).and_then(|a| a.text.as_deref())
    }
    /// Whole numbers, if they are given.
    pub fn ints(&self, key: &str) -> Option<&[i64]> {
        self.attributes.get(key).map(|a| a.ints.as_slice())
    }
    /// A tensor.
    pub fn tensor(&self, program: &mut Program, key: &str) -> Result<Option<Id>> {
        match self.attributes.get(key).and_then(|a| a.tensor.as_ref()) {
            Some(raw) => constant(&self.name, raw, program).map(Some),
            None => Ok(None),
        }
    }
    /// Whole numbers of an attribute, or of a constant operand: where older and newer operators have them.
    pub fn numbers(&self, program: &Program, key: &str, operand: usize) -> Result<Option<Vec<i64>>> {
        if let Some(list) = self.ints(key) {
            return Ok(Some(list.to_vec()));
        }
        let Some(id) = self.maybe(operand) else { return Ok(None) };
        let values =
            program.as_const(id).ok_or_else(|| self.bad(&format!("the constant operand {operand}")))?;
        let n = count(program.shape(id)).unwrap_or(0).min(64);
        let all = if values.0.len() == 1 { vec![values.0[0]; n] } else { values.0.clone() };
        Ok(Some(all.into_iter().map(|v| v as i64).collect()))
    }
}

/// Values of a stored tensor.
fn values(name: &str, raw: &RawTensor<'_>, n: usize) -> Result<Vec<f64>> {
    fn all<const N: usize>(bytes: &[u8], f: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.chunks_exact(N).map(|b| f(std::array::from_fn(|i| b[i]))).collect()
    }
    let whole = || raw.integers.iter().map(|&v| v as f64).collect::<Vec<f64>>();
    let values = match (raw.kind, raw.raw) {
        (1, Some(b)) => all(b, |b| f64::from(f32::from_le_bytes(b))),
        (11, Some(b)) => all(b, f64::from_le_bytes),
        (1 | 11, None) => raw.reals.clone(),
        (2, Some(b)) => all(b, |b: [u8; 1]| f64::from(b[0])),
        (3, Some(b)) => all(b, |b: [u8; 1]| f64::from(b[0] as i8)),
        (5, Some(b)) => all(b, |b| f64::from(i16::from_le_bytes(b))),
        (6, Some(b)) => all(b, |b| f64::from(i32::from_le_bytes(b))),
        (7, Some(b)) => all(b, |b| i64::from_le_bytes(b) as f64),
        (9, Some(b)) => all(b, |b: [u8; 1]| f64::from(u8::from(b[0] != 0))),
        (10, Some(b)) => all(b, |b| half(u16::from_le_bytes(b))),
        (16, Some(b)) => all(b, |b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
        (2 | 3 | 5 | 6 | 7 | 9, None) => whole(),
        (10, None) => raw.integers.iter().map(|&v| half(v as u16)).collect(),
        (kind, _) => {
            return Err(refuse(
                "E0511",
                name,
                format!("a tensor of type {kind} of ONNX"),
                "store real or whole numbers; quantised networks are read as NIR or lava-dl files",
            ))
        }
    };
    if values.len() != n {
        return Err(mismatch(name, format!("{} values for shape {:?}", values.len(), raw.dims)));
    }
    Ok(values)
}

/// A stored tensor as a constant.
fn constant(name: &str, raw: &RawTensor<'_>, program: &mut Program) -> Result<Id> {
    if raw.elsewhere {
        return Err(refuse(
            "E0511",
            name,
            "its values are in another file",
            "export with external_data=False, or merge the files with `onnx.save`",
        ));
    }
    let shape: Option<Vec<usize>> = raw.dims.iter().map(|&n| usize::try_from(n).ok()).collect();
    let shape = shape.filter(|s| count(s).is_some());
    let shape =
        shape.ok_or_else(|| mismatch(name, format!("a tensor of the absurd shape {:?}", raw.dims)))?;
    let n = count(&shape).unwrap_or(0);
    let values = values(name, raw, n)?;
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(refuse(
            "E0511",
            name,
            format!("a tensor that is NaN or infinite at position {i}"),
            "train the network again, or repair it before the export",
        ));
    }
    program.constants(name, &shape, if n == 0 { vec![0.0] } else { values })
}

/// `/lif1/Sub_1` is a part of `lif1`; without a path, the name of the value.
fn name_of(node: &RawNode<'_>) -> String {
    let path = node.name.trim_matches('/').rsplit_once('/').map(|p| p.0.replace('/', "."));
    let own = node.outputs.iter().find(|n| !n.is_empty()).cloned().unwrap_or_else(|| node.op.clone());
    clean(&path.unwrap_or(own))
}

/// The program of a file.
pub(super) fn program(model: &RawModel<'_>) -> Result<Program> {
    if !OPSETS.contains(&model.opset) {
        return Err(unreadable(format!(
            "its operators are of version {}, and {OPSETS:?} are read here",
            model.opset
        )));
    }
    if model.nodes.len() > MAX_NODES {
        return Err(structure("file", "it has too many nodes; export fewer timesteps"));
    }
    let mut program = Program::default();
    let mut known: BTreeMap<String, Id> = BTreeMap::new();
    for raw in &model.initializers {
        let id = constant(&raw.name, raw, &mut program)?;
        known.insert(raw.name.clone(), id);
    }
    let mut states = Vec::new();
    for port in model.inputs.iter().filter(|p| !model.initializers.iter().any(|i| i.name == p.name)) {
        let shape = port.sizes.clone().ok_or_else(|| {
            refuse(
                "E0514",
                &port.name,
                "a size of the input is not known",
                "export without dynamic axes, for a fixed number of timesteps and samples",
            )
        })?;
        let first = !program.nodes.iter().any(|n| n.kind == Kind::Input);
        let id =
            program.push(&clean(&port.name), if first { Kind::Input } else { Kind::State }, &[], shape)?;
        if !first {
            states.push(id);
        }
        known.insert(port.name.clone(), id);
    }
    for node in &model.nodes {
        operation(node, model.opset, &mut program, &mut known)?;
    }
    let output = |p: &super::wire::Port| {
        known
            .get(&p.name)
            .copied()
            .ok_or_else(|| structure("file", format!("no node makes its output `{}`", p.name)))
    };
    let returned = model.outputs.iter().map(output).collect::<Result<Vec<_>>>()?;
    program.returns(returned, &states)?;
    Ok(program)
}

fn operation(
    node: &RawNode<'_>,
    opset: i64,
    program: &mut Program,
    known: &mut BTreeMap<String, Id>,
) -> Result<()> {
    let name = name_of(node);
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for input in &node.inputs {
        inputs.push(match (input.is_empty(), known.get(input)) {
            (true, _) => None,
            (false, Some(id)) => Some(*id),
            (false, None) => {
                let text = format!("it takes `{input}`, which no node before it makes");
                return Err(structure(&format!("node `{name}`"), text));
            }
        });
    }
    let tensors: Vec<Id> = inputs.iter().flatten().copied().collect();
    let call =
        Call { op: &node.op, name, inputs, outputs: node.outputs.len(), opset, attributes: &node.attributes };
    let own = node.domain.is_empty() || node.domain == "ai.onnx";
    let mut results = if own { ops::call(&call, program)? } else { None };
    if results.is_none() && own {
        results = shapes::call(&call, program)?;
    }
    let results = if let Some(results) = results {
        results
    } else {
        let what = if own { node.op.clone() } else { format!("{}::{}", node.domain, node.op) };
        let shape = tensors.first().map(|&x| program.shape(x).to_vec()).unwrap_or_default();
        vec![program.unknown(&call.name, &what, &tensors, shape)?; node.outputs.len()]
    };
    for (output, id) in node.outputs.iter().zip(results) {
        if known.insert(output.clone(), id).is_some() {
            return Err(structure(&format!("node `{}`", call.name), format!("two nodes make `{output}`")));
        }
    }
    Ok(())
}
