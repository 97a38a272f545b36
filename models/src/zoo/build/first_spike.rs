//! Fully connected networks whose neurons fire at most once: time to first spike. Synaptic operations of an inference are its
//! spikes times their fan-out, at most one spike a neuron.

use super::net::Net;
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Current, Neuron, Reset};
use pulvinar_ir::{Graph, Result};

const YOSO: &str = "YOSO: Srivatsa et al., \"You Only Spike Once: Improving Energy-Efficient Neuromorphic Inference to ANN-Level Accuracy\" (arXiv 2006.09982); an MLP of our sizes";
const REL_PSP: &str = "ReL-PSP: Zhang et al., \"Rectified Linear Postsynaptic Potential Function for Backpropagation in Deep Spiking Neural Networks\" (arXiv 2003.11837); an MLP of our sizes";

/// Hidden layers.
const HIDDEN: [usize; 2] = [400, 400];

fn build(setting: &Setting, fill: Fill, current: Option<Current>) -> Result<Graph> {
    let (mut net, mut x) = Net::new("first-spike", setting, InputKind::Binary, fill)?;
    let once = Neuron { reset: Reset::None, budget: Some([0, 1]), current, ..Neuron::default() };
    x = net.flatten(x)?;
    let widths = HIDDEN.map(|w| setting.width(w)).into_iter().chain([setting.classes]);
    for (i, out) in widths.enumerate() {
        x = net.linear(&format!("fc{i}"), x, out, false)?;
        x = net.node(&format!("fc{i}.spikes"), once.clone(), &[x])?;
    }
    net.answer(x)
}

/// The potential rises with every spike taken by the time since then: the weights add up to a slope.
const RAMP: Current = Current { leak: 1.0, delayed: true, reset: false };

const MNIST: Setting = Setting::new(20, [1, 28, 28], 10);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("yoso-mlp", "MNIST, one spike a neuron, potentials of steps", YOSO, MNIST, |s, f| {
        build(s, f, None)
    }),
    Builder::new("rel-psp-mlp", "MNIST, one spike a neuron, potentials of ramps", REL_PSP, MNIST, |s, f| {
        build(s, f, Some(RAMP))
    }),
];
