//! Weight load of a phase: the memory controller streams every core's weights, in core order, before the phase works.

use super::injector::{Injector, Outgoing};
use super::memory_controller::{weight_flits, ExternalMemory};
use crate::context::FlitTrace;
use crate::noc::{Fabric, NoObserver, PortId, Route};
use crate::packet::{Packet, Slab, Transfers, PACKET_FLITS};
use crate::prepare::phase::{PhasePlan, Seat};
use crate::prepare::Machine;
use crate::run::{Log, Span, SpanKind};
use pulvinar_ir::Activity;
use std::collections::VecDeque;

/// A packet of weights.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The core it goes to.
    pub to: PortId,
    /// First byte in external memory.
    pub address: u64,
    /// Flits, without the head.
    pub flits: u64,
}

/// The packets of a phase's weights, in the order in which they are asked for.
pub fn packets(machine: &Machine<'_>, phase: &PhasePlan) -> VecDeque<Load> {
    let flit_bytes = u64::from(machine.program.arch.noc.payload_bits.div_ceil(8));
    let (mut packets, mut address) = (VecDeque::new(), 0);
    for (to, flits, _) in weight_flits(machine, phase) {
        for first in (0..flits).step_by(PACKET_FLITS as usize) {
            let flits = (flits - first).min(PACKET_FLITS);
            packets.push_back(Load { to, address, flits });
            address += flits * flit_bytes;
        }
    }
    packets
}

/// The loader of one phase.
struct Loader<'a, 'm, F> {
    machine: &'m Machine<'m>,
    phase: &'m PhasePlan,
    fabric: F,
    external: &'a mut ExternalMemory,
    injector: Injector,
    todo: VecDeque<Load>,
    /// Packets asked for, with the cycle at which their data is there.
    ready: VecDeque<(u64, Load)>,
    pushed: u64,
    /// Flits still to arrive.
    left: u64,
}

/// Loads the weights of a phase from cycle `start` on; gives the first cycle after, and the network.
pub fn load<'m, F: Fabric>(
    machine: &'m Machine<'m>,
    phase: &'m PhasePlan,
    mut fabric: F,
    start: u64,
    external: &mut ExternalMemory,
    log: &mut Log,
) -> (u64, F) {
    fabric.skip_to(start);
    let noc = &machine.program.arch.noc;
    let todo = packets(machine, phase);
    let left = todo.iter().map(|l| l.flits + 1).sum();
    let injector = Injector::new(phase.memory, noc.inject_flits as usize, noc.virtual_channels as u8);
    let mut loader =
        Loader { machine, phase, fabric, external, injector, todo, ready: VecDeque::new(), pushed: 0, left };
    let mut now = start;
    while loader.left > 0 {
        loader.cycle(now, log);
        now += 1;
    }
    loader.book(start, now, log);
    (now, loader.fabric)
}

impl<F: Fabric> Loader<'_, '_, F> {
    fn cycle(&mut self, now: u64, log: &mut Log) {
        let room = self.injector.has_room();
        let arch = &self.machine.program.arch;
        let dram = self.machine.dram_layer();
        if self.ready.len() < arch.dram.queue_requests as usize {
            if let Some(load) = self.todo.pop_front() {
                let bytes = load.flits * u64::from(arch.noc.payload_bits.div_ceil(8));
                let burst = u64::from(arch.dram.burst_bytes);
                let done = self.external.transfer(now, load.address, bytes, burst, false);
                self.ready.push_back((done, load));
            }
        }
        if self.injector.tick(&mut self.fabric).is_some() {
            log.count(dram, 0, Activity::FlitInject, 1);
        }
        if let Some(&(done, load)) = self.ready.front() {
            if room && done <= now {
                self.push(load);
            }
        }
        for core in &self.phase.cores {
            if self.fabric.eject_pop(core.port).is_some() {
                log.count(core.stage, 0, Activity::FlitEject, 1);
                self.left -= 1;
            }
        }
        let (slab, transfers) = (Slab::default(), Transfers::default());
        match &mut log.trace {
            Some(trace) => {
                let (slab, transfers, phase) = (&slab, &transfers, self.phase);
                self.fabric.step(&mut FlitTrace { slab, transfers, phase, trace });
            }
            None => self.fabric.step(&mut NoObserver),
        }
    }

    fn push(&mut self, load: Load) {
        let tail = self.pushed == load.flits;
        self.injector.push_data(Outgoing {
            payload: Packet::Memory { transfer: 0, up: false }.encode(),
            route: Route::Unicast(load.to),
            vc_mask: 1 << (self.phase.noc.vcs - 1),
            head: self.pushed == 0,
            tail,
        });
        self.pushed = if tail { 0 } else { self.pushed + 1 };
        if tail {
            self.ready.pop_front();
        }
    }

    fn book(&self, start: u64, end: u64, log: &mut Log) {
        let lanes = self.machine.program.arch.core.lanes as usize;
        for core in &self.phase.cores {
            debug_assert!(
                matches!(self.phase.seats[core.port.0 as usize], Seat::Core(_)),
                "a slice sits on its port"
            );
            log.count(core.stage, 0, Activity::WeightWrite, core.weight_words(lanes));
            log.span(Span { start, end, stage: core.stage as u32, core: core.core, kind: SpanKind::Load });
        }
    }
}
