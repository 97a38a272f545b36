//! Incoming interface and event queue behind a router whose ejection link is as long as the real one.

use crate::{hex, Bench, Rng};
use pulvinar_hdl::netlist::index_bits;
use pulvinar_simulator::noc::{Config, Fabric, Flit, Observer, Pipeline, Plain, PortId, Route, Routing};
use pulvinar_simulator::packet::{Event, Packet, Slab};
use pulvinar_simulator::unit::event_queue::{EventQueue, Queued};
use pulvinar_simulator::unit::interface_in::{InterfaceIn, Item};

/// Widths of the flit's fields.
const DEST: u32 = 3;
const STREAM: u32 = 4;
const STEP: u32 = 5;
const SLOT: u32 = 10;

/// Payloads of the flits that cross the switch to the endpoint under test.
#[derive(Default)]
struct Wire(Vec<(u64, u64)>);

impl Observer for Wire {
    fn flit_leaves(&mut self, cycle: u64, _: usize, _: usize, _: usize, flit: &Flit) {
        self.0.push((cycle, flit.payload));
    }
}

struct Case {
    rng: Rng,
    per_flit: usize,
    eject: usize,
    queue_depth: usize,
    slab: Slab,
    queue: EventQueue,
    wire: Wire,
    schedule: Vec<String>,
    trace: Vec<String>,
    credit: bool,
}

impl Case {
    fn new(seed: u64) -> Case {
        let mut rng = Rng::new(seed);
        let per_flit = rng.within(1, 9);
        let queue_depth = rng.pick(&[1, 2, 4, 7, 150]);
        Case {
            per_flit,
            eject: rng.within(1, 6),
            queue_depth,
            rng,
            slab: Slab::new(per_flit),
            queue: EventQueue::new(queue_depth),
            wire: Wire::default(),
            schedule: Vec::new(),
            trace: Vec::new(),
            credit: false,
        }
    }

    fn count_bits(&self) -> u32 {
        index_bits(self.per_flit + 1)
    }

    fn payload_bits(&self) -> u32 {
        (self.per_flit as u32 * SLOT).max(8)
    }

    fn network(&self) -> Plain {
        let config = Config {
            width: 1,
            height: 1,
            locals: vec![2],
            vcs: 2,
            vc_depth: 4,
            pipeline: Pipeline::Speculative,
            routing: Routing::Xy,
            eject_depth: vec![4, self.eject as u16],
        };
        Plain::new(&config, &[]).expect("a valid network")
    }

    fn packet(&mut self) -> Packet {
        let (stream, step) = (self.rng.within(0, 15) as u32, self.rng.within(0, 31) as u16);
        match self.rng.within(0, 5) {
            0 => Packet::End { stream, step, packets: self.rng.within(0, 255) as u32 },
            1 => Packet::Credit { stream, step: u32::from(step), from: 0 },
            2 => Packet::One { stream, step, address: self.rng.within(0, 1023) as u32 },
            _ => {
                let slot = self.slab.allocate(stream, step);
                for _ in 0..self.rng.within(1, self.per_flit) {
                    self.slab.push(slot, Event { address: self.rng.within(0, 1023) as u32, value: 1 });
                }
                self.slab.retain(slot, 1);
                Packet::Events { slot }
            }
        }
    }

    /// The flit of a packet as the hardware carries it.
    fn flit(&self, packet: Packet) -> Vec<(i64, u32)> {
        let mut payload: Vec<i64> = vec![0; self.per_flit];
        let (kind, stream, step, count) = match packet {
            Packet::Events { slot } => {
                let header = self.slab.header(slot);
                (0..usize::from(header.count))
                    .for_each(|i| payload[i] = i64::from(self.slab.event(slot, i).address));
                (0, header.stream, u32::from(header.step), header.count)
            }
            Packet::One { stream, step, address } => {
                payload[0] = i64::from(address);
                (0, stream, u32::from(step), 1)
            }
            Packet::End { stream, step, packets } => {
                payload[0] = i64::from(packets);
                (1, stream, u32::from(step), 0)
            }
            Packet::Credit { stream, step, .. } => (2, stream, step, 0),
            Packet::Memory { .. } => unreachable!("no memory packets are sent"),
        };
        let padding = self.payload_bits() - self.per_flit as u32 * SLOT;
        let mut fields = vec![(0, 1), (0, padding)];
        fields.extend(payload.iter().rev().map(|&e| (e, SLOT)));
        fields.extend([(i64::from(count), self.count_bits()), (i64::from(step), STEP)]);
        fields.extend([(i64::from(stream), STREAM), (kind, 2), (1, DEST), (0, 1)]);
        fields
    }

    fn label(stream: u32, step: u32) -> i64 {
        i64::from(step) << STREAM | i64::from(stream)
    }

    fn take(&mut self, now: usize, item: Option<Item>) {
        self.credit = !matches!(item, None | Some(Item::Event { last: false, .. }));
        let line = match item {
            Some(Item::Event { stream, step, event, last }) => {
                let label = Self::label(stream, u32::from(step));
                let value = label << SLOT | i64::from(event.address);
                self.queue.push(Queued { address: 0, group: 0, step: 0, value });
                format!("event {label:03x} {:03x} last {}", event.address, u8::from(last))
            }
            Some(Item::End { stream, step, packets }) => {
                format!("end {:03x} {packets:02x}", Self::label(stream, u32::from(step)))
            }
            Some(Item::Credit { stream, step }) => format!("credit {:03x}", Self::label(stream, step)),
            Some(Item::Memory { .. }) | None => return,
        };
        self.trace.push(format!("{now} {line}"));
    }

    /// One cycle: interface, queue, network.
    fn cycle(&mut self, now: usize, fabric: &mut Plain, interface: &mut InterfaceIn, busy: bool) {
        let (pop, ready) = (self.rng.chance(if busy { 20 } else { 80 }), self.rng.chance(70));
        let (room, front) = (self.queue.has_room(), self.queue.front());
        let head = fabric.ejected(PortId(1)).map(|f| Packet::decode(f.payload));
        let credit_head = matches!(head, Some(Packet::Credit { .. }));
        let [valid, credit, space, there] =
            [head.is_some(), self.credit, room, front.is_some()].map(u8::from);
        let value = front.map_or(0, |e| e.value);
        self.trace.push(format!("{now} head {valid} credit {credit} room {space} front {there} {value:05x}"));
        let mut fields = vec![(i64::from(pop), 1), (i64::from(ready), 1)];
        let on_wire = self.wire.0.first().copied().filter(|w| w.0 + 1 == now as u64);
        match on_wire {
            Some((_, payload)) => {
                self.wire.0.remove(0);
                fields.push((1, 1));
                fields.extend(self.flit(Packet::decode(payload)));
            }
            None => fields.push((0, 1 + self.flit(Packet::decode(3)).iter().map(|f| f.1).sum::<u32>())),
        }
        self.schedule.push(hex(&fields));
        if pop {
            self.queue.pop();
        }
        let item = if ready || credit_head { interface.tick(fabric, &mut self.slab, room) } else { None };
        self.take(now, item);
        let vc = usize::from(self.rng.chance(50));
        if self.rng.chance(70) && fabric.inject_credits(PortId(0), vc) > 0 {
            let packet = self.packet();
            let route = Route::Unicast(PortId(1));
            let flit =
                Flit { packet: 0, payload: packet.encode(), route, head: true, tail: true, vc_mask: 3 };
            fabric.inject(PortId(0), vc, flit);
        }
        fabric.step(&mut self.wire);
    }
}

fn check(seed: u64) {
    let mut case = Case::new(seed);
    let (mut fabric, mut interface) = (case.network(), InterfaceIn::new(PortId(1)));
    for now in 0..600 {
        case.cycle(now, &mut fabric, &mut interface, now / 150 % 2 == 1);
    }
    let constants = [
        ("DEST_BITS", DEST as usize),
        ("STREAM_BITS", STREAM as usize),
        ("STEP_BITS", STEP as usize),
        ("SLOT_BITS", SLOT as usize),
        ("COUNT_BITS", case.count_bits() as usize),
        ("PAYLOAD_BITS", case.payload_bits() as usize),
        ("EJECT_DEPTH", case.eject),
        ("QUEUE_DEPTH", case.queue_depth),
        ("CYCLES", case.schedule.len()),
    ];
    let bench = Bench::new(include_str!("incoming.v"), &constants);
    bench.write("schedule.hex", &case.schedule.join("\n"));
    bench.check(seed, &case.trace, false);
}

#[test]
fn interface_takes_items_as_simulated() {
    (0..40).for_each(check);
}
