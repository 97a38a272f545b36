//! The network of STSC-SNN for spoken digits: a temporal filter and a gate on the 700 input channels, three fully connected
//! layers with neurons, and a vote of five neurons a class.

use super::net::{leaky, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::{Graph, Result};

/// Neurons that vote for a class.
const VOTERS: usize = 5;

fn build(setting: &Setting, fill: Fill) -> Result<Graph> {
    let (mut net, x) = Net::new("stsc", setting, InputKind::Counts, fill)?;
    // tau 10, the input undamped.
    let own = leaky(0.9, 1.0, 0.3, Compare::AtLeast, 0.0);
    let mut x = net.stsc("synapse", x, 5)?;
    let hidden = setting.width(128);
    for (name, out) in [("fc0", hidden), ("fc1", hidden), ("fc2", VOTERS * setting.classes)] {
        x = net.linear(name, x, out, true)?;
        x = net.node(&format!("{name}.spikes"), own.clone(), &[x])?;
    }
    x = net.vote(x, VOTERS)?;
    net.answer(x)
}

const SOURCE: &str = "STSC-SNN: Yu et al., \"STSC-SNN: Spatio-Temporal Synaptic Connection with Temporal Convolution and Attention for Spiking Neural Networks\" (arXiv 2210.05241)";

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[Builder::new(
    "stsc-shd",
    "Spiking Heidelberg Digits",
    SOURCE,
    Setting::new(15, [700, 1, 1], 20),
    build,
)];
