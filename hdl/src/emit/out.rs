//! The way out of a core: packer, injector, credits, and what the trace shows.

use super::attend::AttentionSide;
use super::control::ControlNets;
use super::core::{number, CoreBuilder};
use super::format::{Format, Slot};
use super::sweep::SweepSide;
use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_simulator::noc::Route;
use pulvinar_simulator::prepare::phase::StreamPlan;

/// Targets of a stream in the flit's terms, lowest first: tree or not, number.
pub fn targets(stream: &StreamPlan, dest: u32) -> Vec<Bits> {
    let target = |i: usize| match stream.route(i) {
        Route::Unicast(port) => [Bits::zero(), Bits::unsigned(u64::from(port.0), dest)],
        Route::Tree(tree) => [Bits::one(), Bits::unsigned(u64::from(tree), dest)],
    };
    (0..stream.copies()).flat_map(target).collect()
}

/// A list of 32-bit words as one parameter.
pub fn words(values: impl IntoIterator<Item = u64>) -> Parameter {
    Parameter::Vector(values.into_iter().map(|v| Bits::unsigned(v, 32)).collect())
}

/// Parameters of a packer whose first source is selective: consumers by address.
pub fn selective(stream: &StreamPlan) -> Vec<(&'static str, Parameter)> {
    let Some(choice) = &stream.selective else { return Vec::new() };
    let width = stream.copies();
    let rows = choice.rows.windows(2).map(|r| &choice.consumers[r[0] as usize..r[1] as usize]);
    let bit = |row: &[u16], d: usize| Bits::unsigned(u64::from(row.contains(&(d as u16))), 1);
    let table = rows.flat_map(|row| (0..width).map(move |d| bit(row, d))).collect();
    vec![
        ("SELECTIVE", number(1)),
        ("SELECT_BASE", number(choice.base as usize)),
        ("SELECT_ROWS", number(choice.rows.len() - 1)),
        ("SELECT_WIDTH", number(width)),
        ("CONSUMERS", Parameter::Vector(table)),
    ]
}

/// Parameters of a packer for these streams.
fn packer_parameters(
    format: &Format,
    streams: &[(u32, Slot, Vec<Bits>)],
    (address, value): (u32, u32),
) -> Vec<(&'static str, Parameter)> {
    let counts: Vec<u64> = streams.iter().map(|(_, _, t)| t.len() as u64 / 2).collect();
    let firsts = counts.iter().scan(0, |at, &n| {
        *at += n;
        Some(*at - n)
    });
    let all: Vec<Bits> = streams.iter().flat_map(|(_, _, t)| t.iter().cloned()).collect();
    vec![
        ("SOURCES", number(streams.len())),
        ("SOURCE_BITS", number(index_bits(streams.len()) as usize)),
        ("PAYLOAD_BITS", number(format.payload as usize)),
        ("COUNT_BITS", number(format.count as usize)),
        ("STEP_BITS", number(format.step as usize)),
        ("STREAM_BITS", number(format.stream as usize)),
        ("DEST_BITS", number(format.dest as usize)),
        ("ADDRESS_BITS", number(address as usize)),
        ("VALUE_BITS", number(value as usize)),
        ("PACKET_BITS", number(format.packets as usize)),
        ("TARGETS_ALL", number(all.len() / 2)),
        ("STREAMS", words(streams.iter().map(|(s, _, _)| u64::from(*s)))),
        ("PER_FLIT", words(streams.iter().map(|(_, slot, _)| u64::from(slot.per_flit)))),
        ("ADDRESS_WIDTHS", words(streams.iter().map(|(_, slot, _)| u64::from(slot.address)))),
        ("VALUE_WIDTHS", words(streams.iter().map(|(_, slot, _)| u64::from(slot.value)))),
        ("FIRST_TARGETS", words(firsts)),
        ("TARGET_COUNTS", words(counts.iter().copied())),
        ("TARGETS", Parameter::Vector(all)),
    ]
}

/// What leaves in a cycle.
pub struct OutputSide {
    /// The packer takes an event.
    pub accepted: Bits,
    /// The injector sends a flit.
    pub sent: Bits,
}

/// What is offered to the packer in a cycle.
struct Job {
    source: Bits,
    step: Bits,
    valid: Bits,
    address: Bits,
    value: Bits,
    finish: Bits,
}

impl CoreBuilder<'_> {
    /// Slot of the core's own events; of a core that sends none, the smallest.
    pub(super) fn event_slot(&self) -> Slot {
        let none = Slot { address: index_bits(self.stage.shape.step_len()), value: 0, per_flit: 1 };
        self.plan.events.map_or(none, |s| self.format().slots[s as usize])
    }

    /// Streams that leave here: own events, then the list.
    fn outgoing(&self, attention: &AttentionSide) -> Vec<(u32, Slot, Vec<Bits>)> {
        let streams = self.plan.events.into_iter().chain(attention.list.as_ref().map(|l| l.stream));
        let format = self.format();
        streams.map(|s| (s, format.slots[s as usize], targets(self.plan_of(s), format.dest))).collect()
    }

    /// Joins the encoder's and the list's offers.
    fn job(&mut self, sweep: &SweepSide, attention: &AttentionSide, (address, value): (u32, u32)) -> Job {
        let wide = |b: &mut Self, net: &Bits, width: u32, signed: bool| {
            if signed {
                b.m.sext(net, width)
            } else {
                b.m.zext(net, width)
            }
        };
        let signed = self.event_slot().value > 0;
        let own_address = wide(self, &sweep.address, address, false);
        let own_value = wide(self, &sweep.value, value, signed);
        let source_bits = index_bits(self.outgoing(attention).len());
        let Some(list) = &attention.list else {
            return Job {
                source: Bits::unsigned(0, source_bits),
                step: sweep.step.clone(),
                valid: sweep.offer.clone(),
                address: own_address,
                value: own_value,
                finish: sweep.finish.clone(),
            };
        };
        let number_of_list = u64::from(self.plan.events.is_some());
        let list_address = wide(self, &list.address, address, false);
        let list_value = wide(self, &list.value, value, true);
        let m = &mut self.m;
        let own = Bits::unsigned(0, source_bits);
        let other = Bits::unsigned(number_of_list, source_bits);
        Job {
            source: m.mux(&list.active, &other, &own),
            step: m.mux(&list.active, &list.pass, &sweep.step),
            valid: m.mux(&list.active, &list.offer, &sweep.offer),
            address: m.mux(&list.active, &list_address, &own_address),
            value: m.mux(&list.active, &list_value, &own_value),
            finish: m.mux(&list.active, &list.close, &sweep.finish),
        }
    }

    /// Builds packer and injector.
    pub(super) fn output_side(
        &mut self,
        control: &ControlNets,
        sweep: &SweepSide,
        attention: &AttentionSide,
    ) -> OutputSide {
        self.join_nets(&control.sweep_end, &sweep.end);
        let streams = self.outgoing(attention);
        let format = self.format();
        let body = format.body();
        let (room, push, flit) =
            (self.m.wire("data_room", 1), self.m.wire("packer_push", 1), self.m.wire("packer_flit", body));
        let (busy, accepted, idle) =
            (self.m.wire("packer_busy", 1), self.m.wire("packer_accepted", 1), self.m.wire("packer_idle", 1));
        if streams.is_empty() {
            let empty = Bits::Const { value: 0, width: body };
            for (net, value) in
                [(&push, Bits::zero()), (&busy, Bits::zero()), (&accepted, Bits::zero()), (&flit, empty)]
            {
                self.join_nets(net, &value);
            }
        } else {
            let widths = (
                streams.iter().map(|(_, s, _)| s.address).max().unwrap_or(1).max(sweep.address.width()),
                streams.iter().map(|(_, s, _)| s.value).max().unwrap_or(1).max(1).max(sweep.value.width()),
            );
            let job = self.job(sweep, attention, widths);
            let mut parameters = packer_parameters(format, &streams, widths);
            parameters.extend(self.plan.events.iter().flat_map(|&s| selective(self.plan_of(s))));
            let inputs = [
                ("job_source", job.source.clone()),
                ("job_step", job.step.clone()),
                ("offer_valid", job.valid.clone()),
                ("offer_address", job.address.clone()),
                ("offer_value", job.value.clone()),
                ("finish", job.finish.clone()),
                ("room", room.clone()),
            ];
            let outputs = [
                ("accepted", accepted.clone()),
                ("push_valid", push.clone()),
                ("push_flit", flit.clone()),
                ("busy", busy.clone()),
                ("idle", idle),
            ];
            self.add("packer", "packer", &parameters, &inputs, &outputs);
            self.trace_events(&streams, &accepted, &job);
        }
        self.accept(sweep, attention, (&accepted, &busy));
        let sent = self.injector(control, (push, flit, room));
        OutputSide { accepted, sent }
    }

    /// Who is told that the packer took an event, and who is held up.
    fn accept(&mut self, sweep: &SweepSide, attention: &AttentionSide, (accepted, busy): (&Bits, &Bits)) {
        let Some(list) = &attention.list else {
            self.join_nets(&sweep.accepted, accepted);
            self.join_nets(&sweep.blocked, busy);
            return;
        };
        let (active, from_list, idle_exit) =
            (list.active.clone(), list.accepted.clone(), list.idle_exit.clone());
        let sweeping = self.m.not(&active);
        let own = self.m.and(accepted, &sweeping);
        let others = self.m.and(accepted, &active);
        let blocked = self.m.or(busy, &active);
        let free = self.m.not(busy);
        for (net, value) in
            [(&sweep.accepted, own), (&sweep.blocked, blocked), (&from_list, others), (&idle_exit, free)]
        {
            self.join_nets(net, &value);
        }
    }

    fn injector(&mut self, control: &ControlNets, (push, flit, room): (Bits, Bits, Bits)) -> Bits {
        let format = self.format();
        let noc = &self.machine().program.arch.noc;
        let (vcs, depth, queue) =
            (noc.virtual_channels as usize, noc.buffer_flits as usize, noc.inject_flits as usize);
        let vc_bits = index_bits(vcs);
        let credits = self.m.input("inj_credit", vcs as u32);
        let body = self.credit_body(control);
        let producers = self.plan.grants.len();
        let parameters = [
            ("BODY_BITS", number(format.body() as usize)),
            ("TAG_BITS", number(format.tag as usize)),
            ("ENDPOINT", number(self.plan.port.0 as usize)),
            ("VCS", number(vcs)),
            ("VC_BITS", number(vc_bits as usize)),
            ("VC_DEPTH", number(depth)),
            ("INJECT_DEPTH", number(queue)),
            ("CONTROL_DEPTH", number(producers * self.buffers)),
        ];
        let outputs = [
            ("data_room", 1),
            ("control_room", 1),
            ("sent", 1),
            ("empty", 1),
            ("inj_valid", 1),
            ("inj_vc", vc_bits),
            ("inj_flit", format.flit()),
        ]
        .map(|(n, width)| {
            let net =
                if n == "data_room" { room.clone() } else { self.m.wire(&format!("injector_{n}"), width) };
            (n, net)
        });
        let inputs = [
            ("data_push", push),
            ("data_flit", flit),
            ("control_push", control.grant.clone()),
            ("control_flit", body),
            ("inj_credit", credits),
        ];
        self.add("injector", "injector", &parameters, &inputs, &outputs);
        let [_, _, sent, _, valid, vc, flit] = outputs.map(|(_, b)| b);
        self.m.output("inj_valid", valid);
        self.m.output("inj_vc", vc);
        self.m.output("inj_flit", flit);
        sent
    }

    /// Nets that the test bench prints: an accepted event, with its stream and step.
    fn trace_events(&mut self, streams: &[(u32, Slot, Vec<Bits>)], accepted: &Bits, job: &Job) {
        if self.format().tag == 1 {
            return;
        }
        let of_source: Vec<(Bits, Bits, Bits)> = streams
            .iter()
            .enumerate()
            .map(|(i, (s, slot, _))| {
                let mine = self.m.is(&job.source, i as u64);
                let value = if slot.value == 0 {
                    Bits::unsigned(1, 64)
                } else {
                    let raw = self.m.slice(&job.value, 0, slot.value);
                    self.m.sext(&raw, 64)
                };
                (mine, Bits::unsigned(u64::from(*s), 32), value)
            })
            .collect();
        let ids: Vec<(Bits, Bits)> = of_source.iter().map(|(m, s, _)| (m.clone(), s.clone())).collect();
        let values: Vec<(Bits, Bits)> = of_source.iter().map(|(m, _, v)| (m.clone(), v.clone())).collect();
        let m = &mut self.m;
        let stream = m.select(&ids, &Bits::unsigned(0, 32));
        let value = m.select(&values, &Bits::unsigned(0, 64));
        let step = m.zext(&job.step, 32);
        let address = m.zext(&job.address, 32);
        for (name, net) in [
            ("trace_event", accepted.clone()),
            ("trace_stream", stream),
            ("trace_step", step),
            ("trace_address", address),
            ("trace_value", value),
        ] {
            m.output(name, net);
        }
    }
}
