//! Injector: control queue before data queue, one flit a cycle, virtual channels round robin.

use crate::noc::{Fabric, Flit, PortId, Route};
use std::collections::VecDeque;

/// A flit waiting.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// Handle of the packet.
    pub payload: u64,
    /// Where it goes.
    pub route: Route,
    /// Virtual channels it may use.
    pub vc_mask: u8,
    /// First flit of its packet.
    pub head: bool,
    /// Last flit of its packet.
    pub tail: bool,
}

/// One injection port.
#[derive(Debug)]
pub struct Injector {
    port: PortId,
    control: VecDeque<Outgoing>,
    data: VecDeque<Outgoing>,
    capacity: usize,
    last_vc: u8,
    /// Virtual channel and queue of a packet whose tail has not been sent.
    held: Option<u8>,
    packets: u32,
}

impl Injector {
    /// An empty injector with a data queue of `capacity` flits.
    pub fn new(port: PortId, capacity: usize, vcs: u8) -> Self {
        Injector {
            port,
            control: VecDeque::new(),
            data: VecDeque::with_capacity(capacity),
            capacity,
            last_vc: vcs - 1,
            held: None,
            packets: 0,
        }
    }

    /// True if another flit fits the data queue.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.data.len() < self.capacity
    }

    /// True if a flit of the data queue waits.
    #[inline]
    pub fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    /// True if nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.control.is_empty()
    }

    /// Appends a flit to the data queue; the caller has seen room.
    #[inline]
    pub fn push_data(&mut self, flit: Outgoing) {
        self.data.push_back(flit);
    }

    /// Appends a single-flit packet to the control queue.
    pub fn push_control(&mut self, payload: u64, to: PortId, vc_mask: u8) {
        self.control.push_back(Outgoing {
            payload,
            route: Route::Unicast(to),
            vc_mask,
            head: true,
            tail: true,
        });
    }

    /// One cycle; gives the handle of the flit sent.
    #[inline]
    pub fn tick<F: Fabric>(&mut self, fabric: &mut F) -> Option<u64> {
        let flit = *self.front()?;
        let vc = self.channel(&flit, fabric)?;
        if self.is_control_next() {
            self.control.pop_front();
        } else {
            self.data.pop_front();
        }
        self.last_vc = vc;
        self.held = (!flit.tail).then_some(vc);
        self.packets += u32::from(flit.head);
        let sent = Flit {
            packet: self.packets - 1,
            payload: flit.payload,
            route: flit.route,
            head: flit.head,
            tail: flit.tail,
            vc_mask: flit.vc_mask,
        };
        fabric.inject(self.port, usize::from(vc), sent);
        Some(flit.payload)
    }

    /// True if a flit waits and no virtual channel it may use has a credit.
    #[inline]
    pub fn is_jammed<F: Fabric>(&self, fabric: &F) -> bool {
        self.front().is_some_and(|flit| self.channel(flit, fabric).is_none())
    }

    #[inline]
    fn is_control_next(&self) -> bool {
        self.held.is_none() && !self.control.is_empty()
    }

    #[inline]
    fn front(&self) -> Option<&Outgoing> {
        if self.is_control_next() {
            self.control.front()
        } else {
            self.data.front()
        }
    }

    #[inline]
    fn channel<F: Fabric>(&self, flit: &Outgoing, fabric: &F) -> Option<u8> {
        let usable = fabric.injectable(self.port) & flit.vc_mask;
        if let Some(vc) = self.held {
            return (usable >> vc & 1 == 1).then_some(vc);
        }
        // Round robin: the first usable one above the last one used, else the first.
        let above = usable & (0xfe_u16 << self.last_vc) as u8;
        (usable != 0).then(|| (if above == 0 { usable } else { above }).trailing_zeros() as u8)
    }
}
