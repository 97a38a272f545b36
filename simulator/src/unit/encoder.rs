//! Encoder: what sweeps, statistics and gates offer to the packer, cycle by cycle.

use super::control::Sweep;
use super::core::Core;
use super::offers::{Exit, Offers, Progress};
use super::update_engine::PIPELINE_CYCLES;
use crate::context::Context;
use crate::noc::Fabric;
use crate::packet::Event;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::Activity;

impl Core<'_> {
    /// One cycle of packer and encoder; gives the next cycle that matters.
    pub(super) fn emit<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, room: bool) -> u64 {
        let next = cx.now + 1;
        let blocked = self.packer.is_busy() || self.list.is_some();
        let mut wake = u64::MAX;
        if self.packer.is_busy() {
            if room {
                let plan = &cx.phase.streams[self.packer.stream() as usize];
                self.packer.push(plan, cx.slab, &mut self.injector);
                wake = self.packer_wake(next);
            }
        } else if let Some(mut list) = self.list.take() {
            let progress = self.offer(cx, &mut list, room);
            wake = match progress {
                Progress::Until(cycle) => {
                    self.list = Some(list);
                    if self.packer.is_busy() {
                        self.packer_wake(next)
                    } else {
                        cycle
                    }
                }
                Progress::Ended => {
                    self.packer.end(list.label.0, list.label.1);
                    next
                }
            };
        }
        match &self.sweep {
            None => return wake,
            Some(sweep) if self.fast && blocked && !sweep.silent => return wake,
            Some(_) => {}
        }
        let sweep = self.sweep.take().expect("invariant: just seen");
        let (sweep, progress) = if self.fast {
            self.sweep_fast(cx, sweep, room)
        } else {
            self.sweep_plain(cx, sweep, room, blocked)
        };
        match progress {
            Progress::Until(cycle) => {
                let waits = self.packer.is_busy() && !sweep.silent;
                self.sweep = Some(sweep);
                wake.min(if waits { self.packer_wake(next) } else { cycle })
            }
            Progress::Ended => {
                self.end_sweep(cx, &sweep);
                next
            }
        }
    }

    /// When to look again after a push: a busy packer in front of a full queue waits until the injector has sent.
    fn packer_wake(&self, next: u64) -> u64 {
        if self.packer.is_busy() && !self.injector.has_room() {
            u64::MAX
        } else {
            next
        }
    }

    fn sweep_fast<F: Fabric>(
        &mut self,
        cx: &mut Context<'_, '_, F>,
        mut sweep: Sweep,
        room: bool,
    ) -> (Sweep, Progress) {
        if sweep.silent {
            return (sweep, self.offers.tick_silent(cx.now));
        }
        let mut offers = std::mem::take(&mut self.offers);
        let progress = self.offer(cx, &mut offers, room);
        sweep.refusals = offers.refusals;
        self.offers = offers;
        (sweep, progress)
    }

    /// A list or a sweep of the fast form before a packer that was free at the start of the cycle.
    fn offer<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, offers: &mut Offers, room: bool) -> Progress {
        let (stream, step) = offers.label;
        let plan = &cx.phase.streams[stream as usize];
        let (packer, injector, slab) = (&mut self.packer, &mut self.injector, &mut *cx.slab);
        let mut exit = Exit { plan, packer, injector, slab, room, ahead: self.fast };
        let (core, log) = (self.plan.core, &mut *cx.log);
        let mut accepted = 0;
        let progress = offers.tick(cx.now, &mut exit, |cycle, Event { address, value }| {
            accepted += 1;
            log.enter(cycle, Entry::Event { core, stream, step: u32::from(step), address, value });
        });
        if accepted > 0 {
            let booked = cx.event_step(stream, step);
            cx.log.count(self.plan.stage, booked, Activity::EventPack, accepted);
        }
        progress
    }

    /// The word in the encoder, computed when it enters.
    fn sweep_plain<F: Fabric>(
        &mut self,
        cx: &mut Context<'_, '_, F>,
        mut sweep: Sweep,
        room: bool,
        blocked: bool,
    ) -> (Sweep, Progress) {
        let wait = Progress::Until(cx.now + 1);
        if cx.now < sweep.start + PIPELINE_CYCLES {
            return (sweep, wait);
        }
        let last = sweep.cursor.word + 1 == self.plan.words;
        let events = if let Some(events) = sweep.cursor.events.take() {
            events
        } else {
            let word = sweep.cursor.word;
            if cx.log.accesses.is_some() {
                sweep.cursor.entered.push(cx.now);
            }
            let events = self.update.word(self.stage, sweep.id, sweep.from, word, &mut self.memories);
            self.record(cx, &events, sweep.id.step);
            if sweep.silent {
                Vec::new()
            } else {
                events
            }
        };
        let refused = match events.get(sweep.cursor.next) {
            None => last && blocked && !sweep.silent,
            Some(&event) => blocked || !self.offer_one(cx, event, sweep.id.step as u16, room),
        };
        sweep.refusals += u64::from(refused);
        sweep.cursor.next += usize::from(!refused);
        if refused || sweep.cursor.next < events.len() {
            sweep.cursor.events = Some(events);
            return (sweep, wait);
        }
        sweep.cursor.word += 1;
        sweep.cursor.next = 0;
        (sweep, if last { Progress::Ended } else { wait })
    }

    fn offer_one<F: Fabric>(
        &mut self,
        cx: &mut Context<'_, '_, F>,
        event: Event,
        step: u16,
        room: bool,
    ) -> bool {
        let stream = self.plan.events.expect("invariant: a sweep that is not silent has a stream");
        let plan = &cx.phase.streams[stream as usize];
        let accepted = self.packer.accept(event, (stream, step), plan, room, cx.slab, &mut self.injector);
        if accepted {
            let (core, Event { address, value }) = (self.plan.core, event);
            cx.log.enter(cx.now, Entry::Event { core, stream, step: u32::from(step), address, value });
            cx.log.count(self.plan.stage, usize::from(step), Activity::EventPack, 1);
        }
        accepted
    }

    /// Keeps the stage's output value and counts spikes.
    pub(super) fn record<F>(&self, cx: &mut Context<'_, '_, F>, events: &[Event], step: usize) {
        if events.is_empty() {
            return;
        }
        if !self.stage.neurons.is_empty() {
            cx.log.count(self.plan.stage, step, Activity::Spike, events.len() as u64);
        }
        if let Some(values) = &mut cx.log.values {
            let first = step * self.stage.shape.step_len();
            for event in events {
                values[self.plan.stage][first + event.address as usize] = event.value;
            }
        }
    }
}
