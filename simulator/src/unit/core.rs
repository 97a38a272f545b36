//! One core: the units around one slice, and the order in which a cycle visits them.
//!
//! A cycle is decided from registers as they are at its start. Within a core that order is: control, injector, encoder
//! and packer, credits, synapse engine, interface; what a unit must not see yet is sampled before the others move.

use super::accumulator::{Accumulator, Work};
use super::attention_engine::AttentionEngine;
use super::control::{Credits, Inbox, StepSlot, Sweep};
use super::event_queue::{EventQueue, Queued, GATE, STATISTIC};
use super::frame_buffer::FrameBuffer;
use super::frame_dma::FrameDma;
use super::gate_memory::GateMemory;
use super::injector::Injector;
use super::interface_in::{InterfaceIn, Item};
use super::offers::Offers;
use super::packer::Packer;
use super::spike_store::SpikeStore;
use super::statistics::Statistics;
use super::synapse_engine::{Arrival, Cycle, Surroundings, SynapseEngine, LANDING_CYCLES};
use super::update_engine::{Memories, UpdateEngine};
use crate::context::{Context, Wake};
use crate::noc::Fabric;
use crate::packet::Event;
use crate::prepare::phase::{CorePlan, PhasePlan};
use crate::prepare::sparse::Banking;
use crate::prepare::sweep::StagePlan;
use crate::prepare::Machine;
use pulvinar_ir::{counts::Memory, Activity, Strategy, StreamKind};
use std::collections::VecDeque;

/// A core with a slice.
#[derive(Debug)]
pub struct Core<'m> {
    pub(super) plan: &'m CorePlan,
    pub(super) stage: &'m StagePlan<'m>,
    pub(super) fast: bool,
    pub(super) buffers: usize,
    pub(super) steps: usize,
    pub(super) banking: Banking,
    interface: InterfaceIn,
    queue: EventQueue,
    /// Progress of the step that uses each accumulator buffer.
    pub(super) slots: [StepSlot; 2],
    pub(super) statistics_in: Inbox,
    pub(super) gates_in: Inbox,
    pub(super) injector: Injector,
    pub(super) packer: Packer,
    /// Statistics or gates on their way out.
    pub(super) list: Option<Offers>,
    pub(super) offers: Offers,
    pub(super) sweep: Option<Sweep>,
    /// Credits to send: stream, step, port.
    pub(super) grants: VecDeque<(u32, u32, crate::noc::PortId)>,
    pub(super) credits: Credits,
    /// Pass and step of the next (or current) sweep.
    pub(super) pass: usize,
    pub(super) step: usize,
    /// First cycle at which the next sweep may start.
    pub(super) ready_at: u64,
    /// The next sweep waits for a program and its gates.
    pub(super) waits: bool,
    /// Pass whose own statistics are complete and whose program has not started (home).
    pub(super) due: Option<usize>,
    /// First cycle of the playback of the spike store, in passes that recompute.
    pub(super) playback: Option<u64>,
    engine: SynapseEngine,
    /// Step of the event in the plain engine.
    engine_step: usize,
    pub(super) update: Box<UpdateEngine>,
    pub(super) memories: Box<Memories>,
    pub(super) store: Box<SpikeStore>,
    /// At the home of a stage of several passes.
    pub(super) attention: Option<Box<AttentionEngine>>,
    /// Frame transfers, where the stage spills to external memory.
    pub(super) dma: Option<Box<FrameDma>>,
    /// Something changed that control looks at.
    pub(super) changed: bool,
}

impl<'m> Core<'m> {
    /// A core at the start of a phase.
    pub fn new(
        machine: &'m Machine<'m>,
        plan: &'m CorePlan,
        phase: &'m PhasePlan,
        fast: bool,
        start: u64,
    ) -> Self {
        let arch = &machine.program.arch;
        let stage = &machine.stages[plan.stage];
        let banking =
            Banking { lanes: arch.core.lanes as usize, banks: arch.core.accumulator_banks as usize };
        let update = UpdateEngine::new(plan.region, banking.lanes, stage);
        let memories = memories(machine, plan, &update, fast);
        let store = if stage.stage.strategy == Strategy::Recompute { machine.steps } else { 0 };
        let (flits, vcs) = (arch.noc.inject_flits as usize, arch.noc.virtual_channels as u8);
        Core {
            plan,
            stage,
            fast,
            buffers: machine.buffers,
            steps: machine.steps,
            banking,
            interface: InterfaceIn::new(plan.port),
            queue: EventQueue::new(arch.core.queue_events as usize),
            slots: [StepSlot::default(); 2],
            statistics_in: Inbox::default(),
            gates_in: Inbox::default(),
            injector: Injector::new(plan.port, flits, vcs),
            packer: Packer::new(phase.vc_mask, machine.barrier.is_none()),
            list: None,
            offers: Offers::default(),
            sweep: None,
            grants: VecDeque::new(),
            credits: Credits::new(plan.events, phase, machine),
            pass: 0,
            step: 0,
            ready_at: start,
            waits: false,
            due: None,
            playback: None,
            engine: SynapseEngine::new(machine.stall),
            engine_step: 0,
            update: Box::new(update),
            memories: Box::new(memories),
            store: Box::new(SpikeStore::new(store)),
            attention: (plan.home && stage.passes.len() > 1).then(Box::default),
            dma: frame_dma(machine, plan, phase).map(Box::new),
            changed: false,
        }
    }

    /// One cycle; says when the next one matters.
    pub fn tick<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>) -> Wake {
        self.changed = false;
        let (queue_room, data_room) = (self.queue.has_room(), self.injector.has_room());
        let (playable, granting) = (self.step + self.buffers, !self.grants.is_empty());
        self.control(cx);
        if let Some(payload) = self.injector.tick(cx.fabric) {
            cx.log.count(self.plan.stage, cx.step_of(payload), Activity::FlitInject, 1);
            let freed = !data_room && self.injector.has_room();
            self.changed |= freed && !self.push_ahead(cx);
        }
        let holds = self.dma.is_some() && self.transfer(cx, data_room);
        let emission = self.emit(cx, data_room && !holds);
        if granting {
            self.send_grant(cx);
        }
        self.work(cx, playable);
        if let Some(item) = self.interface.tick(cx.fabric, cx.slab, queue_room) {
            self.receive(cx, item);
        }
        self.wake(cx, emission)
    }

    /// The injector has just sent from a full data queue, so a packer with copies left pushes the next one in the next cycle,
    /// whatever else happens. The fast form pushes it now: behind other flits it is seen no earlier.
    fn push_ahead<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        let ahead = self.fast && self.packer.has_copies() && self.dma.is_none() && self.injector.has_data();
        if ahead {
            let plan = &cx.phase.streams[self.packer.stream() as usize];
            self.packer.push(plan, cx.slab, &mut self.injector);
        }
        ahead
    }

    /// Frame transfers; true if the packer must leave the data queue alone in this cycle.
    fn transfer<F>(&mut self, cx: &mut Context<'_, '_, F>, room: bool) -> bool {
        let idle = self.packer.is_idle() && self.list.is_none();
        let Some(dma) = &mut self.dma else { return false };
        let held = dma.holds_queue();
        let done = dma.tick(cx.now, self.steps, room, idle, cx.transfers, &mut self.injector);
        let holds = held || dma.holds_queue();
        if let Some((step, since)) = done {
            self.changed = true;
            self.moved_frame(cx, step, since, false);
        }
        holds
    }

    fn wake<F: Fabric>(&self, cx: &Context<'_, '_, F>, emission: u64) -> Wake {
        let next = cx.now + 1;
        let blocked = !self.queue.has_room() && self.interface.head_is_event(cx.fabric);
        let jammed = self.injector.is_jammed(cx.fabric);
        let waiting = !jammed && !self.injector.is_empty()
            || self.dma.as_ref().is_some_and(|d| d.is_active(self.steps) || !self.injector.is_empty());
        if self.changed || waiting || !self.grants.is_empty() {
            return Wake { at: next, blocked, jammed };
        }
        let mut at = emission;
        if let Some(front) = self.queue.front() {
            let plain_pop = matches!(front.group, STATISTIC | GATE);
            at = at.min(if plain_pop { next } else { self.engine.free_at().max(next) });
        }
        if let Some(from) = self.playback.filter(|_| self.playable(self.step + self.buffers)) {
            at = at.min(from.max(self.engine.free_at()).max(next));
        }
        if self.sweep.is_none() {
            let landed = self.slots[self.step % self.buffers].landed_at;
            at = at.min(if landed > cx.now { landed } else { u64::MAX });
            at = at.min(if self.ready_at > cx.now { self.ready_at } else { u64::MAX });
        }
        at = at.min(self.attention.as_ref().and_then(|a| a.finish_at()).unwrap_or(u64::MAX));
        Wake { at, blocked, jammed }
    }

    /// True if nothing is under way except writes that have yet to land.
    pub fn is_quiet(&self) -> bool {
        self.sweep.is_none()
            && self.list.is_none()
            && self.packer.is_idle()
            && self.injector.is_empty()
            && self.queue.is_empty()
            && self.grants.is_empty()
            && !self.engine.is_busy()
            && !self.attention.as_ref().is_some_and(|a| a.is_running())
            && !self.dma.as_ref().is_some_and(|d| d.is_busy())
            && !(self.playback.is_some() && self.playable(self.step + self.buffers))
    }

    /// Cycle at which the last write lands.
    pub fn landed_at(&self) -> u64 {
        self.slots[0].landed_at.max(self.slots[1].landed_at)
    }

    fn receive<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, item: Item) {
        let layer = self.plan.stage;
        match item {
            Item::Event { stream, step, event, last } => {
                let booked = cx.event_step(stream, step);
                let row = cx.log.row(layer, booked);
                row.add(Activity::FlitEject, u64::from(last));
                self.receive_event(cx, stream, step, event, last);
            }
            Item::End { stream, step, packets } => {
                cx.log.count(layer, cx.event_step(stream, step), Activity::FlitEject, 1);
                let inbox = self.inbox(cx, stream, step);
                inbox.tokens += 1;
                inbox.announced += packets;
                self.changed = true;
            }
            Item::Credit { step, .. } => {
                cx.log.count(layer, step as usize, Activity::FlitEject, 1);
                self.credits.grant(step as usize);
                self.changed = true;
            }
            Item::Memory { tail } => {
                cx.log.count(layer, self.steps - 1, Activity::FlitEject, 1);
                if let Some((step, since)) = self.dma.as_mut().filter(|_| tail).and_then(|d| d.take_packet())
                {
                    self.moved_frame(cx, step, since, true);
                }
                self.changed = true;
            }
        }
    }

    /// Counters of the step (or pass) a packet of a stream belongs to.
    fn inbox<F>(&mut self, cx: &Context<'_, '_, F>, stream: u32, step: u16) -> &mut Inbox {
        match cx.phase.streams[stream as usize].kind {
            StreamKind::Statistics => &mut self.statistics_in,
            StreamKind::Gates => &mut self.gates_in,
            StreamKind::Events => {
                let target = usize::from(step) + usize::from(self.delay(cx, stream));
                &mut self.slots[target % self.buffers].inbox
            }
        }
    }

    fn group<F>(&self, cx: &Context<'_, '_, F>, stream: u32) -> u16 {
        cx.phase.group_of[self.plan.stage * cx.phase.streams.len() + stream as usize]
    }

    fn delay<F>(&self, cx: &Context<'_, '_, F>, stream: u32) -> bool {
        self.stage.groups[usize::from(self.group(cx, stream))].delayed
    }

    fn receive_event<F>(
        &mut self,
        cx: &mut Context<'_, '_, F>,
        stream: u32,
        step: u16,
        event: Event,
        last: bool,
    ) {
        let group = match cx.phase.streams[stream as usize].kind {
            StreamKind::Events => self.group(cx, stream),
            StreamKind::Statistics => STATISTIC,
            StreamKind::Gates => GATE,
        };
        let useless = group < STATISTIC
            && self.stage.passes.len() > 1
            && usize::from(step) + usize::from(self.delay(cx, stream)) >= self.steps;
        let inbox = self.inbox(cx, stream, step);
        inbox.taken += u32::from(last);
        if useless {
            self.changed |= last;
            return;
        }
        inbox.pending += 1;
        let event = Queued { address: event.address, group, step, value: event.value };
        cx.log.count(self.plan.stage, cx.event_step(stream, step), Activity::EventPush, 1);
        if self.fast && group < STATISTIC && self.queue.is_empty() && self.engine.free_at() <= cx.now + 1 {
            // Alone before a free engine: it will be popped in the next cycle, whatever else happens.
            self.take(cx, event, cx.now + 1);
        } else {
            self.queue.push(event);
        }
        self.log_access(cx, Memory::EventQueue, true);
    }

    /// True if the next event of the spike store may be played, its step being below `limit`.
    fn playable(&self, limit: usize) -> bool {
        self.store.front().is_some_and(|e| self.target(e) < limit)
    }

    fn target(&self, event: Queued) -> usize {
        usize::from(event.step) + usize::from(self.stage.groups[usize::from(event.group)].delayed)
    }

    /// Queue, spike store and synapse engine.
    fn work<F>(&mut self, cx: &mut Context<'_, '_, F>, playable: usize) {
        let free = self.advance_engine(cx);
        if free && self.playback.is_some_and(|from| cx.now >= from) && self.playable(playable) {
            self.play(cx);
        }
        let Some(event) = self.queue.front() else { return };
        if free || matches!(event.group, STATISTIC | GATE) {
            self.log_access(cx, Memory::EventQueue, false);
        }
        match event.group {
            STATISTIC => self.pop_statistic(cx, event),
            GATE => {
                self.log_access(cx, Memory::Gate, true);
                self.queue.pop();
                self.gates_in.pending -= 1;
                let first = self.stage.passes[usize::from(event.step)].made_range[0];
                self.memories.gates.write(first + event.address as usize, event.value);
                let row = cx.log.row(self.plan.stage, self.steps - 1);
                row.add(Activity::EventPop, 1);
                row.add(Activity::GateWrite, 1);
                self.changed = true;
            }
            _ if free => {
                self.queue.pop();
                self.take(cx, event, cx.now);
            }
            _ => {}
        }
    }

    /// The synapse engine takes an event of the queue at cycle `at`.
    fn take<F>(&mut self, cx: &mut Context<'_, '_, F>, event: Queued, at: u64) {
        let target = self.target(event);
        self.slots[target % self.buffers].inbox.pending -= 1;
        cx.log.count(self.plan.stage, usize::from(event.step), Activity::EventPop, 1);
        if self.stage.stage.strategy == Strategy::Recompute && self.stage.passes.len() > 1 {
            self.store.append(event, target);
            cx.log.count(self.plan.stage, usize::from(event.step), Activity::SpikeStoreWrite, 1);
            self.log_access(cx, Memory::SpikeStore, true);
        }
        self.accumulate(cx, event, at);
    }

    fn pop_statistic<F>(&mut self, cx: &mut Context<'_, '_, F>, event: Queued) {
        self.queue.pop();
        self.statistics_in.pending -= 1;
        let pass = &self.stage.passes[usize::from(event.step)];
        let max =
            self.memories.statistics.combine(pass, Event { address: event.address, value: event.value });
        let row = cx.log.row(self.plan.stage, self.steps - 1);
        row.add(Activity::EventPop, 1);
        row.add(Activity::StatRead, 1);
        row.add(Activity::StatWrite, 1);
        row.add(if max { Activity::StatCompare } else { Activity::StatAdd }, 1);
        self.log_arrival(cx, pass.taps.len());
        self.changed = true;
    }

    fn play<F>(&mut self, cx: &mut Context<'_, '_, F>) {
        let event = self.store.front().expect("invariant: the caller has seen an event to play");
        let target = self.target(event);
        self.store.advance(target);
        cx.log.count(self.plan.stage, usize::from(event.step), Activity::SpikeStoreRead, 1);
        self.log_access(cx, Memory::SpikeStore, false);
        self.accumulate(cx, event, cx.now);
        self.changed = true;
    }

    /// The cycle of the plain engine; true if an event may be popped in this cycle.
    fn advance_engine<F>(&mut self, cx: &mut Context<'_, '_, F>) -> bool {
        if self.fast {
            return cx.now >= self.engine.free_at();
        }
        let beat = cx.log.accesses.as_ref().and_then(|_| self.engine.next_access(self.banking.banks));
        match self.engine.tick_plain(&mut self.memories.accumulator) {
            Cycle::Idle => true,
            Cycle::Issued { buffer, last } => {
                self.log_beat(cx, beat.as_ref());
                self.slots[buffer].landed_at = cx.now + LANDING_CYCLES;
                last
            }
            Cycle::Stalled => {
                cx.log.count(self.plan.stage, self.engine_step, Activity::SynapseStallCycles, 1);
                false
            }
        }
    }

    fn accumulate<F>(&mut self, cx: &mut Context<'_, '_, F>, event: Queued, at: u64) {
        let stage = self.stage;
        let group = &stage.groups[usize::from(event.group)];
        let buffer = self.target(event) % self.buffers;
        let around = Surroundings {
            group,
            images: &self.plan.images[usize::from(event.group)],
            region: &self.plan.region,
            shape: stage.shape,
            banking: self.banking,
            max: stage.max,
        };
        let arrival =
            Arrival { buffer, group: u32::from(event.group), address: event.address, value: event.value };
        let slot = &mut self.slots[buffer];
        slot.first_pop = slot.first_pop.min(at);
        let (work, stalls) = if self.fast {
            let (work, last, stalls) =
                self.engine.take_fast(at, arrival, &around, &mut self.memories.accumulator);
            slot.landed_at = last + LANDING_CYCLES;
            (work, stalls)
        } else {
            self.engine_step = usize::from(event.step);
            (self.engine.take_plain(arrival, &around), 0)
        };
        book(cx, self.plan, usize::from(event.step), &work, group.binary, stalls);
        self.log_pointers(cx, work.pointers);
    }

    /// Buffer the plain engine is working on.
    pub(super) fn engine_buffer(&self) -> Option<usize> {
        self.engine.busy_with()
    }
}

/// Memories of a slice before the first step.
fn memories(machine: &Machine<'_>, plan: &CorePlan, update: &UpdateEngine, fast: bool) -> Memories {
    let stage = &machine.stages[plan.stage];
    let lanes = machine.program.arch.core.lanes as usize;
    let frames = stage.frames(machine.steps);
    let state = update.initial_state(stage);
    let mut statistics = Statistics::default();
    statistics.begin(&stage.passes[0]);
    Memories {
        accumulator: Accumulator::new(&plan.region, lanes, machine.buffers, machine.stall && fast),
        frames: FrameBuffer::new(frames, plan.region.len()),
        gates: GateMemory::new(stage.gate_len),
        statistics,
        state,
    }
}

/// The DMA of a slice whose stage spills to external memory; every core has frames of its own.
fn frame_dma(machine: &Machine<'_>, plan: &CorePlan, phase: &PhasePlan) -> Option<FrameDma> {
    let stage = &machine.stages[plan.stage];
    if !stage.spills_far() {
        return None;
    }
    let arch = &machine.program.arch;
    let (flits, bytes) = (plan.frame_flits(arch), u64::from(arch.noc.payload_bits.div_ceil(8)));
    Some(FrameDma::new(plan.port, phase.memory, phase.vc_mask, plan.first_frame(), flits, bytes))
}

fn book<F>(
    cx: &mut Context<'_, '_, F>,
    plan: &CorePlan,
    step: usize,
    work: &Work,
    binary: bool,
    stalls: u64,
) {
    cx.log.busy[plan.core as usize] += work.beats;
    let row = cx.log.row(plan.stage, step);
    work.book(row, binary, 1);
    row.add(Activity::SynapseStallCycles, stalls);
}
