//! Safetensors container: 8-byte little-endian header length, JSON header, raw row-major data.
//!
//! Strict: every byte of data belongs to exactly one tensor, sizes agree with shapes, names are unique.
//! Format: Hugging Face, safetensors README ("Format").

use pulvinar_ir::{Diagnostic, Result};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// Largest header, bytes (the limit of the reference implementation).
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Element types read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit IEEE 754.
    F32,
    /// 64-bit IEEE 754.
    F64,
    /// Unsigned byte.
    U8,
    /// 32-bit two's complement.
    I32,
    /// 64-bit two's complement.
    I64,
}

impl Dtype {
    const ALL: [Dtype; 5] = [Dtype::F32, Dtype::F64, Dtype::U8, Dtype::I32, Dtype::I64];

    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::F64 | Dtype::I64 => 8,
        }
    }

    /// Name in the header.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::F64 => "F64",
            Dtype::U8 => "U8",
            Dtype::I32 => "I32",
            Dtype::I64 => "I64",
        }
    }
}

/// One tensor of a parsed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View<'a> {
    /// Element type.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Little-endian elements, row-major.
    pub data: &'a [u8],
}

impl<'a> View<'a> {
    /// Elements of an F32 or F64 tensor as F32 (F64 is rounded to nearest).
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        match self.dtype {
            Dtype::F32 => Some(words(self.data).map(f32::from_le_bytes).collect()),
            Dtype::F64 => Some(words(self.data).map(|b| f64::from_le_bytes(b) as f32).collect()),
            _ => None,
        }
    }

    /// Bytes of a U8 tensor.
    pub fn as_u8(&self) -> Option<&'a [u8]> {
        (self.dtype == Dtype::U8).then_some(self.data)
    }

    /// Elements of an integer tensor.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        match self.dtype {
            Dtype::U8 => Some(self.data.iter().map(|&b| i64::from(b)).collect()),
            Dtype::I32 => Some(words(self.data).map(|b| i64::from(i32::from_le_bytes(b))).collect()),
            Dtype::I64 => Some(words(self.data).map(i64::from_le_bytes).collect()),
            Dtype::F32 | Dtype::F64 => None,
        }
    }
}

fn words<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    data.chunks_exact(N).map(|c| c.try_into().expect("chunks have this length"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Header entries in file order, so that a repeated name is seen.
struct Header(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Header, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Header(pairs))
            }
        }
        d.deserialize_map(Pairs)
    }
}

fn corrupt(place: impl Into<String>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new("E0116", place, message, "the file is truncated or damaged; export or download it again")
}

/// Tensors of a file by name.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, View<'_>>> {
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or_else(|| corrupt("", "shorter than the 8 bytes of the header length"))?;
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES || length > rest.len() as u64 {
        return Err(corrupt("", format!("header of {length} bytes in a file of {} bytes", bytes.len())));
    }
    let (header, data) = rest.split_at(length as usize);
    if header.first() != Some(&b'{') {
        return Err(corrupt("", "the header is not a JSON object"));
    }
    let Header(pairs) = serde_json::from_slice(header).map_err(|e| corrupt("header", e.to_string()))?;
    let mut tensors = BTreeMap::new();
    let mut spans = Vec::new();
    for (name, value) in pairs {
        if name == "__metadata__" {
            serde_json::from_value::<BTreeMap<String, String>>(value)
                .map_err(|e| corrupt("__metadata__", e.to_string()))?;
            continue;
        }
        let (view, span) = view(&name, value, data)?;
        spans.push(span);
        if tensors.insert(name.clone(), view).is_some() {
            return Err(corrupt(format!("tensor `{name}`"), "two tensors have this name"));
        }
    }
    spans.sort_unstable();
    let covered = spans.iter().try_fold(0, |end, &(from, to)| (from == end).then_some(to));
    if covered != Some(data.len()) {
        return Err(corrupt(
            "header",
            format!("the tensors do not cover the {} data bytes exactly once", data.len()),
        ));
    }
    Ok(tensors)
}

fn view<'a>(name: &str, value: serde_json::Value, data: &'a [u8]) -> Result<(View<'a>, (usize, usize))> {
    let place = format!("tensor `{name}`");
    let entry: Entry = serde_json::from_value(value).map_err(|e| corrupt(&place, e.to_string()))?;
    let dtype = Dtype::ALL.into_iter().find(|d| d.name() == entry.dtype).ok_or_else(|| {
        Diagnostic::new(
            "E0117",
            &place,
            format!("element type `{}` is not read here", entry.dtype),
            format!("store it as one of {}", Dtype::ALL.map(Dtype::name).join(", ")),
        )
    })?;
    let [from, to] = entry.data_offsets;
    let size = entry.shape.iter().try_fold(dtype.bytes() as u64, |n, &d| n.checked_mul(d));
    if from > to || to > data.len() as u64 || size != Some(to - from) {
        return Err(corrupt(
            &place,
            format!(
                "shape {:?} of {} does not fit bytes {from}..{to} of {}",
                entry.shape,
                entry.dtype,
                data.len()
            ),
        ));
    }
    let shape = entry.shape.iter().map(|&d| usize::try_from(d)).collect::<std::result::Result<_, _>>();
    let shape = shape.map_err(|_| corrupt(&place, "an axis is larger than the address space"))?;
    let (from, to) = (from as usize, to as usize);
    Ok((View { dtype, shape, data: &data[from..to] }, (from, to)))
}

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned {
    /// Element type.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Little-endian elements, row-major.
    pub data: Vec<u8>,
}

impl Owned {
    /// A tensor of reals.
    pub fn f32(shape: &[usize], values: &[f32]) -> Self {
        Owned {
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        }
    }

    /// A tensor of bytes.
    pub fn u8(shape: &[usize], values: &[u8]) -> Self {
        Owned { dtype: Dtype::U8, shape: shape.to_vec(), data: values.to_vec() }
    }
}

/// The bytes of a file with these tensors, in name order; equal tensors give equal bytes.
pub fn write(tensors: &BTreeMap<String, Owned>) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, t) in tensors {
        let from = end;
        end += t.data.len();
        let entry =
            serde_json::json!({"dtype": t.dtype.name(), "shape": t.shape, "data_offsets": [from, end]});
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string();
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    tensors.values().for_each(|t| bytes.extend_from_slice(&t.data));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn write_then_parse_gives_the_same_tensors() {
        let mut tensors = BTreeMap::new();
        tensors.insert("b".to_owned(), Owned::f32(&[2, 1], &[1.5, -0.0]));
        tensors.insert("a".to_owned(), Owned::u8(&[3], &[1, 2, 255]));
        tensors.insert("none".to_owned(), Owned::u8(&[0, 4], &[]));
        let bytes = write(&tensors);
        let read = parse(&bytes).unwrap();
        assert_eq!(read.len(), 3);
        for (name, t) in &tensors {
            assert_eq!(
                (read[name].dtype, &read[name].shape, read[name].data),
                (t.dtype, &t.shape, t.data.as_slice())
            );
        }
        assert_eq!(read["b"].to_f32(), Some(vec![1.5, -0.0]));
        assert_eq!(read["a"].to_i64(), Some(vec![1, 2, 255]));
    }

    #[test]
    fn doubles_are_cast_and_words_are_signed() {
        let data = [1.25f64.to_le_bytes(), (-7i64).to_le_bytes()].concat();
        let header = r#"{"d":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"i":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}"#;
        let bytes = file(header, &data);
        let read = parse(&bytes).unwrap();
        assert_eq!(read["d"].to_f32(), Some(vec![1.25]));
        assert_eq!(read["i"].to_i64(), Some(vec![-7]));
    }

    #[test]
    fn faults_are_named() {
        let one = |shape: &str, offsets: &str| {
            format!(r#"{{"w":{{"dtype":"U8","shape":{shape},"data_offsets":{offsets}}}}}"#)
        };
        let twice = r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#;
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (vec![1, 2, 3], "8 bytes"),
            (u64::MAX.to_le_bytes().to_vec(), "header of"),
            (file("[]", &[]), "JSON object"),
            (file("{", &[]), "EOF"),
            (file(&one("[2]", "[0,1]"), &[0]), "does not fit"),
            (file(&one("[2]", "[1,0]"), &[0, 0]), "does not fit"),
            (file(&one("[4294967296,4294967296,4294967296]", "[0,0]"), &[]), "does not fit"),
            (file(&one("[1]", "[0,1]"), &[0, 0]), "exactly once"),
            (file(&one("[1]", "[1,2]"), &[0, 0]), "exactly once"),
            (file(twice, &[0, 0]), "this name"),
            (file(r#"{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}"#, &[0, 0]), "BF16"),
        ];
        for (bytes, word) in cases {
            let e = parse(&bytes).unwrap_err();
            assert!(e.message.contains(word), "{word}: {e}");
        }
    }
}
