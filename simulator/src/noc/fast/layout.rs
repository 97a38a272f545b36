//! Static tables of the fast engine and its construction.

use super::super::config::{opposite, Config, Routing, Topology, EAST, MESH_PORTS, NORTH, SOUTH, WEST};
use super::super::route::Tree;
use super::super::{Flit, PortId, Route, RouterActivity};
use super::alloc::{Decisions, Node, OutPort, OutVc, Slot};
use super::Fast;

/// A flit about to arrive: at slot `slot` of router `index`, or at endpoint `index`.
#[derive(Clone, Copy)]
pub struct Arrival {
    pub flit: Flit,
    pub index: u32,
    pub slot: u8,
}

/// A credit about to arrive: for output VC `slot` of router `index`, or for entry `index` of the injection credits.
#[derive(Clone, Copy)]
pub struct Credit {
    pub index: u32,
    pub slot: u8,
}

/// What lies behind a port: a router and the first slot of its facing port, or an endpoint.
#[derive(Clone, Copy)]
pub struct Link {
    pub index: u32,
    pub base: u8,
}

/// Ring buffer of an endpoint in `Fast::eject_flits`.
#[derive(Clone, Copy)]
pub struct EjectQueue {
    pub start: u32,
    pub depth: u16,
    pub head: u16,
    pub len: u16,
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
            let queue = EjectQueue { start, depth, head: 0, len: 0 };
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
            ports,
            slots,
            coordinates: (0..routers)
                .map(|r| topology.coordinates(r))
                .map(|(x, y)| (x as u16, y as u16))
                .collect(),
            turns: turn_table(config.routing),
            nodes: vec![Node::default(); routers],
            out_ports: vec![OutPort::new(config.vcs); routers * ports],
            out_vcs: out_vcs(config, topology, ports, shift),
            vc_slots: vec![Slot::default(); routers * slots],
            flits: vec![NO_FLIT; routers * slots * depth],
            links: links(topology, ports, shift),
            trees: trees.iter().flat_map(|t| t.masks.iter().copied()).collect(),
            places: (0..endpoints as u32).map(|e| place(topology, PortId(e))).collect(),
            active: vec![0; routers.div_ceil(64)],
            arrivals: Default::default(),
            credits: Default::default(),
            inject_credits: vec![config.vc_depth; endpoints * vcs],
            last_injection: vec![u64::MAX; endpoints],
            eject_queues,
            eject_flits: vec![NO_FLIT; start as usize],
            ejectable: vec![0; endpoints.div_ceil(64)],
            held_flits: 0,
            activity: vec![RouterActivity::default(); routers],
            decisions: Decisions::default(),
        }
    }
}

fn out_vcs(config: &Config, topology: &Topology, ports: usize, shift: u32) -> Vec<OutVc> {
    let mut out_vcs =
        vec![OutVc { credits: config.vc_depth, owner: 0, grant: 0 }; (topology.routers() * ports) << shift];
    for router in 0..topology.routers() {
        for local in 0..topology.ports(router) - MESH_PORTS {
            let pool = (router * ports + MESH_PORTS + local) << shift;
            out_vcs[pool].credits = config.eject_depth[topology.endpoint(router, local).0 as usize];
        }
    }
    out_vcs
}

fn links(topology: &Topology, ports: usize, shift: u32) -> Vec<Link> {
    let link = |router: usize, port: usize| match topology.neighbour(router, port) {
        Some(next) => Link { index: next as u32, base: (opposite(port) << shift) as u8 },
        None if (MESH_PORTS..topology.ports(router)).contains(&port) => {
            Link { index: topology.endpoint(router, port - MESH_PORTS).0, base: 0 }
        }
        None => Link { index: u32::MAX, base: 0 },
    };
    (0..topology.routers()).flat_map(|r| (0..ports).map(move |p| (r, p))).map(|(r, p)| link(r, p)).collect()
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
        let credits = |f: &Fast| f.out_vcs.iter().map(|o| o.credits).collect::<Vec<_>>();
        assert_eq!(credits(&fabric), credits(&fresh));
        assert_eq!(fabric.inject_credits, fresh.inject_credits);
        let ports = |f: &Fast| {
            f.out_ports.iter().map(|o| (o.free_vcs, o.vc_requests, o.switch_requests)).collect::<Vec<_>>()
        };
        assert_eq!(ports(&fabric), ports(&fresh));
        assert!(fabric.vc_slots.iter().all(|s| s.len == 0 && s.wants | s.holds == 0));
    }
}
