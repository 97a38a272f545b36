//! The quantiser against the float model, and its proven ranges against the worst inputs.
#![allow(clippy::unwrap_used, clippy::float_cmp)] // helpers of tests; spikes are 0.0 or 1.0 exactly

mod passes_common;

use passes_common::{build, inputs, observed, real, tiny, ConvSpec, NetSpec};
use pulvinar_compiler::{lower, quantise, Calibration, LayerOptions, Options};
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::{interpret, Graph, Level, Op, Shape, Tensor, Value};

fn conv(gates: u8, pool: u8, neuron: u8) -> ConvSpec {
    ConvSpec {
        channels: 3,
        kernel: 3,
        padding: 1,
        stride: 1,
        norm: 1,
        norm_late: false,
        pool,
        own_gate: 0,
        gates,
        relu: gates != 0,
        residual: false,
        neuron,
    }
}

fn specs() -> Vec<NetSpec> {
    (0..24u8)
        .map(|i| NetSpec {
            seed: u64::from(i) * 7919 + 1,
            timesteps: 4,
            size: 8,
            counts: i % 3 == 0,
            convs: vec![conv(i % 8, i % 4, i % 6), conv((i / 3) % 8, (i + 1) % 4, (i / 2) % 6)],
            norm: true,
            attention: i % 2 == 0,
            recurrent: i % 5 == 0,
            neuron: (i / 4) % 6,
        })
        .collect()
}

fn compile(trained: &Graph, samples: &[Value], options: &Options) -> Graph {
    let lowered = lower(trained, options).unwrap();
    let calibration = Calibration::from_inputs(&lowered, samples).unwrap();
    quantise(&lowered, options, Some(&calibration)).unwrap()
}

/// Spikes that differ and neuron steps, of the float and the integer model.
fn flips(options: &Options) -> (usize, usize) {
    let (mut wrong, mut all) = (0, 0);
    for spec in specs() {
        let trained = build(&spec);
        let samples = inputs(&spec, 4);
        let flow = compile(&trained, &samples, options);
        for input in &samples {
            for (a, b) in observed(&trained, &real(input)).iter().zip(&observed(&flow, input)) {
                assert_eq!(a.0, b.0);
                if a.0 != "readout" {
                    wrong += a.2.reals().iter().zip(b.2.ints()).filter(|(x, y)| **x != **y as f64).count();
                    all += a.2.shape.len();
                }
            }
        }
    }
    (wrong, all)
}

fn fine() -> Options {
    Options {
        weight_bits: 16,
        attention_weight_bits: 16,
        gate_bits: 16,
        gate_product_bits: 16,
        stat_bits: 16,
        current_fraction_bits: 4,
        table_entries: 65536,
        table_range: 12.0,
        leak_bits: 16,
        ..Options::default()
    }
}

#[test]
fn sixteen_bits_reproduce_the_float_spikes() {
    let (wrong, all) = flips(&fine());
    assert!(all > 40_000, "{all} neuron steps is too few to say anything");
    println!("16 bits: {wrong} of {all}");
    assert!(wrong * 1000 <= all, "{wrong} of {all} spikes differ");
}

#[test]
fn fewer_bits_cost_more_flips() {
    let at = |weight_bits| flips(&Options { weight_bits, ..Options::default() });
    let ((eight, all), (three, _)) = (at(8), at(3));
    println!("8 bits: {eight}, 3 bits: {three} of {all}");
    assert!(eight * 50 <= all, "{eight} of {all} spikes differ at 8 bits");
    assert!(three > eight, "3 bits flip {three} and 8 bits {eight}");
}

/// The largest sum of output channel `o` at an interior place: every input that helps is at its largest.
fn drive(graph: &Graph, weights: &[i32], shape: &[usize], o: usize, max: i64, worst: bool) -> Value {
    let input = graph.node(graph.input().unwrap());
    let s = input.ty.shape;
    let (kh, kw) = (shape[2], shape[3]);
    let mut x = vec![0; s.len()];
    for t in 0..s.t {
        for i in 0..shape[1] {
            for ky in 0..kh {
                for kx in 0..kw {
                    let w = weights[((o * shape[1] + i) * kh + ky) * kw + kx];
                    if (w > 0) == worst && w != 0 {
                        x[s.index(t, i, ky, kx)] = max;
                    }
                }
            }
        }
    }
    Value::int(s, x)
}

#[test]
fn worst_inputs_reach_the_proven_accumulator_bounds() {
    for (counts, norm, neuron) in [(false, 0, 2), (true, 1, 0), (true, 2, 4)] {
        let layer = ConvSpec { padding: 0, norm, ..conv(if norm == 1 { 7 } else { 0 }, 0, neuron) };
        let spec = NetSpec { counts, convs: vec![layer], ..tiny() };
        let trained = build(&spec);
        let flow = compile(&trained, &inputs(&spec, 4), &Options::default());
        let id = flow.find("conv0").unwrap();
        let Op::Conv2d(c) = &flow.node(id).op else { panic!("conv0 is a convolution") };
        let (tensor, int) = (&flow.tensors[&c.weight], flow.node(id).ty.as_int("").unwrap());
        let max = flow.node(flow.input().unwrap()).ty.as_int("").unwrap().hi;
        let (mut lowest, mut highest) = (i64::MAX, i64::MIN);
        for o in 0..tensor.shape[0] {
            for worst in [true, false] {
                let input = drive(&flow, tensor.as_int().unwrap(), &tensor.shape, o, max, worst);
                for (node, value) in flow.nodes.iter().zip(interpret::run(&flow, &input).unwrap()) {
                    let int = node.ty.as_int("").unwrap();
                    assert!(
                        value.ints().iter().all(|v| (int.lo..=int.hi).contains(v)),
                        "{} leaves its range",
                        node.name
                    );
                    if node.name == "conv0" {
                        lowest = value.ints().iter().fold(lowest, |a, &v| a.min(v));
                        highest = value.ints().iter().fold(highest, |a, &v| a.max(v));
                    }
                }
            }
        }
        assert_eq!(
            (lowest, highest),
            (int.lo, int.hi),
            "counts {counts}, norm {norm}: bounds of conv0 are attained"
        );
    }
}

#[test]
fn biases_move_into_neurons_and_scales_are_per_channel_without_attention() {
    let spec = NetSpec { convs: vec![conv(0, 1, 0)], attention: false, ..tiny() };
    let flow = compile(&build(&spec), &inputs(&spec, 2), &Options::default());
    for (layer, neuron) in [("conv0", "neuron0"), ("fc", "fc_neuron")] {
        let bias = match &flow.node(flow.find(layer).unwrap()).op {
            Op::Conv2d(c) => c.bias.clone(),
            Op::Linear(l) => l.bias.clone(),
            _ => None,
        };
        let Op::Lif(lif) = &flow.node(flow.find(neuron).unwrap()).op else { panic!("{neuron} is a neuron") };
        assert!(bias.is_none() && lif.bias.is_some(), "{layer}");
        let channels = flow.node(flow.find(layer).unwrap()).ty.shape.c;
        assert_eq!(flow.tensors[&lif.threshold].len(), channels, "{neuron}");
    }
}

#[test]
fn layers_that_meet_share_one_accumulator_scale() {
    let layer = ConvSpec { residual: true, ..conv(0, 0, 0) };
    let spec = NetSpec { convs: vec![layer], ..tiny() };
    let flow = compile(&build(&spec), &inputs(&spec, 2), &Options::default());
    let add = flow.node(flow.find("add0").unwrap());
    let names: Vec<&str> = add.inputs.iter().map(|&i| flow.node(i).op.name()).collect();
    assert_eq!(names, ["conv2d", "conv2d"], "no requantiser between the layers and their sum");
}

#[test]
fn ties_at_the_threshold_fall_as_the_comparison_says() {
    let shape = Shape::new(3, 1, 1, 1);
    for (compare, fires) in [(Compare::AtLeast, 1), (Compare::Above, 0)] {
        let mut g = Graph::new("tie", Level::Trained, 3);
        g.tensors.insert("w".to_owned(), Tensor::real(vec![1, 1], vec![1.0]));
        let x =
            g.push("input", Input { shape: [1, 1, 1], kind: InputKind::Binary, max: 0 }.into(), &[]).unwrap();
        let y = g.push("fc", Linear { weight: "w".to_owned(), bias: None }.into(), &[x]).unwrap();
        let neuron = Neuron {
            leak: 0.0,
            input_gain: 1.0,
            input_bias: 0.0,
            threshold: 1.0,
            compare,
            reset: Reset::None,
            reset_timing: ResetTiming::SameStep,
            initial: 0.0,
            clamp_min: None,
            ..Neuron::default()
        };
        g.push("neuron", neuron.into(), &[y]).unwrap();
        let input = Value::int(shape, vec![1, 0, 1]);
        let flow = compile(&g, std::slice::from_ref(&input), &Options::default());
        let float = interpret::output(&g, &real(&input)).unwrap();
        assert_eq!(float.reals(), [f64::from(fires), 0.0, f64::from(fires)]);
        assert_eq!(interpret::output(&flow, &input).unwrap().ints(), [i64::from(fires), 0, i64::from(fires)]);
    }
}

#[test]
fn gates_keep_the_unit_but_for_the_fraction_bits_asked_for() {
    let spec = tiny();
    let scale = |current_fraction_bits: u32, name: &str| {
        let flow = compile(
            &build(&spec),
            &inputs(&spec, 2),
            &Options { current_fraction_bits, ..Options::default() },
        );
        flow.node(flow.find(name).unwrap()).ty.as_int("").unwrap().single_scale("").unwrap()
    };
    let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-9, "{a} and {b}");
    close(scale(0, "att0"), scale(0, "conv0"));
    close(scale(3, "att0.c"), scale(3, "conv0") / 8.0);
    close(scale(3, "att0"), scale(3, "conv0") / 8.0);
}

#[test]
fn exceptions_hold_for_the_named_layer_only() {
    let spec = tiny();
    let layers = [("fc".to_owned(), LayerOptions { weight_bits: Some(4), ..LayerOptions::default() })].into();
    let flow = compile(&build(&spec), &inputs(&spec, 2), &Options { layers, ..Options::default() });
    let bits = |name: &str| match &flow.node(flow.find(name).unwrap()).op {
        Op::Conv2d(c) => flow.tensors[&c.weight].bits(),
        Op::Linear(l) => flow.tensors[&l.weight].bits(),
        _ => 0,
    };
    assert_eq!((bits("conv0"), bits("fc")), (8, 4));
}

#[test]
fn faults_are_refused_with_a_remedy() {
    let spec = tiny();
    let trained = build(&spec);
    let named =
        Options { layers: [("nowhere".to_owned(), LayerOptions::default())].into(), ..Options::default() };
    let wide = Options { weight_bits: 17, ..Options::default() };
    let mut real_input = trained.clone();
    let Op::Input(input) = &mut real_input.nodes[0].op else { panic!("the first node is the input") };
    input.kind = InputKind::Real;
    let run = |g: &Graph, o: &Options| pulvinar_compiler::run_pipeline(g, o, None, |_, _| ()).unwrap_err();
    let faults = [run(&trained, &named), run(&trained, &wide), run(&real_input, &Options::default())];
    assert_eq!(faults.each_ref().map(|d| d.code), ["E0308", "E0308", "E0304"]);
    assert!(faults.iter().all(|d| !d.help.is_empty() && !d.place.is_empty()));
    assert_eq!(Calibration::from_inputs(&trained, &[]).unwrap_err().code, "E0309");
}
