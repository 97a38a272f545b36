//! The fast engine: the same rule over flat arrays and bit masks.
//!
//! A *slot* is an input VC of a router, number `port << shift | vc`; an output VC has the same numbering. Every router
//! keeps, per output port, the mask of slots that request a VC and the mask of slots that request the switch (they hold
//! a VC with a credit and have a flit), so a cycle costs time only where something may move.

mod alloc;
mod layout;

use alloc::{bits, Decisions, Node, OutPort, OutVc, Slot};
use layout::{Arrival, Credit, EjectQueue, Link, Place};

use super::config::{Config, ConfigError, Pipeline, Topology, MESH_PORTS};
use super::route::Tree;
use super::{Fabric, Flit, Observer, PortId, Route, RouterActivity, HOP_CYCLES, INJECT_CYCLES};

/// Cycles of the event ring; more than the longest latency.
const RING: usize = 4;
/// Slot number of an arrival that goes to an endpoint buffer.
const TO_ENDPOINT: u8 = u8::MAX;
/// Slot number of a credit that goes to an endpoint.
const TO_INJECTOR: u8 = u8::MAX;

/// The fast engine.
pub struct Fast {
    now: u64,
    pipeline: Pipeline,
    vcs: usize,
    depth: usize,
    shift: u32,
    /// Ports of the largest router: the stride of per-port arrays.
    ports: usize,
    /// Slots of the largest router: the stride of per-VC arrays.
    slots: usize,
    coordinates: Vec<(u16, u16)>,
    /// Permitted mesh ports by the signs of (dx, dy), index `(sign(dx) + 1) * 3 + sign(dy) + 1`.
    turns: [u16; 9],
    nodes: Vec<Node>,
    out_ports: Vec<OutPort>,
    out_vcs: Vec<OutVc>,
    vc_slots: Vec<Slot>,
    flits: Vec<Flit>,
    links: Vec<Link>,
    trees: Vec<u16>,
    places: Vec<Place>,
    /// Bit per router that has requests or a head to route.
    active: Vec<u64>,
    arrivals: [Vec<Arrival>; RING],
    credits: [Vec<Credit>; RING],
    inject_credits: Vec<u16>,
    last_injection: Vec<u64>,
    eject_queues: Vec<EjectQueue>,
    eject_flits: Vec<Flit>,
    ejectable: Vec<u64>,
    /// Flits in router buffers, on links and in endpoint buffers.
    held_flits: u64,
    activity: Vec<RouterActivity>,
    decisions: Decisions,
}

impl Fast {
    fn activate(&mut self, router: usize) {
        self.active[router / 64] |= 1 << (router % 64);
    }

    /// Applies everything that arrives by the start of cycle `now`.
    fn deliver(&mut self) {
        let ring = self.now as usize % RING;
        let mut arrivals = std::mem::take(&mut self.arrivals[ring]);
        for arrival in &arrivals {
            if arrival.slot == TO_ENDPOINT {
                self.eject(arrival.index as usize, &arrival.flit);
            } else {
                self.buffer_write(arrival.index as usize, usize::from(arrival.slot), &arrival.flit);
            }
        }
        arrivals.clear();
        self.arrivals[ring] = arrivals;
        let mut credits = std::mem::take(&mut self.credits[ring]);
        for credit in credits.drain(..) {
            if credit.slot == TO_INJECTOR {
                self.inject_credits[credit.index as usize] += 1;
            } else {
                self.credit(credit.index as usize, usize::from(credit.slot));
            }
        }
        self.credits[ring] = credits;
    }

    fn eject(&mut self, endpoint: usize, flit: &Flit) {
        self.activity[self.places[endpoint].router as usize].ejections += 1;
        let queue = &mut self.eject_queues[endpoint];
        let mut at = u32::from(queue.head) + u32::from(queue.len);
        if at >= u32::from(queue.depth) {
            at -= u32::from(queue.depth);
        }
        self.eject_flits[(queue.start + at) as usize] = *flit;
        queue.len += 1;
        self.ejectable[endpoint / 64] |= 1 << (endpoint % 64);
    }

    fn buffer_write(&mut self, router: usize, slot: usize, flit: &Flit) {
        self.activity[router].buffer_writes += 1;
        let index = router * self.slots + slot;
        let state = &mut self.vc_slots[index];
        if state.len == 0 {
            // An empty buffer starts over at its first entry, which is most likely still in the cache.
            state.head = 0;
        }
        let mut at = usize::from(state.head) + usize::from(state.len);
        if at >= self.depth {
            at -= self.depth;
        }
        self.flits[index * self.depth + at] = *flit;
        state.len += 1;
        if state.len > 1 {
            return;
        }
        if state.wants | state.holds == 0 {
            self.nodes[router].new_heads |= 1 << slot;
            self.activate(router);
        } else {
            let port = state.holds.trailing_zeros() as usize;
            let out_vc = state.out_vc(port);
            self.request_switch(router, port, out_vc);
        }
    }

    /// Index of output VC `vc` of `port`, and of its credits: a local port keeps one pool in its VC 0.
    fn out_vc_indices(&self, router: usize, port: usize, vc: usize) -> (usize, usize) {
        let base = router * self.slots + (port << self.shift);
        (base + vc, if port < MESH_PORTS { base + vc } else { base })
    }

    /// Lets the owner of an output VC request the switch, if it has a flit and a credit.
    fn request_switch(&mut self, router: usize, port: usize, vc: usize) {
        let (out, pool) = self.out_vc_indices(router, port, vc);
        let slot = self.out_vcs[out].owner;
        if self.out_vcs[pool].credits > 0 && self.vc_slots[router * self.slots + usize::from(slot)].len > 0 {
            self.out_ports[router * self.ports + port].switch_requests |= 1 << slot;
            self.nodes[router].switch_outputs |= 1 << port;
            self.activate(router);
        }
    }

    fn credit(&mut self, router: usize, out_slot: usize) {
        let out = &mut self.out_vcs[router * self.slots + out_slot];
        out.credits += 1;
        if out.credits > 1 {
            return;
        }
        let (port, vc) = (out_slot >> self.shift, out_slot & ((1 << self.shift) - 1));
        let taken = !self.out_ports[router * self.ports + port].free_vcs;
        if port < MESH_PORTS {
            if taken >> vc & 1 == 1 {
                self.request_switch(router, port, vc);
            }
        } else {
            for vc in bits(u64::from(taken) & ((1 << self.vcs) - 1)) {
                self.request_switch(router, port, vc);
            }
        }
    }

    /// Output ports of the packet at the front of `slot`.
    fn route(&self, router: usize, flit: &Flit) -> u16 {
        match flit.route {
            Route::Tree(tree) => self.trees[tree as usize * self.nodes.len() + router],
            Route::Unicast(dst) => {
                let place = self.places[dst.0 as usize];
                if place.router == router as u32 {
                    return 1 << place.port;
                }
                let (x, y) = self.coordinates[router];
                let sign = |a: u16, b: u16| usize::from(a > b) + usize::from(a >= b);
                let ports = self.turns[sign(place.x, x) * 3 + sign(place.y, y)];
                if ports.is_power_of_two() {
                    ports
                } else {
                    self.most_credits(router, ports, flit.vc_mask)
                }
            }
        }
    }

    fn most_credits(&self, router: usize, ports: u16, vc_mask: u8) -> u16 {
        let mut best = (0, 0);
        for port in bits(u64::from(ports)) {
            let base = router * self.slots + (port << self.shift);
            let usable = bits(u64::from(vc_mask) & ((1 << self.vcs) - 1));
            let free: u32 = usable.map(|vc| u32::from(self.out_vcs[base + vc].credits)).sum();
            if best.1 == 0 || free > best.0 {
                best = (free, 1 << port);
            }
        }
        best.1
    }

    /// RC of every head that came to the front of its VC since the last call.
    fn route_heads(&mut self, router: usize) {
        let heads = std::mem::take(&mut self.nodes[router].new_heads);
        for slot in bits(heads) {
            let index = router * self.slots + slot;
            let state = self.vc_slots[index];
            let at = index * self.depth + usize::from(state.head);
            let ports = self.route(router, &self.flits[at]);
            let vc_mask = self.flits[at].vc_mask;
            self.vc_slots[index].wants = ports;
            let node = &mut self.nodes[router];
            if state.class != vc_mask {
                self.vc_slots[index].class = vc_mask;
                node.set_class(slot, vc_mask);
            }
            node.vc_outputs |= ports;
            for port in bits(u64::from(ports)) {
                self.out_ports[router * self.ports + port].vc_requests |= 1 << slot;
            }
        }
    }

    /// One cycle of one router; true while it has more to do without a new arrival.
    fn step_router(&mut self, router: usize, observer: &mut impl Observer) -> bool {
        if self.pipeline != Pipeline::Four {
            self.route_heads(router);
        }
        let ports = router * self.ports..(router + 1) * self.ports;
        let slots = router * self.slots..(router + 1) * self.slots;
        let node = &mut self.nodes[router];
        let (outs, vcs) = (&mut self.out_ports[ports], &mut self.out_vcs[slots.clone()]);
        let decisions = &mut self.decisions;
        decisions.clear();
        if node.vc_outputs != 0 {
            decisions.allocate_vcs(node, outs, vcs, &mut self.vc_slots[slots], self.shift);
        }
        let arbitrations = &mut self.activity[router].switch_arbitrations;
        if node.switch_outputs != 0 {
            decisions.allocate_switch(node, outs, self.shift, arbitrations);
        }
        if self.pipeline == Pipeline::Speculative && node.vc_outputs != 0 {
            decisions.speculate(node, outs, vcs, self.shift, arbitrations);
        }
        if self.pipeline == Pipeline::Four {
            self.route_heads(router);
        }
        self.take_vcs(router);
        for port in bits(u64::from(self.decisions.matched_outputs)) {
            self.traverse(router, port, usize::from(self.decisions.winner[port]), observer);
        }
        let node = &self.nodes[router];
        node.new_heads != 0 || node.vc_outputs | node.switch_outputs != 0
    }

    fn take_vcs(&mut self, router: usize) {
        let count = self.decisions.vc_grants;
        self.activity[router].vc_allocations += count as u64;
        for k in 0..count {
            let (slot, out) = self.decisions.vc_grant[k];
            let (port, vc) = (usize::from(out) >> self.shift, usize::from(out) & ((1 << self.shift) - 1));
            let output = &mut self.out_ports[router * self.ports + port];
            output.free_vcs &= !(1 << vc);
            output.vc_requests &= !(1 << slot);
            if output.vc_requests == 0 {
                self.nodes[router].vc_outputs &= !(1 << port);
            }
            self.out_vcs[router * self.slots + usize::from(out)].owner = slot;
            self.vc_slots[router * self.slots + usize::from(slot)].hold(port, vc);
            self.request_switch(router, port, vc);
        }
    }

    /// Moves the flit at the front of `slot` through the switch to `port`.
    fn traverse(&mut self, router: usize, port: usize, slot: usize, observer: &mut impl Observer) {
        let index = router * self.slots + slot;
        let state = self.vc_slots[index];
        // The entry keeps its flit until the next delivery, so it is copied once, straight to the link.
        let at = index * self.depth + usize::from(state.head);
        let tail = self.flits[at].tail;
        let out_vc = state.out_vc(port);
        observer.flit_leaves(self.now + 1, router, port, out_vc, &self.flits[at]);
        let pool = self.out_vc_indices(router, port, out_vc).1;
        self.out_vcs[pool].credits -= 1;
        let exhausted = self.out_vcs[pool].credits == 0;
        let output = &mut self.out_ports[router * self.ports + port];
        if tail {
            output.free_vcs |= 1 << out_vc;
            self.vc_slots[index].holds &= !(1 << port);
        }
        let leaves = !tail || self.vc_slots[index].wants | self.vc_slots[index].holds == 0;
        if leaves {
            self.leave_buffer(router, slot, tail);
        }
        let output = &mut self.out_ports[router * self.ports + port];
        if exhausted && port >= MESH_PORTS {
            output.switch_requests = 0;
        } else if exhausted || tail || self.vc_slots[index].len == 0 {
            output.switch_requests &= !(1 << slot);
        }
        if output.switch_requests == 0 {
            self.nodes[router].switch_outputs &= !(1 << port);
        }
        let activity = &mut self.activity[router];
        activity.buffer_reads += 1;
        activity.crossbar_traversals += 1;
        activity.link_flits[port] += 1;
        let link = self.links[router * self.ports + port];
        let slot = if port < MESH_PORTS { link.base + out_vc as u8 } else { TO_ENDPOINT };
        self.held_flits += u64::from(!leaves);
        let arrival = Arrival { flit: self.flits[at], index: link.index, slot };
        self.arrivals[(self.now + HOP_CYCLES) as usize % RING].push(arrival);
    }

    /// Frees one buffer entry and sends its credit back.
    fn leave_buffer(&mut self, router: usize, slot: usize, tail: bool) {
        let state = &mut self.vc_slots[router * self.slots + slot];
        state.head += 1;
        if usize::from(state.head) == self.depth {
            state.head = 0;
        }
        state.len -= 1;
        if tail && state.len > 0 {
            self.nodes[router].new_heads |= 1 << slot;
        }
        let (port, vc) = (slot >> self.shift, slot & ((1 << self.shift) - 1));
        let link = self.links[router * self.ports + port];
        let credit = if port < MESH_PORTS {
            Credit { index: link.index, slot: link.base + vc as u8 }
        } else {
            Credit { index: link.index * self.vcs as u32 + vc as u32, slot: TO_INJECTOR }
        };
        self.credits[(self.now + HOP_CYCLES) as usize % RING].push(credit);
    }
}

impl Fabric for Fast {
    fn new(config: &Config, trees: &[Tree]) -> Result<Self, ConfigError> {
        config.validate()?;
        let topology = Topology::new(config);
        trees.iter().try_for_each(|tree| tree.validate(&topology))?;
        Ok(Self::build(config, &topology, trees))
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn inject_credits(&self, port: PortId, vc: usize) -> u32 {
        u32::from(self.inject_credits[port.0 as usize * self.vcs + vc])
    }

    fn inject(&mut self, port: PortId, vc: usize, flit: Flit) {
        let endpoint = port.0 as usize;
        let place = self.places[endpoint];
        let last = std::mem::replace(&mut self.last_injection[endpoint], self.now);
        assert!(last != self.now, "one flit per local port and cycle");
        assert!(flit.vc_mask >> vc & 1 == 1, "injection on a VC outside the packet's class");
        if let Route::Tree(tree) = flit.route {
            assert!(flit.head && flit.tail, "only single-flit packets travel on trees");
            let mask = self.trees[tree as usize * self.nodes.len() + place.router as usize];
            assert!(mask != 0, "the tree does not start at this router");
        }
        let credits = &mut self.inject_credits[endpoint * self.vcs + vc];
        assert!(*credits > 0, "injection without a credit");
        *credits -= 1;
        self.held_flits += 1;
        self.activity[place.router as usize].injections += 1;
        let slot = place.port << self.shift | vc as u8;
        let ring = (self.now + INJECT_CYCLES) as usize % RING;
        self.arrivals[ring].push(Arrival { flit, index: place.router, slot });
    }

    fn step(&mut self, observer: &mut impl Observer) {
        for word in 0..self.active.len() {
            let mut left = self.active[word];
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                if !self.step_router(word * 64 + bit, observer) {
                    self.active[word] &= !(1 << bit);
                }
            }
        }
        self.now += 1;
        self.deliver();
    }

    fn ejected(&self, port: PortId) -> Option<Flit> {
        let queue = self.eject_queues[port.0 as usize];
        (queue.len > 0).then(|| self.eject_flits[queue.start as usize + usize::from(queue.head)])
    }

    fn eject_pop(&mut self, port: PortId) -> Option<Flit> {
        let flit = self.ejected(port)?;
        let queue = &mut self.eject_queues[port.0 as usize];
        queue.head = if queue.head + 1 == queue.depth { 0 } else { queue.head + 1 };
        queue.len -= 1;
        if queue.len == 0 {
            self.ejectable[port.0 as usize / 64] &= !(1 << (port.0 % 64));
        }
        self.held_flits -= 1;
        let place = self.places[port.0 as usize];
        let credit = Credit { index: place.router, slot: place.port << self.shift };
        self.credits[(self.now + HOP_CYCLES) as usize % RING].push(credit);
        Some(flit)
    }

    fn next_ejectable(&self, from: PortId) -> Option<PortId> {
        let first = from.0 as usize / 64;
        let mut keep = u64::MAX << (from.0 % 64);
        for word in first..self.ejectable.len() {
            let found = self.ejectable[word] & keep;
            if found != 0 {
                return Some(PortId((word * 64) as u32 + found.trailing_zeros()));
            }
            keep = u64::MAX;
        }
        None
    }

    fn next_event(&self) -> Option<u64> {
        if self.active.iter().any(|&word| word != 0) {
            return Some(self.now);
        }
        let due = |c: &u64| {
            !self.arrivals[*c as usize % RING].is_empty() || !self.credits[*c as usize % RING].is_empty()
        };
        (self.now + 1..self.now + RING as u64).find(due)
    }

    fn skip_to(&mut self, cycle: u64) {
        assert!(cycle >= self.now && self.next_event().is_none_or(|e| cycle <= e), "skip over an event");
        self.now = cycle;
        self.deliver();
    }

    fn is_empty(&self) -> bool {
        self.held_flits == 0
    }

    fn activity(&self) -> &[RouterActivity] {
        &self.activity
    }
}
