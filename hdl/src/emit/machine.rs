//! The machine: routers, cores and the host port, joined by links.

use super::core::{clocking, instance, number};
use super::out::{targets, words};
use super::Shared;
use crate::netlist::{index_bits, Bits, Module, Parameter};
use pulvinar_ir::{IntType, StreamKind};
use pulvinar_simulator::noc::{permitted, Pipeline, PortId, Route, Routing, Topology, MESH_PORTS};
use pulvinar_simulator::prepare::phase::Seat;
use std::collections::{BTreeMap, BTreeSet};

/// Widths of the host's streams.
pub struct HostWidths {
    /// Input data.
    pub s_bits: u32,
    /// Output data.
    pub m_bits: u32,
    /// Routers that are there.
    pub routers: Vec<usize>,
}

/// One direction of a link.
#[derive(Clone)]
struct Link {
    valid: Bits,
    vc: Bits,
    flit: Bits,
}

/// Nets of one router.
struct RouterNets {
    ports: usize,
    inputs: Vec<Link>,
    /// Credits from behind the outputs.
    credits_in: Vec<Bits>,
    outputs: Vec<Link>,
    /// Credits to the senders.
    credits_out: Vec<Bits>,
}

struct Builder<'a> {
    shared: &'a Shared<'a>,
    topology: Topology,
    m: Module,
    vcs: u32,
    vc_bits: u32,
}

/// Output ports that packets of every input port of a router take, by router that some packet may visit.
type Turns = BTreeMap<usize, Vec<u16>>;

/// Follows every packet of the phase: events and end tokens to the consumers, credits back.
fn turns(shared: &Shared<'_>, topology: &Topology) -> Turns {
    let phase = shared.phase;
    let mut turns = Turns::new();
    let mut seen = BTreeSet::new();
    // Router, input port, and where the packet goes: an endpoint or the end of a tree.
    let mut open: Vec<(usize, usize, Route)> = Vec::new();
    for stream in &phase.streams {
        let (router, local) = topology.place(stream.source);
        open.extend((0..stream.copies()).map(|i| (router, local, stream.route(i))));
        for &to in &stream.destinations {
            open.push((router, local, Route::Unicast(to)));
            let (router, local) = topology.place(to);
            open.push((router, local, Route::Unicast(stream.source)));
        }
    }
    while let Some((here, input, route)) = open.pop() {
        if !seen.insert((here, input, route)) {
            continue;
        }
        let mask = match route {
            Route::Unicast(to) => permitted(topology, phase.noc.routing, here, to),
            Route::Tree(tree) => phase.trees[tree as usize].masks[here],
        };
        let rows = turns.entry(here).or_insert_with(|| vec![0; topology.ports(here)]);
        rows[input] |= mask;
        for port in (0..MESH_PORTS).filter(|p| mask >> p & 1 == 1) {
            if let Some(next) = topology.neighbour(here, port) {
                open.push((next, (port + 2) % MESH_PORTS, route));
            }
        }
    }
    turns
}

/// Builds the machine.
pub fn build(shared: &Shared<'_>) -> (Module, HostWidths) {
    let vcs = u32::from(shared.phase.noc.vcs);
    let mut b = Builder {
        shared,
        topology: Topology::new(&shared.phase.noc),
        m: Module::new("machine", "Routers, cores and host port."),
        vcs,
        vc_bits: index_bits(vcs as usize),
    };
    let (clear, at) = (b.m.input("clear", 1), b.m.input("clear_addr", shared.clear_bits));
    let select = b.m.input("select", shared.core_bits + 5);
    let chain = b.m.input("chain_first", 32);
    let turns = turns(shared, &b.topology);
    let routers: Vec<Option<RouterNets>> =
        (0..b.topology.routers()).map(|r| turns.contains_key(&r).then(|| b.declare(r))).collect();
    for r in 0..routers.len() {
        if let Some(nets) = &routers[r] {
            b.router(r, nets, &turns[&r]);
            b.mesh_links(r, nets, &routers);
        }
    }
    let mut errors = Vec::new();
    let mut chain = chain;
    let mut host = HostWidths { s_bits: 8, m_bits: 8, routers: Vec::new() };
    for (port, seat) in shared.phase.seats.iter().enumerate() {
        let (router, local) = b.topology.place(PortId(port as u32));
        let Some(nets) = &routers[router] else { continue };
        match seat {
            Seat::Core(i) => {
                let ports =
                    [("clear", clear.clone()), ("clear_addr", at.clone()), ("select", select.clone())];
                let (overflow, next) = b.core(*i as usize, (nets, local), &ports, &chain);
                errors.push(overflow);
                chain = next;
            }
            Seat::Host => host = b.host(nets, local, &select),
            Seat::Memory | Seat::Empty => b.nobody(nets, local),
        }
    }
    let last = b.host_counters(&select, &chain);
    b.m.output("chain_last", last);
    let error = b.m.any(&errors);
    b.m.output("overflow", error);
    host.routers = turns.into_keys().collect();
    (b.m, host)
}

impl Builder<'_> {
    fn link(&mut self, name: &str) -> Link {
        Link {
            valid: self.m.wire(&format!("{name}_valid"), 1),
            vc: self.m.wire(&format!("{name}_vc"), self.vc_bits),
            flit: self.m.wire(&format!("{name}_flit"), self.shared.format.flit()),
        }
    }

    fn declare(&mut self, router: usize) -> RouterNets {
        let ports = self.topology.ports(router);
        let name = |kind: &str, p: usize| format!("r{router}_{kind}{p}");
        let inputs = (0..ports).map(|p| self.link(&name("in", p))).collect();
        let outputs = (0..ports).map(|p| self.link(&name("out", p))).collect();
        let vcs = self.vcs;
        let mut credits =
            |kind: &str| -> Vec<Bits> { (0..ports).map(|p| self.m.wire(&name(kind, p), vcs)).collect() };
        RouterNets {
            ports,
            inputs,
            credits_in: credits("credit_in"),
            outputs,
            credits_out: credits("credit_out"),
        }
    }

    fn join(&mut self, net: &Bits, value: &Bits) {
        self.m.assign_net(net, value);
    }

    fn router_parameters(&self, r: usize, ports: usize, turns: &[u16]) -> Vec<(String, Parameter)> {
        let shared = self.shared;
        let noc = &shared.phase.noc;
        let endpoints = shared.phase.seats.len();
        let mask = |bits: u16| Bits::unsigned(u64::from(bits), ports as u32);
        let masks: Vec<Bits> = (0..endpoints)
            .map(|e| mask(permitted(&self.topology, noc.routing, r, PortId(e as u32))))
            .collect();
        let trees: Vec<Bits> = shared.phase.trees.iter().map(|t| mask(t.masks[r])).collect();
        let eject = noc.eject_depth[self.topology.endpoint(r, 0).0 as usize];
        let parameters = [
            ("LOCALS", number(ports - MESH_PORTS)),
            ("VCS", number(self.vcs as usize)),
            ("VC_DEPTH", number(usize::from(noc.vc_depth))),
            ("EJECT_DEPTH", number(usize::from(eject))),
            (
                "PIPELINE",
                number(match noc.pipeline {
                    Pipeline::Four => 0,
                    Pipeline::LookAhead => 1,
                    Pipeline::Speculative => 2,
                }),
            ),
            ("ADAPTIVE", number(usize::from(noc.routing == Routing::WestFirst))),
            ("FLIT_BITS", number(shared.format.flit() as usize)),
            ("DEST_BITS", number(shared.format.dest as usize)),
            ("ENDPOINTS", number(endpoints)),
            ("PORT_MASKS", Parameter::Vector(masks)),
            ("TREES", number(trees.len().max(1))),
            ("TURNS", Parameter::Vector(turns.iter().map(|&bits| mask(bits)).collect())),
            ("TREE_MASKS", Parameter::Vector(if trees.is_empty() { vec![mask(0)] } else { trees })),
        ];
        parameters.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()
    }

    fn router(&mut self, r: usize, nets: &RouterNets, turns: &[u16]) {
        let shared = self.shared;
        let parameters = self.router_parameters(r, nets.ports, turns);
        let collect = |m: &mut Module, links: &[Link], f: fn(&Link) -> &Bits| {
            let parts: Vec<Bits> = links.iter().map(|l| f(l).clone()).collect();
            m.join(&parts)
        };
        let inputs = [
            ("in_valid", collect(&mut self.m, &nets.inputs, |l| &l.valid)),
            ("in_vc", collect(&mut self.m, &nets.inputs, |l| &l.vc)),
            ("in_flit", collect(&mut self.m, &nets.inputs, |l| &l.flit)),
            ("in_credit", self.m.join(&nets.credits_in)),
        ];
        let (p, flit) = (nets.ports as u32, shared.format.flit());
        let outputs = [
            ("out_credit", p * self.vcs),
            ("out_valid", p),
            ("out_vc", p * self.vc_bits),
            ("out_flit", p * flit),
            ("st_valid", p),
            ("st_vc", p * self.vc_bits),
            ("st_flit", p * flit),
            ("link_flits", p * 32),
        ]
        .map(|(n, w)| (n, self.m.wire(&format!("r{r}_{n}"), w)));
        let mut this = instance("router", &format!("router{r}"), parameters, &inputs, &outputs);
        this.inputs.splice(0..0, clocking());
        self.m.instance(this);
        let [credit, valid, vc, flits, ..] = outputs.map(|(_, b)| b);
        for port in 0..p {
            let link = nets.outputs[port as usize].clone();
            let parts = [
                (&link.valid, self.m.bit(&valid, port)),
                (&link.vc, self.m.slice(&vc, port * self.vc_bits, self.vc_bits)),
                (&link.flit, self.m.slice(&flits, port * flit, flit)),
                (&nets.credits_out[port as usize], self.m.slice(&credit, port * self.vcs, self.vcs)),
            ];
            for (net, value) in parts {
                self.join(net, &value);
            }
        }
    }

    /// Inputs and credits of the mesh ports: from the neighbour, or idle.
    fn mesh_links(&mut self, r: usize, nets: &RouterNets, routers: &[Option<RouterNets>]) {
        for port in 0..MESH_PORTS {
            let behind = (port + 2) % MESH_PORTS;
            let neighbour = self.topology.neighbour(r, port).and_then(|n| routers[n].as_ref());
            match neighbour {
                Some(other) => {
                    let (link, credit) = (other.outputs[behind].clone(), other.credits_out[behind].clone());
                    self.drive(&nets.inputs[port], &link);
                    self.join(&nets.credits_in[port], &credit);
                }
                None => self.silence(nets, port),
            }
        }
    }

    fn drive(&mut self, to: &Link, from: &Link) {
        for (net, value) in [(&to.valid, &from.valid), (&to.vc, &from.vc), (&to.flit, &from.flit)] {
            self.join(net, value);
        }
    }

    fn silence(&mut self, nets: &RouterNets, port: usize) {
        let zero = |b: &Bits| Bits::Const { value: 0, width: b.width() };
        let link = nets.inputs[port].clone();
        for net in [&link.valid, &link.vc, &link.flit, &nets.credits_in[port]] {
            self.join(net, &zero(net));
        }
    }

    fn nobody(&mut self, nets: &RouterNets, local: usize) {
        self.silence(nets, local);
    }

    /// The pool of a local port is the bit of VC 0.
    fn pool(&mut self, net: &Bits, credit: &Bits) {
        let wide = self.m.zext(credit, self.vcs);
        self.join(net, &wide);
    }

    fn core(
        &mut self,
        index: usize,
        (nets, local): (&RouterNets, usize),
        common: &[(&str, Bits); 3],
        chain: &Bits,
    ) -> (Bits, Bits) {
        let plan = &self.shared.phase.cores[index];
        let name = format!("core{}", plan.core);
        let mut net = |n: &str, width: u32| (n.to_owned(), self.m.wire(&format!("{name}_{n}"), width));
        let mut outputs = vec![net("ej_credit", 1), net("overflow", 1), net("chain_out", 32)];
        if self.shared.options.trace {
            let mut trace = vec![("trace_sweep_end", 1), ("trace_sweep_pass", 32), ("trace_sweep_step", 32)];
            let sends = plan.events.is_some() || plan.gates.is_some() || plan.statistics.is_some();
            if sends {
                trace.extend([
                    ("trace_event", 1),
                    ("trace_stream", 32),
                    ("trace_step", 32),
                    ("trace_address", 32),
                    ("trace_value", 64),
                ]);
            }
            outputs.extend(trace.into_iter().map(|(n, w)| net(n, w)));
        }
        let input = nets.inputs[local].clone();
        for (port, value) in [("inj_valid", &input.valid), ("inj_vc", &input.vc), ("inj_flit", &input.flit)] {
            outputs.push((port.to_owned(), value.clone()));
        }
        let from = nets.outputs[local].clone();
        let mut inputs: Vec<(String, Bits)> = clocking().to_vec();
        inputs.extend(common.iter().map(|(n, b)| ((*n).to_owned(), b.clone())));
        for (port, value) in [
            ("chain_in", chain),
            ("ej_valid", &from.valid),
            ("ej_flit", &from.flit),
            ("inj_credit", &nets.credits_out[local]),
        ] {
            inputs.push((port.to_owned(), value.clone()));
        }
        let (credit, overflow, next) = (outputs[0].1.clone(), outputs[1].1.clone(), outputs[2].1.clone());
        self.pool(&nets.credits_in[local], &credit);
        let module = name.clone();
        self.m.instance(crate::netlist::Instance { module, name, parameters: Vec::new(), inputs, outputs });
        (overflow, next)
    }

    fn host(&mut self, nets: &RouterNets, local: usize, _select: &Bits) -> HostWidths {
        let (parameters, widths) = self.host_parameters();
        let (data, valid, last) = (
            self.m.input("s_axis_tdata", widths.s_bits),
            self.m.input("s_axis_tvalid", 1),
            self.m.input("s_axis_tlast", 1),
        );
        let ready = self.m.input("m_axis_tready", 1);
        let out = ["s_axis_tready", "m_axis_tvalid", "m_axis_tlast", "ej_credit", "finished"]
            .map(|n| (n, self.m.wire(&format!("host_{n}"), 1)));
        let out_data = self.m.wire("host_m_axis_tdata", widths.m_bits);
        let pulses =
            ["event_pack", "flit_inject", "flit_eject"].map(|n| (n, self.m.wire(&format!("host_{n}"), 1)));
        let (input, from) = (nets.inputs[local].clone(), nets.outputs[local].clone());
        let inputs = [
            ("s_axis_tdata", data),
            ("s_axis_tvalid", valid),
            ("s_axis_tlast", last),
            ("m_axis_tready", ready),
            ("inj_credit", nets.credits_out[local].clone()),
            ("ej_valid", from.valid),
            ("ej_flit", from.flit),
        ];
        let links = [
            ("inj_valid", input.valid),
            ("inj_vc", input.vc),
            ("inj_flit", input.flit),
            ("m_axis_tdata", out_data.clone()),
        ];
        let outputs: Vec<(&str, Bits)> = out.iter().chain(&links).chain(&pulses).cloned().collect();
        let mut this = instance("host_port", "host", parameters, &inputs, &outputs);
        this.inputs.splice(0..0, clocking());
        self.m.instance(this);
        let [s_ready, m_valid, m_last, credit, finished] = out.map(|(_, b)| b);
        self.pool(&nets.credits_in[local], &credit);
        for (name, value) in [
            ("s_axis_tready", s_ready),
            ("m_axis_tvalid", m_valid),
            ("m_axis_tlast", m_last),
            ("m_axis_tdata", out_data),
            ("finished", finished),
        ] {
            self.m.output(name, value);
        }
        widths
    }

    /// The host's counters, last in the chain.
    fn host_counters(&mut self, select: &Bits, chain: &Bits) -> Bits {
        let out = self.m.wire("host_chain", 32);
        let pulse = |n: &str| Bits::Net { name: format!("host_{n}").into(), width: 1 };
        let parameters = [
            ("CORE", number(self.shared.phase.cores.len())),
            ("CORE_BITS", number(self.shared.core_bits as usize)),
            ("LANES", number(1)),
        ];
        let parameters = parameters.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let mut inputs = vec![("select", select.clone()), ("chain_in", chain.clone())];
        for name in ["event_push", "event_pop", "synapse_busy", "synapse_stall", "operations"] {
            inputs.push((name, Bits::zero()));
        }
        for name in ["sweep_busy", "sweep_stall", "spike", "attention_busy"] {
            inputs.push((name, Bits::zero()));
        }
        for name in ["event_pack", "flit_inject", "flit_eject"] {
            inputs.push((name, pulse(name)));
        }
        let mut this =
            instance("counters", "host_counters", parameters, &inputs, &[("chain_out", out.clone())]);
        this.inputs.splice(0..0, clocking());
        self.m.instance(this);
        out
    }

    /// Parameters of the streams that end at the host, and the widest address and value among them.
    fn host_outputs(&self) -> (Vec<(&'static str, Parameter)>, u32, u32) {
        let (shared, format) = (self.shared, &self.shared.format);
        let phase = shared.phase;
        let ends: Vec<usize> = (0..phase.streams.len())
            .filter(|&s| {
                phase.streams[s].kind == StreamKind::Events
                    && phase.streams[s].destinations.contains(&phase.host)
            })
            .collect();
        let graph = &shared.machine.program.graph;
        let out_address = ends.iter().map(|&s| format.slots[s].address).max().unwrap_or(1);
        let out_value = ends.iter().map(|&s| format.slots[s].value).max().unwrap_or(1).max(1);
        let list = |f: &dyn Fn(usize) -> u64| words(ends.iter().map(|&s| f(s)));
        let is_signed = |s: usize| {
            let ty = graph.node(phase.streams[s].node).ty.as_int("");
            u64::from(!ty.is_ok_and(IntType::is_binary))
        };
        let parameters = vec![
            ("OUTPUTS", number(ends.len())),
            ("OUT_STREAMS", list(&|s| s as u64)),
            ("OUT_PER_FLIT", list(&|s| format.slots[s].per_flit.into())),
            ("OUT_ADDRESS_WIDTHS", list(&|s| format.slots[s].address.into())),
            ("OUT_VALUE_WIDTHS", list(&|s| format.slots[s].value.into())),
            ("OUT_SIGNED", list(&is_signed)),
            ("OUT_ADDRESS_BITS", number(out_address as usize)),
            ("OUT_VALUE_BITS", number(out_value as usize)),
            ("TOKENS", number(ends.len() * shared.machine.steps)),
        ];
        (parameters, out_address, out_value)
    }

    fn host_parameters(&self) -> (Vec<(String, Parameter)>, HostWidths) {
        let (shared, format) = (self.shared, &self.shared.format);
        let phase = shared.phase;
        let noc = &shared.machine.program.arch.noc;
        let input = phase.host_stream.unwrap_or(0);
        let plan = &phase.streams[input as usize];
        let slot = format.slots[input as usize];
        let entries = targets(plan, format.dest);
        let (outputs, out_address, out_value) = self.host_outputs();
        let value_bits = slot.value.max(1);
        let content = (out_address + out_value).max(format.packets);
        let widths = HostWidths {
            s_bits: (slot.address + value_bits + 8) / 8 * 8,
            m_bits: (content + format.step + format.stream + 9) / 8 * 8,
            routers: Vec::new(),
        };
        let mut parameters = super::flit_parameters(format);
        parameters.extend([
            ("TAG_BITS", number(format.tag as usize)),
            ("STEPS", number(shared.machine.steps)),
            ("STREAM", number(input as usize)),
            ("ADDRESS_BITS", number(slot.address as usize)),
            ("VALUE_BITS", number(value_bits as usize)),
            ("VALUE_WIDTH", number(slot.value as usize)),
            ("PER_FLIT", number(slot.per_flit as usize)),
            ("TARGETS_ALL", number(entries.len() / 2)),
            ("TARGETS", Parameter::Vector(entries)),
            ("PACKET_BITS", number(format.packets as usize)),
            ("NEEDED", number(plan.granting as usize)),
            ("LATE", number(plan.granting_late as usize)),
            ("BUFFERS", number(shared.machine.buffers)),
            ("ENDPOINT", number(phase.host.0 as usize)),
            ("VCS", number(self.vcs as usize)),
            ("VC_BITS", number(self.vc_bits as usize)),
            ("VC_DEPTH", number(noc.buffer_flits as usize)),
            ("INJECT_DEPTH", number(noc.inject_flits as usize)),
            ("EJECT_DEPTH", number(noc.eject_flits as usize)),
        ]);
        let choice = super::out::selective(&phase.streams[input as usize]);
        parameters.extend(choice.into_iter().filter(|(name, _)| *name != "SELECT_BASE"));
        parameters.extend(outputs);
        (parameters.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(), widths)
    }
}
