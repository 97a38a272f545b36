//! Neurons: every constant in units of the membrane, which is the input's unit times the gain over 2^`input_shift`.

use super::Quantiser;
use pulvinar_ir::op::lif::{Lif, LifConstants, LifReset};
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset};
use pulvinar_ir::{Diagnostic, IntType, NodeId, Result, Tensor};

/// Significant bits wanted of a threshold.
const THRESHOLD_BITS: i32 = 11;
/// Widest membrane that gets fraction bits for precision alone.
pub(super) const STATE_BITS: u32 = 24;

impl Quantiser<'_> {
    /// A neuron on a current with one scale, or one a channel.
    pub(super) fn neuron(&mut self, id: NodeId, neuron: &Neuron) -> Result<NodeId> {
        let node = self.old.node(id);
        if !neuron.is_plain() {
            return Err(self.without_integer_form(id));
        }
        let x = self.mapped(node.inputs[0]);
        let int = self.int(x);
        let (leak, leak_shift) = fixed_leak(neuron.leak, self.cx.options.leak_bits);
        let got = leak as f64 / f64::from(leak_shift).exp2();
        if (got - neuron.leak).abs() > 1e-12 {
            self.assumptions.insert(format!("leak {} is {leak}/{}", neuron.leak, 1i64 << leak_shift));
        }
        let units = |shift: u32| -> Vec<f64> {
            int.scale.iter().map(|s| s * neuron.input_gain / f64::from(shift).exp2()).collect()
        };
        let shift = self.cx.options.state_fraction_bits.unwrap_or_else(|| fraction_bits(neuron, &units(0)));
        let lif = |shift: u32| Lif {
            leak,
            leak_shift,
            input_shift: shift,
            bias: None,
            threshold: String::new(),
            reset: match neuron.reset {
                Reset::Value { .. } => LifReset::Value,
                Reset::Subtract { .. } => LifReset::Subtract,
                Reset::None => LifReset::None,
            },
            reset_value: None,
            reset_timing: neuron.reset_timing,
            initial: None,
            clamp_min: None,
        };
        let shift = if self.cx.options.state_fraction_bits.is_some() {
            shift
        } else {
            self.fitting_shift(shift, neuron, &int, &lif, &units)
        };
        let op = self.with_tensors(&node.name, lif(shift), neuron, &units(shift))?;
        self.counterpart(id, op, &[x])
    }

    /// The largest number of fraction bits up to `shift` that keeps the membrane in `STATE_BITS`.
    fn fitting_shift(
        &self,
        shift: u32,
        neuron: &Neuron,
        int: &IntType,
        lif: &dyn Fn(u32) -> Lif,
        units: &dyn Fn(u32) -> Vec<f64>,
    ) -> u32 {
        let bits = |shift: u32| {
            let constants: Vec<LifConstants> = units(shift).iter().map(|&u| constants(neuron, u)).collect();
            let (lo, hi) = lif(shift).state_range(&constants, (int.lo, int.hi), self.old.timesteps);
            IntType::new(lo, hi, 1.0).bits()
        };
        (0..=shift).rev().find(|&s| bits(s) <= STATE_BITS).unwrap_or(0)
    }

    fn with_tensors(&mut self, name: &str, lif: Lif, neuron: &Neuron, units: &[f64]) -> Result<Lif> {
        let all: Vec<LifConstants> = units.iter().map(|&u| constants(neuron, u)).collect();
        let mut tensor = |what: &str,
                          wanted: bool,
                          pick: &dyn Fn(&LifConstants) -> i64|
         -> Result<Option<String>> {
            if !wanted {
                return Ok(None);
            }
            let values = all.iter().map(|k| i32::try_from(pick(k)).ok()).collect::<Option<Vec<i32>>>().ok_or_else(|| {
                Diagnostic::new(
                    "E0307",
                    format!("node `{name}`"),
                    format!("its {what} does not fit 32 bits in units of its current"),
                    "the layer's weights are vanishingly small against the neuron; check both, or use fewer weight bits",
                )
            })?;
            let bits = values
                .iter()
                .map(|&v| IntType::new(i64::from(v).min(0), i64::from(v).max(0), 1.0).bits())
                .max()
                .unwrap_or(1);
            let tensor = Tensor::int(vec![values.len()], values, bits, units.to_vec());
            Ok(Some(self.table(&format!("{name}.{what}"), tensor)))
        };
        let reset = !matches!(neuron.reset, Reset::None)
            && !matches!(neuron.reset, Reset::Value { value } if value == 0.0);
        Ok(Lif {
            bias: tensor("bias", neuron.input_bias != 0.0, &|k| k.bias)?,
            threshold: tensor("threshold", true, &|k| k.threshold)?.expect("a threshold is always wanted"),
            reset_value: tensor("reset", reset, &|k| k.reset)?,
            initial: tensor("initial", neuron.initial != 0.0, &|k| k.initial)?,
            clamp_min: tensor("clamp", neuron.clamp_min.is_some(), &|k| k.clamp_min)?,
            ..lif
        })
    }
}

/// Constants in membrane units; `h > θ` is `h ≥ ⌊θ⌋ + 1` and `h ≥ θ` is `h ≥ ⌈θ⌉` on integers.
pub(super) fn constants(neuron: &Neuron, unit: f64) -> LifConstants {
    let near = |v: f64| (v / unit).round().clamp(-9e15, 9e15) as i64;
    let theta = neuron.threshold / unit;
    // A quotient that differs from an integer by rounding only is that integer.
    let theta = if (theta - theta.round()).abs() <= 1e-9 * theta.abs() { theta.round() } else { theta };
    let threshold = match neuron.compare {
        Compare::AtLeast => theta.ceil(),
        Compare::Above => theta.floor() + 1.0,
    };
    LifConstants {
        bias: near(neuron.input_bias),
        threshold: threshold.clamp(-9e15, 9e15) as i64,
        reset: match neuron.reset {
            Reset::Value { value } | Reset::Subtract { value } => near(value),
            Reset::None => 0,
        },
        initial: near(neuron.initial),
        clamp_min: neuron.clamp_min.map_or(i64::MIN, near),
    }
}

/// Fraction bits that give the smallest threshold `THRESHOLD_BITS` significant bits; none if integers are exact.
pub(super) fn fraction_bits(neuron: &Neuron, units: &[f64]) -> u32 {
    let reset = match neuron.reset {
        Reset::Value { value } | Reset::Subtract { value } => value,
        Reset::None => 0.0,
    };
    let others = [reset, neuron.input_bias, neuron.initial, neuron.clamp_min.unwrap_or(0.0)];
    let whole = |v: f64, u: f64| (v / u - (v / u).round()).abs() < 1e-9;
    let exact = whole(neuron.leak, 1.0) && units.iter().all(|&u| others.iter().all(|&v| whole(v, u)));
    if exact {
        return 0;
    }
    let largest = units.iter().fold(f64::MIN_POSITIVE, |a, &u| a.max(u));
    let size = [neuron.threshold, reset].iter().fold(0.0, |a: f64, v| a.max(v.abs())) / largest;
    if size > 0.0 {
        (THRESHOLD_BITS - size.log2().floor() as i32).clamp(0, 16) as u32
    } else {
        THRESHOLD_BITS as u32
    }
}

/// Multiplier and shift of a leak: exact in the fewest bits if 16 are enough, else at least `bits` and within 1 %.
pub(super) fn fixed_leak(leak: f64, bits: u32) -> (i64, u32) {
    let at = |shift: u32| (leak * f64::from(shift).exp2()).round();
    let error = |shift: u32| (at(shift) / f64::from(shift).exp2() - leak).abs();
    let exact = (0..=16).find(|&s| error(s) == 0.0);
    let near = || (bits..16).find(|&s| error(s) <= 0.01 * leak.min(1.0 - leak));
    let shift = exact.or_else(near).unwrap_or(16);
    (at(shift) as i64, shift)
}
