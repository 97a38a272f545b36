//! The HDF5 container: a group `layer` of groups `0`, `1`, ... with a dataset a parameter, and a group `neuron`.

use crate::import::hdf5::{param, strings, Array, Param, SIGNATURE};
use crate::import::refuse;
use hdf5_pure::{File, Group};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;

/// Most numbers of a file.
const MAX_NUMBERS: usize = 1 << 27;
/// Most layers of a file.
const MAX_LAYERS: usize = 1 << 12;

/// A layer.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// `layer0`, `layer1` ...
    pub name: String,
    /// `dense`, `conv` ...
    pub kind: String,
    /// Parameters; those of the neuron begin with `neuron/`.
    pub params: BTreeMap<String, Param>,
}

fn bad(place: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        "E0510",
        place,
        format!("this is no lava-dl file that can be read: {what}"),
        "download it again, or write it again with `net.export_hdf5(path)`",
    )
}

/// True for an HDF5 file with a group `layer`.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE) && File::from_bytes(bytes.to_vec()).is_ok_and(|f| f.group("layer").is_ok())
}

/// The layers in their order.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Layer>> {
    let file = File::from_bytes(bytes.to_vec()).map_err(|e| bad("file", &e.to_string()))?;
    let group = file.group("layer").map_err(|e| bad("group `layer`", &e.to_string()))?;
    let mut layers = BTreeMap::new();
    let mut left = MAX_NUMBERS;
    for (name, inner) in group.iter_groups().map_err(|e| bad("group `layer`", &e.to_string()))? {
        let place = format!("layer/{name}");
        let number: usize = name.parse().map_err(|_| bad(&place, "layers are called by their number"))?;
        let mut layer =
            Layer { name: format!("layer{number}"), kind: String::new(), params: BTreeMap::new() };
        datasets(&inner, "", &place, &mut layer, &mut left)?;
        if let Ok(neuron) = inner.group("neuron") {
            datasets(&neuron, "neuron/", &format!("{place}/neuron"), &mut layer, &mut left)?;
        }
        layers.insert(number, layer);
        if layers.len() > MAX_LAYERS {
            return Err(bad("group `layer`", "it holds absurdly many layers"));
        }
    }
    // Numbers, not names: `10` comes after `2`.
    if layers.is_empty() || layers.keys().enumerate().any(|(i, &n)| i != n) {
        let found: Vec<usize> = layers.keys().copied().take(8).collect();
        return Err(Diagnostic::new(
            "E0513",
            "group `layer`",
            format!("its layers are {found:?}, which is no chain from 0"),
            "write the file again with `net.export_hdf5(path)`",
        ));
    }
    Ok(layers.into_values().collect())
}

fn datasets(group: &Group, prefix: &str, place: &str, layer: &mut Layer, left: &mut usize) -> Result<()> {
    for (key, dataset) in group.iter_datasets().map_err(|e| bad(place, &e.to_string()))? {
        let at = format!("{place}/{key}");
        if key == "type" && prefix.is_empty() {
            strings(&dataset, &at, bad)?.concat().trim_end_matches('\0').clone_into(&mut layer.kind);
        } else {
            layer.params.insert(format!("{prefix}{key}"), param(&dataset, &at, left, bad)?);
        }
    }
    Ok(())
}

impl Layer {
    /// A refusal because of a parameter.
    pub fn wrong(&self, key: &str, what: &str) -> Diagnostic {
        refuse(
            "E0511",
            &self.name,
            format!("parameter `{key}` of this {} layer {what}", self.kind),
            "write the file again with `net.export_hdf5(path)`, every parameter finite",
        )
    }

    /// True if there is such a parameter.
    pub fn has(&self, key: &str) -> bool {
        self.params.contains_key(key)
    }

    /// Numbers, finite.
    pub fn numbers(&self, key: &str) -> Result<&Array> {
        match self.params.get(key) {
            Some(Param::Reals(a) | Param::Integers(a)) if a.values.is_empty() => {
                Err(self.wrong(key, "is empty"))
            }
            Some(Param::Reals(a) | Param::Integers(a)) => {
                match a.values.iter().position(|v| !v.is_finite()) {
                    Some(i) => Err(self.wrong(key, &format!("is NaN or infinite at position {i}"))),
                    None => Ok(a),
                }
            }
            Some(Param::Text(_) | Param::Other(_)) => Err(self.wrong(key, "is not a number")),
            None => Err(self.wrong(key, "is missing")),
        }
    }

    /// One number.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.numbers(key)?.uniform().ok_or_else(|| self.wrong(key, "differs between neurons"))
    }

    /// One number, or a default.
    pub fn number_or(&self, key: &str, default: f64) -> Result<f64> {
        if self.has(key) {
            self.number(key)
        } else {
            Ok(default)
        }
    }

    /// Sizes.
    pub fn sizes(&self, key: &str) -> Result<Vec<usize>> {
        let whole = |&v: &f64| (v.fract() == 0.0 && (0.0..=1_048_576.0).contains(&v)).then_some(v as usize);
        let sizes: Option<Vec<usize>> = self.numbers(key)?.values.iter().map(whole).collect();
        sizes.ok_or_else(|| self.wrong(key, "is not made of whole numbers from 0 to 1048576"))
    }

    /// Rows and columns, or a default where there is no such parameter.
    pub fn pair(&self, key: &str, default: usize) -> Result<[usize; 2]> {
        if !self.has(key) {
            return Ok([default; 2]);
        }
        match self.sizes(key)?[..] {
            [both] => Ok([both; 2]),
            [rows, columns] | [rows, columns, 1] => Ok([rows, columns]),
            _ => Err(self.wrong(key, "has more than two entries")),
        }
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.params.get(key) {
            Some(Param::Text(text)) => Some(text.trim_end_matches('\0')),
            _ => None,
        }
    }
}
