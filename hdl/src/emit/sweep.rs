//! The sweep of a core: memories, lanes' arithmetic, stage by stage.
//!
//! A word is read in stage 0 and its values lie in stages 1 to 5; the encoder takes them at the end of stage 5. Every
//! elementwise operation of a pass has a stage; values are carried on by registers that move with the pipeline.

use super::attend::AttentionSide;
use super::control::ControlNets;
use super::core::{number, CoreBuilder};
use super::format::{value_bits, Slot};
use super::lanes::{self, MembraneWrite};
use super::synapse::{target_buffer, SweepRead, SynapseSide};
use crate::netlist::{index_bits, Bits};
use pulvinar_simulator::prepare::sweep::{Element, Operand, PassPlan, Step};

/// Stages in which arithmetic may lie.
pub(super) const LAST_STAGE: usize = 5;

/// Nets of the update engine.
pub struct Stages {
    /// Moves at the end of this cycle.
    pub advance: Bits,
    /// Step of the sweep.
    pub step: Bits,
    /// Pass of the sweep.
    pub pass: Bits,
    /// Valid, word, row, column, block of each stage.
    pub places: Vec<Place>,
}

/// A stage of the sweep pipeline.
#[derive(Clone)]
pub struct Place {
    /// There is a word.
    pub valid: Bits,
    /// It is the last of the sweep.
    pub last: Bits,
    /// Word.
    pub word: Bits,
    /// Row in the slice.
    pub row: Bits,
    /// Column.
    pub column: Bits,
    /// Block of channels.
    pub block: Bits,
}

/// What the sweep gives to the way out.
pub struct SweepSide {
    /// The sweep's last word leaves.
    pub end: Bits,
    /// The same, of a sweep whose values somebody takes.
    pub finish: Bits,
    /// An event is on offer.
    pub offer: Bits,
    /// Its address.
    pub address: Bits,
    /// Its value.
    pub value: Bits,
    /// The offer is accepted (to be joined).
    pub accepted: Bits,
    /// Packer busy or a list on (to be joined).
    pub blocked: Bits,
    /// Step of the sweep.
    pub step: Bits,
    /// A cycle is lost.
    pub refusal: Bits,
}

/// Values of all lanes, valid in one stage.
#[derive(Clone)]
pub struct Lanes {
    /// One value a lane.
    pub values: Vec<Bits>,
    /// Stage in which they are valid.
    pub stage: usize,
}

impl CoreBuilder<'_> {
    /// Nets of the accumulator's read port.
    pub(super) fn sweep_read(&mut self) -> SweepRead {
        SweepRead {
            enable: self.m.wire("sweep_ren", 1),
            keep: self.m.wire("sweep_keep", 1),
            buffer: self.m.wire("sweep_buffer", 1),
            word: self.m.wire("sweep_word", index_bits(self.plan.words)),
        }
    }

    fn update_engine(&mut self, control: &ControlNets, advance: &Bits) -> (Stages, Bits) {
        let region = &self.plan.region;
        let rows = region.rows[1] - region.rows[0];
        let shape = self.stage.shape;
        let bits = [self.plan.words, rows, region.columns, self.plan.blocks].map(index_bits);
        let address = self.event_slot().address;
        let first = (region.channels[0] * shape.h + region.rows[0]) * shape.w;
        let (step_bits, pass_bits) = (self.format().step, self.format().pass);
        let parameters = [
            ("ROWS", number(rows)),
            ("COLUMNS", number(region.columns)),
            ("BLOCKS", number(self.plan.blocks)),
            ("WORD_BITS", number(bits[0] as usize)),
            ("ROW_BITS", number(bits[1] as usize)),
            ("COLUMN_BITS", number(bits[2] as usize)),
            ("BLOCK_BITS", number(bits[3] as usize)),
            ("STEP_BITS", number(step_bits as usize)),
            ("PASS_BITS", number(pass_bits as usize)),
            ("ADDRESS_BITS", number(address as usize)),
            ("ADDRESS_FIRST", number(first)),
            ("BLOCK_STRIDE", number(self.lanes() * shape.h * shape.w)),
        ];
        let inputs = [
            ("start", control.start.clone()),
            ("start_pass", control.pass.clone()),
            ("start_step", control.step.clone()),
            ("advance", advance.clone()),
        ];
        let widths = [
            ("pass", pass_bits),
            ("step", step_bits),
            ("active", 1),
            ("stage_valid", 6),
            ("stage_last", 6),
            ("stage_word", 6 * bits[0]),
            ("stage_row", 6 * bits[1]),
            ("stage_column", 6 * bits[2]),
            ("stage_block", 6 * bits[3]),
            ("encode_address", address),
        ];
        let outputs = widths.map(|(n, w)| (n, self.m.wire(&format!("update_{n}"), w)));
        self.add("update_engine", "update", &parameters, &inputs, &outputs);
        let [pass, step, _, valid, last, word, row, column, block, encode] = outputs.map(|(_, b)| b);
        let m = &mut self.m;
        let places = (0..6)
            .map(|k| Place {
                valid: m.bit(&valid, k),
                last: m.bit(&last, k),
                word: m.slice(&word, k * bits[0], bits[0]),
                row: m.slice(&row, k * bits[1], bits[1]),
                column: m.slice(&column, k * bits[2], bits[2]),
                block: m.slice(&block, k * bits[3], bits[3]),
            })
            .collect();
        (Stages { advance: advance.clone(), step, pass, places }, encode)
    }

    /// Enable of a memory read whose data belong to stage `stage`.
    fn read_enable(&mut self, at: &Stages, stage: usize) -> Bits {
        self.m.and(&at.places[stage - 1].valid, &at.advance)
    }

    /// A word is in stage `stage` for the last time in this cycle.
    pub(super) fn leaves(&mut self, at: &Stages, stage: usize) -> Bits {
        self.m.and(&at.places[stage].valid, &at.advance)
    }

    /// Values of a later stage.
    pub(super) fn carry(&mut self, at: &Stages, lanes: &Lanes, stage: usize, name: &str) -> Lanes {
        let mut values = lanes.values.clone();
        for k in lanes.stage..stage {
            let carried = |(l, v): (usize, Bits)| {
                self.m.delayed(&format!("{name}_s{}_l{l}", k + 1), v, Some(at.advance.clone()))
            };
            values = values.into_iter().enumerate().map(carried).collect();
        }
        Lanes { values, stage: stage.max(lanes.stage) }
    }

    /// Constants per channel as lanes of a stage: fixed ones, or looked up by the block.
    pub(super) fn per_channel(&mut self, values: &[i64], width: u32, at: &Stages, stage: usize) -> Vec<Bits> {
        let lanes = self.lanes();
        let first = self.plan.region.channels[0];
        let count = self.plan.region.channel_count();
        let value = |block: usize, lane: usize| {
            let c = block * lanes + lane;
            // Lanes beyond the last channel repeat it; nothing of theirs is used.
            values[first + c.min(count - 1)]
        };
        let blocks = self.plan.blocks;
        (0..lanes)
            .map(|lane| {
                let column: Vec<i64> = (0..blocks).map(|b| value(b, lane)).collect();
                if column.iter().all(|&v| v == column[0]) {
                    return Bits::signed(column[0], width);
                }
                let data = column.iter().map(|&v| Bits::signed(v, width)).collect();
                let index = at.places[stage].block.clone();
                self.lookup(&format!("channel_constant_s{stage}"), width, data, index)
            })
            .collect()
    }

    /// Lanes of the word in a stage that hold a channel.
    pub(super) fn held_lanes(&mut self, at: &Stages, stage: usize) -> Vec<Bits> {
        let (lanes, count) = (self.lanes(), self.plan.region.channel_count());
        let used = count - (self.plan.blocks - 1) * lanes;
        let last = self.plan.blocks - 1;
        let inner = if last == 0 {
            Bits::zero()
        } else {
            let is_last = self.m.is(&at.places[stage].block, last as u64);
            self.m.not(&is_last)
        };
        (0..lanes).map(|l| if l < used { Bits::one() } else { inner.clone() }).collect()
    }

    /// Builds update engine, lanes and encoder.
    pub(super) fn sweep(
        &mut self,
        control: &ControlNets,
        side: &SynapseSide,
        attention: &AttentionSide,
        read: &SweepRead,
    ) -> SweepSide {
        let advance = self.m.wire("advance", 1);
        let (at, encode_address) = self.update_engine(control, &advance);
        let current = self.currents(&at, side, read, control);
        let membranes = self.membranes(&at);
        let passes = self.stage.passes.len();
        let mut output = None;
        for p in 0..passes {
            let pass = &self.stage.passes[p];
            let is_pass = self.m.is(&at.pass, p as u64);
            let registers = self.pass_values(&at, p, pass, (&current, membranes.as_ref()), attention);
            self.folds(&at, p, pass, &registers, &is_pass, attention);
            if let Some(register) = pass.output {
                output = Some((registers[register].clone(), is_pass));
            }
        }
        let (values, emits) = output.expect("invariant: the last pass has an output");
        self.encode(&at, &advance, (values, emits), encode_address)
    }

    /// Accumulators or frames, with the bias, in stage 1.
    fn currents(
        &mut self,
        at: &Stages,
        side: &SynapseSide,
        read: &SweepRead,
        control: &ControlNets,
    ) -> Lanes {
        let enable = self.read_enable(at, 1);
        let first_pass = self.m.is(&at.pass, 0);
        let every_pass = self.stage.accumulates(self.stage.last_pass());
        let sums = if every_pass { Bits::one() } else { first_pass.clone() };
        let reads_sums = self.m.and(&enable, &sums);
        let keep = if self.stage.keeps(0) {
            let last_pass = self.m.is(&at.pass, self.stage.last_pass() as u64);
            self.m.not(&last_pass)
        } else {
            Bits::zero()
        };
        self.join_nets(&read.keep, &keep);
        self.join_nets(&read.enable, &reads_sums);
        let buffer = target_buffer(&mut self.m, &at.step, self.buffers);
        self.join_nets(&read.buffer, &buffer);
        self.join_nets(&read.word, &at.places[0].word.clone());
        let (lanes, bits, mut data) = (self.lanes(), side.acc_bits, side.sweep_data.clone());
        if self.stage.spills() {
            let words = self.plan.words;
            let frames = self.stage.frames(self.machine().steps) * words;
            let frame = if self.stage.ahead() > 0 { control.slot.clone() } else { at.step.clone() };
            let address = |b: &mut Self, place: &Place| {
                let width = index_bits(frames) + 1;
                let first = lanes::scaled(&mut b.m, &frame, words as u64, width);
                let word = b.m.zext(&place.word, width);
                let sum = b.m.add(&first, &word);
                b.m.zext(&sum, index_bits(frames))
            };
            let (from, to) = (address(self, &at.places[0]), address(self, &at.places[1]));
            let later = self.m.not(&first_pass);
            let reads = self.m.and(&enable, &later);
            let moves = self.leaves(at, 1);
            let writes = self.m.and(&moves, &first_pass);
            let frame = self.ram(
                "frame_buffer",
                (lanes as u32 * bits, frames),
                (reads, from),
                (writes, to, data.clone()),
            );
            data = self.m.mux(&first_pass, &data, &frame);
        }
        let width = self.current_bits();
        let biases = self.stage.bias.clone();
        let bias = self.per_channel(&biases, width, at, 1);
        let values = (0..lanes)
            .map(|l| {
                let raw = self.m.slice(&data, l as u32 * bits, bits);
                let wide = self.m.sext(&raw, width);
                self.m.add(&wide, &bias[l])
            })
            .collect();
        Lanes { values, stage: 1 }
    }

    /// Registers of a pass: the current, then the result of every operation.
    fn pass_values(
        &mut self,
        at: &Stages,
        p: usize,
        pass: &PassPlan<'_>,
        (current, membranes): (&Lanes, Option<&(Lanes, MembraneWrite)>),
        attention: &AttentionSide,
    ) -> Vec<Lanes> {
        let light = |e: &Element<'_>| {
            let by_step = matches!(e, Element::Pulse | Element::Hold);
            by_step || matches!(e, Element::Relu | Element::Add | Element::Fire(_))
        };
        let heavy = |e: &Element<'_>| !light(e);
        let total = pass.steps.iter().filter(|s| heavy(&s.op)).count();
        // Products of one stage; one as long as there are stages enough.
        let share = total.div_ceil(LAST_STAGE - 1).max(1);
        let mut registers = vec![current.clone()];
        let mut in_stage = [0; LAST_STAGE + 1];
        let mut port = 0;
        for (i, step) in pass.steps.iter().enumerate() {
            let name = format!("p{p}_{i}");
            let source = |o: &Operand, registers: &[Lanes]| match o {
                Operand::Register(r) => registers[*r].stage,
                Operand::State | Operand::Gate { .. } => 1,
            };
            let mut stage = step.operands.iter().map(|o| source(o, &registers)).max().unwrap_or(1);
            if heavy(&step.op) {
                if step.op.keeps_state() {
                    stage = stage.max(2);
                }
                while stage < LAST_STAGE && in_stage[stage] >= share {
                    stage += 1;
                }
                in_stage[stage] += 1;
            }
            let known = (&registers[..], membranes.map(|m| &m.0));
            let operands = self.operands(at, (p, step, &name), known, (stage, &mut port), attention);
            let id = self.stage.stage.passes[p].elementwise[i];
            let width = value_bits(self.graph(), id);
            let values = match &step.op {
                Element::Lif(lif) => self.neuron(at, id, lif, &operands[0], stage),
                Element::Fire(lif) => self.firing(at, lif, &operands[0], stage),
                Element::Pulse => self.pulsed(at, &operands[0], width),
                Element::Hold => self.held(at, &operands[0], width, stage),
                Element::Table(table, lo) => self.looked_up((table, *lo), &operands[0], width),
                Element::Radix(train) => self.radix(at, id, train, &operands[0], stage),
                Element::Accumulate(sum) => self.accumulate(at, id, sum, &operands[0], stage),
                op => (0..self.lanes())
                    .map(|l| lanes::element(&mut self.m, op, &operands[0][l], &operands[1][l], width))
                    .collect(),
            };
            if let (Element::Carry(_), Some((_, write))) = (&step.op, membranes) {
                self.write_membranes(at, write, &values, stage);
            }
            registers.push(Lanes { values, stage });
        }
        registers
    }

    /// Operands of an operation in its stage, twice the same where it has one.
    fn operands(
        &mut self,
        at: &Stages,
        (p, step, name): (usize, &Step<'_>, &str),
        (registers, membranes): (&[Lanes], Option<&Lanes>),
        (stage, port): (usize, &mut usize),
        attention: &AttentionSide,
    ) -> [Vec<Bits>; 2] {
        let unary = step.operands[0] == step.operands[1];
        let mut operands = Vec::new();
        for operand in &step.operands[..if unary { 1 } else { 2 }] {
            operands.push(match operand {
                Operand::Register(r) => {
                    let register = registers[*r].clone();
                    self.carry(at, &register, stage, &format!("{name}_in{r}")).values
                }
                Operand::State => {
                    let state = membranes.expect("invariant: a stage that reads a membrane carries one on");
                    self.carry(at, &state.clone(), stage, &format!("{name}_membrane")).values
                }
                Operand::Gate { base, shape } => {
                    let read = (*port, *base, *shape);
                    let (values, ports) = self.gate_operand(at, p, read, stage, attention);
                    *port += ports;
                    values
                }
            });
        }
        let second = operands.pop().unwrap_or_default();
        let first = operands.pop().unwrap_or_else(|| second.clone());
        [first, second]
    }

    /// Lanes that have an event, and all values, of the word that goes to the encoder.
    fn word_values(&mut self, at: &Stages, output: &Lanes, slot: Slot) -> (Bits, Bits) {
        let lanes = self.carry(at, output, LAST_STAGE, "output");
        let held = self.held_lanes(at, LAST_STAGE);
        let value_width = slot.value.max(1);
        let (mut fired, mut values) = (Vec::new(), Vec::new());
        for (lane, value) in lanes.values.iter().enumerate() {
            let zero = Bits::unsigned(0, value.width());
            let is_zero = self.m.eq(value, &zero);
            let some = self.m.not(&is_zero);
            fired.push(self.m.and(&some, &held[lane]));
            values.push(if slot.value == 0 { Bits::one() } else { self.m.sext(value, value_width) });
        }
        (self.m.join(&fired), self.m.join(&values))
    }

    fn encode(
        &mut self,
        at: &Stages,
        advance: &Bits,
        (output, emits): (Lanes, Bits),
        address: Bits,
    ) -> SweepSide {
        let slot = self.event_slot();
        let (fired, values) = self.word_values(at, &output, slot);
        let value_width = slot.value.max(1);
        let silent = if self.plan.events.is_some() { self.m.not(&emits) } else { Bits::one() };
        let shape = self.stage.shape;
        let parameters = [
            ("LANES", number(self.lanes())),
            ("VALUE_BITS", number(value_width as usize)),
            ("ADDRESS_BITS", number(slot.address as usize)),
            ("PLANE", number(shape.h * shape.w)),
        ];
        let side = SweepSide {
            end: self.m.wire("sweep_end", 1),
            finish: self.m.wire("encoder_finish", 1),
            offer: self.m.wire("encoder_offer", 1),
            address: self.m.wire("encoder_address", slot.address),
            value: self.m.wire("encoder_value", value_width),
            accepted: self.m.wire("encoder_accepted", 1),
            blocked: self.m.wire("encoder_blocked", 1),
            step: at.step.clone(),
            refusal: self.m.wire("encoder_refusal", 1),
        };
        let last = &at.places[LAST_STAGE];
        let inputs = [
            ("word_valid", last.valid.clone()),
            ("word_last", last.last.clone()),
            ("word_silent", silent),
            ("word_fired", fired),
            ("word_values", values),
            ("word_address", address),
            ("blocked", side.blocked.clone()),
            ("accepted", side.accepted.clone()),
        ];
        let busy = self.m.wire("encoder_busy", 1);
        let outputs = [
            ("advance", advance.clone()),
            ("offer_valid", side.offer.clone()),
            ("offer_address", side.address.clone()),
            ("offer_value", side.value.clone()),
            ("refusal", side.refusal.clone()),
            ("sweep_end", side.end.clone()),
            ("finish", side.finish.clone()),
            ("busy", busy),
        ];
        self.add("encoder", "encoder", &parameters, &inputs, &outputs);
        side
    }
}
