//! The fast engine: the same rule over flat arrays and bit masks.
//!
//! A *slot* is an input VC of a router, number `port << shift | vc`; an output VC has the same numbering. Every router
//! keeps, per output port, the mask of slots that request a VC and the mask of slots that request the switch (they hold
//! a VC with a credit and have a flit), so a cycle costs time only where something may move. A flit is written into
//! the next buffer when it wins the switch; what travels is its address, which makes it visible on arrival.

mod alloc;
mod layout;

use alloc::{bits, Router, SLOTS};
use layout::{EjectQueue, Place};

use super::config::{Config, ConfigError, Pipeline, Topology, MESH_PORTS};
use super::route::Tree;
use super::{Fabric, Flit, Observer, PortId, Route, RouterActivity, HOP_CYCLES, INJECT_CYCLES};

/// Cycles of the event ring; more than the longest latency.
const RING: usize = 4;
/// Bits of a slot number in an address, `router << SLOT_BITS | slot`.
const SLOT_BITS: u32 = SLOTS.trailing_zeros();
/// Bits of a VC number in the index of an injection credit, `endpoint << VC_BITS | vc`.
const VC_BITS: u32 = 3;

/// What arrives in one cycle.
#[derive(Default)]
struct Transit {
    /// Addresses of flits.
    arrivals: Vec<u32>,
    /// Endpoints to which a flit comes.
    ejections: Vec<u32>,
    /// Addresses of credits, and indices of injection credits.
    credits: [Vec<u32>; 2],
}

/// The fast engine.
pub struct Fast {
    now: u64,
    pipeline: Pipeline,
    vcs: usize,
    depth: usize,
    shift: u32,
    /// Permitted mesh ports by the signs of (dx, dy), index `(sign(dx) + 1) * 3 + sign(dy) + 1`.
    turns: [u16; 9],
    routers: Vec<Router>,
    flits: Vec<Flit>,
    trees: Vec<u16>,
    places: Vec<Place>,
    /// Bit per router that has requests or a head to route.
    active: Vec<u64>,
    /// What arrives, by cycle.
    transit: [Transit; RING],
    /// Credits by endpoint and VC, `endpoint << VC_BITS | vc`.
    inject_credits: Vec<u16>,
    /// VCs with a credit by endpoint.
    injectable: Vec<u8>,
    /// Endpoints with such a VC, one bit each.
    injectable_ports: Vec<u64>,
    last_injection: Vec<u64>,
    eject_queues: Vec<EjectQueue>,
    eject_flits: Vec<Flit>,
    ejectable: Vec<u64>,
    /// Flits in router buffers, on links and in endpoint buffers.
    held_flits: u64,
}

/// Router and slot of an address.
#[inline]
fn split(address: u32) -> (usize, usize) {
    ((address >> SLOT_BITS) as usize, address as usize % SLOTS)
}

impl Fast {
    #[inline]
    fn activate(&mut self, router: usize) {
        self.active[router / 64] |= 1 << (router % 64);
    }

    /// Applies everything that arrives by the start of cycle `now`.
    fn deliver(&mut self) {
        let ring = self.now as usize % RING;
        let mut transit = std::mem::take(&mut self.transit[ring]);
        for address in transit.credits[0].drain(..) {
            self.credit(address);
        }
        for index in transit.credits[1].drain(..) {
            let (endpoint, vc) = (index as usize >> VC_BITS, index % (1 << VC_BITS));
            self.inject_credits[index as usize] += 1;
            self.injectable[endpoint] |= 1 << vc;
            self.injectable_ports[endpoint / 64] |= 1 << (endpoint % 64);
        }
        // After the credits, which count for the choice of a route in this cycle.
        for address in transit.arrivals.drain(..) {
            self.arrive(address);
        }
        for endpoint in transit.ejections.drain(..) {
            self.arrive_at_endpoint(endpoint as usize);
        }
        self.transit[ring] = transit;
    }

    #[inline]
    fn arrive_at_endpoint(&mut self, endpoint: usize) {
        self.routers[self.places[endpoint].router as usize].ejections += 1;
        self.eject_queues[endpoint].len += 1;
        self.ejectable[endpoint / 64] |= 1 << (endpoint % 64);
    }

    #[inline]
    fn arrive(&mut self, address: u32) {
        let (index, slot) = split(address);
        let router = &mut self.routers[index];
        router.buffer_writes += 1;
        let state = &mut router.slots[slot];
        state.len += 1;
        if state.len > 1 {
            return;
        }
        if state.wants | state.holds == 0 {
            if self.pipeline == Pipeline::Four {
                router.new_heads |= 1 << slot;
            } else {
                self.route_head(index, slot);
            }
            self.activate(index);
        } else if state.holds != 0 {
            let port = state.holds.trailing_zeros() as usize;
            let out = state.out(port);
            if router.request_switch(port, out) {
                self.activate(index);
            }
        }
    }

    #[inline]
    fn credit(&mut self, address: u32) {
        let (index, out) = split(address);
        let router = &mut self.routers[index];
        router.out_vcs[out].credits += 1;
        if router.out_vcs[out].credits > 1 {
            return;
        }
        let (port, vc) = (out >> self.shift, out & ((1 << self.shift) - 1));
        let all = ((1 << self.vcs) - 1) & if port < MESH_PORTS { 1 << vc } else { u64::MAX };
        let mut ready = false;
        for vc in bits(all & !u64::from(router.outs[port].free_vcs)) {
            ready |= router.request_switch(port, port << self.shift | vc);
        }
        if ready {
            self.activate(index);
        }
    }

    /// Output ports of the packet of `flit`.
    #[inline]
    fn route(&self, router: usize, flit: &Flit) -> u16 {
        match flit.route {
            Route::Tree(tree) => self.trees[tree as usize * self.routers.len() + router],
            Route::Unicast(dst) => {
                let place = self.places[dst.0 as usize];
                if place.router == router as u32 {
                    return 1 << place.port;
                }
                let (x, y) = self.routers[router].place;
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
            let usable = bits(u64::from(vc_mask) & ((1 << self.vcs) - 1));
            let credits =
                |vc: usize| u32::from(self.routers[router].out_vcs[port << self.shift | vc].credits);
            let free: u32 = usable.map(credits).sum();
            if best.1 == 0 || free > best.0 {
                best = (free, 1 << port);
            }
        }
        best.1
    }

    /// RC of the head at the front of `slot`.
    #[inline]
    fn route_head(&mut self, router: usize, slot: usize) {
        let state = &self.routers[router].slots[slot];
        let flit = &self.flits[state.base as usize + usize::from(state.head)];
        let (ports, vc_mask) = (self.route(router, flit), flit.vc_mask);
        self.routers[router].set_route(slot, ports, vc_mask);
    }

    /// RC of every head that waits for it.
    fn route_heads(&mut self, router: usize) {
        for slot in bits(std::mem::take(&mut self.routers[router].new_heads)) {
            self.route_head(router, slot);
        }
    }

    /// One cycle of one router; true while it has more to do without a new arrival.
    #[inline]
    fn step_router(&mut self, index: usize, sent: &mut Transit, observer: &mut impl Observer) -> bool {
        if self.pipeline != Pipeline::Four && self.routers[index].new_heads != 0 {
            self.route_heads(index);
        }
        let shift = self.shift;
        let router = &mut self.routers[index];
        let mut matching = router.allocate_switch(shift);
        let hopeful = (self.pipeline == Pipeline::Speculative).then(|| router.speculate(shift));
        router.allocate_vcs(shift);
        if let Some(hopeful) = hopeful {
            router.confirm(&mut matching, &hopeful, shift);
        }
        if self.pipeline == Pipeline::Four {
            self.route_heads(index);
        }
        for port in bits(u64::from(matching.outputs)) {
            self.routers[index].advance(port, &matching, shift);
            self.traverse((index, port, matching.slot(port)), sent, observer);
        }
        self.routers[index].is_active()
    }

    /// Moves the flit at the front of `slot` through the switch to `port`.
    #[inline]
    fn traverse(
        &mut self,
        (index, port, slot): (usize, usize, usize),
        sent: &mut Transit,
        observer: &mut impl Observer,
    ) {
        let router = &mut self.routers[index];
        let state = &mut router.slots[slot % SLOTS];
        let flit = self.flits[state.base as usize + usize::from(state.head)];
        let out = state.out(port);
        let vcs = (1 << self.shift) - 1;
        observer.flit_leaves(self.now + 1, index, port, out & vcs, &flit);
        let output = &mut router.outs[port];
        if flit.tail {
            output.free_vcs |= 1 << (out & vcs);
            state.holds &= !(1 << port);
        }
        let leaves = !flit.tail || state.wants | state.holds == 0;
        if leaves {
            state.pop(self.depth);
            router.new_heads |= u64::from(flit.tail && state.len > 0) << slot;
        }
        let credits = &mut router.out_vcs[out & (usize::from(output.pool_mask) % SLOTS)].credits;
        *credits -= 1;
        if *credits == 0 && port >= MESH_PORTS {
            output.switch_requests = 0;
        } else if *credits == 0 || flit.tail || state.len == 0 {
            output.switch_requests &= !(1 << slot);
        }
        router.switch_outputs &= !(u16::from(output.switch_requests == 0) << port);
        output.flits += 1;
        let onward = output.link;
        if leaves {
            let (input, vc) = (slot >> self.shift, (slot & vcs) as u32);
            let back = router.outs[input].link;
            let local = usize::from(input >= MESH_PORTS);
            sent.credits[local].push(if local == 0 { back + vc } else { back << VC_BITS | vc });
        } else {
            self.held_flits += 1;
        }
        if port < MESH_PORTS {
            let address = onward + (out & vcs) as u32;
            self.write(address, flit);
            sent.arrivals.push(address);
        } else {
            let queue = &mut self.eject_queues[onward as usize];
            self.eject_flits[queue.reserve()] = flit;
            sent.ejections.push(onward);
        }
    }

    /// Writes a flit on its way into the buffer at its address.
    #[inline]
    fn write(&mut self, address: u32, flit: Flit) {
        let (router, slot) = split(address);
        let state = &mut self.routers[router].slots[slot];
        // An empty buffer starts over at its first entry, which is most likely still in the cache.
        state.head = if state.reserved == 0 { 0 } else { state.head };
        let mut at = usize::from(state.head) + usize::from(state.reserved);
        if at >= self.depth {
            at -= self.depth;
        }
        state.reserved += 1;
        self.flits[state.base as usize + at] = flit;
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
        u32::from(self.inject_credits[(port.0 as usize) << VC_BITS | vc])
    }

    #[inline]
    fn injectable(&self, port: PortId) -> u8 {
        self.injectable[port.0 as usize]
    }

    #[inline]
    fn injectable_ports(&self, word: usize) -> u64 {
        self.injectable_ports.get(word).copied().unwrap_or(0)
    }

    #[inline]
    fn inject(&mut self, port: PortId, vc: usize, flit: Flit) {
        let endpoint = port.0 as usize;
        let place = self.places[endpoint];
        let last = std::mem::replace(&mut self.last_injection[endpoint], self.now);
        assert!(last != self.now, "one flit per local port and cycle");
        assert!(flit.vc_mask >> vc & 1 == 1, "injection on a VC outside the packet's class");
        if let Route::Tree(tree) = flit.route {
            assert!(flit.head && flit.tail, "only single-flit packets travel on trees");
            let mask = self.trees[tree as usize * self.routers.len() + place.router as usize];
            assert!(mask != 0, "the tree does not start at this router");
        }
        let credits = &mut self.inject_credits[endpoint << VC_BITS | vc];
        assert!(*credits > 0, "injection without a credit");
        *credits -= 1;
        if *credits == 0 {
            self.injectable[endpoint] &= !(1 << vc);
            if self.injectable[endpoint] == 0 {
                self.injectable_ports[endpoint / 64] &= !(1 << (endpoint % 64));
            }
        }
        self.held_flits += 1;
        self.routers[place.router as usize].injections += 1;
        let address = place.router << SLOT_BITS | u32::from(place.port) << self.shift | vc as u32;
        self.write(address, flit);
        self.transit[(self.now + INJECT_CYCLES) as usize % RING].arrivals.push(address);
    }

    fn step(&mut self, observer: &mut impl Observer) {
        let ring = (self.now + HOP_CYCLES) as usize % RING;
        let mut sent = std::mem::take(&mut self.transit[ring]);
        for word in 0..self.active.len() {
            for bit in bits(self.active[word]) {
                if !self.step_router(word * 64 + bit, &mut sent, observer) {
                    self.active[word] &= !(1 << bit);
                }
            }
        }
        self.transit[ring] = sent;
        self.now += 1;
        self.deliver();
    }

    #[inline]
    fn ejected(&self, port: PortId) -> Option<Flit> {
        let queue = &self.eject_queues[port.0 as usize];
        (queue.len > 0).then(|| self.eject_flits[queue.front()])
    }

    #[inline]
    fn eject_pop(&mut self, port: PortId) -> Option<Flit> {
        let flit = self.ejected(port)?;
        let queue = &mut self.eject_queues[port.0 as usize];
        queue.pop();
        if queue.len == 0 {
            self.ejectable[port.0 as usize / 64] &= !(1 << (port.0 % 64));
        }
        self.held_flits -= 1;
        let place = self.places[port.0 as usize];
        let credit = place.router << SLOT_BITS | u32::from(place.port) << self.shift;
        self.transit[(self.now + HOP_CYCLES) as usize % RING].credits[0].push(credit);
        Some(flit)
    }

    #[inline]
    fn ejectable(&self, word: usize) -> u64 {
        self.ejectable.get(word).copied().unwrap_or(0)
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
            let transit = &self.transit[*c as usize % RING];
            let Transit { arrivals, ejections, credits: [mesh, local] } = transit;
            [arrivals, ejections, mesh, local].iter().any(|list| !list.is_empty())
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

    fn activity(&self) -> Vec<RouterActivity> {
        self.routers.iter().map(Router::activity).collect()
    }
}
