//! Incoming network interface: one item a cycle from the head flit of the ejection buffer.

use crate::noc::{Fabric, Flit, PortId};
use crate::packet::{Event, Packet, Slab};

/// What was taken in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// An event; `last` if it was the packet's last.
    Event {
        /// Stream.
        stream: u32,
        /// Step or pass.
        step: u16,
        /// The event.
        event: Event,
        /// The packet is taken.
        last: bool,
    },
    /// An end token.
    End {
        /// Stream.
        stream: u32,
        /// Step or pass.
        step: u16,
        /// Packets announced.
        packets: u32,
    },
    /// A credit.
    Credit {
        /// Stream.
        stream: u32,
        /// Step that may be sent.
        step: u32,
    },
    /// A flit of a memory transfer.
    Memory {
        /// It ends its packet.
        tail: bool,
    },
}

/// State of one ejection port.
#[derive(Debug)]
pub struct InterfaceIn {
    port: PortId,
    /// Items taken of the head flit.
    taken: u16,
}

impl InterfaceIn {
    /// An interface at a port.
    pub fn new(port: PortId) -> Self {
        InterfaceIn { port, taken: 0 }
    }

    /// True if there is a head flit and it is an event packet, which a full queue holds up.
    #[inline]
    pub fn head_is_event<F: Fabric>(&self, fabric: &F) -> bool {
        let is_event =
            |f: Flit| matches!(Packet::decode(f.payload), Packet::Events { .. } | Packet::One { .. });
        fabric.ejected(self.port).is_some_and(is_event)
    }

    /// True if the head flit carries events or an end token.
    #[inline]
    pub fn head_is_output<F: Fabric>(&self, fabric: &F) -> bool {
        let head = fabric.ejected(self.port).map(|flit| Packet::decode(flit.payload));
        matches!(head, Some(Packet::Events { .. } | Packet::One { .. } | Packet::End { .. }))
    }

    /// Takes at most one item; events only with `room`.
    #[inline]
    pub fn tick<F: Fabric>(&mut self, fabric: &mut F, slab: &mut Slab, room: bool) -> Option<Item> {
        let flit = fabric.ejected(self.port)?;
        let item = match Packet::decode(flit.payload) {
            Packet::Events { slot } => return room.then(|| self.take_event(fabric, slab, slot)),
            Packet::One { stream, step, address } => {
                if !room {
                    return None;
                }
                Item::Event { stream, step, event: Event { address, value: 1 }, last: true }
            }
            Packet::End { stream, step, packets } => Item::End { stream, step, packets },
            Packet::Credit { stream, step, .. } => Item::Credit { stream, step },
            Packet::Memory { .. } => Item::Memory { tail: flit.tail },
        };
        fabric.eject_pop(self.port);
        Some(item)
    }

    fn take_event<F: Fabric>(&mut self, fabric: &mut F, slab: &mut Slab, slot: u32) -> Item {
        let header = slab.header(slot);
        let event = slab.event(slot, usize::from(self.taken));
        self.taken += 1;
        let last = self.taken == header.count;
        if last {
            self.taken = 0;
            slab.release(slot);
            fabric.eject_pop(self.port);
        }
        Item::Event { stream: header.stream, step: header.step, event, last }
    }
}
