//! Routing functions and multicast trees.

use super::config::{Config, ConfigError, Routing, Topology, EAST, MESH_PORTS, NORTH, SOUTH, WEST};
use super::PortId;

/// Mask of the output ports that `routing` permits at router `here` towards `dst`. One bit for the deterministic
/// functions; up to two mesh bits for [`Routing::WestFirst`]; the local port alone at the destination router.
pub fn permitted(topology: &Topology, routing: Routing, here: usize, dst: PortId) -> u16 {
    let (router, local) = topology.place(dst);
    let (x, y) = topology.coordinates(here);
    let (dx, dy) = topology.coordinates(router);
    let column = match dx.cmp(&x) {
        std::cmp::Ordering::Less => 1 << WEST,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1 << EAST,
    };
    let row = match dy.cmp(&y) {
        std::cmp::Ordering::Less => 1 << NORTH,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1 << SOUTH,
    };
    if column | row == 0 {
        return 1 << local;
    }
    match routing {
        Routing::Xy if column != 0 => column,
        Routing::Yx if row != 0 => row,
        Routing::WestFirst if column == 1 << WEST => column,
        _ => column | row,
    }
}

/// A multicast tree: for each router the mask of output ports a flit on this tree leaves by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Output-port mask of each router; zero at routers the tree does not visit.
    pub masks: Vec<u16>,
}

impl Tree {
    /// Checks that the tree uses only existing ports, enters each router by at most one link, has no cycle and ends in
    /// local ports.
    pub fn validate(&self, topology: &Topology) -> Result<(), ConfigError> {
        if self.masks.len() != topology.routers() {
            let (have, want) = (self.masks.len(), topology.routers());
            return Err(ConfigError(format!("a tree names {have} routers but the mesh has {want}")));
        }
        let mut parent = vec![None; self.masks.len()];
        for (router, &mask) in self.masks.iter().enumerate() {
            if mask & !topology.port_mask(router) != 0 {
                return Err(ConfigError(format!("a tree uses a port that router {router} does not have")));
            }
            for port in (0..MESH_PORTS).filter(|&p| mask >> p & 1 == 1) {
                let next =
                    topology.neighbour(router, port).expect("invariant: port_mask holds existing links only");
                if parent[next].replace(router).is_some() {
                    return Err(ConfigError(format!("a tree enters router {next} twice")));
                }
                if self.masks[next] == 0 {
                    return Err(ConfigError(format!("a tree ends at router {next} without a local port")));
                }
            }
        }
        for start in 0..parent.len() {
            let above = std::iter::successors(parent[start], |&up| parent[up]);
            if above.take(parent.len()).any(|up| up == start) {
                return Err(ConfigError(format!("a tree has a cycle through router {start}")));
            }
        }
        Ok(())
    }
}

/// The union of the dimension-ordered paths from `src` to every endpoint of `dsts`: column first, or row first under
/// [`Routing::Yx`]. Both orders obey the turn rule of their routing function, and XY that of west-first too, so trees
/// and unicasts together stay free of deadlock.
pub fn build_tree(config: &Config, src: PortId, dsts: &[PortId]) -> Tree {
    let topology = Topology::new(config);
    let order = if config.routing == Routing::Yx { Routing::Yx } else { Routing::Xy };
    let mut masks = vec![0; topology.routers()];
    for &dst in dsts {
        let mut here = topology.place(src).0;
        loop {
            let mask = permitted(&topology, order, here, dst);
            masks[here] |= mask;
            match topology.neighbour(here, mask.trailing_zeros() as usize) {
                Some(next) => here = next,
                None => break,
            }
        }
    }
    Tree { masks }
}
