//! ATen operations that compute: arithmetic, comparisons, layers, reductions.

use super::call::{Arg, Call};
use crate::import::refuse;
use crate::traced::build::axis;
use crate::traced::program::{mismatch, Id, Kind, Program, Window};
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::op::window::same_padding;
use pulvinar_ir::Result;

type Results = Result<Option<Vec<Id>>>;

/// Results of an operation, if it is one of these.
pub(super) fn call(c: &Call, p: &mut Program) -> Results {
    let op = c.target.split('.').next().unwrap_or("");
    // `add_` works in place and has the value of `add`.
    let op = if op.starts_with('_') { op } else { op.trim_end_matches('_') };
    let id = match op {
        "add" | "sub" | "subtract" | "rsub" => sum(c, p, op)?,
        "mul" | "multiply" => binary(c, p, Kind::Mul)?,
        "div" | "divide" | "true_divide" => quotient(c, p)?,
        "neg" => {
            let (x, minus) = (c.tensor(p, "self")?, p.scalar(-1.0));
            p.binary(&c.name, Kind::Mul, x, minus)?
        }
        "gt" | "ge" | "lt" | "le" => compare(c, p, op)?,
        "heaviside" => heaviside(c, p)?,
        "where" => {
            let (condition, a, b) = (c.tensor(p, "condition")?, c.tensor(p, "self")?, c.tensor(p, "other")?);
            p.choose(&c.name, condition, a, b)?
        }
        "logical_not" | "bitwise_not" => {
            let x = c.tensor(p, "self")?;
            p.not(&c.name, x)?
        }
        "relu" | "sigmoid" => {
            let x = c.tensor(p, "self")?;
            let shape = p.shape(x).to_vec();
            p.push(&c.name, if op == "relu" { Kind::Relu } else { Kind::Sigmoid }, &[x], shape)?
        }
        "clamp" | "clamp_min" | "clamp_max" => clamp(c, p)?,
        "linear" => {
            let (x, w) = (c.tensor(p, "input")?, c.tensor(p, "weight")?);
            p.linear(&c.name, x, w, c.maybe("bias"))?
        }
        "mm" | "matmul" => {
            let (x, w) = (c.tensor(p, "self")?, c.tensor(p, if op == "mm" { "mat2" } else { "other" })?);
            p.product(&c.name, x, w)?
        }
        "addmm" => {
            let (bias, x, w) = (c.tensor(p, "self")?, c.tensor(p, "mat1")?, c.tensor(p, "mat2")?);
            let y = p.product(&c.name, x, w)?;
            p.binary(&c.name, Kind::Add, y, bias)?
        }
        "conv1d" | "conv2d" | "conv3d" | "convolution" => conv(c, p, op)?,
        "batch_norm" | "_native_batch_norm_legit_no_training" => return batch_norm(c, p),
        "avg_pool2d" | "max_pool2d" => pool(c, p, op == "max_pool2d")?,
        "max_pool2d_with_indices" => return pair(pool(c, p, true)?, c, p),
        "mean" | "sum" | "amax" => reduce(c, p, op)?,
        "max" if c.args.contains_key("dim") => return pair(reduce(c, p, op)?, c, p),
        _ => match adaptive(c, p, op)? {
            Some(id) => id,
            None => return Ok(None),
        },
    };
    Ok(Some(vec![id]))
}

/// A value and the indices that come with it.
fn pair(value: Id, c: &Call, p: &mut Program) -> Results {
    let shape = p.shape(value).to_vec();
    let indices = p.unknown(&c.name, "the indices of a maximum", &[value], shape)?;
    Ok(Some(vec![value, indices]))
}

fn binary(c: &Call, p: &mut Program, kind: Kind) -> Result<Id> {
    let (a, b) = (c.tensor(p, "self")?, c.tensor(p, "other")?);
    p.binary(&c.name, kind, a, b)
}

/// `self ± alpha · other`.
fn sum(c: &Call, p: &mut Program, op: &str) -> Result<Id> {
    let (a, mut b) = (c.tensor(p, "self")?, c.tensor(p, "other")?);
    let alpha = c.real_or("alpha", 1.0)?;
    let scale = p.scalar(alpha);
    if op == "rsub" {
        let a = p.binary(&c.name, Kind::Mul, a, scale)?;
        return p.binary(&c.name, Kind::Sub, b, a);
    }
    b = p.binary(&c.name, Kind::Mul, b, scale)?;
    p.binary(&c.name, if op == "add" { Kind::Add } else { Kind::Sub }, a, b)
}

fn quotient(c: &Call, p: &mut Program) -> Result<Id> {
    let (a, b) = (c.tensor(p, "self")?, c.tensor(p, "other")?);
    if matches!(c.args.get("rounding_mode"), Some(Arg::Text(_))) {
        let shape = p.shape(a).to_vec();
        return p.unknown(&c.name, "a division that rounds", &[a, b], shape);
    }
    p.quotient(&c.name, a, b)
}

fn compare(c: &Call, p: &mut Program, op: &str) -> Result<Id> {
    let (a, b) = (c.tensor(p, "self")?, c.tensor(p, "other")?);
    let kind = Kind::Compare { strict: op == "gt" || op == "lt" };
    if op.starts_with('g') {
        p.binary(&c.name, kind, a, b)
    } else {
        p.binary(&c.name, kind, b, a)
    }
}

/// 1 above 0, a given value at 0.
fn heaviside(c: &Call, p: &mut Program) -> Result<Id> {
    let (x, at_zero) = (c.tensor(p, "self")?, c.tensor(p, "values")?);
    let zero = p.scalar(0.0);
    match p.uniform(at_zero) {
        Some(v) if v == 0.0 || v == 1.0 => p.binary(&c.name, Kind::Compare { strict: v == 0.0 }, x, zero),
        _ => {
            let shape = p.shape(x).to_vec();
            p.unknown(&c.name, "a step whose middle is neither 0 nor 1", &[x], shape)
        }
    }
}

fn clamp(c: &Call, p: &mut Program) -> Result<Id> {
    let x = c.tensor(p, "self")?;
    let bound = |key: &str| -> Result<Option<f64>> {
        match c.args.get(key) {
            None | Some(Arg::Nothing) => Ok(None),
            _ => c.real(key).map(Some),
        }
    };
    let (low, high) = (bound("min")?, bound("max")?);
    p.clamp(&c.name, x, low, high)
}

fn conv(c: &Call, p: &mut Program, op: &str) -> Result<Id> {
    let (x, w) = (c.tensor(p, "input")?, c.tensor(p, "weight")?);
    let shape = p.shape(w).to_vec();
    if op == "convolution" && c.flag("transposed", false)? {
        let out = p.shape(x).to_vec();
        return p.unknown(&c.name, "a transposed convolution", &[x, w], out);
    }
    if shape.len() == 5 {
        let alone = |key: &str, v: i64| c.ints(key).map_or(true, |l| l.iter().all(|&n| n == v));
        let plain = alone("stride", 1) && alone("padding", 0) && c.int_or("groups", 1)? == 1;
        if plain {
            return p.pointwise(&c.name, x, w, c.maybe("bias"));
        }
        let out = p.shape(x).to_vec();
        return p.unknown(&c.name, "a 3-D convolution with strides, padding or groups", &[x, w], out);
    }
    let rows = shape.len() == 4;
    if !rows && shape.len() != 3 {
        return Err(mismatch(&c.name, format!("weights of shape {shape:?}")));
    }
    let kernel = if rows { [shape[2], shape[3]] } else { [1, shape[2]] };
    // In one dimension there are no rows to stride over.
    let flat = |[a, b]: [usize; 2]| if rows { [a, b] } else { [1, b] };
    let (stride, dilation) = (flat(c.pair("stride", Some([1; 2]))?), flat(c.pair("dilation", Some([1; 2]))?));
    let padding = match c.args.get("padding") {
        Some(Arg::Text(word)) if word == "valid" => [0; 4],
        Some(Arg::Text(word)) if word == "same" && stride == [1, 1] => {
            let side = |i: usize| same_padding(dilation[i] * (kernel[i].max(1) - 1) + 1);
            let ((top, bottom), (left, right)) = (side(0), side(1));
            [top, bottom, left, right]
        }
        _ => {
            let [rows_by, columns_by] = c.pair("padding", Some([0; 2]))?;
            let rows_by = if rows { rows_by } else { 0 };
            [rows_by, rows_by, columns_by, columns_by]
        }
    };
    let groups = c.int_or("groups", 1)?.clamp(0, 1 << 20) as usize;
    p.conv(&c.name, (x, w, c.maybe("bias")), Window { kernel, stride, padding, dilation }, groups)
}

fn batch_norm(c: &Call, p: &mut Program) -> Results {
    let x = c.tensor(p, "input")?;
    if c.flag("training", false)? {
        return Err(refuse(
            "E0515",
            &c.name,
            "it normalises by the statistics of the batch at hand",
            "call model.eval() before the export",
        ));
    }
    let parameters = ["weight", "bias", "running_mean", "running_var"].map(|k| c.maybe(k));
    let id = p.batch_norm(&c.name, x, parameters, c.real("eps")?)?;
    Ok(Some(vec![id; c.results.len().max(1)]))
}

fn pool(c: &Call, p: &mut Program, max: bool) -> Result<Id> {
    let x = c.tensor(p, "self")?;
    let kernel = c.pair("kernel_size", None)?;
    let stride = c.pair("stride", Some(kernel))?;
    let [rows, columns] = c.pair("padding", Some([0; 2]))?;
    let counts = c.flag("count_include_pad", true)? || (rows, columns) == (0, 0);
    let plain = c.pair("dilation", Some([1; 2]))? == [1, 1] && counts;
    let divides = matches!(c.args.get("divisor_override"), None | Some(Arg::Nothing));
    let n = p.shape(x).len();
    let whole = |i: usize, pad: usize| {
        n >= 2
            && (p.shape(x)[n - 2 + i] + 2 * pad)
                .checked_sub(kernel[i])
                .is_some_and(|r| r % stride[i].max(1) == 0)
    };
    let ceil = c.flag("ceil_mode", false)? && !(whole(0, rows) && whole(1, columns));
    if !plain || !divides || ceil {
        let shape = p.shape(x).to_vec();
        return p.unknown(&c.name, "a pool with ceil_mode, dilation or another divisor", &[x], shape);
    }
    let window = Window { kernel, stride, padding: [rows, rows, columns, columns], dilation: [1, 1] };
    p.pool(&c.name, x, window, max)
}

fn kind_of(op: &str) -> ReduceKind {
    match op {
        "mean" => ReduceKind::Mean,
        "sum" => ReduceKind::Sum,
        _ => ReduceKind::Max,
    }
}

fn reduce(c: &Call, p: &mut Program, op: &str) -> Result<Id> {
    let x = c.tensor(p, "self")?;
    let rank = p.shape(x).len();
    let dims = match c.args.get("dim") {
        None | Some(Arg::Nothing) => (0..rank).collect(),
        Some(Arg::Ints(list)) if list.is_empty() => (0..rank).collect(),
        _ => c.ints("dim")?.into_iter().map(|d| axis(&c.name, d, rank)).collect::<Result<Vec<_>>>()?,
    };
    p.reduce(&c.name, x, kind_of(op), dims, c.flag("keepdim", false)?)
}

/// Adaptive pools to size 1 are reductions; to the size that is there, nothing.
fn adaptive(c: &Call, p: &mut Program, op: &str) -> Result<Option<Id>> {
    let Some((kind, axes)) = op.strip_prefix("adaptive_").and_then(|rest| {
        let (kind, dims) = rest.split_once("_pool")?;
        Some((kind, dims.trim_end_matches('d').parse::<usize>().ok()?))
    }) else {
        return Ok(None);
    };
    let x = c.tensor(p, "self")?;
    let shape = p.shape(x).to_vec();
    let sizes = c.ints("output_size")?;
    let first = shape.len().checked_sub(axes).ok_or_else(|| mismatch(&c.name, format!("shape {shape:?}")))?;
    let id = if sizes.iter().all(|&n| n == 1) {
        let dims = (first..shape.len()).collect();
        let kind = if kind == "avg" { ReduceKind::Mean } else { ReduceKind::Max };
        p.reduce(&c.name, x, kind, dims, true)?
    } else if sizes.iter().zip(&shape[first..]).all(|(&n, &have)| n == have as i64) {
        x
    } else {
        p.unknown(&c.name, "an adaptive pool to more than one value", &[x], shape)?
    };
    Ok(Some(id))
}
