//! Activity that depends on contents alone, booked as the units book it.

use super::network::Network;
use super::sending::{Pace, Sending, Spikes, Traffic};
use crate::packet::PACKET_FLITS;
use crate::prepare::phase::{CorePlan, PhasePlan, Seat, StreamPlan};
use crate::prepare::sweep::{PassPlan, StagePlan, SweepId};
use crate::prepare::synapse::Region;
use crate::prepare::Machine;
use crate::run::Log;
use crate::unit::loader::{packets, Load};
use crate::unit::memory_controller::{weight_flits, ExternalMemory};
use crate::unit::sweep_counts::{Source, SweepCounts};
use pulvinar_ir::counts::Row;
use pulvinar_ir::{Activity, Strategy, StreamKind};

/// Books a phase.
pub fn phase(
    machine: &Machine<'_>,
    phase: &PhasePlan,
    network: &Network,
    sent: &Traffic,
    spikes: &Spikes,
    log: &mut Log,
) {
    let book = Book { machine, phase, network };
    for (stream, steps) in phase.streams.iter().zip(&sent.events) {
        for (t, sending) in steps.iter().enumerate() {
            book.events(stream, t, sending, log);
        }
    }
    for core in &phase.cores {
        book.sweeps(core, spikes, log);
        book.credits(core, log);
        book.statistics(core, log);
    }
}

/// Books the weights that a phase loads, and their way through the memory.
pub fn load(
    machine: &Machine<'_>,
    phase: &PhasePlan,
    network: &Network,
    start: u64,
    memory: &mut ExternalMemory,
    log: &mut Log,
) {
    let arch = &machine.program.arch;
    let (dram, noc) = (machine.dram_layer(), machine.noc_layer());
    let flit_bytes = u64::from(arch.noc.payload_bits.div_ceil(8));
    for Load { address, flits, .. } in packets(machine, phase) {
        memory.transfer(start, address, flits * flit_bytes, u64::from(arch.dram.burst_bytes), false);
    }
    for (to, flits, stage) in weight_flits(machine, phase) {
        let packets = flits.div_ceil(PACKET_FLITS);
        network.unicast(log.row(noc, 0), (phase.memory, to), flits + packets, packets);
        log.count(dram, 0, Activity::FlitInject, flits + packets);
        log.count(stage, 0, Activity::FlitEject, flits + packets);
    }
    for core in &phase.cores {
        log.count(core.stage, 0, Activity::WeightWrite, core.weight_words(arch.core.lanes as usize));
    }
}

struct Book<'a, 'm> {
    machine: &'a Machine<'m>,
    phase: &'a PhasePlan,
    network: &'a Network,
}

impl Book<'_, '_> {
    fn layer(&self, port: crate::noc::PortId) -> usize {
        match self.phase.seats[port.0 as usize] {
            Seat::Core(i) => self.phase.cores[i as usize].stage,
            Seat::Memory => self.machine.dram_layer(),
            _ => self.machine.host_layer(),
        }
    }

    fn tokens(&self) -> u64 {
        u64::from(self.machine.barrier.is_none())
    }

    /// One step of a stream, from its producer to all its consumers.
    fn events(&self, stream: &StreamPlan, t: usize, sending: &Sending, log: &mut Log) {
        let source = self.layer(stream.source);
        log.count(source, t, Activity::EventPack, sending.events);
        self.flits(stream, t, sending, log);
        for (load, &port) in sending.loads.iter().zip(&stream.destinations) {
            let Seat::Core(core) = self.phase.seats[port.0 as usize] else { continue };
            let core = &self.phase.cores[core as usize];
            let stage = &self.machine.stages[core.stage];
            let group = stage.groups.iter().find(|g| g.source == stream.node);
            let Some(group) = group else { continue };
            let multipass = stage.passes.len() > 1;
            if multipass && group.delayed && t + 1 >= self.machine.steps {
                continue;
            }
            let replays = if multipass && stage.stage.strategy == Strategy::Recompute {
                stage.passes.len() as u64 - 1
            } else {
                0
            };
            let row = log.row(core.stage, t);
            row.add(Activity::EventPush, load.events);
            row.add(Activity::EventPop, load.events);
            row.add(Activity::SpikeStoreWrite, if replays > 0 { load.events } else { 0 });
            row.add(Activity::SpikeStoreRead, replays * load.events);
            load.work.book(row, group.binary, 1 + replays);
            let stalls = if self.machine.stall { load.cycles - load.events.max(load.work.beats) } else { 0 };
            row.add(Activity::SynapseStallCycles, (1 + replays) * stalls);
        }
    }

    /// Packets and end tokens of one step of a stream.
    fn flits(&self, stream: &StreamPlan, t: usize, sending: &Sending, log: &mut Log) {
        let (source, tokens) = (self.layer(stream.source), self.tokens());
        if stream.tree.is_some() {
            let flits = sending.packets + tokens;
            log.count(source, t, Activity::FlitInject, flits);
            self.network.stream(log.row(self.machine.noc_layer(), 0), stream, None, flits);
        }
        for (d, &port) in stream.destinations.iter().enumerate() {
            let flits = sending.to(d) + tokens;
            if stream.tree.is_none() {
                log.count(source, t, Activity::FlitInject, flits);
                self.network.stream(log.row(self.machine.noc_layer(), 0), stream, Some(port), flits);
            }
            log.count(self.layer(port), t, Activity::FlitEject, flits);
        }
    }

    fn sweeps(&self, core: &CorePlan, spikes: &Spikes, log: &mut Log) {
        let stage = &self.machine.stages[core.stage];
        let lanes = self.machine.program.arch.core.lanes as usize;
        for (p, pass) in stage.passes.iter().enumerate() {
            let from = Source {
                accumulators: stage.accumulates(p),
                keeps: stage.keeps(p),
                writes_frame: stage.spills() && p == 0,
            };
            for step in 0..self.machine.steps {
                let counts = SweepCounts::of(&core.region, lanes, stage, SweepId { pass: p, step });
                counts.book(log.row(core.stage, step), pass, from);
            }
        }
        if !stage.neurons.is_empty() {
            let shape = self.machine.program.graph.node(stage.stage.output).ty.shape;
            for t in 0..self.machine.steps {
                let fired = spikes.held(stage.stage.output, t, &core.region, [shape.h, shape.w]).count();
                log.count(core.stage, t, Activity::Spike, fired as u64);
            }
        }
    }

    /// Credits that a core gives: one a step to every producer.
    fn credits(&self, core: &CorePlan, log: &mut Log) {
        if self.machine.barrier.is_some() {
            return;
        }
        for grant in &core.grants {
            for t in 0..self.machine.steps {
                log.count(core.stage, t, Activity::FlitInject, 1);
                log.count(self.layer(grant.port), t, Activity::FlitEject, 1);
                self.network.unicast(log.row(self.machine.noc_layer(), 0), (core.port, grant.port), 1, 1);
            }
        }
    }

    /// Statistics of a core on their way home, or programs and gates of a home.
    fn statistics(&self, core: &CorePlan, log: &mut Log) {
        let stage = &self.machine.stages[core.stage];
        let last = self.machine.steps - 1;
        let [gathered, rounds] = super::time::rounds(self.machine, stage);
        let lanes = self.machine.program.arch.core.lanes as usize;
        for (p, pass) in stage.passes.iter().enumerate().take(stage.last_pass()) {
            for round in 0..rounds {
                if core.home {
                    self.program(core, stage, (p, round), log);
                    continue;
                }
                if round >= gathered {
                    continue;
                }
                let n = covered(pass, &core.region);
                log.count(core.stage, last, Activity::StatRead, n.div_ceil(lanes as u64));
                let Some(stream) = core.statistics else { continue };
                self.list(&self.phase.streams[stream as usize], n, log);
                let home = log.row(core.stage, last);
                home.add(Activity::StatRead, n);
                home.add(Activity::StatWrite, n);
                let maxima = covered_maxima(pass, &core.region);
                home.add(Activity::StatCompare, maxima);
                home.add(Activity::StatAdd, n - maxima);
            }
        }
    }

    fn program(&self, core: &CorePlan, stage: &StagePlan<'_>, (p, round): (usize, usize), log: &mut Log) {
        let pass = &stage.passes[p];
        let lanes = self.machine.program.arch.core.lanes as usize;
        let gates = (pass.made_range[1] - pass.made_range[0]) as u64;
        let (cycles, work) = super::time::program(self.machine, core.stage, p, round);
        let row = log.row(core.stage, self.machine.steps - 1);
        row.add(Activity::AttentionBusyCycles, cycles);
        row.add(Activity::GateWrite, gates.div_ceil(lanes as u64));
        row.add(Activity::StatRead, pass.tap_len.div_ceil(lanes) as u64);
        work.into_iter().for_each(|(activity, n)| row.add(activity, n));
        if let Some(stream) = core.gates {
            let stream = &self.phase.streams[stream as usize];
            self.list(stream, gates, log);
            for &port in &stream.destinations {
                log.count(self.layer(port), self.machine.steps - 1, Activity::GateWrite, gates);
            }
        }
    }

    /// A list of statistics or gates: packed, sent, and popped by every destination.
    fn list(&self, stream: &StreamPlan, n: u64, log: &mut Log) {
        let last = self.machine.steps - 1;
        debug_assert!(stream.kind != StreamKind::Events, "events are booked by step");
        log.count(self.layer(stream.source), last, Activity::EventPack, n);
        self.flits(
            stream,
            last,
            &Sending::list(n, stream, Pace::of(self.machine, self.network, stream)),
            log,
        );
        for &port in &stream.destinations {
            let row = log.row(self.layer(port), last);
            row.add(Activity::EventPush, n);
            row.add(Activity::EventPop, n);
        }
    }
}

/// Frames that a core writes to the external memory and reads back: packets of every frame, both ways.
pub fn frames(
    machine: &Machine<'_>,
    phase: &PhasePlan,
    network: &Network,
    (core, reads): (&CorePlan, u64),
    log: &mut Log,
) {
    let (dram, noc, flits) =
        (machine.dram_layer(), machine.noc_layer(), core.frame_flits(&machine.program.arch));
    let packets = flits.div_ceil(PACKET_FLITS);
    let data = flits + packets;
    log.count(core.stage, 0, Activity::FrameRead, core.words as u64);
    log.count(core.stage, 0, Activity::FrameWrite, reads * core.words as u64);
    log.count(core.stage, 0, Activity::FlitInject, data + reads * packets);
    log.count(dram, 0, Activity::FlitEject, data + reads * packets);
    log.count(dram, 0, Activity::FlitInject, reads * data);
    log.count(core.stage, 0, Activity::FlitEject, reads * data);
    let row: &mut Row = log.row(noc, 0);
    network.unicast(row, (core.port, phase.memory), data, packets);
    network.unicast(row, (core.port, phase.memory), reads * packets, reads * packets);
    network.unicast(row, (phase.memory, core.port), reads * data, reads * packets);
}

/// Entries of a pass's statistics that a box covers.
pub fn covered(pass: &PassPlan<'_>, region: &Region) -> u64 {
    pass.taps.iter().map(|tap| entries(tap.shape, region)).sum()
}

fn covered_maxima(pass: &PassPlan<'_>, region: &Region) -> u64 {
    pass.taps.iter().filter(|t| t.max).map(|tap| entries(tap.shape, region)).sum()
}

fn entries(shape: pulvinar_ir::Shape, region: &Region) -> u64 {
    let clip = |n: usize, range: [usize; 2]| if n == 1 { 1 } else { range[1] - range[0] };
    (shape.t * clip(shape.c, region.channels) * clip(shape.h, region.rows) * shape.w) as u64
}
