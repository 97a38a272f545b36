//! Arithmetic: integer add and multiply at 45 and 7 nm, comparator and register at 40 nm, scaled to other nodes from the
//! nearest.
//!
//! Between the widths a source gives, energy follows a power of the width (log-log); beyond them the last segment
//! goes on and says so. A multiplier of a × b bits counts as one of √(a·b) × √(a·b): it has a·b partial products.

use super::constants::Constants;
use super::errors;
use super::process::{Kind, Process, ARITHMETIC_NM, BLOCKS_NM};
use super::quantity::{Origin, PerTerm, Sourced};
use pulvinar_ir::counts::Logic;
use pulvinar_ir::{Node, Op, Program, Result, Tensor};

/// Operand widths, bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    /// Synaptic weight.
    pub weight: u32,
    /// Accumulator and current.
    pub accumulator: u32,
    /// Membrane potential.
    pub state: u32,
    /// Leak factor.
    pub leak: u32,
    /// Value of a graded event.
    pub event_value: u32,
    /// Attention gate.
    pub gate: u32,
    /// Running statistic.
    pub statistic: u32,
    /// One packed event.
    pub event: u32,
    /// Flit header beside the payload: destination, channel, head and tail.
    pub flit_header: u32,
    /// Entries of the sigmoid table (a number, not a width).
    pub sigmoid_entries: u32,
}

impl Default for Widths {
    fn default() -> Self {
        Widths {
            weight: 8,
            accumulator: 24,
            state: 24,
            leak: 16,
            event_value: 8,
            gate: 8,
            statistic: 40,
            event: 32,
            flit_header: 24,
            sigmoid_entries: 1024,
        }
    }
}

impl Widths {
    /// Operand widths of a program: the widest of each kind; what it does not say is as by default.
    pub fn of(program: &Program) -> Self {
        let base = Widths::default();
        let stages = || program.stages.iter();
        let synapses = stages().flat_map(|s| &s.synapses);
        let weight = synapses
            .flat_map(|y| program.graph.node(y.node).op.rule().tensors())
            .map(|t| program.graph.tensors[t].bits())
            .max();
        let event = program.phases.iter().flat_map(|p| &p.streams).map(|s| s.event_bits).max();
        let table = |n: &Node| {
            if let Op::Table(t) = &n.op {
                Some(program.graph.tensors[&t.table].clone())
            } else {
                None
            }
        };
        let table = program.graph.nodes.iter().find_map(table);
        Widths {
            weight: weight.unwrap_or(base.weight).min(16),
            accumulator: stages().map(|s| s.accumulator_bits).max().unwrap_or(base.accumulator),
            state: stages().map(|s| s.state_bits).max().unwrap_or(base.state).max(1),
            event: event.unwrap_or(base.event),
            gate: table.as_ref().map_or(base.gate, Tensor::bits),
            sigmoid_entries: table.map_or(base.sigmoid_entries, |t| t.len() as u32),
            ..base
        }
    }
}

/// Energy of one operation in a process; `None` for a table look-up, which is a memory read.
pub fn energy(op: Logic, widths: &Widths, process: &Process) -> Result<Option<PerTerm>> {
    let w = widths;
    let add = |bits: u32| add(bits, process);
    let mul = |a: u32, b: u32| multiply(a, b, process);
    let compare = |bits: u32| {
        let e = blocks("comparator_32", f64::from(bits) / 32.0, process)?;
        let rule = by_width("comparators", bits != 32);
        Ok(e.map(|s| rule.into_iter().fold(s, Sourced::rule)).note("comparator taken as linear in its width"))
    };
    Ok(Some(match op {
        Logic::Add => add(w.accumulator)?,
        Logic::Mac => mul(w.event_value, w.weight)? + add(w.accumulator)?,
        Logic::LeakMul => mul(w.state, w.leak)?,
        Logic::StateAdd => add(w.state)?,
        Logic::Compare => compare(w.state)?,
        Logic::GateMul => mul(w.gate, w.accumulator)?,
        Logic::GateProduct => mul(w.gate, w.gate)?,
        Logic::StatAdd => add(w.statistic)?,
        Logic::StatCompare => compare(w.statistic)?,
        Logic::DenseMac => mul(w.statistic, w.weight)? + add(w.statistic)?,
        Logic::AttentionOp => (mul(w.statistic, w.gate)? + add(w.statistic)?)
            .note("upper bound: every operation taken as a requantisation, the dearest of its kinds"),
        Logic::Event => blocks("register_bit", f64::from(w.event), process)?
            .map(|s| by_width("registers", true).into_iter().fold(s, Sourced::rule))
            .note("register write of the event; control of the packer has no source"),
        Logic::TableLookup => return Ok(None),
    }))
}

/// Knots of a table of arithmetic: (width in bits, constant).
type Knots = &'static [(u32, &'static str)];

/// Energy of an integer addition.
pub fn add(bits: u32, process: &Process) -> Result<PerTerm> {
    let node = process.nearest(&ARITHMETIC_NM);
    to_process(add_at(node, process.constants(), f64::from(bits))?, process, node)
}

/// Energy of an integer multiplication.
pub fn multiply(a_bits: u32, b_bits: u32, process: &Process) -> Result<PerTerm> {
    let node = process.nearest(&ARITHMETIC_NM);
    let bits = (f64::from(a_bits) * f64::from(b_bits)).sqrt();
    to_process(multiply_at(node, process.constants(), bits)?, process, node)
}

fn to_process(energy: Sourced, process: &Process, node_nm: u32) -> Result<PerTerm> {
    Ok(PerTerm::new(process.scale(energy, Kind::Logic, node_nm)?))
}

/// Energy in pJ of an integer addition at a node with a table: 7 nm, or 45.
pub fn add_at(node_nm: u32, constants: &Constants, bits: f64) -> Result<Sourced> {
    let knots: Knots = match node_nm {
        7 => &[(8, "int_add_8_7nm"), (32, "int_add_32_7nm")],
        _ => &[(8, "int_add_8"), (16, "int_add_16"), (32, "int_add_32")],
    };
    power_law("adders", constants, knots, bits)
}

/// Energy in pJ of a multiplication of two integers of the same width at a node with a table: 7 nm, or 45.
pub fn multiply_at(node_nm: u32, constants: &Constants, bits: f64) -> Result<Sourced> {
    let knots: Knots = match node_nm {
        7 => &[(8, "int_mul_8_7nm"), (32, "int_mul_32_7nm")],
        _ => &[(8, "int_mul_8"), (32, "int_mul_32")],
    };
    power_law("multipliers", constants, knots, bits)
}

/// `times` copies of a standard-cell block.
pub fn blocks(name: &str, times: f64, process: &Process) -> Result<PerTerm> {
    let block = process.constants().per_term(name)?.sourced().clone().times(times);
    Ok(PerTerm::new(process.scale(block, Kind::Logic, BLOCKS_NM)?))
}

/// The rule that carries a block to another width.
fn by_width(what: &str, other: bool) -> Option<Origin> {
    let rule = || {
        Origin::rule(
            format!("rule: {what} by width"),
            &["yin2022sata"],
            errors::spread(&format!("{what} by width")),
        )
    };
    other.then(rule)
}

/// Log-log through the knots.
fn power_law(what: &str, constants: &Constants, knots: &[(u32, &str)], bits: f64) -> Result<Sourced> {
    let bits = bits.max(1.0);
    if let Some((_, name)) = knots.iter().find(|(b, _)| f64::from(*b) == bits) {
        return Ok(constants.per_term(name)?.sourced().clone());
    }
    let upper = knots.partition_point(|(b, _)| f64::from(*b) < bits).clamp(1, knots.len() - 1);
    let ((b0, n0), (b1, n1)) = (knots[upper - 1], knots[upper]);
    let (e0, e1) = (constants.per_term(n0)?.sourced().clone(), constants.per_term(n1)?.sourced().clone());
    let t = (bits / f64::from(b0)).ln() / f64::from(b1 / b0).ln();
    let verb = if (0.0..=1.0).contains(&t) { "interpolated" } else { "extended" };
    let law = e0.between(e1, t).note(format!("{verb} in width from {b0} and {b1} bits"));
    Ok(by_width(what, true).into_iter().fold(law, Sourced::rule))
}
