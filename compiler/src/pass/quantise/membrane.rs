//! Membranes that are gated before they fire: the current gets fraction bits, and what is carried on has its unit.

use super::neuron::{constants, fixed_leak, fraction_bits, STATE_BITS};
use super::Quantiser;
use pulvinar_ir::op::carry::Carry;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::membrane::Membrane;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset, ResetTiming};
use pulvinar_ir::{Diagnostic, IntType, NodeId, Op, Result, Type};

/// The neuron with these constants.
fn neuron(membrane: &Membrane) -> Neuron {
    Neuron {
        leak: membrane.leak,
        input_gain: 1.0,
        input_bias: 0.0,
        threshold: membrane.threshold,
        compare: Compare::AtLeast,
        reset: Reset::Value { value: membrane.reset },
        reset_timing: ResetTiming::SameStep,
        initial: 0.0,
        clamp_min: None,
        ..Neuron::default()
    }
}

impl Quantiser<'_> {
    /// The delay of a membrane that is written later. Its unit is that of the current it is added to, with fraction bits;
    /// its range what the timesteps can reach, as gates are at most 1.
    pub(super) fn carried(&mut self, id: NodeId, source: NodeId, membrane: &Membrane) -> Result<NodeId> {
        let node = self.old.node(id);
        let sums = self.old.nodes.iter().filter(|n| matches!(n.op, Op::Add(_)) && n.inputs.contains(&id));
        let current = sums.flat_map(|n| &n.inputs).find(|i| **i != id && self.map[i.index()].is_some());
        let Some(&current) = current else {
            return Err(Diagnostic::new(
                "E0305",
                format!("node `{}`", node.name),
                "a membrane comes back to nothing that it is added to",
                "add the delayed membrane to a current that is computed before",
            ));
        };
        let int = self.int(self.mapped(current));
        let scale = int.single_scale(&format!("node `{}`", node.name))?;
        let (neuron, steps) = (neuron(membrane), self.old.timesteps);
        let range = |shift: u32| reach(&neuron, &int, scale, shift, steps, self.cx.options.leak_bits);
        let fits = |&shift: &u32| {
            let (lo, hi) = range(shift);
            IntType::new(lo + (int.lo << shift), hi + (int.hi << shift), 1.0).bits() <= STATE_BITS
        };
        let most = fraction_bits(&neuron, scale).min(13);
        let shift = (0..=most).rev().find(fits).unwrap_or(0);
        let (lo, hi) = range(shift);
        let unit = scale / f64::from(shift).exp2();
        let ty = Type::int(IntType::new(lo, hi, unit), node.ty.shape);
        let new = self.new.push_typed(&node.name, Delay {}.into(), &[], ty);
        self.feedback.push((new, source));
        Ok(new)
    }

    /// What a neuron carries on: in the unit of its delay.
    pub(super) fn carry(&mut self, id: NodeId, membrane: &Membrane) -> Result<NodeId> {
        let node = self.old.node(id);
        let x = self.mapped(node.inputs[0]);
        let from = self.scale(x, &node.name)?;
        let delay = self.feedback.iter().find(|(_, source)| *source == id).map(|(delay, _)| *delay);
        let fraction = |to: f64| {
            let bits = (to / from).log2();
            (bits.round() >= 0.0 && (bits - bits.round()).abs() < 1e-6).then_some(bits.round() as u32)
        };
        let kept = delay.map(|d| (self.int(d).lo, self.int(d).scale[0]));
        let Some((floor, unit, fraction)) = kept.and_then(|(lo, unit)| Some((lo, unit, fraction(unit)?)))
        else {
            return Err(Diagnostic::new(
                "E0305",
                format!("node `{}`", node.name),
                "a membrane is carried on by no delay in front of it, or in a unit that gates do not give",
                "close the neuron's loop by one delay, and gate its membrane only",
            ));
        };
        let neuron = neuron(membrane);
        let (leak, leak_shift) = fixed_leak(membrane.leak, self.cx.options.leak_bits);
        let (threshold, reset) = (constants(&neuron, from).threshold, constants(&neuron, unit).reset);
        let op = Carry { leak, leak_shift, fraction, threshold, reset, floor };
        self.counterpart(id, op, &[x])
    }
}

/// Range of the membrane carried on when the current has `shift` fraction bits: monotone in the current, and a gate only
/// makes it smaller.
fn reach(neuron: &Neuron, x: &IntType, scale: f64, shift: u32, steps: usize, leak_bits: u32) -> (i64, i64) {
    let unit = scale / f64::from(shift).exp2();
    let constants = constants(neuron, unit);
    let (leak, leak_shift) = fixed_leak(neuron.leak, leak_bits);
    let leaked = |v: i64| ((i128::from(v) * i128::from(leak)) >> leak_shift) as i64;
    let (mut lo, mut hi) = (0, 0);
    for _ in 0..steps {
        let next = leaked(lo + (x.lo << shift)).min(constants.reset).min(0);
        let most = leaked((hi + (x.hi << shift)).min(constants.threshold)).max(constants.reset).max(0);
        if (next, most) == (lo, hi) {
            break;
        }
        (lo, hi) = (next, most);
    }
    (lo, hi)
}
