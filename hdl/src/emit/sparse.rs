//! The synapse side of a slice with stored connections: row pointers, connection memory, banked accumulator.

use super::connections::{Connections, Sizes};
use super::core::{number, CoreBuilder};
use super::decode::EntryFormat;
use super::synapse::{target_buffer, SweepRead, SynapseSide, Taken};
use crate::netlist::{index_bits, Bits, Parameter};
use pulvinar_simulator::prepare::sparse::Banking;
use pulvinar_simulator::prepare::synapse::Image;
use std::rc::Rc;

impl CoreBuilder<'_> {
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
        self.connections.as_ref().map_or(0, |c| c.pointer_bits())
    }

    /// Lanes and banks as the architecture gives them.
    fn banking(&self) -> Banking {
        let banks = self.machine().program.arch.core.accumulator_banks as usize;
        Banking { lanes: self.lanes(), banks }
    }

    /// The memories of a slice whose connections are stored one by one.
    pub(super) fn stored_connections(&self) -> Option<Rc<Connections>> {
        let sparse = self.plan.images.iter().flatten().any(|i| matches!(i, Image::Sparse(_)));
        let groups = self.plan.images.iter().enumerate().map(|(g, images)| (&images[..], self.sources(g)));
        sparse.then(|| Rc::new(Connections::new(groups, self.banking())))
    }

    /// The pointer of the oldest entry of the event queue.
    pub(super) fn pointer_queue(
        &mut self,
        connections: &Connections,
        entry: &EntryFormat,
        (push, pushed): (&Bits, &Bits),
        pop: &Bits,
    ) -> Bits {
        let words = connections.pointers();
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

    /// Builds the synapse side.
    pub(super) fn sparse_side(
        &mut self,
        connections: &Connections,
        entry: &EntryFormat,
        taken: &Taken,
        sweep: &SweepRead,
    ) -> SynapseSide {
        let sizes = connections.sizes(self.banking(), self.plan.words * self.lanes());
        let (banks, rows) = (sizes.banks as u32, sizes.banks as u32 * sizes.row);
        let split = entry.split(&mut self.m, &taken.entry);
        let pointer = self.m.slice(&taken.entry, entry.bits(), entry.pointer);
        let [start, advance, pending, last, conflict] = ["start", "advance", "pending", "last", "conflict"]
            .map(|n| self.m.wire(&format!("connections_{n}"), 1));
        let row_net = self.m.wire("connections_rows", rows);
        let mask = self.m.wire("connections_mask", banks);
        let weights = self.m.wire("connections_weights", banks * sizes.weight);
        let file = self.image(&format!("core{}_connections", self.plan.core), &connections.words(&sizes));
        let parameters = [
            ("BANKS", number(sizes.banks)),
            ("ROW_BITS", number(sizes.row as usize)),
            ("WEIGHT_BITS", number(sizes.weight as usize)),
            ("WORDS", number(sizes.words)),
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

    /// Engine with its accumulator.
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
        let beats = [beat.clone(), buffer, address, mask.clone(), value_net];
        let data = self.banked_accumulator(sizes, beats, weights, sweep);
        SynapseSide {
            free,
            busy,
            busy_buffer,
            recent,
            stalled,
            beat,
            beat_mask: mask,
            sweep_data: data,
            acc_bits: self.acc_bits(),
        }
    }

    /// Accumulator behind the engine's beat: valid, buffer, rows, mask, value; gives the sweep's data.
    fn banked_accumulator(
        &mut self,
        sizes: &Sizes,
        [beat, buffer, address, mask, value_net]: [Bits; 5],
        weights: &Bits,
        sweep: &SweepRead,
    ) -> Bits {
        let acc_bits = self.acc_bits();
        let value = value_net.width();
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
            ("beat_valid", beat),
            ("beat_buffer", buffer),
            ("beat_rows", address),
            ("beat_mask", mask),
            ("beat_value", value_net),
            ("weights", weights.clone()),
            ("sweep_ren", sweep.enable.clone()),
            ("sweep_keep", sweep.keep.clone()),
            ("sweep_buffer", sweep.buffer.clone()),
            ("sweep_addr", sweep.word.clone()),
            ("clear", self.clear.clone()),
            ("clear_addr", self.clear_address(sizes.row)),
        ];
        self.add("banked_accumulator", "accumulator", &parameters, &inputs, &[("sweep_data", data.clone())]);
        data
    }
}
