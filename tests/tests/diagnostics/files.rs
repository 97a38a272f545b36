//! Bad models, data sets, graphs and architectures: E01xx to E04xx.

use crate::nets::{conv, delay, flow, net, neuron, quantised, small};
use crate::Case;
use pulvinar_compiler::{quantise, Calibration, Options};
use pulvinar_ir::verify::verify;
use pulvinar_ir::{interpret, text, Arch, Diagnostic, Graph, IntType, Level, Shape, Type, Value};
use pulvinar_models::native::load_bytes;
use pulvinar_models::safetensors::Owned;
use pulvinar_models::{check_vectors, encode, rates, sha256_hex, zoo, Frames};
use serde_json::json;
use std::collections::BTreeMap;

/// Cases of the native format and of graphs.
pub const MODELS: &[Case] = &[
    ("E0101", "an op nobody knows", || small().refused(|j| j["nodes"][1]["op"] = json!("maxout"))),
    ("E0102", "an attribute of another type", || {
        small().refused(|j| j["nodes"][0]["attrs"]["stride"] = json!(1))
    }),
    ("E0103", "a tensor that is not in the file", || {
        small().refused(|j| j["nodes"][0]["attrs"]["weight"] = json!("v"))
    }),
    ("E0104", "a tensor of another shape", || weights(Owned::f32(&[1], &[1.0]))),
    ("E0105", "an edge from nowhere", || small().refused(|j| j["nodes"][1]["inputs"] = json!(["conv9"]))),
    ("E0106", "a graph without input", || {
        verify(&Graph::new("empty", Level::Trained, 1)).expect_err("no input")
    }),
    ("E0107", "two nodes of one name", || small().refused(|j| j["nodes"][2]["name"] = json!("spike"))),
    ("E0108", "a cycle without delay", || small().refused(|j| j["nodes"][0]["inputs"] = json!(["spike"]))),
    ("E0109", "no timesteps", || small().refused(|j| j["timesteps"] = json!(0))),
    ("E0110", "a weight that is not a number", || weights(Owned::f32(&[1, 1, 1, 1], &[f32::NAN]))),
    ("E0111", "vectors that were not given", || {
        small().refused(|j| j["vectors"] = json!({"file": "v.safetensors", "sha256": ""}))
    }),
    ("E0112", "a file that is no graph", || {
        load_bytes("net", b"{", &[], None).expect_err("not JSON to its end")
    }),
    ("E0113", "a field nobody knows", || small().refused(|j| j["depth"] = json!(1))),
    ("E0114", "another version", || small().refused(|j| j["format_version"] = json!(99))),
    ("E0115", "weights of another export", || {
        let (json, _) = small().bytes();
        load_bytes("small", &json, b"others", None).expect_err("another hash")
    }),
    ("E0116", "truncated weights", || {
        let (_, mut weights) = small().bytes();
        weights.pop();
        let hash = json!(sha256_hex(&weights));
        let cut = small().with(|j| j["weights"]["sha256"] = hash).json.to_string();
        load_bytes("small", cut.as_bytes(), &weights, None).expect_err("a byte less")
    }),
    ("E0117", "weights of bytes", || weights(Owned::u8(&[1, 1, 1, 1], &[1]))),
    ("E0118", "a name with a blank", || small().refused(|j| j["nodes"][0]["name"] = json!("a b"))),
    ("E0119", "vectors to check where there are none", || {
        check_vectors(&small().load().expect("a good model")).expect_err("no vectors")
    }),
    ("E0120", "a network that is not embedded", || zoo::find("resnet").expect_err("no such network")),
    ("E0130", "a text that ends early", || {
        text::parse("graph \"g\" level=flow timesteps=1 {", BTreeMap::new()).expect_err("no output")
    }),
    ("E0201", "a leak above 2", || small().refused(|j| j["nodes"][1]["attrs"]["leak"] = json!(2.5))),
    ("E0202", "a real value where integers are needed", || {
        Type::real(Shape::new(1, 1, 1, 1)).as_int("node `conv`").expect_err("a real type")
    }),
    ("E0203", "a type that does not follow", || {
        let mut graph = flow();
        graph.nodes[1].ty.shape = Shape::new(3, 7, 2, 2);
        verify(&graph).expect_err("7 channels from 1")
    }),
    ("E0204", "a value of 51 bits", || {
        let mut graph = flow();
        graph.nodes[1].ty = Type::int(IntType::new(0, 1 << 50, 1.0), graph.nodes[1].ty.shape);
        verify(&graph).expect_err("wider than the chip")
    }),
    ("E0205", "channels of two scales", || {
        let two = IntType { lo: 0, hi: 1, scale: vec![1.0, 2.0] };
        two.single_scale("node `sum`").expect_err("two scales")
    }),
];

/// Cases of architectures, compiler options, the quantiser and data.
pub const NUMBERS: &[Case] = &[
    ("E0301", "a misspelt key of a chip", || chip("width = 4", "widht = 4")),
    ("E0302", "a mesh of no columns", || chip("width = 4", "width = 0")),
    ("E0303", "a memory controller outside the mesh", || chip("dram_tile = 15", "dram_tile = 99")),
    ("E0304", "an input of real numbers", || {
        unquantised(&small().with(|j| j["input"]["kind"] = json!("real")).graph())
    }),
    ("E0305", "a current fed back", || {
        let sum = json!({"name": "sum", "op": "add", "inputs": ["conv", "late"], "attrs": {}});
        let nodes = vec![conv("conv", "input", None), sum, delay("late", "sum"), neuron("spike", "sum")];
        unquantised(&net(nodes, 1.0).graph())
    }),
    ("E0306", "weights vanishing beside their bias", || {
        let mut file = net(vec![conv("conv", "input", Some("b")), neuron("spike", "conv")], 1e-20);
        file.tensors.insert("b".to_owned(), Owned::f32(&[1], &[1.0]));
        unquantised(&file.graph())
    }),
    ("E0307", "weights vanishing beside the threshold", || {
        unquantised(&net(vec![conv("conv", "input", None), neuron("spike", "conv")], 1e-20).graph())
    }),
    ("E0308", "weights of 17 bits", || {
        Options { weight_bits: 17, ..Options::default() }.check().expect_err("too wide")
    }),
    ("E0309", "calibration on nothing", || {
        Calibration::from_inputs(&small().graph(), &[]).expect_err("no inputs")
    }),
    ("E0310", "attention that was not lowered", || {
        let model = zoo::find("ma-snn-tcsa").and_then(|e| (e.load)()).expect("the network is embedded");
        quantise(&model.graph, &Options::default(), None).expect_err("an op of trained networks")
    }),
    ("E0311", "a channel without timings, of a kind nobody knows", || {
        chip("kind = \"LPDDR3_8Gb_x32_1600\"\nbanks = 8", "kind = \"SDRAM\"")
    }),
    ("E0401", "an input of another shape", || {
        let short = Value::int(Shape::new(1, 1, 2, 2), vec![0; 4]);
        interpret::check_input(&flow(), &short).expect_err("one step instead of three")
    }),
    ("E0402", "a count where spikes are needed", || {
        let large = Value::int(Shape::new(3, 1, 2, 2), vec![2; 12]);
        interpret::check_input(&flow(), &large).expect_err("2 in a stream of 0 and 1")
    }),
    ("E0403", "a negative sample", || {
        Frames::from_f32(Shape::new(1, 1, 1, 2), vec![0.0, -1.0]).expect_err("below 0")
    }),
    ("E0404", "a sample past the last", || {
        let frames = Frames::from_u8(Shape::new(1, 1, 1, 1), vec![0, 1]).expect("two samples");
        frames.value(2, Level::Flow).expect_err("two samples only")
    }),
    ("E0405", "an encoder nobody knows", || encode::find("morse").expect_err("no such encoder")),
    ("E0407", "a rate above 1", || {
        rates::spikes(Shape::new(1, 1, 1, 1), 1.5, rates::Spread::Bernoulli, (1, "layer"))
            .expect_err("no rate")
    }),
    ("E0408", "a file of rates without its header", || {
        rates::Rates::parse("conv0.spikes,0.2\n", "rates.csv").expect_err("no header")
    }),
    ("E0409", "a rate of a layer that does not spike", || {
        let rates = rates::Rates::parse("layer,rate\nconv0,0.2\n", "rates.csv").expect("a table");
        rates.check(&["conv0.spikes"], &["input"]).expect_err("no such layer")
    }),
];

fn weights(w: Owned) -> Diagnostic {
    let mut file = small();
    file.tensors.insert("w".to_owned(), w);
    file.load().expect_err("damaged weights")
}

fn chip(from: &str, to: &str) -> Diagnostic {
    let text = Arch::default_chip().to_toml();
    assert!(text.contains(from), "the default chip holds {from}");
    Arch::from_toml(&text.replacen(from, to, 1)).expect_err("an impossible chip")
}

fn unquantised(graph: &Graph) -> Diagnostic {
    quantised(graph).expect_err("a graph without integer form")
}
