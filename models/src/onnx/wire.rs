//! The wire format of protocol buffers, and the messages of ONNX that are needed, read by hand.
//!
//! Field numbers: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto> (Apache-2.0), as of ONNX 1.23.

use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// A value of a field.
#[derive(Debug, Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    Fixed64(u64),
}

pub(super) fn unreadable(what: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(
        "E0510",
        "file",
        format!("this is no ONNX file that can be read: {what}"),
        "download it again, or write it again with `torch.onnx.export`",
    )
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&b, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(b & 127) << shift;
        if b < 128 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], n: u64) -> Option<&'a [u8]> {
    let n = usize::try_from(n).ok().filter(|n| *n <= bytes.len())?;
    let (part, rest) = bytes.split_at(n);
    *bytes = rest;
    Some(part)
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Field::Number(varint(bytes)?),
        1 => Field::Fixed64(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let n = varint(bytes)?;
            Field::Bytes(take(bytes, n)?)
        }
        5 => Field::Fixed32(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?)),
        _ => return None,
    };
    Some((key >> 3, value))
}

/// All fields of a message.
fn fields(mut bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(field(&mut bytes).ok_or_else(|| unreadable("a message is damaged or cut off"))?);
    }
    Ok(all)
}

impl<'a> Field<'a> {
    fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Field::Bytes(b) => Ok(b),
            _ => Err(unreadable("a field has another type than its number says")),
        }
    }
    fn text(self) -> Result<String> {
        self.bytes().map(|b| String::from_utf8_lossy(b).into_owned())
    }
    fn number(self) -> Result<u64> {
        match self {
            Field::Number(n) => Ok(n),
            _ => Err(unreadable("a field has another type than its number says")),
        }
    }
    /// Whole numbers, one or packed.
    fn integers(self, into: &mut Vec<i64>) -> Result<()> {
        match self {
            Field::Bytes(mut b) => {
                while !b.is_empty() {
                    into.push(varint(&mut b).ok_or_else(|| unreadable("a list is cut off"))? as i64);
                }
                Ok(())
            }
            other => other.number().map(|n| into.push(n as i64)),
        }
    }
    /// Reals, one or packed.
    fn reals(self, into: &mut Vec<f64>) -> Result<()> {
        match self {
            Field::Fixed32(v) => into.push(f64::from(f32::from_bits(v))),
            Field::Fixed64(v) => into.push(f64::from_bits(v)),
            other => {
                let four = |b: &[u8]| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                into.extend(other.bytes()?.chunks_exact(4).map(four));
            }
        }
        Ok(())
    }
}

/// A tensor as stored.
#[derive(Debug, Default)]
pub(super) struct RawTensor<'a> {
    pub name: String,
    pub dims: Vec<i64>,
    pub kind: u64,
    pub raw: Option<&'a [u8]>,
    pub reals: Vec<f64>,
    pub integers: Vec<i64>,
    pub elsewhere: bool,
}

/// A value of an attribute.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub real: Option<f64>,
    pub int: Option<i64>,
    pub text: Option<String>,
    pub tensor: Option<RawTensor<'a>>,
    pub ints: Vec<i64>,
}

/// A node.
#[derive(Debug, Default)]
pub(super) struct RawNode<'a> {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub name: String,
    pub op: String,
    pub domain: String,
    pub attributes: BTreeMap<String, Attribute<'a>>,
}

/// A value that enters or leaves: its sizes, `None` where one is not a number.
#[derive(Debug)]
pub(super) struct Port {
    pub name: String,
    pub sizes: Option<Vec<usize>>,
}

/// A model.
#[derive(Debug, Default)]
pub(super) struct RawModel<'a> {
    pub producer: String,
    pub opset: i64,
    pub functions: bool,
    pub nodes: Vec<RawNode<'a>>,
    pub initializers: Vec<RawTensor<'a>>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
}

fn tensor(bytes: &[u8]) -> Result<RawTensor<'_>> {
    let mut t = RawTensor::default();
    for (number, f) in fields(bytes)? {
        match number {
            1 => f.integers(&mut t.dims)?,
            2 => t.kind = f.number()?,
            4 => f.reals(&mut t.reals)?,
            5 | 7 | 11 => f.integers(&mut t.integers)?,
            8 => t.name = f.text()?,
            9 => t.raw = Some(f.bytes()?),
            10 => match f {
                Field::Bytes(b) => {
                    let eight = b.chunks_exact(8).map(|b| f64::from_le_bytes(std::array::from_fn(|i| b[i])));
                    t.reals.extend(eight);
                }
                other => other.reals(&mut t.reals)?,
            },
            13 => t.elsewhere = true,
            14 => t.elsewhere |= f.number()? == 1,
            _ => {}
        }
    }
    Ok(t)
}

fn attribute(bytes: &[u8]) -> Result<(String, Attribute<'_>)> {
    let (mut name, mut a) = (String::new(), Attribute::default());
    for (number, f) in fields(bytes)? {
        match (number, f) {
            (1, f) => name = f.text()?,
            (2, Field::Fixed32(v)) => a.real = Some(f64::from(f32::from_bits(v))),
            (3, f) => a.int = Some(f.number()? as i64),
            (4, f) => a.text = Some(f.text()?),
            (5, f) => a.tensor = Some(tensor(f.bytes()?)?),
            (8, f) => f.integers(&mut a.ints)?,
            _ => {}
        }
    }
    Ok((name, a))
}

fn node(bytes: &[u8]) -> Result<RawNode<'_>> {
    let mut n = RawNode::default();
    for (number, f) in fields(bytes)? {
        match number {
            1 => n.inputs.push(f.text()?),
            2 => n.outputs.push(f.text()?),
            3 => n.name = f.text()?,
            4 => n.op = f.text()?,
            5 => n.attributes.extend([attribute(f.bytes()?)?]),
            7 => n.domain = f.text()?,
            _ => {}
        }
    }
    Ok(n)
}

fn port(bytes: &[u8]) -> Result<Port> {
    let mut p = Port { name: String::new(), sizes: None };
    for (number, f) in fields(bytes)? {
        match number {
            1 => p.name = f.text()?,
            2 => {
                for (_, tensor_type) in fields(f.bytes()?)?.into_iter().filter(|f| f.0 == 1) {
                    for (_, shape) in fields(tensor_type.bytes()?)?.into_iter().filter(|f| f.0 == 2) {
                        p.sizes = sizes(shape.bytes()?)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(p)
}

fn sizes(bytes: &[u8]) -> Result<Option<Vec<usize>>> {
    let mut all = Some(Vec::new());
    for (_, dim) in fields(bytes)?.into_iter().filter(|f| f.0 == 1) {
        let value = fields(dim.bytes()?)?.into_iter().find(|f| f.0 == 1);
        let size = value.map(|v| v.1.number()).transpose()?.and_then(|n| usize::try_from(n).ok());
        all = match (all, size) {
            (Some(mut list), Some(n)) => {
                list.push(n);
                Some(list)
            }
            _ => None,
        };
    }
    Ok(all)
}

/// Reads a model.
pub(super) fn model(bytes: &[u8]) -> Result<RawModel<'_>> {
    let mut m = RawModel::default();
    let mut found = false;
    for (number, f) in fields(bytes)? {
        match number {
            2 => m.producer = format!("{}{}", f.text()?, m.producer),
            3 => m.producer = format!("{} {}", m.producer, f.text()?),
            8 => {
                let (mut domain, mut version) = (String::new(), 0);
                for (number, f) in fields(f.bytes()?)? {
                    match number {
                        1 => domain = f.text()?,
                        2 => version = f.number()? as i64,
                        _ => {}
                    }
                }
                if domain.is_empty() || domain == "ai.onnx" {
                    m.opset = version;
                }
            }
            7 => {
                found = true;
                graph(f.bytes()?, &mut m)?;
            }
            25 => m.functions = true,
            _ => {}
        }
    }
    if found {
        Ok(m)
    } else {
        Err(unreadable("it holds no graph"))
    }
}

fn graph<'a>(bytes: &'a [u8], m: &mut RawModel<'a>) -> Result<()> {
    for (number, f) in fields(bytes)? {
        match number {
            1 => m.nodes.push(node(f.bytes()?)?),
            5 => m.initializers.push(tensor(f.bytes()?)?),
            11 => m.inputs.push(port(f.bytes()?)?),
            12 => m.outputs.push(port(f.bytes()?)?),
            _ => {}
        }
    }
    Ok(())
}

/// True for a message that begins like a model: its version, then fields of a model, and a graph among them.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut graph = false;
    let first = matches!(field(&mut rest), Some((1, Field::Number(v))) if (1..=64).contains(&v));
    while first && !rest.is_empty() {
        match field(&mut rest) {
            Some((7, Field::Bytes(_))) => graph = true,
            Some((2..=6 | 8 | 14 | 20 | 25 | 26, _)) => {}
            _ => return false,
        }
    }
    first && graph
}
