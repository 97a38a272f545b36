//! What is fuzzed: every reader of a user's file. A target must neither panic nor hang on any bytes.

#[path = "../../compiler/ir/tests/common/mod.rs"]
mod common;
pub mod engine;

use engine::{mutate, Rng};
use flate2::{write::GzEncoder, Compression};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use pulvinar_ir::tensor::Value;
use pulvinar_ir::{interpret, text, Arch, Elem, Graph, Shape, Tensor};
use pulvinar_models::dataset::{load_bytes, load_stills_bytes, to_bytes};
use pulvinar_models::import::{import_bytes, Format, Options};
use pulvinar_models::safetensors::{parse, write, Owned};
use pulvinar_models::{encode, lava, native, onnx, pt2, zoo, Dataset, Frames, Model};
use std::collections::BTreeMap;
use std::io::Write;

/// Reads some bytes; true if they were accepted.
type Read = Box<dyn Fn(&[u8]) -> bool>;

/// A reader and valid inputs of it.
pub struct Target {
    /// Valid inputs.
    pub seeds: Vec<Vec<u8>>,
    /// The reader.
    pub read: Read,
}

/// Names of all targets.
pub const TARGETS: [&str; 9] =
    ["graph_json", "safetensors", "text", "dataset", "arch_toml", "pt2", "pt2_graph", "onnx", "lava"];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    match name {
        "graph_json" => Some(graph_json()),
        "safetensors" => Some(safetensors()),
        "text" => Some(graph_text()),
        "dataset" => Some(dataset()),
        "arch_toml" => Some(arch_toml()),
        "pt2" => Some(traced("pt2", pt2::FORMAT)),
        "pt2_graph" => Some(pt2_graph()),
        "onnx" => Some(traced("onnx", onnx::FORMAT)),
        "lava" => Some(lava_net()),
        _ => None,
    }
}

impl Target {
    /// Runs input k; true if it was accepted.
    pub fn run(&self, k: u64) -> bool {
        (self.read)(&mutate(&mut Rng::new(k), &self.seeds))
    }
}

fn random_graphs(count: usize) -> Vec<Graph> {
    let mut runner = TestRunner::deterministic();
    (0..count)
        .map(|_| common::graphs().new_tree(&mut runner).expect("the generator never gives up").current())
        .collect()
}

/// A graph that was accepted must run, if it is small.
fn run(graph: &Graph) {
    let small = graph.nodes.iter().all(|n| n.ty.shape.len() <= 4096);
    let Some(input) = graph.input().filter(|_| small) else { return };
    let ty = &graph.node(input).ty;
    let value = match &ty.elem {
        Elem::Real => Value::real(ty.shape, vec![1.0; ty.shape.len()]),
        Elem::Int(int) => Value::int(ty.shape, vec![int.hi; ty.shape.len()]),
    };
    interpret::run(graph, &value).expect("this value fits the input");
}

/// `graph.json` against fixed weights: all graphs share one set, so that splices between seeds still load.
fn graph_json() -> Target {
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    let graphs = random_graphs(20);
    graphs.iter().for_each(|g| tensors.extend(g.tensors.clone()));
    let owned = tensors
        .iter()
        .map(|(n, t)| (n.clone(), Owned::f32(&t.shape, t.as_real().expect("trained"))))
        .collect();
    let weights = write(&owned);
    let producer = (zoo::ZOO[0].load)().expect("the zoo loads").producer;
    let seeds = graphs
        .into_iter()
        .map(|graph| {
            let model = Model {
                graph: with_all(graph, &tensors),
                vectors: None,
                producer: producer.clone(),
                hash: String::new(),
            };
            native::to_bytes(&model).expect("a valid model is written").graph_json
        })
        .collect();
    let read = move |bytes: &[u8]| match native::load_bytes("fuzz", bytes, &weights, None) {
        Ok(model) => {
            run(&model.graph);
            true
        }
        // Every seed leaves most of the shared weights idle; the rest of the graph is checked by then.
        Err(e) => e.message.contains("no node uses"),
    };
    Target { seeds, read: Box::new(read) }
}

fn with_all(mut graph: Graph, tensors: &BTreeMap<String, Tensor>) -> Graph {
    graph.tensors.clone_from(tensors);
    graph
}

fn safetensors() -> Target {
    let tensors = |n: usize| {
        (0..n).map(|i| (format!("w.{i}"), Owned::f32(&[i, 3], &vec![0.5; i * 3]))).collect::<BTreeMap<_, _>>()
    };
    let with_meta = |mut bytes: Vec<u8>| {
        let header = br#"{"__metadata__":{"format":"pt"},"#;
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) - 1 + header.len() as u64;
        bytes.splice(..9, [&length.to_le_bytes()[..], header].concat());
        bytes
    };
    let seeds =
        vec![write(&tensors(0)), write(&tensors(1)), write(&tensors(4)), with_meta(write(&tensors(3)))];
    let read = |bytes: &[u8]| match parse(bytes) {
        Ok(views) => {
            views.values().for_each(|v| drop((v.to_f32(), v.to_i64(), v.as_u8())));
            true
        }
        Err(_) => false,
    };
    Target { seeds, read: Box::new(read) }
}

fn graph_text() -> Target {
    let mut graphs = random_graphs(20);
    let mut tensors = BTreeMap::new();
    // Flow first and often: its type rules are the ones with arithmetic.
    let flow = common::flow();
    graphs.extend(std::iter::repeat_n(flow, 10));
    graphs.iter().for_each(|g| tensors.extend(g.tensors.clone()));
    let seeds = graphs.iter().map(|g| text::print(g).into_bytes()).collect();
    let read = move |bytes: &[u8]| match text::parse(&String::from_utf8_lossy(bytes), tensors.clone()) {
        Ok(graph) => {
            run(&graph);
            let again = text::parse(&text::print(&graph), tensors.clone()).expect("printed text parses");
            assert_eq!(again, graph, "printing and parsing changes the graph");
            true
        }
        Err(_) => false,
    };
    Target { seeds, read: Box::new(read) }
}

/// Files of the importer's tests.
fn files(names: &[&str]) -> Vec<Vec<u8>> {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    names
        .iter()
        .map(|name| std::fs::read(folder.join(name)).expect("the files of the tests are there"))
        .collect()
}

/// Reads a file of another tool; the network must run, if it is small.
fn imported(format: &Format, bytes: &[u8]) -> bool {
    let options = Options { timesteps: (format.name == "lava-dl").then_some(4), ..Options::default() };
    match import_bytes(format, "fuzz", bytes, &options).model {
        Ok(model) => {
            run(&model.graph);
            true
        }
        Err(_) => false,
    }
}

fn lava_net() -> Target {
    let seeds = files(&["lava/old.net", "lava/leaky.net", "lava/conv.net"]);
    Target { seeds, read: Box::new(|bytes| imported(&lava::FORMAT, bytes)) }
}

fn traced(extension: &str, format: Format) -> Target {
    let names =
        ["snn-none", "snn-recurrent", "sj-loop", "own-neuron"].map(|n| format!("traced/{n}.{extension}"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Target { seeds: files(&names), read: Box::new(move |bytes| imported(&format, bytes)) }
}

/// The graph of an archive by itself, so that edits reach past the container.
fn pt2_graph() -> Target {
    let archives = files(&["traced/sj-loop.pt2", "traced/own-neuron.pt2"]);
    let seeds = archives.iter().map(|a| pt2::graph_text(a).expect("the archives are whole")).collect();
    let read = move |text: &[u8]| {
        let mut accepted = false;
        for archive in &archives {
            let model = pt2::import_graph(archive, text, &Options::default());
            if let Ok(graph) = model {
                run(&graph);
                accepted = true;
            }
        }
        accepted
    };
    Target { seeds, read: Box::new(read) }
}

fn dataset() -> Target {
    let shape = Shape::new(3, 1, 2, 2);
    let counts = Frames::from_u8(shape, (0..24).collect()).expect("two samples");
    let reals = Frames::from_f32(shape, vec![0.25; 12]).expect("one sample");
    let pack = |bytes: &[u8]| {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(bytes).and_then(|()| gz.finish()).expect("memory takes every write")
    };
    let a = to_bytes(&Dataset { frames: counts, labels: Some(vec![1, 2]) });
    let b = to_bytes(&Dataset { frames: reals, labels: None });
    let images = Owned::u8(&[2, 1, 2, 2], &[0, 1, 2, 3, 100, 200, 254, 255]);
    let c = write(&BTreeMap::from([
        ("images".to_owned(), images),
        ("labels".to_owned(), Owned::u8(&[2], &[0, 1])),
    ]));
    let seeds = vec![pack(&a), pack(&c), a, b, c];
    let graph = (zoo::ZOO[0].load)().expect("the zoo loads").graph;
    let read = move |bytes: &[u8]| {
        if let Ok(data) = load_bytes(bytes) {
            // A valid file of another shape is refused, not run.
            let _ = data.frames.check(&graph);
            (0..data.frames.len().min(4)).for_each(|i| drop(data.frames.value(i, pulvinar_ir::Level::Flow)));
            return true;
        }
        let Ok(stills) = load_stills_bytes(bytes) else { return false };
        encode::ENCODERS.iter().for_each(|e| drop(e.encode(&stills, 4, 1)));
        true
    };
    Target { seeds, read: Box::new(read) }
}

fn arch_toml() -> Target {
    let default = pulvinar_ir::arch::DEFAULT_ARCH.as_bytes().to_vec();
    let read = |bytes: &[u8]| match Arch::from_toml(&String::from_utf8_lossy(bytes)) {
        Ok(arch) => {
            let again = Arch::from_toml(&arch.to_toml()).expect("written architectures are read");
            assert_eq!(again, arch, "writing and reading changes the architecture");
            true
        }
        Err(_) => false,
    };
    Target { seeds: vec![default, Arch::default_chip().to_toml().into_bytes()], read: Box::new(read) }
}
