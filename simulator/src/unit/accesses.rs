//! Which arrays of a core's memories its units access in which cycle, for the log of accesses.

use super::control::Sweep;
use super::core::Core;
use super::sweep_counts::SweepCounts;
use super::synapse_engine::BeatAccess;
use super::update_engine::PIPELINE_CYCLES;
use crate::accesses::AccessLog;
use crate::context::Context;
use crate::prepare::synapse::{Connect, SynapsePlan};
use crate::run::{Span, SpanKind};
use pulvinar_ir::counts::Memory;
use pulvinar_ir::{Activity, Strategy};

/// Stages of the sweep's pipeline in which a word is read, kept as a frame and written back.
const READ_STAGE: usize = 0;
const FRAME_STAGE: usize = 1;
const WRITE_STAGE: usize = PIPELINE_CYCLES as usize - 1;

/// Frame slots of a stage that spills to external memory.
const SLOTS: usize = 2;

impl Core<'_> {
    /// The log of this core's accesses, where one is kept.
    pub(super) fn accesses<'l, F>(&self, cx: &'l mut Context<'_, '_, F>) -> Option<AccessLog<'l>> {
        cx.log.accesses.as_mut().map(|all| AccessLog { all, core: self.plan.core })
    }

    /// Arrays that the attention engine reads or writes side by side, one word each.
    fn side_by_side<F>(cx: &Context<'_, '_, F>) -> usize {
        let core = &cx.machine.program.arch.core;
        (core.attention_lanes as usize).div_ceil(core.lanes as usize)
    }

    /// An access in this cycle of a memory of one array.
    pub(super) fn log_access<F>(&self, cx: &mut Context<'_, '_, F>, memory: Memory, write: bool) {
        let now = cx.now;
        if let Some(mut log) = self.accesses(cx) {
            log.push(memory, 0, now, write);
        }
    }

    /// Pointers of an event's rows, one array a synapse.
    pub(super) fn log_pointers<F>(&self, cx: &mut Context<'_, '_, F>, pointers: u64) {
        let now = cx.now;
        if let Some(mut log) = self.accesses(cx) {
            (0..pointers as usize).for_each(|synapse| log.read(Memory::Pointer, synapse, now));
        }
    }

    /// The beat that issues in this cycle: it reads its word now and writes it two cycles later.
    pub(super) fn log_beat<F>(&self, cx: &mut Context<'_, '_, F>, beat: Option<&BeatAccess>) {
        let (now, banks) = (cx.now, cx.machine.program.arch.core.accumulator_banks as usize);
        let (Some(mut log), Some(beat)) = (self.accesses(cx), beat) else { return };
        for bank in &beat.banks {
            log.read(Memory::Accumulator, beat.buffer * banks + bank, now);
            log.write(Memory::Accumulator, beat.buffer * banks + bank, now + 2);
        }
        if beat.weighted {
            log.read(Memory::Weight, 0, now);
        }
    }

    /// A statistic that has arrived, combined in the memory of arrivals, an array behind those of the taps.
    pub(super) fn log_arrival<F>(&self, cx: &mut Context<'_, '_, F>, taps: usize) {
        let (now, wide) = (cx.now, Self::side_by_side(cx));
        if let Some(mut log) = self.accesses(cx) {
            log.read(Memory::Statistics, taps * wide, now);
            log.write(Memory::Statistics, taps * wide, now + 1);
        }
    }

    /// Statistics on their way to the home, a word every `lanes` events from cycle `from` on.
    pub(super) fn log_list<F>(&self, cx: &mut Context<'_, '_, F>, from: u64, words: u64) {
        let lanes = u64::from(cx.machine.program.arch.core.lanes);
        if let Some(mut log) = self.accesses(cx) {
            (0..words).for_each(|j| log.read(Memory::Statistics, 0, from + j * lanes));
        }
    }

    /// A run of the attention engine: statistics read from its start on, gates written up to its finish.
    pub(super) fn log_program<F>(&self, cx: &mut Context<'_, '_, F>, start: u64, read: u64, written: u64) {
        let (now, wide) = (cx.now, Self::side_by_side(cx) as u64);
        let Some(mut log) = self.accesses(cx) else { return };
        for j in 0..read {
            log.read(Memory::Statistics, (j % wide) as usize, start + j / wide);
        }
        let first = now - written.div_ceil(wide);
        for j in 0..written {
            log.write(Memory::Gate, (j % wide) as usize, first + j / wide);
        }
    }

    /// A sweep that ends; its pipeline moves in the cycle before a word enters the encoder.
    pub(super) fn log_sweep<F>(&self, cx: &mut Context<'_, '_, F>, sweep: &Sweep) {
        let banks = cx.machine.program.arch.core.accumulator_banks as usize;
        let (wide, frame_words) = (Self::side_by_side(cx), Self::frame_words(cx));
        let lanes = cx.machine.program.arch.core.lanes as usize;
        let Some(mut log) = self.accesses(cx) else { return };
        let entered = &sweep.cursor.entered;
        // Word w moves out of stage k with move number w + k.
        let moves = |j: usize| match j.checked_sub(WRITE_STAGE) {
            None => sweep.start + j as u64,
            Some(word) => entered[word] - 1,
        };
        let n = SweepCounts::of(&self.plan.region, lanes, self.stage, sweep.id);
        let pass = &self.stage.passes[sweep.id.pass];
        let frames = self.frame_array(sweep.id.step, frame_words);
        for word in 0..entered.len() {
            let [read, frame, write] =
                [READ_STAGE, FRAME_STAGE, WRITE_STAGE].map(|stage| moves(word + stage));
            if let Some(buffer) = sweep.from.buffer {
                let arrays = self.accumulator_arrays(word, banks);
                for array in arrays.map(|bank| buffer * banks + bank) {
                    log.read(Memory::Accumulator, array, read);
                    if !sweep.from.keep {
                        log.write(Memory::Accumulator, array, read + 1);
                    }
                }
                if sweep.from.frame.is_some() {
                    log.write(Memory::Frame, frames, frame);
                }
            } else {
                log.read(Memory::Frame, frames, read);
            }
            if n.state_reads > 0 {
                log.read(Memory::State, 0, read);
            }
            if n.state_writes > 0 {
                log.write(Memory::State, 0, write);
            }
            (0..pass.gate_reads as usize).for_each(|copy| log.read(Memory::Gate, copy * wide, read));
            for tap in 0..pass.taps.len() {
                log.read(Memory::Statistics, tap * wide, write);
                log.write(Memory::Statistics, tap * wide, write + 1);
            }
        }
    }

    /// Banks that a word of the sweep lies in, where events scatter (neighbours of one bank share a row of it); bank 0 for a
    /// word that lies in all of them.
    fn accumulator_arrays(&self, word: usize, banks: usize) -> impl Iterator<Item = usize> {
        let (lanes, channels) = (self.banking.lanes, self.plan.region.channel_count());
        let first = word % channels.div_ceil(lanes) * lanes;
        let scattered = first..channels.min(first + lanes.min(banks));
        let held = if self.scatters() { scattered } else { 0..1 };
        held.map(move |element| element % banks)
    }

    /// True if events reach single elements of the accumulators.
    fn scatters(&self) -> bool {
        let stored = |s: &SynapsePlan<'_>| matches!(s.kind, Connect::Sparse { .. });
        self.stage.groups.iter().any(|g| g.synapses.iter().any(stored))
    }

    fn frame_array(&self, step: usize, wide: usize) -> usize {
        if self.stage.stage.strategy == Strategy::SpillDram {
            step % SLOTS * wide
        } else {
            0
        }
    }

    /// A frame has been moved between its slot and external memory since cycle `start`: read, or written as it `arrived`.
    pub(super) fn moved_frame<F>(&self, cx: &mut Context<'_, '_, F>, step: usize, start: u64, arrived: bool) {
        let (stage, core, words) = (self.plan.stage as u32, self.plan.core, self.plan.words);
        let moved = if arrived { Activity::FrameWrite } else { Activity::FrameRead };
        cx.log.count(self.plan.stage, step, moved, words as u64);
        let end = cx.now + 1;
        cx.log.span(Span { start, end, stage, core, kind: SpanKind::Dma { step: step as u32 } });
        let wide = Self::frame_words(cx);
        let array = self.frame_array(step, wide);
        let (rows, cycles) = (words.div_ceil(wide) as u64, end - start);
        let Some(mut log) = self.accesses(cx) else { return };
        for word in 0..words {
            let cycle = start + (word / wide) as u64 * cycles / rows;
            log.push(Memory::Frame, array + word % wide, cycle, arrived);
        }
    }

    /// Words of a frame that lie side by side, because a flit holds so many.
    fn frame_words<F>(cx: &Context<'_, '_, F>) -> usize {
        let arch = &cx.machine.program.arch;
        arch.noc.payload_bits.div_ceil(arch.word_bits(Memory::Frame)) as usize
    }
}
