//! A made-up but plausible run: three convolutions with attention and two linear layers on the default chip.

use pulvinar_ir::arch::Arch;
use pulvinar_ir::counts::{Activity as A, Counts, Row};
use pulvinar_ir::graph::{Graph, Level, NodeId};
use pulvinar_ir::op::Op;
use pulvinar_ir::program::{Pass, Phase, Program, Slice, Stage, StageId, Strategy, Synapse};
use pulvinar_ir::shape::{IntType, Shape, Type};
use pulvinar_reports::energy::break_even::verdicts;
use pulvinar_reports::energy::estimators::Took;
use pulvinar_reports::energy::workload::{Geometry, Layer, LayerKind, ModuleCost, Operand, Population, Role};
use pulvinar_reports::energy::{
    AreaReport, EnergyReport, EstimatorInput, PriceList, Widths, Workload, ESTIMATORS,
};
use pulvinar_reports::report::{BitsRow, LinkFlits, Span, SpikeDot, StrategyFigures, Summary, Term};
use pulvinar_reports::{InputFacts, Report, RunFacts};

pub const STEPS: u64 = 20;
pub const INPUTS: u64 = 4;

/// (name, channels, rows, columns, passes, strategy, rate, fan-out of an input event, first core, cores)
type Spec = (&'static str, [usize; 3], usize, Strategy, f64, u64, u32, u32);

pub const LAYERS: [Spec; 5] = [
    ("conv1", [16, 32, 32], 3, Strategy::SpillSram, 0.061, 144, 0, 4),
    ("conv2", [32, 16, 16], 3, Strategy::Recompute, 0.038, 288, 4, 4),
    ("conv3", [64, 8, 8], 2, Strategy::SpillSram, 0.027, 576, 8, 2),
    ("fc1", [256, 1, 1], 1, Strategy::Direct, 0.094, 256, 10, 2),
    ("fc2 <classes>", [11, 1, 1], 1, Strategy::Direct, 0.11, 11, 12, 1),
];

/// A number in 0..1 from a place (splitmix64).
pub fn unit(seed: u64, index: u64) -> f64 {
    let mut z =
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index.wrapping_mul(0xBF58_476D_1CE4_E5B9));
    z = (z ^ (z >> 30)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) as f64 / u64::MAX as f64
}

fn op(name: &str, attrs: &str) -> Op {
    Op::from_parts(name, serde_json::from_str(attrs).unwrap()).unwrap()
}

pub fn program() -> Program {
    let mut graph = Graph::new("ma-snn-gesture", Level::Flow, STEPS as usize);
    graph.assumptions.push("batch norm uses running statistics".to_owned());
    let ty =
        |c: [usize; 3], hi| Type::int(IntType::new(0, hi, 1.0), Shape::new(STEPS as usize, c[0], c[1], c[2]));
    let mut source = graph.push_typed(
        "input",
        op("input", r#"{"shape":[2,64,64],"kind":"counts","max":3}"#),
        &[],
        ty([2, 64, 64], 3),
    );
    let mut stages = Vec::new();
    let mut slices = Vec::new();
    for (i, (name, shape, passes, strategy, _, _, core, cores)) in LAYERS.iter().enumerate() {
        let synapse_op = if shape[1] > 1 {
            op(
                "conv2d",
                r#"{"weight":"w","bias":null,"stride":[1,1],"padding":[1,1,1,1],"dilation":[1,1],"groups":1}"#,
            )
        } else {
            op("linear", r#"{"weight":"w","bias":null}"#)
        };
        let node = graph.push_typed(&format!("{name}.synapse"), synapse_op, &[source], ty(*shape, 1000));
        let neuron = op(
            "lif",
            r#"{"leak":1,"leak_shift":0,"input_shift":0,"bias":null,"threshold":"v","reset":"value","reset_value":null,
                "reset_timing":"same_step","initial":null,"clamp_min":null}"#,
        );
        let output = graph.push_typed(name, neuron, &[node], ty(*shape, 1));
        stages.push(stage(name, node, source, output, *passes, *strategy));
        slices.extend((0..*cores).map(|k| Slice {
            stage: StageId(i as u32),
            core: core + k,
            channels: [0, shape[0] as u32],
            rows: [0, shape[1] as u32],
            home: k == 0,
        }));
        source = output;
    }
    Program { graph, arch: Arch::default_chip(), stages, phases: vec![Phase { slices, streams: Vec::new() }] }
}

fn stage(
    name: &str,
    node: NodeId,
    source: NodeId,
    output: NodeId,
    passes: usize,
    strategy: Strategy,
) -> Stage {
    let pass = Pass { elementwise: vec![output], gates: Vec::new(), taps: Vec::new(), program: Vec::new() };
    Stage {
        name: name.to_owned(),
        synapses: vec![Synapse { node, source, delayed: false }],
        accumulator: node,
        accumulator_bits: 20,
        state_bits: 22,
        passes: vec![pass; passes],
        strategy,
        output,
    }
}

pub fn counts() -> Counts {
    let mut counts = Counts { cycles: cycles().iter().sum(), ..Counts::default() };
    let mut arriving = 300.0;
    for (i, (name, shape, passes, strategy, rate, fan, _, _)) in LAYERS.iter().enumerate() {
        let neurons = shape.iter().product::<usize>() as f64;
        let mut mean = 0.0;
        for t in 0..STEPS {
            let wave = 1.0 + 0.5 * (t as f64 / 3.0 + i as f64).sin() + 0.2 * unit(i as u64, t);
            let spikes = (neurons * rate * wave * INPUTS as f64).round() as u64;
            mean += spikes as f64 / STEPS as f64 / INPUTS as f64;
            let events = (arriving * wave) as u64 * INPUTS;
            let row = counts.row(name, t as u32);
            synapses(row, events, *fan);
            sweeps(row, neurons as u64 * INPUTS, *passes as u64, *strategy, events);
            row.add(A::Spike, spikes);
            row.add(A::EventPack, spikes);
            row.add(A::FlitInject, spikes.div_ceil(3));
        }
        arriving = mean;
    }
    let flits: u64 = link_flits().iter().filter(|l| l.port < 4).map(|l| l.flits).sum();
    let noc = counts.row("noc", 0);
    for a in [A::BufferWrite, A::BufferRead, A::Crossbar, A::Arbitration] {
        noc.add(a, flits * 3 / 2);
    }
    noc.add(A::LinkFlit, flits);
    noc.add(A::FlitEject, flits / 2);
    counts
}

fn synapses(row: &mut Row, events: u64, fan: u64) {
    let beats = events * fan.div_ceil(16);
    row.add(A::EventPush, events);
    row.add(A::EventPop, events);
    row.add(A::SynAdd, events * fan);
    for a in [A::WeightRead, A::AccRead, A::AccWrite, A::SynapseBusyCycles] {
        row.add(a, beats);
    }
}

fn sweeps(row: &mut Row, neurons: u64, passes: u64, strategy: Strategy, events: u64) {
    let words = neurons.div_ceil(16);
    for a in [A::StateRead, A::StateWrite, A::AccRead, A::AccWrite] {
        row.add(a, words);
    }
    for a in [A::NeuronAdd, A::NeuronLeak, A::NeuronCompare] {
        row.add(a, neurons);
    }
    row.add(A::SweepBusyCycles, words * passes);
    row.add(A::SweepStallCycles, words / 9);
    if passes > 1 {
        row.add(A::GateMul, neurons);
        row.add(A::GateProduct, neurons / 4);
        row.add(A::StatAdd, neurons * (passes - 1));
        row.add(A::StatRead, words);
        row.add(A::StatWrite, words);
        row.add(A::GateRead, words);
        row.add(A::DenseMac, 480);
        row.add(A::TableLookup, 36);
        row.add(A::AttentionBusyCycles, 40 * (passes - 1));
        let (write, read, n) = if strategy == Strategy::Recompute {
            (A::SpikeStoreWrite, A::SpikeStoreRead, events)
        } else {
            (A::FrameWrite, A::FrameRead, words)
        };
        row.add(write, n);
        row.add(read, n * (passes - 1));
    }
}

fn cycles() -> Vec<u64> {
    (0..INPUTS).map(|i| 160_000 + 7_000 * i).collect()
}

fn link_flits() -> Vec<LinkFlits> {
    let mut out = Vec::new();
    for router in 0..16_u32 {
        let (x, y) = (router % 4, router / 4);
        let there = [y > 0, x < 3, y < 3, x > 0, true];
        for port in (0..5_u32).filter(|p| there[*p as usize]) {
            let flits = (unit(77, u64::from(router * 8 + port)).powi(3) * 90_000.0) as u64;
            out.push(LinkFlits { router, port, flits });
        }
    }
    out
}

fn spans() -> Vec<Span> {
    let mut out = Vec::new();
    for (i, (name, _, passes, _, _, _, first, cores)) in LAYERS.iter().enumerate() {
        for core in *first..first + cores {
            let mut at = 2_000 * i as u64 + 28_000 * i.min(3) as u64;
            let mut push = |kind: String, start: u64, end: u64| {
                out.push(Span { core, start_cycle: start, end_cycle: end, kind, layer: (*name).to_owned() });
            };
            for pass in 0..*passes {
                for t in 0..STEPS {
                    if pass == 0 {
                        push("accumulate".to_owned(), at, at + 900 + (unit(5, at + t) * 300.0) as u64);
                        at += 700;
                    }
                    push(format!("sweep {pass}"), at, at + 420);
                    at += 600;
                }
                if pass + 1 < *passes {
                    push("attention".to_owned(), at, at + 900);
                    at += 1_000;
                }
            }
        }
    }
    out
}

fn spikes() -> Vec<SpikeDot> {
    let mut out = Vec::new();
    for (layer, (_, shape, _, _, rate, _, _, _)) in LAYERS.iter().enumerate() {
        let neurons = shape.iter().product::<usize>() as u32;
        for step in 0..STEPS as u32 {
            for neuron in 0..neurons {
                let place = u64::from(step) * 100_000 + u64::from(neuron);
                let bump = 0.3 + 1.4 * unit(9 + layer as u64, u64::from(neuron / 24));
                if unit(layer as u64, place) < rate * bump {
                    out.push(SpikeDot { layer: layer as u32, step, neuron });
                }
            }
        }
    }
    out
}

fn alternatives() -> Vec<(String, StrategyFigures)> {
    let figures = |s: &str, cycles: f64, bits: f64, pj: f64| StrategyFigures {
        strategy: s.to_owned(),
        cycles: Some(cycles),
        traffic_bits: Some(bits),
        energy_pj: Some(pj),
        basis: "modelled".to_owned(),
    };
    vec![
        ("conv1".to_owned(), figures("spill_sram", 61_440.0, 19.6e6, 210e3)),
        ("conv1".to_owned(), figures("recompute", 118_000.0, 24.1e6, 260e3)),
        ("conv2".to_owned(), figures("spill_sram", 30_720.0, 9.8e6, 105e3)),
        ("conv2".to_owned(), figures("recompute", 28_000.0, 2.2e6, 61e3)),
    ]
}

pub fn workload() -> Workload {
    let mut work = Workload::default();
    for (i, (name, shape, _, _, rate, fan, _, _)) in LAYERS.iter().enumerate() {
        let [outputs, rows, columns] = shape.map(|n| n as u64);
        let conv = rows > 1;
        let plane = [rows, columns];
        let mut geometry = Geometry::linear(if conv { fan / 9 } else { *fan }, outputs, true);
        if conv {
            geometry = Geometry { kernel: [3, 3], padding: [1, 1], plane, out_plane: plane, ..geometry };
        }
        work.layers.push(Layer {
            name: (*name).to_owned(),
            kind: if conv { LayerKind::Conv } else { LayerKind::Linear },
            role: if i == 0 { Role::Stem } else { Role::Spiking },
            operand: Operand::Binary,
            geometry,
            normed: false,
            rate: *rate,
            rate_without_attention: rate * 1.6,
            timesteps: STEPS as u32,
        });
        let elements = outputs * rows * columns;
        let (timesteps, channels) = (STEPS as u32, outputs);
        let spikes = format!("{name}.spikes");
        work.neurons.push(Population {
            name: spikes,
            elements,
            channels,
            timesteps,
            rate: *rate,
            leaky: true,
        });
        let gate_multiplies = if i < 3 { elements * STEPS } else { 0 };
        work.modules.push(ModuleCost { name: format!("{name}.attention"), macs: 9_600, gate_multiplies });
    }
    work
}

pub fn twin() -> Summary {
    let layer = |(name, spikes): (&str, f64)| Term { name: name.to_owned(), value: spikes };
    Summary {
        name: "ma-snn-gesture without attention on default".to_owned(),
        inputs: INPUTS,
        accuracy: Some(0.75),
        agreement_with_float: Some(1.0),
        latency_us: 690.0,
        throughput_per_s: 1449.0,
        energy_nj: 171_000.0,
        spikes: 61_000.0,
        firing_rate: 0.105,
        synaptic_events: 21.4e6,
        memory_bits: 1.1e9,
        flit_hops: 331_000.0,
        dram_bytes: 0.0,
        layer_spikes: [("conv1", 34_000.0), ("conv2", 15_500.0), ("conv3", 7_800.0)].map(layer).to_vec(),
    }
}

pub fn facts(energy: &EnergyReport, arch: &Arch) -> RunFacts {
    let took =
        Some(Took { seconds: energy.cycles as f64 / (arch.technology.clock_mhz * 1e6), dram_bits: 0.0 });
    let input =
        EstimatorInput { workload: workload(), took, run: Some(energy.clone()), ..EstimatorInput::default() };
    let classes = [(3, 3, 3), (7, 7, 7), (2, 5, 5), (9, 9, 9)];
    let inputs = cycles().into_iter().zip(classes).map(|(cycles, (label, prediction, float))| InputFacts {
        cycles,
        label: Some(label),
        prediction: Some(prediction),
        float_prediction: Some(float),
    });
    RunFacts {
        closed_form: None,
        workload: None,
        version: "0.1.0".to_owned(),
        command: "pulvinar run gesture.nir --input 'a & b.npz' -o out/".to_owned(),
        model_hash: "3f1a".repeat(16),
        input: "dvs-gesture <test>".to_owned(),
        input_hash: "90be".repeat(16),
        arch_hash: "c44d".repeat(16),
        seed: 1,
        assumptions: vec!["weights are on chip before the first input".to_owned()],
        parameters: 98_412,
        inputs: inputs.collect(),
        load_cycles: 12_304,
        spikes_equal_to_reference: Some(true),
        compared_events: 148_211,
        core_busy_cycles: (0..16_u64)
            .map(|c| if c < 13 { (unit(3, c) * 400_000.0) as u64 } else { 0 })
            .collect(),
        link_flits: link_flits(),
        spans: spans(),
        spikes: spikes(),
        alternatives: alternatives(),
        twin: Some(twin()),
        bits: bits(),
        estimates: ESTIMATORS.iter().map(|e| (e.estimate)(&input).unwrap()).collect(),
        break_even: verdicts(&input.workload).unwrap(),
        area: Some(AreaReport::new(arch, &Widths::default()).unwrap()),
    }
}

fn bits() -> Vec<BitsRow> {
    let mut out = Vec::new();
    for gate_bits in [4_u32, 8] {
        for weight_bits in [3_u32, 4, 6, 8] {
            let accuracy = 0.95 - 0.4 / f64::from(weight_bits * weight_bits) - 0.1 / f64::from(gate_bits);
            out.push(BitsRow {
                weight_bits,
                gate_bits,
                accuracy,
                agreement_with_float: Some(accuracy + 0.03),
            });
        }
    }
    out
}

pub fn energy(arch: &Arch) -> EnergyReport {
    EnergyReport::new(&counts(), &PriceList::new(arch, &Widths::default()).unwrap())
}

pub fn report() -> Report {
    let program = program();
    let energy = energy(&program.arch);
    Report::build(&program, &counts(), &energy, &facts(&energy, &program.arch)).unwrap()
}
