//! Mesh network of input-buffered wormhole routers with virtual channels.
//!
//! Two engines implement [`Fabric`] and agree flit by flit and cycle by cycle: [`Plain`] states the rule as directly as
//! possible, [`Fast`] is data oriented and touches only routers with work. The timing rule is normative and written in
//! `docs/noc.md`.
//!
//! One cycle of a caller: read what is ejected, inject, then [`Fabric::step`].

pub mod cdg;
pub mod config;
mod fast;
mod plain;
mod route;
pub mod traffic;

pub use config::{Config, ConfigError, Pipeline, Routing, Topology, MAX_PORTS, MESH_PORTS};
pub use fast::Fast;
pub use plain::Plain;
pub use route::{build_tree, permitted, Tree};

/// Cycles from the switch grant of a flit to the cycle in which the next buffer offers it: ST, link, write.
/// A credit sent by a grant, or by [`Fabric::eject_pop`], is usable by the other side after the same time.
pub const HOP_CYCLES: u64 = 3;
/// Cycles from [`Fabric::inject`] to the cycle in which the router's input buffer offers the flit.
pub const INJECT_CYCLES: u64 = 2;

/// An endpoint: a local port, numbered over all routers in router order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u32);

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// One endpoint.
    Unicast(PortId),
    /// Every endpoint on the tree of this index in the table given to [`Fabric::new`]. Single-flit packets only.
    Tree(u32),
}

/// One flit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flit {
    /// Packet number; the network only carries it.
    pub packet: u32,
    /// The caller's handle of the contents; the network only carries it.
    pub payload: u64,
    /// Destination, the same in every flit of a packet.
    pub route: Route,
    /// First flit of its packet.
    pub head: bool,
    /// Last flit of its packet.
    pub tail: bool,
    /// VCs this packet may use on every hop (its VC class), bit `v` for VC `v`; the same in every flit of a packet.
    pub vc_mask: u8,
}

/// Sees every flit that leaves a router.
pub trait Observer {
    /// `flit` crosses the switch of `router` to `out_port` in `cycle` (its ST stage) and takes VC `out_vc` of that
    /// port. Called in the order cycle, router, port, during the step of `cycle - 1`, which grants the switch.
    fn flit_leaves(&mut self, cycle: u64, router: usize, out_port: usize, out_vc: usize, flit: &Flit);
}

/// Sees nothing, at no cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    #[inline]
    fn flit_leaves(&mut self, _: u64, _: usize, _: usize, _: usize, _: &Flit) {}
}

/// Activity of one router since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterActivity {
    /// Flits written into input VC buffers.
    pub buffer_writes: u64,
    /// Flits read from input VC buffers; a multicast flit is read once per branch.
    pub buffer_reads: u64,
    /// Flits through the switch.
    pub crossbar_traversals: u64,
    /// Output VCs granted.
    pub vc_allocations: u64,
    /// Output switch arbiters with at least one request, summed over cycles; the speculative arbiters count too.
    pub switch_arbitrations: u64,
    /// Flits sent on each output port, local ports included.
    pub link_flits: [u64; MAX_PORTS],
    /// Flits written into the endpoint buffers of this router.
    pub ejections: u64,
    /// Flits endpoints sent to this router.
    pub injections: u64,
}

/// A cycle-accurate network.
pub trait Fabric: Sized {
    /// An empty network at cycle 0. Fails where `config` or a tree breaks a stated range.
    fn new(config: &Config, trees: &[Tree]) -> Result<Self, ConfigError>;

    /// The cycle the next [`Fabric::step`] will simulate.
    fn now(&self) -> u64;

    /// Free slots of VC `vc` in the input buffer behind `port`, as the endpoint knows them.
    fn inject_credits(&self, port: PortId, vc: usize) -> u32;

    /// The VCs of `port` with such a slot, bit `v` for VC `v`.
    fn injectable(&self, port: PortId) -> u8;

    /// The endpoints `64 * word ..` with such a slot in any VC, one bit each.
    fn injectable_ports(&self, word: usize) -> u64;

    /// Sends `flit` into VC `vc` in this cycle. The caller sends at most one flit per port and cycle, only on a credit,
    /// on a VC of the flit's `vc_mask`, and finishes a packet before it starts another on the same VC.
    ///
    /// # Panics
    /// Panics where the caller breaks one of the first three rules, or sends a multi-flit packet on a tree.
    fn inject(&mut self, port: PortId, vc: usize, flit: Flit);

    /// Simulates cycle [`Fabric::now`].
    fn step(&mut self, observer: &mut impl Observer);

    /// The oldest flit in the endpoint buffer of `port`.
    fn ejected(&self, port: PortId) -> Option<Flit>;

    /// Takes the oldest flit out of the endpoint buffer of `port` and returns its credit to the router.
    fn eject_pop(&mut self, port: PortId) -> Option<Flit>;

    /// The first endpoint at or after `from` whose buffer holds a flit.
    fn next_ejectable(&self, from: PortId) -> Option<PortId>;

    /// The endpoints `64 * word ..` whose buffer holds a flit, one bit each.
    fn ejectable(&self, word: usize) -> u64;

    /// The first cycle, `now()` or later, in which a step can change anything, if no endpoint acts before; never too
    /// late, perhaps too early. `None`: nothing will happen until an endpoint injects or pops.
    fn next_event(&self) -> Option<u64>;

    /// Moves to `cycle` without simulating the idle cycles between.
    ///
    /// # Panics
    /// Panics where `cycle` is before `now()` or after [`Fabric::next_event`].
    fn skip_to(&mut self, cycle: u64);

    /// No flit is in a router, on a link or in an endpoint buffer. Credits may still be on their way.
    fn is_empty(&self) -> bool;

    /// Activity of each router.
    fn activity(&self) -> Vec<RouterActivity>;
}
