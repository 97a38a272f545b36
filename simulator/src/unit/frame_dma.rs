//! Frame transfers of a core that spills to external memory: two frame slots, writes in pass 0, reads in later passes.

use super::injector::{Injector, Outgoing};
use crate::noc::{PortId, Route};
use crate::packet::{Packet, Transfer, Transfers, PACKET_FLITS};

/// Frame slots of a core.
const SLOTS: usize = 2;

/// The frame DMA of one core.
#[derive(Debug)]
pub struct FrameDma {
    port: PortId,
    memory: PortId,
    vc_mask: u8,
    /// First byte of the core's frames, flits of a frame, bytes of a flit.
    base: u64,
    frame_flits: u64,
    flit_bytes: u64,
    /// Pass 0: sweeps started, frames complete, frames pushed.
    started: usize,
    complete: usize,
    pushed: usize,
    /// Flits of the frame pushed so far, and flits left in the packet under way.
    offset: u64,
    open: u64,
    transfer: u32,
    /// First cycle of the frame under way.
    since: u64,
    /// Later passes: frames asked for, arrived, swept; none before.
    reading: Option<Reading>,
}

#[derive(Debug, Default)]
struct Reading {
    from: u64,
    arrived: usize,
    swept: usize,
    /// Flits of the frame asked for and taken so far.
    asked: u64,
    taken: u64,
}

impl FrameDma {
    /// A DMA whose frames lie from `base` on.
    pub fn new(
        port: PortId,
        memory: PortId,
        vc_mask: u8,
        base: u64,
        frame_flits: u64,
        flit_bytes: u64,
    ) -> Self {
        let (started, complete, pushed, offset, open) = (0, 0, 0, 0, 0);
        FrameDma {
            port,
            memory,
            vc_mask,
            base,
            frame_flits,
            flit_bytes,
            started,
            complete,
            pushed,
            offset,
            open,
            transfer: 0,
            since: 0,
            reading: None,
        }
    }

    /// True if a packet is half pushed: nobody else may push data.
    pub fn holds_queue(&self) -> bool {
        self.open > 0
    }

    /// True while something is to be pushed.
    pub fn is_active(&self, steps: usize) -> bool {
        self.pushed < self.complete || self.reading.as_ref().is_some_and(|r| self.wants(r, steps))
    }

    /// True while a frame is being written or read.
    pub fn is_busy(&self) -> bool {
        self.pushed < self.complete || self.reading.as_ref().is_some_and(|r| r.asked > r.taken)
    }

    /// Pass 0: a slot is free.
    pub fn has_slot(&self) -> bool {
        self.started - self.pushed < SLOTS
    }

    /// Pass 0: a sweep begins to fill a slot.
    pub fn start_frame(&mut self) {
        self.started += 1;
    }

    /// Pass 0: the sweep has filled it.
    pub fn complete_frame(&mut self) {
        self.complete += 1;
    }

    /// A later pass begins at cycle `from`.
    pub fn begin_pass(&mut self, from: u64) {
        self.reading = Some(Reading { from, ..Reading::default() });
    }

    /// Later passes: the frame of a step is there.
    pub fn has_frame(&self, step: usize) -> bool {
        self.reading.as_ref().is_some_and(|r| r.arrived > step)
    }

    /// Later passes: a sweep has ended, its slot is free.
    pub fn release_frame(&mut self) {
        if let Some(reading) = &mut self.reading {
            reading.swept += 1;
        }
    }

    fn wants(&self, r: &Reading, steps: usize) -> bool {
        r.asked == r.taken && r.arrived < steps && r.arrived - r.swept < SLOTS && self.pushed == self.complete
    }

    /// One cycle: pushes at most one flit of a write, or asks for the next packet. `idle`: nobody else pushes data.
    /// Gives step and first cycle of a frame whose last flit this was.
    pub fn tick(
        &mut self,
        now: u64,
        steps: usize,
        room: bool,
        idle: bool,
        transfers: &mut Transfers,
        out: &mut Injector,
    ) -> Option<(usize, u64)> {
        if self.pushed < self.complete {
            if room && (self.open > 0 || idle) {
                self.since = if self.open == 0 && self.offset == 0 { now } else { self.since };
                let last = self.push(transfers, out);
                return last.then(|| (self.pushed - 1, self.since));
            }
            return None;
        }
        let reading = self.reading.as_ref().filter(|r| now >= r.from && self.wants(r, steps))?;
        if reading.asked == 0 {
            self.since = now;
        }
        let flits = (self.frame_flits - reading.asked).min(PACKET_FLITS);
        let at = reading.arrived as u64 * self.frame_flits + reading.asked;
        let transfer = self.request(at, flits, false, transfers);
        out.push_control(Packet::Memory { transfer, up: true }.encode(), self.memory, self.vc_mask);
        if let Some(reading) = &mut self.reading {
            reading.asked += flits;
        }
        None
    }

    fn request(&self, flit: u64, flits: u64, write: bool, transfers: &mut Transfers) -> u32 {
        transfers.push(Transfer {
            port: self.port,
            address: self.base + flit * self.flit_bytes,
            flits: flits as u32,
            write,
        })
    }

    /// One flit; true if it was the frame's last.
    fn push(&mut self, transfers: &mut Transfers, out: &mut Injector) -> bool {
        let head = self.open == 0;
        if head {
            let flits = (self.frame_flits - self.offset).min(PACKET_FLITS);
            let at = self.pushed as u64 * self.frame_flits + self.offset;
            self.transfer = self.request(at, flits, true, transfers);
            self.open = flits + 1;
        }
        self.open -= 1;
        self.offset += u64::from(!head);
        out.push_data(Outgoing {
            payload: Packet::Memory { transfer: self.transfer, up: true }.encode(),
            route: Route::Unicast(self.memory),
            vc_mask: self.vc_mask,
            head,
            tail: self.open == 0,
        });
        let last = self.open == 0 && self.offset == self.frame_flits;
        if last {
            self.offset = 0;
            self.pushed += 1;
        }
        last
    }

    /// A data packet has been taken to its tail; gives step and first cycle of a frame that is complete with it.
    pub fn take_packet(&mut self) -> Option<(usize, u64)> {
        let reading = self.reading.as_mut()?;
        reading.taken = reading.asked;
        if reading.taken < self.frame_flits {
            return None;
        }
        (reading.asked, reading.taken) = (0, 0);
        reading.arrived += 1;
        Some((reading.arrived - 1, self.since))
    }
}
