//! What arrives: from the head flit of the ejection buffer to entries of the event queue.

use super::core::CoreBuilder;
use super::format::{KIND_END, KIND_EVENTS};
use crate::netlist::{index_bits, Bits, Module};
use pulvinar_ir::StreamKind;

/// Class of a queue entry: an event for the synapse engine.
pub const CLASS_SYNAPSE: u64 = 0;
/// A statistic.
pub const CLASS_STATISTIC: u64 = 1;
/// A gate.
pub const CLASS_GATE: u64 = 2;

/// Widths of an entry, lowest first: class, group, target step, column, row, channel, value.
#[derive(Debug, Clone, Copy)]
pub struct EntryFormat {
    /// Synapse group.
    pub group: u32,
    /// Step the event acts on (pass of statistics and gates).
    pub target: u32,
    /// Column.
    pub column: u32,
    /// Row.
    pub row: u32,
    /// Channel.
    pub channel: u32,
    /// Value, two's complement.
    pub value: u32,
    /// Row pointer, which is not in the queue but joins the entry as it leaves it; none without stored connections.
    pub pointer: u32,
}

impl EntryFormat {
    /// Bits of the coordinates together; a flat address lies there instead.
    pub fn place(&self) -> u32 {
        self.column + self.row + self.channel
    }
    /// Bits of an entry.
    pub fn bits(&self) -> u32 {
        2 + self.group + self.target + self.place() + self.value
    }
    /// Bits of an entry with its row pointer.
    pub fn with_pointer(&self) -> u32 {
        self.bits() + self.pointer
    }
}

/// An entry, taken apart.
pub struct Entry {
    /// Class.
    pub class: Bits,
    /// Group.
    pub group: Bits,
    /// Target step.
    pub target: Bits,
    /// Column, row, channel.
    pub place: [Bits; 3],
    /// Flat address of statistics and gates.
    pub flat: Bits,
    /// Value.
    pub value: Bits,
}

impl EntryFormat {
    /// Takes an entry apart.
    pub fn split(&self, m: &mut Module, entry: &Bits) -> Entry {
        let mut at = 0;
        let mut next = |m: &mut Module, width: u32| {
            at += width;
            m.slice(entry, at - width, width)
        };
        let class = next(m, 2);
        let group = next(m, self.group);
        let target = next(m, self.target);
        let place = [next(m, self.column), next(m, self.row), next(m, self.channel)];
        let value = next(m, self.value);
        let flat = m.slice(entry, 2 + self.group + self.target, self.place());
        Entry { class, group, target, place, flat, value }
    }
}

/// What the incoming interface gives in a cycle.
pub struct Arrivals {
    /// An event is taken.
    pub take_event: Bits,
    /// It is its packet's last.
    pub take_last: Bits,
    /// An end token is taken.
    pub take_end: Bits,
    /// The head flit belongs to events for the synapse engine, statistics, gates.
    pub is_class: [Bits; 3],
    /// Step of the head, delayed streams one later.
    pub target: Bits,
    /// The queue gets an entry.
    pub push: Bits,
    /// The entry.
    pub entry: Bits,
    /// Packets that the head announces.
    pub packets: Bits,
    /// Step as sent (of credits).
    pub step: Bits,
}

/// Quotient of an address by a constant.
///
/// It is `address · m >> s` with `m = ceil(2^s / d)`, exact for all addresses below `limit`.
pub fn quotient(m: &mut Module, address: &Bits, divisor: u64, limit: u64) -> Bits {
    let bits = index_bits((limit.div_ceil(divisor)) as usize);
    if divisor >= limit {
        return Bits::unsigned(0, bits);
    }
    if divisor.is_power_of_two() {
        let k = divisor.trailing_zeros();
        let high = m.slice(address, k, address.width() - k);
        return m.zext(&high, bits);
    }
    let shift = (1..63)
        .find(|&s| {
            let factor = (1u64 << s).div_ceil(divisor);
            (factor * divisor - (1 << s)) * limit < 1 << s
        })
        .expect("invariant: addresses have at most 31 bits");
    let factor = (1u64 << shift).div_ceil(divisor);
    // Factors carry a zero sign bit, since products are of signed numbers.
    let wide = m.zext(address, address.width() + 1);
    let product = m.mul(&wide, &Bits::unsigned(factor, index_bits(factor as usize + 1) + 1));
    let high = m.slice(&product, shift, product.width() - shift);
    m.zext(&high, bits)
}

/// Remainder `address - quotient · divisor`, of which only the bits that can be set are computed: a few short additions.
pub fn remainder(m: &mut Module, address: &Bits, quotient: &Bits, divisor: u64, limit: u64) -> Bits {
    let bits = index_bits(divisor.min(limit) as usize);
    let mut rest = m.zext(address, bits);
    for place in (0..bits).filter(|&k| divisor >> k & 1 == 1) {
        let multiple = m.zext(quotient, bits);
        let multiple = m.shift_left(&multiple, place);
        let multiple = m.zext(&multiple, bits);
        rest = m.sub(&rest, &multiple);
    }
    rest
}

impl CoreBuilder<'_> {
    /// Widths of this core's queue entries.
    pub(super) fn entry_format(&self) -> EntryFormat {
        let (mut column, mut row, mut channel, mut value) = (1, 1, 1, 2);
        for group in &self.stage.groups {
            let shape = self.graph().node(group.source).ty.shape;
            for synapse in &group.synapses {
                (column, row) =
                    (column.max(index_bits(synapse.input.w)), row.max(index_bits(synapse.input.h)));
                channel = channel.max(index_bits(synapse.input.c));
            }
            debug_assert!(shape.step_len() > 0);
        }
        for &stream in &self.incoming {
            let slot = self.format().slots[stream as usize];
            value = value.max(slot.value);
            if self.plan_of(stream).kind != StreamKind::Events {
                let flat = slot.address + 2;
                channel = channel.max(flat.saturating_sub(column + row));
            }
        }
        let group = index_bits(self.stage.groups.len());
        let pointer = self.pointer_bits();
        if pointer > 0 {
            let pointers = self.first_pointer(self.stage.groups.len());
            (column, row) = (1, 1);
            channel = channel.max(index_bits(pointers).saturating_sub(2));
        }
        EntryFormat { group, target: self.format().step, column, row, channel, value, pointer }
    }

    /// Group of an incoming event stream.
    pub(super) fn group_of(&self, stream: u32) -> usize {
        let node = self.plan_of(stream).node;
        self.stage
            .groups
            .iter()
            .position(|g| g.source == node)
            .expect("invariant: preparation has matched streams and synapses")
    }

    /// Decodes the head flit.
    pub(super) fn arrivals(&mut self, head: &Head, entry: &EntryFormat) -> Arrivals {
        let format = self.format().clone();
        let m = &mut self.m;
        let stream = m.slice(&head.flit, format.stream_at(), format.stream);
        let step = m.slice(&head.flit, format.step_at(), format.step);
        let payload = m.slice(&head.flit, format.payload_at(), format.payload);
        let packets = m.slice(&payload, 0, format.packets);
        let incoming = self.incoming.clone();
        let hits: Vec<(u32, Bits)> =
            incoming.iter().map(|&s| (s, self.m.is(&stream, u64::from(s)))).collect();
        let of_kind = |this: &mut Self, kind: StreamKind| {
            let terms: Vec<Bits> =
                hits.iter().filter(|(s, _)| this.plan_of(*s).kind == kind).map(|(_, b)| b.clone()).collect();
            this.m.any(&terms)
        };
        let is_class = [
            of_kind(self, StreamKind::Events),
            of_kind(self, StreamKind::Statistics),
            of_kind(self, StreamKind::Gates),
        ];
        let late: Vec<Bits> = hits
            .iter()
            .filter(|(s, _)| {
                self.plan_of(*s).kind == StreamKind::Events && self.stage.groups[self.group_of(*s)].delayed
            })
            .map(|(_, b)| b.clone())
            .collect();
        let late = self.m.any(&late);
        let late = self.m.zext(&late, format.step);
        let target = self.m.add(&step, &late);
        let data = self.entry_of(head, &payload, &hits, &is_class, &target, entry);
        let push = self.useful(head, &is_class[0], &target);
        Arrivals {
            take_event: head.take_event.clone(),
            take_last: head.take_last.clone(),
            take_end: head.take_end.clone(),
            is_class,
            target,
            push,
            entry: data,
            packets,
            step,
        }
    }

    /// Events that act beyond the last step of a stage of several passes are dropped.
    fn useful(&mut self, head: &Head, is_event: &Bits, target: &Bits) -> Bits {
        let delayed = self.stage.groups.iter().any(|g| g.delayed);
        if self.stage.passes.len() < 2 || !delayed {
            return head.take_event.clone();
        }
        let steps = Bits::unsigned(self.machine().steps as u64, target.width());
        let m = &mut self.m;
        let inside = m.below(target, &steps);
        let other = m.not(is_event);
        let keeps = m.or(&inside, &other);
        m.and(&head.take_event, &keeps)
    }

    fn entry_of(
        &mut self,
        head: &Head,
        payload: &Bits,
        hits: &[(u32, Bits)],
        is_class: &[Bits; 3],
        target: &Bits,
        entry: &EntryFormat,
    ) -> Bits {
        let mut places: Vec<(Bits, Bits)> = Vec::new();
        let mut values: Vec<(Bits, Bits)> = Vec::new();
        let mut groups: Vec<(Bits, Bits)> = Vec::new();
        for (stream, hit) in hits {
            let slot = self.format().slots[*stream as usize];
            let event = self.event_at(payload, &head.taken, slot);
            let address = self.m.slice(&event, 0, slot.address);
            let value = if slot.value == 0 {
                Bits::unsigned(1, entry.value)
            } else {
                let raw = self.m.slice(&event, slot.address, slot.value);
                self.m.sext(&raw, entry.value)
            };
            let place = if self.plan_of(*stream).kind == StreamKind::Events {
                let group = self.group_of(*stream);
                groups.push((hit.clone(), Bits::unsigned(group as u64, entry.group)));
                self.coordinates(&address, group, entry)
            } else {
                self.m.zext(&address, entry.place())
            };
            places.push((hit.clone(), place));
            values.push((hit.clone(), value));
        }
        let m = &mut self.m;
        let none = Bits::unsigned(0, entry.place());
        let place = m.select(&places, &none);
        let value = m.select(&values, &Bits::unsigned(1, entry.value));
        let group = m.select(&groups, &Bits::unsigned(0, entry.group));
        let [_, statistic, gate] = is_class;
        let class = m.join(&[statistic.clone(), gate.clone()]);
        m.join(&[class, group, target.clone(), place, value])
    }

    /// Event number `taken` of a payload.
    fn event_at(&mut self, payload: &Bits, taken: &Bits, slot: super::format::Slot) -> Bits {
        let m = &mut self.m;
        if slot.per_flit == 1 {
            return m.slice(payload, 0, slot.bits());
        }
        let events: Vec<(Bits, Bits)> = (0..slot.per_flit)
            .map(|n| (m.is(taken, n.into()), m.slice(payload, n * slot.bits(), slot.bits())))
            .collect();
        m.select(&events[1..], &events[0].1)
    }

    /// Column, row and channel of an address in a group's source; the number of its row of stored connections.
    fn coordinates(&mut self, address: &Bits, group: usize, entry: &EntryFormat) -> Bits {
        if entry.pointer > 0 {
            let first = Bits::unsigned(self.first_pointer(group) as u64, entry.place());
            let address = self.m.zext(address, entry.place());
            return self.m.add(&address, &first);
        }
        let input = self.stage.groups[group].synapses[0].input;
        let limit = input.step_len() as u64;
        let (w, h) = (input.w as u64, input.h as u64);
        let m = &mut self.m;
        // Both quotients are of the address itself, so that no product waits for another.
        let position = quotient(m, address, w, limit);
        let channel = quotient(m, address, w * h, limit);
        let column = remainder(m, address, &position, w, limit);
        let row = remainder(m, &position, &channel, h, limit.div_ceil(w));
        let (column, row) = (m.zext(&column, entry.column), m.zext(&row, entry.row));
        let channel = m.zext(&channel, entry.channel);
        m.join(&[column, row, channel])
    }
}

/// Outputs of the incoming interface.
pub struct Head {
    /// Head flit.
    pub flit: Bits,
    /// Events taken of it.
    pub taken: Bits,
    /// An event is taken in this cycle.
    pub take_event: Bits,
    /// The packet's last.
    pub take_last: Bits,
    /// An end token is taken.
    pub take_end: Bits,
    /// A credit is taken.
    pub take_credit: Bits,
}

const _: () = assert!(KIND_EVENTS == 0 && KIND_END == 1, "the incoming interface knows these kinds");
