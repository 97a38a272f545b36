//! The native model format, version 1: a folder with `graph.json`, `weights.safetensors` and, if the exporter
//! recorded the framework's answers, `vectors.safetensors`. The loader believes nothing it has not checked.

mod file;
pub(crate) mod order;
pub mod schema;
mod vectors;

pub use file::Producer;
pub use vectors::Vectors;

use crate::safetensors::{self, View};
use crate::{read_file, sha256_hex};
use file::{FileRef, GraphFile, InputEntry, NodeEntry};
use pulvinar_ir::op::input::Input;
use pulvinar_ir::verify::verify;
use pulvinar_ir::{Diagnostic, Graph, Level, Op, Result, Tensor};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Version of the format read and written here.
pub const FORMAT_VERSION: u32 = 1;

/// A trained network as read from a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The network, level `trained`, verified.
    pub graph: Graph,
    /// The framework's own answers, if the exporter recorded them.
    pub vectors: Option<Vectors>,
    /// Program that wrote the model.
    pub producer: Producer,
    /// SHA-256 of `graph.json`, hex; it covers the weights and vectors through their hashes.
    pub hash: String,
}

/// Reads a model folder, or the `graph.json` in it.
pub fn load(path: &Path) -> Result<Model> {
    let graph_json = if path.is_dir() { path.join("graph.json") } else { path.to_path_buf() };
    let folder = graph_json.parent().unwrap_or(Path::new(".")).to_path_buf();
    load_with(&graph_json.display().to_string(), &read_file(&graph_json)?, |name| {
        let path: PathBuf = folder.join(name);
        read_file(&path)
    })
}

/// Reads a model held in memory: `graph.json` and the files it names.
pub fn load_bytes(name: &str, graph_json: &[u8], weights: &[u8], vectors: Option<&[u8]>) -> Result<Model> {
    let file = GraphFile::parse(graph_json).map_err(|e| e.within(name))?;
    load_with(name, graph_json, |wanted| {
        let found = if wanted == file.weights.file { Some(weights) } else { vectors };
        found.map(<[u8]>::to_vec).ok_or_else(|| {
            Diagnostic::new(
                "E0111",
                wanted,
                "this file was not given",
                "give the vectors, or set `vectors` to null",
            )
        })
    })
}

fn load_with(place: &str, graph_json: &[u8], read: impl Fn(&str) -> Result<Vec<u8>>) -> Result<Model> {
    let file = GraphFile::parse(graph_json).map_err(|e| e.within(place))?;
    let weights = checked(&file.weights, &read)?;
    let tensors = tensors_of(&weights).map_err(|e| e.within(&file.weights.file))?;
    let graph = build(&file, tensors).map_err(|e| e.within(place))?;
    let vectors = match &file.vectors {
        Some(reference) => {
            let bytes = checked(reference, &read)?;
            Some(Vectors::parse(&bytes, &graph).map_err(|e| e.within(&reference.file))?)
        }
        None => None,
    };
    Ok(Model { graph, vectors, producer: file.producer, hash: sha256_hex(graph_json) })
}

/// A file named by the graph, its hash compared.
fn checked(reference: &FileRef, read: &impl Fn(&str) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let bytes = read(&reference.file)?;
    let found = sha256_hex(&bytes);
    if found != reference.sha256 {
        return Err(Diagnostic::new(
            "E0115",
            &reference.file,
            format!("SHA-256 is {found} and the graph says {}", reference.sha256),
            "the file is truncated or of another export; export both together",
        ));
    }
    Ok(bytes)
}

fn tensors_of(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let real = |(name, view): (String, View<'_>)| {
        let values = view.to_f32().ok_or_else(|| {
            Diagnostic::new(
                "E0117",
                format!("tensor `{name}`"),
                format!("weights of type {}", view.dtype.name()),
                "store weights as F32",
            )
        })?;
        Ok((name, Tensor::real(view.shape, values)))
    };
    safetensors::parse(bytes)?.into_iter().map(real).collect()
}

fn build(file: &GraphFile, tensors: BTreeMap<String, Tensor>) -> Result<Graph> {
    if file.timesteps == 0 || file.timesteps > 1 << 16 {
        return Err(Diagnostic::new(
            "E0109",
            "`timesteps`",
            format!("{} timesteps", file.timesteps),
            "give from 1 to 65536 timesteps",
        ));
    }
    let mut graph = Graph::new(&file.name, Level::Trained, file.timesteps);
    graph.tensors = tensors;
    graph.assumptions.clone_from(&file.assumptions);
    let input = Op::Input(Input { shape: file.input.shape, kind: file.input.kind, max: 0 });
    graph.push(&file.input.name, input, &[])?;
    let nodes = file.nodes.iter().map(entry).collect::<Result<Vec<_>>>()?;
    order::append(&mut graph, nodes)?;
    graph.output = graph.find(&file.output).ok_or_else(|| {
        Diagnostic::new(
            "E0105",
            "`output`",
            format!("`{}` names no node", file.output),
            "give the name of an existing node",
        )
    })?;
    verify(&graph)?;
    let used: Vec<&str> = graph.nodes.iter().flat_map(|n| n.op.rule().tensors()).collect();
    if let Some(idle) = graph.tensors.keys().find(|name| !used.contains(&name.as_str())) {
        return Err(Diagnostic::new(
            "E0103",
            format!("tensor `{idle}`"),
            "no node uses this tensor",
            "drop it from the weights, or name it in a node",
        ));
    }
    Ok(graph)
}

fn entry(node: &NodeEntry) -> Result<order::Entry<'_>> {
    Ok(order::Entry { name: &node.name, inputs: &node.inputs, op: op_of(node)? })
}

fn op_of(node: &NodeEntry) -> Result<Op> {
    let place = format!("node `{}`", node.name);
    if node.op == "input" {
        return Err(Diagnostic::new(
            "E0101",
            place,
            "`input` is not a node",
            "describe the input in the top-level `input` object",
        ));
    }
    let mut attrs = node.attrs.clone();
    attrs.retain(|key, _| !key.starts_with("x-"));
    let op =
        Op::from_parts(&node.op, serde_json::Value::Object(attrs.clone())).map_err(|e| e.within(&place))?;
    if !op.levels().contains(&Level::Trained) {
        let known: Vec<&str> = schema::ATTRS.iter().map(|a| a.0).collect();
        return Err(Diagnostic::new(
            "E0101",
            place,
            format!("op `{}` is not one of trained networks", node.op),
            format!("ops known here: {}", known.join(", ")),
        ));
    }
    let all = op.attrs();
    let missing = all.as_object().and_then(|all| all.keys().find(|key| !attrs.contains_key(*key)));
    if let Some(key) = missing {
        return Err(Diagnostic::new(
            "E0102",
            place,
            format!("attribute `{key}` is not written"),
            "write every attribute; null where there is none",
        ));
    }
    Ok(op)
}

/// Writes a model folder, complete or not at all: into a temporary folder beside it, then renamed.
/// The folder must not exist, or hold a model already.
pub fn write(model: &Model, folder: &Path) -> Result<()> {
    let place = folder.display().to_string();
    let fail = |e: std::io::Error| {
        Diagnostic::new(
            "E0111",
            &place,
            format!("cannot write: {e}"),
            "check the path, its permissions and the space left",
        )
    };
    if folder.exists() && !folder.join("graph.json").exists() {
        return Err(Diagnostic::new(
            "E0111",
            &place,
            "something that is not a model is there",
            "give another folder",
        ));
    }
    let files = to_bytes(model)?;
    let name = folder.file_name().ok_or_else(|| {
        Diagnostic::new("E0111", &place, "this path has no last part", "name the new folder")
    })?;
    let beside = |suffix: &str| {
        folder.with_file_name(format!(".{}.{}.{suffix}", name.to_string_lossy(), std::process::id()))
    };
    let (new, old) = (beside("new"), beside("old"));
    let filled = (|| {
        std::fs::create_dir_all(&new)?;
        std::fs::write(new.join("weights.safetensors"), &files.weights)?;
        if let Some(vectors) = &files.vectors {
            std::fs::write(new.join("vectors.safetensors"), vectors)?;
        }
        std::fs::write(new.join("graph.json"), &files.graph_json)?;
        if folder.exists() {
            std::fs::rename(folder, &old)?;
        }
        std::fs::rename(&new, folder)
    })();
    if filled.is_err() {
        // The first fault is what the user needs; a folder that cannot be removed adds nothing.
        let _ = std::fs::remove_dir_all(&new);
        if !folder.exists() && old.exists() {
            let _ = std::fs::rename(&old, folder);
        }
    } else if old.exists() {
        std::fs::remove_dir_all(&old).map_err(fail)?;
    }
    filled.map_err(fail)
}

/// The files of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// `graph.json`.
    pub graph_json: Vec<u8>,
    /// `weights.safetensors`.
    pub weights: Vec<u8>,
    /// `vectors.safetensors`.
    pub vectors: Option<Vec<u8>>,
}

/// The files of a model as [`write`] writes them.
pub fn to_bytes(model: &Model) -> Result<Files> {
    let graph = &model.graph;
    let refuse = |what: &str| {
        Diagnostic::new("E0202", &graph.name, what.to_owned(), "write the trained network the loader gave")
    };
    let mut tensors = BTreeMap::new();
    for (name, t) in &graph.tensors {
        let values = t.as_real().ok_or_else(|| refuse("the native format holds trained networks only"))?;
        tensors.insert(name.clone(), safetensors::Owned::f32(&t.shape, values));
    }
    let weights = safetensors::write(&tensors);
    let vectors = model.vectors.as_ref().map(Vectors::to_bytes);
    let reference = |file: &str, bytes: &[u8]| FileRef {
        file: file.to_owned(),
        sha256: sha256_hex(bytes),
        extra: BTreeMap::new(),
    };
    let input = graph.input().ok_or_else(|| refuse("the graph has no input"))?;
    let Op::Input(attrs) = &graph.node(input).op else { return Err(refuse("the graph has no input")) };
    let node = |n: &pulvinar_ir::Node| NodeEntry {
        name: n.name.clone(),
        op: n.op.name().to_owned(),
        inputs: n.inputs.iter().map(|&i| graph.node(i).name.clone()).collect(),
        attrs: n.op.attrs().as_object().cloned().unwrap_or_default(),
        extra: BTreeMap::new(),
    };
    let file = GraphFile {
        format_version: FORMAT_VERSION,
        name: graph.name.clone(),
        producer: model.producer.clone(),
        timesteps: graph.timesteps,
        input: InputEntry {
            name: graph.node(input).name.clone(),
            shape: attrs.shape,
            kind: attrs.kind,
            extra: BTreeMap::new(),
        },
        nodes: graph.ids().filter(|&i| i != input).map(|i| node(graph.node(i))).collect(),
        output: graph.node(graph.output).name.clone(),
        weights: reference("weights.safetensors", &weights),
        vectors: vectors.as_deref().map(|v| reference("vectors.safetensors", v)),
        assumptions: graph.assumptions.clone(),
        extra: BTreeMap::new(),
    };
    Ok(Files { graph_json: file.to_json(), weights, vectors })
}
