//! Programs for tests, laid out without the mapper: graphs with their stages, cut into slices, joined by streams.
#![allow(dead_code)] // each test binary uses a part

pub mod emitted;
pub mod kinds;
pub mod nets;

use pulvinar_ir::arch::{kinds, Dram};
use pulvinar_ir::op::{
    conv2d::Conv2d,
    lif::{Lif, LifCurrent, LifOutput, LifReset},
    linear::Linear,
    neuron::ResetTiming,
    sparse::Sparse,
};
use pulvinar_ir::program::gate_maker;
use pulvinar_ir::{
    op, Arch, Endpoint, Graph, IntType, Level, NodeId, Op, Phase, Program, Shape, Slice, Stage, Strategy,
};
use pulvinar_ir::{Pass, StageId};
use pulvinar_ir::{Stream, StreamKind, Synapse, Tensor, Value};

/// Counter-based random numbers.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ x >> 31
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    pub fn range(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.next() % (hi - lo + 1) as u64) as i64
    }
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A graph with the stages that compute it.
pub struct Net {
    pub graph: Graph,
    pub stages: Vec<Stage>,
    pub rng: Rng,
}

impl Net {
    pub fn new(seed: u64, steps: usize, shape: [usize; 3], max: i64) -> Net {
        let mut graph = Graph::new("net", Level::Flow, steps);
        let kind = op::input::InputKind::Counts;
        graph.push("input", op::input::Input { shape, kind, max }.into(), &[]).unwrap();
        Net { graph, stages: Vec::new(), rng: Rng(seed) }
    }

    pub fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }

    pub fn push(&mut self, base: &str, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        let name = self.graph.fresh_name(base);
        self.graph.push(&name, op.into(), inputs).unwrap()
    }

    pub fn tensor(&mut self, base: &str, shape: Vec<usize>, lo: i64, hi: i64) -> String {
        let name =
            (0..).map(|i| format!("{base}.{i}")).find(|n| !self.graph.tensors.contains_key(n)).unwrap();
        let n = shape.iter().product();
        let values = (0..n).map(|_| self.rng.range(lo, hi) as i32).collect();
        self.graph.tensors.insert(name.clone(), Tensor::int(shape, values, 16, vec![1.0]));
        name
    }

    pub fn constant(&mut self, base: &str, values: Vec<i32>) -> String {
        let name = self.tensor(base, vec![values.len()], 0, 0);
        self.graph.tensors.insert(name.clone(), Tensor::int(vec![values.len()], values, 32, vec![1.0]));
        name
    }

    pub fn lif(&mut self, x: NodeId, threshold: i32) -> NodeId {
        let threshold = self.constant("threshold", vec![threshold]);
        let late = self.rng.chance(30);
        let bias =
            self.rng.chance(40).then(|| self.tensor("bias", vec![self.graph.node(x).ty.shape.c], -2, 3));
        let reset = self.rng.pick(&[LifReset::Value, LifReset::Subtract, LifReset::None]);
        let reset_value = Some(self.constant("reset", vec![2]));
        let lif = Lif {
            leak: self.rng.pick(&[1, 2, 4]),
            leak_shift: 2,
            input_shift: self.rng.below(2) as u32,
            bias,
            threshold,
            reset,
            reset_value,
            reset_timing: if late { ResetTiming::NextStep } else { ResetTiming::SameStep },
            initial: None,
            clamp_min: None,
            ..Lif::default()
        };
        let lif = self.unusual(lif, x);
        self.push("lif", lif, &[x])
    }

    /// Every other neuron with something that not all have, drawn apart so that the rest of the network stays.
    fn unusual(&mut self, lif: Lif, x: NodeId) -> Lif {
        let mut rng = Rng(self.rng.0 ^ 0x6E65_7572);
        if rng.chance(50) {
            return lif;
        }
        let usual = std::mem::replace(&mut self.rng, rng);
        let drawn = self.unusual_of(lif.clone(), x);
        self.rng = usual;
        // What leaves stays narrow enough for the layers behind it.
        let name = self.graph.fresh_name("try");
        let narrow = |ty: &pulvinar_ir::Type| ty.as_int("").is_ok_and(|t| t.bits() <= 5);
        let mut trial = self.graph.clone();
        let fits = trial.push(&name, drawn.clone().into(), &[x]).is_ok_and(|id| narrow(&trial.node(id).ty));
        if fits {
            drawn
        } else {
            lif
        }
    }

    fn unusual_of(&mut self, mut lif: Lif, x: NodeId) -> Lif {
        let (steps, channels) = (self.graph.timesteps, self.shape(x).c);
        let shapes = [vec![channels], vec![steps, 1], vec![steps, channels], vec![1]];
        if self.rng.chance(30) {
            lif.reset_timing = ResetTiming::NextCharge;
        }
        let threshold = i64::from(self.graph.tensors[&lif.threshold].as_int().unwrap()[0]);
        for _ in 0..=self.rng.below(3) {
            let shape = shapes[self.rng.below(4)].clone();
            match self.rng.below(9) {
                0 => lif.leaks = Some(self.tensor("leaks", shape, 0, 8)),
                1 => lif.leak_fired = Some(self.tensor("leak_fired", shape, 0, 5)),
                2 if lif.current.is_none() => lif.input_gain = Some(self.tensor("gain", shape, -2, 3)),
                3 => {
                    let levels = 1 + self.rng.below(3) as i64;
                    let at = |l: i64| threshold + l * (1 + threshold / 2);
                    lif.higher =
                        (1..=levels).map(|l| self.tensor("higher", shape.clone(), at(l), at(l))).collect();
                }
                4 => lif.negative = Some(self.tensor("negative", shape, -threshold, 0)),
                5 => lif.budget = Some([-self.rng.range(0, 2), self.rng.range(1, 3)]),
                6 if lif.input_gain.is_none() => {
                    let leaks = self.rng.chance(50).then(|| self.tensor("current_leak", shape, 0, 4));
                    let (delayed, reset) = (self.rng.chance(50), self.rng.chance(50));
                    lif.current = Some(LifCurrent { leak: 3, leak_shift: 2, leaks, delayed, reset });
                }
                7 => {
                    let minus = self.rng.chance(50).then(|| self.tensor("minus", shape, -9, 9));
                    let shift = self.rng.below(8) as u32;
                    lif.output = LifOutput::Membrane { shift, relu: self.rng.chance(70), minus };
                }
                _ => lif.threshold = self.tensor("threshold", shape, threshold / 2, threshold),
            }
        }
        lif
    }

    pub fn conv(&mut self, x: NodeId, outputs: usize, kernel: usize, stride: usize, groups: usize) -> NodeId {
        let inputs = self.shape(x).c / groups;
        let weight = self.tensor("w", vec![outputs, inputs, kernel, kernel], -7, 9);
        let bias = self.rng.chance(50).then(|| self.tensor("b", vec![outputs], -3, 3));
        let p = kernel / 2;
        let conv = Conv2d { weight, bias, stride: [stride; 2], padding: [p; 4], dilation: [1, 1], groups };
        self.push("conv", conv, &[x])
    }

    pub fn linear(&mut self, x: NodeId, outputs: usize) -> NodeId {
        let shape = self.shape(x);
        let flat = if shape.h * shape.w > 1 { self.push("flat", op::flatten::Flatten {}, &[x]) } else { x };
        let weight = self.tensor("w", vec![outputs, shape.step_len()], -200, 220);
        self.push("linear", Linear { weight, bias: None }, &[flat])
    }

    pub fn sparse(&mut self, x: NodeId, outputs: usize) -> NodeId {
        let (mut targets, mut rows) = (Vec::new(), vec![0]);
        for _ in 0..self.shape(x).step_len() {
            for _ in 0..self.rng.below(outputs.min(12) + 1) {
                targets.push(self.rng.below(outputs) as i32);
            }
            rows.push(targets.len() as i32);
        }
        targets.push(0);
        *rows.last_mut().unwrap() += 1;
        let weight = self.tensor("w", vec![targets.len()], -5, 9);
        let targets = self.constant("targets", targets);
        let rows = self.constant("rows", rows);
        self.push("sparse", Sparse { targets, rows, weight, outputs }, &[x])
    }

    /// Adds a stage of one pass.
    pub fn stage(
        &mut self,
        synapses: &[(NodeId, NodeId, bool)],
        accumulator: NodeId,
        elementwise: &[NodeId],
        output: NodeId,
    ) {
        let synapses =
            synapses.iter().map(|&(node, source, delayed)| Synapse { node, source, delayed }).collect();
        let pass = Pass { elementwise: elementwise.to_vec(), gates: vec![], taps: vec![], program: vec![] };
        self.push_stage(synapses, accumulator, vec![pass], Strategy::Direct, output);
    }

    pub fn push_stage(
        &mut self,
        synapses: Vec<Synapse>,
        accumulator: NodeId,
        passes: Vec<Pass>,
        strategy: Strategy,
        output: NodeId,
    ) {
        // The bias (at most 3 a layer) is added in the sweep, so the raw sum may leave the node's range by as much.
        let int = self.graph.node(accumulator).ty.as_int("").unwrap();
        let accumulator_bits = IntType::new(int.lo - 9, int.hi + 9, 1.0).bits();
        let name = self.graph.node(output).name.clone();
        self.stages.push(Stage {
            name,
            synapses,
            accumulator,
            accumulator_bits,
            state_bits: 32,
            passes,
            strategy,
            output,
        });
    }

    /// True if there is a core for every stage.
    pub fn fits(&self, arch: &Arch) -> bool {
        self.stages.len() <= arch.cores() as usize
    }

    /// Cuts stages into slices and joins them.
    pub fn program(self, arch: Arch, cuts: usize) -> (Program, Rng) {
        let last = self.stages.len();
        self.program_in_phases(arch, cuts, last)
    }

    /// The same, the stages from `second` on in a phase of their own.
    pub fn program_in_phases(mut self, arch: Arch, cuts: usize, second: usize) -> (Program, Rng) {
        let answer = self.stages.last().unwrap().output;
        if self.graph.output == answer {
            let kind = op::readout::ReadoutKind::Sum;
            self.push("answer", op::readout::Readout { kind }, &[answer]);
        }
        let total = self.stages.len();
        let mut parts = vec![self.place(&arch, cuts, 0..second.min(total))];
        if second < total {
            parts.push(self.place(&arch, cuts, second..total));
        }
        let join = |i: usize| {
            let slices = parts[i].clone();
            let streams = streams(&self.graph, &arch, &self.stages, &parts, i);
            Phase { slices, streams }
        };
        let phases = (0..parts.len()).map(join).collect();
        (Program { graph: self.graph, arch, stages: self.stages, phases }, self.rng)
    }

    fn place(&mut self, arch: &Arch, cuts: usize, stages: std::ops::Range<usize>) -> Vec<Slice> {
        let mut slices = Vec::new();
        let mut cores: Vec<u32> = (0..arch.cores()).collect();
        for i in (1..cores.len()).rev() {
            cores.swap(i, self.rng.below(i + 1));
        }
        let mut spare = cuts.min(cores.len() - stages.len());
        for s in stages {
            let shape = self.graph.node(self.stages[s].accumulator).ty.shape;
            let parts = boxes(&mut self.rng, shape, 1 + spare);
            spare -= parts.len() - 1;
            for (i, (channels, rows)) in parts.into_iter().enumerate() {
                let core = cores.pop().unwrap();
                let home = i == 0 && self.stages[s].borrowed().is_empty();
                slices.push(Slice { stage: StageId(s as u32), core, channels, rows, home });
            }
        }
        slices
    }
}

fn cut(rng: &mut Rng, n: usize, parts: usize) -> Vec<[u32; 2]> {
    let mut ends: Vec<u32> = (0..parts - 1).map(|_| 1 + rng.below(n) as u32).collect();
    ends.push(n as u32);
    ends.sort_unstable();
    ends.dedup();
    let mut first = 0;
    ends.into_iter().map(|end| [std::mem::replace(&mut first, end), end]).collect()
}

fn boxes(rng: &mut Rng, shape: Shape, most: usize) -> Vec<([u32; 2], [u32; 2])> {
    let by_channel = 1 + rng.below(most.min(3));
    let channels = cut(rng, shape.c, by_channel);
    let by_row = 1 + rng.below((most / channels.len()).clamp(1, 2));
    let rows = cut(rng, shape.h, by_row);
    channels.iter().flat_map(|&c| rows.iter().map(move |&r| (c, r))).collect()
}

fn bits(n: usize) -> u32 {
    usize::BITS - (n.max(2) - 1).leading_zeros()
}

/// Streams of phase `at`; values of other phases pass through the external memory.
pub fn streams(
    graph: &Graph,
    arch: &Arch,
    stages: &[Stage],
    phases: &[Vec<Slice>],
    at: usize,
) -> Vec<Stream> {
    let slices = &phases[at];
    let takes =
        |s: &Slice, node: NodeId| stages[s.stage.0 as usize].synapses.iter().any(|y| y.source == node);
    let consumers = |node: NodeId| {
        let mut to: Vec<Endpoint> =
            slices.iter().filter(|s| takes(s, node)).map(|s| Endpoint::Core(s.core)).collect();
        to.sort_unstable();
        to
    };
    let outlets = |node: NodeId| {
        let mut to = consumers(node);
        if node == stages.last().unwrap().output {
            to.push(Endpoint::Host);
        }
        let later = phases[at + 1..].iter().flatten().any(|s| takes(s, node));
        to.extend(later.then_some(Endpoint::Dram));
        to
    };
    let selective = |node: NodeId| {
        let of = stages.iter().flat_map(|s| &s.synapses).filter(|y| y.source == node);
        let ops: Vec<bool> = of.map(|y| matches!(graph.node(y.node).op, Op::Sparse(_))).collect();
        !ops.is_empty() && ops.iter().all(|&s| s)
    };
    let stream = |kind, node: NodeId, source, destinations: Vec<Endpoint>, selective| {
        let ty = &graph.node(node).ty;
        let int = ty.as_int("").unwrap();
        let value = if int.is_binary() { 0 } else { int.bits() };
        let event_bits = bits(ty.shape.step_len()) + if kind == StreamKind::Events { value } else { 40 };
        let events_per_flit = (arch.noc.payload_bits / event_bits).max(1);
        Stream { kind, node, source, destinations, event_bits, events_per_flit, selective }
    };
    let input = graph.input().unwrap();
    let given = (!consumers(input).is_empty()).then_some((Endpoint::Host, consumers(input)));
    let from_host = |(host, to)| stream(StreamKind::Events, input, host, to, selective(input));
    let mut all: Vec<Stream> = given.map(from_host).into_iter().collect();
    for stage in stages {
        let before = phases[..at].iter().flatten().any(|s| stages[s.stage.0 as usize].output == stage.output);
        let to = consumers(stage.output);
        if before && !to.is_empty() {
            all.push(stream(StreamKind::Events, stage.output, Endpoint::Dram, to, selective(stage.output)));
        }
    }
    for slice in slices {
        let stage = &stages[slice.stage.0 as usize];
        let me = Endpoint::Core(slice.core);
        let to = outlets(stage.output);
        if !to.is_empty() {
            all.push(stream(StreamKind::Events, stage.output, me, to, selective(stage.output)));
        }
        attention_streams(stages, slice, slices, &stream, &mut all);
    }
    all
}

/// Statistics and gates between the slices of a stage, and gates to those of stages that borrow them.
fn attention_streams(
    stages: &[Stage],
    slice: &Slice,
    slices: &[Slice],
    stream: &dyn Fn(StreamKind, NodeId, Endpoint, Vec<Endpoint>, bool) -> Stream,
    all: &mut Vec<Stream>,
) {
    let (me, stage) = (Endpoint::Core(slice.core), &stages[slice.stage.0 as usize]);
    let maker = |s: &Slice| gate_maker(stages, s.stage.0 as usize);
    let mates: Vec<&Slice> = slices.iter().filter(|s| maker(s) == slice.stage.0 as usize).collect();
    if stage.is_multipass() && mates.len() > 1 {
        let home = mates.iter().find(|s| s.home).unwrap();
        if slice.home {
            let mut to: Vec<Endpoint> =
                mates.iter().filter(|s| s.core != slice.core).map(|s| Endpoint::Core(s.core)).collect();
            to.sort_unstable();
            all.push(stream(StreamKind::Gates, stage.output, me, to, false));
        } else {
            all.push(stream(
                StreamKind::Statistics,
                stage.output,
                me,
                vec![Endpoint::Core(home.core)],
                false,
            ));
        }
    }
}

/// A random chip that has at least `cores` cores.
pub fn random_arch(rng: &mut Rng, cores: u32, barrier: bool) -> Arch {
    use pulvinar_ir::arch::{Hazard, Pipeline, Routing, Sync};
    let mut arch = Arch::default_chip();
    loop {
        arch.mesh.width = 1 + rng.below(4) as u32;
        arch.mesh.height = 1 + rng.below(4) as u32;
        arch.mesh.cores_per_tile = 1 + rng.below(3) as u32;
        if arch.cores() >= cores {
            break;
        }
    }
    arch.mesh.host_tile = rng.below(arch.tiles() as usize) as u32;
    arch.mesh.dram_tile = rng.below(arch.tiles() as usize) as u32;
    arch.noc.virtual_channels = 1 + rng.below(4) as u32;
    arch.noc.buffer_flits = 1 + rng.below(8) as u32;
    arch.noc.pipeline = rng.pick(&[Pipeline::Four, Pipeline::Lookahead, Pipeline::Speculative]);
    arch.noc.routing = rng.pick(&[Routing::Xy, Routing::Yx, Routing::WestFirst]);
    arch.noc.payload_bits = rng.pick(&[32, 40, 64, 128, 512]);
    arch.noc.eject_flits = 1 + rng.below(8) as u32;
    arch.noc.inject_flits = 1 + rng.below(8) as u32;
    arch.noc.multicast = rng.chance(50);
    arch.noc.sync = if barrier { Sync::Barrier } else { Sync::Tokens };
    arch.noc.barrier_cycles = rng.below(20) as u32;
    if rng.0 % 2 == 0 {
        // A channel with every term, drawn from the state so that the rest of the chip stays.
        let kind = kinds().nth(rng.0 as usize / 2 % 8).unwrap();
        let queue_requests = arch.dram.queue_requests;
        arch.dram = Dram { queue_requests, open_ahead: rng.0 % 3 > 0, ..kind.at(arch.technology.clock_mhz) };
    }
    arch.core.lanes = rng.pick(&[1, 2, 3, 4, 8, 16]);
    arch.core.attention_lanes = rng.pick(&[1, 4, 16]);
    arch.core.accumulator_buffers = 1 + rng.below(2) as u32;
    arch.core.hazard = rng.pick(&[Hazard::Forward, Hazard::Stall]);
    arch.core.accumulator_banks = rng.pick(&[1, 2, 4, 16, 64]);
    arch.core.queue_events = 2 + rng.below(30) as u32;
    arch
}

/// A random input of a program.
pub fn random_input(graph: &Graph, rng: &mut Rng) -> Value {
    let ty = &graph.node(graph.input().unwrap()).ty;
    let max = ty.as_int("").unwrap().hi;
    let rate = rng.pick(&[0, 5, 30, 80]);
    let value = |_| if rng.chance(rate) { rng.range(1, max) } else { 0 };
    Value::int(ty.shape, (0..ty.shape.len()).map(value).collect())
}
