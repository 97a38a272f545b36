//! Static check for deadlock: a cycle in the channel-dependency graph (Dally and Seitz, IEEE Trans. Computers 1987).
//!
//! A channel is a VC of a link between routers. A packet that holds one channel and may next ask for another makes a
//! dependency between them. Without a cycle no set of packets can wait for each other; with one a deadlock is possible.
//! A branch of a tree waits for no sibling branch (single-flit packets, served one by one), so a tree adds dependencies
//! from each link to the links below it only. Endpoints must take what is ejected.

use super::config::{Config, Topology, MAX_VCS, MESH_PORTS};
use super::route::{permitted, Tree};
use super::{PortId, Route};

/// A virtual channel of the link behind a mesh output port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Router that sends on the link.
    pub router: usize,
    /// Its mesh output port.
    pub port: usize,
    /// Virtual channel.
    pub vc: usize,
}

/// Packets that the network must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Where the packets start.
    pub src: PortId,
    /// Where they go; a tree counts whole, whatever its source.
    pub route: Route,
    /// VCs they may use.
    pub vc_mask: u8,
}

/// The channel-dependency graph of a set of flows.
pub struct Dependencies {
    topology: Topology,
    config: Config,
    /// Index `(router * 4 + port) * 4 + next port`: bit `8 * vc + next vc` for a dependency of these channels.
    edges: Vec<u64>,
}

impl Dependencies {
    /// The empty graph of a valid `config`.
    pub fn new(config: &Config) -> Self {
        let topology = Topology::new(config);
        let edges = vec![0; topology.routers() * MESH_PORTS * MESH_PORTS];
        Self { topology, config: config.clone(), edges }
    }

    /// Adds the dependencies of one flow. `trees` is the table its tree index refers to.
    ///
    /// # Panics
    /// Panics where the flow names a tree that the table does not hold.
    pub fn add(&mut self, trees: &[Tree], flow: &Flow) {
        match flow.route {
            Route::Tree(tree) => {
                let masks = &trees[tree as usize].masks;
                for here in 0..masks.len() {
                    self.add_turns(here, masks[here], |next| masks[next], flow.vc_mask);
                }
            }
            Route::Unicast(dst) => self.add_unicast(flow.src, dst, flow.vc_mask),
        }
    }

    /// Adds every unicast the routing function may have to carry in one VC class.
    pub fn add_all_pairs(&mut self, vc_mask: u8) {
        let topology = self.topology.clone();
        for dst in 0..topology.endpoints() as u32 {
            for src in 0..topology.routers() {
                self.add_unicast(topology.endpoint(src, 0), PortId(dst), vc_mask);
            }
        }
    }

    fn add_unicast(&mut self, src: PortId, dst: PortId, vc_mask: u8) {
        let (topology, routing) = (self.topology.clone(), self.config.routing);
        let ports = |here: usize| permitted(&topology, routing, here, dst);
        let mut reached = vec![topology.place(src).0];
        let mut at = 0;
        while let Some(&here) = reached.get(at) {
            self.add_turns(here, ports(here), ports, vc_mask);
            let links = (0..MESH_PORTS).filter(|&p| ports(here) >> p & 1 == 1);
            for next in links.filter_map(|p| topology.neighbour(here, p)) {
                if !reached[at..].contains(&next) {
                    reached.push(next);
                }
            }
            at += 1;
        }
    }

    /// Dependencies of the links that leave `here` by `ports` on the links that `onward` gives for the next router.
    fn add_turns(&mut self, here: usize, ports: u16, onward: impl Fn(usize) -> u16, vc_mask: u8) {
        let vcs = u64::from(vc_mask) & ((1 << self.config.vcs) - 1);
        let matrix = (0..MAX_VCS).filter(|v| vcs >> v & 1 == 1).fold(0, |m, v| m | vcs << (8 * v));
        for port in (0..MESH_PORTS).filter(|p| ports >> p & 1 == 1) {
            let Some(next) = self.topology.neighbour(here, port) else { continue };
            for turn in (0..MESH_PORTS).filter(|p| onward(next) >> p & 1 == 1) {
                self.edges[(here * MESH_PORTS + port) * MESH_PORTS + turn] |= matrix;
            }
        }
    }

    fn successors(&self, channel: usize) -> Vec<usize> {
        let (link, vc) = (channel / MAX_VCS, channel % MAX_VCS);
        let Some(next) = self.topology.neighbour(link / MESH_PORTS, link % MESH_PORTS) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for turn in 0..MESH_PORTS {
            let vcs = self.edges[link * MESH_PORTS + turn] >> (8 * vc);
            let onward = (next * MESH_PORTS + turn) * MAX_VCS;
            found.extend((0..MAX_VCS).filter(|v| vcs >> v & 1 == 1).map(|v| onward + v));
        }
        found
    }

    /// A cycle of channels, each depending on the next and the last on the first; `None` proves freedom of deadlock.
    pub fn find_cycle(&self) -> Option<Vec<Channel>> {
        let channels = self.topology.routers() * MESH_PORTS * MAX_VCS;
        let mut on_path = vec![false; channels];
        let mut finished = vec![false; channels];
        for root in 0..channels {
            let mut path = Vec::new();
            let mut pending = vec![(root, false)];
            while let Some((channel, left)) = pending.pop() {
                if left {
                    on_path[channel] = false;
                    finished[channel] = true;
                    path.pop();
                } else if on_path[channel] {
                    let start = path.iter().position(|&c| c == channel);
                    let start = start.expect("invariant: on_path marks exactly the channels of the path");
                    return Some(path[start..].iter().map(|&c| channel_at(c)).collect());
                } else if !finished[channel] {
                    on_path[channel] = true;
                    path.push(channel);
                    pending.push((channel, true));
                    pending.extend(self.successors(channel).into_iter().map(|c| (c, false)));
                }
            }
        }
        None
    }
}

fn channel_at(index: usize) -> Channel {
    let (link, vc) = (index / MAX_VCS, index % MAX_VCS);
    Channel { router: link / MESH_PORTS, port: link % MESH_PORTS, vc }
}
