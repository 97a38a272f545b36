//! Neurons: every constant in units of the membrane, which is the input's unit times the gain over 2^`input_shift`.

use super::Quantiser;
use pulvinar_ir::op::lif::{Lif, LifConstants, LifCurrent, LifOutput, LifReset, LifTable};
use pulvinar_ir::op::neuron::{Compare, Neuron, Output, Parameter, Reset, Table};
use pulvinar_ir::{Diagnostic, IntType, NodeId, Result, Tensor};

/// Significant bits wanted of a threshold.
const THRESHOLD_BITS: i32 = 11;
/// Widest membrane that gets fraction bits for precision alone.
pub(super) const STATE_BITS: u32 = 24;
/// Widest membrane that leaves a neuron with fraction bits.
const OUTPUT_BITS: u32 = 16;
/// Fewest fraction bits of a gain that differs between steps.
const GAIN_BITS: u32 = 8;

impl Quantiser<'_> {
    /// A neuron on a current with one scale, or one a channel.
    pub(super) fn neuron(&mut self, id: NodeId, neuron: &Neuron) -> Result<NodeId> {
        let node = self.old.node(id);
        let x = self.mapped(node.inputs[0]);
        let int = self.int(x);
        let table = neuron.table(|name| &self.old.tensors[name]);
        let scaled = Scaled::of(neuron, table, &int.scale, self.cx.options.leak_bits);
        if let Some(reason) = scaled.not_in_integers() {
            return Err(Diagnostic {
                message: format!("op `neuron` has no integer form here: {reason}"),
                ..self.without_integer_form(id)
            });
        }
        self.assumptions.extend(scaled.assumption());
        let input = (int.lo, int.hi);
        let shift = self
            .cx
            .options
            .state_fraction_bits
            .unwrap_or_else(|| scaled.fitting_shift(input, self.old.timesteps));
        let op = self.with_tensors(&node.name, &scaled, shift)?;
        let op = scaled.with_output(op, shift, input, self.old.timesteps);
        self.counterpart(id, op, &[x])
    }

    /// The integer neuron with its constants stored.
    fn with_tensors(&mut self, name: &str, scaled: &Scaled<'_>, shift: u32) -> Result<Lif> {
        let rows = scaled.rows(shift);
        let units = scaled.units(shift);
        let mut tensor =
            |what: &str, wanted: bool, pick: &dyn Fn(&LifConstants) -> i64| -> Result<Option<String>> {
                if !wanted {
                    return Ok(None);
                }
                let values: Vec<i64> = rows.all().iter().map(pick).collect();
                let tensor = stored(&values, rows.steps(), &units).ok_or_else(|| too_wide(name, what))?;
                Ok(Some(self.table(&format!("{name}.{what}"), tensor)))
            };
        let neuron = scaled.neuron;
        let has = |p: Parameter| neuron.differs(p) || neuron.constant(p).is_some_and(|v| v != 0.0);
        let soft = matches!(neuron.reset, Reset::Subtract { .. });
        let mut higher = Vec::new();
        for level in 2..=neuron.levels as usize {
            let pick = |k: &LifConstants| k.higher[level - 2];
            higher.extend(tensor(&format!("threshold.{level}"), true, &pick)?);
        }
        let mut lif = scaled.lif(shift);
        if let Some(current) = &mut lif.current {
            current.leaks =
                tensor("current_leak", neuron.differs(Parameter::CurrentLeak), &|k| k.current_leak)?;
        }
        if let LifOutput::Membrane { minus, .. } = &mut lif.output {
            let above = matches!(neuron.output, Output::Membrane { above_threshold: true, .. });
            *minus = tensor("minus", above, &|k| k.minus)?;
        }
        Ok(Lif {
            bias: tensor("bias", has(Parameter::InputBias), &|k| k.bias)?,
            threshold: tensor("threshold", true, &|k| k.threshold)?.expect("a threshold is always wanted"),
            reset_value: tensor("reset", soft || has(Parameter::Reset), &|k| k.reset)?,
            initial: tensor("initial", has(Parameter::Initial), &|k| k.initial)?,
            clamp_min: tensor("clamp", neuron.clamp_min.is_some(), &|k| k.clamp_min)?,
            leaks: tensor("leak", neuron.differs(Parameter::Leak), &|k| k.leak)?,
            leak_fired: tensor("leak_fired", neuron.leak_fired.is_some(), &|k| k.leak_fired)?,
            input_gain: tensor("gain", scaled.gain_differs(), &|k| k.gain)?,
            higher,
            negative: tensor("negative", neuron.negative.is_some(), &|k| k.negative)?,
            ..lif
        })
    }
}

fn too_wide(name: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        "E0307",
        format!("node `{name}`"),
        format!("its {what} does not fit 32 bits in units of its current"),
        "the layer's weights are vanishingly small against the neuron; check both, or use fewer weight bits",
    )
}

/// A tensor of constants by step and channel, with as few axes as they need; none if one does not fit 32 bits.
fn stored(values: &[i64], steps: usize, units: &[f64]) -> Option<Tensor> {
    let channels = values.len() / steps;
    let values = values.iter().map(|&v| i32::try_from(v).ok()).collect::<Option<Vec<i32>>>()?;
    let bits = |&v: &i32| IntType::new(i64::from(v).min(0), i64::from(v).max(0), 1.0).bits();
    let bits = values.iter().map(bits).max().unwrap_or(1);
    let row = &values[..channels];
    if values.chunks(channels).all(|r| r == row) {
        return Some(Tensor::int(vec![channels], row.to_vec(), bits, units.to_vec()));
    }
    let alike = values.chunks(channels).all(|r| r.iter().all(|v| *v == r[0]));
    let (width, values) =
        if alike { (1, values.into_iter().step_by(channels).collect()) } else { (channels, values) };
    Some(Tensor::int(vec![steps, width], values, bits, vec![1.0]))
}

/// Constants of a neuron without tensors on a current of this unit.
pub(super) fn constants(neuron: &Neuron, unit: f64) -> LifConstants {
    let one = |name: &str| -> &'static Tensor { unreachable!("the neuron has no tensor `{name}`") };
    Scaled::of(neuron, neuron.table(one), &[unit], 1).constants(0, 0, 0)
}

/// Fraction bits that a neuron without tensors wants on a current of this unit.
pub(super) fn fraction_bits(neuron: &Neuron, unit: f64) -> u32 {
    let one = |name: &str| -> &'static Tensor { unreachable!("the neuron has no tensor `{name}`") };
    Scaled::of(neuron, neuron.table(one), &[unit], 1).fraction_bits()
}

/// Multiplier and shift of a leak.
pub(super) fn fixed_leak(leak: f64, bits: u32) -> (i64, u32) {
    let shift = leak_shift(leak, bits);
    (fixed(leak, shift), shift)
}

/// A neuron with the scale of its input.
struct Scaled<'a> {
    neuron: &'a Neuron,
    table: Table,
    /// Real value of one unit of the input, one or one a channel.
    scale: &'a [f64],
    /// The gain that the membrane's unit takes up, by channel.
    gain: Vec<f64>,
    leak_shift: u32,
    current_shift: u32,
}

impl<'a> Scaled<'a> {
    fn of(neuron: &'a Neuron, table: Table, scale: &'a [f64], leak_bits: u32) -> Self {
        let channels = scale.len().max(table.channels());
        let largest =
            |c: usize| (0..table.steps()).map(|t| table.at(t, c).input_gain.abs()).fold(0.0, f64::max);
        let mut gain: Vec<f64> = (0..channels).map(largest).map(|g| if g > 0.0 { g } else { 1.0 }).collect();
        if neuron.output != Output::Spikes {
            // What leaves has one unit.
            let most = gain.iter().copied().fold(0.0, f64::max);
            gain.fill(most);
        }
        let leaks = |pick: fn(&pulvinar_ir::op::neuron::Constants) -> f64| {
            let each = (0..table.steps()).flat_map(|t| (0..table.channels()).map(move |c| (t, c)));
            each.map(|(t, c)| leak_shift(pick(table.at(t, c)), leak_bits)).max().unwrap_or(0)
        };
        let leak_shift = leaks(|k| k.leak).max(leaks(|k| k.leak_fired));
        let current_shift = leaks(|k| k.current_leak);
        Scaled { neuron, table, scale, gain, leak_shift, current_shift }
    }

    /// Why there is no integer form.
    fn not_in_integers(&self) -> Option<&'static str> {
        if self.neuron.differs(Parameter::Amplitude) {
            return Some("its amplitudes differ, and all spikes of a stream have one");
        }
        (self.neuron.current.is_some() && self.gain_differs())
            .then_some("its input gain differs behind a synaptic current")
    }

    /// True if some gain is not the one of its channel.
    #[allow(clippy::float_cmp)] // one of them is the other's copy
    fn gain_differs(&self) -> bool {
        let each = (0..self.table.steps()).flat_map(|t| (0..self.gain.len()).map(move |c| (t, c)));
        each.into_iter().any(|(t, c)| self.table.at(t, c).input_gain != self.gain[c])
    }

    /// What rounding the leak assumes.
    fn assumption(&self) -> Option<String> {
        let leak = self.neuron.leak;
        let (got, one) = (fixed(leak, self.leak_shift), 1i64 << self.leak_shift);
        let off = (got as f64 / one as f64 - leak).abs() > 1e-12;
        (off && !self.neuron.differs(Parameter::Leak)).then(|| format!("leak {leak} is {got}/{one}"))
    }

    fn unit(&self, shift: u32, c: usize) -> f64 {
        self.scale[if self.scale.len() == 1 { 0 } else { c }] * self.gain[c] / f64::from(shift).exp2()
    }

    fn units(&self, shift: u32) -> Vec<f64> {
        (0..self.gain.len()).map(|c| self.unit(shift, c)).collect()
    }

    /// The integer neuron without its constants.
    fn lif(&self, shift: u32) -> Lif {
        let neuron = self.neuron;
        Lif {
            leak: fixed(neuron.leak, self.leak_shift),
            leak_shift: self.leak_shift,
            input_shift: shift,
            reset: match neuron.reset {
                Reset::Value { .. } => LifReset::Value,
                Reset::Subtract { .. } => LifReset::Subtract,
                Reset::None => LifReset::None,
            },
            reset_timing: neuron.reset_timing,
            // Their presence counts for the proof; the names are those of nothing yet.
            leak_fired: neuron.leak_fired.map(|_| String::new()),
            negative: neuron.negative.map(|_| String::new()),
            higher: vec![String::new(); neuron.levels as usize - 1],
            budget: neuron.budget,
            current: neuron.current.map(|c| LifCurrent {
                leak: fixed(c.leak, self.current_shift),
                leak_shift: self.current_shift,
                leaks: None,
                delayed: c.delayed,
                reset: c.reset,
            }),
            output: match neuron.output {
                Output::Spikes => LifOutput::Spikes,
                Output::Membrane { relu, .. } => LifOutput::Membrane { shift: 0, relu, minus: None },
            },
            ..Lif::default()
        }
    }

    /// The unit of what leaves, and the bits that a membrane drops before it does.
    #[allow(clippy::float_cmp)] // the default itself
    fn with_output(&self, lif: Lif, shift: u32, input: (i64, i64), timesteps: usize) -> Lif {
        let LifOutput::Membrane { relu, minus, .. } = lif.output else {
            let amplitude = self.neuron.amplitude;
            return Lif { unit: if amplitude == 1.0 { Vec::new() } else { vec![amplitude] }, ..lif };
        };
        let (lo, hi) = self.lif(shift).state_ranges(&self.rows(shift), input, timesteps).charged;
        let bits = |drop: u32| IntType::new(lo >> drop, hi >> drop, 1.0).bits();
        let drop = (0..=shift).find(|&d| bits(d) <= OUTPUT_BITS).unwrap_or(shift);
        let mut unit = self.units(shift);
        unit.iter_mut().for_each(|u| *u *= f64::from(drop).exp2());
        if unit.iter().all(|u| *u == unit[0]) {
            unit.truncate(1);
        }
        Lif { output: LifOutput::Membrane { shift: drop, relu, minus }, unit, ..lif }
    }

    /// The largest number of fraction bits up to what the threshold wants that keeps the membrane in `STATE_BITS`.
    fn fitting_shift(&self, input: (i64, i64), timesteps: usize) -> u32 {
        let least = if self.gain_differs() { GAIN_BITS } else { 0 };
        let bits = |shift: u32| {
            let ranges = self.lif(shift).state_ranges(&self.rows(shift), input, timesteps);
            let width = |(lo, hi): (i64, i64)| IntType::new(lo, hi, 1.0).bits();
            width(ranges.membrane).max(width(ranges.current))
        };
        let wanted = self.fraction_bits().max(least);
        (least..=wanted).rev().find(|&s| bits(s) <= STATE_BITS).unwrap_or(least)
    }

    fn rows(&self, shift: u32) -> LifTable {
        let channels = self.gain.len();
        let all = (0..self.table.steps()).flat_map(|t| (0..channels).map(move |c| (t, c)));
        LifTable::rows(all.map(|(t, c)| self.constants(shift, t, c)).collect(), channels)
    }

    /// Constants in membrane units.
    fn constants(&self, shift: u32, t: usize, c: usize) -> LifConstants {
        let (k, unit, neuron) = (self.table.at(t, c), self.unit(shift, c), self.neuron);
        let near = |v: f64| (v / unit).round().clamp(-9e15, 9e15) as i64;
        let level = |n: u32| {
            // h / θ rounds half to even: n is reached at its lower half if n is even, above it if n is odd.
            let compare = if n % 2 == 0 { Compare::AtLeast } else { Compare::Above };
            first((f64::from(n) - 0.5) * k.threshold / unit, compare)
        };
        LifConstants {
            leak: fixed(k.leak, self.leak_shift),
            leak_fired: fixed(k.leak_fired, self.leak_shift),
            gain: (k.input_gain / self.gain[c] * f64::from(shift).exp2()).round() as i64,
            bias: near(k.input_bias),
            threshold: if neuron.levels == 1 { first(k.threshold / unit, neuron.compare) } else { level(1) },
            higher: (2..=neuron.levels).map(level).collect(),
            negative: neuron.negative.map_or(0, |n| match n.compare {
                // −h ≥ n is h < ⌊−n⌋ + 1, and −h > n is h < ⌈−n⌉.
                Compare::AtLeast => first(-k.negative / unit, Compare::Above),
                Compare::Above => first(-k.negative / unit, Compare::AtLeast),
            }),
            reset: near(k.reset),
            initial: near(self.table.at(0, c).initial),
            clamp_min: neuron.clamp_min.map_or(i64::MIN, near),
            current_leak: fixed(k.current_leak, self.current_shift),
            minus: near(k.threshold),
        }
    }

    /// Fraction bits that give the smallest threshold `THRESHOLD_BITS` significant bits; none if integers are exact.
    fn fraction_bits(&self) -> u32 {
        let whole = |v: f64, u: f64| (v / u - (v / u).round()).abs() < 1e-9;
        let clamp = self.neuron.clamp_min.unwrap_or(0.0);
        let (mut exact, mut smallest) = (true, f64::INFINITY);
        for (t, c) in (0..self.table.steps()).flat_map(|t| (0..self.gain.len()).map(move |c| (t, c))) {
            let (k, unit) = (self.table.at(t, c), self.unit(0, c));
            let leaks = [k.leak, k.leak_fired, k.current_leak];
            let others = [k.reset, k.input_bias, k.initial, clamp];
            exact &= leaks.iter().all(|&v| whole(v, 1.0)) && others.iter().all(|&v| whole(v, unit));
            let size = k.threshold.abs().max(k.reset.abs()) / unit;
            smallest = if size > 0.0 { smallest.min(size) } else { smallest };
        }
        if exact {
            0
        } else if smallest.is_finite() {
            (THRESHOLD_BITS - smallest.log2().floor() as i32).clamp(0, 16) as u32
        } else {
            THRESHOLD_BITS as u32
        }
    }
}

/// The smallest integer that fires: `h > θ` is `h ≥ ⌊θ⌋ + 1` and `h ≥ θ` is `h ≥ ⌈θ⌉` on integers.
fn first(theta: f64, compare: Compare) -> i64 {
    // A quotient that differs from an integer by rounding only is that integer.
    let theta = if (theta - theta.round()).abs() <= 1e-9 * theta.abs() { theta.round() } else { theta };
    let first = match compare {
        Compare::AtLeast => theta.ceil(),
        Compare::Above => theta.floor() + 1.0,
    };
    first.clamp(-9e15, 9e15) as i64
}

fn fixed(leak: f64, shift: u32) -> i64 {
    (leak * f64::from(shift).exp2()).round() as i64
}

/// Fraction bits of a leak: the fewest that are exact if 16 are enough, else at least `bits` and within 1 %.
fn leak_shift(leak: f64, bits: u32) -> u32 {
    let error = |shift: u32| (fixed(leak, shift) as f64 / f64::from(shift).exp2() - leak).abs();
    let exact = (0..=16).find(|&s| error(s) == 0.0);
    let near = || (bits..16).find(|&s| error(s) <= 0.01 * leak.min((1.0 - leak).abs()));
    exact.or_else(near).unwrap_or(16)
}
