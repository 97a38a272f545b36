//! Random cases of modules: a graph whose last node is the module, and an input of it. Used by the compiler's tests too.

#![allow(dead_code)] // no user needs all of it

use crate::support::{Case, Rng};
use pulvinar_ir::op::ma_neuron::MaNeuron;
use pulvinar_ir::op::step_attention::StepAttention;
use pulvinar_ir::op::ta_snn::TaSnn;
use pulvinar_ir::Shape;

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
    /// Code of the quantiser's refusal, if it has no integer form yet.
    pub refusal: Option<&'static str>,
}

/// Every module here.
pub const MODULES: &[Module] = &[
    Module { name: "step_attention", make: step_attention, spikes: false, refusal: None },
    Module { name: "ma_neuron", make: ma_neuron, spikes: true, refusal: Some("E0305") },
    Module { name: "ta_snn", make: ta_snn, spikes: false, refusal: None },
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
