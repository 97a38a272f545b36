//! Attention modules that the machine takes: the simulator's spikes are those of the integer reference.
#![allow(clippy::unwrap_used)] // helpers of tests

#[path = "../../compiler/ir/tests/attention/cases.rs"]
mod cases;
#[path = "../../compiler/ir/tests/attention/support.rs"]
mod support;

use cases::{Module, MODULES};
use pulvinar_compiler::map::{map, MapOptions};
use pulvinar_compiler::{lower, quantise, Calibration, Options};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::op::tcja::Tcja;
use pulvinar_ir::{interpret, Activity, Arch, Graph, NodeId, Op, Shape, Stage, Strategy, Value};
use pulvinar_simulator::{EngineKind, Machine, SimOptions};

/// A module behind an input of counts, with a neuron and a readout behind it: reals, integers, and an input of both.
struct Sample {
    graph: Graph,
    lowered: Graph,
    flow: Graph,
    reals: Value,
    input: Value,
}

impl Sample {
    fn new(module: &Module, seed: u64) -> Self {
        let (graph, mut inputs) = cases::before_a_neuron((module.make)(seed), 1);
        Sample::with(&graph, inputs.remove(0), &Options::default())
    }

    /// The same frame in every step.
    fn still(&self, direct: bool) -> Self {
        let shape = self.input.shape;
        let counts = self.input.ints()[..shape.step_len()].repeat(shape.t);
        Sample::with(&self.graph, counts, &Options { direct, ..Options::default() })
    }

    fn with(graph: &Graph, counts: Vec<i64>, options: &Options) -> Self {
        let shape = graph.nodes[0].ty.shape;
        let reals = Value::real(shape, counts.iter().map(|&v| v as f64).collect());
        let lowered = lower(graph, options).unwrap();
        let ranges = Calibration::from_inputs(&lowered, std::slice::from_ref(&reals)).unwrap();
        let flow = quantise(&lowered, options, Some(&ranges)).unwrap();
        Sample { graph: graph.clone(), lowered, flow, reals, input: Value::int(shape, counts) }
    }
}

#[test]
fn simulated_modules_equal_the_integer_reference() {
    let mut spikes = 0.0;
    for module in MODULES.iter().filter(|m| m.refusal.is_none()) {
        for seed in 0..20 {
            let Sample { flow, input, .. } = Sample::new(module, seed);
            let expected = interpret::run(&flow, &input).unwrap();
            let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
            let machine = Machine::new(&program).unwrap();
            for engine in [EngineKind::Fast, EngineKind::Plain] {
                let options = SimOptions { engine, values: true, ..SimOptions::default() };
                let run = machine.simulate(&input, &options).unwrap();
                assert_eq!(run.output, expected[flow.output.index()], "{}, seed {seed}", module.name);
                for (stage, value) in program.stages.iter().zip(&run.values) {
                    let what = format!("{}, seed {seed}, {}", module.name, stage.name);
                    assert_eq!(value, &expected[stage.output.index()], "{what}");
                }
            }
            spikes += expected[flow.output.index()].ints().iter().sum::<i64>() as f64;
        }
    }
    assert!(spikes > 100.0, "{spikes} spikes in all");
}

/// `tcja` where its authors put it: on spikes, before a pool and the next layer.
fn tcja_before_a_pool(seed: u64) -> cases::Sample {
    let (mut case, x) = cases::tcja(seed);
    let (gated, shape) = (case.graph.output, case.graph.node(case.graph.output).ty.shape);
    let kernel = [shape.h.min(2), shape.w.min(2)];
    let pool = MaxPool { kernel, stride: kernel, padding: [0; 4] };
    let pooled = case.graph.push("pool", pool.into(), &[gated]).unwrap();
    case.tensor("conv", &[3, shape.c, 3, 3], -0.5, 1.0);
    case.graph.push("conv", Conv2d::same("conv", [3, 3]).into(), &[pooled]).unwrap();
    (case, x)
}

#[test]
fn values_that_leave_the_engine_do_not_depend_on_the_strategy() {
    let pooled = Module { name: "tcja, pool", make: tcja_before_a_pool, spikes: false, refusal: None };
    let named = |m: &&Module| ["tcja", "stsc", "ssa", "conv1d"].contains(&m.name);
    for module in MODULES.iter().filter(named).chain([&pooled]) {
        let mut spikes = 0;
        for seed in 0..6 {
            let Sample { flow, input, .. } = Sample::new(module, seed);
            let expected = interpret::output(&flow, &input).unwrap();
            spikes += expected.ints().iter().sum::<i64>();
            let default = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
            let waiting = default.stages.iter().filter(|s| s.is_multipass()).map(|s| s.name.clone());
            let waiting: Vec<String> = waiting.collect();
            assert!(!waiting.is_empty(), "{}, seed {seed}", module.name);
            for strategy in [Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute] {
                let strategies = waiting.iter().map(|name| (name.clone(), strategy)).collect();
                let options = MapOptions { strategies, ..MapOptions::default() };
                let program = map(&flow, &Arch::default_chip(), &options).unwrap().program;
                let run = Machine::new(&program).unwrap().simulate(&input, &SimOptions::default()).unwrap();
                assert_eq!(run.output, expected, "{}, seed {seed}, {}", module.name, strategy.name());
            }
        }
        assert!(spikes > 0, "{}", module.name);
    }
}

/// Gates of 8 bits with weights of 8 and statistics of 12. The look-up of 256 entries over -8..8 alone is off by up to
/// 1/128 + 1/512. `step_attention` is left out: it gates its input, which is whole counts here, before it takes the statistics of
/// its second gate.
#[test]
fn gates_are_near_those_in_reals() {
    for module in MODULES.iter().filter(|m| m.refusal.is_none() && m.name != "step_attention") {
        let (mut most, mut sum, mut count) = (0.0f64, 0.0, 0);
        for seed in 0..20 {
            let Sample { lowered, flow, reals, input, .. } = Sample::new(module, seed);
            let want = interpret::run(&lowered, &reals).unwrap();
            let got = interpret::run(&flow, &input).unwrap();
            for (node, want) in lowered.nodes.iter().zip(&want) {
                let Op::Sigmoid(_) = node.op else { continue };
                let id = flow.find(&node.name).unwrap();
                let unit = flow.ty(id).unwrap().as_int(&node.name).unwrap().scale_of(0);
                for (w, &g) in want.reals().iter().zip(got[id.index()].ints()) {
                    let error = (w - g as f64 * unit).abs();
                    (most, sum, count) = (most.max(error), sum + error, count + 1);
                }
            }
        }
        println!(
            "{}: {count} gates, error {most:.4} at most, {:.4} in the mean",
            module.name,
            sum / f64::from(count.max(1))
        );
        assert!(most < 0.07 && sum <= 0.005 * f64::from(count), "{}: {most}", module.name);
    }
}

/// Under direct coding the spatial-channel convolutions of `gac` work in the first step only, and nothing else changes.
#[test]
fn direct_coding_makes_the_gate_once() {
    let module = MODULES.iter().find(|m| m.name == "gac").unwrap();
    let mut hoisted = 0;
    for seed in 0..20 {
        let sample = Sample::new(module, seed);
        let [each, once] = [false, true].map(|direct| sample.still(direct));
        let steps = sample.input.shape.t as u64;
        let work = |sample: &Sample| {
            let expected = interpret::run(&sample.flow, &sample.input).unwrap();
            let program = map(&sample.flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
            let machine = Machine::new(&program).unwrap();
            for engine in [EngineKind::Fast, EngineKind::Plain] {
                let options = SimOptions { engine, values: true, ..SimOptions::default() };
                let run = machine.simulate(&sample.input, &options).unwrap();
                for (stage, value) in program.stages.iter().zip(&run.values) {
                    assert_eq!(value, &expected[stage.output.index()], "seed {seed}, {}", stage.name);
                }
            }
            let counts = machine.simulate(&sample.input, &SimOptions::default()).unwrap().counts;
            let spatial = |stage: &&Stage| {
                let synapses = stage.synapses.iter().map(|y| &program.graph.node(y.node).name);
                synapses.into_iter().any(|name| name.contains("sca.conv"))
            };
            let worked = |stage: &Stage| -> u64 {
                let rows = counts.rows.iter().filter(|((name, _), _)| *name == stage.name);
                rows.map(|(_, row)| row.get(Activity::SynMac) + row.get(Activity::SynAdd)).sum()
            };
            let spatial: Vec<&Stage> = program.stages.iter().filter(spatial).collect();
            assert_eq!(spatial.len(), 2, "seed {seed}: both convolutions are layers");
            let spatial: u64 = spatial.into_iter().map(worked).sum();
            (expected[sample.flow.output.index()].clone(), spatial)
        };
        let ((before, all), (after, first)) = (work(&each), work(&once));
        assert_eq!(before, after, "seed {seed}");
        assert_eq!(all, steps * first, "seed {seed}: synapses worked on, {steps} steps");
        hoisted += usize::from(first > 0 && steps > 1);
    }
    assert!(hoisted > 10, "{hoisted} of 20 samples have a gate and several steps");
}

/// conv → spikes → `tcja` → 3 × 3 convolution: the graph of a seed.
fn spikes_gated_before_a_layer(seed: u64) -> cases::Sample {
    let shape = Shape::new(5, 4, 4, 5);
    let mut case = support::Case::new(seed, shape);
    case.tensor("first", &[4, 4, 3, 3], -0.5, 1.0);
    let first = case.graph.push("first", Conv2d::same("first", [3, 3]).into(), &[NodeId(0)]).unwrap();
    let neuron = cases::spiking(Form::Ssa, 1, 1.0).neuron;
    let spikes = case.graph.push("spikes", neuron.into(), &[first]).unwrap();
    case.tensor("along_t", &[4, 4, 2], -1.0, 1.0);
    case.tensor("along_c", &[5, 5, 2], -1.0, 1.0);
    let tcja = Tcja { along_t: "along_t".to_owned(), along_c: "along_c".to_owned() };
    let gated = case.graph.push("tcja", tcja.into(), &[spikes]).unwrap();
    case.tensor("next", &[3, 4, 3, 3], -0.5, 1.0);
    case.graph.push("next", Conv2d::same("next", [3, 3]).into(), &[gated]).unwrap();
    (case, Vec::new())
}

/// TCJA's gate g of a channel and step is folded into the next synapse: Σ w · (g · s) in integers without a rounding between,
/// since s is a bit. The layer of the gate selects and multiplies nothing; the next one multiplies once a spike and synapse.
#[test]
fn a_gate_of_spikes_is_multiplied_by_the_next_synapse_alone() {
    let module =
        Module { name: "tcja, conv", make: spikes_gated_before_a_layer, spikes: false, refusal: None };
    let mut macs = 0;
    for seed in 0..4 {
        let Sample { flow, input, .. } = Sample::new(&module, seed);
        let values = interpret::run(&flow, &input).unwrap();
        let value = |name: &str| &values[flow.find(name).unwrap().index()];
        let (spikes, gates, sums) = (value("spikes"), value("tcja.gate"), value("next"));
        let weights = flow.tensors["next"].as_int().unwrap();
        let (shape, mut want, mut synapses) = (spikes.shape, vec![0; sums.shape.len()], 0);
        for (t, c, h, w) in shape.coords().filter(|&(t, c, h, w)| spikes.ints()[shape.index(t, c, h, w)] == 1)
        {
            let gate = gates.ints()[gates.shape.index(t, c, 0, 0)];
            for (o, ky, kx) in (0..27).map(|i| (i / 9, i / 3 % 3, i % 3)) {
                let (y, x) = (h + 1, w + 1);
                let inside = (ky..shape.h + ky).contains(&y) && (kx..shape.w + kx).contains(&x);
                if inside {
                    let weight = i64::from(weights[((o * 4 + c) * 3 + ky) * 3 + kx]);
                    want[sums.shape.index(t, o, y - ky, x - kx)] += weight * gate;
                    synapses += u64::from(gate > 0);
                }
            }
        }
        assert_eq!(sums.ints(), want, "seed {seed}: the sums are of weight times gate");
        let program = map(&flow, &Arch::default_chip(), &MapOptions::default()).unwrap().program;
        let run = Machine::new(&program).unwrap().simulate(&input, &SimOptions::default()).unwrap();
        assert_eq!(run.output, values[flow.output.index()], "seed {seed}");
        let count = |layer: &str, activity| -> u64 {
            let rows = run.counts.rows.iter().filter(|((name, _), _)| name == layer);
            rows.map(|(_, row)| row.get(activity)).sum()
        };
        assert!(program.stages.iter().any(|s| s.name == "tcja" && s.is_multipass()), "seed {seed}");
        assert_eq!(count("tcja", Activity::GateMul) + count("tcja", Activity::GateProduct), 0, "seed {seed}");
        assert_eq!(count("neuron", Activity::SynMac), synapses, "seed {seed}");
        macs += synapses;
    }
    assert!(macs > 1000, "{macs} multiplications in all");
}
