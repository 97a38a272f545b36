//! `graph.json` as it stands in the file.

use super::FORMAT_VERSION;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Fields beyond the format; their names start with `x-`.
type Extra = BTreeMap<String, Value>;

/// Program that wrote a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Producer {
    /// Program.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Training framework and version.
    pub framework: String,
    /// Fields beyond the format; their names start with `x-`.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The input object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InputEntry {
    pub name: String,
    pub shape: [usize; 3],
    pub kind: InputKind,
    #[serde(flatten)]
    pub extra: Extra,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NodeEntry {
    pub name: String,
    pub op: String,
    pub inputs: Vec<String>,
    pub attrs: Map<String, Value>,
    #[serde(flatten)]
    pub extra: Extra,
}

/// A file beside the graph and its hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FileRef {
    pub file: String,
    pub sha256: String,
    #[serde(flatten)]
    pub extra: Extra,
}

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GraphFile {
    pub format_version: u32,
    pub name: String,
    pub producer: Producer,
    pub timesteps: usize,
    pub input: InputEntry,
    pub nodes: Vec<NodeEntry>,
    pub output: String,
    pub weights: FileRef,
    pub vectors: Option<FileRef>,
    pub assumptions: Vec<String>,
    #[serde(flatten)]
    pub extra: Extra,
}

impl GraphFile {
    /// Parses and checks everything that needs no tensor.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let json: Value = serde_json::from_slice(bytes).map_err(|e| not_a_model(e.to_string()))?;
        let version = json
            .get("format_version")
            .ok_or_else(|| not_a_model("`format_version` is missing".to_owned()))?;
        if version.as_u64() != Some(u64::from(FORMAT_VERSION)) {
            return Err(Diagnostic::new(
                "E0114",
                "`format_version`",
                format!("version {version} is not read here"),
                format!("export the model in version {FORMAT_VERSION}"),
            ));
        }
        if json.get("vectors").is_none() {
            return Err(not_a_model("`vectors` is missing".to_owned()));
        }
        // From the text, not from `json`: a repeated field is seen, and the message has line and column.
        let file: GraphFile = serde_json::from_slice(bytes).map_err(|e| not_a_model(e.to_string()))?;
        file.check()?;
        Ok(file)
    }

    /// The file's text, one node a line.
    pub fn to_json(&self) -> Vec<u8> {
        let json = serde_json::to_string_pretty(self).expect("the file is plain data");
        (json + "\n").into_bytes()
    }

    fn check(&self) -> Result<()> {
        known("top level", &self.extra)?;
        known("`producer`", &self.producer.extra)?;
        known("`input`", &self.input.extra)?;
        good_name(&self.input.name)?;
        for node in &self.nodes {
            known(&format!("node `{}`", node.name), &node.extra)?;
            good_name(&node.name)?;
        }
        for (place, reference) in [("`weights`", Some(&self.weights)), ("`vectors`", self.vectors.as_ref())] {
            let Some(reference) = reference else { continue };
            known(place, &reference.extra)?;
            let plain = reference.file.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            if !plain || reference.file.is_empty() || reference.file.starts_with('.') {
                return Err(Diagnostic::new(
                    "E0118",
                    place,
                    format!("`{}` is not the plain name of a file in this folder", reference.file),
                    "use letters, digits, `.`, `_` and `-`, no folders",
                ));
            }
        }
        if self.vectors.as_ref().is_some_and(|v| v.file == self.weights.file) {
            return Err(Diagnostic::new(
                "E0118",
                "`vectors`",
                "weights and vectors are the same file",
                "give each its own file",
            ));
        }
        Ok(())
    }
}

fn not_a_model(message: String) -> Diagnostic {
    Diagnostic::new("E0112", "", message, "write graph.json as the JSON Schema of the model format says")
}

fn known(place: &str, extra: &Extra) -> Result<()> {
    match extra.keys().find(|k| !k.starts_with("x-")) {
        Some(key) => Err(Diagnostic::new(
            "E0113",
            place,
            format!("field `{key}` is not known"),
            "correct its name, or start it with `x-` to have it ignored",
        )),
        None => Ok(()),
    }
}

fn good_name(name: &str) -> Result<()> {
    if name.is_empty()
        || name.len() > 256
        || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
    {
        return Err(Diagnostic::new(
            "E0118",
            format!("node `{name}`"),
            "this name is empty, long or has odd characters",
            "use 1 to 256 letters, digits, `_` and `.`",
        ));
    }
    Ok(())
}
