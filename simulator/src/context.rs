//! What every unit sees in a cycle.

use crate::noc::{Flit, Observer};
use crate::packet::{Packet, Slab, Transfers};
use crate::prepare::phase::PhasePlan;
use crate::prepare::Machine;
use crate::run::Log;
use pulvinar_ir::trace::Entry;
use pulvinar_ir::StreamKind;

/// Surroundings of a unit in one cycle.
pub struct Context<'a, 'm, F> {
    /// The cycle.
    pub now: u64,
    /// The network.
    pub fabric: &'a mut F,
    /// Event packets under way.
    pub slab: &'a mut Slab,
    /// Memory transfers.
    pub transfers: &'a mut Transfers,
    /// The log.
    pub log: &'a mut Log,
    /// The machine.
    pub machine: &'m Machine<'m>,
    /// The phase.
    pub phase: &'m PhasePlan,
    /// Step and first cycle of the sweeps a barrier has released.
    pub barrier: Option<(usize, u64)>,
}

/// When a unit must be ticked again.
#[derive(Debug, Clone, Copy)]
pub struct Wake {
    /// First cycle at which it can do something by itself; `u64::MAX` for never.
    pub at: u64,
    /// Its ejection buffer holds a flit it cannot take before that.
    pub blocked: bool,
    /// Its injector holds a flit that no virtual channel has a credit for.
    pub jammed: bool,
}

impl<F> Context<'_, '_, F> {
    /// Layer index of the host.
    pub fn host_layer(&self) -> usize {
        self.machine.host_layer()
    }
    /// Layer index of the external memory.
    pub fn dram_layer(&self) -> usize {
        self.machine.dram_layer()
    }
    /// Step on which the flits of a packet are booked; statistics and gates on the last one.
    pub fn step_of(&self, payload: u64) -> usize {
        let (stream, step) = match Packet::decode(payload) {
            Packet::Events { slot } => (self.slab.header(slot).stream, self.slab.header(slot).step),
            Packet::One { stream, step, .. } | Packet::End { stream, step, .. } => (stream, step),
            Packet::Credit { step, .. } => return step as usize,
            Packet::Memory { .. } => return 0,
        };
        self.event_step(stream, step)
    }
    /// Step on which an event of a stream is booked.
    pub fn event_step(&self, stream: u32, step: u16) -> usize {
        let events = self.phase.streams[stream as usize].kind == StreamKind::Events;
        if events {
            usize::from(step)
        } else {
            self.machine.steps - 1
        }
    }
}

/// Writes flits into the trace.
pub struct FlitTrace<'a> {
    /// Event packets under way.
    pub slab: &'a Slab,
    /// Memory transfers.
    pub transfers: &'a Transfers,
    /// The phase.
    pub phase: &'a PhasePlan,
    /// Entries.
    pub trace: &'a mut Vec<(u64, Entry)>,
}

impl FlitTrace<'_> {
    fn source(&self, payload: u64) -> u32 {
        let stream = match Packet::decode(payload) {
            Packet::Credit { from, .. } => return from,
            Packet::Events { slot } => self.slab.header(slot).stream,
            Packet::One { stream, .. } | Packet::End { stream, .. } => stream,
            Packet::Memory { transfer, up: true } => return self.transfers.get(transfer).port.0,
            Packet::Memory { .. } => return self.phase.memory.0,
        };
        self.phase.streams[stream as usize].source.0
    }
}

impl Observer for FlitTrace<'_> {
    fn flit_leaves(&mut self, cycle: u64, router: usize, out_port: usize, out_vc: usize, flit: &Flit) {
        let packet = u64::from(self.source(flit.payload)) << 32 | u64::from(flit.packet);
        let entry = Entry::Flit { router: router as u32, port: out_port as u32, vc: out_vc as u32, packet };
        self.trace.push((cycle, entry));
    }
}
