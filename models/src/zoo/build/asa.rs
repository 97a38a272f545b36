//! The three-layer networks of ASA-SNN: convolution, norm, average pool, attention, neuron; then fully connected layers.

use super::net::{leaky, Conv, Net};
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::Compare;
use pulvinar_ir::{Graph, Result};

const SOURCE: &str =
    "ASA-SNN: Yao et al., \"Inherent Redundancy in Spiking Neural Networks\", ICCV 2023 (arXiv 2308.08227)";

fn build(setting: &Setting, fill: Fill, widths: [usize; 3], ratio: usize) -> Result<Graph> {
    let (mut net, mut x) = Net::new("asa", setting, InputKind::Counts, fill)?;
    let own = leaky(0.3, 1.0, 0.3, Compare::AtLeast, 0.0);
    for (i, (width, pool)) in widths.into_iter().zip([1, 2, 2]).enumerate() {
        let name = format!("conv{i}");
        x = net.conv_norm(&name, x, Conv::new(setting.width(width), 3).biased())?;
        x = net.avg_pool(&format!("{name}.pool"), x, pool)?;
        x = net.asa(&format!("{name}.attention"), x, ratio)?;
        x = net.node(&format!("{name}.spikes"), own.clone(), &[x])?;
    }
    x = net.flatten(x)?;
    for (name, out) in [("fc0", setting.width(256)), ("fc1", setting.classes)] {
        x = net.linear(name, x, out, true)?;
        x = net.node(&format!("{name}.spikes"), own.clone(), &[x])?;
    }
    net.answer(x)
}

const IDLE: &[(u64, &str)] =
    &[(117, "attention inside the neurons of the convolutions, which they do not call")];

const fn at(classes: usize) -> Setting {
    Setting::new(60, [2, 32, 32], classes)
}

/// The networks of this family.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new("asa-a", "DVS Gesture", SOURCE, at(11), |s, f| build(s, f, [64, 128, 128], 4)).beside(IDLE),
    Builder::new("asa-a-gait-day", "DVS Gait, day", SOURCE, at(20), |s, f| build(s, f, [64, 128, 128], 4))
        .beside(IDLE),
    Builder::new("asa-d", "DVS Gait, night", SOURCE, at(20), |s, f| build(s, f, [32, 32, 32], 8))
        .beside(IDLE),
];
