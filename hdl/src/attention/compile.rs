//! Nodes to operations.

mod reductions;

use super::operation::{Affine, Kind, Operation, Word};
use super::{Assembled, Image, TapLayout};
use pulvinar_ir::{Diagnostic, Graph, NodeId, Op, Result, Schedule, Shape};
use pulvinar_simulator::prepare::sweep::{PassPlan, StagePlan, Tap};
use pulvinar_simulator::prepare::synapse::Region;
use std::collections::BTreeMap;

/// The engine of a stage's home slice, with `lanes` sweep lanes and `attention_lanes` (a power of two) of its own;
/// `arrivals` if other slices send statistics. Refuses with E0801 what the engine does not compute.
pub fn assemble(
    graph: &Graph,
    stage: &StagePlan<'_>,
    region: &Region,
    lanes: usize,
    attention_lanes: usize,
    arrivals: bool,
) -> Result<Assembled> {
    let mut compiler = Compiler {
        graph,
        name: &stage.stage.name,
        lanes: attention_lanes,
        places: Places::new(graph, stage),
        schedule: stage.schedule.as_ref().filter(|s| s.remembers()),
        weights: Vec::new(),
        biases: vec![vec![0; attention_lanes]],
        table: Vec::new(),
        width: 2,
        factor_bits: 2,
    };
    let (mut operations, mut passes, mut arrived) = (Vec::new(), Vec::new(), vec![0]);
    let mut taps = 0;
    for (p, pass) in stage.passes[..stage.last_pass()].iter().enumerate() {
        let first = operations.len();
        let base = arrived[p];
        let small = || pass.taps.iter().map(|t| t.node).chain(stage.stage.passes[p].program.iter().copied());
        operations.extend(small().filter_map(|id| compiler.shift(id)));
        for tap in &pass.taps {
            let layout = TapLayout::new(tap.shape, region, lanes);
            let sources = (taps, arrivals.then_some(base + tap.base));
            operations.push(compiler.merge(pass, tap, &layout, region, sources)?);
            taps += 1;
        }
        for &id in &stage.stage.passes[p].program {
            compiler.node(pass, id, &mut operations)?;
        }
        if operations.len() == first {
            return Err(compiler.refuse("has a pass without statistics", "map the network again"));
        }
        passes.push(operations.len());
        arrived.push(base + pass.tap_len);
    }
    compiler.check(taps)?;
    Ok(compiler.finish(&operations, &passes, arrived))
}

/// Words of the operand memory, given out first fit and taken back after the last reader.
struct Places {
    /// Operations each value is last read by, in order of the programs.
    last_read: BTreeMap<NodeId, usize>,
    /// Words in use: first, end, node.
    used: Vec<(usize, usize, NodeId)>,
    /// Nodes so far.
    now: usize,
    /// Most words in use.
    words: usize,
    /// Steps that are kept of values that later rounds read, in words of their own: first, node, steps.
    kept: Vec<(usize, NodeId, usize)>,
}

impl Places {
    fn new(graph: &Graph, stage: &StagePlan<'_>) -> Self {
        let mut last_read = BTreeMap::new();
        let passes = &stage.stage.passes;
        for (at, id) in passes.iter().flat_map(|p| p.taps.iter().chain(&p.program)).enumerate() {
            if !passes.iter().any(|p| p.taps.contains(id)) {
                graph.node(*id).inputs.iter().for_each(|&i| {
                    last_read.insert(i, at);
                });
            }
        }
        let (mut used, mut words, mut kept) = (Vec::new(), 0, Vec::new());
        for &id in passes.iter().flat_map(|p| p.taps.iter().chain(&p.program)) {
            let depth = stage.schedule.as_ref().map_or(1, |s| s.depth(id));
            if depth > 1 {
                kept.push((words, id, depth));
                used.push((words, words + depth * graph.node(id).ty.shape.len(), id));
                words = used[used.len() - 1].1;
                last_read.insert(id, usize::MAX);
            }
        }
        Places { last_read, used, now: 0, words, kept }
    }

    /// Words for the next node's value, if any node reads it; of several kept steps the last ones.
    fn take(&mut self, id: NodeId, len: usize) -> Option<usize> {
        let now = self.now;
        self.now += 1;
        let kept = self.kept.iter().find(|k| k.1 == id).map(|(first, _, depth)| first + (depth - 1) * len);
        let read = self.last_read.contains_key(&id);
        let place = kept.or_else(|| read.then(|| self.first_fit(id, len)));
        self.used.retain(|(.., n)| self.last_read[n] > now);
        place
    }

    fn first_fit(&mut self, id: NodeId, len: usize) -> usize {
        let mut first = 0;
        for &(start, end, _) in &self.used {
            if first + len <= start {
                break;
            }
            first = end;
        }
        self.words = self.words.max(first + len);
        self.used.push((first, first + len, id));
        self.used.sort_unstable();
        first
    }

    fn of(&self, id: NodeId) -> usize {
        let found = self.used.iter().find(|u| u.2 == id);
        found.expect("invariant: preparation has checked the program's operands").0
    }
}

struct Compiler<'a> {
    graph: &'a Graph,
    name: &'a str,
    lanes: usize,
    places: Places,
    /// Rounds, where later ones read values of earlier ones.
    schedule: Option<&'a Schedule>,
    weights: Vec<Vec<i64>>,
    biases: Vec<Vec<i64>>,
    table: Vec<i64>,
    width: u32,
    factor_bits: u32,
}

/// Bits of a signed number that holds all of these.
fn signed_bits(values: impl IntoIterator<Item = i64>) -> u32 {
    let bits = |v: i64| 65 - (if v < 0 { !v } else { v }).leading_zeros();
    values.into_iter().map(bits).max().unwrap_or(1).max(2)
}

fn sizes(s: Shape) -> [usize; 5] {
    [s.w, s.h, s.c, 1, s.t]
}

/// Row-major address of a value broadcast to a larger one.
fn broadcast(base: usize, s: Shape) -> Affine {
    let strides = [1, s.w, s.h * s.w, 0, s.step_len()];
    let at = |k: usize, n: usize| if n == 1 { 0 } else { strides[k] as i64 };
    Affine { base: base as i64, outputs: [at(0, s.w), at(1, s.h), at(2, s.c), 0, at(4, s.t)], folds: [0; 4] }
}

impl Compiler<'_> {
    fn refuse(&self, message: &str, remedy: &str) -> Diagnostic {
        Diagnostic::new("E0801", format!("layer `{}`", self.name), message.to_owned(), remedy.to_owned())
    }

    /// Limits of the program's format.
    fn check(&self, taps: usize) -> Result<()> {
        if taps > 32 {
            let message = format!("gathers {taps} statistics");
            return Err(self.refuse(&message, "use at most 32 statistics a layer"));
        }
        if self.width > 62 {
            let message = format!("has attention values of {} bits", self.width);
            return Err(self.refuse(&message, "requantise to at most 62 bits"));
        }
        Ok(())
    }

    fn shape(&self, id: NodeId) -> Shape {
        self.graph.node(id).ty.shape
    }

    fn bits(&self, id: NodeId) -> Result<u32> {
        let int = self.graph.node(id).ty.as_int(self.name)?;
        Ok(signed_bits([int.lo, int.hi]))
    }

    /// Gives a finished operation its destinations.
    fn place(&mut self, pass: &PassPlan<'_>, id: NodeId, operation: &mut Operation) -> Result<()> {
        let mut at = pass.made_range[0];
        for &made in &pass.made {
            operation.hand = if made == id { Some(at) } else { operation.hand };
            at += self.shape(made).len();
        }
        operation.keep = self.places.take(id, self.shape(id).len());
        operation.rounds = self.schedule.map(|s| s.rounds(id));
        self.width = self.width.max(self.bits(id)?);
        Ok(())
    }

    /// First word that a node reads of its operand i.
    fn place_of(&self, id: NodeId, i: usize) -> usize {
        let input = self.graph.node(id).inputs[i];
        let steps = self.schedule.map_or(0, |s| s.window(id, input).start);
        self.places.of(input) + steps * self.shape(input).len()
    }

    /// Steps that a node reads of an operand.
    fn steps_of(&self, id: NodeId, input: NodeId) -> usize {
        self.schedule.map_or(self.shape(input).t, |s| s.window(id, input).len())
    }

    /// The kept steps of a value move on by one; in round 0 there are none.
    fn shift(&self, id: NodeId) -> Option<Operation> {
        let &(first, _, depth) = self.places.kept.iter().find(|k| k.1 == id)?;
        let len = self.shape(id).len();
        let x = Affine { base: (first + len) as i64, outputs: [1, 0, 0, 0, 0], ..Affine::default() };
        let mut shift = Operation::new(Kind::Sum, [(depth - 1) * len, 1, 1, 1, 1], x);
        (shift.keep, shift.rounds) = (Some(first), self.schedule.map(|s| [1, s.ahead + s.rounds(id)[1]]));
        Some(shift)
    }

    /// Own statistics of a tap with those that arrived: `sources` are the tap's number and its first arrived word.
    fn merge(
        &mut self,
        pass: &PassPlan<'_>,
        tap: &Tap,
        layout: &TapLayout,
        region: &Region,
        sources: (usize, Option<usize>),
    ) -> Result<Operation> {
        let (number, arrived) = sources;
        let [t, c, h, w] = layout.strides().map(|s| s as i64);
        let (shape, inside) = (tap.shape, layout.box_shape);
        // Without an axis the stride does not matter; with one, the box begins at the slice's first.
        let [c0, h0] = [(shape.c, region.channels[0]), (shape.h, region.rows[0])].map(|(n, first)| {
            if n == 1 {
                0
            } else {
                first as i64
            }
        });
        let mut x = Affine { outputs: [w, h, c, 0, t], ..Affine::default() };
        x.base = -(c0 * c + h0 * h);
        let kind = match (arrived, tap.max) {
            (None, _) => Kind::Sum,
            (Some(_), false) => Kind::Add,
            (Some(_), true) => Kind::Larger,
        };
        let mut operation = Operation::new(kind, sizes(shape), x);
        operation.statistics = Some(number);
        if let Some(first) = arrived {
            operation.arrivals = true;
            operation.y = broadcast(first, shape);
        }
        operation.row = (Affine { base: -c0, outputs: [0, 0, 1, 0, 0], ..Affine::default() }, inside.c);
        operation.column = (Affine { base: -h0, outputs: [0, 1, 0, 0, 0], ..Affine::default() }, inside.h);
        self.place(pass, tap.node, &mut operation)?;
        Ok(operation)
    }

    fn node(&mut self, pass: &PassPlan<'_>, id: NodeId, out: &mut Vec<Operation>) -> Result<()> {
        let graph = self.graph;
        let node = graph.node(id);
        if let Op::Concat(_) = node.op {
            return self.concat(pass, id, out);
        }
        let operand = |i: usize| broadcast(self.place_of(id, i), self.shape(node.inputs[i]));
        let simple = |kind| Operation::new(kind, sizes(node.ty.shape), operand(0));
        let mut operation = match &node.op {
            Op::Dense(d) => self.dense(d, id),
            Op::Conv2d(c) => self.conv2d(c, id),
            Op::Conv1d(c) => self.conv1d(c, id),
            Op::Matmul(m) => self.matmul(m, id)?,
            Op::TopK(k) => self.top_k(k, id),
            Op::Reduce(r) => self.reduce(r, id),
            Op::Relu(_) => simple(Kind::Relu),
            Op::Flatten(_) => {
                let copy = broadcast(self.place_of(id, 0), node.ty.shape);
                Operation::new(Kind::Sum, sizes(node.ty.shape), copy)
            }
            Op::Add(_) => Operation { y: operand(1), ..simple(Kind::Add) },
            Op::Requantise(r) => Operation {
                constant: true,
                multiplier: r.mul,
                shift: r.shift,
                limits: [r.lo, r.hi],
                ..simple(Kind::Scale)
            },
            Op::Gate(g) => self.gate(g.shift, id)?,
            Op::Table(t) => {
                let entries =
                    graph.tensors[&t.table].as_int().expect("invariant: the graph is at level flow");
                let operation = Operation { table: self.table.len() as i64 - t.lo, ..simple(Kind::Table) };
                self.table.extend(entries.iter().map(|&v| i64::from(v)));
                operation
            }
            other => {
                let message = format!("evaluates `{}`, a `{}`, on statistics", node.name, other.name());
                let remedy =
                    "use dense, conv1d, conv2d, matmul, reduce, top_k, relu, requantise, table, gate, add, \
                              concat or flatten";
                return Err(self.refuse(&message, remedy));
            }
        };
        self.place(pass, id, &mut operation)?;
        out.push(operation);
        Ok(())
    }

    /// A product; the narrower factor goes to the narrow port of the multiplier.
    fn gate(&mut self, shift: u32, id: NodeId) -> Result<Operation> {
        let node = self.graph.node(id);
        let wide = usize::from(self.bits(node.inputs[1])? > self.bits(node.inputs[0])?);
        self.factor_bits = self.factor_bits.max(self.bits(node.inputs[1 - wide])?);
        let [x, y] = [wide, 1 - wide].map(|i| broadcast(self.place_of(id, i), self.shape(node.inputs[i])));
        Ok(Operation { shift, y, ..Operation::new(Kind::Scale, sizes(node.ty.shape), x) })
    }

    /// One copy an operand, one behind the other.
    fn concat(&mut self, pass: &PassPlan<'_>, id: NodeId, out: &mut Vec<Operation>) -> Result<()> {
        let node = self.graph.node(id);
        if node.inputs.len() > 1 && node.ty.shape.t > 1 {
            let message = format!("concatenates values of several timesteps in `{}`", node.name);
            return Err(self.refuse(&message, "reduce over the timesteps first"));
        }
        let copy = |(k, &i): (usize, &NodeId)| {
            Operation::new(Kind::Sum, sizes(self.shape(i)), broadcast(self.place_of(id, k), self.shape(i)))
        };
        let mut copies: Vec<Operation> = node.inputs.iter().enumerate().map(copy).collect();
        self.place(pass, id, &mut copies[0])?;
        let (keep, hand, rounds, mut at) = (copies[0].keep, copies[0].hand, copies[0].rounds, 0);
        for copy in &mut copies {
            (copy.keep, copy.hand, copy.rounds) = (keep.map(|p| p + at), hand.map(|p| p + at), rounds);
            at += copy.outputs();
        }
        out.extend(copies);
        Ok(())
    }

    /// Lays out weights and biases: where the lanes of every block share an output channel, one word a channel and
    /// element, else one word a block and element. `channel` holds the strides of the output channel.
    fn load(&mut self, operation: &mut Operation, weight: &str, bias: Option<&str>, channel: [i64; 5]) {
        let ints = |name: &str| {
            let values = self.graph.tensors[name].as_int().expect("invariant: the graph is at level flow");
            values.iter().map(|&v| i64::from(v)).collect::<Vec<_>>()
        };
        let (weights, biases) = (ints(weight), bias.map(ints));
        let (n, outputs) = (operation.reduction(), operation.outputs());
        let of = |output: usize| {
            let (mut rest, mut at) = (output, 0);
            for k in 0..5 {
                at += channel[k] * (rest % operation.sizes[k]) as i64;
                rest /= operation.sizes[k];
            }
            at as usize
        };
        let blocks: Vec<Vec<usize>> = (0..outputs)
            .collect::<Vec<_>>()
            .chunks(self.lanes)
            .map(|b| b.iter().map(|&o| of(o)).collect())
            .collect();
        let shared = blocks.iter().all(|b| b.iter().all(|&o| o == b[0]));
        let rows: Vec<Vec<usize>> =
            if shared { (0..weights.len() / n).map(|o| vec![o; self.lanes]).collect() } else { blocks };
        let strides = |scale: usize, base: usize| {
            let mut affine = Affine { base: base as i64, ..Affine::default() };
            if shared {
                affine.outputs = channel.map(|s| s * scale as i64);
            }
            affine
        };
        operation.weight = strides(n, self.weights.len());
        if biases.is_some() {
            operation.bias = strides(1, self.biases.len());
        }
        operation.streamed = !shared;
        let lanes = self.lanes;
        let word = |row: &[usize], value: &dyn Fn(usize) -> i64| {
            (0..lanes).map(|l| row.get(l).map_or(0, |&o| value(o))).collect::<Vec<_>>()
        };
        for row in &rows {
            self.weights.extend((0..n).map(|i| word(row, &|o| weights[o * n + i])));
            self.biases.extend(biases.iter().map(|b| word(row, &|o| b[o])));
        }
        self.factor_bits = self.factor_bits.max(signed_bits(weights));
    }

    fn finish(mut self, operations: &[Operation], passes: &[usize], arrived: Vec<usize>) -> Assembled {
        if operations.iter().any(|o| o.constant) {
            self.factor_bits = self.factor_bits.max(16);
        }
        // A product must be wider than what rounding drops.
        let shift = operations.iter().map(|o| o.shift).max().unwrap_or(0);
        self.factor_bits = self.factor_bits.max((shift + 2).saturating_sub(self.width));
        let lanes = self.lanes;
        let largest = operations.iter().map(|o| o.largest(lanes)).max().unwrap_or(0);
        let memories =
            [self.places.words, self.weights.len(), self.biases.len(), self.table.len(), 2 * lanes];
        let largest = memories.iter().map(|&n| n as i64).max().unwrap_or(0).max(largest);
        let field = signed_bits([largest]) + 1;
        let (top, bottom) = ((1 << (self.width - 1)) - 1, -(1 << (self.width - 1)));
        let encode = |(i, o): (usize, &Operation)| {
            let limits = o.limits.map(|v| v.clamp(bottom, top));
            Operation { limits, ..o.clone() }.encode(lanes, field, self.width, passes.contains(&(i + 1)))
        };
        let program = Image { words: operations.iter().enumerate().map(encode).collect() };
        let (weight_bits, weights) = image(&self.weights, lanes);
        let (bias_bits, biases) = image(&self.biases, lanes);
        let entries: Vec<Vec<i64>> = self.table.iter().map(|&v| vec![v]).collect();
        let (table_bits, table) = image(&entries, 1);
        let mut from = 0;
        let mut cycles = Vec::new();
        for &end in passes {
            let one = |o: &Operation| 4 + (o.blocks(lanes) * o.reduction()) as u64;
            cycles.push(operations[from..end].iter().map(one).sum());
            from = end;
        }
        let (width, factor_bits, rows) =
            (self.width, self.factor_bits, self.places.words.div_ceil(lanes).max(1));
        Assembled {
            lanes,
            width,
            factor_bits,
            field,
            rows,
            program,
            weights,
            weight_bits,
            biases,
            bias_bits,
            table,
            table_bits,
            arrived,
            rounds: self.schedule.is_some(),
            cycles,
        }
    }
}

/// Words of equally wide signed values, the first lowest; one word of zeros if there are none.
fn image(words: &[Vec<i64>], lanes: usize) -> (u32, Image) {
    let bits = signed_bits(words.iter().flatten().copied());
    let text = |values: &[i64]| {
        let mut word = Word::default();
        values.iter().for_each(|&v| word.push(v, bits));
        word.hexadecimal()
    };
    let words =
        if words.is_empty() { vec![text(&vec![0; lanes])] } else { words.iter().map(|w| text(w)).collect() };
    (bits, Image { words })
}
