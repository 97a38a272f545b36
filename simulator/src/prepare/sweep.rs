//! Passes of a stage as the update and attention engines need them.

use super::refuse;
use pulvinar_ir::op::accumulate::Accumulate;
use pulvinar_ir::op::carry::{carried, Carry};
use pulvinar_ir::op::gate::Gate;
use pulvinar_ir::op::lif::{Lif, LifTable};
use pulvinar_ir::op::radix_code::RadixCode;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::program::{gate_maker, gates_made};
use pulvinar_ir::{Graph, Node, NodeId, Op, Result, Schedule, Shape, Stage, Strategy};

/// An operand of an elementwise operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// Full-size value of this sweep: 0 is the accumulator with its bias, i + 1 the result of operation i.
    Register(usize),
    /// Membrane that the step before has left.
    State,
    /// Small value in the gate memory, from `base` on, broadcast.
    Gate {
        /// First word.
        base: usize,
        /// Shape of the small value.
        shape: Shape,
    },
}

/// An elementwise operation.
#[derive(Debug)]
pub enum Element<'p> {
    /// max(0, a).
    Relu,
    /// round(a · b / 2^shift).
    Gate(&'p Gate),
    /// b where the bit a is set, else 0: a product of a gate and a bit.
    Select,
    /// Rescaling.
    Requantise(&'p Requantise),
    /// table[a − lo]: the entries, and `lo`.
    Table(&'p [i32], i64),
    /// a in the first step, then 0.
    Pulse,
    /// a of the first step, in the membrane memory.
    Hold,
    /// a + b.
    Add,
    /// Sum over time.
    Accumulate(Sum<'p>),
    /// a.
    Emit,
    /// Sums of a window to trains.
    Radix(Train<'p>),
    /// Membrane update; the result is what leaves.
    Lif(&'p Lif),
    /// Spike of a neuron without memory.
    Fire(&'p Lif),
    /// What is carried on of a membrane: result and new state.
    Carry(&'p Carry),
}

/// A sum over time, given out at the last step.
#[derive(Debug)]
pub struct Sum<'p> {
    /// The node's attributes.
    pub op: &'p Accumulate,
    /// Bias per channel.
    pub bias: Vec<i64>,
    /// The last step.
    pub last: usize,
}

/// Sums of a window to trains of the next.
#[derive(Debug)]
pub struct Train<'p> {
    /// The node's attributes.
    pub op: &'p RadixCode,
    /// Bias per channel.
    pub bias: Vec<i64>,
}

/// One operation of a sweep.
#[derive(Debug)]
pub struct Step<'p> {
    /// What is computed.
    pub op: Element<'p>,
    /// Operands; the second equals the first where the operation has one.
    pub operands: [Operand; 2],
}

impl Step<'_> {
    /// First words and shapes of the small values it reads; one that is both operands is read once.
    pub fn gate_operands(&self) -> impl Iterator<Item = (usize, Shape)> + '_ {
        let distinct = if self.operands[0] == self.operands[1] { 1 } else { 2 };
        self.operands[..distinct].iter().filter_map(|o| match *o {
            Operand::Gate { base, shape } => Some((base, shape)),
            Operand::Register(_) | Operand::State => None,
        })
    }
}

/// A statistic that a sweep gathers.
#[derive(Debug)]
pub struct Tap {
    /// The reduce node.
    pub node: NodeId,
    /// Register it reads.
    pub register: usize,
    /// True for a maximum, false for a sum.
    pub max: bool,
    /// Shape of the statistic.
    pub shape: Shape,
    /// First word in the concatenation of the pass's taps.
    pub base: usize,
}

/// One sweep over all steps (or one of those over each step), and the attention program behind it.
#[derive(Debug)]
pub struct PassPlan<'p> {
    /// Elementwise operations in order.
    pub steps: Vec<Step<'p>>,
    /// Statistics.
    pub taps: Vec<Tap>,
    /// Words of all taps.
    pub tap_len: usize,
    /// Gate operands read per word.
    pub gate_reads: u64,
    /// Gate nodes this pass's program hands to later passes, in order of the concatenation.
    pub made: Vec<NodeId>,
    /// Range of those gates in the gate memory.
    pub made_range: [usize; 2],
    /// Register whose non-zero values leave; none in all passes but the last.
    pub output: Option<usize>,
}

impl PassPlan<'_> {
    /// True if an operation takes the membrane of the step before.
    pub fn reads_state(&self) -> bool {
        self.steps.iter().any(|s| s.operands.contains(&Operand::State))
    }
}

/// Which sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepId {
    /// Pass.
    pub pass: usize,
    /// Timestep.
    pub step: usize,
}

/// A stage, prepared.
#[derive(Debug)]
pub struct StagePlan<'p> {
    /// The stage.
    pub stage: &'p Stage,
    /// Shape of the accumulator.
    pub shape: Shape,
    /// Bias per channel.
    pub bias: Vec<i64>,
    /// Synapses by source.
    pub groups: Vec<super::synapse::Group<'p>>,
    /// True if the accumulator holds maxima.
    pub max: bool,
    /// Passes.
    pub passes: Vec<PassPlan<'p>>,
    /// Neuron constants per step and channel; empty without a neuron.
    pub neurons: LifTable,
    /// Words of the gate memory.
    pub gate_len: usize,
    /// Rounds in which sweeps, statistics and gates follow each other, where they go along with the steps.
    pub schedule: Option<Schedule>,
    /// Output in place of the computed one, row-major t, c, h, w (workloads by firing rate).
    pub given: Option<Vec<i64>>,
}

impl Element<'_> {
    /// True for a neuron or sum, which keeps a value from step to step.
    pub fn keeps_state(&self) -> bool {
        matches!(self, Element::Lif(_) | Element::Accumulate(_) | Element::Radix(_))
    }
}

impl StagePlan<'_> {
    /// Index of the last pass.
    pub fn last_pass(&self) -> usize {
        self.passes.len() - 1
    }
    /// What leaves at (t, c, h, w): the given output, else the computed value.
    #[inline]
    pub fn leaving(&self, (t, c, h, w): (usize, usize, usize, usize), computed: i64) -> i64 {
        let index = || ((t * self.shape.c + c) * self.shape.h + h) * self.shape.w + w;
        self.given.as_ref().map_or(computed, |g| g[index()])
    }
    /// Membrane potential of a channel before the first step; none if the stage keeps no membrane.
    pub fn initial_state(&self, channel: usize) -> Option<i32> {
        let mut ops = self.passes.iter().flat_map(|p| &p.steps).map(|s| &s.op);
        ops.find_map(|op| match op {
            Element::Lif(_) => Some(self.neurons.row(0)[channel].initial as i32),
            Element::Carry(_) | Element::Accumulate(_) | Element::Radix(_) | Element::Hold => Some(0),
            _ => None,
        })
    }
    /// True if statistics and gates are those of a step, and go along with the steps.
    pub fn by_step(&self) -> bool {
        self.schedule.is_some()
    }
    /// Steps by which the last sweep lags behind the first.
    pub fn ahead(&self) -> usize {
        self.schedule.as_ref().map_or(0, |s| s.ahead)
    }
    /// True if pass p reads accumulators (else frames).
    pub fn accumulates(&self, pass: usize) -> bool {
        pass == 0 || matches!(self.stage.strategy, Strategy::Recompute | Strategy::Step)
    }
    /// True if pass p leaves the accumulators as they are, for the passes after it.
    pub fn keeps(&self, pass: usize) -> bool {
        self.stage.strategy == Strategy::Step && pass < self.last_pass()
    }
    /// True if the end of pass p frees the step's accumulators for a later one, of whatever step.
    pub fn frees(&self, pass: usize) -> bool {
        self.by_step() && pass == if self.ahead() > 0 { 0 } else { self.last_pass() }
    }
    /// The sweep after one of `steps` steps, and the pass whose program makes its gates in between, if any. Behind the last
    /// sweep comes one of a pass that does not exist.
    pub fn follows(&self, SweepId { pass, step }: SweepId, steps: usize) -> (SweepId, Option<usize>) {
        let (last, ahead) = (self.last_pass(), self.ahead());
        let at = |pass, step| SweepId { pass, step };
        let next = match (self.by_step(), pass == last) {
            (false, _) if step + 1 < steps => return (at(pass, step + 1), None),
            (false, false) => at(pass + 1, 0),
            (true, false) if pass == 0 && step < ahead => at(0, step + 1),
            (true, false) => at(pass + 1, step - if pass == 0 { ahead } else { 0 }),
            (true, true) if step + ahead + 1 < steps => return (at(0, step + ahead + 1), None),
            // Rounds without a first sweep.
            (true, true) if step + 1 < steps => return (at(pass, step + 1), Some(0)),
            (_, true) => return (at(pass + 1, 0), None),
        };
        (next, Some(pass))
    }
    /// The pass whose statistics are gathered after those of pass p; the last pass gathers none.
    pub fn gathers_next(&self, pass: usize) -> usize {
        if self.by_step() && pass + 1 == self.last_pass() {
            0
        } else {
            pass + 1
        }
    }
    /// True if pass 0 writes frames.
    pub fn spills(&self) -> bool {
        self.frames(1) > 0
    }
    /// True if its frames go to external memory.
    pub fn spills_far(&self) -> bool {
        self.spills() && self.stage.strategy == Strategy::SpillDram
    }
    /// Frames that pass 0 of `steps` steps writes, one after the other and from the first again.
    pub fn frames(&self, steps: usize) -> usize {
        match self.stage.strategy {
            Strategy::SpillSram | Strategy::SpillDram if self.passes.len() > 1 => steps,
            Strategy::Window => self.ahead() + 1,
            _ => 0,
        }
    }
}

/// Prepares `stages[index]`; the others matter where one borrows the gates of another.
pub fn stage_plan<'p>(graph: &'p Graph, stages: &'p [Stage], index: usize) -> Result<StagePlan<'p>> {
    let stage = &stages[index];
    let carries = stage.carry(graph).is_some();
    let schedule = Schedule::of(graph, stage).filter(|s| s.strategy() == stage.strategy);
    let fits = match stage.strategy {
        _ if carries && stage.passes.len() > 1 && stage.strategy != Strategy::Step => false,
        Strategy::Direct => stage.passes.len() == 1,
        Strategy::Step | Strategy::Window => schedule.is_some() && !stage.lends(stages.iter()),
        _ => !stage.passes.is_empty(),
    };
    if !fits {
        return Err(refuse(
            &stage.name,
            "the passes do not fit the strategy",
            "several passes need a spill or recompute, step if nothing looks ahead, window if it looks ahead a few steps",
        ));
    }
    let shape = graph.ty(stage.accumulator)?.shape;
    if stage.accumulator_bits > 32 {
        let message = format!("accumulators need {} bits and the machine has 32", stage.accumulator_bits);
        return Err(refuse(&stage.name, message, "use fewer weight bits or a smaller layer"));
    }
    let (groups, bias) = super::synapse::groups(graph, stage, shape)?;
    super::attention::check_programs(graph, stage)?;
    let mut builder = Builder { graph, stage, gates: Vec::new(), gate_len: 0 };
    let made = builder.lay_out_gates(gates_made(stages, gate_maker(stages, index)));
    let mut passes = Vec::new();
    for p in 0..stage.passes.len() {
        let mut plan = builder.pass(p, shape)?;
        (plan.made, plan.made_range) = made.get(p).cloned().unwrap_or_default();
        passes.push(plan);
    }
    let lif = passes.iter().flat_map(|p| &p.steps).find_map(|s| match s.op {
        Element::Lif(lif) | Element::Fire(lif) => Some(lif),
        _ => None,
    });
    check_memory(stage, &passes)?;
    let max = stage.synapses.iter().any(|s| super::synapse::is_max(graph, s));
    let neurons = lif.map_or_else(LifTable::default, |l| l.table(Some(shape.c), |n| &graph.tensors[n]));
    Ok(StagePlan {
        stage,
        shape,
        bias,
        groups,
        max,
        passes,
        neurons,
        gate_len: builder.gate_len,
        schedule,
        given: None,
    })
}

/// A held value needs the membrane memory for itself, in the last pass.
fn check_memory(stage: &Stage, passes: &[PassPlan<'_>]) -> Result<()> {
    let holds = |op: &Element<'_>| matches!(op, Element::Hold);
    let keeps = |op: &Element<'_>| op.keeps_state() || matches!(op, Element::Carry(_) | Element::Hold);
    let count = |passes: &[PassPlan<'_>], kind: &dyn Fn(&Element<'_>) -> bool| {
        passes.iter().flat_map(|p| &p.steps).filter(|s| kind(&s.op)).count()
    };
    let last = passes.len() - 1;
    if count(&passes[..last], &holds) > 0 || count(passes, &holds) > 0 && count(passes, &keeps) > 1 {
        return Err(refuse(
            &stage.name,
            "a stage remembers one value an element, in its last pass",
            "build programs with the mapper",
        ));
    }
    Ok(())
}

struct Builder<'p> {
    graph: &'p Graph,
    stage: &'p Stage,
    /// Gate nodes and their first words.
    gates: Vec<(NodeId, usize)>,
    gate_len: usize,
}

impl<'p> Builder<'p> {
    /// Shape in which a small value is kept: of all steps, or of one.
    fn small(&self, id: NodeId) -> Shape {
        let shape = self.graph.node(id).ty.shape;
        let by_step = matches!(self.stage.strategy, Strategy::Step | Strategy::Window);
        Shape { t: if by_step { 1 } else { shape.t }, ..shape }
    }

    /// The gates that the programs of each pass hand on, and their words.
    fn lay_out_gates(&mut self, made: Vec<Vec<NodeId>>) -> Vec<(Vec<NodeId>, [usize; 2])> {
        let mut all = Vec::new();
        for made in made {
            let first = self.gate_len;
            for &node in &made {
                self.gates.push((node, self.gate_len));
                self.gate_len += self.small(node).len();
            }
            all.push((made, [first, self.gate_len]));
        }
        all
    }

    fn operand(&self, pass: usize, done: &[NodeId], id: NodeId) -> Result<Operand> {
        if id == self.stage.accumulator {
            return Ok(Operand::Register(0));
        }
        if carried(self.graph, id).is_some_and(|c| self.stage.carry(self.graph) == Some(c)) {
            return Ok(Operand::State);
        }
        if let Some(i) = done.iter().position(|&d| d == id) {
            return Ok(Operand::Register(i + 1));
        }
        let known = self.stage.passes[pass].gates.contains(&id);
        match self.gates.iter().find(|(n, _)| known && *n == id) {
            Some(&(_, base)) => Ok(Operand::Gate { base, shape: self.small(id) }),
            None => Err(refuse(
                &self.stage.name,
                format!("pass {pass} reads `{}`, which is not there", self.graph.node(id).name),
                "build programs with the mapper",
            )),
        }
    }

    fn pass(&self, p: usize, shape: Shape) -> Result<PassPlan<'p>> {
        let pass = &self.stage.passes[p];
        let last = p + 1 == self.stage.passes.len();
        let mut steps = Vec::new();
        for (i, &id) in pass.elementwise.iter().enumerate() {
            let step = self.step(p, &pass.elementwise[..i], id, shape)?;
            let ends = last && i + 1 == pass.elementwise.len();
            let misplaced = match step.op {
                Element::Carry(_) => !last,
                Element::Fire(_) => !ends,
                _ => step.op.keeps_state() && !ends,
            };
            if misplaced {
                return Err(refuse(
                    &self.stage.name,
                    "the neuron or sum over time is not the end of the last pass",
                    "build programs with the mapper",
                ));
            }
            steps.push(step);
        }
        let (mut taps, mut tap_len) = (Vec::new(), 0);
        for &id in &pass.taps {
            let node = self.graph.node(id);
            let (Op::Reduce(Reduce { kind, .. }), Operand::Register(register)) =
                (&node.op, self.operand(p, &pass.elementwise, node.inputs[0])?)
            else {
                return Err(refuse(
                    &self.stage.name,
                    format!("tap `{}` is no reduction", node.name),
                    "build programs with the mapper",
                ));
            };
            let shape = self.small(id);
            taps.push(Tap { node: id, register, max: *kind == ReduceKind::Max, shape, base: tap_len });
            tap_len += shape.len();
        }
        let output = match self.operand(p, &pass.elementwise, self.stage.output) {
            Ok(Operand::Register(r)) if last => Some(r),
            Err(e) if last => return Err(e),
            _ => None,
        };
        let gate_reads = steps.iter().flat_map(Step::gate_operands).count() as u64;
        Ok(PassPlan { steps, taps, tap_len, gate_reads, made: Vec::new(), made_range: [0, 0], output })
    }

    /// A product; one with a bit and no shift selects.
    fn product(
        &self,
        gate: &'p Gate,
        node: &Node,
        [a, b]: [Operand; 2],
    ) -> Result<(Element<'p>, [Operand; 2])> {
        let bit = |i: usize| Ok(self.graph.ty(node.inputs[i])?.as_int(&node.name)?.is_binary());
        Ok(match (gate.shift == 0, bit(0)?, bit(1)?) {
            (true, true, _) => (Element::Select, [a, b]),
            (true, _, true) => (Element::Select, [b, a]),
            _ => (Element::Gate(gate), [a, b]),
        })
    }

    fn step(&self, p: usize, done: &[NodeId], id: NodeId, shape: Shape) -> Result<Step<'p>> {
        let node = self.graph.node(id);
        let unary = || self.operand(p, done, node.inputs[0]).map(|a| [a, a]);
        let binary = || Ok([self.operand(p, done, node.inputs[0])?, self.operand(p, done, node.inputs[1])?]);
        let (op, operands) = match &node.op {
            Op::Relu(_) => (Element::Relu, unary()?),
            Op::Requantise(r) => (Element::Requantise(r), unary()?),
            Op::Table(t) => {
                let entries = self.graph.tensors.get(&t.table).and_then(|t| t.as_int()).unwrap_or(&[]);
                (Element::Table(entries, t.lo), unary()?)
            }
            Op::Pulse(_) => (Element::Pulse, unary()?),
            Op::Hold(_) => (Element::Hold, unary()?),
            Op::Lif(l) if l.has_memory() => (Element::Lif(l), unary()?),
            Op::Lif(l) => (Element::Fire(l), unary()?),
            Op::Carry(c) => (Element::Carry(c), unary()?),
            Op::RadixCode(op) => {
                let bias = op.biases(shape.c, &self.graph.tensors);
                (Element::Radix(Train { op, bias }), unary()?)
            }
            Op::Accumulate(op) => {
                let ints = |name: &str| self.graph.tensors.get(name).and_then(|t| t.as_int()).unwrap_or(&[0]);
                let sum = Sum { op, bias: op.biases(shape.c, ints), last: node.ty.shape.t - 1 };
                (Element::Accumulate(sum), unary()?)
            }
            Op::Gate(g) => self.product(g, node, binary()?)?,
            Op::Add(_) => (Element::Add, binary()?),
            Op::Emit(_) => (Element::Emit, unary()?),
            other => {
                let message = format!("`{}` ({}) cannot be computed in a sweep", node.name, other.name());
                let help = "sweeps compute relu, requantise, table, gate, add, emit, pulse, hold, accumulate, radix_code, carry, lif";
                return Err(refuse(&self.stage.name, message, help));
            }
        };
        if node.ty.shape != shape {
            return Err(refuse(
                &self.stage.name,
                format!("`{}` is {} and the sweep {shape}", node.name, node.ty.shape),
                "a sweep computes values of the accumulator's shape only",
            ));
        }
        Ok(Step { op, operands })
    }
}
