//! Speed of the fast engine on two seeded networks: a dense layer on eight cores and sparse recurrence on 128.
//!
//! `cargo run --release -p pulvinar-simulator --example machine_bench [dense | sparse] [steps] [lanes]`

use pulvinar_ir::arch::Arch;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::op::lif::{Lif, LifReset};
use pulvinar_ir::op::{linear::Linear, neuron::ResetTiming, sparse::Sparse, Op};
use pulvinar_ir::{
    Activity, Endpoint, Graph, IntType, Level, NodeId, Pass, Phase, Program, Shape, Slice, Stage, StageId,
};
use pulvinar_ir::{Strategy, Stream, StreamKind, Synapse, Tensor, Type, Value};
use pulvinar_simulator::{Machine, SimOptions};
use std::time::Instant;

/// Integer `i` of stream `seed` in `lo..=hi` (splitmix64 of a counter).
fn integer(seed: u64, i: u64, lo: i64, hi: i64) -> i32 {
    let mut x =
        seed.wrapping_mul(0xD1B5_4A32_D192_ED03).wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^= x >> 31;
    (lo + (x % (hi - lo + 1) as u64) as i64) as i32
}

/// The chip of `arch/loihi128.toml` with another lane count.
fn chip(lanes: u32) -> Arch {
    let mut arch =
        Arch::from_toml(include_str!("../../arch/loihi128.toml")).expect("the file is a valid chip");
    (arch.core.lanes, arch.core.accumulator_banks) = (lanes, lanes);
    arch
}

struct Builder {
    graph: Graph,
    stages: Vec<Stage>,
}

impl Builder {
    fn new(steps: usize) -> Self {
        let mut graph = Graph::new("bench", Level::Flow, steps);
        let input = Input { shape: [1, 1, 1], kind: InputKind::Binary, max: 1 };
        graph.push("input", input.into(), &[]).expect("the input is well formed");
        Builder { graph, stages: Vec::new() }
    }

    fn tensor(&mut self, name: &str, shape: Vec<usize>, values: Vec<i32>) -> String {
        self.graph.tensors.insert(name.to_owned(), Tensor::int(shape, values, 16, vec![1.0]));
        name.to_owned()
    }

    fn push(&mut self, name: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        self.graph.push(name, op.into(), inputs).expect("the bench graph is well formed")
    }

    fn lif(&mut self, name: &str, current: NodeId, bias: Vec<i32>, threshold: i32) -> NodeId {
        let n = bias.len();
        let bias = Some(self.tensor(&format!("{name}.bias"), vec![n], bias));
        let threshold = self.tensor(&format!("{name}.threshold"), vec![1], vec![threshold + 1]);
        let lif = Lif {
            leak: 1,
            leak_shift: 0,
            input_shift: 0,
            bias,
            threshold,
            reset: LifReset::Value,
            reset_value: None,
            reset_timing: ResetTiming::SameStep,
            initial: None,
            clamp_min: None,
            ..Lif::default()
        };
        self.push(name, lif, &[current])
    }

    fn sparse(
        &mut self,
        name: &str,
        source: NodeId,
        rows: Vec<i32>,
        targets: Vec<i32>,
        weights: Vec<i32>,
        outputs: usize,
    ) -> NodeId {
        let rows = self.tensor(&format!("{name}.rows"), vec![rows.len()], rows);
        let (n, m) = (targets.len(), weights.len());
        let targets = self.tensor(&format!("{name}.targets"), vec![n], targets);
        let weight = self.tensor(&format!("{name}.weight"), vec![m], weights);
        self.push(name, Sparse { targets, rows, weight, outputs }, &[source])
    }

    fn stage(&mut self, node: NodeId, source: NodeId, output: NodeId) {
        let pass = Pass { elementwise: vec![output], gates: vec![], taps: vec![], program: vec![] };
        let accumulator_bits = 24;
        self.stages.push(Stage {
            name: self.graph.node(output).name.clone(),
            synapses: vec![Synapse { node, source, delayed: true }],
            accumulator: node,
            accumulator_bits,
            state_bits: 24,
            passes: vec![pass],
            strategy: Strategy::Direct,
            output,
        });
    }
}

fn slice(stage: u32, core: u32, first: u32, n: u32) -> Slice {
    Slice { stage: StageId(stage), core, channels: [first, first + n], rows: [0, 1], home: first == 0 }
}

fn stream(
    node: NodeId,
    source: Endpoint,
    destinations: Vec<Endpoint>,
    event_bits: u32,
    selective: bool,
) -> Stream {
    let events_per_flit = if selective { 1 } else { 64 / event_bits };
    Stream { kind: StreamKind::Events, node, source, destinations, event_bits, events_per_flit, selective }
}

/// 512 self-driven neurons on four cores, fully connected to 512 on four others.
fn dense(steps: usize, lanes: u32) -> Program {
    let mut b = Builder::new(steps);
    let input = NodeId(0);
    let late = b.push("late.a", Delay {}, &[input]);
    let none = b.sparse("none", late, vec![0, 0], vec![], vec![], 512);
    let bias = (0..512).map(|i| integer(11, i, 1, 40)).collect();
    let a = b.lif("a", none, bias, 100);
    let late = b.push("late.b", Delay {}, &[a]);
    let weights = (0..512 * 512u64).map(|i| integer(12, i % 512 * 512 + i / 512, -12, 13)).collect();
    let weight = b.tensor("weight", vec![512, 512], weights);
    let linear = b.push("linear", Linear { weight, bias: None }, &[late]);
    let out = b.lif("b", linear, vec![0; 512], 256);
    b.stage(none, input, a);
    b.stage(linear, a, out);
    let cores = |first: u32| (first..first + 4).map(Endpoint::Core).collect::<Vec<_>>();
    let mut streams = vec![stream(input, Endpoint::Host, cores(0), 1, false)];
    streams.extend((0..4).map(|c| stream(a, Endpoint::Core(c), cores(4), 9, false)));
    streams.extend((4..8).map(|c| stream(out, Endpoint::Core(c), vec![Endpoint::Host], 9, false)));
    let slices = (0..8).map(|c| slice(c / 4, c, c % 4 * 128, 128)).collect();
    Program { graph: b.graph, arch: chip(lanes), stages: b.stages, phases: vec![Phase { slices, streams }] }
}

/// 8,192 self-driven neurons on 128 cores; a spike goes to 16 cores and meets two synapses at each.
fn sparse(steps: usize, lanes: u32) -> Program {
    const N: u64 = 8192;
    let mut b = Builder::new(steps);
    let (mut rows, mut targets, mut weights) = (vec![0], Vec::new(), Vec::new());
    for source in 0..N {
        let mut row: Vec<(i32, i32)> = Vec::new();
        for k in 0..16 {
            let i = source * 16 + k;
            let core = (k * 8) as i32 + integer(42, i, 0, 7);
            row.push((core * 64 + integer(43, i, 0, 31), integer(45, i, -3, 3)));
            row.push((core * 64 + 32 + integer(44, i, 0, 31), integer(45, N * 16 + i, -3, 3)));
        }
        row.sort_unstable();
        targets.extend(row.iter().map(|r| r.0));
        weights.extend(row.iter().map(|r| r.1));
        rows.push(targets.len() as i32);
    }
    let ty = Type::int(IntType::new(0, 1, 1.0), Shape::new(steps, N as usize, 1, 1));
    let late = b.graph.push_typed("late", Delay {}.into(), &[NodeId(3)], ty);
    let synapses = b.sparse("sparse", late, rows, targets, weights, N as usize);
    let bias = (0..N).map(|i| integer(41, i, 8, 23)).collect();
    let out = b.lif("n", synapses, bias, 64);
    b.stage(synapses, out, out);
    let to: Vec<Endpoint> = (0..128).map(Endpoint::Core).chain([Endpoint::Host]).collect();
    let streams = (0..128).map(|c| stream(out, Endpoint::Core(c), to.clone(), 13, true)).collect();
    let slices = (0..128).map(|c| slice(0, c, c * 64, 64)).collect();
    Program { graph: b.graph, arch: chip(lanes), stages: b.stages, phases: vec![Phase { slices, streams }] }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, none: usize| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(none);
    let which = args.first().map_or("dense", String::as_str);
    let lanes = number(2, 16) as u32;
    let program =
        if which == "sparse" { sparse(number(1, 100), lanes) } else { dense(number(1, 500), lanes) };
    let begin = Instant::now();
    let machine = Machine::new(&program).expect("the bench program runs");
    let ready = Instant::now();
    let input = Value::int(program.graph.node(NodeId(0)).ty.shape, vec![0; program.graph.timesteps]);
    let run = machine.simulate(&input, &SimOptions::default()).expect("the bench program runs");
    let seconds = ready.elapsed().as_secs_f64();
    let total = |a| run.counts.total(a);
    let synapses = total(Activity::SynAdd);
    println!("prepared in {:.3} s, ran in {seconds:.3} s", (ready - begin).as_secs_f64());
    println!(
        "{} cycles ({} visited), {} spikes, {} events taken, {synapses} synaptic events: {:.2} M per second",
        run.counts.cycles,
        run.visited_cycles,
        total(Activity::Spike),
        total(Activity::EventPop),
        synapses as f64 / seconds / 1e6
    );
}
