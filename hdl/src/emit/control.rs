//! Control of a core: inboxes, credits, the spike store, counters.

use super::attend::AttentionSide;
use super::core::{number, sized, CoreBuilder};
use super::decode::{Arrivals, EntryFormat, Head};
use super::format::KIND_CREDIT;
use super::out::OutputSide;
use super::sweep::SweepSide;
use super::synapse::{target_buffer, SynapseSide};
use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_ir::StreamKind;

/// Nets that control drives.
pub struct ControlNets {
    /// A sweep starts.
    pub start: Bits,
    /// Step of the sweep.
    pub step: Bits,
    /// Pass of the sweep.
    pub pass: Bits,
    /// A sweep runs.
    pub sweeping: Bits,
    /// The last word leaves (from the encoder).
    pub sweep_end: Bits,
    /// The attention engine starts.
    pub attention_start: Bits,
    /// Own statistics are to be sent.
    pub list_begin: Bits,
    /// The spike store starts anew.
    pub rewind: Bits,
    /// It is being played.
    pub playback: Bits,
    /// Steps below may be played.
    pub store_limit: Bits,
    /// Frame of the sweep, where a window of them is kept.
    pub slot: Bits,
    /// A credit packet is due.
    pub grant: Bits,
    /// To which producer.
    pub grant_producer: Bits,
    /// For which step.
    pub grant_step: Bits,
    /// All sweeps are over.
    pub done: Bits,
}

/// The spike store's side.
pub struct Store {
    /// An event is played in this cycle.
    pub play: Bits,
    /// The event that may be taken: played, or the oldest of the queue.
    pub entry: Bits,
    /// Nothing of the step is left to play.
    pub left_zero: Bits,
}

/// Where the counted pulses come from.
pub struct Pulses<'a> {
    /// What arrives.
    pub arrivals: &'a Arrivals,
    /// The head of the ejection buffer.
    pub head: &'a Head,
    /// Synapse side.
    pub side: &'a SynapseSide,
    /// An event leaves the queue.
    pub popped: &'a Bits,
    /// Attention side.
    pub attention: &'a AttentionSide,
}

/// Events of the queue that are statistics and gates, in this cycle's front.
type Lists<'a> = (&'a Bits, &'a Bits);

impl CoreBuilder<'_> {
    /// Declares what control drives.
    pub(super) fn control_nets(&mut self) -> ControlNets {
        let (step, pass) = (self.format().step, self.format().pass);
        let producers = index_bits(self.plan.grants.len());
        let slots = index_bits(self.stage.ahead() + 1);
        let mut net = |name: &str, width: u32| self.m.wire(&format!("control_{name}"), width);
        ControlNets {
            start: net("start", 1),
            step: net("step", step),
            pass: net("pass", pass),
            sweeping: net("sweeping", 1),
            sweep_end: net("sweep_end", 1),
            attention_start: net("attention_start", 1),
            list_begin: net("list_begin", 1),
            rewind: net("rewind", 1),
            playback: net("playback", 1),
            store_limit: net("store_limit", step),
            slot: net("slot", slots),
            grant: net("grant", 1),
            grant_producer: net("grant_producer", producers),
            grant_step: net("grant_step", step),
            done: net("done", 1),
        }
    }

    /// The spike store, or the queue alone.
    pub(super) fn store(
        &mut self,
        entry: &EntryFormat,
        pop: &Bits,
        front: &Bits,
        target: &Bits,
        free: &Bits,
        control: &ControlNets,
    ) -> Store {
        if !self.recomputes() {
            return Store { play: Bits::zero(), entry: front.clone(), left_zero: Bits::one() };
        }
        let steps = self.machine().steps;
        let depth = self.store_depth(entry);
        let [valid, left_zero, overflow] =
            ["store_valid", "store_left_zero", "store_overflow"].map(|n| self.m.wire(n, 1));
        let stored = self.m.wire("store_front", entry.with_pointer());
        let split = entry.split(&mut self.m, &stored);
        let early = self.m.below(&split.target, &control.store_limit);
        let play = self.m.all(&[valid.clone(), control.playback.clone(), early, free.clone()]);
        let not_last = self.m.wire("store_retires", 1);
        self.join_nets(&not_last, &control.sweep_end.clone());
        let clear_step = self.clear_address(self.format().step);
        let parameters = [
            ("WIDTH", number(entry.with_pointer() as usize)),
            ("DEPTH", number(depth)),
            ("STEPS", number(steps)),
            ("STEP_BITS", number(self.format().step as usize)),
            ("BUFFERS", number(self.buffers)),
        ];
        let stop = self.m.not(&control.playback);
        let inputs = [
            ("append", pop.clone()),
            ("append_entry", front.clone()),
            ("append_step", target.clone()),
            ("rewind", control.rewind.clone()),
            ("stop", stop),
            ("advance", play.clone()),
            ("advance_step", split.target.clone()),
            ("left_step", control.step.clone()),
            ("retire", not_last),
            ("retire_step", control.step.clone()),
            ("clear", self.clear.clone()),
            ("clear_step", clear_step),
        ];
        let outputs = [
            ("valid", valid),
            ("front", stored.clone()),
            ("left_zero", left_zero.clone()),
            ("overflow", overflow.clone()),
        ];
        self.add("spike_store", "store", &parameters, &inputs, &outputs);
        self.clear_words = self.clear_words.max(steps);
        self.errors.push(overflow);
        let entry = self.m.mux(&play, &stored, front);
        Store { play, entry, left_zero }
    }

    /// Entries of the spike store: what the architecture gives, at most all events there can be.
    fn store_depth(&self, _: &EntryFormat) -> usize {
        let arch = &self.machine().program.arch;
        let capacity = arch.core.spike_store_kib as usize * 8192 / 32;
        let lens = self.stage.groups.iter().map(|g| self.graph().node(g.source).ty.shape.len());
        capacity.min(lens.sum()).max(1)
    }

    /// One inbox of expected tokens; gives whether everything is there.
    fn inbox(&mut self, name: &str, expected: Bits, signals: [(&str, Bits); 6]) -> Bits {
        let complete = self.m.wire(&format!("{name}_complete"), 1);
        let depth = self.machine().program.arch.core.queue_events as usize;
        let parameters = [
            ("TOKEN_BITS", number(expected.width() as usize)),
            ("PACKET_BITS", number(self.format().packets as usize)),
            ("PENDING_BITS", number(index_bits(depth + 1) as usize)),
        ];
        let inputs: Vec<(&str, Bits)> = signals.into_iter().chain([("expected", expected)]).collect();
        self.add("inbox", name, &parameters, &inputs, &[("complete", complete.clone())]);
        complete
    }

    /// Inboxes of the accumulator buffers.
    fn step_inboxes(
        &mut self,
        control: &ControlNets,
        clears: &Bits,
        arrivals: &Arrivals,
        (pop, popped): (&Bits, &Bits),
    ) -> Vec<Bits> {
        let (direct, late) = (self.plan.direct_inputs, self.plan.delayed_inputs);
        let bits = index_bits((direct + late) as usize + 1);
        let first = self.m.is(&control.step, 0);
        let (few, all) = (Bits::unsigned(direct.into(), bits), Bits::unsigned((direct + late).into(), bits));
        let expected = self.m.mux(&first, &few, &all);
        (0..self.buffers)
            .map(|b| {
                let mine = |this: &mut Self, step: &Bits| {
                    let buffer = target_buffer(&mut this.m, step, this.buffers);
                    this.m.is(&buffer, b as u64)
                };
                let (arrives, leaves) = (mine(self, &arrivals.target), mine(self, popped));
                let here = self.m.and(&arrivals.is_class[0], &arrives);
                let taken = self.m.and(&arrivals.take_event, &arrivals.take_last);
                let signals = [
                    ("clear", self.m.bit(clears, b as u32)),
                    ("token", self.m.and(&here, &arrivals.take_end)),
                    ("packets", arrivals.packets.clone()),
                    ("taken", self.m.and(&here, &taken)),
                    ("push", self.m.and(&here, &arrivals.push)),
                    ("pop", self.m.and(pop, &leaves)),
                ];
                self.inbox(&format!("inbox{b}"), expected.clone(), signals)
            })
            .collect()
    }

    /// Inbox of statistics (class 1) or gates (class 2).
    fn list_inbox(
        &mut self,
        class: usize,
        tokens: u32,
        clear: Bits,
        arrivals: &Arrivals,
        pop: &Bits,
    ) -> Bits {
        if tokens == 0 {
            return Bits::one();
        }
        let here = arrivals.is_class[class].clone();
        let taken = self.m.and(&arrivals.take_event, &arrivals.take_last);
        let signals = [
            ("clear", clear),
            ("token", self.m.and(&here, &arrivals.take_end)),
            ("packets", arrivals.packets.clone()),
            ("taken", self.m.and(&here, &taken)),
            ("push", self.m.and(&here, &arrivals.push)),
            ("pop", pop.clone()),
        ];
        let expected = Bits::unsigned(tokens.into(), index_bits(tokens as usize + 1));
        self.inbox(if class == 1 { "statistics_inbox" } else { "gates_inbox" }, expected, signals)
    }

    /// Control itself and what it counts.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn control(
        &mut self,
        control: &ControlNets,
        arrivals: &Arrivals,
        head: &Head,
        side: &SynapseSide,
        (pop, popped): (&Bits, &Bits),
        (statistic, gate): Lists<'_>,
        attention: &AttentionSide,
        store: &Store,
    ) {
        let clears = self.m.wire("inbox_clear", self.buffers as u32);
        let gates_clear = self.m.wire("gates_clear", 1);
        let complete = self.step_inboxes(control, &clears, arrivals, (pop, popped));
        let complete = self.m.join(&complete);
        let home = self.plan.home && self.stage.passes.len() > 1;
        let statistics = if home { self.plan.statistics_inputs } else { 0 };
        let statistics_complete =
            self.list_inbox(1, statistics, control.attention_start.clone(), arrivals, statistic);
        let gates_in = u32::from(self.incoming.iter().any(|&s| self.plan_of(s).kind == StreamKind::Gates));
        let gates_complete = self.list_inbox(2, gates_in, gates_clear.clone(), arrivals, gate);
        let credit_buffer = target_buffer(&mut self.m, &arrivals.step, self.buffers);
        let inputs = [
            ("complete", complete),
            ("recent", side.recent.clone()),
            ("busy", side.busy.clone()),
            ("busy_buffer", side.busy_buffer.clone()),
            ("stored_left_zero", store.left_zero.clone()),
            ("sweep_end", control.sweep_end.clone()),
            ("statistics_complete", statistics_complete),
            ("attention_finish", attention.finish.clone()),
            ("gates_complete", gates_complete),
            ("credit", head.take_credit.clone()),
            ("credit_buffer", credit_buffer),
        ];
        let last_pass = self.m.wire("control_last_pass", 1);
        let outputs = [
            ("start", control.start.clone()),
            ("step", control.step.clone()),
            ("pass", control.pass.clone()),
            ("sweeping", control.sweeping.clone()),
            ("last_pass", last_pass),
            ("inbox_clear", clears),
            ("attention_start", control.attention_start.clone()),
            ("gates_clear", gates_clear),
            ("list_begin", control.list_begin.clone()),
            ("rewind", control.rewind.clone()),
            ("playback", control.playback.clone()),
            ("store_limit", control.store_limit.clone()),
            ("slot", control.slot.clone()),
            ("grant", control.grant.clone()),
            ("grant_producer", control.grant_producer.clone()),
            ("grant_step", control.grant_step.clone()),
            ("done", control.done.clone()),
        ];
        let parameters = self.control_parameters(home);
        self.add("control", "control", &parameters, &inputs, &outputs);
    }

    fn control_parameters(&self, home: bool) -> Vec<(&'static str, Parameter)> {
        let (steps, buffers) = (self.machine().steps, self.buffers);
        let (step, pass) = (self.format().step, self.format().pass);
        let stream = self.plan.events.map(|s| self.plan_of(s));
        let (needed, late) = stream.map_or((0, 0), |s| (s.granting, s.granting_late));
        let credits = index_bits(needed as usize + 1);
        let producers = self.plan.grants.len();
        let producer_bits = index_bits(producers);
        let (ahead, slots) = (self.stage.ahead(), index_bits(self.stage.ahead() + 1));
        let delayed: Vec<Bits> =
            self.plan.grants.iter().map(|g| Bits::unsigned(u64::from(g.delayed), 1)).collect();
        vec![
            ("STEP_BITS", number(step as usize)),
            ("PASS_BITS", number(pass as usize)),
            ("LAST_STEP", sized(steps as u64 - 1, step)),
            ("ALL_STEPS", sized(steps as u64, step)),
            ("LAST_PASS", sized(self.stage.passes.len() as u64 - 1, pass)),
            ("BUFFERS", number(buffers)),
            ("AHEAD", sized(buffers as u64, step)),
            ("HELD_FROM", sized(steps.saturating_sub(buffers) as u64, step)),
            ("BY_STEP", number(usize::from(self.stage.by_step()))),
            ("WINDOW", number(usize::from(ahead > 0))),
            ("LOOK", sized(ahead as u64, step)),
            ("DRAIN_FROM", sized((steps - 1 - ahead) as u64, step)),
            ("SLOT_BITS", number(slots as usize)),
            ("LAST_SLOT", sized(ahead as u64, slots)),
            ("HOME", number(usize::from(home))),
            ("RECOMPUTE", number(usize::from(self.recomputes()))),
            ("CREDIT_BITS", number(credits as usize)),
            ("NEEDED", sized(needed.into(), credits)),
            ("EARLY", sized(u64::from(needed - late), credits)),
            ("PRODUCERS", number(producers)),
            ("PRODUCER_BITS", number(producer_bits as usize)),
            ("LAST_PRODUCER", sized(producers.saturating_sub(1) as u64, producer_bits)),
            ("LATE", Parameter::Vector(if delayed.is_empty() { vec![Bits::zero()] } else { delayed })),
        ]
    }

    /// Body of the credit packet for the producer whose turn it is.
    pub(super) fn credit_body(&mut self, control: &ControlNets) -> Bits {
        let format = self.format();
        let grants = self.plan.grants.clone();
        let (mut targets, mut streams) = (Vec::new(), Vec::new());
        for (p, grant) in grants.iter().enumerate() {
            let mine = self.m.is(&control.grant_producer, p as u64);
            targets.push((mine.clone(), Bits::unsigned(u64::from(grant.port.0), format.dest)));
            streams.push((mine, Bits::unsigned(u64::from(grant.stream), format.stream)));
        }
        let m = &mut self.m;
        let target = m.select(&targets, &Bits::unsigned(0, format.dest));
        let stream = m.select(&streams, &Bits::unsigned(0, format.stream));
        let empty = Bits::Const { value: 0, width: format.payload + format.count };
        m.join(&[
            Bits::zero(),
            target,
            Bits::unsigned(KIND_CREDIT, 2),
            stream,
            control.grant_step.clone(),
            empty,
        ])
    }

    /// The activity counters.
    pub(super) fn counters(
        &mut self,
        pulses: &Pulses<'_>,
        control: &ControlNets,
        out: &OutputSide,
        sweep: &SweepSide,
    ) {
        let Pulses { arrivals, head, side, popped, attention } = pulses;
        let last = self.m.and(&arrivals.take_event, &arrivals.take_last);
        let taken = self.m.any(&[last, arrivals.take_end.clone(), head.take_credit.clone()]);
        let beat = self.m.repeat(&side.beat, side.beat_mask.width());
        let operations = self.m.and(&side.beat_mask, &beat);
        let sweeping = self.m.or(&control.start, &control.sweeping);
        let moves = self.m.not(&sweep.refusal);
        let spike = if self.stage.neurons.is_empty() { Bits::zero() } else { sweep.accepted.clone() };
        let core_bits = self.shared.core_bits;
        let select = self.m.input("select", core_bits + 5);
        let chain = self.m.input("chain_in", 32);
        let out_chain = self.m.wire("chain", 32);
        let parameters = [
            ("CORE", number(self.index)),
            ("CORE_BITS", number(core_bits as usize)),
            ("LANES", number(operations.width() as usize)),
        ];
        let inputs = [
            ("flit_eject", taken),
            ("event_push", arrivals.push.clone()),
            ("event_pop", (*popped).clone()),
            ("synapse_busy", side.beat.clone()),
            ("synapse_stall", side.stalled.clone()),
            ("operations", operations),
            ("sweep_busy", self.m.and(&sweeping, &moves)),
            ("sweep_stall", sweep.refusal.clone()),
            ("spike", spike),
            ("event_pack", out.accepted.clone()),
            ("flit_inject", out.sent.clone()),
            ("attention_busy", self.m.or(&control.attention_start, &attention.running)),
            ("select", select),
            ("chain_in", chain),
        ];
        self.add("counters", "counters", &parameters, &inputs, &[("chain_out", out_chain.clone())]);
        self.m.output("chain_out", out_chain);
    }

    /// Nets that the test bench prints: the end of a sweep.
    pub(super) fn trace_sweeps(&mut self, control: &ControlNets) {
        if self.format().tag == 1 {
            return;
        }
        let (pass, step) = (self.m.zext(&control.pass, 32), self.m.zext(&control.step, 32));
        for (name, net) in [
            ("trace_sweep_end", control.sweep_end.clone()),
            ("trace_sweep_pass", pass),
            ("trace_sweep_step", step),
        ] {
            self.m.output(name, net);
        }
    }
}
