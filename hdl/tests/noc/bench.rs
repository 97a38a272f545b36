//! A mesh of `router`s with test endpoints as Verilog, and the same traffic through an engine of the simulator.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pulvinar_simulator::noc::config::opposite;
use pulvinar_simulator::noc::{
    permitted, Config, Fabric, Flit, Observer, Pipeline, PortId, Route, Routing, Topology, Tree, MESH_PORTS,
};

/// A flit an endpoint will send, in `cycle` or later.
#[derive(Clone, Copy, Debug)]
pub struct Stimulus {
    pub cycle: u32,
    pub route: Route,
    pub head: bool,
    pub tail: bool,
    pub vc_mask: u8,
}

/// One run: a mesh, its traffic and endpoints that are busy the first `stalls.1` of every `stalls.0` cycles.
#[derive(Clone, Debug)]
pub struct Case {
    pub config: Config,
    pub trees: Vec<Tree>,
    pub multiflit: bool,
    /// By endpoint.
    pub stimuli: Vec<Vec<Stimulus>>,
    pub stalls: Vec<(u64, u64)>,
    pub repeat: bool,
    /// No flit is injected from this cycle on.
    pub last: u64,
    pub cycles: u64,
    pub listing: bool,
}

/// What a run showed: the sorted listing, and for each router and endpoint its hash.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub listing: Vec<(u64, char, usize, usize, usize, u64)>,
    pub routers: Vec<u64>,
    /// Flits on each output port of each router.
    pub links: Vec<u64>,
    /// Flits sent, flits taken, hash.
    pub endpoints: Vec<(u32, u32, u64)>,
}

/// The primitives a mesh is made of.
pub const MODULES: &[&str] = &[
    "router",
    "input_vc",
    "output_port",
    "islip",
    "switch_allocator",
    "arbiter",
    "one_hot_mux",
    "or_rows",
    "fifo",
    "ram",
];

const MULTIPLIER: u64 = 6_364_136_223_846_793_005;

fn mix(hash: &mut u64, tag: u64, key: u64) {
    *hash = hash.wrapping_mul(MULTIPLIER).wrapping_add(tag).wrapping_add(key);
}

struct Watch<'a> {
    log: &'a mut Log,
    case: &'a Case,
    /// Where the links of each router start.
    first: &'a [usize],
}

impl Observer for Watch<'_> {
    fn flit_leaves(&mut self, cycle: u64, router: usize, port: usize, vc: usize, flit: &Flit) {
        if cycle >= self.case.cycles {
            return;
        }
        if self.case.listing {
            self.log.listing.push((cycle, 'S', router, port, vc, flit.payload));
        }
        self.log.links[self.first[router] + port] += 1;
        mix(&mut self.log.routers[router], flit.payload, (cycle * 16 + port as u64) * 8 + vc as u64);
    }
}

impl Case {
    fn endpoints(&self) -> usize {
        self.config.eject_depth.len()
    }

    fn dest_bits(&self) -> usize {
        let numbers = self.endpoints().max(self.trees.len()).max(2);
        (numbers - 1).ilog2() as usize + 1
    }

    fn vc_bits(&self) -> usize {
        usize::from(self.config.vcs).max(2).next_power_of_two().ilog2() as usize
    }

    fn wire_bits(&self) -> usize {
        self.dest_bits() + 49 + if self.multiflit { usize::from(self.config.vcs) + 1 } else { 0 }
    }

    /// The run in an engine of the simulator.
    pub fn simulate<F: Fabric>(&self) -> Log {
        let mut fabric = F::new(&self.config, &self.trees).expect("invariant: the case is valid");
        let mut log = Log { routers: vec![0; self.config.locals.len()], ..Log::default() };
        log.endpoints = vec![(0, 0, 0); self.endpoints()];
        let mut first = Vec::new();
        for locals in &self.config.locals {
            first.push(log.links.len());
            log.links.resize(log.links.len() + MESH_PORTS + usize::from(*locals), 0);
        }
        let mut sources = vec![(0, 0); self.endpoints()];
        for _ in 0..self.cycles {
            for (index, source) in sources.iter_mut().enumerate() {
                self.take(&mut fabric, index, &mut log);
                self.send(&mut fabric, index, source, &mut log.endpoints[index].0);
            }
            fabric.step(&mut Watch { log: &mut log, case: self, first: &first });
        }
        log.listing.sort_unstable();
        log
    }

    fn take<F: Fabric>(&self, fabric: &mut F, index: usize, log: &mut Log) {
        let (now, (period, busy)) = (fabric.now(), self.stalls[index]);
        if now % period < busy {
            return;
        }
        if let Some(flit) = fabric.eject_pop(PortId(index as u32)) {
            if self.listing {
                log.listing.push((now, 'E', index, 0, 0, flit.payload));
            }
            let (_, taken, hash) = &mut log.endpoints[index];
            *taken += 1;
            mix(hash, flit.payload, now);
        }
    }

    fn send<F: Fabric>(&self, fabric: &mut F, index: usize, source: &mut (usize, usize), sent: &mut u32) {
        let (at, last_vc) = source;
        let Some(next) = self.stimuli[index].get(*at) else { return };
        if fabric.now() >= self.last || u64::from(next.cycle) > fabric.now() {
            return;
        }
        let (port, vcs) = (PortId(index as u32), usize::from(self.config.vcs));
        let free = |v: &usize| next.vc_mask >> v & 1 == 1 && fabric.inject_credits(port, *v) > 0;
        let mut order = (1..=vcs).map(|k| if next.head { (*last_vc + k) % vcs } else { *last_vc });
        let Some(vc) = order.find(free) else { return };
        let payload = (index as u64) << 32 | u64::from(*sent);
        let flit = Flit {
            packet: *sent,
            payload,
            route: next.route,
            head: next.head,
            tail: next.tail,
            vc_mask: next.vc_mask,
        };
        fabric.inject(port, vc, flit);
        *last_vc = vc;
        *sent += 1;
        *at = if self.repeat { (*at + 1) % self.stimuli[index].len() } else { *at + 1 };
    }

    /// Copies that the flits sent have to arrive as: one of a unicast, one for each leaf of a tree.
    pub fn copies(&self, log: &Log) -> u64 {
        let leaves = |tree: &Tree| tree.masks.iter().map(|m| u64::from((m >> MESH_PORTS).count_ones())).sum();
        let leaves: Vec<u64> = self.trees.iter().map(leaves).collect();
        let copies = |flit: &Stimulus| match flit.route {
            Route::Tree(tree) => leaves[tree as usize],
            Route::Unicast(_) => 1,
        };
        let each = self.stimuli.iter().zip(&log.endpoints);
        each.map(|(flits, e)| flits.iter().cycle().take(e.0 as usize).map(copies).sum::<u64>()).sum()
    }

    /// Writes primitives, test bench and stimulus; gives the sources. The top module is `bench`.
    pub fn write(&self, dir: &Path) -> Vec<PathBuf> {
        let mut sources = pulvinar_hdl::rtl::write_to(dir).expect("the folder can be written");
        sources.retain(|path| MODULES.iter().any(|name| path.ends_with(format!("{name}.v"))));
        let text = [
            ("endpoint.v", include_str!("endpoint.v").to_string()),
            ("observer.v", include_str!("observer.v").to_string()),
            ("bench.v", self.bench()),
        ];
        for (name, text) in text {
            std::fs::write(dir.join(name), text).expect("the folder can be written");
            sources.push(dir.join(name));
        }
        for (index, stimuli) in self.stimuli.iter().enumerate() {
            let words = stimuli.iter().map(|s| self.word(s)).collect::<String>();
            std::fs::write(dir.join(format!("e{index}.hex")), words).expect("the folder can be written");
        }
        sources
    }

    fn word(&self, flit: &Stimulus) -> String {
        let (tree, number) = match flit.route {
            Route::Tree(tree) => (1, tree),
            Route::Unicast(port) => (0, port.0),
        };
        let dest = self.dest_bits();
        let marks = u128::from(flit.head) | u128::from(flit.tail) << 1;
        let class = u128::from(flit.vc_mask) & ((1 << self.config.vcs) - 1);
        let high = class << 34 | marks << 32 | u128::from(flit.cycle);
        format!("{:x}\n", high << (dest + 1) | u128::from(number) << 1 | tree)
    }

    fn bench(&self) -> String {
        let topology = Topology::new(&self.config);
        let mut out = String::from("module bench;\n  reg clk = 0;\n  reg rst = 1;\n  reg [31:0] now = 0;\n");
        for index in 0..self.endpoints() {
            self.endpoint(index, &topology, &mut out);
        }
        for router in 0..topology.routers() {
            self.router(router, &topology, &mut out);
        }
        let mut end = String::new();
        for router in 0..topology.routers() {
            writeln!(end, "      $display(\"R %0d\", r{router}_hash);").unwrap();
            for port in 0..topology.ports(router) {
                writeln!(end, "      $display(\"L %0d\", r{router}_link_flits[{port} * 32 +: 32]);").unwrap();
            }
        }
        for index in 0..self.endpoints() {
            let values = ["sent", "taken", "hash"].map(|name| format!("e{index}_{name}")).join(", ");
            writeln!(end, "      $display(\"T %0d %0d %0d\", {values});").unwrap();
        }
        writeln!(
            out,
            "  always #5 clk = ~clk;\n  initial #32 rst = 0;\n  always @(posedge clk) begin\n    \
             if (!rst) now <= now + 1;\n    if (now == {}) begin\n{end}      $finish;\n    end\n  end\nendmodule",
            self.cycles
        )
        .unwrap();
        out
    }

    fn endpoint(&self, index: usize, topology: &Topology, out: &mut String) {
        let (router, port) = topology.place(PortId(index as u32));
        let (vcs, vc_bits, wire) = (self.config.vcs, self.vc_bits(), self.wire_bits());
        let (period, busy) = self.stalls[index];
        writeln!(
            out,
            "  wire e{index}_valid, e{index}_credit;\n  wire [{}:0] e{index}_vc;\n  wire [{}:0] e{index}_flit;\n  \
             wire [31:0] e{index}_sent, e{index}_taken;\n  wire [63:0] e{index}_hash;\n  endpoint #(\n    \
             .INDEX({index}), .FILE(\"e{index}.hex\"), .FLITS({}), .REPEAT({}), .LAST({}), .PERIOD({period}),\n    \
             .BUSY({busy}), .VCS({vcs}), .VC_BITS({vc_bits}), .VC_DEPTH({}), .EJECT_DEPTH({}), .DEST_BITS({}),\n    \
             .MULTIFLIT({}), .WIRE_BITS({wire}), .LISTING({})\n  ) e{index} (\n    \
             .clk(clk), .rst(rst), .now(now), .inj_valid(e{index}_valid), .inj_vc(e{index}_vc),\n    \
             .inj_flit(e{index}_flit), .inj_credit(r{router}_out_credit[{} +: {vcs}]),\n    \
             .ej_valid(r{router}_out_valid[{port}]), .ej_flit(r{router}_out_flit[{} +: {wire}]),\n    \
             .ej_credit(e{index}_credit), .sent(e{index}_sent), .taken(e{index}_taken), .hash(e{index}_hash)\n  );",
            vc_bits - 1,
            wire - 1,
            self.stimuli[index].len(),
            u8::from(self.repeat),
            self.last,
            self.config.vc_depth,
            self.config.eject_depth[index],
            self.dest_bits(),
            u8::from(self.multiflit),
            u8::from(self.listing),
            port * usize::from(vcs),
            port * wire,
        )
        .unwrap();
    }

    /// A router with its observer.
    fn router(&self, router: usize, topology: &Topology, out: &mut String) {
        let (ports, vcs) = (topology.ports(router), usize::from(self.config.vcs));
        let (vc_bits, wire) = (self.vc_bits(), self.wire_bits());
        for (name, width) in [("valid", 1), ("vc", vc_bits), ("flit", wire)] {
            let top = ports * width - 1;
            writeln!(out, "  wire [{top}:0] r{router}_out_{name}, r{router}_st_{name};").unwrap();
        }
        writeln!(
            out,
            "  wire [{}:0] r{router}_out_credit;\n  wire [{}:0] r{router}_link_flits;\n  \
             wire [63:0] r{router}_hash;",
            ports * vcs - 1,
            ports * 32 - 1,
        )
        .unwrap();
        self.router_parameters(router, topology, out);
        self.router_connections(router, topology, out);
        writeln!(
            out,
            "  observer #(\n    .INDEX({router}), .PORTS({ports}), .VC_BITS({vc_bits}), .DEST_BITS({}), \
             .WIRE_BITS({wire}), .LISTING({})\n  ) o{router} (\n    .clk(clk), .rst(rst), .now(now), \
             .st_valid(r{router}_st_valid), .st_vc(r{router}_st_vc),\n    .st_flit(r{router}_st_flit), \
             .hash(r{router}_hash)\n  );",
            self.dest_bits(),
            u8::from(self.listing),
        )
        .unwrap();
    }

    fn router_parameters(&self, router: usize, topology: &Topology, out: &mut String) {
        let (config, ports) = (&self.config, topology.ports(router));
        let eject = config.eject_depth[topology.endpoint(router, 0).0 as usize];
        let pipeline = match config.pipeline {
            Pipeline::Four => 0,
            Pipeline::LookAhead => 1,
            Pipeline::Speculative => 2,
        };
        let towards = |e: usize| permitted(topology, config.routing, router, PortId(e as u32));
        let port_masks = bits((0..self.endpoints()).map(towards), ports);
        let tree_masks = bits(self.trees.iter().map(|t| t.masks[router]), ports);
        writeln!(
            out,
            "  router #(\n    .LOCALS({}), .VCS({}), .VC_DEPTH({}), .EJECT_DEPTH({eject}), .PIPELINE({pipeline}),\n    \
             .ADAPTIVE({}), .FLIT_BITS({}), .DEST_BITS({}), .MULTIFLIT({}), .COUNTERS(1), .ENDPOINTS({}),\n    \
             .PORT_MASKS({port_masks}),\n    .TREES({}), .TREE_MASKS({tree_masks})\n  ) r{router} (",
            ports - MESH_PORTS,
            config.vcs,
            config.vc_depth,
            u8::from(config.routing == Routing::WestFirst),
            self.dest_bits() + 49,
            self.dest_bits(),
            u8::from(self.multiflit),
            self.endpoints(),
            self.trees.len().max(1),
        )
        .unwrap();
    }

    fn router_connections(&self, router: usize, topology: &Topology, out: &mut String) {
        let (ports, vcs) = (topology.ports(router), usize::from(self.config.vcs));
        let (vc_bits, wire) = (self.vc_bits(), self.wire_bits());
        for (name, width) in [("valid", 1), ("vc", vc_bits), ("flit", wire)] {
            let source = |p: usize| match (topology.neighbour(router, p), p.checked_sub(MESH_PORTS)) {
                (Some(other), _) => {
                    format!("r{other}_out_{name}[{} +: {width}]", opposite(p) * width)
                }
                (None, Some(local)) => format!("e{}_{name}", topology.endpoint(router, local).0),
                (None, None) => format!("{width}'d0"),
            };
            let fields: Vec<String> = (0..ports).rev().map(source).collect();
            writeln!(out, "    .in_{name}({{{}}}),", fields.join(", ")).unwrap();
            writeln!(out, "    .out_{name}(r{router}_out_{name}), .st_{name}(r{router}_st_{name}),").unwrap();
        }
        let credit = |p: usize| match (topology.neighbour(router, p), p.checked_sub(MESH_PORTS)) {
            (Some(other), _) => format!("r{other}_out_credit[{} +: {vcs}]", opposite(p) * vcs),
            (None, Some(local)) => {
                format!("{{{vcs}'d0 | e{}_credit}}", topology.endpoint(router, local).0)
            }
            (None, None) => format!("{vcs}'d0"),
        };
        let fields: Vec<String> = (0..ports).rev().map(credit).collect();
        writeln!(
            out,
            "    .in_credit({{{}}}), .out_credit(r{router}_out_credit),\n    .link_flits(r{router}_link_flits), \
             .clk(clk), .rst(rst)\n  );",
            fields.join(", "),
        )
        .unwrap();
    }
}

/// A sized literal of fields of `width` bits, the first one lowest; one zero field where there are none.
fn bits(fields: impl Iterator<Item = u16>, width: usize) -> String {
    let mut text = String::new();
    let mut count = 0;
    for field in fields {
        text = format!("{field:0width$b}{text}");
        count += 1;
    }
    format!("{}'b{}", width * count.max(1), if text.is_empty() { "0" } else { &text })
}

/// Reads what the test bench of `cycles` cycles printed.
pub fn parse(text: &str, cycles: u64) -> Log {
    let mut log = Log::default();
    for line in text.lines() {
        assert!(!line.starts_with("ASSERT"), "{line}");
        let numbers: Vec<u64> = line.split(' ').skip(1).filter_map(|n| n.parse().ok()).collect();
        match (line.chars().next(), numbers.as_slice()) {
            (Some(kind @ ('S' | 'E')), &[cycle, unit, port, vc, tag]) if cycle < cycles => {
                log.listing.push((cycle, kind, unit as usize, port as usize, vc as usize, tag));
            }
            (Some('R'), &[hash]) => log.routers.push(hash),
            (Some('L'), &[flits]) => log.links.push(flits),
            (Some('T'), &[sent, taken, hash]) => log.endpoints.push((sent as u32, taken as u32, hash)),
            _ => {}
        }
    }
    log.listing.sort_unstable();
    log
}
