//! Memory controller: serves transfers in order of arrival, keeps event packets between phases, loads weights.

use super::control::Credits;
use super::dram::Channel;
use super::injector::{Injector, Outgoing};
use super::offers::{Exit, Offers, Progress};
use super::packer::Packer;
use crate::context::{Context, Wake};
use crate::noc::{Fabric, PortId, Route};
use crate::packet::{Event, Packet};
use crate::prepare::phase::PhasePlan;
use crate::prepare::Machine;
use pulvinar_ir::{Activity, NodeId, StreamKind};
use std::collections::VecDeque;

/// Events of one step, and the packets they came in.
#[derive(Debug, Clone, Default)]
struct KeptStep {
    events: Vec<Event>,
    packets: u64,
}

/// What lasts over phases: the channel and the events kept for later ones.
#[derive(Debug)]
pub struct ExternalMemory {
    /// The channel.
    pub channel: Channel,
    /// Events by node and step.
    kept: Vec<(NodeId, Vec<KeptStep>)>,
    /// Next free byte of the event log.
    log_end: u64,
}

/// First byte of the event log: above weights and frames.
pub const EVENT_LOG: u64 = 1 << 40;

impl ExternalMemory {
    /// An empty memory.
    pub fn new(machine: &Machine<'_>) -> Self {
        ExternalMemory {
            channel: Channel::new(&machine.program.arch.dram),
            kept: Vec::new(),
            log_end: EVENT_LOG,
        }
    }

    fn kept(&mut self, node: NodeId, steps: usize) -> &mut Vec<KeptStep> {
        let at = self.kept.iter().position(|(n, _)| *n == node).unwrap_or_else(|| {
            self.kept.push((node, vec![KeptStep::default(); steps]));
            self.kept.len() - 1
        });
        &mut self.kept[at].1
    }

    /// Reads or writes a range of bytes; gives the first cycle after the data.
    pub fn transfer(&mut self, now: u64, address: u64, bytes: u64, burst: u64, write: bool) -> u64 {
        let bursts = address / burst..(address + bytes).div_ceil(burst).max(address / burst + 1);
        bursts.map(|b| self.channel.access(now, b * burst, write)).max().unwrap_or(now)
    }
}

/// A stream the controller sends.
#[derive(Debug)]
struct Sender {
    stream: u32,
    step: usize,
    credits: Credits,
}

/// A reply on its way out.
#[derive(Debug, Clone, Copy)]
struct Reply {
    ready: u64,
    transfer: u32,
    to: PortId,
    flits: u32,
}

/// The controller in one phase.
#[derive(Debug)]
pub struct MemoryController {
    port: PortId,
    injector: Injector,
    packer: Packer,
    data_mask: u8,
    capacity: usize,
    /// Cycles at which accepted requests are done, ascending.
    pending: VecDeque<u64>,
    last_done: u64,
    replies: VecDeque<Reply>,
    /// Flits of the first reply already pushed.
    pushed: u32,
    senders: Vec<Sender>,
    /// Step being sent and its sender.
    offers: Option<(usize, Offers)>,
    ready_at: u64,
    flit_bytes: u64,
    burst: u64,
}

impl MemoryController {
    /// An idle controller.
    pub fn new(machine: &Machine<'_>, phase: &PhasePlan, start: u64) -> Self {
        let arch = &machine.program.arch;
        let vcs = arch.noc.virtual_channels;
        let sends = |(_, s): &(usize, &crate::prepare::phase::StreamPlan)| {
            s.source == phase.memory && s.kind == StreamKind::Events
        };
        let sender = |(i, _)| Sender {
            stream: i as u32,
            step: 0,
            credits: Credits::new(Some(i as u32), phase, machine),
        };
        MemoryController {
            port: phase.memory,
            injector: Injector::new(phase.memory, arch.noc.inject_flits as usize, vcs as u8),
            packer: Packer::new(phase.vc_mask, true),
            data_mask: 1 << (vcs - 1),
            capacity: arch.dram.queue_requests as usize,
            pending: VecDeque::new(),
            last_done: 0,
            replies: VecDeque::new(),
            pushed: 0,
            senders: phase.streams.iter().enumerate().filter(sends).map(sender).collect(),
            offers: None,
            ready_at: start,
            flit_bytes: u64::from(arch.noc.payload_bits.div_ceil(8)),
            burst: u64::from(arch.dram.burst_bytes),
        }
    }

    /// True if nothing is under way except accesses of the channel.
    pub fn is_quiet(&self) -> bool {
        self.offers.is_none() && self.packer.is_idle() && self.injector.is_empty() && self.replies.is_empty()
    }

    /// First cycle at which every access is done.
    pub fn done_at(&self) -> u64 {
        self.last_done
    }

    /// What the controller waits for, for the watchdog.
    pub fn waiting(&self, steps: usize) -> Option<String> {
        let left = self.senders.iter().find(|s| s.step < steps)?;
        Some(format!(
            "memory controller waits for credits to send step {} of stream {}",
            left.step, left.stream
        ))
    }

    /// One cycle.
    pub fn tick<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, memory: &mut ExternalMemory) -> Wake {
        let (now, room) = (cx.now, self.injector.has_room());
        while self.pending.front().is_some_and(|&done| done <= now) {
            self.pending.pop_front();
        }
        let accepts = self.pending.len() < self.capacity;
        self.start_step(cx, memory);
        let sent = self.injector.tick(cx.fabric);
        if let Some(payload) = sent {
            cx.log.count(cx.dram_layer(), cx.step_of(payload), Activity::FlitInject, 1);
        }
        let progress = self.emit(cx, room);
        let taken = accepts && self.take(cx, memory);
        let busy =
            taken || sent.is_some() || !self.injector.is_empty() || cx.fabric.ejected(self.port).is_some();
        let pending = self.pending.front().map_or(u64::MAX, |&done| done.max(now + 1));
        let reply = self.replies.front().map_or(u64::MAX, |r| r.ready.max(now + 1));
        let idle = progress.min(pending).min(reply);
        Wake { at: if busy { now + 1 } else { idle }, blocked: false, jammed: false }
    }

    /// Chooses the lowest stream whose next step is granted, and reads its packets.
    fn start_step<F>(&mut self, cx: &mut Context<'_, '_, F>, memory: &mut ExternalMemory) {
        if self.offers.is_some() || cx.now < self.ready_at {
            return;
        }
        let steps = cx.machine.steps;
        let may = |s: &Sender| s.step < steps && s.credits.has(s.step);
        let Some(i) = self.senders.iter().position(may) else { return };
        let sender = &mut self.senders[i];
        sender.credits.spend(sender.step);
        let node = cx.phase.streams[sender.stream as usize].node;
        let KeptStep { events, packets } = memory.kept(node, steps)[sender.step].clone();
        let address = EVENT_LOG + sender.step as u64 * self.flit_bytes;
        let done = if packets == 0 {
            cx.now
        } else {
            memory.transfer(cx.now, address, packets * self.flit_bytes, self.burst, false)
        };
        self.offers = Some((i, Offers::list((sender.stream, sender.step as u16), done, events)));
    }

    fn emit<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, room: bool) -> u64 {
        let now = cx.now;
        // A packet once begun is pushed to its end; replies go before events.
        if self.pushed > 0 || self.replies.front().is_some_and(|r| r.ready <= now && self.packer.is_idle()) {
            if room {
                self.push_reply();
            }
            return now + 1;
        }
        if self.packer.is_busy() {
            if room {
                let plan = &cx.phase.streams[self.packer.stream() as usize];
                self.packer.push(plan, cx.slab, &mut self.injector);
            }
            return now + 1;
        }
        let Some((i, offers)) = &mut self.offers else { return u64::MAX };
        let sender = &mut self.senders[*i];
        let plan = &cx.phase.streams[sender.stream as usize];
        let (packer, injector, slab) = (&mut self.packer, &mut self.injector, &mut *cx.slab);
        // Never ahead: a reply may come between two events.
        let mut exit = Exit { plan, packer, injector, slab, room, ahead: false };
        let mut accepted = 0;
        let progress = offers.tick(now, &mut exit, |_, _| accepted += 1);
        let (layer, step) = (cx.dram_layer(), sender.step);
        cx.log.count(layer, step, Activity::EventPack, accepted);
        match progress {
            Progress::Until(_) => now + 1,
            Progress::Ended => {
                self.packer.end(sender.stream, step as u16);
                sender.step += 1;
                self.offers = None;
                self.ready_at = now + 1;
                now + 1
            }
        }
    }

    fn push_reply(&mut self) {
        let reply = *self.replies.front().expect("invariant: the caller has seen a reply");
        let tail = self.pushed == reply.flits;
        self.injector.push_data(Outgoing {
            payload: Packet::Memory { transfer: reply.transfer, up: false }.encode(),
            route: Route::Unicast(reply.to),
            vc_mask: self.data_mask,
            head: self.pushed == 0,
            tail,
        });
        self.pushed = if tail { 0 } else { self.pushed + 1 };
        if tail {
            self.replies.pop_front();
        }
    }

    /// Takes one flit, if there is one.
    fn take<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, memory: &mut ExternalMemory) -> bool {
        let Some(flit) = cx.fabric.eject_pop(self.port) else { return false };
        let (layer, step) = (cx.dram_layer(), cx.step_of(flit.payload));
        cx.log.count(layer, step, Activity::FlitEject, 1);
        let begin = cx.now + 1;
        let steps = cx.machine.steps;
        match Packet::decode(flit.payload) {
            Packet::Events { slot } => {
                let header = cx.slab.header(slot);
                let node = cx.phase.streams[header.stream as usize].node;
                let kept = &mut memory.kept(node, steps)[usize::from(header.step)];
                kept.events.extend((0..usize::from(header.count)).map(|i| cx.slab.event(slot, i)));
                kept.packets += 1;
                cx.slab.release(slot);
                self.log_packet(memory, begin);
            }
            Packet::One { stream, step, address } => {
                let node = cx.phase.streams[stream as usize].node;
                let kept = &mut memory.kept(node, steps)[usize::from(step)];
                kept.events.push(Event { address, value: 1 });
                kept.packets += 1;
                self.log_packet(memory, begin);
            }
            Packet::Credit { stream, step, .. } => {
                if let Some(sender) = self.senders.iter_mut().find(|s| s.stream == stream) {
                    sender.credits.grant(step as usize);
                }
            }
            Packet::Memory { transfer, .. } if flit.tail => self.serve(cx, memory, transfer, begin),
            Packet::Memory { .. } | Packet::End { .. } => {}
        }
        true
    }

    fn log_packet(&mut self, memory: &mut ExternalMemory, begin: u64) {
        let at = memory.log_end;
        memory.log_end += self.flit_bytes;
        let done = memory.transfer(begin, at, self.flit_bytes, self.burst, true);
        self.pending.push_back(done);
        self.last_done = done;
    }

    fn serve<F>(&mut self, cx: &mut Context<'_, '_, F>, memory: &mut ExternalMemory, id: u32, begin: u64) {
        let transfer = cx.transfers.get(id);
        let bytes = u64::from(transfer.flits) * self.flit_bytes;
        let done = memory.transfer(begin, transfer.address, bytes, self.burst, transfer.write);
        self.pending.push_back(done);
        self.last_done = done;
        if !transfer.write {
            self.replies.push_back(Reply {
                ready: done,
                transfer: id,
                to: transfer.port,
                flits: transfer.flits,
            });
        }
    }
}

/// Weight flits of every core of a phase, by core.
pub fn weight_flits(machine: &Machine<'_>, phase: &PhasePlan) -> Vec<(PortId, u64, usize)> {
    let arch = &machine.program.arch;
    let payload = u64::from(arch.noc.payload_bits);
    let word = u64::from(arch.word_bits(pulvinar_ir::counts::Memory::Weight));
    let flits = |c: &crate::prepare::phase::CorePlan| {
        (c.weight_words(arch.core.lanes as usize) * word).div_ceil(payload)
    };
    phase.cores.iter().map(|c| (c.port, flits(c), c.stage)).collect()
}

/// Cycles the weights of a phase need at least: the channel's time, or one flit a cycle out of the controller.
pub fn load_bound(machine: &Machine<'_>, phase: &PhasePlan) -> u64 {
    let arch = &machine.program.arch;
    let flit_bytes = u64::from(arch.noc.payload_bits.div_ceil(8));
    let cores = weight_flits(machine, phase);
    let flits: u64 = cores.iter().map(|c| c.1).sum();
    let heads: u64 = cores.iter().map(|c| c.1.div_ceil(crate::packet::PACKET_FLITS)).sum();
    if flits == 0 {
        return 0;
    }
    let mut memory = ExternalMemory::new(machine);
    let done = memory.transfer(0, 0, flits * flit_bytes, u64::from(arch.dram.burst_bytes), false);
    done.max(flits + heads)
}
