//! Neurons: continuous time made discrete.
//!
//! Forward Euler with a step of `dt`, as the frameworks that write NIR choose it; `k = dt / tau`:
//!
//! ```text
//! LIF, LI        v ← (1 − k) v + k r I + k v_leak
//! IF, I          v ← v + dt r I
//! CubaLIF, CubaLI  I ← (1 − k_syn) I + k_syn w_in S, then LIF or LI on the new I
//! spike          v > v_threshold
//! ```
//!
//! Parameters that differ between channels are scaled away where that is exact: with `a` the rest potential and
//! `b = v_threshold − a`, the potential `(v − a) / b` has threshold 1.

use super::build::{Net, Site};
use super::param::refuse;
use super::per::Per;
use super::ResetRule;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::neuron::{Compare, Current, Neuron, Reset, ResetTiming};
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::Result;

/// Parameters that may be arrays, a value a neuron.
pub(super) const PARAMETERS: [&str; 9] =
    ["v_threshold", "threshold", "tau", "tau_mem", "tau_syn", "r", "v_leak", "v_reset", "w_in"];

/// Kinds whose value is spikes.
pub(super) fn spikes(kind: &str) -> bool {
    matches!(kind, "LIF" | "IF" | "CubaLIF" | "Threshold")
}

/// `v ← keep v + gain I + pull · rest`.
struct Membrane {
    keep: Per,
    gain: Per,
    pull: Per,
    rest: Per,
    /// The current that drives it, if it is kept.
    current: Option<Current>,
}

impl Membrane {
    /// Leaky: `tau v' = rest − v + r I`.
    fn leaky(site: Site<'_>, tau: &str, r: Per, rest: Per) -> Result<Self> {
        let pull = fraction(site, tau)?;
        Ok(Membrane {
            keep: pull.map(|k| 1.0 - k),
            gain: pull.zip(&r, |k, r| r * k),
            pull,
            rest,
            current: None,
        })
    }

    /// Without leak: `v' = r I`.
    fn perfect(site: Site<'_>) -> Result<Self> {
        let gain = site.per("r")?.map(|r| r * site.settings.dt);
        Ok(Membrane { keep: Per::one(1.0), gain, pull: Per::one(0.0), rest: Per::one(0.0), current: None })
    }
}

/// `dt / tau`, from 0 to 1.
fn fraction(site: Site<'_>, key: &str) -> Result<Per> {
    let (dt, tau) = (site.settings.dt, site.per(key)?);
    let smallest = tau.values().iter().copied().fold(f64::INFINITY, f64::min);
    if smallest <= 0.0 {
        return Err(refuse(
            "E0511",
            site.fields.name,
            format!("parameter `{key}` is {smallest} s"),
            "a time constant is positive; for a neuron without leak use IF",
        ));
    }
    // A step that equals the constant up to rounding forgets everything.
    if dt > smallest * (1.0 + 1e-6) {
        return Err(refuse(
            "E0516",
            site.fields.name,
            format!("the time step {dt} s is longer than `{key}` = {smallest} s"),
            "give the step the network was trained with (`--dt`); it is at most the shortest time constant",
        ));
    }
    Ok(tau.map(|tau| (dt / tau).min(1.0)))
}

/// Adds a neuron; its value has the node's name.
pub(super) fn lower(net: &mut Net, site: Site<'_>, input: String) -> Result<String> {
    match site.fields.node.kind.as_str() {
        "Threshold" => {
            let threshold = site.per("threshold")?;
            let membrane = Membrane {
                keep: Per::one(0.0),
                gain: Per::one(1.0),
                pull: Per::one(0.0),
                rest: Per::one(0.0),
                current: None,
            };
            fire(net, site, input, membrane, &threshold, None)?;
            Ok("compares with `>`".to_owned())
        }
        "IF" => {
            let membrane = Membrane::perfect(site)?;
            integrate_and_fire(net, site, input, membrane)
        }
        "LIF" => {
            let membrane = Membrane::leaky(site, "tau", site.per("r")?, site.per("v_leak")?)?;
            integrate_and_fire(net, site, input, membrane)
        }
        "CubaLIF" => {
            let synapse = Membrane::leaky(site, "tau_syn", site.per_or("w_in", 1.0)?, Per::one(0.0))?;
            let membrane = Membrane::leaky(site, "tau_mem", site.per("r")?, site.per("v_leak")?)?;
            let leak = synapse
                .keep
                .uniform()
                .ok_or_else(|| differ(site, "the time constants of the current differ"))?;
            let gain = membrane.gain.zip(&synapse.gain, |r, w| r * w);
            let current = Some(Current { leak, delayed: false, reset: false });
            integrate_and_fire(net, site, input, Membrane { gain, current, ..membrane })
        }
        "I" => {
            let membrane = Membrane::perfect(site)?;
            integrate(net, site.ir, site.ir, input, &membrane);
            Ok(reference_only())
        }
        "LI" => {
            let membrane = Membrane::leaky(site, "tau", site.per("r")?, site.per("v_leak")?)?;
            integrate(net, site.ir, site.ir, input, &membrane);
            Ok(reference_only())
        }
        _ => {
            let current = current(net, site, input)?;
            let membrane = Membrane::leaky(site, "tau_mem", site.per("r")?, site.per("v_leak")?)?;
            integrate(net, site.ir, site.ir, current, &membrane);
            Ok(reference_only())
        }
    }
}

fn reference_only() -> String {
    "forward Euler; a potential without spikes runs in the float reference only".to_owned()
}

/// The synaptic current of a Cuba neuron.
fn current(net: &mut Net, site: Site<'_>, input: String) -> Result<String> {
    let weight = site.per_or("w_in", 1.0)?;
    let membrane = Membrane::leaky(site, "tau_syn", weight, Per::one(0.0))?;
    let base = format!("{}.current", site.ir);
    let name = net.fresh(&base);
    integrate(net, &name, &base, input, &membrane);
    Ok(name)
}

/// Adds `name = keep · name[t−1] + gain · input + pull · rest`; its parts begin with `base`.
fn integrate(net: &mut Net, name: &str, base: &str, input: String, membrane: &Membrane) {
    let bias = membrane.pull.zip(&membrane.rest, |k, rest| k * rest);
    let drive = linear(net, &format!("{base}.in"), input, &membrane.gain, &bias);
    let last = net.helper(&format!("{base}.last"), vec![name.to_owned()], Delay {});
    let kept = linear(net, &format!("{base}.leak"), last, &membrane.keep, &Per::one(0.0));
    net.node(name, vec![drive, kept], Add {});
}

/// Adds `gain · x + bias`, if that is more than `x`; gives the name of the value.
fn linear(net: &mut Net, base: &str, x: String, gain: &Per, bias: &Per) -> String {
    match (gain.values(), bias.values()) {
        ([gain], [bias]) if *gain == 1.0 && *bias == 0.0 => x,
        ([gain], [bias]) => net.helper(base, vec![x], Affine { mul: *gain, add: *bias }),
        (_, [0.0]) => {
            let factor = net.tensor(&format!("{base}.factor"), vec![gain.values().len()], gain.to_f32());
            net.helper(base, vec![x], Scale { factor })
        }
        _ => {
            let n = gain.values().len().max(bias.values().len());
            let wide = |p: &Per| p.zip(&Per::one(0.0), |v, _| v).to_f32();
            let full = |p: &Per| if p.values().len() == n { wide(p) } else { vec![p.values()[0] as f32; n] };
            let mut add = |part: &str, values| net.tensor(&format!("{base}.{part}"), vec![n], values);
            let (weight, bias) = (add("weight", full(gain)), add("bias", full(bias)));
            let (mean, var) = (add("mean", vec![0.0; n]), add("var", vec![1.0; n]));
            net.helper(base, vec![x], BatchNorm { weight, bias, mean, var, eps: 0.0 })
        }
    }
}

fn integrate_and_fire(net: &mut Net, site: Site<'_>, input: String, membrane: Membrane) -> Result<String> {
    let (threshold, reset) = (site.per("v_threshold")?, site.per_or("v_reset", 0.0)?);
    fire(net, site, input, membrane, &threshold, Some(&reset))
}

/// Adds a neuron that fires above the threshold, and what must stand before it; without `reset` it has none.
fn fire(
    net: &mut Net,
    site: Site<'_>,
    input: String,
    membrane: Membrane,
    threshold: &Per,
    reset: Option<&Per>,
) -> Result<String> {
    let Membrane { keep, gain, pull, rest, current } = membrane;
    let whole = |p: &Per| p.values().len() == 1;
    let all_one = [&keep, &gain, &rest, threshold].into_iter().all(whole) && reset.is_none_or(whole);
    // The potential is measured from `base` in units of `unit`.
    let (base, unit) = if all_one {
        (Per::one(0.0), Per::one(1.0))
    } else {
        (rest.clone(), threshold.zip(&rest, |t, a| t - a))
    };
    if unit.values().iter().any(|&u| u <= 0.0) {
        return Err(differ(site, "the threshold is not above the rest potential"));
    }
    let scaled = |p: &Per| p.zip(&base, |v, a| v - a).zip(&unit, |v, u| v / u);
    let constant = |p: &Per, what: &str| {
        p.uniform().ok_or_else(|| differ(site, &format!("{what} differ between channels")))
    };
    let reset = match (reset, site.settings.reset) {
        (None, _) => Reset::None,
        (Some(v), ResetRule::Value) => {
            Reset::Value { value: constant(&scaled(v), "the reset potentials, in units of the threshold,")? }
        }
        (Some(_), ResetRule::Subtract | ResetRule::SubtractLate) => {
            let value = threshold.zip(&unit, |t, u| t / u);
            Reset::Subtract { value: constant(&value, "the steps of the reset, in units of the threshold,")? }
        }
    };
    let initial = constant(&scaled(&Per::one(0.0)), "the initial potentials, in units of the threshold,")?;
    let leak = constant(&keep, "the time constants")?;
    let bias = pull.zip(&rest.zip(&base, |r, a| r - a), |k, r| k * r);
    let bias = constant(&bias, "the rest potentials")?;
    let gain = gain.zip(&unit, |g, u| g / u);
    let direct = gain.values().len() == 1 && gain.values()[0] > 0.0;
    let input_gain = if direct { gain.values()[0] } else { 1.0 };
    let x =
        if direct { input } else { linear(net, &format!("{}.gain", site.ir), input, &gain, &Per::one(0.0)) };
    let neuron = Neuron {
        leak,
        input_gain,
        input_bias: bias,
        threshold: if all_one { threshold.values()[0] } else { 1.0 },
        compare: Compare::Above,
        reset,
        reset_timing: timing(site, reset),
        initial,
        current,
        ..Neuron::default()
    };
    net.node(site.ir, vec![x], neuron);
    let scaling = if all_one { "" } else { "; parameters of its channels are scaled into its input" };
    Ok(format!("forward Euler: leak {leak}, input gain {input_gain}, bias {bias}{scaling}"))
}

fn timing(site: Site<'_>, reset: Reset) -> ResetTiming {
    if site.settings.reset == ResetRule::SubtractLate && reset != Reset::None {
        ResetTiming::NextCharge
    } else {
        ResetTiming::SameStep
    }
}

fn differ(site: Site<'_>, what: &str) -> pulvinar_ir::Diagnostic {
    refuse(
        "E0515",
        site.fields.name,
        format!("{what}, and a neuron here has one set of constants"),
        "train the layer with one value for all its neurons, or split it by channel",
    )
}
