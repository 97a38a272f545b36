//! Static tables of the fast engine and its construction.

use super::super::config::{opposite, Config, Routing, Topology, EAST, MESH_PORTS, NORTH, SOUTH, WEST};
use super::super::route::Tree;
use super::super::{Flit, PortId, Route};
use super::alloc::Router;
use super::{Fast, SLOT_BITS, VC_BITS};

/// Ring buffer of an endpoint in `Fast::eject_flits`.
#[derive(Clone, Copy)]
pub struct EjectQueue {
    start: u32,
    depth: u16,
    head: u16,
    /// Entries in use: flits there and flits on their way.
    reserved: u16,
    /// Flits there.
    pub len: u16,
}

impl EjectQueue {
    /// Index of the oldest flit.
    #[inline]
    pub fn front(&self) -> usize {
        self.start as usize + usize::from(self.head)
    }

    /// Takes a free entry for a flit on its way; gives its index.
    #[inline]
    pub fn reserve(&mut self) -> usize {
        let mut at = u32::from(self.head) + u32::from(self.reserved);
        if at >= u32::from(self.depth) {
            at -= u32::from(self.depth);
        }
        self.reserved += 1;
        (self.start + at) as usize
    }

    /// Frees the entry of the oldest flit.
    #[inline]
    pub fn pop(&mut self) {
        self.head = if self.head + 1 == self.depth { 0 } else { self.head + 1 };
        self.len -= 1;
        self.reserved -= 1;
    }
}

/// Where an endpoint is.
#[derive(Clone, Copy)]
pub struct Place {
    pub x: u16,
    pub y: u16,
    pub router: u32,
    pub port: u8,
}

fn turn_table(routing: Routing) -> [u16; 9] {
    let mut table = [0; 9];
    for (index, entry) in table.iter_mut().enumerate() {
        let column = [1 << WEST, 0, 1 << EAST][index / 3];
        let row = [1 << NORTH, 0, 1 << SOUTH][index % 3];
        *entry = match routing {
            Routing::Xy if column != 0 => column,
            Routing::Yx if row != 0 => row,
            Routing::WestFirst if index < 3 => column,
            _ => column | row,
        };
    }
    table
}

const NO_FLIT: Flit =
    Flit { packet: 0, payload: 0, route: Route::Unicast(PortId(0)), head: false, tail: false, vc_mask: 0 };

impl Fast {
    pub(super) fn build(config: &Config, topology: &Topology, trees: &[Tree]) -> Self {
        let routers = topology.routers();
        let ports = (0..routers).map(|r| topology.ports(r)).max().unwrap_or(MESH_PORTS);
        let vcs = usize::from(config.vcs);
        let shift = vcs.next_power_of_two().trailing_zeros();
        let slots = ports << shift;
        let depth = usize::from(config.vc_depth);
        let endpoints = topology.endpoints();
        let mut start = 0;
        let queue = |&depth: &u16| {
            let queue = EjectQueue { start, depth, head: 0, reserved: 0, len: 0 };
            start += u32::from(depth);
            queue
        };
        let eject_queues: Vec<EjectQueue> = config.eject_depth.iter().map(queue).collect();
        Self {
            now: 0,
            pipeline: config.pipeline,
            vcs,
            depth,
            shift,
            turns: turn_table(config.routing),
            routers: (0..routers).map(|r| router(config, topology, r, (shift, slots))).collect(),
            flits: vec![NO_FLIT; routers * slots * depth],
            trees: trees.iter().flat_map(|t| t.masks.iter().copied()).collect(),
            places: (0..endpoints as u32).map(|e| place(topology, PortId(e))).collect(),
            active: vec![0; routers.div_ceil(64)],
            transit: Default::default(),
            inject_credits: vec![config.vc_depth; endpoints << VC_BITS],
            injectable: vec![((1u16 << vcs) - 1) as u8; endpoints],
            injectable_ports: (0..endpoints).fold(vec![0; endpoints.div_ceil(64)], |mut ports, e| {
                ports[e / 64] |= 1 << (e % 64);
                ports
            }),
            last_injection: vec![u64::MAX; endpoints],
            eject_queues,
            eject_flits: vec![NO_FLIT; start as usize],
            ejectable: vec![0; endpoints.div_ceil(64)],
            held_flits: 0,
        }
    }
}

fn router(config: &Config, topology: &Topology, index: usize, (shift, slots): (u32, usize)) -> Router {
    let (x, y) = topology.coordinates(index);
    let mut router = Router::new((x as u16, y as u16));
    for port in 0..topology.ports(index) {
        let (link, credits) = match topology.neighbour(index, port) {
            Some(next) => ((next as u32) << SLOT_BITS | (opposite(port) << shift) as u32, config.vc_depth),
            None if port < MESH_PORTS => (u32::MAX, config.vc_depth),
            None => {
                let endpoint = topology.endpoint(index, port - MESH_PORTS).0;
                (endpoint, config.eject_depth[endpoint as usize])
            }
        };
        let output = &mut router.outs[port];
        (output.link, output.free_vcs) = (link, ((1u16 << config.vcs) - 1) as u8);
        output.pool_mask = if port < MESH_PORTS { u8::MAX } else { u8::MAX << shift };
        for vc in 0..usize::from(config.vcs) {
            *router.credits(port, port << shift | vc) = credits;
        }
    }
    for slot in 0..slots {
        router.slots[slot].base = ((index * slots + slot) * usize::from(config.vc_depth)) as u32;
    }
    router
}

fn place(topology: &Topology, endpoint: PortId) -> Place {
    let (router, port) = topology.place(endpoint);
    let (x, y) = topology.coordinates(router);
    Place { x: x as u16, y: y as u16, router: router as u32, port: port as u8 }
}

#[cfg(test)]
mod tests {
    use super::super::super::traffic::{run, Traffic};
    use super::super::super::{Fabric, NoObserver};
    use super::*;

    /// After a run has drained, every credit is home, every output VC free and no request left.
    #[test]
    fn credits_are_conserved() {
        let config = Config::uniform(4, 3, 2, 3, 2);
        let traffic = Traffic {
            seed: 5,
            rate: 0.6,
            packet_flits: 1,
            warmup_cycles: 0,
            measure_cycles: 500,
            drain_cycles: 0,
        };
        let mut fabric = Fast::new(&config, &[]).expect("the configuration is valid");
        assert!(run(&mut fabric, &config, &traffic, &mut NoObserver).packets > 0);
        assert!(!fabric.is_empty());
        while fabric.next_event().is_some() || fabric.next_ejectable(PortId(0)).is_some() {
            while let Some(port) = fabric.next_ejectable(PortId(0)) {
                fabric.eject_pop(port);
            }
            fabric.step(&mut NoObserver);
        }
        assert!(fabric.is_empty());
        let fresh = Fast::new(&config, &[]).expect("the configuration is valid");
        let credits =
            |f: &Fast| f.routers.iter().flat_map(|r| r.out_vcs.iter().map(|o| o.credits)).collect::<Vec<_>>();
        assert_eq!(credits(&fabric), credits(&fresh));
        assert_eq!(fabric.inject_credits, fresh.inject_credits);
        assert_eq!(fabric.injectable, fresh.injectable);
        assert_eq!(fabric.injectable_ports, fresh.injectable_ports);
        let outs = |f: &Fast| f.routers.iter().flat_map(|r| r.outs).collect::<Vec<_>>();
        let ports = |f: &Fast| {
            outs(f).iter().map(|o| (o.free_vcs, o.vc_requests, o.switch_requests)).collect::<Vec<_>>()
        };
        assert_eq!(ports(&fabric), ports(&fresh));
        let mut slots = fabric.routers.iter().flat_map(|r| r.slots);
        assert!(slots.all(|s| s.len == 0 && s.reserved == 0 && s.wants | s.holds == 0));
    }
}
