//! Graph and weights of an archive, as torch 2.8 and later write them.

use super::call::Call;
use super::zip::{unreadable, Archive};
use super::{aten, neuron, shapes};
use crate::import::{refuse, Written};
use crate::traced::program::{count, mismatch, Id, Kind, Program, MAX_NODES};
use pulvinar_ir::{Diagnostic, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Major versions of the schema that are read.
const SCHEMAS: std::ops::RangeInclusive<u64> = 5..=8;

/// An archive with its graph.
pub(super) struct File<'a> {
    archive: Archive<'a>,
    prefix: String,
    model: Value,
}

/// Where the graph is.
const GRAPH: &str = "models/model.json";

/// The text of the graph.
pub(super) fn text(bytes: &[u8]) -> Result<Vec<u8>> {
    let archive = Archive::open(bytes)?;
    let name = graph_name(&archive)?;
    archive.read(&name)
}

fn graph_name(archive: &Archive<'_>) -> Result<String> {
    let names: Vec<&str> = archive.names().collect();
    let Some(name) = names.iter().find(|n| n.ends_with(GRAPH)) else {
        let old = names.iter().any(|n| n.ends_with("serialized_exported_program.json"));
        let what = if old {
            "torch before 2.8 wrote it, with pickled weights; load and save it again with a newer torch"
        } else {
            "it holds no models/model.json"
        };
        return Err(unreadable("file", what));
    };
    Ok((*name).to_owned())
}

/// Opens an archive; `other` takes the place of its graph.
pub(super) fn open<'a>(bytes: &'a [u8], other: Option<&[u8]>) -> Result<(File<'a>, Written)> {
    let archive = Archive::open(bytes)?;
    let name = graph_name(&archive)?;
    let prefix = name[..name.len() - GRAPH.len()].to_owned();
    let text = other.map_or_else(|| archive.read(&name), |t| Ok(t.to_vec()))?;
    let model: Value = serde_json::from_slice(&text).map_err(|e| unreadable(&name, e))?;
    let version = &model["schema_version"];
    let (major, minor) = (version["major"].as_u64(), version["minor"].as_u64().unwrap_or(0));
    let major = major.filter(|m| SCHEMAS.contains(m)).ok_or_else(|| {
        let what = format!("its schema is version {}, and {SCHEMAS:?} are read here", version["major"]);
        unreadable(&name, what)
    })?;
    let torch = model["torch_version"].as_str().map_or_else(|| "torch".to_owned(), |v| format!("torch {v}"));
    let written = Written { version: format!("{major}.{minor}"), framework: torch };
    Ok((File { archive, prefix, model }, written))
}

fn structure(message: &str) -> Diagnostic {
    Diagnostic::new(
        "E0513",
        "models/model.json",
        message,
        "trace the network again with `torch.export.export`",
    )
}

/// Sizes, which must be known.
pub(super) fn sizes(place: &str, meta: &Value) -> Result<Vec<usize>> {
    let list = meta["sizes"].as_array().ok_or_else(|| mismatch(place, "it has no shape"))?;
    let size = |v: &Value| v["as_int"].as_u64().and_then(|n| usize::try_from(n).ok());
    list.iter().map(size).collect::<Option<_>>().ok_or_else(|| {
        refuse(
            "E0514",
            place,
            "a size of it is not known",
            "export without dynamic shapes, for a fixed number of timesteps and samples",
        )
    })
}

/// The value of an element's bytes.
type Decode = fn(&[u8]) -> f64;

/// Bytes of an element of a type and its value, by the numbers of `torch.dtype` in the schema.
fn element(dtype: u64) -> Option<(usize, Decode)> {
    fn le<const N: usize>(b: &[u8]) -> [u8; N] {
        std::array::from_fn(|i| b[i])
    }
    Some(match dtype {
        1 => (1, |b| f64::from(b[0])),
        2 => (1, |b| f64::from(b[0] as i8)),
        3 => (2, |b| f64::from(i16::from_le_bytes(le(b)))),
        4 => (4, |b| f64::from(i32::from_le_bytes(le(b)))),
        5 => (8, |b| i64::from_le_bytes(le(b)) as f64),
        6 => (2, |b| crate::traced::half::half(u16::from_le_bytes(le(b)))),
        7 => (4, |b| f64::from(f32::from_le_bytes(le(b)))),
        8 => (8, |b| f64::from_le_bytes(le(b))),
        12 => (1, |b| f64::from(u8::from(b[0] != 0))),
        13 => (2, |b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(le(b))) << 16))),
        _ => return None,
    })
}

/// Values by the names of the graph.
pub(super) struct Scope {
    /// The program so far.
    pub program: Program,
    /// Nodes by name.
    pub values: BTreeMap<String, Id>,
    /// Shapes that the file says, by name.
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl File<'_> {
    /// The traced program.
    pub fn program(&self) -> Result<Program> {
        let module = &self.model["graph_module"];
        let graph = &module["graph"];
        let mut scope =
            Scope { program: Program::default(), values: BTreeMap::new(), shapes: BTreeMap::new() };
        let metas = graph["tensor_values"].as_object().ok_or_else(|| structure("it holds no shapes"))?;
        for (name, meta) in metas {
            scope.shapes.insert(name.clone(), sizes(name, meta)?);
        }
        let states = self.inputs(&module["signature"], &mut scope)?;
        let nodes = graph["nodes"].as_array().ok_or_else(|| structure("it holds no nodes"))?;
        if nodes.len() > MAX_NODES {
            return Err(structure("it has too many nodes; trace fewer timesteps"));
        }
        for node in nodes {
            operation(&mut scope, node)?;
        }
        outputs(&module["signature"], &mut scope, &states)?;
        Ok(scope.program)
    }

    /// Parameters, buffers and inputs; gives the inputs that are not the first, and buffers that change, by name.
    fn inputs(&self, signature: &Value, scope: &mut Scope) -> Result<Vec<(String, Id)>> {
        let specs = signature["input_specs"].as_array().ok_or_else(|| structure("it has no signature"))?;
        let changed: Vec<&str> = signature["output_specs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|s| s["buffer_mutation"]["buffer_name"].as_str())
            .collect();
        let weights = Weights::read(self, "data/weights/model_weights_config.json")?;
        let constants = Weights::read(self, "data/constants/model_constants_config.json")?;
        let mut states = Vec::new();
        let mut seen = false;
        for spec in specs {
            let (kind, body) = spec
                .as_object()
                .and_then(|o| o.iter().next())
                .ok_or_else(|| structure("an input is damaged"))?;
            let name = match kind.as_str() {
                "user_input" => body["arg"]["as_tensor"]["name"].as_str(),
                _ => body["arg"]["name"].as_str(),
            };
            let Some(name) = name else {
                if kind == "user_input" {
                    // A number or nothing among the arguments of forward is part of the trace.
                    continue;
                }
                return Err(structure("an input has no name"));
            };
            let shape = scope.shapes.get(name).cloned().unwrap_or_default();
            let stored = ["parameter_name", "buffer_name", "tensor_constant_name"]
                .iter()
                .find_map(|k| body[k].as_str());
            let id = match (kind.as_str(), stored) {
                ("user_input", _) if !seen => {
                    seen = true;
                    scope.program.push(name, Kind::Input, &[], shape)?
                }
                ("user_input", _) => scope.program.push(name, Kind::State, &[], shape)?,
                (_, Some(stored)) if changed.contains(&stored) => {
                    scope.program.push(stored, Kind::State, &[], shape)?
                }
                (_, Some(stored)) => match weights.get(stored).or_else(|| constants.get(stored)) {
                    Some(meta) => self.tensor(stored, meta, &mut scope.program)?,
                    None => scope.program.unknown(name, "a tensor the archive does not hold", &[], shape)?,
                },
                _ => continue,
            };
            if scope.program.nodes[id].kind == Kind::State {
                states.push((stored.unwrap_or(name).to_owned(), id));
            }
            scope.values.insert(name.to_owned(), id);
        }
        if !seen {
            return Err(structure("the network takes no tensor"));
        }
        Ok(states)
    }

    /// A parameter, row-major whatever its strides.
    fn tensor(&self, name: &str, entry: &(String, Value), program: &mut Program) -> Result<Id> {
        let (path, meta) = (format!("{}{}", self.prefix, entry.0), &entry.1);
        if meta["use_pickle"].as_bool() == Some(true) {
            return Err(unreadable(
                name,
                "this tensor is pickled; save the program from plain tensors on the CPU",
            ));
        }
        let meta = &meta["tensor_meta"];
        let shape = sizes(name, meta)?;
        let n = count(&shape)
            .ok_or_else(|| mismatch(name, format!("a parameter of the absurd shape {shape:?}")))?;
        let dtype = meta["dtype"].as_u64().unwrap_or(0);
        let (size, value) = element(dtype).ok_or_else(|| {
            refuse(
                "E0511",
                name,
                format!("a parameter of type {dtype} of torch's schema"),
                "store real or whole numbers",
            )
        })?;
        let bytes = self.archive.read(&path)?;
        let short =
            || mismatch(name, format!("{} bytes for shape {shape:?} of {size} bytes each", bytes.len()));
        let strides: Option<Vec<usize>> = meta["strides"]
            .as_array()
            .map(|s| s.iter().map(|v| v["as_int"].as_u64().unwrap_or(0) as usize).collect());
        let strides = strides.filter(|s| s.len() == shape.len()).ok_or_else(short)?;
        let first = meta["storage_offset"]["as_int"].as_u64().unwrap_or(0) as usize;
        let mut values = Vec::with_capacity(n.min(bytes.len()));
        for i in 0..n {
            let (mut rest, mut at) = (i, first);
            for (&s, &stride) in shape.iter().zip(&strides).rev() {
                at = (rest % s).checked_mul(stride).and_then(|o| at.checked_add(o)).ok_or_else(short)?;
                rest /= s;
            }
            let from = at.checked_mul(size).ok_or_else(short)?;
            values.push(value(bytes.get(from..from.saturating_add(size)).ok_or_else(short)?));
        }
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            return Err(refuse(
                "E0511",
                name,
                format!("a parameter that is NaN or infinite at position {i}"),
                "train the network again, or repair it before the export",
            ));
        }
        program.constants(name, &shape, if values.is_empty() { vec![0.0] } else { values })
    }
}

/// Names of tensors with their files and descriptions.
struct Weights(BTreeMap<String, (String, Value)>);

impl Weights {
    fn read(file: &File<'_>, at: &str) -> Result<Self> {
        let path = format!("{}{at}", file.prefix);
        if !file.archive.names().any(|n| n == path) {
            return Ok(Weights(BTreeMap::new()));
        }
        let folder = at.rsplit_once('/').map_or("", |p| p.0);
        let config: Value =
            serde_json::from_slice(&file.archive.read(&path)?).map_err(|e| unreadable(&path, e))?;
        let entries = config["config"].as_object().ok_or_else(|| unreadable(&path, "it lists no tensors"))?;
        let entry = |(name, meta): (&String, &Value)| {
            let file = meta["path_name"].as_str().unwrap_or("");
            (name.clone(), (format!("{folder}/{file}"), meta.clone()))
        };
        Ok(Weights(entries.iter().map(entry).collect()))
    }

    fn get(&self, name: &str) -> Option<&(String, Value)> {
        self.0.get(name)
    }
}

/// Adds an operation and names its results.
fn operation(scope: &mut Scope, node: &Value) -> Result<()> {
    let call = Call::read(scope, node)?;
    let results = match aten::call(&call, &mut scope.program)? {
        Some(results) => results,
        None => match shapes::call(&call, &mut scope.program)? {
            Some(results) => results,
            None => match neuron::call(&call, &mut scope.program)? {
                Some(results) => results,
                None => return unknown(scope, &call),
            },
        },
    };
    for (name, id) in call.results.iter().zip(results) {
        let told = scope.shapes.get(name);
        if told.is_some_and(|s| s != scope.program.shape(id)) {
            let text = format!("it has shape {:?} and the file says {told:?}", scope.program.shape(id));
            return Err(mismatch(&call.name, text));
        }
        scope.values.insert(name.clone(), id);
    }
    Ok(())
}

/// An operation that is not read: refused when its value is needed.
fn unknown(scope: &mut Scope, call: &Call) -> Result<()> {
    for name in &call.results {
        let shape = scope.shapes.get(name).cloned().unwrap_or_default();
        let text = format!("{} -> {name}", call.target);
        let id = scope.program.unknown(&call.name, &text, &call.tensors, shape)?;
        scope.values.insert(name.clone(), id);
    }
    Ok(())
}

/// The values returned, and the states after the step.
fn outputs(signature: &Value, scope: &mut Scope, states: &[(String, Id)]) -> Result<()> {
    let specs = signature["output_specs"].as_array().ok_or_else(|| structure("it has no signature"))?;
    let mut returned = Vec::new();
    for spec in specs {
        let find = |name: Option<&str>| {
            let id = name.and_then(|n| scope.values.get(n)).copied();
            id.ok_or_else(|| structure("an output names a value that is not there"))
        };
        let mutation = &spec["buffer_mutation"];
        if let Some(buffer) = mutation["buffer_name"].as_str() {
            let next = find(mutation["arg"]["name"].as_str())?;
            if let Some((_, state)) = states.iter().find(|(name, _)| name == buffer) {
                scope.program.next.insert(*state, next);
            }
        } else if let Some(name) = spec["user_output"]["arg"]["as_tensor"]["name"].as_str() {
            returned.push(find(Some(name))?);
        }
    }
    let states: Vec<Id> = states.iter().map(|s| s.1).collect();
    scope.program.returns(returned, &states)
}
