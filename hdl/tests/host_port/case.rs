//! Random sizes of a host port and its flits.

use crate::machine_common::{Net, Rng};
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::{Arch, NodeId, Program, StreamKind};
use pulvinar_simulator::noc::{Flit, PortId, Route};
use pulvinar_simulator::packet::{Event, Packet, Slab};
use pulvinar_simulator::prepare::phase::StreamPlan;
use std::fmt::Write;

/// A stream with its slot.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub stream: u32,
    pub address: u32,
    pub value: u32,
    pub per_flit: u32,
}

/// Widths and sizes of a case.
#[derive(Debug)]
pub struct Case {
    pub dest: u32,
    pub stream: u32,
    pub step: u32,
    pub count: u32,
    pub payload: u32,
    pub tag: u32,
    pub packet: u32,
    pub steps: usize,
    pub vcs: u32,
    pub vc_depth: u32,
    pub inject: u32,
    pub eject: usize,
    pub buffers: u32,
    pub needed: u32,
    pub late: u32,
    pub input: Layout,
    pub outputs: Vec<Layout>,
    pub producers: usize,
    pub targets: Vec<Route>,
    pub endpoint: u32,
    pub reader: Option<(u64, u64)>,
}

pub fn bits(n: u64) -> u32 {
    (64 - n.leading_zeros()).max(1)
}

impl Case {
    pub fn random(rng: &mut Rng) -> Case {
        let payload = 32 + rng.below(20) as u32;
        let mut layout = |stream: u32, address: u32| {
            let value = rng.pick(&[0, 0, 1, 3, 9]);
            let most = (payload / (address + value)).max(1);
            Layout { stream, address, value, per_flit: 1 + rng.below(most as usize) as u32 }
        };
        let input = layout(2, 6);
        let outputs: Vec<Layout> = [(5, 4), (0, 7)].map(|(s, a)| layout(s, a)).into();
        let outputs = outputs[..=rng.below(2)].to_vec();
        let per_flit = outputs.iter().chain([&input]).map(|l| l.per_flit).max().unwrap();
        let steps = 1 + rng.below(6);
        let buffers = 1 + rng.below(2) as u32;
        let needed = rng.below(4) as u32;
        let copies = 1 + rng.below(4);
        let tree = rng.chance(40);
        let targets = if tree {
            vec![Route::Tree(rng.below(8) as u32)]
        } else {
            (0..copies).map(|i| Route::Unicast(PortId(3 * i as u32 + rng.below(3) as u32))).collect()
        };
        let period = 2 + rng.below(9) as u64;
        Case {
            dest: 4,
            stream: 3,
            step: bits(steps as u64 - 1),
            count: bits(u64::from(per_flit)),
            payload,
            tag: rng.pick(&[1, 48]),
            packet: 7,
            steps,
            vcs: 1 + rng.below(4) as u32,
            vc_depth: 1 + rng.below(4) as u32,
            inject: rng.pick(&[1, 2, 3, 8, 40]),
            eject: 1 + rng.below(6),
            buffers,
            needed,
            late: if buffers == 2 && needed > 0 { rng.below(needed as usize + 1) as u32 } else { 0 },
            input,
            outputs,
            producers: 1 + rng.below(3),
            targets,
            endpoint: 11,
            reader: rng.chance(60).then(|| (period, rng.below(period as usize) as u64)),
        }
    }

    pub fn program(&self) -> Program {
        let mut net = Net::new(1, self.steps, [1, 8, 8], 1);
        let weight = net.tensor("w", vec![1, 64], -7, 7);
        let flat = net.push("flat", pulvinar_ir::op::flatten::Flatten {}, &[NodeId(0)]);
        let linear = net.push("linear", Linear { weight, bias: None }, &[flat]);
        let lif = net.lif(linear, 3);
        net.stage(&[(linear, NodeId(0), false)], linear, &[lif], lif);
        let mut arch = Arch::default_chip();
        arch.noc.virtual_channels = self.vcs;
        arch.noc.inject_flits = self.inject;
        net.program(arch, 0).0
    }

    /// Streams of the phase: the host's and those that end there, all of the input's node.
    pub fn streams(&self) -> Vec<StreamPlan> {
        let plan = |i: u32| {
            let layout = self.outputs.iter().chain([&self.input]).find(|l| l.stream == i);
            let unicast = |r: &Route| match r {
                Route::Unicast(port) => *port,
                Route::Tree(_) => PortId(0),
            };
            StreamPlan {
                kind: StreamKind::Events,
                node: NodeId(0),
                source: PortId(0),
                destinations: self.targets.iter().map(unicast).collect(),
                granting: self.needed,
                granting_late: self.late,
                tree: self.targets.iter().find_map(|r| if let Route::Tree(t) = r { Some(*t) } else { None }),
                per_flit: layout.map_or(1, |l| l.per_flit as u16),
                selective: None,
            }
        };
        (0..6).map(plan).collect()
    }

    pub fn slot(layout: &Layout, event: Event) -> u128 {
        let mask = (1u64 << layout.value) - 1;
        u128::from(event.address) | u128::from(event.value as u64 & mask) << layout.address
    }

    /// The flit's bits without its tag.
    pub fn body(&self, flit: &Flit, slab: &Slab) -> u128 {
        let layout = |stream| self.outputs.iter().chain([&self.input]).find(|l| l.stream == stream).unwrap();
        let (kind, stream, step, count, payload) = match Packet::decode(flit.payload) {
            Packet::Events { slot } => {
                let h = slab.header(slot);
                let l = layout(h.stream);
                let event = |i: u16| {
                    Case::slot(l, slab.event(slot, i.into())) << (u32::from(i) * (l.address + l.value))
                };
                (0, h.stream, u32::from(h.step), h.count, (0..h.count).map(event).sum())
            }
            Packet::One { stream, step, address } => {
                (0, stream, step.into(), 1, Case::slot(layout(stream), Event { address, value: 1 }))
            }
            Packet::End { stream, step, packets } => (1u32, stream, step.into(), 0, packets.into()),
            Packet::Credit { stream, step, .. } => (2, stream, step & ((1 << self.step) - 1), 0, 0),
            Packet::Memory { .. } => unreachable!("no memory here"),
        };
        let (dest, tree) = match flit.route {
            Route::Unicast(port) => (port.0, 0),
            Route::Tree(tree) => (tree, 1),
        };
        let fields = [
            (tree, 1),
            (dest, self.dest),
            (kind, 2),
            (stream, self.stream),
            (step, self.step),
            (count.into(), self.count),
        ];
        let mut at = 0;
        let mut all = 0;
        for (value, width) in fields {
            all |= u128::from(value) << at;
            at += width;
        }
        all | payload << at
    }

    pub fn body_bits(&self) -> u32 {
        3 + self.dest + self.stream + self.step + self.count + self.payload
    }

    fn numbers(&self, cycles: usize, beats: usize) -> Vec<(&'static str, u32)> {
        let largest = |of: fn(&Layout) -> u32| self.outputs.iter().map(of).max().unwrap();
        vec![
            ("DEST_BITS", self.dest),
            ("STREAM_BITS", self.stream),
            ("STEP_BITS", self.step),
            ("COUNT_BITS", self.count),
            ("PAYLOAD_BITS", self.payload),
            ("TAG_BITS", self.tag),
            ("STEPS", self.steps as u32),
            ("STREAM", self.input.stream),
            ("ADDRESS_BITS", self.input.address),
            ("VALUE_BITS", self.input.value.max(1)),
            ("VALUE_WIDTH", self.input.value),
            ("PER_FLIT", self.input.per_flit),
            ("TARGETS_ALL", self.targets.len() as u32),
            ("PACKET_BITS", self.packet),
            ("NEEDED", self.needed),
            ("LATE", self.late),
            ("BUFFERS", self.buffers),
            ("ENDPOINT", self.endpoint),
            ("VCS", self.vcs),
            ("VC_BITS", bits(u64::from(self.vcs) - 1)),
            ("VC_DEPTH", self.vc_depth),
            ("INJECT_DEPTH", self.inject),
            ("EJECT_DEPTH", self.eject as u32),
            ("OUTPUTS", self.outputs.len() as u32),
            ("OUT_ADDRESS_BITS", largest(|l| l.address)),
            ("OUT_VALUE_BITS", largest(|l| l.value).max(1)),
            ("TOKENS", self.tokens() as u32),
            ("CYCLES", cycles as u32),
            ("BEATS", beats as u32),
        ]
    }

    pub fn parameters(&self, cycles: usize, beats: usize) -> String {
        let list = |of: fn(&Layout) -> u32| {
            let words: Vec<String> = self.outputs.iter().rev().map(|l| format!("32'd{}", of(l))).collect();
            format!("{{{}}}", words.join(", "))
        };
        let target = |r: &Route| match r {
            Route::Unicast(port) => format!("{}'d{}", self.dest + 1, port.0 << 1),
            Route::Tree(tree) => format!("{}'d{}", self.dest + 1, tree << 1 | 1),
        };
        let targets: Vec<String> = self.targets.iter().rev().map(target).collect();
        let mut text = String::new();
        for (name, value) in self.numbers(cycles, beats) {
            let _ = writeln!(text, "  parameter {name} = {value},");
        }
        let _ = writeln!(
            text,
            "  parameter [{}*TARGETS_ALL-1:0] TARGETS = {{{}}},",
            self.dest + 1,
            targets.join(", ")
        );
        let vectors = [
            ("OUT_STREAMS", list(|l| l.stream)),
            ("OUT_PER_FLIT", list(|l| l.per_flit)),
            ("OUT_ADDRESS_WIDTHS", list(|l| l.address)),
            ("OUT_VALUE_WIDTHS", list(|l| l.value)),
            ("OUT_SIGNED", list(|l| u32::from(l.value == 9))),
        ];
        let lines: Vec<String> =
            vectors.iter().map(|(n, v)| format!("  parameter [32*OUTPUTS-1:0] {n} = {v}")).collect();
        text + &lines.join(",\n") + "\n"
    }

    pub fn tokens(&self) -> usize {
        self.outputs.len() * self.producers * self.steps
    }
}
