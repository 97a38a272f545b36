//! lava-dl `.net` files: networks for Loihi 2 with integer weights, a chain of layers in HDF5.
//!
//! [`file`] reads the container, [`layer`] translates. A CUBA neuron of the chip is, in units of a weight,
//!
//! ```text
//! u ← ⌊(4096 − iDecay) u / 4096⌋₆ + w s
//! v ← ⌊(4096 − vDecay) v / 4096⌋₆ + u + bias,  spike at v > vThMant, which resets v to 0
//! ```
//!
//! where ⌊ ⌋₆ cuts towards 0 after six binary places. The network here keeps all places: exact where a decay is 0 or
//! 4096, and approximated elsewhere. On the chip every layer answers one step after the layer before; here in the same step.
//! Source: lava-dl, `lava.lib.dl.slayer.block` (export) and `lava.lib.dl.netx.hdf5` (import), and the bit-accurate LIF
//! process of Lava.

#![allow(clippy::float_cmp)] // constants of a file are compared to the last bit

mod file;
mod layer;

use crate::import::net::Net;
use crate::import::{timesteps, without, Answer, Format, Options, Reason, Written};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Diagnostic, Graph, Result};

/// lava-dl among the formats that are read.
pub const FORMAT: Format = Format { name: "lava-dl", extension: "net", recognises: file::recognises, read };

fn read(name: &str, bytes: &[u8], options: &Options, reasons: &mut Vec<Reason>) -> Result<(Graph, Written)> {
    without(&[("--dt", options.dt.is_some()), ("--reset", options.reset.is_some())], "a lava-dl file")?;
    let steps = timesteps(options, "a lava-dl file")?;
    let layers = file::read(bytes)?;
    let mut net = Net::default();
    let mut chain = layer::Chain::start(&mut net, &layers, steps)?;
    let mut refused: Vec<Diagnostic> = Vec::new();
    for layer in &layers {
        if let Err(d) = chain.layer(&mut net, layer, reasons) {
            refused.push(d);
            break;
        }
    }
    if let Some(d) = refused.pop() {
        return Err(d);
    }
    let mut assumptions = vec![
        "lava-dl: spikes pass through all layers in one step; on the chip every layer answers one step later"
            .to_owned(),
    ];
    if options.input.is_none() {
        assumptions.push("lava-dl: the input carries event counts (`--input-kind`)".to_owned());
    }
    let answer = match (chain.mean, options.answer) {
        (true, given) => {
            without(&[("--readout", given.is_some())], "a lava-dl file that averages")?;
            Answer::Mean
        }
        (false, Some(given)) => given,
        (false, None) => {
            assumptions
                .push("lava-dl: the answer is the sum of the output over time (`--readout`)".to_owned());
            Answer::Sum
        }
    };
    let own = net.fresh("output");
    let output = net.read_out(&own, chain.value.clone(), answer);
    let input = ("input", chain.input, options.input.unwrap_or(InputKind::Counts));
    let mut graph = net.assemble(name, steps, input, &output)?;
    graph.assumptions = assumptions;
    Ok((graph, Written { version: "net".to_owned(), framework: "lava-dl".to_owned() }))
}
