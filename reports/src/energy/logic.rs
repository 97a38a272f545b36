//! Arithmetic: integer add and multiply at 45 nm, comparator and register at 40 nm, scaled to other nodes.
//!
//! Between the widths a source gives, energy follows a power of the width (log-log); beyond them the last segment
//! goes on and says so. A multiplier of a × b bits counts as one of √(a·b) × √(a·b): it has a·b partial products.

use super::constants::Constants;
use super::quantity::{extend, Origin, PerTerm};
use pulvinar_ir::counts::Logic;
use pulvinar_ir::Result;

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

/// Energy of one operation at a node; `None` for a table look-up, which is a memory read.
pub fn energy(constants: &Constants, op: Logic, widths: &Widths, node_nm: u32) -> Result<Option<PerTerm>> {
    let w = widths;
    let add = |bits: u32| add(constants, bits, node_nm);
    let mul = |a: u32, b: u32| multiply(constants, a, b, node_nm);
    let compare = |bits: u32| {
        blocks(constants, "comparator_32", f64::from(bits) / 32.0, node_nm)
            .map(|e| e.note("comparator taken as linear in its width"))
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
        Logic::Event => blocks(constants, "register_bit", f64::from(w.event), node_nm)?
            .note("register write of the event; control of the packer has no source"),
        Logic::TableLookup => return Ok(None),
    }))
}

/// Energy of an integer addition.
pub fn add(constants: &Constants, bits: u32, node_nm: u32) -> Result<PerTerm> {
    let knots = [(8, "int_add_8"), (16, "int_add_16"), (32, "int_add_32")];
    to_node(power_law(constants, &knots, f64::from(bits))?, constants, 45, node_nm)
}

/// Energy of an integer multiplication.
pub fn multiply(constants: &Constants, a_bits: u32, b_bits: u32, node_nm: u32) -> Result<PerTerm> {
    let bits = (f64::from(a_bits) * f64::from(b_bits)).sqrt();
    to_node(power_law(constants, &[(8, "int_mul_8"), (32, "int_mul_32")], bits)?, constants, 45, node_nm)
}

/// `times` copies of a standard-cell block of 40 nm.
fn blocks(constants: &Constants, name: &str, times: f64, node_nm: u32) -> Result<PerTerm> {
    to_node(constants.per_term(name)?.times(times), constants, 40, node_nm)
}

/// Log-log through the knots (width in bits, constant).
fn power_law(constants: &Constants, knots: &[(u32, &str)], bits: f64) -> Result<PerTerm> {
    let bits = bits.max(1.0);
    if let Some((_, name)) = knots.iter().find(|(b, _)| f64::from(*b) == bits) {
        return constants.per_term(name);
    }
    let upper = knots.partition_point(|(b, _)| f64::from(*b) < bits).clamp(1, knots.len() - 1);
    let ((b0, n0), (b1, n1)) = (knots[upper - 1], knots[upper]);
    let (e0, e1) = (constants.per_term(n0)?, constants.per_term(n1)?);
    let t = (bits / f64::from(b0)).ln() / f64::from(b1 / b0).ln();
    let factor = (e1.pj() / e0.pj()).powf(t);
    let verb = if (0.0..=1.0).contains(&t) { "interpolated" } else { "extended" };
    Ok(e0.scaled(factor, e1.origins).note(format!("{verb} in width from {b0} and {b1} bits")))
}

fn to_node(energy: PerTerm, constants: &Constants, from_nm: u32, node_nm: u32) -> Result<PerTerm> {
    if from_nm == node_nm {
        return Ok(energy);
    }
    let (factor, origins) = energy_scale(constants, from_nm, node_nm)?;
    Ok(energy.scaled(factor, origins).note(format!("scaled from {from_nm} nm")))
}

/// Nodes with scaling data, nm.
const SCALING_NM: [u32; 3] = [20, 32, 45];

/// Ratio of switching energy between two nodes at the voltage of the arithmetic data: E ~ a·V² + b·V + c
/// (`stillmaker2017`, eq. of the energy fit), linear in the node between the tabulated ones.
pub fn energy_scale(constants: &Constants, from_nm: u32, to_nm: u32) -> Result<(f64, Vec<Origin>)> {
    let at = |node: u32| -> Result<(f64, Vec<Origin>)> {
        let voltage = constants.get("logic_voltage")?;
        let v = voltage.origin.value;
        let mut origins = vec![voltage.origin.clone()];
        let mut sum = 0.0;
        for (letter, power) in [("a", v * v), ("b", v), ("c", 1.0)] {
            let c = constants.get(&format!("energy_{letter}_{node}nm"))?;
            sum += c.origin.value * power;
            origins.push(c.origin.clone());
        }
        Ok((sum, origins))
    };
    ratio(at, from_nm, to_nm)
}

/// Ratio of area between two nodes (`stillmaker2017`), linear in the node between the tabulated ones.
pub fn area_scale(constants: &Constants, from_nm: u32, to_nm: u32) -> Result<(f64, Vec<Origin>)> {
    let at = |node: u32| {
        let c = constants.get(&format!("area_ratio_{node}nm"))?;
        Ok((c.origin.value, vec![c.origin.clone()]))
    };
    ratio(at, from_nm, to_nm)
}

fn ratio(
    at: impl Fn(u32) -> Result<(f64, Vec<Origin>)>,
    from_nm: u32,
    to_nm: u32,
) -> Result<(f64, Vec<Origin>)> {
    let between = |node: u32| -> Result<(f64, Vec<Origin>)> {
        if SCALING_NM.contains(&node) {
            return at(node);
        }
        let upper = SCALING_NM.partition_point(|n| *n < node).clamp(1, SCALING_NM.len() - 1);
        let (n0, n1) = (SCALING_NM[upper - 1], SCALING_NM[upper]);
        let ((f0, mut origins), (f1, more)) = (at(n0)?, at(n1)?);
        extend(&mut origins, more);
        let t = (f64::from(node) - f64::from(n0)) / (f64::from(n1) - f64::from(n0));
        Ok((f0 + (f1 - f0) * t, origins))
    };
    let ((from, mut origins), (to, more)) = (between(from_nm)?, between(to_nm)?);
    extend(&mut origins, more);
    Ok((to / from, origins))
}
