//! Datasets of HDF5 files: numbers and texts.

use hdf5_pure::{DType, Dataset, VlenStringReadOptions};
use pulvinar_ir::{Diagnostic, Result};

/// The first bytes of every HDF5 file.
pub(crate) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Most strings of a dataset.
const MAX_STRINGS: usize = 1 << 16;

/// The refusal of a format for what cannot be read: where, and what.
pub(crate) type Bad = fn(&str, &str) -> Diagnostic;

/// Numbers of a parameter, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    /// Sizes, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// As many as the product of the sizes.
    pub values: Vec<f64>,
}

impl Array {
    /// The one value, if all are equal.
    pub fn uniform(&self) -> Option<f64> {
        let first = *self.values.first()?;
        self.values.iter().all(|v| *v == first).then_some(first)
    }
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Param {
    /// Reals.
    Reals(Array),
    /// Whole numbers.
    Integers(Array),
    /// A string.
    Text(String),
    /// Something else, by its type.
    Other(String),
}

/// A dataset; its numbers are taken from what is left of a file's limit.
pub(crate) fn param(dataset: &Dataset, place: &str, left: &mut usize, bad: Bad) -> Result<Param> {
    let real = match dataset.dtype().map_err(|e| bad(place, &e.to_string()))? {
        DType::F32 | DType::F64 => true,
        DType::I8
        | DType::I16
        | DType::I32
        | DType::I64
        | DType::U8
        | DType::U16
        | DType::U32
        | DType::U64 => false,
        DType::String | DType::VariableLengthString => {
            return Ok(Param::Text(strings(dataset, place, bad)?.join(" ")))
        }
        // A bool of Python is an enumeration over bytes.
        DType::Enum(names) if names == ["FALSE", "TRUE"] => {
            let bytes = dataset.read_raw().map_err(|e| bad(place, &e.to_string()))?;
            let values: Vec<f64> = bytes.iter().take(1).map(|&b| f64::from(b)).collect();
            return Ok(Param::Integers(Array { shape: Vec::new(), values }));
        }
        other => return Ok(Param::Other(other.to_string())),
    };
    let sizes = dataset.shape().map_err(|e| bad(place, &e.to_string()))?;
    let shape: Option<Vec<usize>> = sizes.iter().map(|&n| usize::try_from(n).ok()).collect();
    let too_large = || bad(place, &format!("shape {sizes:?} is absurdly large"));
    let shape = shape.ok_or_else(too_large)?;
    let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or_else(too_large)?;
    *left = left.checked_sub(count).ok_or_else(too_large)?;
    let values = dataset.read_f64().map_err(|e| bad(place, &e.to_string()))?;
    if values.len() != count {
        return Err(bad(place, &format!("{} numbers for shape {shape:?}", values.len())));
    }
    let array = Array { shape, values };
    Ok(if real { Param::Reals(array) } else { Param::Integers(array) })
}

/// Strings of fixed or variable length.
pub(crate) fn strings(dataset: &Dataset, place: &str, bad: Bad) -> Result<Vec<String>> {
    let limits = VlenStringReadOptions::new().with_max_elements(MAX_STRINGS).with_max_payload_bytes(1 << 24);
    let read = match dataset.dtype() {
        Ok(DType::VariableLengthString) => dataset.read_vlen_strings(limits),
        Ok(DType::String) => {
            let count = dataset.shape().map(|s| s.iter().fold(1u64, |n, &d| n.saturating_mul(d)));
            if count.is_ok_and(|n| n > MAX_STRINGS as u64) {
                return Err(bad(place, "it holds absurdly many strings"));
            }
            dataset.read_string()
        }
        Ok(other) => return Err(bad(place, &format!("type {other} where text is needed"))),
        Err(e) => Err(e),
    };
    read.map_err(|e| bad(place, &e.to_string()))
}
