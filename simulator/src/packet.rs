//! Packets: a token or a credit fits the flit's 64-bit handle; several events lie in a slab until the last
//! destination has taken them.

use crate::noc::PortId;

/// Steps are numbered below this (the graph verifier holds it).
pub const MAX_STEPS: usize = 1 << 16;
/// Streams of a phase are numbered below this.
pub const MAX_STREAMS: usize = 1 << 20;
/// Payload flits of a memory packet at most.
pub const PACKET_FLITS: u64 = 8;
const FIELD_24: u64 = (1 << 24) - 1;

/// One event: address in the node's value of one step, and value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Event {
    /// Row-major index (c, h, w), or index in a concatenation of statistics or gates.
    pub address: u32,
    /// Value.
    pub value: i64,
}

/// What a flit carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// Events in the slab.
    Events {
        /// Slab entry.
        slot: u32,
    },
    /// One event of value 1 whose address is below 2^24.
    One {
        /// Stream.
        stream: u32,
        /// Timestep.
        step: u16,
        /// Address.
        address: u32,
    },
    /// End of a step (of a pass for statistics and gates).
    End {
        /// Stream.
        stream: u32,
        /// Timestep or pass.
        step: u16,
        /// Event packets sent to this destination.
        packets: u32,
    },
    /// Leave to send one step.
    Credit {
        /// Stream.
        stream: u32,
        /// The step that may be sent.
        step: u32,
        /// Endpoint that grants it.
        from: u32,
    },
    /// A flit of a memory transfer, described in [`Transfers`].
    Memory {
        /// Transfer number.
        transfer: u32,
        /// True towards the memory.
        up: bool,
    },
}

impl Packet {
    /// The 64-bit handle.
    #[inline]
    pub fn encode(self) -> u64 {
        let join = |kind: u64, stream: u32, step: u64, low: u32| {
            kind | u64::from(stream) << 3 | step << 23 | u64::from(low) << 40
        };
        match self {
            Packet::Events { slot } => u64::from(slot) << 3,
            Packet::One { stream, step, address } => join(1, stream, u64::from(step), address),
            Packet::End { stream, step, packets } => join(2, stream, u64::from(step), packets),
            Packet::Credit { stream, step, from } => join(3, stream, u64::from(step), from),
            Packet::Memory { transfer, up } => 4 | u64::from(transfer) << 3 | u64::from(up) << 35,
        }
    }

    /// The packet of a handle.
    #[inline]
    pub fn decode(handle: u64) -> Packet {
        let stream = (handle >> 3) as u32 & (MAX_STREAMS as u32 - 1);
        let step = (handle >> 23) as u32 & 0x1_ffff;
        let low = (handle >> 40 & FIELD_24) as u32;
        match handle & 7 {
            0 => Packet::Events { slot: (handle >> 3) as u32 },
            1 => Packet::One { stream, step: step as u16, address: low },
            2 => Packet::End { stream, step: step as u16, packets: low },
            3 => Packet::Credit { stream, step, from: low },
            _ => Packet::Memory { transfer: (handle >> 3) as u32, up: handle >> 35 & 1 == 1 },
        }
    }
}

/// True if an event travels without a slab entry.
#[inline]
pub fn is_inline(event: Event) -> bool {
    event.value == 1 && u64::from(event.address) <= FIELD_24
}

/// Header of a slab entry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Header {
    /// Stream.
    pub stream: u32,
    /// Timestep or pass.
    pub step: u16,
    /// Events held.
    pub count: u16,
    /// Destinations that have not taken it yet.
    pub references: u32,
}

/// Event packets under way, at a fixed stride, with a free list.
#[derive(Debug, Default)]
pub struct Slab {
    stride: usize,
    headers: Vec<Header>,
    events: Vec<Event>,
    free: Vec<u32>,
}

impl Slab {
    /// A slab for packets of up to `stride` events.
    pub fn new(stride: usize) -> Self {
        Slab { stride: stride.max(1), ..Slab::default() }
    }

    /// An empty entry.
    pub fn allocate(&mut self, stream: u32, step: u16) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.headers.push(Header::default());
            self.events.resize(self.headers.len() * self.stride, Event::default());
            self.headers.len() as u32 - 1
        });
        self.headers[slot as usize] = Header { stream, step, count: 0, references: 0 };
        slot
    }

    /// Appends an event to an entry.
    #[inline]
    pub fn push(&mut self, slot: u32, event: Event) {
        let header = &mut self.headers[slot as usize];
        self.events[slot as usize * self.stride + usize::from(header.count)] = event;
        header.count += 1;
    }

    /// Header of an entry.
    #[inline]
    pub fn header(&self, slot: u32) -> Header {
        self.headers[slot as usize]
    }

    /// Event `i` of an entry.
    #[inline]
    pub fn event(&self, slot: u32, i: usize) -> Event {
        self.events[slot as usize * self.stride + i]
    }

    /// Adds references: one a destination.
    pub fn retain(&mut self, slot: u32, references: u32) {
        self.headers[slot as usize].references += references;
    }

    /// Drops one reference and frees the entry with the last.
    #[inline]
    pub fn release(&mut self, slot: u32) {
        let header = &mut self.headers[slot as usize];
        header.references -= 1;
        if header.references == 0 {
            self.free.push(slot);
        }
    }

    /// Entries in use.
    pub fn in_use(&self) -> usize {
        self.headers.len() - self.free.len()
    }
}

/// A read or write of external memory.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    /// Core that asks.
    pub port: PortId,
    /// First byte.
    pub address: u64,
    /// Payload flits.
    pub flits: u32,
    /// Write.
    pub write: bool,
}

/// The transfers of a phase, by number.
#[derive(Debug, Default)]
pub struct Transfers(Vec<Transfer>);

impl Transfers {
    /// Adds a transfer; gives its number.
    pub fn push(&mut self, transfer: Transfer) -> u32 {
        self.0.push(transfer);
        self.0.len() as u32 - 1
    }
    /// The transfer of a number.
    pub fn get(&self, id: u32) -> Transfer {
        self.0[id as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_keep_their_packets() {
        let packets = [
            Packet::Events { slot: 77 },
            Packet::One { stream: 0xf_fff1, step: 65535, address: 0xff_ffff },
            Packet::End { stream: 3, step: 9, packets: 0xab_cdef },
            Packet::Credit { stream: 0xf_ffff, step: 65537, from: 24575 },
            Packet::Memory { transfer: u32::MAX, up: true },
        ];
        for packet in packets {
            assert_eq!(Packet::decode(packet.encode()), packet);
        }
    }

    #[test]
    fn slab_entries_come_back() {
        let mut slab = Slab::new(2);
        let a = slab.allocate(1, 2);
        slab.push(a, Event { address: 5, value: -3 });
        slab.retain(a, 2);
        slab.release(a);
        assert_eq!((slab.in_use(), slab.event(a, 0).value), (1, -3));
        slab.release(a);
        assert_eq!((slab.in_use(), slab.allocate(0, 0)), (0, a));
    }
}
