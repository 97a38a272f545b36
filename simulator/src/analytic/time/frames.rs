//! Frames of a slice that spills to external memory, and the commands of that memory.

use super::Clock;
use crate::analytic::book;
use crate::packet::PACKET_FLITS;
use crate::prepare::phase::CorePlan;
use crate::run::Log;
use crate::unit::memory_controller::{ExternalMemory, EVENT_LOG};

impl Clock<'_, '_> {
    /// Cycle at which a slot for frame t is free (pass 0), or frame t is there.
    pub(super) fn frame(&mut self, core: usize, p: usize, t: usize) -> u64 {
        let plan = &self.phase.cores[core];
        let flits = plan.frame_flits(&self.machine.program.arch);
        let packets = flits.div_ceil(PACKET_FLITS);
        let path = self.network.latency(plan.port, self.phase.memory);
        let share = self.phase.cores.iter().filter(|c| c.stage == plan.stage).count() as u64;
        let data = PACKET_FLITS.min(flits) + 1;
        let routers = self.network.routers(plan.port, self.phase.memory);
        let read = self.read_cycles(data - 1, share);
        let packet = (self.network.packet_cycles(data, routers) as u64).max(read);
        let cycles = if p == 0 {
            packets * packet * share
        } else {
            let round = 2 * path + read + packet + 2;
            packets * round.max(share * packet)
        };
        let progress = &mut self.cores[core];
        if p == 0 {
            // Frame t − 1 leaves once its sweep has ended; two slots hide one sweep.
            let pushed = progress.frame;
            progress.frame = progress.frame.max(progress.ready) + if t == 0 { 0 } else { cycles };
            return if t < 2 { 0 } else { pushed + 1 };
        }
        let begin = if t == 0 { progress.frame + cycles.min(packets * share) } else { progress.frame };
        progress.frame = begin.max(if t < 2 { 0 } else { progress.ready - plan.words as u64 }) + cycles;
        progress.frame + 1
    }

    /// Commands of the external memory: frames of the slices and events kept for other phases.
    pub(super) fn memory(&self, memory: &mut ExternalMemory, log: &mut Log) {
        let arch = &self.machine.program.arch;
        let (flit_bytes, burst) =
            (u64::from(arch.noc.payload_bits.div_ceil(8)), u64::from(arch.dram.burst_bytes));
        let now = self.start;
        for (i, stream) in self.phase.streams.iter().enumerate() {
            let kept = stream.destinations.iter().position(|&d| d == self.phase.memory);
            for (t, sending) in self.traffic.events[i].iter().enumerate() {
                let at = EVENT_LOG + t as u64 * flit_bytes;
                if let Some(place) = kept {
                    (0..sending.to(place)).for_each(|k| {
                        memory.transfer(now, at + k * flit_bytes, flit_bytes, burst, true);
                    });
                }
                if stream.source == self.phase.memory && sending.packets > 0 {
                    memory.transfer(now, at, sending.packets * flit_bytes, burst, false);
                }
            }
        }
        let far: Vec<&CorePlan> =
            self.phase.cores.iter().filter(|c| self.machine.stages[c.stage].spills_far()).collect();
        let (steps, most) =
            (self.machine.steps as u64, far.iter().map(|c| c.frame_flits(arch)).max().unwrap_or(0));
        let passes = |c: &CorePlan| self.machine.stages[c.stage].passes.len() as u64;
        for pass in 0..far.iter().map(|c| passes(c)).max().unwrap_or(0) {
            for t in 0..steps {
                for first in (0..most).step_by(PACKET_FLITS as usize) {
                    for core in far.iter().filter(|c| passes(c) > pass && c.frame_flits(arch) > first) {
                        let frame = core.frame_flits(arch);
                        let flits = (frame - first).min(PACKET_FLITS);
                        let at = core.first_frame() + (t * frame + first) * flit_bytes;
                        memory.transfer(now, at, flits * flit_bytes, burst, pass == 0);
                    }
                }
            }
        }
        for core in far {
            let reads = passes(core) - 1;
            for _ in 0..steps {
                book::frames(self.machine, self.phase, self.network, (core, reads), log);
            }
        }
    }
}
