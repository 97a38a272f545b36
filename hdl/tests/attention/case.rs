//! Random stages with attention: a graph, its taps and programs, and the boxes of its slices.

use pulvinar_ir::op::{
    self, concat::Concat, conv1d::Conv1d, conv2d::Conv2d, dense::Dense, matmul::Matmul, matmul::Over,
    reduce::Reduce, reduce::ReduceKind, relu::Relu, requantise::Requantise, table::Table, top_k::TopK,
};
use pulvinar_ir::{
    Axes, Axis, Graph, Level, NodeId, Op, Pass, Shape, Stage, Strategy, Synapse, Tensor, Value,
};
use pulvinar_simulator::prepare::synapse::Region;

/// Splitmix64: a function of its seed.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    /// A number of `first..=last`.
    pub fn of(&mut self, first: i64, last: i64) -> i64 {
        first + (self.next() % (last - first + 1) as u64) as i64
    }
    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    /// True in this many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    /// One of the choices.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A stage of several passes and an input.
pub struct Case {
    pub graph: Graph,
    pub stage: Stage,
    pub input: Value,
    /// Box of the home and of every other slice.
    pub regions: Vec<Region>,
    pub lanes: usize,
    pub attention_lanes: usize,
    pub random: Random,
}

struct Builder {
    graph: Graph,
    random: Random,
}

impl Builder {
    fn push(&mut self, base: &str, op: impl Into<Op>, inputs: &[NodeId]) -> Option<NodeId> {
        let name = self.graph.fresh_name(base);
        let op = op.into();
        let ty = self.graph.infer(&name, &op, inputs).ok()?;
        let wide = ty.as_int("").is_ok_and(|i| i.bits() > 36) || ty.shape.len() > 600;
        (!wide).then(|| self.graph.push_typed(&name, op, inputs, ty))
    }

    fn tensor(&mut self, shape: Vec<usize>, bound: i64) -> String {
        let name = format!("tensor.{}", self.graph.tensors.len());
        let values = (0..shape.iter().product()).map(|_| self.random.of(-bound, bound) as i32).collect();
        self.graph.tensors.insert(name.clone(), Tensor::int(shape, values, 16, vec![1.0]));
        name
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }

    fn conv(&mut self, x: NodeId) -> Option<NodeId> {
        let s = self.shape(x);
        let divisors: Vec<usize> = (1..=s.c).filter(|g| s.c % g == 0).collect();
        let groups = self.random.pick(&divisors);
        let outputs = groups * self.random.pick(&[1, 2, 3]);
        let mut one = |last: i64| self.random.of(1, last) as usize;
        let (kernel, stride, dilation) = ([one(3), one(3)], [one(2), one(2)], [one(2), one(2)]);
        let padding = [0; 4].map(|_| self.random.below(3));
        let weight = self.tensor(vec![outputs, s.c / groups, kernel[0], kernel[1]], 9);
        let bias = self.random.chance(50).then(|| self.tensor(vec![outputs], 20));
        self.push("conv", Conv2d { weight, bias, stride, padding, dilation, groups }, &[x])
    }

    fn conv1d(&mut self, x: NodeId) -> Option<NodeId> {
        let (s, axis) = (self.shape(x), self.random.pick(&[Axis::T, Axis::C]));
        let (length, mixed) = if axis == Axis::T { (s.t, s.c) } else { (s.c, s.t) };
        let divisors: Vec<usize> = (1..=mixed).filter(|g| mixed % g == 0).collect();
        let groups = self.random.pick(&divisors);
        let outputs = groups * self.random.pick(&[1, 2, 3]);
        let taps = self.random.of(1, 4) as usize;
        let padding = [self.random.below(3), self.random.below(3).max(taps.saturating_sub(length))];
        let weight = self.tensor(vec![outputs, mixed / groups, taps], 9);
        let bias = self.random.chance(50).then(|| self.tensor(vec![outputs], 20));
        self.push("conv1d", Conv1d { weight, bias, axis, padding, groups }, &[x])
    }

    /// A product of the first two values that fit each other.
    fn matmul(&mut self, known: &[NodeId]) -> Option<NodeId> {
        let (over, first) =
            (self.random.pick(&[Over::Tokens, Over::Channels]), self.random.below(known.len()));
        let turned = || known[first..].iter().chain(&known[..first]).copied();
        for (a, b) in turned().flat_map(|a| turned().map(move |b| (a, b))) {
            let divisors: Vec<usize> = (1..=self.shape(a).c).filter(|g| self.shape(a).c % g == 0).collect();
            let heads = self.random.pick(&divisors);
            if let Some(id) = self.push("matmul", Matmul { heads, over }, &[a, b]) {
                return Some(id);
            }
        }
        None
    }

    fn dense(&mut self, x: NodeId) -> Option<NodeId> {
        let s = self.shape(x);
        let axis = self.random.pick(&[Axis::T, Axis::C]);
        let n = if axis == Axis::T { s.t } else { s.c };
        let outputs = self.random.of(1, 6) as usize;
        let weight = self.tensor(vec![outputs, n], 90);
        let bias = self.random.chance(50).then(|| self.tensor(vec![outputs], 300));
        self.push("dense", Dense { weight, bias, axis }, &[x])
    }

    fn axes(&mut self) -> Axes {
        let chosen: Vec<Axis> = Axis::ALL.into_iter().filter(|_| self.random.chance(50)).collect();
        Axes::of(&chosen)
    }

    fn requantise(&mut self, x: NodeId) -> Option<NodeId> {
        let shift = self.random.of(0, 24) as u32;
        let op = Requantise {
            mul: self.random.of(1, 32767),
            shift,
            lo: self.random.of(-130, 0),
            hi: 127,
            scale: 1.0,
        };
        self.push("requantise", op, &[x])
    }

    fn table(&mut self, x: NodeId) -> Option<NodeId> {
        let x = self.requantise(x)?;
        let (table, lo) = (self.tensor(vec![270], 250), -135);
        self.push("table", Table { table, lo, function: "noise".to_owned() }, &[x])
    }

    /// A small node on what is there.
    fn small(&mut self, known: &[NodeId]) -> Option<NodeId> {
        let (x, y) = (self.random.pick(known), self.random.pick(known));
        match self.random.below(15) {
            11 => self.conv1d(x),
            12 | 13 => {
                let axis = self.random.pick(&Axis::ALL);
                let k = self.random.below(self.shape(x).dims()[axis as usize] + 1);
                self.push("top_k", TopK { axis, k }, &[x])
            }
            14 => self.matmul(known),
            0 | 1 => self.dense(x),
            2 | 3 => self.conv(x),
            4 => {
                let kind = self.random.pick(&[ReduceKind::Sum, ReduceKind::Max, ReduceKind::Mean]);
                let axes = self.axes();
                self.push("reduce", Reduce { kind, axes }, &[x])
            }
            5 => self.push("relu", Relu {}, &[x]),
            6 => self.requantise(x),
            7 => self.table(x),
            8 => {
                let shift = self.random.of(0, 20) as u32;
                self.push("gate", op::gate::Gate { shift }, &[x, y])
            }
            9 => self.push("add", op::add::Add {}, &[x, y]),
            _ if self.shape(x).t == 1 => {
                let z = self.random.pick(known);
                let inputs = [x, y, z];
                let n = self.random.of(2, 3) as usize;
                self.push("concat", Concat {}, &inputs[..n])
            }
            _ => self.push("flatten", op::flatten::Flatten {}, &[x]),
        }
    }

    /// One pass: taps on the accumulator and a chain on everything known.
    fn pass(&mut self, accumulator: NodeId, known: &mut Vec<NodeId>) -> Pass {
        let (mut taps, mut program) = (Vec::new(), Vec::new());
        while taps.is_empty() || (taps.len() < 4 && self.random.chance(60)) {
            let kind = self.random.pick(&[ReduceKind::Sum, ReduceKind::Max]);
            let axes = self.axes();
            taps.extend(self.push("tap", Reduce { kind, axes }, &[accumulator]));
        }
        known.extend(&taps);
        let first = self.graph.nodes.len();
        for _ in 0..self.random.below(14) {
            let before = self.graph.nodes.len();
            self.small(known);
            let new = (before..self.graph.nodes.len()).map(|i| NodeId(i as u32));
            known.extend(new);
        }
        program.extend((first..self.graph.nodes.len()).map(|i| NodeId(i as u32)));
        Pass { elementwise: vec![], gates: vec![], taps, program }
    }
}

fn regions(random: &mut Random, s: Shape) -> Vec<Region> {
    let mut cut = |n: usize| {
        let at = random.below(n);
        if at == 0 {
            vec![[0, n]]
        } else {
            vec![[0, at], [at, n]]
        }
    };
    let (channels, rows) = (cut(s.c), cut(s.h));
    let boxes = channels.iter().flat_map(|&c| rows.iter().map(move |&r| (c, r)));
    let mut all: Vec<Region> =
        boxes.map(|(channels, rows)| Region { channels, rows, columns: s.w }).collect();
    let home = random.below(all.len());
    all.swap(0, home);
    all
}

impl Case {
    /// The case of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let (steps, max) = (random.of(1, 6) as usize, random.of(1, 3));
        let shape = [random.of(1, 6) as usize, random.of(1, 6) as usize, random.of(1, 6) as usize];
        let mut graph = Graph::new("net", Level::Flow, steps);
        let kind = op::input::InputKind::Counts;
        let input = graph.push("input", op::input::Input { shape, kind, max }.into(), &[]).unwrap();
        let mut b = Builder { graph, random };
        let outputs = b.random.of(1, 9) as usize;
        let weight = b.tensor(vec![outputs, shape[0], 1, 1], 9);
        let conv =
            Conv2d { weight, bias: None, stride: [1; 2], padding: [0; 4], dilation: [1; 2], groups: 1 };
        let accumulator = b.graph.push("conv", conv.into(), &[input]).unwrap();
        let (mut known, mut passes) = (Vec::new(), Vec::new());
        for _ in 0..b.random.of(1, 3) {
            passes.push(b.pass(accumulator, &mut known));
        }
        // The last pass reads some of what the others made.
        let gates: Vec<NodeId> = known.iter().copied().filter(|_| b.random.chance(40)).collect();
        passes.push(Pass { elementwise: vec![], gates, taps: vec![], program: vec![] });
        let synapses = vec![Synapse { node: accumulator, source: input, delayed: false }];
        let (name, strategy) = ("stage".to_owned(), Strategy::SpillSram);
        let stage = Stage {
            name,
            synapses,
            accumulator,
            accumulator_bits: 30,
            state_bits: 0,
            passes,
            strategy,
            output: accumulator,
        };
        let (s, in_type) = (b.shape(accumulator), b.shape(input));
        let regions = regions(&mut b.random, s);
        let values = (0..in_type.len()).map(|_| b.random.of(0, max)).collect();
        let (lanes, attention_lanes) = (b.random.pick(&[1, 2, 4, 8]), b.random.pick(&[1, 2, 4, 8, 16]));
        let input = Value::int(in_type, values);
        Case { graph: b.graph, stage, input, regions, lanes, attention_lanes, random: b.random }
    }
}
