//! Configuration of the mesh and the index arithmetic derived from it.

use super::PortId;

/// Mesh directions come first in a router's port numbering; local port `l` is port `MESH_PORTS + l`.
pub const MESH_PORTS: usize = 4;
/// Most ports a router can have: four mesh directions and eight local ports.
pub const MAX_PORTS: usize = 12;
/// Most virtual channels per port.
pub const MAX_VCS: usize = 8;
/// Mesh port towards row `y - 1`.
pub const NORTH: usize = 0;
/// Mesh port towards column `x + 1`.
pub const EAST: usize = 1;
/// Mesh port towards row `y + 1`.
pub const SOUTH: usize = 2;
/// Mesh port towards column `x - 1`.
pub const WEST: usize = 3;

/// Router pipeline. The stages before switch traversal decide which cycle a head flit may first be granted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// RC, VA, SA, ST: one cycle each.
    Four,
    /// Route computed one hop ahead: VA, SA, ST.
    LookAhead,
    /// Route computed one hop ahead, VA and speculative SA in the same cycle: VA+SA, ST.
    Speculative,
}

impl Pipeline {
    /// Number of stages `p`; the zero-load latency over `H` routers is `2 + H * (p + 1)` cycles.
    pub fn stages(self) -> u32 {
        match self {
            Self::Four => 4,
            Self::LookAhead => 3,
            Self::Speculative => 2,
        }
    }
}

/// Routing function of unicast packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Dimension-ordered, columns first.
    Xy,
    /// Dimension-ordered, rows first.
    Yx,
    /// Minimal adaptive west-first turn model (Glass and Ni, ISCA 1992): all westward hops first, then any
    /// productive port; the one with most free downstream credits wins, lowest port number on a tie.
    WestFirst,
}

/// A mesh network. Routers are numbered `y * width + x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Local ports of each router, `1..=8`; one entry per router.
    pub locals: Vec<u8>,
    /// Virtual channels per port, `1..=8`; at most 4 where a router has more than 4 local ports.
    pub vcs: u8,
    /// Flits each input VC buffer holds.
    pub vc_depth: u16,
    /// Router pipeline.
    pub pipeline: Pipeline,
    /// Unicast routing function.
    pub routing: Routing,
    /// Flits the endpoint buffer behind each local output port holds; one entry per endpoint ([`PortId`] order).
    pub eject_depth: Vec<u16>,
}

/// Why a configuration or a multicast tree was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "network on chip: {}", self.0)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// A mesh whose routers all have `locals` local ports, with 4-stage XY routers and an ejection buffer of
    /// `vcs * vc_depth` flits per local port.
    pub fn uniform(width: u16, height: u16, locals: u8, vcs: u8, vc_depth: u16) -> Self {
        let routers = usize::from(width) * usize::from(height);
        Self {
            width,
            height,
            locals: vec![locals; routers],
            vcs,
            vc_depth,
            pipeline: Pipeline::Four,
            routing: Routing::Xy,
            eject_depth: vec![u16::from(vcs) * vc_depth; routers * usize::from(locals)],
        }
    }

    /// Checks every range stated on the fields.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |text: String| Err(ConfigError(text));
        let routers = usize::from(self.width) * usize::from(self.height);
        if routers == 0 {
            return fail(format!("mesh of {} x {} routers is empty", self.width, self.height));
        }
        if self.locals.len() != routers {
            return fail(format!("{} routers but {} local port counts", routers, self.locals.len()));
        }
        if !(1..=MAX_VCS).contains(&usize::from(self.vcs)) {
            return fail(format!("{} virtual channels; 1 to {MAX_VCS} are possible", self.vcs));
        }
        if self.vc_depth == 0 {
            return fail("a virtual channel buffer of 0 flits can receive nothing".into());
        }
        for (router, &locals) in self.locals.iter().enumerate() {
            if !(1..=8).contains(&locals) {
                return fail(format!("router {router} has {locals} local ports; 1 to 8 are possible"));
            }
            if locals > 4 && self.vcs > 4 {
                return fail(format!(
                    "router {router} has {locals} local ports and {} virtual channels; more than 4 of both are not supported",
                    self.vcs
                ));
            }
        }
        let endpoints: usize = self.locals.iter().map(|&l| usize::from(l)).sum();
        if self.eject_depth.len() != endpoints {
            return fail(format!("{endpoints} local ports but {} ejection depths", self.eject_depth.len()));
        }
        if let Some(port) = self.eject_depth.iter().position(|&d| d == 0) {
            return fail(format!("the ejection buffer of local port {port} holds 0 flits"));
        }
        Ok(())
    }
}

/// Index arithmetic of a validated [`Config`].
#[derive(Clone, Debug)]
pub struct Topology {
    width: usize,
    height: usize,
    first_port: Vec<u32>,
    port_router: Vec<u32>,
}

impl Topology {
    /// Tables of `config`, which must be valid.
    pub fn new(config: &Config) -> Self {
        let mut first_port = Vec::with_capacity(config.locals.len() + 1);
        let mut port_router = Vec::new();
        for (router, &locals) in config.locals.iter().enumerate() {
            first_port.push(port_router.len() as u32);
            port_router.extend(std::iter::repeat_n(router as u32, usize::from(locals)));
        }
        first_port.push(port_router.len() as u32);
        Self { width: usize::from(config.width), height: usize::from(config.height), first_port, port_router }
    }

    /// Number of routers.
    pub fn routers(&self) -> usize {
        self.width * self.height
    }

    /// Number of endpoints (local ports of all routers).
    pub fn endpoints(&self) -> usize {
        self.port_router.len()
    }

    /// Number of ports of `router`, the four mesh ports included even where the mesh ends.
    pub fn ports(&self, router: usize) -> usize {
        MESH_PORTS + (self.first_port[router + 1] - self.first_port[router]) as usize
    }

    /// The endpoint at local port `local` of `router`.
    pub fn endpoint(&self, router: usize, local: usize) -> PortId {
        PortId(self.first_port[router] + local as u32)
    }

    /// Router and router port (`MESH_PORTS + local`) of an endpoint.
    pub fn place(&self, endpoint: PortId) -> (usize, usize) {
        let router = self.port_router[endpoint.0 as usize] as usize;
        (router, MESH_PORTS + (endpoint.0 - self.first_port[router]) as usize)
    }

    /// Column and row of a router.
    pub fn coordinates(&self, router: usize) -> (usize, usize) {
        (router % self.width, router / self.width)
    }

    /// The router behind mesh port `port` of `router`; `None` at the edge of the mesh and for local ports.
    pub fn neighbour(&self, router: usize, port: usize) -> Option<usize> {
        let (x, y) = self.coordinates(router);
        match port {
            NORTH if y > 0 => Some(router - self.width),
            EAST if x + 1 < self.width => Some(router + 1),
            SOUTH if y + 1 < self.height => Some(router + self.width),
            WEST if x > 0 => Some(router - 1),
            _ => None,
        }
    }

    /// Mask of the output ports `router` really has.
    pub fn port_mask(&self, router: usize) -> u16 {
        (0..self.ports(router))
            .filter(|&p| p >= MESH_PORTS || self.neighbour(router, p).is_some())
            .fold(0, |mask, p| mask | 1 << p)
    }
}

/// The port of the neighbouring router that a mesh output port feeds.
pub fn opposite(mesh_port: usize) -> usize {
    (mesh_port + 2) % MESH_PORTS
}
