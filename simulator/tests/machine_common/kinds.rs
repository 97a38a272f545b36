//! Random layers of rarer kinds: tables, values of the first step, and gates that another layer makes.

use super::nets::{empty, gate_of};
use super::Net;
use pulvinar_ir::op::{concat, gate, hold, pulse, requantise, table};
use pulvinar_ir::{NodeId, Pass, Strategy, Synapse};

/// conv → a table, or the value of the first step alone or held → graded events or, but for what is held, a neuron.
pub fn remembered(net: &mut Net, x: NodeId, from: NodeId, late: bool, threshold: i32) -> NodeId {
    let outputs = 1 + net.rng.below(5);
    let conv = net.conv(from, outputs, 3, 1, 1);
    let small = requantise::Requantise { mul: 1, shift: 2, lo: 0, hi: 15, scale: 1.0 };
    let small = net.push("small", small, &[conv]);
    let kind = net.rng.below(3);
    let y = match kind {
        0 => {
            let table = net.tensor("table", vec![16], -20, 30);
            let ramp = table::Table { table, lo: 0, function: "noise".into() };
            net.push("table", ramp, &[small])
        }
        1 => net.push("pulse", pulse::Pulse {}, &[small]),
        _ => net.push("hold", hold::Hold {}, &[small]),
    };
    let mut steps = vec![small, y];
    // A table may be negative, and a held value has the memory of the neuron.
    if kind == 0 || kind == 1 && net.rng.chance(50) {
        steps.push(net.lif(y, threshold));
    }
    let out = steps[steps.len() - 1];
    net.stage(&[(conv, x, late)], conv, &steps, out);
    out
}

/// Two convolutions, both gated by statistics of the first, and a neuron on both side by side.
pub fn lending_layers(net: &mut Net, x: NodeId) -> NodeId {
    let outputs = 1 + net.rng.below(5);
    let [lender, borrower] = [0, 1].map(|_| net.conv(x, outputs, 3, 1, 1));
    let mut first = empty();
    let made = gate_of(net, lender, false, &mut first);
    let gated = |net: &mut Net, conv: NodeId, first: Pass| {
        let product = net.push("gated", gate::Gate { shift: 8 }, &[conv, made]);
        let threshold = net.rng.range(1, 8) as i32;
        let lif = net.lif(product, threshold);
        let last = Pass { elementwise: vec![product, lif], gates: vec![made], ..empty() };
        let strategy = net.rng.pick(&[Strategy::SpillSram, Strategy::SpillDram, Strategy::Recompute]);
        let synapse = Synapse { node: conv, source: x, delayed: false };
        net.push_stage(vec![synapse], conv, vec![first, last], strategy, lif);
        lif
    };
    let spikes = [gated(net, lender, first), gated(net, borrower, empty())];
    let both = net.push("both", concat::Concat {}, &spikes);
    let lif = net.lif(both, 1);
    net.stage(&spikes.map(|s| (both, s, false)), both, &[lif], lif);
    lif
}
