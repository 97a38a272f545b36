//! Update engine: the sweep over a slice's words, once a step: bias, gates, neuron, statistics, events.
//!
//! The fast form computes a whole sweep when it starts, channel rows at a time; the plain form computes a word when it
//! enters the encoder, element by element.

use super::accumulator::Accumulator;
use super::frame_buffer::FrameBuffer;
use super::gate_memory::GateMemory;
use super::offers::Offers;
use super::statistics::Statistics;
use crate::packet::Event;
use crate::prepare::sweep::{Element, Operand, StagePlan, Step, Sum, SweepId, Train};
use crate::prepare::synapse::Region;
use pulvinar_ir::op::lif::LifState;
use pulvinar_ir::op::round_shift;

/// Cycles from the issue of a word to the encoder.
pub const PIPELINE_CYCLES: u64 = 6;

/// What a sweep reads its currents from and where it keeps them.
#[derive(Debug, Clone, Copy)]
pub struct Currents {
    /// Accumulator buffer, read and (unless kept) cleared; none reads a frame.
    pub buffer: Option<usize>,
    /// Frame that is read, or written when there is a buffer too.
    pub frame: Option<usize>,
    /// The buffer is read and not cleared.
    pub keep: bool,
}

/// Memories of a slice.
#[derive(Debug)]
pub struct Memories {
    /// Accumulators.
    pub accumulator: Accumulator,
    /// Frames.
    pub frames: FrameBuffer,
    /// Gates.
    pub gates: GateMemory,
    /// Statistics.
    pub statistics: Statistics,
    /// Neurons.
    pub state: Vec<LifState>,
}

/// Words of one sweep computed by the plain form.
#[derive(Debug, Default)]
pub struct WordCursor {
    /// Word in the encoder.
    pub word: usize,
    /// Its events, once computed.
    pub events: Option<Vec<Event>>,
    /// Next of them.
    pub next: usize,
    /// Cycles at which words entered, where accesses are logged.
    pub entered: Vec<u64>,
}

/// The update engine of one slice.
#[derive(Debug)]
pub struct UpdateEngine {
    region: Region,
    lanes: usize,
    /// Membranes of one row of channels (fast).
    membranes: Vec<i64>,
    /// Values of one row of channels per operation (fast).
    registers: Vec<Vec<i64>>,
    accumulator_bits: u32,
}

impl UpdateEngine {
    /// An engine for a slice.
    pub fn new(region: Region, lanes: usize, stage: &StagePlan<'_>) -> Self {
        let registers = stage.passes.iter().map(|p| p.steps.len() + 1).max().unwrap_or(1);
        UpdateEngine {
            membranes: vec![0; region.channel_count()],
            registers: vec![vec![0; region.channel_count()]; registers],
            region,
            lanes,
            accumulator_bits: stage.stage.accumulator_bits,
        }
    }

    /// Neurons and sums before the first step.
    pub fn initial_state(&self, stage: &StagePlan<'_>) -> Vec<LifState> {
        let [first, end] = self.region.channels;
        let row = || (first..end).filter_map(|c| stage.initial_state(c)).map(|v| LifState::at(v.into()));
        (0..self.region.positions()).flat_map(|_| row()).collect()
    }

    fn place(&self, position: usize) -> (usize, usize) {
        (self.region.rows[0] + position / self.region.columns, position % self.region.columns)
    }

    fn check(&self, value: i32) -> i64 {
        let bits = self.accumulator_bits;
        debug_assert!(
            bits >= 32 || (i64::from(value) >= -(1i64 << (bits - 1)) && i64::from(value) < 1i64 << bits),
            "accumulator {value} leaves its proven {bits} bits"
        );
        i64::from(value)
    }

    /// Computes a whole sweep; its events and their nominal cycles go to `offers`.
    pub fn sweep(
        &mut self,
        stage: &StagePlan<'_>,
        id: SweepId,
        from: Currents,
        mem: &mut Memories,
        offers: &mut Offers,
    ) {
        let pass = &stage.passes[id.pass];
        let channels = self.region.channel_count();
        let mut cursor = 0;
        for position in 0..self.region.positions() {
            self.load_row(stage, position, from, mem);
            if pass.reads_state() {
                let state = &mem.state[position * channels..(position + 1) * channels];
                self.membranes.iter_mut().zip(state).for_each(|(m, v)| *m = i64::from(v.membrane));
            }
            let (row, column) = self.place(position);
            let at = (id.step, self.region.channels[0], row, column);
            for (i, step) in pass.steps.iter().enumerate() {
                let elements = position * channels..(position + 1) * channels;
                self.compute_row(stage, i, step, at, elements, mem);
            }
            for tap in &pass.taps {
                mem.statistics.fold_row(tap, at, &self.registers[tap.register]);
            }
            if let Some(register) = pass.output {
                cursor = self.encode_row(stage, register, (id.step, row, column), cursor, offers);
            } else {
                cursor += channels.div_ceil(self.lanes) as u32;
            }
        }
        offers.span = u64::from(cursor);
    }

    fn load_row(&mut self, stage: &StagePlan<'_>, position: usize, from: Currents, mem: &mut Memories) {
        let channels = self.region.channel_count();
        let range = position * channels..(position + 1) * channels;
        let mut currents = std::mem::take(&mut self.registers[0]);
        let bias = &stage.bias[self.region.channels[0]..self.region.channels[1]];
        let mut take = |values: &[i32], engine: &Self| {
            for ((x, &v), &b) in currents.iter_mut().zip(values).zip(bias) {
                *x = engine.check(v) + b;
            }
        };
        match from {
            Currents { buffer: Some(buffer), frame, keep } => {
                let words = &mut mem.accumulator.buffers[buffer][range.clone()];
                take(words, self);
                if let Some(frame) = frame {
                    mem.frames.frame_mut(frame)[range].copy_from_slice(words);
                }
                if !keep {
                    words.fill(0);
                }
            }
            Currents { frame, .. } => {
                let frame = frame.expect("invariant: a sweep reads a buffer or a frame");
                take(&mem.frames.frame(frame)[range], self);
            }
        }
        self.registers[0] = currents;
    }

    fn compute_row(
        &mut self,
        stage: &StagePlan<'_>,
        index: usize,
        step: &Step<'_>,
        at: (usize, usize, usize, usize),
        elements: std::ops::Range<usize>,
        mem: &mut Memories,
    ) {
        let (done, rest) = self.registers.split_at_mut(index + 1);
        let out = &mut rest[0];
        let known = (&*done, &self.membranes[..], &mem.gates);
        let [(a, sa), (b, sb)] = step.operands.map(|o| operand_row(o, known, at));
        match &step.op {
            Element::Relu => out.iter_mut().enumerate().for_each(|(c, y)| *y = a[c * sa].max(0)),
            Element::Requantise(r) => out.iter_mut().enumerate().for_each(|(c, y)| *y = r.apply(a[c * sa])),
            Element::Pulse => out.iter_mut().enumerate().for_each(|(c, y)| *y = pulse(at.0, a[c * sa])),
            Element::Hold => {
                for (c, (y, held)) in out.iter_mut().zip(&mut mem.state[elements]).enumerate() {
                    *y = hold(&mut held.membrane, at.0, a[c * sa]);
                }
            }
            Element::Table(table, lo) => {
                out.iter_mut().enumerate().for_each(|(c, y)| *y = looked_up(table, *lo, a[c * sa]));
            }
            Element::Emit => out.iter_mut().enumerate().for_each(|(c, y)| *y = a[c * sa]),
            Element::Add => out.iter_mut().enumerate().for_each(|(c, y)| *y = a[c * sa] + b[c * sb]),
            Element::Select => select_row(out, (a, sa), (b, sb)),
            Element::Gate(g) => {
                let product = |(c, y): (usize, &mut i64)| *y = round_shift(a[c * sa] * b[c * sb], g.shift);
                out.iter_mut().enumerate().for_each(product);
            }
            Element::Radix(train) => {
                let step = |state: &mut LifState, x, bias| follow(train, at.0, state, x, bias);
                keep_row(out, &mut mem.state[elements], (a, sa), &train.bias[at.1..], step);
            }
            Element::Accumulate(sum) => {
                let step = |state: &mut LifState, x, bias| add_up(sum, at.0, state, x, bias);
                keep_row(out, &mut mem.state[elements], (a, sa), &sum.bias[at.1..], step);
            }
            Element::Fire(lif) => {
                let neurons = &stage.neurons.row(at.0)[self.region.channels[0]..];
                let fires = |(c, y): (usize, &mut i64)| *y = i64::from(lif.fires(&neurons[c], a[c * sa]));
                out.iter_mut().enumerate().for_each(fires);
            }
            Element::Carry(carry) => {
                for (c, (y, state)) in out.iter_mut().zip(&mut mem.state[elements]).enumerate() {
                    *y = carry.apply(a[c * sa]);
                    state.membrane = *y as i32;
                }
            }
            Element::Lif(lif) => {
                let neurons = &stage.neurons.row(at.0)[self.region.channels[0]..];
                let state = &mut mem.state[elements];
                for (c, y) in out.iter_mut().enumerate() {
                    *y = lif.step(&neurons[c], &mut state[c], a[c * sa]);
                }
            }
        }
    }

    /// Non-zero values of a row become events; gives the nominal cycle after the row.
    fn encode_row(
        &self,
        stage: &StagePlan<'_>,
        register: usize,
        (step, row, column): (usize, usize, usize),
        mut cursor: u32,
        offers: &mut Offers,
    ) -> u32 {
        let (plane, first) = (stage.shape.h * stage.shape.w, self.region.channels[0]);
        let within = row * stage.shape.w + column;
        for (block, lanes) in self.registers[register].chunks(self.lanes).enumerate() {
            let start = cursor;
            let leaving = |(lane, &computed): (usize, &i64)| {
                let channel = first + block * self.lanes + lane;
                let value = stage.leaving((step, channel, row, column), computed);
                (value != 0).then_some((channel, value))
            };
            for (channel, value) in lanes.iter().enumerate().filter_map(leaving) {
                offers.events.push(Event { address: (channel * plane + within) as u32, value });
                offers.offsets.push(cursor);
                cursor += 1;
            }
            cursor = cursor.max(start + 1);
        }
        cursor
    }

    /// Computes one word; gives its events.
    pub fn word(
        &self,
        stage: &StagePlan<'_>,
        id: SweepId,
        from: Currents,
        word: usize,
        mem: &mut Memories,
    ) -> Vec<Event> {
        let channels = self.region.channel_count();
        let blocks = channels.div_ceil(self.lanes);
        let (position, block) = (word / blocks, word % blocks);
        let (row, column) = self.place(position);
        let pass = &stage.passes[id.pass];
        let mut events = Vec::new();
        for lane in block * self.lanes..channels.min((block + 1) * self.lanes) {
            let (element, channel) = (position * channels + lane, self.region.channels[0] + lane);
            let at = (id.step, channel, row, column);
            let mut values = vec![load(from, element, mem) + stage.bias[channel]];
            for step in &pass.steps {
                let value = compute(stage, step, &values, at, element, mem);
                values.push(value);
            }
            for tap in &pass.taps {
                mem.statistics.fold(tap, at, values[tap.register]);
            }
            let leaving = pass.output.map(|r| stage.leaving(at, values[r]));
            if let Some(value) = leaving.filter(|&v| v != 0) {
                let address = (channel * stage.shape.h + row) * stage.shape.w + column;
                events.push(Event { address: address as u32, value });
            }
        }
        events
    }
}

/// A row of sums that are kept, with their biases.
fn keep_row(
    out: &mut [i64],
    kept: &mut [LifState],
    (x, stride): (&[i64], usize),
    bias: &[i64],
    step: impl Fn(&mut LifState, i64, i64) -> i64,
) {
    for (c, (y, state)) in out.iter_mut().zip(kept).enumerate() {
        *y = step(state, x[c * stride], bias[c]);
    }
}

/// One step of one element's sum over time; gives what leaves.
fn add_up(sum: &Sum<'_>, step: usize, state: &mut LifState, x: i64, bias: i64) -> i64 {
    let u = sum.op.step(step, i64::from(state.membrane), x);
    state.membrane = i32::try_from(u).expect("invariant: sums stay in their proven 32 bits");
    if step == sum.last {
        u + bias
    } else {
        0
    }
}

/// One step of one element's sum and train, which lies where a neuron's last spike does; gives the bit that leaves.
fn follow(train: &Train<'_>, step: usize, state: &mut LifState, x: i64, bias: i64) -> i64 {
    let kept = (i64::from(state.membrane), state.last as u32);
    let ((u, code), bit) = train.op.step(step, kept, x, bias);
    state.membrane = i32::try_from(u).expect("invariant: sums stay in their proven 32 bits");
    state.last = code as i32;
    i64::from(bit)
}

/// The value where the bit is set, else 0.
fn selected(bit: i64, value: i64) -> i64 {
    value * i64::from(bit != 0)
}

fn select_row(out: &mut [i64], (bits, stride): (&[i64], usize), (values, step): (&[i64], usize)) {
    out.iter_mut().enumerate().for_each(|(c, y)| *y = selected(bits[c * stride], values[c * step]));
}

/// The value in the first step, then zeros.
fn pulse(step: usize, operand: i64) -> i64 {
    if step == 0 {
        operand
    } else {
        0
    }
}

/// The value of the first step, which the memory keeps.
fn hold(held: &mut i32, step: usize, operand: i64) -> i64 {
    if step == 0 {
        *held = i32::try_from(operand).expect("invariant: held values stay in their proven 32 bits");
    }
    i64::from(*held)
}

/// Entry of a table; the type rule has proven that the operand stays in it.
fn looked_up(table: &[i32], lo: i64, operand: i64) -> i64 {
    i64::from(table[(operand - lo) as usize])
}

/// Values of an operand along the channels of a position, and their stride.
fn operand_row<'a>(
    operand: Operand,
    (done, membranes, gates): (&'a [Vec<i64>], &'a [i64], &'a GateMemory),
    (t, c, h, w): (usize, usize, usize, usize),
) -> (&'a [i64], usize) {
    match operand {
        Operand::Register(i) => (&done[i], 1),
        Operand::State => (membranes, 1),
        Operand::Gate { base, shape } => {
            let stride = if shape.c == 1 { 0 } else { shape.h * shape.w };
            (&gates.values[base + shape.broadcast_index(t, c, h, w)..], stride)
        }
    }
}

fn load(from: Currents, element: usize, mem: &mut Memories) -> i64 {
    let Some(buffer) = from.buffer else {
        let frame = from.frame.expect("invariant: a sweep reads a buffer or a frame");
        return i64::from(mem.frames.frame(frame)[element]);
    };
    let cell = &mut mem.accumulator.buffers[buffer][element];
    let value = if from.keep { *cell } else { std::mem::take(cell) };
    if let Some(frame) = from.frame {
        mem.frames.frame_mut(frame)[element] = value;
    }
    i64::from(value)
}

fn compute(
    stage: &StagePlan<'_>,
    step: &Step<'_>,
    values: &[i64],
    (t, c, h, w): (usize, usize, usize, usize),
    element: usize,
    mem: &mut Memories,
) -> i64 {
    let operand = |o: Operand| match o {
        Operand::Register(i) => values[i],
        Operand::State => i64::from(mem.state[element].membrane),
        Operand::Gate { base, shape } => mem.gates.values[base + shape.broadcast_index(t, c, h, w)],
    };
    let [a, b] = step.operands.map(operand);
    match &step.op {
        Element::Relu => a.max(0),
        Element::Requantise(r) => r.apply(a),
        Element::Pulse => pulse(t, a),
        Element::Hold => hold(&mut mem.state[element].membrane, t, a),
        Element::Table(table, lo) => looked_up(table, *lo, a),
        Element::Add => a + b,
        Element::Emit => a,
        Element::Gate(g) => round_shift(a * b, g.shift),
        Element::Select => selected(a, b),
        Element::Radix(train) => follow(train, t, &mut mem.state[element], a, train.bias[c]),
        Element::Accumulate(sum) => add_up(sum, t, &mut mem.state[element], a, sum.bias[c]),
        Element::Fire(lif) => i64::from(lif.fires(&stage.neurons.row(t)[c], a)),
        Element::Carry(carry) => {
            let v = carry.apply(a);
            mem.state[element].membrane =
                i32::try_from(v).expect("invariant: membranes stay in their proven 32 bits");
            v
        }
        Element::Lif(lif) => lif.step(&stage.neurons.row(t)[c], &mut mem.state[element], a),
    }
}
