//! JSON Schema (2020-12) of `graph.json`, from a table of the attributes of every trained op.

use super::FORMAT_VERSION;
use pulvinar_ir::op::OPS;
use pulvinar_ir::Level;
use serde_json::{json, Map, Value};

/// Kind of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Name of a tensor.
    Tensor,
    /// Name of a tensor, or null.
    MaybeTensor,
    /// Rows, columns.
    Pair,
    /// Two sizes that may be 0: before and after, or rows and columns.
    Ends,
    /// Top, bottom, left, right.
    Quad,
    /// Positive integer.
    Size,
    /// Integer, 0 or more.
    Count,
    /// Number.
    Real,
    /// Number, or null.
    MaybeReal,
    /// True or false.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A set of axes.
    Axes,
    /// The reset of a neuron.
    Reset,
    /// The attributes of a `neuron`.
    Neuron,
    /// The negative threshold of a neuron.
    Negative,
    /// The synaptic current of a neuron.
    Current,
    /// What leaves a neuron.
    Output,
    /// Smallest and largest.
    Range,
    /// Tensors in the place of a neuron's constants.
    Each,
    /// The same, and it may be left out.
    Absent(&'static Kind),
}

/// Attributes of every op of the file format.
pub const ATTRS: &[(&str, &[(&str, Kind)])] = &[
    (
        "conv2d",
        &[
            ("weight", Kind::Tensor),
            ("bias", Kind::MaybeTensor),
            ("stride", Kind::Pair),
            ("padding", Kind::Quad),
            ("dilation", Kind::Pair),
            ("groups", Kind::Size),
        ],
    ),
    ("linear", &[("weight", Kind::Tensor), ("bias", Kind::MaybeTensor)]),
    (
        "batch_norm",
        &[
            ("weight", Kind::Tensor),
            ("bias", Kind::Tensor),
            ("mean", Kind::Tensor),
            ("var", Kind::Tensor),
            ("eps", Kind::Real),
        ],
    ),
    ("avg_pool", &[("kernel", Kind::Pair), ("stride", Kind::Pair), ("padding", Kind::Quad)]),
    ("max_pool", &[("kernel", Kind::Pair), ("stride", Kind::Pair), ("padding", Kind::Quad)]),
    ("flatten", &[]),
    ("add", &[]),
    ("mul", &[]),
    ("reduce", &[("kind", Kind::Word(&["mean", "sum", "max"])), ("axes", Kind::Axes)]),
    ("dense", &[("weight", Kind::Tensor), ("bias", Kind::MaybeTensor), ("axis", Kind::Word(&["t", "c"]))]),
    (
        "conv1d",
        &[
            ("weight", Kind::Tensor),
            ("bias", Kind::MaybeTensor),
            ("axis", Kind::Word(&["t", "c"])),
            ("padding", Kind::Ends),
            ("groups", Kind::Size),
        ],
    ),
    ("top_k", &[("axis", Kind::Word(&["t", "c", "h", "w"])), ("k", Kind::Count)]),
    ("affine", &[("mul", Kind::Real), ("add", Kind::Real)]),
    ("relu", &[]),
    ("sigmoid", &[]),
    ("concat", &[]),
    ("delay", &[]),
    (
        "ma_attention",
        &[
            ("gates", Kind::Word(&["", "t", "c", "s", "tc", "ts", "cs", "tcs"])),
            ("ta0", Kind::MaybeTensor),
            ("ta1", Kind::MaybeTensor),
            ("ca0", Kind::MaybeTensor),
            ("ca1", Kind::MaybeTensor),
            ("sa", Kind::MaybeTensor),
            ("relu", Kind::Bool),
        ],
    ),
    ("t_attention", &[("w0", Kind::Tensor), ("w1", Kind::Tensor)]),
    (
        "step_attention",
        &[
            ("ca0", Kind::MaybeTensor),
            ("ca1", Kind::MaybeTensor),
            ("sa", Kind::MaybeTensor),
            ("relu", Kind::Bool),
        ],
    ),
    (
        "ma_neuron",
        &[
            ("leak", Kind::Real),
            ("threshold", Kind::Real),
            ("reset", Kind::Real),
            ("ca0", Kind::MaybeTensor),
            ("ca1", Kind::MaybeTensor),
            ("sa", Kind::MaybeTensor),
        ],
    ),
    ("ta_snn", &[("w0", Kind::Tensor), ("b0", Kind::Tensor), ("w1", Kind::Tensor), ("b1", Kind::Tensor)]),
    (
        "squeeze_excite",
        &[("w0", Kind::Tensor), ("b0", Kind::MaybeTensor), ("w1", Kind::Tensor), ("b1", Kind::MaybeTensor)],
    ),
    (
        "stsc",
        &[
            ("temporal", Kind::Tensor),
            ("gate0", Kind::Tensor),
            ("gate0_bias", Kind::Tensor),
            ("gate1", Kind::Tensor),
        ],
    ),
    ("matmul", &[("heads", Kind::Size), ("over", Kind::Word(&["tokens", "channels"]))]),
    (
        "spiking_attention",
        &[
            ("form", Kind::Word(&["ssa", "sdsa", "qk_token", "qk_channel"])),
            ("heads", Kind::Size),
            ("scale", Kind::Real),
            ("neuron", Kind::Neuron),
        ],
    ),
    (
        "fsta",
        &[
            ("temporal", Kind::Tensor),
            ("bank", Kind::MaybeTensor),
            ("spatial0", Kind::Tensor),
            ("spatial1", Kind::MaybeTensor),
            ("alpha", Kind::Real),
            ("beta", Kind::Real),
            ("t", Kind::Real),
            ("s", Kind::Real),
        ],
    ),
    ("tcja", &[("along_t", Kind::Tensor), ("along_c", Kind::Tensor)]),
    ("gac", &[("ta0", Kind::Tensor), ("ta1", Kind::Tensor), ("sca0", Kind::Tensor), ("sca1", Kind::Tensor)]),
    (
        "asa",
        &[
            ("fc0", Kind::Tensor),
            ("fc1", Kind::MaybeTensor),
            ("important", Kind::Tensor),
            ("other", Kind::Tensor),
            ("alpha", Kind::Real),
            ("beta", Kind::Real),
            ("share", Kind::Real),
        ],
    ),
    (
        "neuron",
        &[
            ("leak", Kind::Real),
            ("input_gain", Kind::Real),
            ("input_bias", Kind::Real),
            ("threshold", Kind::Real),
            ("compare", Kind::Word(&[">=", ">"])),
            ("reset", Kind::Reset),
            ("reset_timing", Kind::Word(&["same_step", "next_step", "next_charge"])),
            ("initial", Kind::Real),
            ("clamp_min", Kind::MaybeReal),
            ("leak_fired", Kind::Absent(&Kind::Real)),
            ("amplitude", Kind::Absent(&Kind::Real)),
            ("levels", Kind::Absent(&Kind::Size)),
            ("negative", Kind::Absent(&Kind::Negative)),
            ("budget", Kind::Absent(&Kind::Range)),
            ("current", Kind::Absent(&Kind::Current)),
            ("output", Kind::Absent(&Kind::Output)),
            ("each", Kind::Absent(&Kind::Each)),
        ],
    ),
    ("membrane", &[("leak", Kind::Real), ("threshold", Kind::Real), ("reset", Kind::Real)]),
    ("readout", &[("kind", Kind::Word(&["mean", "sum", "last"]))]),
    ("scale", &[("factor", Kind::Tensor)]),
    (
        "conv_transpose2d",
        &[
            ("weight", Kind::Tensor),
            ("bias", Kind::MaybeTensor),
            ("stride", Kind::Pair),
            ("padding", Kind::Quad),
            ("output_padding", Kind::Ends),
            ("dilation", Kind::Pair),
            ("groups", Kind::Size),
        ],
    ),
    (
        "accumulate",
        &[
            ("kind", Kind::Word(&["sum", "mean", "radix"])),
            ("window", Kind::Size),
            ("bias", Kind::MaybeTensor),
        ],
    ),
    ("radix", &[("window", Kind::Size), ("bias", Kind::MaybeTensor), ("step", Kind::Real)]),
    ("upsample", &[("scale", Kind::Pair)]),
];

impl Kind {
    fn schema(self) -> Value {
        let sizes = |n: usize, least: u32| json!({"type": "array", "items": {"type": "integer", "minimum": least}, "minItems": n, "maxItems": n});
        match self {
            Kind::Tensor => json!({"type": "string"}),
            Kind::MaybeTensor => json!({"type": ["string", "null"]}),
            Kind::Pair => sizes(2, 1),
            Kind::Ends => sizes(2, 0),
            Kind::Quad => sizes(4, 0),
            Kind::Size => json!({"type": "integer", "minimum": 1}),
            Kind::Count => json!({"type": "integer", "minimum": 0}),
            Kind::Real => json!({"type": "number"}),
            Kind::MaybeReal => json!({"type": ["number", "null"]}),
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Word(words) => json!({"enum": words}),
            Kind::Axes => {
                json!({"type": "array", "items": {"enum": ["t", "c", "h", "w"]}, "uniqueItems": true})
            }
            Kind::Reset => json!({"oneOf": [
                closed(&[("kind", json!({"enum": ["value", "subtract"]})), ("value", json!({"type": "number"}))]),
                closed(&[("kind", json!({"const": "none"}))]),
            ]}),
            Kind::Neuron => {
                let attrs: Vec<(&str, Value)> =
                    neuron().iter().map(|&(k, kind)| (k, kind.schema())).collect();
                without_absent(closed(&attrs), neuron())
            }
            Kind::Negative => {
                closed(&[("threshold", json!({"type": "number"})), ("compare", json!({"enum": [">=", ">"]}))])
            }
            Kind::Current => closed(&[
                ("leak", json!({"type": "number"})),
                ("delayed", json!({"type": "boolean"})),
                ("reset", json!({"type": "boolean"})),
            ]),
            Kind::Output => json!({"oneOf": [
                closed(&[("kind", json!({"const": "spikes"}))]),
                closed(&[
                    ("kind", json!({"const": "membrane"})),
                    ("above_threshold", json!({"type": "boolean"})),
                    ("relu", json!({"type": "boolean"})),
                ]),
            ]}),
            Kind::Range => {
                json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2})
            }
            Kind::Each => {
                let properties: Map<String, Value> =
                    EACH.iter().map(|k| ((*k).to_owned(), json!({"type": "string"}))).collect();
                json!({"type": "object", "properties": properties, "additionalProperties": false})
            }
            Kind::Absent(kind) => kind.schema(),
        }
    }
}

/// Constants of a neuron that a tensor may give.
const EACH: [&str; 10] = [
    "leak",
    "leak_fired",
    "input_gain",
    "input_bias",
    "threshold",
    "negative",
    "reset",
    "initial",
    "amplitude",
    "current_leak",
];

/// The schema of an object, with only those attributes required that may not be left out.
fn without_absent(mut schema: Value, attrs: &[(&str, Kind)]) -> Value {
    let needed = |a: &&(&str, Kind)| !matches!(a.1, Kind::Absent(_));
    schema["required"] = attrs.iter().filter(needed).map(|a| a.0).collect::<Vec<_>>().into();
    schema
}

/// The attributes of `neuron`.
fn neuron() -> &'static [(&'static str, Kind)] {
    ATTRS.iter().find(|row| row.0 == "neuron").map_or(&[], |row| row.1)
}

/// An object that has exactly these fields, and any whose name starts with `x-`.
fn object(fields: &[(&str, Value)]) -> Value {
    let mut schema = closed(fields);
    schema["patternProperties"] = json!({"^x-": true});
    schema
}

fn closed(fields: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    let required: Vec<&str> = fields.iter().map(|f| f.0).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn node(op: &str, attrs: &[(&str, Kind)]) -> Value {
    let kinds = attrs;
    let attrs: Vec<(&str, Value)> = attrs.iter().map(|&(k, kind)| (k, kind.schema())).collect();
    let inputs = match op {
        "add" | "mul" | "matmul" | "gac" => json!({"minItems": 2, "maxItems": 2}),
        "concat" => json!({"minItems": 1}),
        "spiking_attention" => json!({"minItems": 2, "maxItems": 3}),
        _ => json!({"minItems": 1, "maxItems": 1}),
    };
    let mut schema = object(&[
        ("name", json!({"$ref": "#/$defs/name"})),
        ("op", json!({"const": op})),
        ("inputs", json!({"type": "array", "items": {"$ref": "#/$defs/name"}})),
        ("attrs", without_absent(object(&attrs), kinds)),
    ]);
    if let (Some(all), Value::Object(bounds)) = (schema["properties"]["inputs"].as_object_mut(), inputs) {
        all.extend(bounds);
    }
    let doc = OPS.iter().find(|o| o.0 == op && o.1.contains(&Level::Trained)).map_or("", |o| o.2);
    schema["description"] = json!(doc);
    schema
}

/// The schema.
pub fn graph_schema() -> Value {
    let words = json!({"type": "string"});
    let file = || {
        object(&[
            ("file", json!({"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$"})),
            ("sha256", json!({"type": "string", "pattern": "^[0-9a-f]{64}$"})),
        ])
    };
    let input = object(&[
        ("name", json!({"$ref": "#/$defs/name"})),
        (
            "shape",
            json!({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 1 << 20}, "minItems": 3, "maxItems": 3, "description": "channels, rows, columns of one step"}),
        ),
        ("kind", json!({"enum": ["binary", "counts", "real"]})),
    ]);
    let nodes: Vec<Value> = ATTRS.iter().map(|(op, attrs)| node(op, attrs)).collect();
    let mut schema = object(&[
        ("format_version", json!({"const": FORMAT_VERSION})),
        ("name", words.clone()),
        (
            "producer",
            object(&[("name", words.clone()), ("version", words.clone()), ("framework", words.clone())]),
        ),
        ("timesteps", json!({"type": "integer", "minimum": 1, "maximum": 1 << 16})),
        ("input", input),
        ("nodes", json!({"type": "array", "items": {"oneOf": nodes}})),
        ("output", json!({"$ref": "#/$defs/name"})),
        ("weights", file()),
        ("vectors", json!({"oneOf": [file(), {"type": "null"}]})),
        ("assumptions", json!({"type": "array", "items": words})),
    ]);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Pulvinar model, graph.json, version 1");
    schema["$defs"] = json!({"name": {"type": "string", "pattern": "^[A-Za-z0-9_.]{1,256}$"}});
    schema
}

/// The schema as the text of `models/schema/graph.schema.json`.
pub fn graph_schema_text() -> String {
    serde_json::to_string_pretty(&graph_schema()).expect("the schema is plain data") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulvinar_ir::Op;

    fn sample(kind: Kind) -> Value {
        match kind {
            Kind::Tensor | Kind::MaybeTensor => json!("w"),
            Kind::Pair => json!([1, 2]),
            Kind::Ends => json!([0, 1]),
            Kind::Quad => json!([0, 1, 2, 3]),
            Kind::Size | Kind::Count => json!(1),
            Kind::Real | Kind::MaybeReal => json!(0.5),
            Kind::Bool => json!(true),
            Kind::Word(words) => json!(words[words.len() - 1]),
            Kind::Axes => json!(["t", "w"]),
            Kind::Negative => json!({"threshold": 0.5, "compare": ">"}),
            Kind::Current => json!({"leak": 0.5, "delayed": true, "reset": false}),
            Kind::Output => json!({"kind": "membrane", "above_threshold": true, "relu": false}),
            Kind::Range => json!([-1, 1]),
            Kind::Each => EACH.iter().map(|k| ((*k).to_owned(), json!("w"))).collect::<Map<_, _>>().into(),
            Kind::Absent(Kind::Size) => json!(2),
            Kind::Absent(kind) => sample(*kind),
            Kind::Reset => json!({"kind": "subtract", "value": 1.0}),
            Kind::Neuron => {
                neuron().iter().map(|&(k, kind)| (k.to_owned(), sample(kind))).collect::<Map<_, _>>().into()
            }
        }
    }

    #[test]
    fn the_table_has_every_trained_op_and_its_attributes() {
        let listed: Vec<&str> = ATTRS.iter().map(|a| a.0).collect();
        let trained: Vec<&str> =
            OPS.iter().filter(|o| o.1.contains(&Level::Trained) && o.0 != "input").map(|o| o.0).collect();
        assert_eq!(listed, trained);
        for (op, attrs) in ATTRS {
            let all: Map<String, Value> =
                attrs.iter().map(|&(k, kind)| (k.to_owned(), sample(kind))).collect();
            let read = Op::from_parts(op, Value::Object(all.clone())).unwrap();
            assert_eq!(read.attrs(), Value::Object(all.clone()), "{op}");
            for (key, kind) in *attrs {
                let mut without = all.clone();
                if matches!(kind, Kind::Absent(_)) {
                    without.remove(*key);
                    assert!(Op::from_parts(op, Value::Object(without)).is_ok(), "{op}.{key}");
                    continue;
                }
                without.insert((*key).to_owned(), Value::Null);
                let optional = matches!(kind, Kind::MaybeTensor | Kind::MaybeReal);
                assert_eq!(Op::from_parts(op, Value::Object(without)).is_ok(), optional, "{op}.{key}");
            }
        }
    }

    #[test]
    fn every_word_of_the_table_is_read() {
        for (op, attrs) in ATTRS {
            for (key, kind) in *attrs {
                let Kind::Word(words) = kind else { continue };
                for word in *words {
                    let mut all: Map<String, Value> =
                        attrs.iter().map(|&(k, kind)| (k.to_owned(), sample(kind))).collect();
                    all.insert((*key).to_owned(), json!(word));
                    Op::from_parts(op, Value::Object(all)).unwrap();
                }
            }
        }
    }

    #[test]
    fn the_schema_file_is_up_to_date() {
        // `cargo run -p pulvinar-models --example schema > models/schema/graph.schema.json` writes it.
        assert_eq!(graph_schema_text(), include_str!("../../schema/graph.schema.json"));
    }
}
