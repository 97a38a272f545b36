//! Small networks and chips that the bad inputs start from.

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Options};
use pulvinar_ir::{Arch, Diagnostic, Graph, Program, Result};
use pulvinar_models::native::load_bytes;
use pulvinar_models::safetensors::{self, Owned};
use pulvinar_models::{sha256_hex, zoo, Model};
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// A model file that can be damaged before it is read.
pub struct ModelFile {
    pub json: Value,
    pub tensors: BTreeMap<String, Owned>,
}

/// A 1×1 convolution.
pub fn conv(name: &str, input: &str, bias: Option<&str>) -> Value {
    json!({"name": name, "op": "conv2d", "inputs": [input], "attrs": {"weight": "w", "bias": bias,
        "stride": [1, 1], "padding": [0, 0, 0, 0], "dilation": [1, 1], "groups": 1}})
}

/// A leaky integrate-and-fire neuron of threshold 1.
pub fn neuron(name: &str, input: &str) -> Value {
    json!({"name": name, "op": "neuron", "inputs": [input], "attrs": {"leak": 0.5, "input_gain": 1.0,
        "input_bias": 0.0, "threshold": 1.0, "compare": ">=", "reset": {"kind": "value", "value": 0.0},
        "reset_timing": "same_step", "initial": 0.0, "clamp_min": null}})
}

/// A delay of one step.
pub fn delay(name: &str, input: &str) -> Value {
    json!({"name": name, "op": "delay", "inputs": [input], "attrs": {}})
}

/// These nodes behind an input of 3 steps, 1 channel and 2×2 positions, then the sum of `spike` over time; `w` is
/// the weight of every convolution.
pub fn net(mut nodes: Vec<Value>, w: f32) -> ModelFile {
    nodes.push(json!({"name": "readout", "op": "readout", "inputs": ["spike"], "attrs": {"kind": "sum"}}));
    let json = json!({
        "format_version": 1, "name": "small", "producer": {"name": "hand", "version": "1", "framework": "none"},
        "timesteps": 3, "input": {"name": "input", "shape": [1, 2, 2], "kind": "binary"}, "nodes": nodes,
        "output": "readout", "weights": {"file": "weights.safetensors", "sha256": ""}, "vectors": null,
        "assumptions": [],
    });
    ModelFile { json, tensors: BTreeMap::from([("w".to_owned(), Owned::f32(&[1, 1, 1, 1], &[w]))]) }
}

/// Convolution, neuron, readout.
pub fn small() -> ModelFile {
    net(vec![conv("conv", "input", None), neuron("spike", "conv")], 1.0)
}

impl ModelFile {
    /// `graph.json` with the hash of the weights, and the weights.
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let weights = safetensors::write(&self.tensors);
        let mut json = self.json.clone();
        json["weights"]["sha256"] = json!(sha256_hex(&weights));
        (json.to_string().into_bytes(), weights)
    }

    pub fn load(&self) -> Result<Model> {
        let (json, weights) = self.bytes();
        load_bytes("small", &json, &weights, None)
    }

    pub fn graph(&self) -> Graph {
        self.load().expect("the network is good").graph
    }

    /// The same file with one change.
    pub fn with(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.json);
        self
    }

    /// Why the file is not read after one change.
    pub fn refused(self, change: impl FnOnce(&mut Value)) -> Diagnostic {
        self.with(change).load().expect_err("a damaged model")
    }
}

/// The integer graph of a trained one, without calibration.
pub fn quantised(trained: &Graph) -> Result<Graph> {
    let options = Options::default();
    quantise(&lower(trained, &options)?, &options, None)
}

/// The integer graph of the small network.
pub fn flow() -> Graph {
    quantised(&small().graph()).expect("the small network has an integer form")
}

/// The integer graph of the embedded attention network.
pub fn attention() -> Graph {
    let model = zoo::find("ma-snn-tcsa").and_then(|e| (e.load)()).expect("the network is embedded");
    quantised(&model.graph).expect("it has an integer form")
}

/// A chip of one tile with one core.
pub fn one_core() -> Arch {
    let mut arch = Arch::default_chip();
    (arch.mesh.width, arch.mesh.height, arch.mesh.cores_per_tile) = (1, 1, 1);
    (arch.mesh.host_tile, arch.mesh.dram_tile) = (0, 0);
    arch
}

/// The small network on one core.
pub fn program() -> Program {
    map(&flow(), &one_core(), &MapOptions::default()).expect("it fits one core").program
}

/// Why a graph does not go on a chip.
pub fn unmapped(graph: &Graph, arch: &Arch, options: &MapOptions) -> Diagnostic {
    map(graph, arch, options).expect_err("a mapping that cannot be")
}
