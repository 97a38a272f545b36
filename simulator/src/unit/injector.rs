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
    vcs: u8,
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
            vcs,
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
        let control = self.held.is_none() && !self.control.is_empty();
        let flit = *(if control { self.control.front() } else { self.data.front() })?;
        let vc = self.channel(&flit, fabric)?;
        if control {
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

    fn channel<F: Fabric>(&self, flit: &Outgoing, fabric: &F) -> Option<u8> {
        let usable =
            |vc: u8| flit.vc_mask >> vc & 1 == 1 && fabric.inject_credits(self.port, usize::from(vc)) > 0;
        if let Some(vc) = self.held {
            return usable(vc).then_some(vc);
        }
        let mut vc = self.last_vc;
        for _ in 0..self.vcs {
            vc = if vc + 1 >= self.vcs { 0 } else { vc + 1 };
            if usable(vc) {
                return Some(vc);
            }
        }
        None
    }
}
