//! The plain engine: every router, every cycle, in the words of the timing rule.

use std::collections::{BTreeMap, VecDeque};

use super::config::{opposite, Config, ConfigError, Pipeline, Topology, MAX_PORTS, MESH_PORTS};
use super::route::{permitted, Tree};
use super::{Fabric, Flit, Observer, PortId, Route, RouterActivity, HOP_CYCLES, INJECT_CYCLES};

/// An input virtual channel.
#[derive(Clone, Default)]
struct InVc {
    buffer: VecDeque<Flit>,
    /// The packet at the front has its route.
    routed: bool,
    /// Output ports the packet at the front still needs a VC of.
    wants: u16,
    /// Output VC the packet at the front holds, per output port.
    holds: [Option<usize>; MAX_PORTS],
}

/// An output port: which VCs packets hold, and the credits of the buffer behind it. A mesh port has credits per VC; a
/// local port has one pool for the endpoint's buffer.
#[derive(Clone)]
struct Output {
    taken: Vec<bool>,
    credits: Vec<u32>,
}

impl Output {
    fn pool(&self, vc: usize) -> usize {
        vc.min(self.credits.len() - 1)
    }

    fn has_credit(&self, vc: usize) -> bool {
        self.credits[self.pool(vc)] > 0
    }
}

/// Round-robin choice: the first true entry at or after `pointer`, cyclically.
fn round_robin(requests: &[bool], pointer: usize) -> Option<usize> {
    let n = requests.len();
    (0..n).map(|k| (pointer + k) % n).find(|&i| requests[i])
}

/// A separable output-first allocator with one iteration and accept-updated round-robin pointers (iSLIP, McKeown 1999).
#[derive(Clone)]
struct Islip {
    grant: Vec<usize>,
    accept: Vec<usize>,
}

impl Islip {
    fn new(inputs: usize, outputs: usize) -> Self {
        Self { grant: vec![0; outputs], accept: vec![0; inputs] }
    }

    /// `requests[input][output]`; returns the output matched to each input.
    fn allocate(&mut self, requests: &[Vec<bool>]) -> Vec<Option<usize>> {
        let (inputs, outputs) = (self.accept.len(), self.grant.len());
        let mut offers = vec![vec![false; outputs]; inputs];
        for output in 0..outputs {
            let column: Vec<bool> = (0..inputs).map(|i| requests[i][output]).collect();
            if let Some(input) = round_robin(&column, self.grant[output]) {
                offers[input][output] = true;
            }
        }
        let matched: Vec<_> = (0..inputs).map(|i| round_robin(&offers[i], self.accept[i])).collect();
        for (input, output) in matched.iter().enumerate() {
            if let Some(output) = *output {
                self.grant[output] = (input + 1) % inputs;
                self.accept[input] = (output + 1) % outputs;
            }
        }
        matched
    }
}

/// Switch allocator: an [`Islip`] over ports behind a round-robin choice of VC at each input port.
#[derive(Clone)]
struct SwitchAllocator {
    ports: Islip,
    vc: Vec<usize>,
}

impl SwitchAllocator {
    fn new(ports: usize) -> Self {
        Self { ports: Islip::new(ports, ports), vc: vec![0; ports] }
    }

    /// `requests[output][input][vc]`; returns the winners `(output, input, vc)` and counts the outputs with requests.
    fn allocate(
        &mut self,
        requests: &[Vec<Vec<bool>>],
        arbitrations: &mut u64,
    ) -> Vec<(usize, usize, usize)> {
        let ports = self.vc.len();
        let asks = |input: usize, output: usize| requests[output][input].iter().any(|&r| r);
        let matrix: Vec<Vec<bool>> = (0..ports).map(|i| (0..ports).map(|o| asks(i, o)).collect()).collect();
        *arbitrations += (0..ports).filter(|&o| matrix.iter().any(|row| row[o])).count() as u64;
        let mut winners = Vec::new();
        for (input, output) in self.ports.allocate(&matrix).into_iter().enumerate() {
            let Some(output) = output else { continue };
            let vcs = &requests[output][input];
            let vc =
                round_robin(vcs, self.vc[input]).expect("invariant: a matched input has a requesting VC");
            self.vc[input] = (vc + 1) % vcs.len();
            winners.push((output, input, vc));
        }
        winners
    }
}

/// An output VC granted to an input VC: `(input, vc, output, output vc)`.
type VcGrant = (usize, usize, usize, usize);

#[derive(Clone)]
struct Router {
    inputs: Vec<Vec<InVc>>,
    outputs: Vec<Output>,
    vc_allocator: Islip,
    switch: SwitchAllocator,
    speculative: SwitchAllocator,
    activity: RouterActivity,
}

impl Router {
    fn new(config: &Config, topology: &Topology, index: usize) -> Self {
        let (ports, vcs) = (topology.ports(index), usize::from(config.vcs));
        let credits = |port: usize| match port.checked_sub(MESH_PORTS) {
            None => vec![u32::from(config.vc_depth); vcs],
            Some(local) => vec![u32::from(config.eject_depth[topology.endpoint(index, local).0 as usize])],
        };
        Self {
            inputs: vec![vec![InVc::default(); vcs]; ports],
            outputs: (0..ports).map(|p| Output { taken: vec![false; vcs], credits: credits(p) }).collect(),
            vc_allocator: Islip::new(ports * vcs, ports * vcs),
            switch: SwitchAllocator::new(ports),
            speculative: SwitchAllocator::new(ports),
            activity: RouterActivity::default(),
        }
    }

    fn buffered(&self) -> usize {
        self.inputs.iter().flatten().map(|vc| vc.buffer.len()).sum()
    }

    fn vc_indices(&self) -> impl Iterator<Item = (usize, usize)> {
        let vcs = self.inputs[0].len();
        (0..self.inputs.len()).flat_map(move |i| (0..vcs).map(move |v| (i, v)))
    }

    /// Free credits downstream of `output` that a packet of class `vc_mask` may use.
    fn free_credits(&self, output: usize, vc_mask: u8) -> u32 {
        let credits = self.outputs[output].credits.iter().enumerate();
        credits.filter(|(v, _)| vc_mask >> v & 1 == 1).map(|(_, c)| c).sum()
    }

    /// RC: the output ports of every packet that has come to the front of its VC.
    fn compute_routes(&self, net: &Shared, here: usize) -> Vec<(usize, usize, u16)> {
        let waiting =
            |&(i, v): &(usize, usize)| !self.inputs[i][v].routed && !self.inputs[i][v].buffer.is_empty();
        let route = |(i, v): (usize, usize)| {
            let flit = self.inputs[i][v].buffer[0];
            let ports = match flit.route {
                Route::Tree(tree) => net.trees[tree as usize].masks[here],
                Route::Unicast(dst) => {
                    let mask = permitted(&net.topology, net.config.routing, here, dst);
                    let choices = (0..MAX_PORTS).rev().filter(|&p| mask >> p & 1 == 1);
                    1 << if mask.is_power_of_two() {
                        mask.trailing_zeros() as usize
                    } else {
                        // `max_by_key` keeps the last maximum, hence the lowest port of the reversed order.
                        choices
                            .max_by_key(|&p| self.free_credits(p, flit.vc_mask))
                            .expect("invariant: mask has ports")
                    }
                }
            };
            (i, v, ports)
        };
        self.vc_indices().filter(waiting).map(route).collect()
    }

    fn set_routes(&mut self, routes: Vec<(usize, usize, u16)>) {
        for (i, v, ports) in routes {
            self.inputs[i][v].routed = true;
            self.inputs[i][v].wants = ports;
        }
    }

    /// VA: every waiting branch asks for every free VC of its class at its output port.
    fn allocate_vcs(&mut self) -> Vec<VcGrant> {
        let vcs = self.inputs[0].len();
        let size = self.inputs.len() * vcs;
        if self.inputs.iter().flatten().all(|vc| vc.wants == 0) {
            return Vec::new();
        }
        let mut requests = vec![vec![false; size]; size];
        for (i, v) in self.vc_indices() {
            let input = &self.inputs[i][v];
            for o in (0..self.outputs.len()).filter(|o| input.wants >> o & 1 == 1) {
                for ov in (0..vcs).filter(|ov| input.buffer[0].vc_mask >> ov & 1 == 1) {
                    requests[i * vcs + v][o * vcs + ov] = !self.outputs[o].taken[ov];
                }
            }
        }
        let matched = self.vc_allocator.allocate(&requests);
        let grants = matched.into_iter().enumerate();
        grants.filter_map(|(i, o)| o.map(|o| (i / vcs, i % vcs, o / vcs, o % vcs))).collect()
    }

    /// Requests `[output][input][vc]` for which `asks(output, input VC)` holds.
    fn switch_requests(&self, asks: impl Fn(usize, &InVc) -> bool) -> Vec<Vec<Vec<bool>>> {
        let row =
            |o: usize, vcs: &Vec<InVc>| vcs.iter().map(|vc| !vc.buffer.is_empty() && asks(o, vc)).collect();
        (0..self.outputs.len()).map(|o| self.inputs.iter().map(|vcs| row(o, vcs)).collect()).collect()
    }

    /// SA: winners `(output, input, vc)`, speculative ones included. A speculative winner yields to every
    /// non-speculative winner at its input or output, and needs a VC with a credit out of this cycle's VA.
    fn allocate_switch(&mut self, pipeline: Pipeline, vc_grants: &[VcGrant]) -> Vec<(usize, usize, usize)> {
        if self.buffered() == 0 {
            return Vec::new();
        }
        let holds = |o: usize, vc: &InVc| vc.holds[o].is_some_and(|ov| self.outputs[o].has_credit(ov));
        let requests = self.switch_requests(holds);
        let mut winners = self.switch.allocate(&requests, &mut self.activity.switch_arbitrations);
        if pipeline == Pipeline::Speculative {
            let might = |o: usize, vc: &InVc| {
                let usable = |ov: usize| {
                    vc.buffer[0].vc_mask >> ov & 1 == 1
                        && !self.outputs[o].taken[ov]
                        && self.outputs[o].has_credit(ov)
                };
                vc.wants >> o & 1 == 1 && (0..self.outputs[o].taken.len()).any(usable)
            };
            let requests = self.switch_requests(might);
            let mut hopeful = self.speculative.allocate(&requests, &mut self.activity.switch_arbitrations);
            hopeful.retain(|&(o, i, v)| {
                let clear = winners.iter().all(|&(wo, wi, _)| wo != o && wi != i);
                let grant = |g: &&VcGrant| (g.0, g.1, g.2) == (i, v, o);
                clear && vc_grants.iter().find(grant).is_some_and(|g| self.outputs[o].has_credit(g.3))
            });
            winners.append(&mut hopeful);
        }
        winners.sort_unstable();
        winners
    }

    fn take_vcs(&mut self, grants: Vec<VcGrant>) {
        for (i, v, o, ov) in grants {
            self.activity.vc_allocations += 1;
            self.outputs[o].taken[ov] = true;
            self.inputs[i][v].wants &= !(1 << o);
            self.inputs[i][v].holds[o] = Some(ov);
        }
    }

    /// ST of one winner: returns the flit, its output VC and whether it has left the input buffer.
    fn traverse(&mut self, (o, i, v): (usize, usize, usize)) -> (Flit, usize, bool) {
        let input = &mut self.inputs[i][v];
        let flit = input.buffer[0];
        let out_vc = input.holds[o].expect("invariant: a switch winner holds a VC");
        let pool = self.outputs[o].pool(out_vc);
        self.outputs[o].credits[pool] -= 1;
        if flit.tail {
            self.outputs[o].taken[out_vc] = false;
            input.holds[o] = None;
        }
        let leaves = !flit.tail || (input.wants == 0 && input.holds.iter().all(Option::is_none));
        if leaves {
            input.buffer.pop_front();
            input.routed &= !flit.tail;
        }
        self.activity.buffer_reads += 1;
        self.activity.crossbar_traversals += 1;
        self.activity.link_flits[o] += 1;
        (flit, out_vc, leaves)
    }
}

/// What arrives at the end of a link.
enum Arrival {
    Buffer { router: usize, port: usize, vc: usize, flit: Flit },
    Credit { router: usize, port: usize, vc: usize },
    Endpoint { port: PortId, flit: Flit },
    EndpointCredit { port: PortId, vc: usize },
}

/// What routers only read.
struct Shared {
    config: Config,
    topology: Topology,
    trees: Vec<Tree>,
}

/// An endpoint's side of its local port.
struct Endpoint {
    credits: Vec<u32>,
    buffer: VecDeque<Flit>,
    last_injection: Option<u64>,
}

/// The plain engine.
pub struct Plain {
    net: Shared,
    now: u64,
    routers: Vec<Router>,
    endpoints: Vec<Endpoint>,
    links: BTreeMap<u64, Vec<Arrival>>,
    activity: Vec<RouterActivity>,
}

impl Plain {
    fn deliver(&mut self) {
        for arrival in self.links.remove(&self.now).unwrap_or_default() {
            match arrival {
                Arrival::Buffer { router, port, vc, flit } => {
                    self.routers[router].activity.buffer_writes += 1;
                    self.routers[router].inputs[port][vc].buffer.push_back(flit);
                }
                Arrival::Credit { router, port, vc } => {
                    let output = &mut self.routers[router].outputs[port];
                    let pool = output.pool(vc);
                    output.credits[pool] += 1;
                }
                Arrival::Endpoint { port, flit } => {
                    self.routers[self.net.topology.place(port).0].activity.ejections += 1;
                    self.endpoints[port.0 as usize].buffer.push_back(flit);
                }
                Arrival::EndpointCredit { port, vc } => self.endpoints[port.0 as usize].credits[vc] += 1,
            }
        }
        for (activity, router) in self.activity.iter_mut().zip(&self.routers) {
            *activity = router.activity;
        }
    }

    fn send(&mut self, cycles: u64, arrival: Arrival) {
        self.links.entry(self.now + cycles).or_default().push(arrival);
    }

    fn step_router(&mut self, here: usize, observer: &mut impl Observer) {
        let pipeline = self.net.config.pipeline;
        let router = &mut self.routers[here];
        let mut routes = router.compute_routes(&self.net, here);
        if pipeline != Pipeline::Four {
            router.set_routes(std::mem::take(&mut routes));
        }
        let vc_grants = router.allocate_vcs();
        let winners = router.allocate_switch(pipeline, &vc_grants);
        router.take_vcs(vc_grants);
        router.set_routes(routes);
        for winner in winners {
            self.traverse(here, winner, observer);
        }
    }

    fn traverse(&mut self, here: usize, winner: (usize, usize, usize), observer: &mut impl Observer) {
        let (output, input, vc) = winner;
        let (flit, out_vc, leaves) = self.routers[here].traverse(winner);
        observer.flit_leaves(self.now + 1, here, output, out_vc, &flit);
        let topology = &self.net.topology;
        let onward = match topology.neighbour(here, output) {
            Some(router) => Arrival::Buffer { router, port: opposite(output), vc: out_vc, flit },
            None => Arrival::Endpoint { port: topology.endpoint(here, output - MESH_PORTS), flit },
        };
        let back = match topology.neighbour(here, input) {
            Some(router) => Arrival::Credit { router, port: opposite(input), vc },
            None => Arrival::EndpointCredit { port: topology.endpoint(here, input - MESH_PORTS), vc },
        };
        self.send(HOP_CYCLES, onward);
        if leaves {
            self.send(HOP_CYCLES, back);
        }
    }
}

impl Fabric for Plain {
    fn new(config: &Config, trees: &[Tree]) -> Result<Self, ConfigError> {
        config.validate()?;
        let topology = Topology::new(config);
        trees.iter().try_for_each(|tree| tree.validate(&topology))?;
        let routers = (0..topology.routers()).map(|r| Router::new(config, &topology, r)).collect();
        let credits = vec![u32::from(config.vc_depth); usize::from(config.vcs)];
        let endpoint =
            |_| Endpoint { credits: credits.clone(), buffer: VecDeque::new(), last_injection: None };
        Ok(Self {
            now: 0,
            routers,
            endpoints: (0..topology.endpoints()).map(endpoint).collect(),
            links: BTreeMap::new(),
            activity: vec![RouterActivity::default(); topology.routers()],
            net: Shared { config: config.clone(), topology, trees: trees.to_vec() },
        })
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn inject_credits(&self, port: PortId, vc: usize) -> u32 {
        self.endpoints[port.0 as usize].credits[vc]
    }

    fn injectable(&self, port: PortId) -> u8 {
        let credits = self.endpoints[port.0 as usize].credits.iter().enumerate();
        credits.fold(0, |mask, (vc, &credits)| mask | u8::from(credits > 0) << vc)
    }

    fn injectable_ports(&self, word: usize) -> u64 {
        let endpoints = self.endpoints.iter().skip(64 * word).take(64).enumerate();
        endpoints.fold(0, |mask, (bit, e)| mask | u64::from(e.credits.iter().any(|&c| c > 0)) << bit)
    }

    fn inject(&mut self, port: PortId, vc: usize, flit: Flit) {
        let (router, router_port) = self.net.topology.place(port);
        let endpoint = &mut self.endpoints[port.0 as usize];
        assert!(
            endpoint.last_injection.replace(self.now) != Some(self.now),
            "one flit per local port and cycle"
        );
        assert!(endpoint.credits[vc] > 0, "injection without a credit");
        assert!(flit.vc_mask >> vc & 1 == 1, "injection on a VC outside the packet's class");
        if let Route::Tree(tree) = flit.route {
            assert!(flit.head && flit.tail, "only single-flit packets travel on trees");
            assert!(
                self.net.trees[tree as usize].masks[router] != 0,
                "the tree does not start at this router"
            );
        }
        endpoint.credits[vc] -= 1;
        self.routers[router].activity.injections += 1;
        self.activity[router].injections += 1;
        self.send(INJECT_CYCLES, Arrival::Buffer { router, port: router_port, vc, flit });
    }

    fn step(&mut self, observer: &mut impl Observer) {
        for here in 0..self.routers.len() {
            self.step_router(here, observer);
        }
        self.now += 1;
        self.deliver();
    }

    fn ejected(&self, port: PortId) -> Option<Flit> {
        self.endpoints[port.0 as usize].buffer.front().copied()
    }

    fn eject_pop(&mut self, port: PortId) -> Option<Flit> {
        let flit = self.endpoints[port.0 as usize].buffer.pop_front()?;
        let (router, port) = self.net.topology.place(port);
        self.send(HOP_CYCLES, Arrival::Credit { router, port, vc: 0 });
        Some(flit)
    }

    fn next_ejectable(&self, from: PortId) -> Option<PortId> {
        let found = self.endpoints.iter().skip(from.0 as usize).position(|e| !e.buffer.is_empty());
        found.map(|offset| PortId(from.0 + offset as u32))
    }

    fn ejectable(&self, word: usize) -> u64 {
        let endpoints = self.endpoints.iter().skip(64 * word).take(64).enumerate();
        endpoints.fold(0, |mask, (bit, e)| mask | u64::from(!e.buffer.is_empty()) << bit)
    }

    fn next_event(&self) -> Option<u64> {
        if self.routers.iter().any(|r| r.buffered() > 0) {
            return Some(self.now);
        }
        self.links.keys().next().copied()
    }

    fn skip_to(&mut self, cycle: u64) {
        assert!(cycle >= self.now && self.next_event().is_none_or(|e| cycle <= e), "skip over an event");
        self.now = cycle;
        self.deliver();
    }

    fn is_empty(&self) -> bool {
        let flits = |a: &Arrival| matches!(a, Arrival::Buffer { .. } | Arrival::Endpoint { .. });
        self.routers.iter().all(|r| r.buffered() == 0)
            && self.endpoints.iter().all(|e| e.buffer.is_empty())
            && !self.links.values().flatten().any(flits)
    }

    fn activity(&self) -> Vec<RouterActivity> {
        self.activity.clone()
    }
}
