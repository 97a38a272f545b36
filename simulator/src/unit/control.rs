//! Control: which sweep runs when; credits; statistics, programs and gates between passes.

use super::attention_engine::{AttentionEngine, Finished};
use super::core::Core;
use super::offers::Offers;
use super::sweep_counts::{Source, SweepCounts};
use super::update_engine::{Currents, WordCursor, PIPELINE_CYCLES};
use crate::context::Context;
use crate::packet::{Event, Packet};
use crate::prepare::phase::PhasePlan;
use crate::prepare::sweep::SweepId;
use crate::prepare::Machine;
use crate::run::{Span, SpanKind};
use pulvinar_ir::trace::Entry;
use pulvinar_ir::{Activity, Strategy};

/// What has arrived of a step, or of a pass's statistics or gates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inbox {
    /// End tokens taken.
    pub tokens: u32,
    /// Packets they announce.
    pub announced: u32,
    /// Packets taken.
    pub taken: u32,
    /// Events in the queue.
    pub pending: u32,
}

impl Inbox {
    /// True if everything has been taken and popped.
    pub fn is_complete(&self, tokens: u32) -> bool {
        self.tokens == tokens && self.taken == self.announced && self.pending == 0
    }
}

/// The step in one accumulator buffer.
#[derive(Debug, Clone, Copy)]
pub struct StepSlot {
    /// Arrivals.
    pub inbox: Inbox,
    /// Cycle at which the last write lands.
    pub landed_at: u64,
    /// Cycle of the first pop.
    pub first_pop: u64,
}

impl Default for StepSlot {
    fn default() -> Self {
        StepSlot { inbox: Inbox::default(), landed_at: 0, first_pop: u64::MAX }
    }
}

/// Credits of one producer: consumers that granted each of the next steps.
#[derive(Debug)]
pub struct Credits {
    needed: u32,
    granted: [u32; 2],
    buffers: usize,
}

impl Credits {
    /// The credits a producer starts with: one step a buffer, one less where the consumer takes events a step late.
    pub fn new(stream: Option<u32>, phase: &PhasePlan, machine: &Machine<'_>) -> Self {
        let buffers = machine.buffers;
        let Some(plan) = stream.map(|s| &phase.streams[s as usize]) else {
            return Credits { needed: 0, granted: [0; 2], buffers };
        };
        let mut granted = [plan.granting; 2];
        granted[buffers - 1] -= plan.granting_late;
        Credits { needed: plan.granting, granted, buffers }
    }
    /// True if every consumer has granted the step.
    pub fn has(&self, step: usize) -> bool {
        self.granted[step % self.buffers] == self.needed
    }
    /// Uses the grants of a step.
    pub fn spend(&mut self, step: usize) {
        self.granted[step % self.buffers] = 0;
    }
    /// One consumer grants a step.
    pub fn grant(&mut self, step: usize) {
        self.granted[step % self.buffers] += 1;
    }
}

/// A sweep under way.
#[derive(Debug)]
pub struct Sweep {
    /// Which.
    pub id: SweepId,
    /// First cycle.
    pub start: u64,
    /// It emits nothing.
    pub silent: bool,
    /// Where currents come from.
    pub from: Currents,
    /// Cycles the packer refused.
    pub refusals: u64,
    /// Progress of the plain form.
    pub cursor: WordCursor,
}

impl Core<'_> {
    pub(super) fn control<F>(&mut self, cx: &mut Context<'_, '_, F>) {
        if self.attention.is_some() {
            self.run_program(cx);
        } else if self.waits && self.gates_in.is_complete(1) {
            self.gates_in = Inbox::default();
            self.waits = false;
        }
        if self.sweep.is_none() && cx.now >= self.ready_at && self.may_sweep(cx) {
            self.start_sweep(cx);
        }
    }

    fn may_sweep<F>(&self, cx: &Context<'_, '_, F>) -> bool {
        if self.is_done() {
            return false;
        }
        if cx.machine.barrier.is_some() {
            return cx.barrier == Some((self.step, cx.now));
        }
        let operands = match (self.pass, self.stage.stage.strategy) {
            (0, _) => self.is_accumulated(cx.now),
            (_, Strategy::Recompute) => self.is_replayed(cx.now),
            _ => true,
        };
        let frames =
            self.dma
                .as_ref()
                .is_none_or(|d| if self.pass == 0 { d.has_slot() } else { d.has_frame(self.step) });
        let last = self.pass == self.stage.last_pass();
        operands && frames && !self.waits && (!last || self.credits.has(self.step))
    }

    fn has_landed(&self, now: u64) -> bool {
        let buffer = self.step % self.buffers;
        self.slots[buffer].landed_at <= now && self.engine_buffer() != Some(buffer)
    }

    fn is_accumulated(&self, now: u64) -> bool {
        let late = if self.step > 0 { self.plan.delayed_inputs } else { 0 };
        self.slots[self.step % self.buffers].inbox.is_complete(self.plan.direct_inputs + late)
            && self.has_landed(now)
    }

    fn is_replayed(&self, now: u64) -> bool {
        self.playback.is_some_and(|from| now >= from)
            && self.store.left(self.step) == 0
            && self.has_landed(now)
    }

    /// True once every sweep has ended.
    pub fn is_done(&self) -> bool {
        self.pass == self.stage.passes.len()
    }

    fn start_sweep<F>(&mut self, cx: &mut Context<'_, '_, F>) {
        let id = SweepId { pass: self.pass, step: self.step };
        let stage = self.stage;
        let emits = stage.passes[id.pass].output.is_some();
        let silent = !(emits && self.plan.events.is_some());
        if emits && cx.machine.barrier.is_none() {
            self.credits.spend(id.step);
        }
        let buffer = stage.accumulates(id.pass).then_some(id.step % self.buffers);
        let frame = id.step.checked_rem(stage.frames(self.steps));
        let from = Currents { buffer, frame, keep: stage.keeps(id.pass) };
        if let Some(dma) = self.dma.as_mut().filter(|_| id.pass == 0) {
            dma.start_frame();
        }
        if let Some(buffer) = buffer {
            self.open_slot(cx, id, buffer);
        }
        let label = (self.plan.events.unwrap_or(0), id.step as u16);
        self.offers.reset(label, cx.now + PIPELINE_CYCLES);
        if self.fast {
            if let Some(buffer) = buffer {
                self.memories.accumulator.settle(buffer, &self.plan.images);
            }
            self.update.sweep(stage, id, from, &mut self.memories, &mut self.offers);
            self.record(cx, &self.offers.events, id.step);
            if silent {
                self.offers.reset(label, cx.now + PIPELINE_CYCLES);
                self.offers.span = self.plan.words as u64;
            }
        }
        self.sweep =
            Some(Sweep { id, start: cx.now, silent, from, refusals: 0, cursor: WordCursor::default() });
    }

    /// The buffer's next step starts counting anew; what has arrived is swept now.
    fn open_slot<F>(&mut self, cx: &mut Context<'_, '_, F>, id: SweepId, buffer: usize) {
        let slot = &mut self.slots[buffer];
        if slot.first_pop < u64::MAX {
            cx.log.span(Span {
                start: slot.first_pop,
                end: slot.landed_at,
                stage: self.plan.stage as u32,
                core: self.plan.core,
                kind: SpanKind::Accumulate { pass: id.pass as u32, step: id.step as u32 },
            });
        }
        slot.first_pop = u64::MAX;
        if id.pass == 0 {
            slot.inbox = Inbox::default();
        }
    }

    pub(super) fn end_sweep<F>(&mut self, cx: &mut Context<'_, '_, F>, sweep: &Sweep) {
        let SweepId { pass, step } = sweep.id;
        let now = cx.now;
        let (core, stage) = (self.plan.core, self.plan.stage as u32);
        cx.log.enter(now, Entry::Step { core, pass: pass as u32, step: step as u32 });
        let kind = SpanKind::Sweep { pass: pass as u32, step: step as u32 };
        cx.log.span(Span { start: sweep.start, end: now + 1, stage, core, kind });
        self.book_sweep(cx, sweep);
        self.log_sweep(cx, sweep);
        if !sweep.silent {
            let stream = self.plan.events.expect("invariant: a sweep that is not silent has a stream");
            self.packer.end(stream, step as u16);
        }
        if self.frees(pass, step) {
            self.grant(cx, step);
        }
        match &mut self.dma {
            Some(dma) if pass == 0 => dma.complete_frame(),
            Some(dma) => dma.release_frame(),
            None => {}
        }
        self.ready_at = now + 1;
        self.changed = true;
        let (next, program) = self.stage.follows(sweep.id, self.steps);
        (self.pass, self.step) = (next.pass, next.step);
        if let Some(program) = program {
            self.waits = true;
            self.end_pass(cx, pass, program);
        } else if self.is_done() && pass > 0 && !self.stage.by_step() {
            self.playback = None;
            (self.steps.saturating_sub(self.buffers)..self.steps).for_each(|t| self.grant(cx, t));
        }
    }

    /// True if the end of a sweep leaves the step's buffer free at once.
    fn frees(&self, pass: usize, step: usize) -> bool {
        if self.stage.by_step() {
            return self.stage.frees(pass);
        }
        pass == 0 && (self.stage.passes.len() == 1 || step + self.buffers < self.steps)
    }

    /// A sweep of `pass` has ended and the program of pass `program` comes next.
    fn end_pass<F>(&mut self, cx: &mut Context<'_, '_, F>, pass: usize, program: usize) {
        let stage = self.stage;
        let next = cx.now + 1;
        if self.plan.home {
            self.due = Some(program);
        } else if pass == program {
            let events = self.memories.statistics.covered(&stage.passes[pass], &self.plan.region);
            let n = events.len().div_ceil(cx.machine.program.arch.core.lanes as usize) as u64;
            cx.log.count(self.plan.stage, self.steps - 1, Activity::StatRead, n);
            self.log_list(cx, next, n);
            if let Some(stream) = self.plan.statistics {
                self.list = Some(Offers::list((stream, pass as u16), next, events));
            }
            self.memories.statistics.begin(&stage.passes[stage.gathers_next(pass)]);
        }
        if let Some(dma) = &mut self.dma {
            dma.begin_pass(next);
        }
        if stage.stage.strategy == Strategy::Recompute {
            self.store.rewind();
            self.playback = Some(next);
        }
    }

    /// Queues the credits that a free buffer gives: the step that will use it next.
    fn grant<F>(&mut self, cx: &Context<'_, '_, F>, step: usize) {
        if cx.machine.barrier.is_some() {
            return;
        }
        for grant in &self.plan.grants {
            let next = step + self.buffers - usize::from(grant.delayed);
            self.grants.push_back((grant.stream, next as u32, grant.port));
        }
    }

    /// Pushes one waiting credit packet.
    pub(super) fn send_grant<F>(&mut self, cx: &mut Context<'_, '_, F>) {
        if let Some((stream, step, port)) = self.grants.pop_front() {
            let payload = Packet::Credit { stream, step, from: self.plan.port.0 }.encode();
            self.injector.push_control(payload, port, cx.phase.vc_mask);
        }
    }

    fn run_program<F>(&mut self, cx: &mut Context<'_, '_, F>) {
        let Some(mut attention) = self.attention.take() else { return };
        self.run_attention(cx, &mut attention);
        self.attention = Some(attention);
    }

    fn run_attention<F>(&mut self, cx: &mut Context<'_, '_, F>, attention: &mut AttentionEngine) {
        let graph = cx.machine.small_graph(self.plan.stage);
        let stage = self.stage;
        let lanes = u64::from(cx.machine.program.arch.core.attention_lanes);
        // Rounds behind the last step have no statistics to wait for.
        let expected = if attention.round() < self.steps { self.plan.statistics_inputs } else { 0 };
        if let Some(pass) = self.due.filter(|_| self.statistics_in.is_complete(expected)) {
            self.due = None;
            self.statistics_in = Inbox::default();
            let taps = self.memories.statistics.values(&stage.passes[pass]);
            let program = &stage.stage.passes[pass].program;
            attention.start((cx.now, pass), program, (graph, stage.schedule.as_ref()), taps, lanes);
            self.memories.statistics.begin(&stage.passes[stage.gathers_next(pass)]);
        }
        if !attention.is_running() {
            return;
        }
        let Some(finished) = attention.tick(cx.now, self.fast, graph, stage.schedule.as_ref()) else {
            return;
        };
        let pass = finished.pass;
        if pass + 1 == stage.last_pass() {
            attention.end_round();
        }
        let gates = attention.gates(&stage.passes[pass], stage.by_step());
        let [first, end] = stage.passes[pass].made_range;
        self.memories.gates.values[first..end].copy_from_slice(&gates);
        self.waits = false;
        self.changed = true;
        self.book_program(cx, finished, gates.len());
        if let Some(stream) = self.plan.gates {
            let event = |(i, &value): (usize, &i64)| Event { address: i as u32, value };
            let events = gates.iter().enumerate().map(event).collect();
            self.list = Some(Offers::list((stream, pass as u16), cx.now, events));
        }
    }

    fn book_program<F>(&self, cx: &mut Context<'_, '_, F>, program: Finished, gates: usize) {
        let Finished { pass, start, work } = program;
        let lanes = cx.machine.program.arch.core.lanes as usize;
        let (stage, core) = (self.plan.stage as u32, self.plan.core);
        cx.log.span(Span {
            start,
            end: cx.now,
            stage,
            core,
            kind: SpanKind::Attention { pass: pass as u32 },
        });
        let row = cx.log.row(self.plan.stage, self.steps - 1);
        row.add(Activity::AttentionBusyCycles, cx.now - start);
        let written = gates.div_ceil(lanes) as u64;
        let read = self.stage.passes[pass].tap_len.div_ceil(lanes) as u64;
        row.add(Activity::GateWrite, written);
        row.add(Activity::StatRead, read);
        work.into_iter().for_each(|(activity, n)| row.add(activity, n));
        self.log_program(cx, start, read, written);
    }

    fn book_sweep<F>(&self, cx: &mut Context<'_, '_, F>, sweep: &Sweep) {
        let stage = self.stage;
        let pass = &stage.passes[sweep.id.pass];
        let lanes = cx.machine.program.arch.core.lanes as usize;
        let n = SweepCounts::of(&self.plan.region, lanes, stage, sweep.id);
        let busy = cx.now + 1 - sweep.start - sweep.refusals;
        cx.log.busy[self.plan.core as usize] += busy;
        let row = cx.log.row(self.plan.stage, sweep.id.step);
        let accumulators = sweep.from.buffer.is_some();
        let writes_frame = sweep.from.frame.is_some();
        n.book(row, pass, Source { accumulators, keeps: sweep.from.keep, writes_frame });
        row.add(Activity::SweepBusyCycles, busy);
        row.add(Activity::SweepStallCycles, sweep.refusals);
    }

    /// What the core waits for, for the watchdog.
    pub fn waiting(&self) -> Option<String> {
        if self.is_done() {
            return None;
        }
        let inbox = &self.slots[self.step % self.buffers].inbox;
        let late = if self.step > 0 { self.plan.delayed_inputs } else { 0 };
        let expected = self.plan.direct_inputs + late;
        let reason = if self.pass == 0 && !inbox.is_complete(expected) {
            format!(
                "{} of {expected} end tokens, {} of {} packets",
                inbox.tokens, inbox.taken, inbox.announced
            )
        } else if self.waits {
            format!("gates of pass {}", self.pass.saturating_sub(1))
        } else {
            "credits of its consumers".to_owned()
        };
        let (name, pass, step) = (&self.stage.stage.name, self.pass, self.step);
        Some(format!(
            "core {} (`{name}`) waits for {reason} to sweep step {step} of pass {pass}",
            self.plan.core
        ))
    }
}
