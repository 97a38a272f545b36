//! Layers without state.

use super::build::{Net, Site};
use super::param::{refuse, Array};
use super::shape::{chw, mismatch, squeezed};
use super::window;
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::scale::Scale;
use pulvinar_ir::Result;

fn single(array: &Array) -> Vec<f32> {
    array.values.iter().map(|&v| v as f32).collect()
}

/// A bias of as many values as there are outputs.
fn bias(net: &mut Net, site: Site<'_>, outputs: usize) -> Result<String> {
    let array = site.fields.numbers("bias")?;
    if array.values.len() != outputs {
        let text = format!("bias of shape {:?} for {outputs} outputs", array.shape);
        return Err(mismatch(site.fields, text));
    }
    Ok(net.tensor(&format!("{}.bias", site.ir), vec![outputs], single(array)))
}

/// `Affine` and `Linear`.
pub(super) fn linear(net: &mut Net, site: Site<'_>, mut x: String) -> Result<String> {
    let array = site.fields.ranked("weight", 2)?;
    if chw(site.input)[1..] != [1, 1] {
        x = net.helper(&format!("{}.flat", site.ir), vec![x], Flatten {});
    }
    let weight = net.tensor(&format!("{}.weight", site.ir), array.shape.clone(), single(array));
    let affine = site.fields.node.kind == "Affine";
    let bias = affine.then(|| bias(net, site, array.shape[0])).transpose()?;
    net.node(site.ir, vec![x], Linear { weight, bias });
    Ok(String::new())
}

/// `Conv1d` and `Conv2d`; a bias of zeros is none.
pub(super) fn conv(net: &mut Net, site: Site<'_>, x: String) -> Result<String> {
    let g = window::geometry(site.fields)?;
    let array = site.fields.numbers("weight")?;
    let shape = vec![array.shape[0], array.shape[1], g.kernel[0], g.kernel[1]];
    let weight = net.tensor(&format!("{}.weight", site.ir), shape, single(array));
    let none = match site.fields.node.params.get("bias") {
        Some(_) => site.fields.numbers("bias")?.uniform() == Some(0.0),
        None => true,
    };
    let bias = if none { None } else { Some(bias(net, site, array.shape[0])?) };
    let groups = site.fields.size("groups")?;
    let op = Conv2d { weight, bias, stride: g.stride, padding: g.padding, dilation: g.dilation, groups };
    net.node(site.ir, vec![x], op);
    Ok(String::new())
}

/// `AvgPool2d`, padding counted, and `SumPool2d`, a convolution of ones.
pub(super) fn pool(net: &mut Net, site: Site<'_>, x: String) -> Result<String> {
    let g = window::geometry(site.fields)?;
    if site.fields.node.kind == "AvgPool2d" {
        net.node(site.ir, vec![x], AvgPool { kernel: g.kernel, stride: g.stride, padding: g.padding });
        return Ok("padding counts in the mean".to_owned());
    }
    let channels = chw(site.input)[0];
    let taps = channels.checked_mul(g.kernel[0] * g.kernel[1]).filter(|n| *n <= 1 << 24);
    let taps = taps.ok_or_else(|| mismatch(site.fields, "its windows are absurdly large".to_owned()))?;
    let shape = vec![channels, 1, g.kernel[0], g.kernel[1]];
    let weight = net.tensor(&format!("{}.weight", site.ir), shape, vec![1.0; taps]);
    let op = Conv2d {
        weight,
        bias: None,
        stride: g.stride,
        padding: g.padding,
        dilation: g.dilation,
        groups: channels,
    };
    net.node(site.ir, vec![x], op);
    Ok("a convolution of ones, channel by channel".to_owned())
}

/// `Flatten` of all axes.
pub(super) fn flatten(net: &mut Net, site: Site<'_>, x: String) -> Result<String> {
    if squeezed(site.output).len() > 1 {
        return Err(refuse(
            "E0515",
            site.fields.name,
            format!("it leaves the shape {:?}, and values are flattened whole here", site.output),
            "set start_dim = 0 and end_dim = -1 (NIR counts no batch axis)",
        ));
    }
    net.node(site.ir, vec![x], Flatten {});
    Ok(String::new())
}

/// `Scale`.
pub(super) fn scale(net: &mut Net, site: Site<'_>, x: String) -> Result<String> {
    let factors = site.per("scale")?;
    let n = factors.values().len();
    let factor = net.tensor(&format!("{}.factor", site.ir), vec![n], factors.to_f32());
    net.node(site.ir, vec![x], Scale { factor });
    Ok(String::new())
}

/// `Delay` of whole steps.
pub(super) fn delay(net: &mut Net, site: Site<'_>, mut x: String) -> Result<String> {
    let delay = site.per("delay")?.uniform().ok_or_else(|| {
        refuse("E0515", site.fields.name, "its delays differ", "give every group of equal delays a node")
    })?;
    let exact = delay / site.settings.dt;
    let steps = exact.round();
    let timesteps = site.settings.timesteps;
    if (exact - steps).abs() > 1e-4 || steps < 0.0 || steps >= timesteps as f64 {
        return Err(refuse(
            "E0516",
            site.fields.name,
            format!("a delay of {delay} s is {exact} steps of {} s, of {timesteps}", site.settings.dt),
            "give a step (`--dt`) of which every delay is a whole multiple, and more steps than the delay",
        ));
    }
    let steps = steps as usize;
    for _ in 1..steps {
        x = net.helper(&format!("{}.step", site.ir), vec![x], Delay {});
    }
    if steps == 0 {
        net.node(site.ir, vec![x], Affine { mul: 1.0, add: 0.0 });
    } else {
        net.node(site.ir, vec![x], Delay {});
    }
    Ok(format!("{steps} step(s)"))
}
