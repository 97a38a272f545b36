//! Operators that compute: arithmetic, comparisons, layers, reductions.

use super::file::Call;
use crate::traced::build::axis;
use crate::traced::program::{mismatch, Id, Kind, Program, Window};
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::op::window::same_padding;
use pulvinar_ir::Result;

/// Results of an operator, if it is one of these.
pub(super) fn call(c: &Call<'_>, p: &mut Program) -> Result<Option<Vec<Id>>> {
    let name = c.name.as_str();
    let id = match c.op {
        "Add" => p.binary(name, Kind::Add, c.input(0)?, c.input(1)?)?,
        "Sub" => p.binary(name, Kind::Sub, c.input(0)?, c.input(1)?)?,
        "Mul" => p.binary(name, Kind::Mul, c.input(0)?, c.input(1)?)?,
        "Div" => p.quotient(name, c.input(0)?, c.input(1)?)?,
        "Neg" => {
            let minus = p.scalar(-1.0);
            p.binary(name, Kind::Mul, c.input(0)?, minus)?
        }
        "Sum" if c.inputs.len() == 2 => p.binary(name, Kind::Add, c.input(0)?, c.input(1)?)?,
        "Greater" => p.binary(name, Kind::Compare { strict: true }, c.input(0)?, c.input(1)?)?,
        "GreaterOrEqual" => p.binary(name, Kind::Compare { strict: false }, c.input(0)?, c.input(1)?)?,
        "Less" => p.binary(name, Kind::Compare { strict: true }, c.input(1)?, c.input(0)?)?,
        "LessOrEqual" => p.binary(name, Kind::Compare { strict: false }, c.input(1)?, c.input(0)?)?,
        "Where" => p.choose(name, c.input(0)?, c.input(1)?, c.input(2)?)?,
        "Not" => p.not(name, c.input(0)?)?,
        "Relu" | "Sigmoid" => {
            let x = c.input(0)?;
            let shape = p.shape(x).to_vec();
            p.push(name, if c.op == "Relu" { Kind::Relu } else { Kind::Sigmoid }, &[x], shape)?
        }
        "Clip" => clip(c, p)?,
        "Conv" => conv(c, p)?,
        "Gemm" => gemm(c, p)?,
        "MatMul" => p.product(name, c.input(0)?, c.input(1)?)?,
        "BatchNormalization" => {
            let parameters = [1, 2, 3, 4].map(|i| c.maybe(i));
            if c.int("training_mode", 0) != 0 {
                let x = c.input(0)?;
                let shape = p.shape(x).to_vec();
                p.unknown(name, "a normalisation by the statistics of the batch", &[x], shape)?
            } else {
                p.batch_norm(name, c.input(0)?, parameters, c.real("epsilon", 1e-5))?
            }
        }
        "AveragePool" | "MaxPool" => pool(c, p)?,
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let x = c.input(0)?;
            let dims = (2..p.shape(x).len()).collect();
            let kind = if c.op == "GlobalMaxPool" { ReduceKind::Max } else { ReduceKind::Mean };
            p.reduce(name, x, kind, dims, true)?
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" => reduce(c, p)?,
        _ => return Ok(None),
    };
    let mut results = vec![id];
    for _ in 1..c.outputs {
        let shape = p.shape(id).to_vec();
        results.push(p.unknown(name, &format!("another output of {}", c.op), &[id], shape)?);
    }
    Ok(Some(results))
}

fn clip(c: &Call<'_>, p: &mut Program) -> Result<Id> {
    let x = c.input(0)?;
    let bounds = [1, 2].map(|i| c.maybe(i).map(|id| p.uniform(id)));
    if bounds.contains(&Some(None)) {
        let shape = p.shape(x).to_vec();
        return p.unknown(&c.name, "a clip with computed bounds", &[x], shape);
    }
    let old =
        |key: &str| if c.opset < 11 { Some(c.real(key, f64::NAN)).filter(|v| !v.is_nan()) } else { None };
    let [low, high] = bounds.map(Option::flatten);
    p.clamp(&c.name, x, low.or(old("min")), high.or(old("max")))
}

fn pair(c: &Call<'_>, key: &str, default: usize, axes: usize) -> Result<[usize; 2]> {
    let size = |v: i64| usize::try_from(v).ok().filter(|v| *v <= 1 << 20);
    let wrong = || mismatch(&c.name, format!("attribute `{key}` does not fit {axes} axes"));
    match c.ints(key) {
        None | Some([]) => Ok([default; 2]),
        Some([a]) if axes == 1 => Ok([1, size(*a).ok_or_else(wrong)?]),
        Some([a, b]) if axes == 2 => Ok([size(*a).ok_or_else(wrong)?, size(*b).ok_or_else(wrong)?]),
        Some(_) => Err(wrong()),
    }
}

/// The window of a convolution or pool over one or two axes.
fn window(c: &Call<'_>, kernel: [usize; 2], axes: usize) -> Result<Option<Window>> {
    let (stride, dilation) = (pair(c, "strides", 1, axes)?, pair(c, "dilations", 1, axes)?);
    let side = |v: &i64| usize::try_from(*v).ok().filter(|v| *v <= 1 << 20);
    let padding = match (c.text("auto_pad").unwrap_or("NOTSET"), c.ints("pads")) {
        ("VALID", _) | ("NOTSET" | "", None | Some([])) => [0; 4],
        ("NOTSET" | "", Some(pads)) => {
            match (axes, pads.iter().map(side).collect::<Option<Vec<usize>>>().as_deref()) {
                (1, Some([left, right])) => [0, 0, *left, *right],
                (2, Some([top, left, bottom, right])) => [*top, *bottom, *left, *right],
                _ => return Err(mismatch(&c.name, "attribute `pads` does not fit")),
            }
        }
        ("SAME_UPPER", _) if stride == [1, 1] => {
            let one = |i: usize| same_padding(dilation[i] * (kernel[i].max(1) - 1) + 1);
            let ((top, bottom), (left, right)) = (one(0), one(1));
            [top, bottom, left, right]
        }
        _ => return Ok(None),
    };
    Ok(Some(Window { kernel, stride, padding, dilation }))
}

fn conv(c: &Call<'_>, p: &mut Program) -> Result<Id> {
    let (x, w) = (c.input(0)?, c.input(1)?);
    let kernel = match *p.shape(w) {
        [_, _, k] => [1, k],
        [_, _, h, k] => [h, k],
        [_, _, 1, 1, 1] => {
            let alone = |key: &str, v: i64| c.ints(key).is_none_or(|l| l.iter().all(|&n| n == v));
            if alone("strides", 1) && alone("pads", 0) && c.int("group", 1) == 1 {
                return p.pointwise(&c.name, x, w, c.maybe(2));
            }
            let shape = p.shape(x).to_vec();
            return p.unknown(&c.name, "a 3-D convolution with strides, padding or groups", &[x, w], shape);
        }
        _ => {
            let shape = p.shape(x).to_vec();
            return p.unknown(&c.name, "a 3-D convolution", &[x, w], shape);
        }
    };
    let axes = p.shape(w).len() - 2;
    if let Some(window) = window(c, kernel, axes)? {
        let groups = c.int("group", 1).clamp(0, 1 << 20) as usize;
        return p.conv(&c.name, (x, w, c.maybe(2)), window, groups);
    }
    let shape = p.shape(x).to_vec();
    p.unknown(&c.name, "a convolution with auto_pad and a stride", &[x, w], shape)
}

fn gemm(c: &Call<'_>, p: &mut Program) -> Result<Id> {
    let (x, w) = (c.input(0)?, c.input(1)?);
    let (alpha, beta) = (c.real("alpha", 1.0), c.real("beta", 1.0));
    if c.int("transA", 0) != 0 || alpha != 1.0 || (beta != 1.0 && c.maybe(2).is_some()) {
        let shape = p.shape(x).to_vec();
        return p.unknown(&c.name, "a Gemm with transA, alpha or beta", &[x, w], shape);
    }
    let y = if c.int("transB", 0) != 0 { p.linear(&c.name, x, w, None)? } else { p.product(&c.name, x, w)? };
    match c.maybe(2) {
        Some(bias) => p.binary(&c.name, Kind::Add, y, bias),
        None => Ok(y),
    }
}

fn pool(c: &Call<'_>, p: &mut Program) -> Result<Id> {
    let x = c.input(0)?;
    let max = c.op == "MaxPool";
    let shape = p.shape(x).to_vec();
    let Some(&[h, w]) = c.ints("kernel_shape").and_then(|k| <&[i64; 2]>::try_from(k).ok()) else {
        return p.unknown(&c.name, "a pool over other than two axes", &[x], shape);
    };
    let kernel = [h.clamp(0, 1 << 20) as usize, w.clamp(0, 1 << 20) as usize];
    let window = window(c, kernel, 2)?;
    let padded = window.is_some_and(|w| w.padding != [0; 4]);
    let counts = max || !padded || c.int("count_include_pad", 0) != 0;
    match window.filter(|w| counts && w.dilation == [1, 1] && c.int("ceil_mode", 0) == 0) {
        Some(window) => p.pool(&c.name, x, window, max),
        None => {
            p.unknown(&c.name, "a pool with ceil_mode, dilation or padding left out of its mean", &[x], shape)
        }
    }
}

fn reduce(c: &Call<'_>, p: &mut Program) -> Result<Id> {
    let x = c.input(0)?;
    let rank = p.shape(x).len();
    let dims = match c.numbers(p, "axes", 1)? {
        Some(list) if !list.is_empty() => {
            list.into_iter().map(|d| axis(&c.name, d, rank)).collect::<Result<Vec<_>>>()?
        }
        _ if c.int("noop_with_empty_axes", 0) != 0 => return Ok(x),
        _ => (0..rank).collect(),
    };
    let kind = match c.op {
        "ReduceMean" => ReduceKind::Mean,
        "ReduceSum" => ReduceKind::Sum,
        _ => ReduceKind::Max,
    };
    p.reduce(&c.name, x, kind, dims, c.int("keepdims", 1) != 0)
}
