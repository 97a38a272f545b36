//! Activity of a sweep, which does not depend on values.

use crate::prepare::sweep::{Element, Operand, PassPlan, StagePlan, SweepId};
use crate::prepare::synapse::Region;
use pulvinar_ir::counts::Row;
use pulvinar_ir::op::lif::Lif;
use pulvinar_ir::Activity;

/// Activity of one sweep.
#[derive(Debug, Clone, Copy, Default)]
pub struct SweepCounts {
    /// Words.
    pub words: u64,
    /// Elements.
    pub elements: u64,
    /// Gate times gate.
    pub gate_products: u64,
    /// Gate times current.
    pub gate_multiplies: u64,
    /// Relu, requantise, table, add.
    pub other: u64,
    /// Multiplications of neurons: leaks and gains.
    pub leaks: u64,
    /// Comparisons with thresholds.
    pub comparisons: u64,
    /// Currents added to membranes and sums over time.
    pub charges: u64,
    /// Membrane words read.
    pub state_reads: u64,
    /// Membrane words written.
    pub state_writes: u64,
}

/// Where a sweep's currents come from and what it does to them.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// They come from the accumulators (else from a frame).
    pub accumulators: bool,
    /// The accumulators are left as they are.
    pub keeps: bool,
    /// The frame is written.
    pub writes_frame: bool,
}

impl SweepCounts {
    /// Activity of a whole sweep, per element and word, that does not depend on values.
    pub fn of(region: &Region, lanes: usize, stage: &StagePlan<'_>, id: SweepId) -> SweepCounts {
        let pass = &stage.passes[id.pass];
        let words = (region.positions() * region.channel_count().div_ceil(lanes)) as u64;
        let elements = region.len() as u64;
        let mut counts = SweepCounts { words, elements, ..SweepCounts::default() };
        for step in &pass.steps {
            let gates = step.operands.iter().filter(|o| matches!(o, Operand::Gate { .. })).count();
            match &step.op {
                Element::Gate(_) if gates == 2 => counts.gate_products += elements,
                Element::Gate(_) => counts.gate_multiplies += elements,
                Element::Lif(lif) => {
                    counts.leaks += elements * multiplies(lif);
                    // The current is one more sum; every threshold is compared.
                    counts.charges += elements * (1 + u64::from(lif.current.is_some()));
                    let thresholds = 1 + lif.higher.len() as u64 + u64::from(lif.negative.is_some());
                    counts.comparisons += elements * thresholds;
                    (counts.state_reads, counts.state_writes) = (words, words);
                }
                Element::Accumulate(_) | Element::Radix(_) => {
                    counts.charges += elements;
                    (counts.state_reads, counts.state_writes) = (words, words);
                }
                Element::Carry(carry) => {
                    counts.leaks += if carry.leak == 1 << carry.leak_shift { 0 } else { elements };
                    counts.state_writes = words;
                }
                Element::Add if step.operands.contains(&Operand::State) => {
                    counts.charges += elements;
                    counts.state_reads = words;
                }
                // Written in the first step, read in the others.
                Element::Hold if id.step == 0 => counts.state_writes = words,
                Element::Hold => counts.state_reads = words,
                Element::Emit => {}
                Element::Fire(_) => counts.comparisons += elements,
                _ => counts.other += elements,
            }
        }
        counts
    }

    /// Adds the activity of a sweep of `pass` to a row.
    pub fn book(&self, row: &mut Row, pass: &PassPlan<'_>, from: Source) {
        if from.accumulators {
            row.add(Activity::AccRead, self.words);
            row.add(Activity::AccWrite, if from.keeps { 0 } else { self.words });
            row.add(Activity::FrameWrite, if from.writes_frame { self.words } else { 0 });
        } else {
            row.add(Activity::FrameRead, self.words);
        }
        row.add(Activity::StateRead, self.state_reads);
        row.add(Activity::StateWrite, self.state_writes);
        row.add(Activity::NeuronAdd, self.charges);
        row.add(Activity::NeuronCompare, self.comparisons);
        row.add(Activity::NeuronLeak, self.leaks);
        row.add(Activity::GateRead, self.words * pass.gate_reads);
        row.add(Activity::GateProduct, self.gate_products);
        row.add(Activity::GateMul, self.gate_multiplies);
        row.add(Activity::AttentionOp, self.other);
        for tap in &pass.taps {
            row.add(Activity::StatRead, self.words);
            row.add(Activity::StatWrite, self.words);
            row.add(if tap.max { Activity::StatCompare } else { Activity::StatAdd }, self.elements);
        }
    }
}

/// Multiplications of one neuron in one step.
fn multiplies(lif: &Lif) -> u64 {
    let leaks = lif.leak != 1 << lif.leak_shift || lif.leaks.is_some() || lif.leak_fired.is_some();
    let current = lif.current.as_ref().is_some_and(|c| c.leak != 1 << c.leak_shift || c.leaks.is_some());
    u64::from(leaks) + u64::from(current) + u64::from(lif.input_gain.is_some())
}
