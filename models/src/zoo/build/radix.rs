//! Networks under radix coding: trains of T bits, highest first, one layer a window of T steps. Average pools, which are sums
//! of trains.

use super::net::Net;
use super::{Builder, Fill, Setting};
use pulvinar_ir::op::accumulate::{Accumulate, AccumulateKind};
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::radix::Radix;
use pulvinar_ir::op::readout::ReadoutKind;
use pulvinar_ir::{Graph, NodeId, Result};

const LENET: &str = "LeCun et al., \"Gradient-based learning applied to document recognition\", Proc. IEEE 1998, under the radix coding of arXiv 2206.02495";
const VGG: &str = "Simonyan, Zisserman, \"Very Deep Convolutional Networks for Large-Scale Image Recognition\" (arXiv 1409.1556), configuration A for 32² images, under the radix coding of arXiv 2206.02495";

/// A layer of a network.
enum Layer {
    /// Outputs, kernel, padding on all sides.
    Conv(usize, usize, usize),
    /// Average over 2×2.
    Pool,
    /// Outputs.
    Linear(usize),
}
use Layer::{Conv as C, Linear as L, Pool as P};

const LENET_LAYERS: &[Layer] = &[C(6, 5, 2), P, C(16, 5, 0), P, L(120), L(84)];
const VGG_LAYERS: &[Layer] = &[
    C(64, 3, 1),
    P,
    C(128, 3, 1),
    P,
    C(256, 3, 1),
    C(256, 3, 1),
    P,
    C(512, 3, 1),
    C(512, 3, 1),
    P,
    C(512, 3, 1),
    C(512, 3, 1),
    P,
    L(4096),
    L(4096),
];

fn build(setting: &Setting, fill: Fill, layers: &[Layer]) -> Result<Graph> {
    let hidden = layers.iter().filter(|l| !matches!(l, P)).count();
    let window = (setting.timesteps / (hidden + 1)).max(1);
    let setting = &Setting { timesteps: window * (hidden + 1), ..*setting };
    let (mut net, mut x) = Net::new("radix", setting, InputKind::Binary, fill)?;
    let code = |net: &mut Net, name: &str, x: NodeId| {
        let bias = Some(net.vector(&format!("{name}.bias"), net.shape(x).c, 0.0));
        net.node(&format!("{name}.train"), Radix { window, bias, step: 1.0 }, &[x])
    };
    let mut flat = false;
    for (i, layer) in layers.iter().enumerate() {
        let name = format!("layer{i}");
        x = match *layer {
            P => net.avg_pool(&name, x, 2)?,
            C(out, kernel, padding) => {
                let shape = [setting.width(out), net.shape(x).c, kernel, kernel];
                let weight = net.weight(&format!("{name}.weight"), &shape);
                let op = Conv2d { padding: [padding; 4], ..Conv2d::same(&weight, [1, 1]) };
                let y = net.node(&name, op, &[x])?;
                code(&mut net, &name, y)?
            }
            L(out) => {
                if !std::mem::replace(&mut flat, true) {
                    x = net.flatten(x)?;
                }
                let y = net.linear(&name, x, setting.width(out), false)?;
                code(&mut net, &name, y)?
            }
        };
    }
    x = net.linear("last", x, setting.classes, false)?;
    let bias = Some(net.vector("last.bias", setting.classes, 0.0));
    x = net.node("sum", Accumulate { kind: AccumulateKind::Radix, window, bias }, &[x])?;
    net.answer_by(x, ReadoutKind::Last)
}

/// The networks of this family: T = 4 bits, a window for each layer.
pub(super) const NETWORKS: &[Builder] = &[
    Builder::new(
        "radix-lenet-5",
        "MNIST, trains of 4 bits",
        LENET,
        Setting::new(20, [1, 28, 28], 10),
        |s, f| build(s, f, LENET_LAYERS),
    ),
    Builder::new(
        "radix-vgg-11",
        "CIFAR-100, trains of 4 bits",
        VGG,
        Setting::new(44, [3, 32, 32], 100),
        |s, f| build(s, f, VGG_LAYERS),
    ),
];
