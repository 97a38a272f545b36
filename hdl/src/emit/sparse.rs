//! The synapse side of a slice with stored connections: row pointers, connection memory, banked accumulator.

use super::core::{number, CoreBuilder};
use super::decode::EntryFormat;
use super::synapse::{target_buffer, SweepRead, SynapseSide, Taken};
use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_simulator::prepare::sparse::{target, weight, Banking, SparseImage};
use pulvinar_simulator::prepare::synapse::Image;

/// Contents of the memories of a slice with stored connections.
struct Connections {
    /// A row for every event: first beat, and whether there is one; by group, then source.
    pointers: Vec<(usize, bool)>,
    /// Beats.
    beats: Vec<Beat>,
}

/// A word of the connection memory.
#[derive(Default)]
struct Beat {
    /// Target and weight.
    connections: Vec<(usize, i32)>,
    /// The row ends.
    last: bool,
    /// The row has more beats than its connections fill lanes, this one among them.
    conflict: bool,
}

/// Sizes of the memories.
struct Sizes {
    banks: usize,
    rows: usize,
    row: u32,
    weight: u32,
    address: u32,
}

impl CoreBuilder<'_> {
    fn sparse_images(&self, group: usize) -> impl Iterator<Item = &SparseImage> {
        self.plan.images[group].iter().filter_map(|i| match i {
            Image::Sparse(sparse) => Some(sparse),
            Image::Taps(_) => None,
        })
    }

    /// True if the slice's connections are stored one by one.
    pub(super) fn is_sparse(&self) -> bool {
        self.plan.images.iter().flatten().any(|i| matches!(i, Image::Sparse(_)))
    }

    /// Sources of a group.
    fn sources(&self, group: usize) -> usize {
        self.graph().node(self.stage.groups[group].source).ty.shape.step_len()
    }

    /// Number of a group's first row pointer; of the group behind the last, the number of pointers.
    pub(super) fn first_pointer(&self, group: usize) -> usize {
        (0..group).map(|g| self.sources(g)).sum()
    }

    /// Bits of a row pointer; none without stored connections.
    pub(super) fn pointer_bits(&self) -> u32 {
        if self.is_sparse() {
            1 + index_bits(self.connections().beats.len())
        } else {
            0
        }
    }

    fn connections(&self) -> Connections {
        let arch = &self.machine().program.arch.core;
        let banking = Banking { lanes: self.lanes(), banks: arch.accumulator_banks as usize };
        let (mut pointers, mut beats) = (Vec::new(), Vec::<Beat>::new());
        for group in 0..self.stage.groups.len() {
            for source in 0..self.sources(group) {
                let first = beats.len();
                for image in self.sparse_images(group) {
                    let Some((number, _)) = image.row(source as u32) else { continue };
                    let row = image.synapses(number).0;
                    let (mut at, before) = (0, beats.len());
                    while at < row.len() {
                        let end = banking.beat_end(row, at);
                        let connections = row[at..end].iter().map(|&s| (target(s), weight(s))).collect();
                        let conflict = beats.len() - before >= row.len().div_ceil(banking.lanes);
                        beats.push(Beat { connections, last: false, conflict });
                        at = end;
                    }
                }
                let any = beats.len() > first;
                if let Some(beat) = beats.last_mut().filter(|_| any) {
                    beat.last = true;
                }
                pointers.push((first, any));
            }
        }
        Connections { pointers, beats }
    }

    /// The pointer of the oldest entry of the event queue.
    pub(super) fn pointer_queue(
        &mut self,
        entry: &EntryFormat,
        (push, pushed): (&Bits, &Bits),
        pop: &Bits,
    ) -> Bits {
        let connections = self.connections();
        let address = entry.pointer - 1;
        let words: Vec<Vec<Bits>> = connections
            .pointers
            .iter()
            .map(|&(first, any)| {
                let first = if any { first } else { 0 };
                vec![Bits::unsigned(u64::from(any), 1), Bits::unsigned(first as u64, address)]
            })
            .collect();
        let file = self.image(&format!("core{}_rows", self.plan.core), &words);
        let split = entry.split(&mut self.m, pushed);
        let bits = index_bits(words.len());
        let index = self.m.zext(&split.flat, bits);
        let pointer = self.m.wire("queue_pointer", entry.pointer);
        let parameters = [
            ("WIDTH", number(entry.pointer as usize)),
            ("DEPTH", number(self.machine().program.arch.core.queue_events as usize)),
            ("WORDS", number(words.len())),
            ("ADDR_BITS", number(bits as usize)),
            ("FILE", Parameter::Text(file)),
        ];
        let inputs = [("push", push.clone()), ("index", index), ("pop", pop.clone())];
        self.add("pointer_queue", "pointers", &parameters, &inputs, &[("pointer", pointer.clone())]);
        pointer
    }

    fn sparse_sizes(&self, connections: &Connections) -> Sizes {
        let banks = self.lanes().max(self.machine().program.arch.core.accumulator_banks as usize);
        let rows = (self.plan.words * self.lanes()).div_ceil(banks);
        let all = || connections.beats.iter().flat_map(|b| b.connections.iter().map(|&(_, w)| i64::from(w)));
        let weight = all().map(|w| super::format::signed_bits(w, w)).max().unwrap_or(1);
        Sizes { banks, rows, row: index_bits(rows), weight, address: index_bits(connections.beats.len()) }
    }

    /// Builds the synapse side.
    pub(super) fn sparse_side(
        &mut self,
        entry: &EntryFormat,
        taken: &Taken,
        sweep: &SweepRead,
    ) -> SynapseSide {
        let connections = self.connections();
        let sizes = self.sparse_sizes(&connections);
        let (banks, rows) = (sizes.banks as u32, sizes.banks as u32 * sizes.row);
        let split = entry.split(&mut self.m, &taken.entry);
        let pointer = self.m.slice(&taken.entry, entry.bits(), entry.pointer);
        let [start, advance, pending, last, conflict] = ["start", "advance", "pending", "last", "conflict"]
            .map(|n| self.m.wire(&format!("connections_{n}"), 1));
        let row_net = self.m.wire("connections_rows", rows);
        let mask = self.m.wire("connections_mask", banks);
        let weights = self.m.wire("connections_weights", banks * sizes.weight);
        let file = self.connection_image(&connections, &sizes);
        let parameters = [
            ("BANKS", number(sizes.banks)),
            ("ROW_BITS", number(sizes.row as usize)),
            ("WEIGHT_BITS", number(sizes.weight as usize)),
            ("WORDS", number(connections.beats.len().max(1))),
            ("ADDR_BITS", number(sizes.address as usize)),
            ("FILE", Parameter::Text(file)),
        ];
        let inputs = [
            ("start", start.clone()),
            ("any", self.m.bit(&pointer, 0)),
            ("first", self.m.slice(&pointer, 1, entry.pointer - 1)),
            ("advance", advance.clone()),
        ];
        let outputs = [
            ("pending", pending.clone()),
            ("beat_last", last.clone()),
            ("conflict", conflict.clone()),
            ("rows", row_net.clone()),
            ("mask", mask.clone()),
            ("weights", weights.clone()),
        ];
        self.add("sparse_source", "connections", &parameters, &inputs, &outputs);
        let buffer = target_buffer(&mut self.m, &split.target, self.buffers);
        let inputs = [
            ("take", taken.take.clone()),
            ("take_generators", Bits::one()),
            ("take_buffer", buffer),
            ("take_value", split.value),
            ("pending", pending),
            ("last", last),
            ("acc_addr", row_net),
            ("weight_addr", Bits::zero()),
            ("lane_mask", mask),
        ];
        let mut side = self.banked_engine(&sizes, entry.value, (&inputs, &start, &advance), &weights, sweep);
        let lost = self.m.and(&side.beat, &conflict);
        side.stalled = self.m.or(&side.stalled, &lost);
        side
    }

    fn connection_image(&mut self, connections: &Connections, sizes: &Sizes) -> String {
        let slot = |found: Option<&(usize, i32)>| {
            let (row, weight) = found.map_or((0, 0), |&(t, w)| (t / sizes.banks, w));
            [
                Bits::signed(weight.into(), sizes.weight),
                Bits::unsigned(row as u64, sizes.row),
                Bits::unsigned(u64::from(found.is_some()), 1),
            ]
        };
        let nothing = Beat::default();
        let beats = connections.beats.iter().chain(connections.beats.is_empty().then_some(&nothing));
        let words: Vec<Vec<Bits>> = beats
            .map(|beat| {
                let of_bank = |b: usize| beat.connections.iter().find(|c| c.0 % sizes.banks == b);
                let marks = [beat.last, beat.conflict].map(|mark| Bits::unsigned(u64::from(mark), 1));
                (0..sizes.banks).flat_map(|b| slot(of_bank(b))).chain(marks).collect()
            })
            .collect();
        self.image(&format!("core{}_connections", self.plan.core), &words)
    }

    /// Engine and accumulator.
    fn banked_engine(
        &mut self,
        sizes: &Sizes,
        value: u32,
        (inputs, start, advance): (&[(&str, Bits)], &Bits, &Bits),
        weights: &Bits,
        sweep: &SweepRead,
    ) -> SynapseSide {
        let (banks, rows) = (sizes.banks as u32, sizes.banks as u32 * sizes.row);
        let mut net = |name: &str, width: u32| self.m.wire(&format!("engine_{name}"), width);
        let outputs = [
            ("free", net("free", 1)),
            ("start", start.clone()),
            ("advance", advance.clone()),
            ("beat_valid", net("beat_valid", 1)),
            ("beat_buffer", net("beat_buffer", 1)),
            ("beat_addr", net("beat_addr", rows)),
            ("beat_weight_addr", net("beat_weight_addr", 1)),
            ("beat_mask", net("beat_mask", banks)),
            ("beat_value", net("beat_value", value)),
            ("beat_weighted", net("beat_weighted", 1)),
            ("busy", net("busy", 1)),
            ("busy_buffer", net("busy_buffer", 1)),
            ("recent", net("recent", self.buffers as u32)),
            ("stalled", net("stalled", 1)),
        ];
        let parameters = [
            ("GENERATORS", number(1)),
            ("LANES", number(sizes.banks)),
            ("ACC_ADDR_BITS", number(rows as usize)),
            ("WEIGHT_ADDR_BITS", number(1)),
            ("VALUE_BITS", number(value as usize)),
            ("BUFFERS", number(self.buffers)),
            ("HAZARD_STALL", number(usize::from(self.machine().stall))),
            ("BANKED", number(1)),
        ];
        self.add("synapse_engine", "engine", &parameters, inputs, &outputs);
        let [free, _, _, beat, buffer, address, _, mask, value_net, _, busy, busy_buffer, recent, stalled] =
            outputs.map(|(_, b)| b);
        let acc_bits = self.acc_bits();
        let data = self.m.wire("accumulator_data", self.lanes() as u32 * acc_bits);
        let graded = self.stage.groups.iter().any(|g| !g.binary);
        let parameters = [
            ("LANES", number(self.lanes())),
            ("BANKS", number(sizes.banks)),
            ("ACC_BITS", number(acc_bits as usize)),
            ("WEIGHT_BITS", number(sizes.weight as usize)),
            ("VALUE_BITS", number(value as usize)),
            ("ROWS", number(sizes.rows)),
            ("ROW_BITS", number(sizes.row as usize)),
            ("WORD_BITS", number(sweep.word.width() as usize)),
            ("BUFFERS", number(self.buffers)),
            ("GRADED", number(usize::from(graded))),
            ("FORWARD", number(usize::from(!self.machine().stall))),
        ];
        let inputs = [
            ("beat_valid", beat.clone()),
            ("beat_buffer", buffer),
            ("beat_rows", address),
            ("beat_mask", mask.clone()),
            ("beat_value", value_net),
            ("weights", weights.clone()),
            ("sweep_ren", sweep.enable.clone()),
            ("sweep_buffer", sweep.buffer.clone()),
            ("sweep_addr", sweep.word.clone()),
            ("clear", self.clear.clone()),
            ("clear_addr", self.clear_address(sizes.row)),
        ];
        self.add("banked_accumulator", "accumulator", &parameters, &inputs, &[("sweep_data", data.clone())]);
        SynapseSide {
            free,
            busy,
            busy_buffer,
            recent,
            stalled,
            beat,
            beat_mask: mask,
            sweep_data: data,
            acc_bits,
        }
    }
}
