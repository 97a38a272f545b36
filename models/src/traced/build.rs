//! Operations as file formats write them, with the shapes of their results.

use super::program::{count, mismatch, Id, Kind, Program, Window};
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::Result;

/// An axis, negative from the last.
pub(crate) fn axis(name: &str, dim: i64, rank: usize) -> Result<usize> {
    let at = if dim < 0 { dim + rank as i64 } else { dim };
    usize::try_from(at)
        .ok()
        .filter(|a| *a < rank)
        .ok_or_else(|| mismatch(name, format!("axis {dim} of a value of {rank} axes")))
}

impl Program {
    /// Something that is not read.
    pub fn unknown(&mut self, name: &str, what: &str, inputs: &[Id], shape: Vec<usize>) -> Result<Id> {
        self.push(name, Kind::Unknown(what.to_owned()), inputs, shape)
    }

    /// 1 − x.
    pub fn not(&mut self, name: &str, x: Id) -> Result<Id> {
        let one = self.scalar(1.0);
        self.binary(name, Kind::Sub, one, x)
    }

    /// `condition · a + (1 − condition) · b`.
    pub fn choose(&mut self, name: &str, condition: Id, a: Id, b: Id) -> Result<Id> {
        let otherwise = self.not(name, condition)?;
        let a = self.binary(name, Kind::Mul, condition, a)?;
        let b = self.binary(name, Kind::Mul, otherwise, b)?;
        self.binary(name, Kind::Add, a, b)
    }

    /// x between bounds: a constant, or max(0, x).
    pub fn clamp(&mut self, name: &str, x: Id, low: Option<f64>, high: Option<f64>) -> Result<Id> {
        let shape = self.shape(x).to_vec();
        if let Some(c) = self.as_const(x) {
            let bound =
                |v: f64| high.map_or(low.map_or(v, |l| v.max(l)), |h| low.map_or(v, |l| v.max(l)).min(h));
            let values = c.0.iter().map(|&v| bound(v)).collect();
            return self.constants(name, &shape, values);
        }
        match (low, high) {
            (Some(0.0), None) => self.push(name, Kind::Relu, &[x], shape),
            _ => self.unknown(name, "a clamp", &[x], shape),
        }
    }

    /// Another order of axes.
    pub fn permute(&mut self, name: &str, x: Id, order: &[usize]) -> Result<Id> {
        let shape = self.shape(x);
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if sorted != (0..shape.len()).collect::<Vec<_>>() {
            return Err(mismatch(name, format!("axes {order:?} of shape {shape:?}")));
        }
        if order == sorted {
            return Ok(x);
        }
        let shape = order.iter().map(|&d| shape[d]).collect();
        self.push(name, Kind::Permute(order.to_vec()), &[x], shape)
    }

    /// Axes of size 1 repeated; −1 keeps a size.
    pub fn expand(&mut self, name: &str, x: Id, sizes: &[i64]) -> Result<Id> {
        let from = self.shape(x);
        let Some(new) = sizes.len().checked_sub(from.len()) else {
            return Err(mismatch(name, format!("shape {from:?} expanded to {sizes:?}")));
        };
        let mut shape = Vec::with_capacity(sizes.len());
        for (i, &size) in sizes.iter().enumerate() {
            let have = i.checked_sub(new).map_or(1, |i| from[i]);
            let want = if size < 0 { have } else { size as usize };
            if have != want && have != 1 {
                return Err(mismatch(name, format!("shape {from:?} expanded to {sizes:?}")));
            }
            shape.push(want);
        }
        if shape == from {
            return Ok(x);
        }
        self.push(name, Kind::Expand, &[x], shape)
    }

    /// A shape with at most one size of −1.
    pub fn reshape(&mut self, name: &str, x: Id, sizes: &[i64]) -> Result<Id> {
        let total = count(self.shape(x)).unwrap_or(0);
        let known = sizes.iter().filter(|&&n| n >= 0).try_fold(1usize, |n, &d| n.checked_mul(d as usize));
        let known = known.unwrap_or(0);
        let rest = total.checked_div(known).unwrap_or(0);
        let shape = sizes.iter().map(|&n| if n < 0 { rest } else { n as usize }).collect();
        self.view(name, x, shape)
    }

    /// Axes `first..=last` joined.
    pub fn flatten(&mut self, name: &str, x: Id, first: usize, last: usize) -> Result<Id> {
        let shape = self.shape(x);
        if first > last {
            return Err(mismatch(name, format!("axes {first} to {last} are none")));
        }
        let joined = shape[first..=last].iter().product();
        let shape = [&shape[..first], &[joined], &shape[last + 1..]].concat();
        self.view(name, x, shape)
    }

    /// Entries `from..to` of an axis: all of them, or one.
    pub fn slice(&mut self, name: &str, x: Id, dim: usize, from: i64, to: i64) -> Result<Id> {
        let size = self.shape(x)[dim] as i64;
        let bound = |v: i64| if v < 0 { (v + size).max(0) } else { v.min(size) };
        let (from, to) = (bound(from), bound(to));
        let mut shape = self.shape(x).to_vec();
        if from == 0 && to == size {
            return Ok(x);
        }
        shape[dim] = (to - from).max(0) as usize;
        if to - from == 1 {
            let one = self.select(name, x, dim, from as usize)?;
            return self.view(name, one, shape);
        }
        self.unknown(name, "part of an axis", &[x], shape)
    }

    /// A convolution; 1-D weights have three axes.
    pub fn conv(
        &mut self,
        name: &str,
        (x, w, bias): (Id, Id, Option<Id>),
        window: Window,
        groups: usize,
    ) -> Result<Id> {
        let (shape, weight) = (self.shape(x).to_vec(), self.shape(w).to_vec());
        let rows = weight.len() == 4;
        let axes = if rows { 3 } else { 2 };
        let wrong = || mismatch(name, format!("weights {weight:?} in {groups} group(s) on shape {shape:?}"));
        if !(weight.len() == 3 || rows) || shape.len() < axes || groups == 0 {
            return Err(wrong());
        }
        let channel = shape.len() - axes;
        let fits =
            weight[1].checked_mul(groups) == Some(shape[channel]) && weight[0] > 0 && weight[0] % groups == 0;
        let biased = bias.is_none_or(|b| self.shape(b) == &weight[..1]);
        if !fits || !biased {
            return Err(wrong());
        }
        let mut out = slide(name, &shape, &window, rows)?;
        out[channel] = weight[0];
        let inputs: Vec<Id> = [x, w].into_iter().chain(bias).collect();
        self.push(name, Kind::Conv { window, groups, rows }, &inputs, out)
    }

    /// A convolution over three axes whose kernel is one element: a map along the axis before them.
    pub fn pointwise(&mut self, name: &str, x: Id, w: Id, bias: Option<Id>) -> Result<Id> {
        let (rank, weight) = (self.shape(x).len(), self.shape(w).to_vec());
        let Some(channel) = rank.checked_sub(4).filter(|_| weight.len() == 5 && weight[2..] == [1, 1, 1])
        else {
            let shape = self.shape(x).to_vec();
            return self.unknown(name, "a 3-D convolution of more than one element", &[x, w], shape);
        };
        let (mut there, mut back): (Vec<usize>, Vec<usize>) = ((0..rank).collect(), (0..rank).collect());
        there.remove(channel);
        there.push(channel);
        back.pop();
        back.insert(channel, rank - 1);
        let w = self.view(name, w, weight[..2].to_vec())?;
        let x = self.permute(name, x, &there)?;
        let y = self.linear(name, x, w, bias)?;
        self.permute(name, y, &back)
    }

    /// A pool.
    pub fn pool(&mut self, name: &str, x: Id, window: Window, max: bool) -> Result<Id> {
        let shape = self.shape(x).to_vec();
        if shape.len() < 3 {
            return Err(mismatch(name, format!("a pool over shape {shape:?}")));
        }
        let out = slide(name, &shape, &window, true)?;
        self.push(name, Kind::Pool { window, max }, &[x], out)
    }

    /// A map of the last axis by `[out, in]`.
    pub fn linear(&mut self, name: &str, x: Id, w: Id, bias: Option<Id>) -> Result<Id> {
        let (mut shape, weight) = (self.shape(x).to_vec(), self.shape(w).to_vec());
        let fits = weight.len() == 2 && weight[0] > 0 && shape.last() == weight.get(1);
        if !fits || bias.is_some_and(|b| self.shape(b).iter().product::<usize>() != weight[0]) {
            return Err(mismatch(name, format!("weights {weight:?} on shape {shape:?}")));
        }
        let last = shape.len() - 1;
        shape[last] = weight[0];
        let inputs: Vec<Id> = [x, w].into_iter().chain(bias).collect();
        self.push(name, Kind::Linear, &inputs, shape)
    }

    /// x times `[in, out]`, a constant.
    pub fn product(&mut self, name: &str, x: Id, w: Id) -> Result<Id> {
        if self.as_const(w).is_none() || self.shape(w).len() != 2 {
            let shape = self.shape(x).to_vec();
            return self.unknown(name, "a product of two computed matrices", &[x, w], shape);
        }
        let w = self.permute(name, w, &[1, 0])?;
        self.linear(name, x, w, None)
    }

    /// Batch normalisation; missing gain and offset are 1 and 0.
    pub fn batch_norm(&mut self, name: &str, x: Id, parameters: [Option<Id>; 4], eps: f64) -> Result<Id> {
        let shape = self.shape(x).to_vec();
        let channels = *shape.get(1).ok_or_else(|| mismatch(name, format!("channels of shape {shape:?}")))?;
        let mut inputs = vec![x];
        for (id, default) in parameters.into_iter().zip([1.0, 0.0, 0.0, 1.0]) {
            let id = match id {
                Some(id) => id,
                None => self.constants(name, &[channels], vec![default])?,
            };
            if self.shape(id) != [channels] {
                return Err(mismatch(
                    name,
                    format!("parameters {:?} for {channels} channels", self.shape(id)),
                ));
            }
            inputs.push(id);
        }
        self.push(name, Kind::BatchNorm { eps }, &inputs, shape)
    }

    /// A reduction over axes.
    pub fn reduce(
        &mut self,
        name: &str,
        x: Id,
        kind: ReduceKind,
        mut dims: Vec<usize>,
        keep: bool,
    ) -> Result<Id> {
        dims.sort_unstable();
        dims.dedup();
        let shape = self.shape(x).to_vec();
        let kept =
            shape
                .iter()
                .enumerate()
                .filter_map(|(d, &n)| if dims.contains(&d) { keep.then_some(1) } else { Some(n) });
        let out: Vec<usize> = kept.collect();
        if shape.iter().enumerate().all(|(d, &n)| n == 1 || !dims.contains(&d)) {
            return self.view(name, x, out);
        }
        self.push(name, Kind::Reduce { kind, dims, keep }, &[x], out)
    }
}

/// Shape after a window has slid over the last axes.
fn slide(name: &str, shape: &[usize], window: &Window, rows: bool) -> Result<Vec<usize>> {
    let mut out = shape.to_vec();
    let n = shape.len();
    for i in if rows { 0..2 } else { 1..2 } {
        let d = n - 2 + i;
        let sizes = [window.kernel[i], window.stride[i], window.dilation[i]];
        let (before, after) = (window.padding[2 * i], window.padding[2 * i + 1]);
        let absurd = sizes.iter().any(|&s| s == 0 || s > 1 << 16) || before.max(after) > 1 << 16;
        let span = if absurd { None } else { Some(window.dilation[i] * (window.kernel[i] - 1) + 1) };
        let rest = span.and_then(|s| (shape[d] + before + after).checked_sub(s));
        let rest = rest.ok_or_else(|| mismatch(name, format!("its window does not fit shape {shape:?}")))?;
        out[d] = rest / window.stride[i] + 1;
    }
    Ok(out)
}
