//! Layers of neurons that SpikingJelly 2 registers as operations: `sj_if`, `sj_lif` and `sj_plif`.
//!
//! ```text
//! sj_if    H = V + X
//! sj_lif   H = V + (X − (V − V_r)) / tau,      or without decay_input  H = V − (V − V_r) / tau + X
//! sj_plif  the same with 1 / tau = sigmoid(w)
//! ```
//!
//! They fire at H ≥ threshold; `reset` is V_r, or none for a subtraction of the threshold (then V_r = 0).
//! Source: SpikingJelly 2.0.0, `spikingjelly/_ops`.

use super::call::{Arg, Call};
use crate::import::refuse;
use crate::traced::program::{Id, Kind, Program};
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset};
use pulvinar_ir::Result;

/// Results of an operation, if it is one of these: spikes, potential, potential before the reset.
pub(super) fn call(call: &Call, program: &mut Program) -> Result<Option<Vec<Id>>> {
    let name = call.target.trim_end_matches(".default");
    let (share, decay_input) = match name {
        "sj_if.forward" => (0.0, false),
        "sj_lif.forward" => {
            let tau = call.real("tau")?;
            if tau < 1.0 {
                return Err(refuse(
                    "E0511",
                    &call.name,
                    format!("a time constant of {tau} steps"),
                    "a time constant is at least 1 step",
                ));
            }
            (1.0 / tau, call.flag("decay_input", true)?)
        }
        "sj_plif.forward" => {
            let w = call.tensor(program, "w")?;
            let w = program.uniform(w).ok_or_else(|| {
                refuse("E0515", &call.name, "its time constants differ", "use one time constant a layer")
            })?;
            (1.0 / (1.0 + (-w).exp()), call.flag("decay_input", true)?)
        }
        _ => return Ok(None),
    };
    let threshold = call.real("threshold")?;
    let rest = match call.args.get("reset") {
        None | Some(Arg::Nothing) => None,
        Some(_) => Some(call.real("reset")?),
    };
    let neuron = Neuron {
        leak: 1.0 - share,
        input_gain: if decay_input { share } else { 1.0 },
        input_bias: rest.unwrap_or(0.0) * share,
        threshold,
        compare: Compare::AtLeast,
        reset: rest.map_or(Reset::Subtract { value: threshold }, |value| Reset::Value { value }),
        ..Neuron::default()
    };
    let (x, v) = (call.tensor(program, "x")?, call.tensor(program, "v")?);
    let shape = program.shape(x).to_vec();
    if shape.get(1..) != Some(program.shape(v)) {
        let text = format!("current of shape {shape:?} and potential of shape {:?}", program.shape(v));
        return Err(crate::traced::program::mismatch(&call.name, text));
    }
    let spikes = program.push(&call.name, Kind::Fire(neuron), &[x, v], shape.clone())?;
    let every = call.flag("store_v_seq", true)?;
    let left = if every && shape[0] != 1 {
        program.unknown(&call.name, "the potential of every step", &[spikes], shape.clone())?
    } else {
        let left = program.push(&call.name, Kind::Left, &[spikes], shape[1..].to_vec())?;
        if every {
            program.view(&call.name, left, shape.clone())?
        } else {
            left
        }
    };
    let charged = program.unknown(&call.name, "the potential before the reset", &[spikes], shape)?;
    Ok(Some(vec![spikes, left, charged]))
}
