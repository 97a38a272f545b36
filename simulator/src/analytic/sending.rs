//! What is sent: events, packets and the cycles of the encoder by stream and step, and the work they are to every consumer.

use super::network::Network;
use crate::noc::PortId;
use crate::prepare::phase::{CorePlan, PhasePlan, Seat, StreamPlan};
use crate::prepare::sparse::Banking;
use crate::prepare::synapse::{Image, Region};
use crate::prepare::Machine;
use crate::unit::accumulator::{work, Accumulator, Work};
use pulvinar_ir::{NodeId, StreamKind, Value};
use std::collections::BTreeMap;

/// Non-zero elements of the nodes that are sent: addresses of every step, ascending.
pub struct Spikes(BTreeMap<NodeId, Vec<Vec<u32>>>);

impl Spikes {
    /// Of the nodes that a machine sends or that are a stage's output.
    pub fn of(machine: &Machine<'_>, values: &[Value]) -> Self {
        let streams = machine.phases.iter().flat_map(|p| &p.streams);
        let sent = streams.filter(|s| s.kind == StreamKind::Events).map(|s| s.node);
        let mut out = BTreeMap::new();
        for node in sent.chain(machine.stages.iter().map(|s| s.stage.output)) {
            out.entry(node).or_insert_with(|| {
                let value = &values[node.index()];
                let step = |v: &[i64]| (0u32..).zip(v).filter(|(_, &v)| v != 0).map(|(i, _)| i).collect();
                value.ints().chunks(value.shape.step_len().max(1)).map(step).collect()
            });
        }
        Spikes(out)
    }

    /// Addresses of a node in a step.
    pub fn step(&self, node: NodeId, step: usize) -> &[u32] {
        self.0.get(&node).and_then(|steps| steps.get(step)).map_or(&[], Vec::as_slice)
    }

    /// Those inside a box.
    pub fn held<'a>(
        &'a self,
        node: NodeId,
        step: usize,
        region: &'a Region,
        plane: [usize; 2],
    ) -> impl Iterator<Item = u32> + 'a {
        let all = self.step(node, step);
        let size = plane[0] * plane[1];
        let at = |channel: usize| all.partition_point(|&a| (a as usize) < channel * size);
        let held = all[at(region.channels[0])..at(region.channels[1])].iter().copied();
        let whole = region.rows == [0, plane[0]];
        held.filter(move |&a| {
            whole || (region.rows[0]..region.rows[1]).contains(&(a as usize % size / plane[1]))
        })
    }
}

/// Parts in which a step is looked at where consumers wait for each other.
const PARTS: usize = 32;

/// One step of a stream.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// Events.
    pub events: u64,
    /// Packets that go to every destination, without the end token.
    pub packets: u64,
    /// Packets by destination of a selective stream.
    pub packets_to: Vec<u64>,
    /// Cycles from the first word (or event of a list) to the last.
    pub span: u64,
    /// Cycles from the first to the event that completes the first packet.
    pub first: u64,
    /// Further cycles in which copies hold up the encoder.
    pub copying: u64,
    /// The last packet waits for the flush.
    pub open: bool,
    /// Cycles from the first to the last event where consumers wait for each other.
    pub coupled: u64,
    /// Work at every destination that is a core.
    pub loads: Vec<Load>,
}

/// How fast an injector sends.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Cycles a flit.
    pub interval: f64,
    /// Flits its queue holds.
    pub queue: u64,
}

impl Pace {
    /// Of a stream's injector.
    pub fn of(machine: &Machine<'_>, network: &Network, stream: &StreamPlan) -> Self {
        Pace { interval: network.interval(stream), queue: u64::from(machine.program.arch.noc.inject_flits) }
    }

    /// Cycles in which so many flits can be pushed.
    fn cycles(self, flits: u64) -> u64 {
        flits.max(1) + ((self.interval - 1.0) * flits.saturating_sub(self.queue) as f64) as u64
    }
}

/// What the events of one step are to one consumer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    /// Events it takes.
    pub events: u64,
    /// Cycles of its synapse engine.
    pub cycles: u64,
    /// Cycles from its first event to the end of its work where consumers wait for each other.
    pub coupled: u64,
    /// Work.
    pub work: Work,
}

impl Sending {
    /// A list of `n` events, one a cycle.
    pub fn list(n: u64, stream: &StreamPlan, pace: Pace) -> Self {
        let mut list = Sending { events: n, span: n.max(1), ..Sending::default() };
        list.first = n.min(u64::from(stream.per_flit)).saturating_sub(1);
        list.pack(stream, pace);
        list
    }

    /// Packets to a destination.
    pub fn to(&self, destination: usize) -> u64 {
        self.packets_to.get(destination).copied().unwrap_or(self.packets)
    }

    /// Packets and copies, once events and span are known.
    fn pack(&mut self, stream: &StreamPlan, pace: Pace) {
        let per_flit = u64::from(stream.per_flit);
        self.packets = self.events.div_ceil(per_flit);
        self.open = self.events % per_flit != 0;
        let full = self.events / per_flit;
        let copies = stream.copies() as u64;
        let busy = self.events + full * (copies - 1);
        self.copying = busy.max(pace.cycles(full * copies)).saturating_sub(self.span);
    }

    /// The same for a stream whose every event has its own consumers.
    fn select(&mut self, stream: &StreamPlan, addresses: &[u32], pace: Pace) {
        let Some(selective) = &stream.selective else { return };
        self.packets_to = vec![0; stream.destinations.len()];
        let (mut busy, mut flits) = (0, 0);
        for &address in addresses {
            let consumers = selective.of(address);
            consumers.iter().for_each(|&c| self.packets_to[usize::from(c)] += 1);
            busy += (consumers.len() as u64).max(1);
            flits += consumers.len() as u64;
        }
        (self.packets, self.open) = (0, false);
        self.copying = busy.max(pace.cycles(flits)).saturating_sub(self.span);
    }

    /// Cycles of the flush after the last event: the open packet and the end tokens, all copies.
    pub fn flush(&self, stream: &StreamPlan, tokens: bool) -> u64 {
        stream.copies() as u64 * (u64::from(self.open) + u64::from(tokens))
    }
}

/// Event streams of a phase, by step.
pub struct Traffic {
    /// By stream and step; empty for statistics and gates.
    pub events: Vec<Vec<Sending>>,
    /// Cycles that the busiest input of a router needs for the packets of a node, by node and step.
    pub jams: BTreeMap<NodeId, Vec<u64>>,
}

impl Traffic {
    /// What a phase sends.
    pub fn of(machine: &Machine<'_>, phase: &PhasePlan, network: &Network, spikes: &Spikes) -> Self {
        let one = |(i, stream): (usize, &StreamPlan)| {
            let pace = Pace::of(machine, network, stream);
            if stream.kind != StreamKind::Events {
                return Vec::new();
            }
            (0..machine.steps)
                .map(|t| sending((machine, phase, network), (i, stream), (spikes, t), pace))
                .collect()
        };
        let events: Vec<Vec<Sending>> = phase.streams.iter().enumerate().map(one).collect();
        let tokens = u64::from(machine.barrier.is_none());
        let packets = |i: usize, t: usize| {
            let (stream, sending) = (&phase.streams[i], &events[i][t]);
            let selective: u64 = sending.packets_to.iter().sum::<u64>() / stream.destinations.len() as u64;
            (i, sending.packets + selective + tokens)
        };
        let mut streams: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        for (i, stream) in phase.streams.iter().enumerate().filter(|(_, s)| s.kind == StreamKind::Events) {
            streams.entry(stream.node).or_default().push(i);
        }
        let jam = |of: &[usize], t: usize| network.jam(of.iter().map(|&i| packets(i, t)));
        let jams = streams.iter().map(|(&n, of)| (n, (0..machine.steps).map(|t| jam(of, t)).collect()));
        let jams = jams.collect();
        Traffic { events, jams }
    }
}

fn sending(
    (machine, phase, network): (&Machine<'_>, &PhasePlan, &Network),
    (index, stream): (usize, &StreamPlan),
    (spikes, step): (&Spikes, usize),
    pace: Pace,
) -> Sending {
    let shape = machine.program.graph.node(stream.node).ty.shape;
    let slice = match phase.seats[stream.source.0 as usize] {
        Seat::Core(i) => Some(&phase.cores[i as usize]),
        _ => None,
    };
    let mut held = Vec::new();
    let addresses = spikes.step(stream.node, step);
    let mut out = match slice {
        None => Sending::list(addresses.len() as u64, stream, pace),
        Some(core) => {
            held.extend(spikes.held(stream.node, step, &core.region, [shape.h, shape.w]));
            let lanes = machine.program.arch.core.lanes as usize;
            let out = encoded(&core.region, [shape.h, shape.w], lanes, &held, stream, pace);
            // Consumers see events in the order of the sweep.
            if machine.stall || stream.destinations.len() > 1 {
                let place = |a: u32| a as usize % (shape.h * shape.w);
                let block = |a: u32| (a as usize / (shape.h * shape.w) - core.region.channels[0]) / lanes;
                held.sort_unstable_by_key(|&a| (place(a), block(a), a));
            }
            out
        }
    };
    let addresses = if slice.is_some() { &held[..] } else { addresses };
    out.select(stream, addresses, pace);
    let parts;
    (out.loads, parts) = loads(machine, phase, (index, stream), addresses);
    let room = |&port| room(machine, network, stream, port);
    let room = stream.destinations.iter().map(room).min().unwrap_or(0);
    out.couple(&parts, room);
    out
}

/// Events of a stream that find room between its packer and a consumer's synapse engine.
pub fn room(machine: &Machine<'_>, network: &Network, stream: &StreamPlan, to: PortId) -> u64 {
    let arch = &machine.program.arch;
    let flits = network.room(stream.source, to, arch.noc.inject_flits);
    u64::from(arch.core.queue_events) + flits * u64::from(stream.per_flit)
}

impl Sending {
    /// Work of the last events of some parts, as many as the queue holds.
    fn queued(&self, parts: &[u64], room: u64) -> u64 {
        let each = self.events as f64 / PARTS as f64;
        let (mut left, mut work) = (room as f64, 0.0);
        for &part in parts.iter().rev() {
            let share = (left / each).min(1.0);
            work += part as f64 * share;
            left -= each * share;
        }
        work as u64
    }

    /// Consumers of the same packets wait for each other: a queue holds `room` events, and the stream stops when one is full.
    /// Where their work comes in different parts of a step (as in slices of different rows) that takes longer than the
    /// slowest alone.
    fn couple(&mut self, parts: &[[u64; PARTS]], room: u64) {
        if parts.len() < 2 || self.events <= room {
            return;
        }
        let (mut now, mut free) = (0, vec![0; parts.len()]);
        for k in 0..PARTS {
            let begin = now;
            now += (self.span + self.copying) / PARTS as u64;
            for (free, part) in free.iter_mut().zip(parts) {
                *free = begin.max(*free) + part[k];
                now = now.max(free.saturating_sub(self.queued(&part[..=k], room)));
            }
        }
        self.coupled = now;
        self.loads.iter_mut().zip(free).for_each(|(load, free)| load.coupled = free);
    }
}

/// A sweep's events: words in order of position, an event a cycle and at least a cycle a word.
fn encoded(
    region: &Region,
    [h, w]: [usize; 2],
    lanes: usize,
    addresses: &[u32],
    stream: &StreamPlan,
    pace: Pace,
) -> Sending {
    let blocks = region.channel_count().div_ceil(lanes);
    let mut words = vec![0u32; region.positions() * blocks];
    for &address in addresses {
        let (channel, place) = (address as usize / (h * w), address as usize % (h * w));
        let position = (place / w - region.rows[0]) * region.columns + place % w;
        words[position * blocks + (channel - region.channels[0]) / lanes] += 1;
    }
    let wanted = (addresses.len() as u64).min(u64::from(stream.per_flit));
    let (mut span, mut events, mut first) = (0, 0, None);
    for &k in &words {
        let k = u64::from(k);
        if first.is_none() && events + k >= wanted && wanted > 0 {
            first = Some(span + wanted - events - 1);
        }
        events += k;
        span += k.max(1);
    }
    let mut out = Sending { events, span, first: first.unwrap_or(span), ..Sending::default() };
    out.pack(stream, pace);
    out
}

fn loads(
    machine: &Machine<'_>,
    phase: &PhasePlan,
    (index, stream): (usize, &StreamPlan),
    addresses: &[u32],
) -> (Vec<Load>, Vec<[u64; PARTS]>) {
    let lanes = machine.program.arch.core.lanes as usize;
    let one = |(d, port): (usize, &PortId)| {
        let mut parts = [0; PARTS];
        let Seat::Core(core) = phase.seats[port.0 as usize] else { return (Load::default(), parts) };
        let core = &phase.cores[core as usize];
        let group = phase.group_of[core.stage * phase.streams.len() + index];
        let images = &core.images[usize::from(group)];
        let mut load = Load::default();
        let mut hazards = machine.stall.then(|| Hazards::new(machine, core));
        for (i, &address) in addresses.iter().enumerate() {
            if !takes(stream, d, address) {
                continue;
            }
            let (before, mut event) = (load.cycles, Work::default());
            images.iter().for_each(|image| event.merge(work(image, address, lanes)));
            load.events += 1;
            load.cycles = match &mut hazards {
                Some(hazards) => hazards.issue(images, address, load.cycles),
                None => load.cycles + event.beats.max(1),
            };
            load.work.merge(event);
            parts[i * PARTS / addresses.len()] += load.cycles - before;
        }
        (load, parts)
    };
    stream.destinations.iter().enumerate().map(one).unzip()
}

fn takes(stream: &StreamPlan, destination: usize, address: u32) -> bool {
    stream.selective.as_ref().is_none_or(|s| {
        let row = (address - s.base) as usize;
        s.consumers[s.rows[row] as usize..s.rows[row + 1] as usize].contains(&(destination as u16))
    })
}

/// Stalls of a synapse engine that takes the events of a step without a pause.
struct Hazards {
    memory: Accumulator,
    banking: Banking,
}

impl Hazards {
    fn new(machine: &Machine<'_>, core: &CorePlan) -> Self {
        let arch = &machine.program.arch.core;
        let banking = Banking { lanes: arch.lanes as usize, banks: arch.accumulator_banks as usize };
        Hazards { memory: Accumulator::new(&core.region, banking.lanes, 1, true), banking }
    }

    /// Cycles used after an event whose first beat may issue after `used` cycles.
    fn issue(&mut self, images: &[Image], address: u32, used: u64) -> u64 {
        // Cycle 0 means never: begin at 1.
        self.memory.stall(images, 0, address, used + 1, self.banking).0
    }
}
