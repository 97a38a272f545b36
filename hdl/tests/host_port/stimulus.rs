//! Random input, random output packets, and a network end that the simulator's host port sees.

use crate::case::{Case, Layout};
use crate::machine_common::Rng;
use pulvinar_ir::{NodeId, Value};
use pulvinar_simulator::noc::{
    Config, ConfigError, Fabric, Flit, Observer, PortId, Route, RouterActivity, Tree,
};
use pulvinar_simulator::packet::{Event, Packet, Slab};
use std::collections::VecDeque;
use std::fmt::Write;

/// One endpoint's view of a network: what it sends is kept, what it takes was queued.
#[derive(Default)]
pub struct Wires {
    pub now: u64,
    pub credits: Vec<u32>,
    pub sent: Option<(usize, Flit)>,
    pub arrived: VecDeque<Flit>,
    pub popped: u32,
}

impl Fabric for Wires {
    fn new(_: &Config, _: &[Tree]) -> Result<Self, ConfigError> {
        Ok(Wires::default())
    }
    fn now(&self) -> u64 {
        self.now
    }
    fn inject_credits(&self, _: PortId, vc: usize) -> u32 {
        self.credits[vc]
    }
    fn injectable(&self, _: PortId) -> u8 {
        self.credits.iter().enumerate().fold(0, |mask, (vc, &n)| mask | u8::from(n > 0) << vc)
    }
    fn injectable_ports(&self, _: usize) -> u64 {
        u64::from(self.credits.iter().any(|&n| n > 0))
    }
    fn ejectable(&self, _: usize) -> u64 {
        u64::from(!self.arrived.is_empty())
    }
    fn inject(&mut self, _: PortId, vc: usize, flit: Flit) {
        self.credits[vc] -= 1;
        self.sent = Some((vc, flit));
    }
    fn step(&mut self, _: &mut impl Observer) {
        self.now += 1;
    }
    fn ejected(&self, _: PortId) -> Option<Flit> {
        self.arrived.front().copied()
    }
    fn eject_pop(&mut self, _: PortId) -> Option<Flit> {
        self.popped += 1;
        self.arrived.pop_front()
    }
    fn next_ejectable(&self, from: PortId) -> Option<PortId> {
        (!self.arrived.is_empty()).then_some(from)
    }
    fn next_event(&self) -> Option<u64> {
        Some(self.now)
    }
    fn skip_to(&mut self, cycle: u64) {
        self.now = cycle;
    }
    fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }
    fn activity(&self) -> Vec<RouterActivity> {
        Vec::new()
    }
}

/// A packet that reaches the host.
pub fn flit(payload: u64) -> Flit {
    Flit { packet: 9, payload, route: Route::Unicast(PortId(1)), head: true, tail: true, vc_mask: 1 }
}

/// What the network will bring, in order of the stream's production; `beats` are those of the output, in this order.
pub struct Output {
    pub flits: VecDeque<Flit>,
    pub beats: Beats,
}

pub fn random_output(case: &Case, slab: &mut Slab, rng: &mut Rng) -> Output {
    let mut all = Vec::new();
    for step in 0..case.steps as u16 {
        for (layout, _) in case.outputs.iter().flat_map(|l| (0..case.producers).map(move |p| (l, p))) {
            let stream = layout.stream;
            let packets = rng.below(4) as u32;
            let mut mine = vec![(
                flit(Packet::End { stream, step, packets }.encode()),
                vec![(stream, step.into(), true, false, packets.into())],
            )];
            for _ in 0..packets {
                mine.push(event_packet(layout, step, slab, rng));
            }
            all.extend(mine);
        }
    }
    // Packets and ends overtake each other within a window.
    for i in 0..all.len() {
        let j = (i + rng.below(6)).min(all.len() - 1);
        all.swap(i, j);
    }
    let beats = all.iter().flat_map(|(_, b)| b.clone()).collect();
    Output { flits: all.into_iter().map(|(f, _)| f).collect(), beats }
}

/// Beats of the output: stream, step, end of step, last of its packet, content with the value from bit 64 on.
pub type Beats = Vec<(u32, u32, bool, bool, u128)>;

pub fn event_packet(layout: &Layout, step: u16, slab: &mut Slab, rng: &mut Rng) -> (Flit, Beats) {
    let n = 1 + rng.below(layout.per_flit as usize);
    let mut beats = Beats::new();
    let slot = slab.allocate(layout.stream, step);
    slab.retain(slot, 1);
    for i in 0..n {
        let address = rng.below(1 << layout.address) as u32;
        let signed = layout.value == 9;
        let value = match layout.value {
            0 => 1,
            _ if signed => rng.range(-256, 255),
            bits => rng.range(0, (1 << bits) - 1),
        };
        slab.push(slot, Event { address, value });
        beats.push((
            layout.stream,
            step.into(),
            false,
            i + 1 == n,
            u128::from(address) | (value as u128) << 64,
        ));
    }
    (flit(Packet::Events { slot }.encode()), beats)
}

pub fn random_input(case: &Case, rng: &mut Rng) -> (Value, String, usize) {
    let shape = case.program().graph.node(NodeId(0)).ty.shape;
    let density = rng.pick(&[0, 5, 30, 100]);
    let mut values = Vec::new();
    let (mut text, mut beats) = (String::new(), 0);
    let (address, value) = (case.input.address, case.input.value);
    let last_bit = (address + value.max(1) + 8) / 8 * 8;
    for _ in 0..case.steps {
        let step: Vec<i64> = (0..shape.step_len())
            .map(|_| match value {
                _ if !rng.chance(density) => 0,
                0 => 1,
                9 => rng.range(-256, 255),
                bits => rng.range(1, (1 << bits) - 1),
            })
            .collect();
        let events: Vec<(u128, u128)> = step
            .iter()
            .enumerate()
            .filter(|(_, &v)| v != 0)
            .map(|(a, &v)| (a as u128, (v as u64 & ((1 << value) - 1)) as u128))
            .collect();
        for (i, (a, v)) in events.iter().enumerate() {
            let last = u128::from(i + 1 == events.len());
            let _ = writeln!(text, "{:x}", a | v << address | last << last_bit);
        }
        if events.is_empty() {
            let _ = writeln!(text, "{:x}", 1u128 << last_bit | 1 << (address + value.max(1)));
        }
        beats += events.len().max(1);
        values.extend(step);
    }
    (Value::int(shape, values), text + "0\n", beats)
}
