//! Figures of `docs/noc.md`: routers, injection, credits.

use super::draw::Format::{Number, Packet};
use super::draw::Line::{self, Bus, Group, Items, Level};
use super::draw::{Figure, Mark};

/// A packet from core 1 over routers 1 and 0 to the host, alone in the network.
const HOP: &[Line] = &[
    Group("core 1: injector"),
    Level("sent", "core1.injector.sent"),
    Items("inj_flit", "core1.injector.inj_flit", Packet, "core1.injector.inj_valid"),
    Group("router 1: input VC of port 4 (core 1), output port 3 (west)"),
    Level("occupied", "router1.in_port[4].vc[0].occupied"),
    Level("granted (VA)", "router1.in_port[4].vc[0].granted"),
    Level("turns (SA)", "router1.in_port[4].vc[0].turns"),
    Items("st_flit", "router1.st_flit@288+96", Packet, "router1.st_valid@3+1"),
    Items("out_flit", "router1.out_flit@288+96", Packet, "router1.out_valid@3+1"),
    Group("router 0: input VC of port 1 (east), output port 5 (host)"),
    Level("occupied", "router0.in_port[1].vc[0].occupied"),
    Level("granted (VA)", "router0.in_port[1].vc[0].granted"),
    Level("turns (SA)", "router0.in_port[1].vc[0].turns"),
    Items("st_flit", "router0.st_flit@480+96", Packet, "router0.st_valid@5+1"),
    Items("out_flit", "router0.out_flit@480+96", Packet, "router0.out_valid@5+1"),
    Group("host"),
    Bus("head_flit", "host.output_interface.head_flit", Packet, "host.output_interface.head_valid"),
    Level("take_credit", "host.output_interface.take_credit"),
    Group("credits on their way back"),
    Level("router 1 out_credit, port 4", "router1.out_credit@4+1"),
    Level("core 1 returned", "core1.injector.returned"),
    Bus("core 1 credits", "core1.injector.channels[0].credits", Number, ""),
    Level("router 0 out_credit, port 1", "router0.out_credit@1+1"),
    Level("router 1 returned, port 3", "router1.out_port[3].port.returned"),
    Bus("router 1 credits, port 3", "router1.out_port[3].port.credits", Number, ""),
    Level("host ej_credit", "host.output_interface.ej_credit"),
    Level("router 0 returned, port 5", "router0.out_port[5].port.returned"),
    Bus("router 0 credits, port 5", "router0.out_port[5].port.credits", Number, ""),
];

const HOP_MARKS: &[Mark] = &[
    ("core1.injector.sent", "injection", [0, 0]),
    ("router1.in_port[4].vc[0].granted", "VA", [1, 1]),
    ("router1.in_port[4].vc[0].turns", "SA", [1, 1]),
    ("router1.st_valid@3+1", "ST", [1, 1]),
    ("router1.out_valid@3+1", "link", [1, 1]),
    ("router0.in_port[1].vc[0].granted", "VA", [2, 2]),
    ("router0.in_port[1].vc[0].turns", "SA", [2, 2]),
    ("router0.st_valid@5+1", "ST", [2, 2]),
    ("router0.out_valid@5+1", "link", [2, 2]),
    ("host.output_interface.take_credit", "taken", [3, 3]),
];

const HOP_FOUR_MARKS: &[Mark] = &[
    HOP_MARKS[0],
    ("router1.in_port[4].vc[0].linked.channel.new_head", "RC", [1, 1]),
    HOP_MARKS[1],
    HOP_MARKS[2],
    HOP_MARKS[3],
    HOP_MARKS[4],
    ("router0.in_port[1].vc[0].linked.channel.new_head", "RC", [2, 2]),
    HOP_MARKS[5],
    HOP_MARKS[6],
    HOP_MARKS[7],
    HOP_MARKS[8],
    HOP_MARKS[9],
];

const fn hop(file: &'static str, title: &'static str, run: usize) -> Figure {
    Figure {
        file,
        title,
        run,
        anchor: "core1.injector.sent",
        nth: 0,
        before: 1,
        cycles: 19 - 2 * run,
        lines: HOP,
        marks: if run == 0 { HOP_FOUR_MARKS } else { HOP_MARKS },
        chain: true,
    }
}

/// In the order of the page.
pub const FIGURES: &[Figure] = &[
    hop("noc-four", "A packet over two routers, four stages", 0),
    hop("noc-lookahead", "The same with look-ahead routing, three stages", 1),
    hop("noc-speculative", "The same with speculation, two stages", 2),
    Figure {
        file: "noc-injection",
        title: "The host's first packets: two buffer entries, credits come back three cycles after a grant",
        run: 0,
        anchor: "host.input_injector.sent",
        nth: 0,
        before: 2,
        cycles: 30,
        lines: &[
            Group("host: injector"),
            Level("empty", "host.input_injector.empty"),
            Bus("data.count (waiting)", "host.input_injector.data.count", Number, ""),
            Bus("credits", "host.input_injector.channels[0].credits", Number, ""),
            Level("sent", "host.input_injector.sent"),
            Items("inj_flit", "host.input_injector.inj_flit", Packet, "host.input_injector.inj_valid"),
            Group("router 0: input VC of port 5 (host)"),
            Bus(
                "front",
                "router0.in_port[5].vc[0].linked.channel.front",
                Packet,
                "router0.in_port[5].vc[0].occupied",
            ),
            Level("turns (SA)", "router0.in_port[5].vc[0].turns"),
            Level("out_credit, port 5", "router0.out_credit@5+1"),
            Group("back at the host"),
            Level("returned", "host.input_injector.returned"),
        ],
        marks: &[
            ("router0.in_port[5].vc[0].turns", "t", [1, 1]),
            ("router0.out_credit@5+1", "t+1", [1, 1]),
            ("host.input_injector.returned", "t+2", [2, 2]),
        ],
        chain: false,
    },
];
