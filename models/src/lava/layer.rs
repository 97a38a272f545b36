//! One layer after the other.

use super::file::Layer;
use crate::import::net::Net;
use crate::import::{refuse, Rating, Reason};
use crate::traced::program::Window;
use pulvinar_ir::op::affine::Affine;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::delay::Delay;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::neuron::{Compare, Current, Neuron, Reset};
use pulvinar_ir::{Diagnostic, Result};

/// A decay of all.
const WHOLE: f64 = 4096.0;

/// The chain as far as it is translated.
pub(super) struct Chain {
    /// Name of its value.
    pub value: String,
    /// Channels, rows, columns of its value.
    shape: [usize; 3],
    /// Channels, rows, columns of the input.
    pub input: [usize; 3],
    /// True after an average over time.
    pub mean: bool,
    steps: usize,
}

fn mismatch(layer: &Layer, text: String) -> Diagnostic {
    refuse("E0514", &layer.name, text, "correct the layer or its neighbour; shapes are [C, H, W] or [N]")
}

/// Channels, rows, columns of a layer's `shape`.
fn shape(layer: &Layer) -> Result<[usize; 3]> {
    let sizes = layer.sizes("shape")?;
    let absurd =
        sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_none_or(|n| n == 0 || n > 1 << 28);
    match sizes[..] {
        _ if absurd => Err(mismatch(layer, format!("shape {sizes:?} is empty or absurdly large"))),
        [n] => Ok([n, 1, 1]),
        [c, h, w] => Ok([c, h, w]),
        _ => Err(mismatch(layer, format!("shape {sizes:?} has not one or three axes"))),
    }
}

impl Chain {
    /// The input: an `input` layer says its shape, a `dense` one its size.
    pub fn start(net: &mut Net, layers: &[Layer], steps: usize) -> Result<Self> {
        let first = &layers[0];
        let input = match first.kind.as_str() {
            "dense" if first.has("inFeatures") => [first.sizes("inFeatures")?.iter().product(), 1, 1],
            "dense" => match first.numbers("weight")?.shape[..] {
                [_, n] => [n, 1, 1],
                _ => return Err(first.wrong("weight", "has not two axes")),
            },
            "input" | "flatten" => shape(first)?,
            _ => {
                return Err(refuse(
                    "E0514",
                    &first.name,
                    "the shape of the input follows from nothing",
                    "begin the network with an input layer",
                ))
            }
        };
        let value = net.fresh("input");
        Ok(Chain { value, shape: input, input, mean: false, steps })
    }

    /// Translates a layer.
    pub fn layer(&mut self, net: &mut Net, layer: &Layer, reasons: &mut Vec<Reason>) -> Result<()> {
        let done = self.translate(net, layer);
        let (rating, text) = match &done {
            Ok(said) => said.clone(),
            Err(d) => (Rating::Refused, d.message.clone()),
        };
        reasons.push(Reason { node: layer.name.clone(), rating, text });
        done.map(|_| ())
    }

    fn translate(&mut self, net: &mut Net, layer: &Layer) -> Result<(Rating, String)> {
        if self.mean {
            return Err(refuse(
                "E0513",
                &layer.name,
                "it follows an average over time",
                "end the network there",
            ));
        }
        match layer.kind.as_str() {
            "input" => self.entry(net, layer)?,
            "dense" => self.dense(net, layer)?,
            "conv" => self.conv(net, layer)?,
            "pool" => self.pool(net, layer)?,
            "flatten" => {
                self.flatten(net, layer);
                return Ok((Rating::Exact, String::new()));
            }
            "average" => {
                self.mean = true;
                return Ok((Rating::Exact, "the mean over time".to_owned()));
            }
            other => {
                return Err(refuse(
                    "E0512",
                    &layer.name,
                    format!("type `{other}` is not read here"),
                    "types read here: input, dense, conv, pool, flatten, average",
                ))
            }
        }
        if layer.kind != "input" || layer.has("neuron/type") {
            self.expect(layer)?;
            return self.neuron(net, layer);
        }
        Ok((Rating::Exact, String::new()))
    }

    /// The file's shape of the value must be the one that follows.
    fn expect(&self, layer: &Layer) -> Result<()> {
        if layer.has("shape") {
            let told = shape(layer)?;
            if told != self.shape {
                let text = format!("it has shape {:?} and the file says {told:?}", self.shape);
                return Err(mismatch(layer, text));
            }
        }
        Ok(())
    }

    fn add(&mut self, net: &mut Net, base: &str, op: impl Into<pulvinar_ir::Op>) {
        self.value = net.helper(base, vec![self.value.clone()], op);
    }

    /// An input layer may scale and shift what comes in.
    fn entry(&mut self, net: &mut Net, layer: &Layer) -> Result<()> {
        let (mul, add) = (layer.number_or("weight", 1.0)?, layer.number_or("bias", 0.0)?);
        if (mul, add) != (1.0, 0.0) {
            self.add(net, &format!("{}.scale", layer.name), Affine { mul, add });
        }
        Ok(())
    }

    fn flatten(&mut self, net: &mut Net, layer: &Layer) {
        if self.shape[1..] != [1, 1] {
            self.add(net, &layer.name, Flatten {});
            self.shape = [self.shape.iter().product(), 1, 1];
        }
    }

    fn bias(net: &mut Net, layer: &Layer, outputs: usize) -> Result<Option<String>> {
        if !layer.has("bias") {
            return Ok(None);
        }
        let array = layer.numbers("bias")?;
        let values: Vec<f32> = match array.values.len() {
            1 => vec![array.values[0] as f32; outputs],
            n if n == outputs => array.values.iter().map(|&v| v as f32).collect(),
            n => return Err(mismatch(layer, format!("{n} biases for {outputs} outputs"))),
        };
        Ok(Some(net.tensor(&format!("{}.bias", layer.name), vec![outputs], values)))
    }

    fn dense(&mut self, net: &mut Net, layer: &Layer) -> Result<()> {
        let array = layer.numbers("weight")?;
        let size: usize = self.shape.iter().product();
        let ([outputs, inputs] | [outputs, inputs, 1, 1] | [outputs, inputs, 1, 1, 1]) = array.shape[..]
        else {
            return Err(layer.wrong("weight", "has not two axes"));
        };
        if inputs != size {
            return Err(mismatch(layer, format!("weights {:?} on {size} values", array.shape)));
        }
        self.flatten(net, &Layer { name: format!("{}.flat", layer.name), ..layer.clone() });
        let values = array.values.iter().map(|&v| v as f32).collect();
        let weight = net.tensor(&format!("{}.weight", layer.name), vec![outputs, inputs], values);
        let bias = Self::bias(net, layer, outputs)?;
        self.add(net, &format!("{}.synapse", layer.name), Linear { weight, bias });
        self.shape = [outputs, 1, 1];
        Ok(())
    }

    /// The window of a layer, and the rows and columns that come out.
    fn window(&self, layer: &Layer, kernel: [usize; 2], stride: [usize; 2]) -> Result<(Window, [usize; 2])> {
        let [top, left] = layer.pair("padding", 0)?;
        let dilation = layer.pair("dilation", 1)?;
        let window = Window { kernel, stride, padding: [top, top, left, left], dilation };
        let size = |i: usize, pad: usize| {
            let (k, d, s) = (kernel[i], dilation[i], stride[i]);
            let span = (k > 0 && d > 0 && s > 0).then(|| d.checked_mul(k - 1)).flatten()?;
            (self.shape[1 + i] + 2 * pad).checked_sub(span + 1).map(|rest| rest / s + 1)
        };
        match (size(0, top), size(1, left)) {
            (Some(rows), Some(columns)) => Ok((window, [rows, columns])),
            _ => Err(mismatch(layer, format!("its window does not fit shape {:?}", self.shape))),
        }
    }

    fn conv(&mut self, net: &mut Net, layer: &Layer) -> Result<()> {
        let array = layer.numbers("weight")?;
        let ([o, i, h, w] | [o, i, h, w, 1]) = array.shape[..] else {
            return Err(layer.wrong("weight", "has not four axes"));
        };
        let groups = layer.number_or("groups", 1.0)?.clamp(0.0, 1e6) as usize;
        if groups == 0 || i.checked_mul(groups) != Some(self.shape[0]) || o == 0 || o % groups != 0 {
            let text = format!("weights {:?} in {groups} group(s) on shape {:?}", array.shape, self.shape);
            return Err(mismatch(layer, text));
        }
        let (window, [rows, columns]) = self.window(layer, [h, w], layer.pair("stride", 1)?)?;
        let values = array.values.iter().map(|&v| v as f32).collect();
        let weight = net.tensor(&format!("{}.weight", layer.name), vec![o, i, h, w], values);
        let bias = Self::bias(net, layer, o)?;
        self.convolve(net, layer, window, (weight, bias, groups));
        self.shape = [o, rows, columns];
        Ok(())
    }

    fn convolve(
        &mut self,
        net: &mut Net,
        layer: &Layer,
        window: Window,
        parts: (String, Option<String>, usize),
    ) {
        let (weight, bias, groups) = parts;
        let Window { stride, padding, dilation, .. } = window;
        let op = Conv2d { weight, bias, stride, padding, dilation, groups };
        self.add(net, &format!("{}.synapse", layer.name), op);
    }

    /// A pool is a sum over windows times one weight, channel by channel.
    fn pool(&mut self, net: &mut Net, layer: &Layer) -> Result<()> {
        let kernel = layer.pair("kernelSize", 0)?;
        let stride = if layer.has("stride") { layer.pair("stride", 1)? } else { kernel };
        let (window, [rows, columns]) = self.window(layer, kernel, stride)?;
        let factor = layer.number_or("weight", 1.0)? as f32;
        let channels = self.shape[0];
        let taps =
            channels.checked_mul(kernel[0]).and_then(|n| n.checked_mul(kernel[1])).filter(|n| *n <= 1 << 24);
        let taps = taps.ok_or_else(|| mismatch(layer, "its windows are absurdly large".to_owned()))?;
        let shape = vec![channels, 1, kernel[0], kernel[1]];
        let weight = net.tensor(&format!("{}.weight", layer.name), shape, vec![factor; taps]);
        self.convolve(net, layer, window, (weight, None, channels));
        self.shape = [channels, rows, columns];
        Ok(())
    }

    /// A CUBA neuron, and the delay of its spikes.
    fn neuron(&mut self, net: &mut Net, layer: &Layer) -> Result<(Rating, String)> {
        let unfit = |what: String| {
            refuse(
                "E0515",
                &layer.name,
                what,
                "use CUBA or LIF neurons without graded spikes and refractory time",
            )
        };
        let kind = layer.text("neuron/type").unwrap_or("missing");
        if !["CUBA", "LOIHI", "LIF"].contains(&kind) {
            return Err(unfit(format!("its neuron is of type `{kind}`")));
        }
        if layer.number_or("neuron/gradedSpike", 0.0)? != 0.0 {
            return Err(unfit("its spikes are graded".to_owned()));
        }
        if layer.number_or("neuron/refDelay", 1.0)? > 1.0 {
            return Err(unfit("its neurons rest after a spike".to_owned()));
        }
        let decay = |key: &str| -> Result<f64> {
            let value = layer.number(key)?;
            if (0.0..=WHOLE).contains(&value) {
                Ok(1.0 - value / WHOLE)
            } else {
                Err(layer.wrong(key, &format!("is {value}, and a decay is from 0 to 4096")))
            }
        };
        let (current, leak) = (decay("neuron/iDecay")?, decay("neuron/vDecay")?);
        let neuron = Neuron {
            leak,
            threshold: layer.number("neuron/vThMant")?,
            compare: Compare::Above,
            reset: Reset::Value { value: 0.0 },
            current: (current > 0.0).then_some(Current { leak: current, delayed: false, reset: false }),
            ..Neuron::default()
        };
        self.add(net, &layer.name, neuron);
        self.delay(net, layer)?;
        let whole = |v: f64| v == 0.0 || v == 1.0;
        if whole(current) && whole(leak) {
            return Ok((Rating::Exact, format!("leak {leak}, no rounding on the chip")));
        }
        let text =
            format!("leak {leak}, current {current}; the chip cuts them to six binary places, towards 0");
        Ok((Rating::Approximated, text))
    }

    fn delay(&mut self, net: &mut Net, layer: &Layer) -> Result<()> {
        if !layer.has("delay") {
            return Ok(());
        }
        let steps = layer.numbers("delay")?.uniform().ok_or_else(|| {
            refuse(
                "E0515",
                &layer.name,
                "the delays of its neurons differ",
                "train without delays, or with one a layer",
            )
        })?;
        if steps < 0.0 || steps >= self.steps as f64 || steps.fract() != 0.0 {
            let text = format!("a delay of {steps} steps, of {}", self.steps);
            return Err(refuse("E0516", &layer.name, text, "give more steps than the delay (`--timesteps`)"));
        }
        for _ in 0..steps as usize {
            self.add(net, &format!("{}.delay", layer.name), Delay {});
        }
        Ok(())
    }
}
