//! Radix coding: trains of T bits compute exactly what a network of T-bit activations computes, in a time linear in T.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::{interpret, Arch, Graph, Level, NodeId, Op, Tensor, Value};
use pulvinar_models::dataset::Stills;
use pulvinar_models::encode;
use pulvinar_models::zoo::build::{find, Fill, Setting};
use pulvinar_simulator::{Machine, SimOptions};

/// LeNet-5 under trains of `bits` bits: its five layers take a window each.
fn network(bits: usize) -> (Graph, Stills) {
    let builder = find("radix-lenet-5").unwrap();
    let setting = Setting { timesteps: 5 * bits, ..builder.setting };
    let graph = (builder.build)(&setting, Fill::Random { seed: 5 }).unwrap();
    let pixels = (0..28 * 28).map(|i: usize| ((i * i * 31 + i * 7) % 97) as f32 / 96.0).collect();
    (graph, Stills { shape: [1, 28, 28], pixels, labels: None })
}

fn integers(bits: usize) -> (Graph, Value) {
    let (graph, image) = network(bits);
    let frames = encode::find(&format!("radix-{bits}")).unwrap().encode(&image, 5 * bits, 0).unwrap().frames;
    let lowered = lower(&graph, &Options::default()).unwrap();
    let real = frames.value(0, Level::Trained).unwrap();
    let ranges = Calibration::from_inputs(&lowered, &[real]).unwrap();
    let flow = quantise(&lowered, &Options::default(), Some(&ranges)).unwrap();
    (flow, frames.value(0, Level::Flow).unwrap())
}

/// The network of one step whose activations are whole numbers of `bits` bits: the same weights, every train a bias and a
/// rescaling with saturation. Gives the new node of every old one.
fn of_activations(flow: &Graph, bits: usize) -> (Graph, Vec<NodeId>) {
    let mut ann = Graph::new("activations", Level::Flow, 1);
    ann.tensors = flow.tensors.clone();
    let mut new: Vec<NodeId> = Vec::new();
    for node in &flow.nodes {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|i| new[i.index()]).collect();
        let biased = |ann: &mut Graph, bias: &Option<String>| {
            let c = node.ty.shape.c;
            let weight = ann.insert_tensor("ones", Tensor::int(vec![c, 1, 1, 1], vec![1; c], 2, vec![1.0]));
            let op = Conv2d { groups: c, bias: bias.clone(), ..Conv2d::same(&weight, [1, 1]) };
            ann.push(&format!("{}.biased", node.name), op.into(), &inputs).unwrap()
        };
        new.push(match &node.op {
            Op::Input(i) => {
                let op = Input { kind: InputKind::Counts, max: (1 << bits) - 1, ..i.clone() };
                ann.push(&node.name, op.into(), &[]).unwrap()
            }
            Op::RadixCode(code) => {
                let sum = biased(&mut ann, &code.bias);
                ann.push(&node.name, code.requantise().into(), &[sum]).unwrap()
            }
            Op::Accumulate(sum) => biased(&mut ann, &sum.bias),
            Op::Readout(_) => inputs[0],
            op => ann.push(&node.name, op.clone(), &inputs).unwrap(),
        });
    }
    (ann, new)
}

/// `Σ S[t] · 2^(W − 1 − k)` over window `w`.
fn decoded(train: &Value, w: usize, bits: usize) -> Vec<i64> {
    let n = train.shape.step_len();
    (0..n).map(|i| (0..bits).fold(0, |q, k| 2 * q + train.ints()[(w * bits + k) * n + i])).collect()
}

#[test]
fn trains_compute_what_activations_of_as_many_bits_compute() {
    for bits in 3..=6 {
        let (flow, input) = integers(bits);
        let values = interpret::run(&flow, &input).unwrap();
        let (ann, new) = of_activations(&flow, bits);
        let mut shape = input.shape;
        shape.t = 1;
        let activations = interpret::run(&ann, &Value::int(shape, decoded(&input, 0, bits))).unwrap();
        let mut layers = 0;
        for id in flow.ids().filter(|&id| matches!(flow.node(id).op, Op::RadixCode(_))) {
            layers += 1;
            let want = activations[new[id.index()].index()].ints();
            assert_eq!(decoded(&values[id.index()], layers, bits), want, "{bits} bits, layer {layers}");
            let full = want.iter().filter(|&&q| q > 0).count();
            assert!(full * 10 > want.len(), "layer {layers}: {full} of {} are not 0", want.len());
        }
        assert_eq!(layers, 4);
        let answer = &values[flow.output.index()];
        assert_eq!(answer.ints(), activations[new[flow.output.index()].index()].ints(), "{bits} bits");
        assert!(answer.ints().iter().any(|&v| v != 0));
    }
}

/// Simulated latency in cycles by bits; the values are those of the reference.
#[test]
fn latency_is_linear_in_the_bits() {
    let cycles: Vec<f64> = (3..=6)
        .map(|bits| {
            let (flow, input) = integers(bits);
            let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
            let run = Machine::new(&program).unwrap().simulate(&input, &SimOptions::default()).unwrap();
            assert_eq!(run.output, interpret::output(&flow, &input).unwrap(), "{bits} bits");
            println!("{bits} bits: {} cycles", run.counts.cycles);
            run.counts.cycles as f64
        })
        .collect();
    let slope = (cycles[3] - cycles[0]) / 3.0;
    for (i, &c) in cycles.iter().enumerate() {
        let line = cycles[0] + slope * i as f64;
        assert!((c - line).abs() < 0.1 * line, "{} bits: {c} cycles, {line} on the line", i + 3);
    }
    assert!(slope > 0.1 * cycles[0]);
}
