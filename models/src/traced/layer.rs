//! Layers with weights, and windows.

use super::emit::{unfit, Emit};
use super::layout::{part, Value};
use super::program::{mismatch, Id, Program, Window};
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::batch_norm::BatchNorm;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::dense::Dense;
use pulvinar_ir::op::flatten::Flatten;
use pulvinar_ir::op::linear::Linear;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::{Axis, Result};

/// Numbers of a parameter.
fn numbers(program: &Program, id: Id) -> &[f64] {
    program.as_const(id).map_or(&[], |c| &c.0)
}

impl Emit<'_> {
    /// A map of the last axis.
    pub(super) fn linear(
        &mut self,
        program: &Program,
        name: &str,
        x: &Value,
        weights: &[Id],
    ) -> Result<Value> {
        let shape = program.shape(weights[0]).to_vec();
        let last = x.dims.len() - 1;
        let inside = |axis: Axis| x.dims[last].iter().any(|p| p.0 == Some(axis));
        let pixels = x.has(Axis::H) || x.has(Axis::W);
        let pixels_inside = inside(Axis::H) || inside(Axis::W);
        let node = self.fresh(name);
        let weight =
            |e: &mut Self, shape: &[usize]| e.tensor(&node, "weight", shape, numbers(program, weights[0]));
        let mut source = x.node.clone();
        let mut dims = x.dims.clone();
        dims[last] = part(Axis::C, shape[0]);
        let bias = weights.get(1).map(|&b| self.tensor(&node, "bias", &shape[..1], numbers(program, b)));
        if pixels_inside {
            let order: Vec<Axis> = x.dims[last].iter().filter_map(|p| p.0).collect();
            let whole = order.len() == x.dims[last].len() && order.windows(2).all(|w| w[0] < w[1]);
            let outside = x.dims[..last].iter().flatten().any(|p| !matches!(p.0, None | Some(Axis::T)));
            if !whole || outside || inside(Axis::T) {
                let text = format!("it maps the last axis of {}", x.words());
                return Err(unfit(
                    name,
                    text,
                    "flatten channels, rows and columns, in this order, before it",
                ));
            }
            source = self.add(&format!("{name}.flat"), &[x], Flatten {});
            let weight = weight(self, &shape);
            self.net.node(&node, vec![source], Linear { weight, bias });
        } else if inside(Axis::T) {
            dims[last] = part(Axis::T, shape[0]);
            let weight = weight(self, &shape);
            self.net.node(&node, vec![source], Dense { weight, bias, axis: Axis::T });
        } else if x.dims[last].iter().any(|p| p.0.is_none()) {
            return Err(unfit(name, "it maps along the batch", "map along channels"));
        } else if pixels {
            let weight = weight(self, &[shape[0], shape[1], 1, 1]);
            let op = Conv2d { weight, bias, stride: [1; 2], padding: [0; 4], dilation: [1; 2], groups: 1 };
            self.net.node(&node, vec![source], op);
        } else if x.statistic {
            let weight = weight(self, &shape);
            self.net.node(&node, vec![source], Dense { weight, bias, axis: Axis::C });
        } else {
            let weight = weight(self, &shape);
            self.net.node(&node, vec![source], Linear { weight, bias });
        }
        self.say(&node, "");
        Ok(Value { node, dims, statistic: x.statistic })
    }

    /// A convolution over rows and columns, or over columns.
    pub(super) fn conv(
        &mut self,
        program: &Program,
        name: &str,
        x: &Value,
        weights: &[Id],
        (window, groups, rows): (&Window, usize, bool),
    ) -> Result<Value> {
        let shape = program.shape(weights[0]);
        let n = x.dims.len();
        let channel = n - if rows { 3 } else { 2 };
        let fits = x.is(n - 1, Axis::W) && (!rows || x.is(n - 2, Axis::H)) && x.is(channel, Axis::C);
        if !fits {
            let text = format!("it convolves {}", x.words());
            return Err(unfit(name, text, "convolutions see channels, rows and columns, in this order"));
        }
        let node = self.fresh(name);
        let kernel = [shape[0], shape[1], window.kernel[0], window.kernel[1]];
        let weight = self.tensor(&node, "weight", &kernel, numbers(program, weights[0]));
        let bias = weights.get(1).map(|&b| self.tensor(&node, "bias", &kernel[..1], numbers(program, b)));
        let op = Conv2d {
            weight,
            bias,
            stride: window.stride,
            padding: window.padding,
            dilation: window.dilation,
            groups,
        };
        self.net.node(&node, vec![x.node.clone()], op);
        self.say(&node, "");
        let mut dims = Self::slid(x, window, rows);
        dims[channel] = part(Axis::C, kernel[0]);
        Ok(Value { node, dims, statistic: false })
    }

    /// Axes after a window has slid over rows and columns.
    fn slid(x: &Value, window: &Window, rows: bool) -> Vec<Vec<super::layout::Part>> {
        let mut dims = x.dims.clone();
        let n = dims.len();
        let size = |d: usize| x.dims[d].first().map_or(1, |p| p.1);
        let out = |i: usize, n: usize| {
            let w = window;
            let span = w.dilation[i] * (w.kernel[i] - 1) + 1;
            (n + w.padding[2 * i] + w.padding[2 * i + 1]).saturating_sub(span) / w.stride[i] + 1
        };
        dims[n - 1] = part(Axis::W, out(1, size(n - 1)));
        if rows {
            dims[n - 2] = part(Axis::H, out(0, size(n - 2)));
        }
        dims
    }

    pub(super) fn pool(&mut self, name: &str, x: &Value, window: &Window, max: bool) -> Result<Value> {
        let n = x.dims.len();
        if !(x.is(n - 1, Axis::W) && x.is(n - 2, Axis::H) && x.is(n - 3, Axis::C)) {
            let text = format!("it pools {}", x.words());
            return Err(unfit(name, text, "pools see channels, rows and columns, in this order"));
        }
        let (kernel, stride, padding) = (window.kernel, window.stride, window.padding);
        let node = if max {
            self.add(name, &[x], MaxPool { kernel, stride, padding })
        } else {
            self.add(name, &[x], AvgPool { kernel, stride, padding })
        };
        Ok(Value { node, dims: Self::slid(x, window, true), statistic: x.statistic })
    }

    pub(super) fn batch_norm(
        &mut self,
        program: &Program,
        name: &str,
        x: &Value,
        weights: &[Id],
        eps: f64,
    ) -> Result<Value> {
        if x.dims.len() < 2 || !x.is(1, Axis::C) {
            let text = format!("it normalises axis 1 of {}", x.words());
            return Err(unfit(
                name,
                text,
                "the second axis must be the channels; join time and batch before it",
            ));
        }
        let channels = x.dims[1].first().map_or(1, |p| p.1);
        let [weight, bias, mean, var] = weights[..] else {
            return Err(mismatch(name, "it has not four parameters"));
        };
        let node = self.fresh(name);
        let mut tensor = |what: &str, id: Id| self.tensor(&node, what, &[channels], numbers(program, id));
        let op = BatchNorm {
            weight: tensor("weight", weight),
            bias: tensor("bias", bias),
            mean: tensor("mean", mean),
            var: tensor("var", var),
            eps,
        };
        self.net.node(&node, vec![x.node.clone()], op);
        self.say(&node, "");
        Ok(Value { node, ..x.clone() })
    }
}
