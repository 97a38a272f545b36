//! Event networks of five 3×3 convolutions on 128² frames: convolution, norm, neuron and pool over 2×2, five times, two fully
//! connected layers, and a vote of ten neurons a class. Attention stands before the neuron (ASA) or behind it (TCJA).

use super::net::{leaky, Conv, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::{Graph, Result};

const PLIF: &str = "PLIF: Fang et al., \"Incorporating Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks\", ICCV 2021 (arXiv 2007.05785); the five-layer network of MA-SNN and ASA-SNN";
const ASA: &str =
    "ASA-SNN: Yao et al., \"Inherent Redundancy in Spiking Neural Networks\", ICCV 2023 (arXiv 2308.08227)";
const TCJA: &str =
    "TCJA-SNN: Zhu et al., \"TCJA-SNN: Temporal-Channel Joint Attention for Spiking Neural Networks\" (arXiv 2206.10177)";

/// Attention of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Module {
    /// None.
    None,
    /// Advance spatial attention before every neuron of a convolution.
    Asa,
    /// Temporal-channel joint attention behind the last two neurons of convolutions.
    Tcja,
}

/// What differs between the networks.
struct Plan {
    /// Width of the first convolution.
    first: usize,
    /// Whether the first four pools average; the last takes the maximum in all networks.
    average: bool,
    /// Bias of the fully connected layers.
    bias: bool,
    module: Module,
}

/// Neurons that vote for a class.
const VOTERS: usize = 10;

fn build(setting: &Setting, fill: Fill, plan: Plan) -> Result<Graph> {
    let (mut net, mut x) = Net::new("five-layer", setting, InputKind::Counts, fill)?;
    // tau 2: the membrane goes half the way to its input.
    let own = leaky(0.5, 0.5, 1.0, Compare::AtLeast, 0.0);
    for i in 0..5 {
        let name = format!("conv{i}");
        let width = setting.width(if i == 0 { plan.first } else { 128 });
        x = net.conv_norm(&name, x, Conv::new(width, 3))?;
        if plan.module == Module::Asa {
            x = net.asa(&format!("{name}.attention"), x, 1)?;
        }
        x = net.node(&format!("{name}.spikes"), own.clone(), &[x])?;
        if plan.module == Module::Tcja && i >= 3 {
            x = net.tcja(&format!("{name}.attention"), x, 4)?;
        }
        let pool = format!("{name}.pool");
        x = if plan.average && i < 4 { net.avg_pool(&pool, x, 2)? } else { net.max_pool(&pool, x, 2, 0)? };
    }
    x = net.flatten(x)?;
    for (name, out) in [("fc0", setting.width(512)), ("fc1", VOTERS * setting.classes)] {
        x = net.linear(name, x, out, plan.bias)?;
        x = net.node(&format!("{name}.spikes"), own.clone(), &[x])?;
    }
    x = net.vote(x, VOTERS)?;
    net.answer(x)
}

/// The plain network, or with ASA.
const fn plif(module: Module) -> Plan {
    Plan { first: 128, average: false, bias: true, module }
}

const AVERAGING: Plan = Plan { first: 64, average: true, bias: true, module: Module::Asa };
const ON_SPIKES: Plan = Plan { first: 128, average: false, bias: false, module: Module::Tcja };

const LEARNED: &[(u64, &str)] =
    &[(7, "time constants of the neurons, learned, here attributes with their first value")];

/// DVS Gesture.
const GESTURE: Setting = Setting::new(20, [2, 128, 128], 11);
/// DailyAction and Recognition: 346 × 260 pixels, halved.
const ACTION: Setting = Setting::new(36, [2, 130, 173], 10);

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("five-layer", "DVS Gesture, no attention", PLIF, GESTURE, |s, f| {
        build(s, f, plif(Module::None))
    })
    .beside(LEARNED),
    Builder::new("asa-b", "DVS Gesture, maximum pools", ASA, GESTURE, |s, f| build(s, f, plif(Module::Asa)))
        .beside(LEARNED),
    Builder::new("asa-b-action", "DailyAction and Recognition", ASA, ACTION, |s, f| {
        build(s, f, plif(Module::Asa))
    })
    .beside(LEARNED),
    Builder::new("asa-c", "DVS Gesture, average pools", ASA, GESTURE, |s, f| build(s, f, AVERAGING)),
    Builder::new("tcja-dvs128", "DVS Gesture, gates on spikes", TCJA, GESTURE, |s, f| build(s, f, ON_SPIKES)),
];
