//! The neuron of one lane: two stages of the sweep, its memory, its constants.

use super::core::CoreBuilder;
use super::format::{signed_bits, value_bits};
use super::lanes::{clamp, scaled};
use super::sweep::Stages;
use crate::netlist::{index_bits, Bits, Module};
use pulvinar_ir::op::lif::{Lif, LifConstants, LifOutput, LifRanges, LifReset, LifTable};
use pulvinar_ir::op::neuron::ResetTiming;
use pulvinar_ir::NodeId;

/// Bits of what a neuron keeps, lowest first; 0 for what it does not have.
#[derive(Clone, Copy)]
struct Cell {
    membrane: u32,
    /// Emission of the step before: a bit for 0 and 1, else two's complement.
    last: u32,
    current: u32,
    spent: u32,
}

impl Cell {
    fn of(lif: &Lif, ranges: &LifRanges) -> Cell {
        let bits = |(lo, hi): (i64, i64)| signed_bits(lo, hi);
        let emission = if is_binary(lif) { 1 } else { bits(lif.emitted().into()) };
        let late = lif.reset_timing != ResetTiming::SameStep || lif.leak_fired.is_some();
        Cell {
            membrane: bits(ranges.membrane),
            last: if late { emission } else { 0 },
            current: if lif.current.is_some() { bits(ranges.current) } else { 0 },
            spent: lif.budget.map_or(0, |b| bits(b.into())),
        }
    }

    fn parts(self) -> [u32; 4] {
        [self.membrane, self.last, self.current, self.spent]
    }

    fn bits(self) -> u32 {
        self.parts().iter().sum()
    }
}

fn is_binary(lif: &Lif) -> bool {
    lif.emitted() == [0, 1]
}

/// Constants of a neuron, one a lane; none where the neuron has one for all, or lacks it.
#[derive(Default)]
struct Constants {
    bias: Vec<Bits>,
    threshold: Vec<Bits>,
    reset: Vec<Bits>,
    initial: Vec<Bits>,
    clamp: Option<Vec<Bits>>,
    leak: Option<Vec<Bits>>,
    leak_fired: Option<Vec<Bits>>,
    current_leak: Option<Vec<Bits>>,
    gain: Option<Vec<Bits>>,
    higher: Vec<Vec<Bits>>,
    negative: Option<Vec<Bits>>,
    minus: Option<Vec<Bits>>,
}

/// What a neuron keeps: as it was stored, or as it will be.
struct Kept {
    membrane: Bits,
    last: Bits,
    current: Bits,
    spent: Bits,
}

/// What a step of a neuron gives.
struct Updated {
    leaving: Bits,
    kept: Kept,
    /// Leaked membrane, a stage earlier.
    leaked: Bits,
}

impl CoreBuilder<'_> {
    /// Neurons of all lanes on the current in `stage`; gives what leaves them in that stage.
    ///
    /// The state is read two stages earlier, leaks in between, and is written back when the word leaves.
    pub(super) fn neuron(
        &mut self,
        at: &Stages,
        id: NodeId,
        lif: &Lif,
        current: &[Bits],
        stage: usize,
    ) -> Vec<Bits> {
        let source = self.graph().node(id).inputs[0];
        let input = self.graph().node(source).ty.as_int("").cloned();
        let range = input.map_or((0, 0), |t| (t.lo, t.hi));
        let cell = Cell::of(lif, &lif.state_ranges(&self.stage.neurons, range, self.machine().steps));
        let out = value_bits(self.graph(), id);
        let constants = self.neuron_constants(at, lif, cell.membrane, stage);
        let lanes = self.lanes() as u32;
        let [state, written] = self.kept(at, stage, ["membrane", "membrane_next"], lanes * cell.bits());
        let first = self.m.is(&at.step, 0);
        let (mut leaving, mut next) = (Vec::new(), Vec::new());
        for l in 0..lanes {
            let stored = self.stored(&state, l * cell.bits(), cell, (&first, &constants.initial[l as usize]));
            let place = (&constants, l as usize);
            let done =
                one_neuron(&mut self.m, &at.advance, lif, (cell, out), place, &stored, &current[l as usize]);
            let kept = [done.kept.membrane, done.kept.last, done.kept.current, done.kept.spent];
            next.extend(kept.into_iter().zip(cell.parts()).filter(|(_, bits)| *bits > 0).map(|(k, _)| k));
            leaving.push(done.leaving);
        }
        let joined = self.m.join(&next);
        self.join_nets(&written, &joined);
        leaving
    }

    /// Parts of the cell at `lsb`; before the first step the potential is the initial one and the rest 0.
    fn stored(&mut self, state: &Bits, lsb: u32, cell: Cell, (first, initial): (&Bits, &Bits)) -> Kept {
        let raw = self.m.slice(state, lsb, cell.membrane);
        let membrane = self.m.mux(first, initial, &raw);
        let mut lsb = lsb + cell.membrane;
        let mut part = |bits: u32| {
            if bits == 0 {
                return Bits::zero();
            }
            let raw = self.m.slice(state, lsb, bits);
            lsb += bits;
            if bits == 1 {
                let again = self.m.not(first);
                return self.m.and(&raw, &again);
            }
            self.m.mux(first, &Bits::unsigned(0, bits), &raw)
        };
        Kept { membrane, last: part(cell.last), current: part(cell.current), spent: part(cell.spent) }
    }

    fn neuron_constants(&mut self, at: &Stages, lif: &Lif, width: u32, stage: usize) -> Constants {
        let table = self.stage.neurons.clone();
        let list = |f: fn(&LifConstants) -> i64| table.all().iter().map(f).collect::<Vec<i64>>();
        let widest = |values: &[i64]| values.iter().map(|&v| signed_bits(v, v)).max().unwrap_or(1);
        let compared = |values: Vec<i64>| {
            let bits = widest(&values).max(width);
            (values, bits)
        };
        let lowest = -(1i64 << (width - 1));
        let clamps = list(|k| k.clamp_min);
        let clamped = clamps.iter().any(|&v| v > i64::MIN);
        let clamps = compared(clamps.iter().map(|&v| v.max(lowest)).collect());
        let late = lif.reset_timing == ResetTiming::NextStep;
        let mut all = |values: (Vec<i64>, u32), stage: usize| self.by_step(&table, &values, at, stage);
        let mut some = |wanted: bool, f: fn(&LifConstants) -> i64, stage: usize| {
            let values = list(f);
            let bits = widest(&values);
            wanted.then(|| all((values, bits), stage))
        };
        let current_leaks = lif.current.as_ref().is_some_and(|c| c.leaks.is_some());
        let (leak, leak_fired, current_leak, gain, minus) = (
            some(lif.leaks.is_some() || lif.leak_fired.is_some(), |k| k.leak, stage - 1),
            some(lif.leak_fired.is_some(), |k| k.leak_fired, stage - 1),
            some(current_leaks, |k| k.current_leak, stage - 1),
            some(lif.input_gain.is_some(), |k| k.gain, stage),
            some(matches!(&lif.output, LifOutput::Membrane { minus: Some(_), .. }), |k| k.minus, stage),
        );
        let higher = |level: usize| table.all().iter().map(|k| k.higher[level]).collect::<Vec<i64>>();
        Constants {
            bias: all((list(|k| k.bias), width), stage),
            threshold: all(compared(list(|k| k.threshold)), stage),
            reset: all((list(|k| k.reset), width), stage - usize::from(late)),
            initial: all((list(|k| k.initial), width), stage - 1),
            clamp: clamped.then(|| all(clamps, stage)),
            leak,
            leak_fired,
            current_leak,
            gain,
            higher: (0..lif.higher.len()).map(|level| all(compared(higher(level)), stage)).collect(),
            negative: lif.negative.is_some().then(|| all(compared(list(|k| k.negative)), stage)),
            minus,
        }
    }

    /// Constants by step and channel as lanes of a stage.
    pub(super) fn by_step(
        &mut self,
        table: &LifTable,
        (values, width): &(Vec<i64>, u32),
        at: &Stages,
        stage: usize,
    ) -> Vec<Bits> {
        let channels = values.len() / table.steps();
        let row = &values[..channels];
        if values.chunks(channels).all(|r| r == row) {
            return self.per_channel(row, *width, at, stage);
        }
        let (lanes, blocks) = (self.lanes(), self.plan.blocks);
        let (first, count) = (self.plan.region.channels[0], self.plan.region.channel_count());
        let bits = index_bits(table.steps() * blocks);
        let step = scaled(&mut self.m, &at.step, blocks as u64, bits + 1);
        let block = self.m.zext(&at.places[stage].block, bits + 1);
        let index = self.m.add(&step, &block);
        let index = self.m.zext(&index, bits);
        let value = |t: usize, block: usize, lane: usize| {
            let c = first + (block * lanes + lane).min(count - 1);
            Bits::signed(values[t * channels + c], *width)
        };
        (0..lanes)
            .map(|lane| {
                let data = (0..table.steps()).flat_map(|t| (0..blocks).map(move |b| (t, b)));
                let data = data.map(|(t, b)| value(t, b, lane)).collect();
                self.lookup(&format!("step_constant_s{stage}"), *width, data, index.clone())
            })
            .collect()
    }
}

/// The low bits of a two's complement number, or the number sign-extended.
fn fit(m: &mut Module, value: &Bits, width: u32) -> Bits {
    let wide = m.sext(value, width.max(value.width()));
    m.zext(&wide, width)
}

/// An emission is not 0.
fn some(m: &mut Module, emission: &Bits) -> Bits {
    if emission.width() == 1 {
        return emission.clone();
    }
    let none = m.is(emission, 0);
    m.not(&none)
}

/// `(value · factor) >> shift` in `width` bits.
fn leak(m: &mut Module, value: &Bits, factor: &Bits, shift: u32, width: u32) -> Bits {
    let product = m.mul(value, factor);
    let high = m.sext(&product, product.width().max(shift + 1));
    let high = m.slice(&high, shift, high.width() - shift);
    fit(m, &high, width)
}

/// The membrane after an emission.
fn after_reset(m: &mut Module, lif: &Lif, reset: &Bits, v: &Bits, emission: &Bits) -> Bits {
    match lif.reset {
        LifReset::None => v.clone(),
        LifReset::Value => {
            let some = some(m, emission);
            m.mux(&some, reset, v)
        }
        LifReset::Subtract if emission.width() == 1 => {
            let less = m.sub(v, reset);
            m.mux(emission, &less, v)
        }
        LifReset::Subtract => {
            let all = m.mul(emission, reset);
            let all = fit(m, &all, v.width());
            m.sub(v, &all)
        }
    }
}

/// The membrane after reset and leak, in the stage before the current's.
fn leaked(m: &mut Module, lif: &Lif, (k, lane): (&Constants, usize), stored: &Kept) -> Bits {
    let late = lif.reset_timing == ResetTiming::NextStep;
    let v = if late {
        after_reset(m, lif, &k.reset[lane], &stored.membrane, &stored.last)
    } else {
        stored.membrane.clone()
    };
    let width = v.width();
    let factor = match (&k.leak, &k.leak_fired) {
        (Some(leaks), Some(fired)) => {
            let bits = leaks[lane].width().max(fired[lane].width());
            let (a, b) = (m.sext(&fired[lane], bits), m.sext(&leaks[lane], bits));
            let some = some(m, &stored.last);
            m.mux(&some, &a, &b)
        }
        (Some(leaks), None) => leaks[lane].clone(),
        _ if lif.leak == 1 << lif.leak_shift => return v,
        _ => Bits::signed(lif.leak, signed_bits(lif.leak, lif.leak)),
    };
    leak(m, &v, &factor, lif.leak_shift, width)
}

/// The synaptic current: what drives the membrane in the current's stage, and what is kept but for a reset in the same step.
fn synaptic(
    m: &mut Module,
    advance: &Bits,
    lif: &Lif,
    (k, lane): (&Constants, usize),
    stored: &Kept,
    x: &Bits,
) -> (Bits, Bits) {
    let Some(c) = &lif.current else { return (fit_shifted(m, x, lif.input_shift), Bits::zero()) };
    let width = stored.current.width();
    let mut before = stored.current.clone();
    if c.reset && lif.reset_timing == ResetTiming::NextStep {
        let some = some(m, &stored.last);
        before = m.mux(&some, &Bits::unsigned(0, width), &before);
    }
    let decayed = match &k.current_leak {
        None if c.leak == 1 << c.leak_shift => before.clone(),
        factors => {
            let one = || Bits::signed(c.leak, signed_bits(c.leak, c.leak));
            let factor = factors.as_ref().map_or_else(one, |f| f[lane].clone());
            leak(m, &before, &factor, c.leak_shift, width)
        }
    };
    let decayed = m.delayed(&format!("decayed_l{lane}"), decayed, Some(advance.clone()));
    let x = fit_shifted(m, x, lif.input_shift);
    let x = fit(m, &x, width);
    let after = m.add(&decayed, &x);
    let drive = if c.delayed {
        m.delayed(&format!("current_l{lane}"), before, Some(advance.clone()))
    } else {
        after.clone()
    };
    (drive, after)
}

fn fit_shifted(m: &mut Module, x: &Bits, by: u32) -> Bits {
    if by == 0 {
        return x.clone();
    }
    let wide = m.sext(x, x.width() + by);
    m.shift_left(&wide, by)
}

/// The emission of a charged membrane, and the sum of all.
fn emit(m: &mut Module, lif: &Lif, (k, lane): (&Constants, usize), h: &Bits, spent: &Bits) -> (Bits, Bits) {
    let mut reaches = |threshold: &Bits| {
        let compared = m.sext(h, threshold.width());
        let under = m.less(&compared, threshold);
        m.not(&under)
    };
    let spike = reaches(&k.threshold[lane]);
    let higher: Vec<Bits> = k.higher.iter().map(|level| reaches(&level[lane])).collect();
    if higher.is_empty() && lif.negative.is_none() && lif.budget.is_none() {
        return (spike, Bits::zero());
    }
    let width = signed_bits(-1, 1 + higher.len() as i64);
    let mut s = m.zext(&spike, width);
    for level in higher {
        let one = m.zext(&level, width);
        s = m.add(&s, &one);
    }
    if let Some(negative) = &k.negative {
        let compared = m.sext(h, negative[lane].width());
        let under = m.less(&compared, &negative[lane]);
        let quiet = m.not(&spike);
        let fires = m.and(&under, &quiet);
        s = m.mux(&fires, &Bits::signed(-1, width), &s);
    }
    let [lo, hi] = lif.emitted();
    let kept = signed_bits(lo, hi);
    let Some([least, most]) = lif.budget else { return (fit(m, &s, kept), Bits::zero()) };
    let wide = width.max(spent.width()) + 1;
    let (a, b) = (m.sext(spent, wide), m.sext(&s, wide));
    let sum = m.add(&a, &b);
    let sum = clamp(m, &sum, (least, most), wide);
    let s = m.sub(&sum, &a);
    (fit(m, &s, if is_binary(lif) { 1 } else { kept }), fit(m, &sum, spent.width()))
}

/// What leaves: the emission, or the charged membrane.
fn leaving(m: &mut Module, lif: &Lif, (k, lane): (&Constants, usize), h: &Bits, s: &Bits, out: u32) -> Bits {
    let LifOutput::Membrane { shift, relu, .. } = &lif.output else {
        return if s.width() == 1 { m.zext(s, 2) } else { m.sext(s, out.max(s.width())) };
    };
    let mut y = h.clone();
    if let Some(minus) = &k.minus {
        let wide = h.width().max(minus[lane].width()) + 1;
        let (a, b) = (m.sext(h, wide), m.sext(&minus[lane], wide));
        y = m.sub(&a, &b);
    }
    let wide = m.sext(&y, y.width().max(shift + 1));
    let mut y = m.slice(&wide, *shift, wide.width() - shift);
    if *relu {
        let sign = m.bit(&y, y.width() - 1);
        y = m.mux(&sign, &Bits::unsigned(0, y.width()), &y);
    }
    fit(m, &y, out)
}

/// One lane; sums are modulo 2^width, and the proven ranges fit.
fn one_neuron(
    m: &mut Module,
    advance: &Bits,
    lif: &Lif,
    (cell, out): (Cell, u32),
    place: (&Constants, usize),
    stored: &Kept,
    x: &Bits,
) -> Updated {
    let ((k, lane), width) = (place, cell.membrane);
    let held = |m: &mut Module, what: &str, value: &Bits| {
        m.delayed(&format!("{what}_l{lane}"), value.clone(), Some(advance.clone()))
    };
    // The stage before the current's.
    let leaked = leaked(m, lif, place, stored);
    let leaked = held(m, "leaked", &leaked);
    let (drive, mut after) = match &k.gain {
        Some(gain) => (m.mul(x, &gain[lane]), Bits::zero()),
        None => synaptic(m, advance, lif, place, stored, x),
    };
    let drive = fit(m, &drive, width);
    let sum = m.add(&leaked, &drive);
    let mut h = m.add(&sum, &k.bias[lane]);
    let clears = lif.current.as_ref().is_some_and(|c| c.reset);
    if lif.reset_timing == ResetTiming::NextCharge {
        let last = held(m, "last", &stored.last);
        h = after_reset(m, lif, &k.reset[lane], &h, &last);
        if clears {
            let some = some(m, &last);
            after = m.mux(&some, &Bits::unsigned(0, after.width()), &after);
        }
    }
    let spent = if cell.spent > 0 { held(m, "spent", &stored.spent) } else { Bits::zero() };
    let (s, spent) = emit(m, lif, place, &h, &spent);
    let leaving = leaving(m, lif, place, &h, &s, out);
    let mut membrane = h.clone();
    if lif.reset_timing == ResetTiming::SameStep {
        membrane = after_reset(m, lif, &k.reset[lane], &h, &s);
        if clears {
            let some = some(m, &s);
            after = m.mux(&some, &Bits::unsigned(0, after.width()), &after);
        }
    }
    if let Some(clamps) = &k.clamp {
        let clamp = &clamps[lane];
        let value = m.sext(&membrane, clamp.width());
        let low = m.less(&value, clamp);
        let bounded = m.mux(&low, clamp, &value);
        membrane = m.zext(&bounded, width);
    }
    Updated { leaving, kept: Kept { membrane, last: s, current: after, spent }, leaked }
}

/// One lane's neuron as the module `neuron`, for proofs: state and constants are inputs of `width` bits, the current
/// has `current_bits`. `stored`, `fired` and the reset of a late neuron belong to the stage before the others; `leaked`
/// is the register between.
pub fn neuron_module(lif: &Lif, width: u32, current_bits: u32) -> Module {
    let late = lif.reset_timing == ResetTiming::NextStep;
    let mut m = Module::new("neuron", "One neuron.");
    let mut port = |name: &str, width| m.input(name, width);
    let (advance, stored, fired) = (port("advance", 1), port("stored", width), port("fired", 1));
    let current = port("current", current_bits);
    let [bias, threshold, reset, clamp] =
        ["bias", "threshold", "reset", "clamp"].map(|name| vec![port(name, width)]);
    let clamp = lif.clamp_min.as_ref().map(|_| clamp);
    let constants = Constants { bias, threshold, reset, clamp, ..Constants::default() };
    let last = if late { fired } else { Bits::zero() };
    let stored = Kept { membrane: stored, last, current: Bits::zero(), spent: Bits::zero() };
    let cell = Cell { membrane: width, last: u32::from(late), current: 0, spent: 0 };
    let done = one_neuron(&mut m, &advance, lif, (cell, 2), (&constants, 0), &stored, &current);
    m.output("leaked", done.leaked);
    m.output("spike", done.kept.last);
    m.output("membrane", done.kept.membrane);
    m
}
