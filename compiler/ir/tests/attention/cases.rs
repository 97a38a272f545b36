//! Random cases of modules: a graph whose last node is the module, and an input of it. Used by the compiler's tests too.

#![allow(dead_code, clippy::unwrap_used)] // no user needs all of it; helpers of tests

use crate::support::{Case, Rng};
use pulvinar_ir::op::asa::Asa;
use pulvinar_ir::op::conv1d::Conv1d;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::fsta::Fsta;
use pulvinar_ir::op::gac::Gac;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::op::readout::{Readout, ReadoutKind};
use pulvinar_ir::op::spiking_attention::{Form, SpikingAttention};
use pulvinar_ir::op::squeeze_excite::SqueezeExcite;
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::op::stsc::Stsc;
use pulvinar_ir::op::ta_snn::TaSnn;
use pulvinar_ir::op::tcja::Tcja;
use pulvinar_ir::{Axis, Graph, NodeId, Op, Shape, Tensor};

/// A module in a graph, and values for the graph's input.
pub type Sample = (Case, Vec<f64>);

/// A module with its random samples, and what the compiler makes of it.
pub struct Module {
    /// Name of the op, and which of its forms.
    pub name: &'static str,
    /// Makes a sample from a seed.
    pub make: fn(u64) -> Sample,
    /// The output is spikes, or gated by spikes.
    pub spikes: bool,
    /// Code of the refusal, if the quantiser (E03..) or the mapper (E06..) does not take it yet.
    pub refusal: Option<&'static str>,
}

/// Every module here.
pub const MODULES: &[Module] = &[
    Module { name: "step_attention", make: step_attention, spikes: false, refusal: None },
    Module { name: "ma_neuron", make: ma_neuron, spikes: true, refusal: None },
    Module { name: "ta_snn", make: ta_snn, spikes: false, refusal: None },
    Module { name: "squeeze_excite", make: squeeze_excite, spikes: false, refusal: None },
    Module { name: "fsta", make: fsta, spikes: false, refusal: None },
    Module { name: "asa", make: asa, spikes: false, refusal: None },
    Module { name: "gac", make: gac, spikes: false, refusal: None },
    Module { name: "tcja", make: tcja, spikes: false, refusal: None },
    Module { name: "conv1d", make: causal_conv1d, spikes: false, refusal: None },
    Module { name: "stsc", make: stsc, spikes: false, refusal: None },
    Module { name: "ssa", make: ssa, spikes: true, refusal: None },
    Module { name: "sdsa", make: sdsa, spikes: true, refusal: None },
    Module { name: "qk_token", make: qk_token, spikes: true, refusal: None },
    Module { name: "qk_channel", make: qk_channel, spikes: true, refusal: None },
];

/// The values of a tensor, if the model has it.
pub fn weights(case: &Case, name: &str) -> Option<Vec<f64>> {
    case.graph.tensors.get(name).map(|t| t.as_real().unwrap().iter().map(|&v| f64::from(v)).collect())
}

fn start(seed: u64, most: [usize; 4]) -> (Case, Shape) {
    let shape = Rng(seed).shape(most);
    (Case::new(seed, shape), shape)
}

/// Random weights of both gates, by the names `ca0`, `ca1`, `sa`; which gates there are follows from the seed.
fn gates(case: &mut Case, seed: u64, channels: usize, relu: bool) -> StepAttention {
    let (hidden, k) = (case.rng.size(1, 3), case.rng.size(1, 4));
    let mut tensor = |on: bool, name: &str, shape: &[usize]| {
        on.then(|| {
            case.tensor(name, shape, -1.0, 1.0);
            name.to_owned()
        })
    };
    let (c, s) = (seed % 4 != 1, seed % 4 != 2);
    StepAttention {
        ca0: tensor(c, "ca0", &[hidden, channels]),
        ca1: tensor(c, "ca1", &[channels, hidden]),
        sa: tensor(s, "sa", &[1, 2, k, k + 1]),
        relu,
    }
}

/// `step_attention` of a current.
pub fn step_attention(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [4, 6, 5, 5]);
    let op = gates(&mut case, seed, shape.c, seed % 3 != 0);
    case.push(op).unwrap();
    let x = case.rng.value(shape, -1.0, 1.0);
    (case, x)
}

/// `ma_neuron` of a current.
pub fn ma_neuron(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [7, 4, 4, 4]);
    let StepAttention { ca0, ca1, sa, .. } = gates(&mut case, seed, shape.c, false);
    let leak = [0.0, 0.3, 0.5, 1.0][case.rng.size(0, 3)];
    let reset = [0.0, 0.1][case.rng.size(0, 1)];
    case.push(MaNeuron { leak, threshold: 0.3, reset, ca0, ca1, sa }).unwrap();
    let x = case.rng.value(shape, -0.5, 1.5);
    (case, x)
}

/// `ta_snn` of a current.
pub fn ta_snn(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [9, 4, 4, 4]);
    let hidden = case.rng.size(1, 4);
    let [w0, b0, w1, b1] = ["w0", "b0", "w1", "b1"].map(str::to_owned);
    for (name, sizes) in [
        ("w0", vec![hidden, shape.t]),
        ("b0", vec![hidden]),
        ("w1", vec![shape.t, hidden]),
        ("b1", vec![shape.t]),
    ] {
        case.tensor(name, &sizes, -1.0, 1.0);
    }
    case.push(TaSnn { w0, b0, w1, b1 }).unwrap();
    let x = case.rng.value(shape, -1.0, 1.0);
    (case, x)
}

/// `squeeze_excite` of a current; every other one with biases.
pub fn squeeze_excite(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [5, 6, 4, 4]);
    let hidden = case.rng.size(1, 3);
    case.tensor("w0", &[hidden, shape.c], -1.0, 1.0);
    case.tensor("w1", &[shape.c, hidden], -1.0, 1.0);
    let mut bias = |name: &str, size: usize| {
        (seed % 2 == 1).then(|| {
            case.tensor(name, &[size], -1.0, 1.0);
            name.to_owned()
        })
    };
    let (b0, b1) = (bias("b0", hidden), bias("b1", shape.c));
    let [w0, w1] = ["w0", "w1"].map(str::to_owned);
    case.push(SqueezeExcite { w0, b0, w1, b1 }).unwrap();
    let x = case.rng.value(shape, -1.0, 1.0);
    (case, x)
}

/// `fsta` of a current; every other one reduced.
pub fn fsta(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [4, 4, 5, 5]);
    let reduced = seed % 2 == 1;
    case.tensor("f", &[shape.t, shape.t], -1.0, 1.0);
    case.tensor("w0", &[if reduced { 3 } else { 1 }, 49, 7, 7], -0.05, 0.05);
    case.tensor("w1", &[1, 3, 7, 7], -0.2, 0.2);
    let spatial1 = reduced.then(|| "w1".to_owned());
    let [temporal, spatial0] = ["f", "w0"].map(str::to_owned);
    let op = Fsta { temporal, bank: None, spatial0, spatial1, alpha: 0.45, beta: 0.55, t: 0.6, s: 0.5 };
    case.push(op).unwrap();
    let x = case.rng.value(shape, -1.0, 1.0);
    (case, x)
}

/// `asa` of a current; every other one with two layers.
pub fn asa(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [6, 5, 4, 4]);
    let hidden = if seed % 2 == 1 { case.rng.size(1, 3) } else { shape.t };
    case.tensor("f0", &[hidden, shape.t], -1.0, 1.0);
    case.tensor("f1", &[shape.t, hidden], -1.0, 1.0);
    case.tensor("w1", &[1, 2, 3, 3], -0.7, 0.7);
    case.tensor("w2", &[1, 2, 3, 3], -0.7, 0.7);
    let fc1 = (seed % 2 == 1).then(|| "f1".to_owned());
    let [fc0, important, other] = ["f0", "w1", "w2"].map(str::to_owned);
    case.push(Asa { fc0, fc1, important, other, alpha: 0.45, beta: 0.55, share: 0.5 }).unwrap();
    let x = case.rng.value(shape, -1.0, 1.0);
    (case, x)
}

/// `gac` of a stem's current and the spikes that a neuron makes of it.
pub fn gac(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [7, 3, 5, 5]);
    let (hidden, maps, k) = (case.rng.size(1, 3), case.rng.size(1, 4), case.rng.size(1, 4));
    case.tensor("stem", &[maps, shape.c, 3, 3], -0.3, 0.6);
    case.tensor("m0", &[hidden, shape.t], -1.0, 1.0);
    case.tensor("m1", &[shape.t, hidden], -1.0, 1.0);
    case.tensor("w0", &[maps, maps, k, k], -0.5, 0.5);
    case.tensor("w1", &[maps, maps, k, k], -0.5, 0.5);
    let neuron = Neuron { threshold: 1.0, compare: Compare::Above, ..spiking(Form::Ssa, 1, 1.0).neuron };
    let x = case.graph.push("current", Conv2d::same("stem", [3, 3]).into(), &[NodeId(0)]).unwrap();
    let s = case.graph.push("spikes", neuron.into(), &[x]).unwrap();
    let [ta0, ta1, sca0, sca1] = ["m0", "m1", "w0", "w1"].map(str::to_owned);
    case.graph.push("op", Gac { ta0, ta1, sca0, sca1 }.into(), &[x, s]).unwrap();
    let x = case.rng.value(shape, -1.0, 3.0);
    (case, x)
}

/// `tcja` of the spikes that a neuron makes of the input.
pub fn tcja(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [6, 5, 4, 4]);
    let k = case.rng.size(1, 5);
    case.tensor("wt", &[shape.c, shape.c, k], -2.0, 2.0);
    case.tensor("wc", &[shape.t, shape.t, k], -2.0, 2.0);
    let relay = Neuron { leak: 0.0, input_gain: 1.0, ..spiking(Form::Ssa, 1, 1.0).neuron };
    let s = case.graph.push("spikes", relay.into(), &[NodeId(0)]).unwrap();
    case.graph.push("op", Tcja { along_t: "wt".into(), along_c: "wc".into() }.into(), &[s]).unwrap();
    let x = case.rng.spikes(shape);
    (case, x)
}

/// `conv1d` of spikes along t that looks back only.
pub fn causal_conv1d(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [7, 4, 3, 3]);
    let (taps, groups) = (case.rng.size(1, 4), [1, shape.c][case.rng.size(0, 1)]);
    case.tensor("w", &[shape.c, shape.c / groups, taps], -1.0, 1.0);
    let padding = [taps - 1, 0];
    case.push(Conv1d { weight: "w".into(), bias: None, axis: Axis::T, padding, groups }).unwrap();
    let x = case.rng.spikes(shape);
    (case, x)
}

/// `stsc` of spikes.
pub fn stsc(seed: u64) -> Sample {
    let (mut case, shape) = start(seed, [9, 4, 3, 3]);
    let sizes = (case.rng.size(1, 3), 2 * case.rng.size(0, 2) + 1, 2 * case.rng.size(0, 1) + 1);
    with_stsc(case, shape, sizes)
}

/// `stsc` with the kernels of its authors, 5 and 3 taps, on inputs of this shape: its look-ahead is two steps.
pub fn streaming_stsc(seed: u64, shape: Shape) -> Sample {
    with_stsc(Case::new(seed, shape), shape, (2, 5, 3))
}

fn with_stsc(mut case: Case, shape: Shape, (hidden, taps, gate_taps): (usize, usize, usize)) -> Sample {
    let [temporal, gate0, gate0_bias, gate1] =
        ["temporal", "gate0", "gate0_bias", "gate1"].map(str::to_owned);
    case.tensor("temporal", &[shape.c, 1, taps], -1.0, 1.0);
    case.tensor("gate0", &[hidden, shape.c, gate_taps], -1.0, 1.0);
    case.tensor("gate0_bias", &[hidden], -1.0, 1.0);
    case.tensor("gate1", &[shape.c, hidden], -1.0, 1.0);
    case.push(Stsc { temporal, gate0, gate0_bias, gate1 }).unwrap();
    let x = case.rng.spikes(shape);
    (case, x)
}

/// The graph of a case with counts for its input and a neuron and a readout behind it, and `n` inputs of up to 3.
pub fn before_a_neuron((mut case, _): Sample, n: usize) -> (Graph, Vec<Vec<i64>>) {
    let Op::Input(input) = &mut case.graph.nodes[0].op else { panic!("the first node is the input") };
    input.kind = InputKind::Counts;
    let neuron = spiking(Form::Ssa, 1, 1.0).neuron;
    let last = case.graph.push("neuron", neuron.into(), &[case.graph.output]).unwrap();
    case.graph.push("readout", Readout { kind: ReadoutKind::Mean }.into(), &[last]).unwrap();
    let len = case.graph.nodes[0].ty.shape.len();
    let inputs = (0..n).map(|_| (0..len).map(|_| case.rng.size(0, 3) as i64).collect()).collect();
    (case.graph, inputs)
}

/// Adds a node with the `count` channels of the input from `first` on.
pub fn select(case: &mut Case, name: &str, first: usize, count: usize) {
    let channels = case.graph.node(NodeId(0)).ty.shape.c;
    let ones = (0..count * channels).map(|i| f32::from(u8::from(i % channels == first + i / channels)));
    case.graph.tensors.insert(name.to_owned(), Tensor::real(vec![count, channels, 1, 1], ones.collect()));
    case.graph.push(name, Conv2d::same(name, [1, 1]).into(), &[NodeId(0)]).unwrap();
}

/// Nodes 1 to `operands` of this shape, cut out of the channels of the input, and what `more` adds.
pub fn operands(shape: Shape, operands: usize, more: impl FnOnce(&mut Case)) -> Case {
    let mut case = Case::new(0, Shape { c: operands * shape.c, ..shape });
    for (i, name) in ["q", "k", "v"].into_iter().take(operands).enumerate() {
        select(&mut case, name, i * shape.c, shape.c);
    }
    more(&mut case);
    case
}

/// The op with the neuron of all published forms: tau 2 on the input too, hard reset to 0, fires at 0.5.
pub fn spiking(form: Form, heads: usize, scale: f64) -> SpikingAttention {
    let neuron = Neuron {
        leak: 0.5,
        input_gain: 0.5,
        input_bias: 0.0,
        threshold: 0.5,
        compare: Compare::AtLeast,
        reset: Reset::Value { value: 0.0 },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    };
    SpikingAttention { form, heads, scale, neuron }
}

fn family(seed: u64, form: Form, inputs: usize, scale: f64) -> Sample {
    let mut rng = Rng(seed);
    let (heads, d) = (rng.size(1, 3), rng.size(1, 4));
    let shape = Shape::new(rng.size(1, 5), heads * d, rng.size(1, 4), rng.size(1, 4));
    let mut case = operands(shape, inputs, |_| ());
    // Query, key and value are spikes of neurons without memory: the input's own, where it is of spikes.
    let relay = Neuron { leak: 0.0, input_gain: 1.0, ..spiking(form, heads, scale).neuron };
    let ids: Vec<NodeId> = (1..=inputs as u32)
        .map(|i| case.graph.push(&format!("spikes{i}"), relay.clone().into(), &[NodeId(i)]).unwrap())
        .collect();
    case.graph.push("op", spiking(form, heads, scale).into(), &ids).unwrap();
    let x = rng.spikes(case.graph.node(NodeId(0)).ty.shape);
    (case, x)
}

/// `spiking_attention` of spikes, product of three.
pub fn ssa(seed: u64) -> Sample {
    family(seed, Form::Ssa, 3, 0.125)
}

/// `spiking_attention` of spikes, channel mask from key and value.
pub fn sdsa(seed: u64) -> Sample {
    family(seed, Form::Sdsa, 3, 1.0)
}

/// `spiking_attention` of spikes, token mask from the query.
pub fn qk_token(seed: u64) -> Sample {
    family(seed, Form::QkToken, 2, 1.0)
}

/// `spiking_attention` of spikes, channel mask from the query.
pub fn qk_channel(seed: u64) -> Sample {
    family(seed, Form::QkChannel, 2, 1.0)
}
