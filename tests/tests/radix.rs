//! Radix coding: trains of T bits compute exactly what a network of T-bit activations computes, in a time linear in T.
#![allow(clippy::unwrap_used)] // helpers of tests

use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::neuron::{Neuron, Reset};
use pulvinar_ir::{interpret, Activity, Arch, Counts, Graph, Level, NodeId, Op, Tensor, Value};
use pulvinar_models::dataset::Stills;
use pulvinar_models::encode;
use pulvinar_models::zoo::build::{find, Fill, Setting};
use pulvinar_reports::energy::{EnergyReport, PriceList, Widths};
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
    quantised(&graph, &image, &format!("radix-{bits}"))
}

/// The network in integers and its input by an encoder.
fn quantised(graph: &Graph, image: &Stills, encoder: &str) -> (Graph, Value) {
    let frames = encode::find(encoder).unwrap().encode(image, graph.timesteps, 0).unwrap().frames;
    let lowered = lower(graph, &Options::default()).unwrap();
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

/// Counts of the simulated run on the default chip; the values are those of the reference.
fn simulate(flow: &Graph, input: &Value) -> Counts {
    let program = map(flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
    let run = Machine::new(&program).unwrap().simulate(input, &SimOptions::default()).unwrap();
    assert_eq!(run.output, interpret::output(flow, input).unwrap());
    run.counts
}

#[test]
fn latency_is_linear_in_the_bits() {
    let cycles: Vec<f64> = (3..=6)
        .map(|bits| {
            let (flow, input) = integers(bits);
            let cycles = simulate(&flow, &input).cycles;
            println!("{bits} bits: {cycles} cycles");
            cycles as f64
        })
        .collect();
    let slope = (cycles[3] - cycles[0]) / 3.0;
    for (i, &c) in cycles.iter().enumerate() {
        let line = cycles[0] + slope * i as f64;
        assert!((c - line).abs() < 0.1 * line, "{} bits: {c} cycles, {line} on the line", i + 3);
    }
    assert!(slope > 0.1 * cycles[0]);
}

/// The same weights under a rate code: every train of W bits becomes up to 2^W − 1 spikes of a neuron with reset by
/// subtraction, and the sum of trains a sum of spikes.
fn by_rate(radix: &Graph, bits: usize) -> Graph {
    let steps = (1 << bits) - 1;
    let mut rate = Graph::new("rate", Level::Trained, steps);
    rate.tensors = radix.tensors.clone();
    for node in &radix.nodes {
        let op = match &node.op {
            Op::Radix(r) => {
                Neuron { threshold: r.step, reset: Reset::Subtract { value: r.step }, ..Neuron::default() }
                    .into()
            }
            Op::Accumulate(a) => {
                Accumulate { kind: AccumulateKind::Sum, window: steps, bias: a.bias.clone() }.into()
            }
            op => op.clone(),
        };
        rate.push(&node.name, op, &node.inputs).unwrap();
    }
    rate
}

/// The same network on the same chip by trains of W bits and by rates of 2^W − 1 steps: spikes drop, and so does energy.
#[test]
fn trains_need_fewer_synaptic_operations_than_rates() {
    let arch = Arch::default_chip();
    let prices = PriceList::new(&arch, &Widths::default()).unwrap();
    let mut ratios = Vec::new();
    for bits in 3..=6 {
        let (graph, image) = network(bits);
        let rate = by_rate(&graph, bits);
        let costs = [quantised(&graph, &image, &format!("radix-{bits}")), quantised(&rate, &image, "rate")]
            .map(|(flow, input)| {
                let counts = simulate(&flow, &input);
                let energy = EnergyReport::new(&counts, &prices).total_aj as f64 / 1e12;
                let operations = counts.total(Activity::SynAdd) + counts.total(Activity::SynMac);
                (flow.timesteps, counts.cycles, operations, energy)
            });
        for ((steps, cycles, operations, energy), code) in costs.iter().zip(["radix", "rate"]) {
            println!("{bits} bits, {code}: {steps} steps, {cycles} cycles, {operations} operations, {energy:.3} uJ");
        }
        ratios.push(costs[1].2 as f64 / costs[0].2 as f64);
    }
    assert!(ratios.windows(2).all(|r| r[1] > r[0]), "the gain grows with the bits: {ratios:?}");
    assert!(ratios[3] > 2.0, "{ratios:?}");
}
