//! The network without contention: latency of a path, and what a flit costs on it.

use crate::noc::config::opposite;
use crate::noc::{build_tree, PortId, Topology, INJECT_CYCLES, MAX_PORTS, MESH_PORTS};
use crate::prepare::phase::{PhasePlan, StreamPlan};
use pulvinar_ir::counts::Row;
use pulvinar_ir::Activity;

/// Share of the router buffers on a path that fills behind a consumer that is late: a flit under way holds a place for its time
/// in the pipeline too. Fitted to the suite (a quarter, a half and all were tried).
const BUFFER_SHARE: f64 = 0.5;

/// Cycles from the grant of a body flit to the credit that the next buffer returns for it.
const CREDIT_LOOP_CYCLES: f64 = 6.0;

/// Paths of a phase.
pub struct Network {
    topology: Topology,
    stages: f64,
    hop_cycles: u64,
    depth: f64,
    eject: f64,
    channels: f64,
    /// Routers, outputs and links of a flit on every tree.
    trees: Vec<[u64; 3]>,
    /// Most branches at one router of every tree.
    branches: Vec<f64>,
    /// Inputs and outputs of routers that a packet of every stream passes, and the cycles it holds each of them.
    passed: Vec<Vec<(usize, f64)>>,
}

impl Network {
    /// The network of a phase.
    pub fn new(phase: &PhasePlan) -> Self {
        let cost = |masks: &[u16]| {
            let mesh = (1u16 << MESH_PORTS) - 1;
            let sum = |f: &dyn Fn(u16) -> u32| masks.iter().map(|&m| u64::from(f(m))).sum();
            [sum(&|m| u32::from(m != 0)), sum(&|m| m.count_ones()), sum(&|m| (m & mesh).count_ones())]
        };
        let most = |masks: &[u16]| masks.iter().map(|&m| f64::from(m.count_ones())).fold(1.0, f64::max);
        let mut network = Network {
            topology: Topology::new(&phase.noc),
            stages: f64::from(phase.noc.pipeline.stages()),
            depth: f64::from(phase.noc.vc_depth),
            eject: f64::from(phase.noc.eject_depth.first().copied().unwrap_or(1)),
            channels: f64::from(phase.vc_mask.count_ones()),
            hop_cycles: u64::from(phase.noc.pipeline.stages()) + 1,
            trees: phase.trees.iter().map(|t| cost(&t.masks)).collect(),
            branches: phase.trees.iter().map(|t| most(&t.masks)).collect(),
            passed: Vec::new(),
        };
        network.passed = phase.streams.iter().map(|s| network.passes(phase, s)).collect();
        network
    }

    /// Inputs and outputs on the way of a stream's packets. An input lets a flit out by one port a cycle; a channel of an output
    /// is held from its allocation to the switch.
    fn passes(&self, phase: &PhasePlan, stream: &StreamPlan) -> Vec<(usize, f64)> {
        let mut out = Vec::new();
        let mut walk = |masks: &[u16]| {
            let (router, local) = self.topology.place(stream.source);
            let mut open = vec![(router, local)];
            while let Some((router, input)) = open.pop() {
                let branches = f64::from(masks[router].count_ones());
                out.push((router * MAX_PORTS + input, self.held(branches)));
                let outputs = (0..MAX_PORTS).filter(|p| masks[router] >> p & 1 == 1);
                out.extend(outputs.map(|p| (self.outputs() + router * MAX_PORTS + p, self.held(1.0))));
                for port in (0..MESH_PORTS).filter(|p| masks[router] >> p & 1 == 1) {
                    open.extend(self.topology.neighbour(router, port).map(|next| (next, opposite(port))));
                }
            }
        };
        match stream.tree {
            Some(tree) => walk(&phase.trees[tree as usize].masks),
            None => stream.destinations.iter().for_each(|&d| {
                walk(&build_tree(&phase.noc, stream.source, &[d]).masks);
            }),
        }
        out
    }

    /// Cycles for which a flit that leaves by so many ports holds an input.
    fn held(&self, branches: f64) -> f64 {
        let channel = (self.stages - 1.0).max((self.stages + 4.0) / self.depth);
        branches.max(channel / self.channels + branches - 1.0)
    }

    /// Number of the first output: they follow the inputs.
    fn outputs(&self) -> usize {
        self.topology.routers() * MAX_PORTS
    }

    /// Cycles in which the busiest input or output has passed on the packets of streams, each with its number of packets.
    pub fn jam(&self, packets: impl Iterator<Item = (usize, u64)>) -> u64 {
        let mut held = vec![0.0; 2 * self.outputs()];
        for (stream, n) in packets {
            self.passed[stream].iter().for_each(|&(place, cycles)| held[place] += cycles * n as f64);
        }
        held.into_iter().fold(0.0, f64::max) as u64
    }

    /// Routers between two endpoints.
    pub fn routers(&self, from: PortId, to: PortId) -> u64 {
        let place = |p| self.topology.coordinates(self.topology.place(p).0);
        let ((x, y), (v, w)) = (place(from), place(to));
        (x.abs_diff(v) + y.abs_diff(w) + 1) as u64
    }

    /// Cycles from the push of a flit into an idle injector's queue to the cycle in which the other end can take it.
    pub fn latency(&self, from: PortId, to: PortId) -> u64 {
        1 + INJECT_CYCLES + self.routers(from, to) * self.hop_cycles
    }

    /// Cycles between the packets of a stream that follow each other. On one channel the next head waits for the stages
    /// before the switch, and for a credit, which comes back `stages + 4` cycles after the flit it pays for was sent; at a
    /// router where a tree branches the branches leave one after the other.
    pub fn interval(&self, stream: &StreamPlan) -> f64 {
        let branches = stream.tree.map_or(1.0, |t| self.branches[t as usize]);
        self.held(branches).max(CREDIT_LOOP_CYCLES / self.eject)
    }

    /// Cycles between long packets of so many flits that follow each other on one channel, over so many routers. What a head
    /// waits for is longer where credits are short, at every router; the numbers are fitted to the routers (2 to 5 in a row,
    /// buffers of 2 to 8 flits, within 8 %).
    pub fn packet_cycles(&self, flits: u64, routers: u64) -> f64 {
        let body = (CREDIT_LOOP_CYCLES / self.depth.min(self.eject)).max(1.0);
        let further = routers.saturating_sub(2).min(4) as f64;
        let head = 1.0 + (body - 1.0).min(0.5) * (1.4 + 0.72 * further);
        flits as f64 * body + (self.stages - 2.0) * head
    }

    /// Flits between a producer's packer and a consumer's queue: in the injector's queue, in the routers, in the ejection buffer.
    pub fn room(&self, from: PortId, to: PortId, inject_flits: u32) -> u64 {
        let routers = (self.routers(from, to) as f64 * self.depth * self.channels * BUFFER_SHARE) as u64;
        routers + self.eject as u64 + u64::from(inject_flits)
    }

    /// Latency from the memory controller to the core farthest from it.
    pub fn farthest(&self, phase: &PhasePlan) -> u64 {
        phase.cores.iter().map(|c| self.latency(phase.memory, c.port)).max().unwrap_or(0)
    }

    /// Adds flits on the way from one endpoint to another, in so many packets.
    pub fn unicast(&self, row: &mut Row, (from, to): (PortId, PortId), flits: u64, packets: u64) {
        let routers = self.routers(from, to);
        add(row, flits, packets, [routers, routers, routers - 1]);
    }

    /// Adds packets of one flit that a stream sends, to one destination or to all at once.
    pub fn stream(&self, row: &mut Row, stream: &StreamPlan, to: Option<PortId>, flits: u64) {
        match (stream.tree, to) {
            (Some(tree), _) => add(row, flits, flits, self.trees[tree as usize]),
            (None, Some(to)) => self.unicast(row, (stream.source, to), flits, flits),
            (None, None) => {
                stream.destinations.iter().for_each(|&d| self.unicast(row, (stream.source, d), flits, flits));
            }
        }
    }
}

fn add(row: &mut Row, flits: u64, packets: u64, [routers, outputs, links]: [u64; 3]) {
    row.add(Activity::BufferWrite, flits * routers);
    row.add(Activity::BufferRead, flits * outputs);
    row.add(Activity::Crossbar, flits * outputs);
    row.add(Activity::Arbitration, (flits + packets) * outputs);
    row.add(Activity::LinkFlit, flits * links);
}
