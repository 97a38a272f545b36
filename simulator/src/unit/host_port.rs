//! Host port: sends the input step by step, takes the output stream.

use super::control::Credits;
use super::injector::Injector;
use super::interface_in::{InterfaceIn, Item};
use super::offers::{Exit, Offers, Progress};
use super::packer::Packer;
use super::reader::Reader;
use crate::context::{Context, Wake};
use crate::noc::{Fabric, PortId};
use crate::packet::Event;
use crate::prepare::phase::PhasePlan;
use crate::prepare::Machine;
use crate::run::{EngineKind, SimOptions};
use pulvinar_ir::{Activity, NodeId, Value};

/// What the host has received, over all phases.
#[derive(Debug, Default)]
pub struct HostMemory {
    /// Values by node, row-major t, c, h, w.
    pub values: Vec<(NodeId, Vec<i64>)>,
    /// End tokens still to come.
    pub tokens_left: u64,
    /// Packets announced and not yet taken (negative while a token is behind its packets).
    pub packets_left: i64,
    /// Cycle of the last item that was needed.
    pub finished_at: Option<u64>,
}

/// The host port in one phase.
#[derive(Debug)]
pub struct HostPort {
    interface: InterfaceIn,
    injector: Injector,
    packer: Packer,
    credits: Credits,
    stream: Option<u32>,
    offers: Option<Offers>,
    step: usize,
    ready_at: u64,
    fast: bool,
    /// Cycles (period, busy) in which the reader takes no output.
    reader: Reader,
}

impl HostPort {
    /// A host port; `start` is the first cycle of the phase.
    pub fn new(machine: &Machine<'_>, phase: &PhasePlan, options: &SimOptions, start: u64) -> Self {
        let noc = &machine.program.arch.noc;
        let port: PortId = phase.host;
        HostPort {
            interface: InterfaceIn::new(port),
            injector: Injector::new(port, noc.inject_flits as usize, noc.virtual_channels as u8),
            packer: Packer::new(phase.vc_mask, machine.barrier.is_none()),
            credits: Credits::new(phase.host_stream, phase, machine),
            stream: phase.host_stream,
            offers: None,
            step: 0,
            ready_at: start,
            fast: options.engine == EngineKind::Fast,
            reader: Reader::new(options.output_busy),
        }
    }

    /// True once every input step has been sent.
    pub fn is_done(&self, steps: usize) -> bool {
        self.stream.is_none() || (self.step == steps && self.offers.is_none())
    }

    /// True if nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.offers.is_none() && self.packer.is_idle() && self.injector.is_empty()
    }

    /// One cycle.
    pub fn tick<F: Fabric>(
        &mut self,
        cx: &mut Context<'_, '_, F>,
        input: &Value,
        memory: &mut HostMemory,
    ) -> Wake {
        let room = self.injector.has_room();
        self.start(cx, input);
        let host = cx.host_layer();
        let tried = !self.injector.is_empty();
        let sent = self.injector.tick(cx.fabric);
        if let Some(payload) = sent {
            cx.log.count(host, cx.step_of(payload), Activity::FlitInject, 1);
        }
        let jammed = tried && sent.is_none();
        let mut wake = self.emit(cx, room);
        let ready_at = self.reader.ready_at(cx.now);
        let held = ready_at > cx.now && self.interface.head_is_output(cx.fabric);
        if held {
            wake = wake.min(ready_at);
        } else if let Some(item) = self.interface.tick(cx.fabric, cx.slab, true) {
            self.take(cx, item, memory);
            wake = cx.now + 1;
        }
        let waiting = !self.injector.is_empty() && !jammed;
        let more = !held && cx.fabric.ejected(cx.phase.host).is_some();
        if waiting || sent.is_some() || more {
            wake = cx.now + 1;
        }
        Wake { at: wake, blocked: held, jammed }
    }

    fn start<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, input: &Value) {
        let Some(stream) = self.stream else { return };
        let ready = self.step < cx.machine.steps && self.offers.is_none() && cx.now >= self.ready_at;
        let may = match cx.machine.barrier {
            Some(_) => cx.barrier == Some((self.step, cx.now)),
            None => self.credits.has(self.step),
        };
        if !(ready && may) {
            return;
        }
        self.credits.spend(self.step);
        let n = input.shape.step_len();
        let values = input.ints()[self.step * n..(self.step + 1) * n].iter().enumerate();
        let events = values.filter(|(_, &v)| v != 0).map(|(a, &value)| Event { address: a as u32, value });
        self.offers = Some(Offers::list((stream, self.step as u16), cx.now, events.collect()));
    }

    fn emit<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, room: bool) -> u64 {
        let now = cx.now;
        let host = cx.host_layer();
        let Some(stream) = self.stream else { return u64::MAX };
        let plan = &cx.phase.streams[stream as usize];
        if self.packer.is_busy() {
            if !room {
                return u64::MAX;
            }
            self.packer.push(plan, cx.slab, &mut self.injector);
            return now + 1;
        }
        let Some(offers) = &mut self.offers else { return u64::MAX };
        let (packer, injector, slab) = (&mut self.packer, &mut self.injector, &mut *cx.slab);
        let mut exit = Exit { plan, packer, injector, slab, room, ahead: self.fast };
        let mut accepted = 0;
        let progress = offers.tick(now, &mut exit, |_, _| accepted += 1);
        cx.log.count(host, self.step, Activity::EventPack, accepted);
        match progress {
            Progress::Until(_) if self.packer.is_busy() => now + 1,
            Progress::Until(cycle) => cycle,
            Progress::Ended => {
                self.packer.end(stream, self.step as u16);
                self.offers = None;
                self.step += 1;
                self.ready_at = now + 1;
                now + 1
            }
        }
    }

    fn take<F: Fabric>(&mut self, cx: &mut Context<'_, '_, F>, item: Item, memory: &mut HostMemory) {
        let mut flit = true;
        let mut step_taken = 0;
        match item {
            Item::Event { stream, step, event, last } => {
                let node = cx.phase.streams[stream as usize].node;
                let n = cx.machine.program.graph.node(node).ty.shape.step_len();
                if let Some((_, values)) = memory.values.iter_mut().find(|(id, _)| *id == node) {
                    values[usize::from(step) * n + event.address as usize] = event.value;
                }
                memory.packets_left -= i64::from(last);
                (flit, step_taken) = (last, usize::from(step));
            }
            Item::End { step, packets, .. } => {
                memory.packets_left += i64::from(packets);
                memory.tokens_left -= 1;
                step_taken = usize::from(step);
            }
            Item::Credit { step, .. } => {
                self.credits.grant(step as usize);
                step_taken = step as usize;
            }
            Item::Memory { .. } => {}
        }
        if flit {
            cx.log.count(cx.host_layer(), step_taken, Activity::FlitEject, 1);
        }
        if memory.tokens_left == 0 && memory.packets_left == 0 && memory.finished_at.is_none() {
            memory.finished_at = Some(cx.now);
        }
    }

    /// What the port waits for, for the watchdog.
    pub fn waiting(&self, steps: usize) -> Option<String> {
        (!self.is_done(steps)).then(|| format!("host port waits for credits to send step {}", self.step))
    }
}
