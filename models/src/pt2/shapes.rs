//! ATen operations that move numbers or make constants, and those that change nothing.

use super::call::{Arg, Call};
use crate::traced::build::axis;
use crate::traced::program::{mismatch, Id, Program};
use pulvinar_ir::Result;

/// Operations whose value is that of their first operand.
const SAME: [&str; 17] = [
    "to",
    "_to_copy",
    "clone",
    "detach",
    "contiguous",
    "alias",
    "lift_fresh_copy",
    "lift_fresh",
    "dropout",
    "feature_dropout",
    "alpha_dropout",
    "native_dropout",
    "float",
    "type_as",
    "detach_copy",
    "identity",
    "requires_grad",
];

/// Results of an operation, if it is one of these.
pub(super) fn call(c: &Call, p: &mut Program) -> Result<Option<Vec<Id>>> {
    let op = c.target.split('.').next().unwrap_or("");
    let op = if op.starts_with('_') { op } else { op.trim_end_matches('_') };
    if SAME.contains(&op) {
        let x = c.maybe("self").or_else(|| c.maybe("input")).or_else(|| c.tensors.first().copied());
        let x = x.ok_or_else(|| mismatch(&c.name, "it takes no tensor"))?;
        if c.flag("train", false)? {
            let shape = p.shape(x).to_vec();
            return Ok(Some(vec![p.unknown(&c.name, "dropout in training", &[x], shape)?]));
        }
        return Ok(Some(vec![x]));
    }
    if let Some(id) = constant(c, p, op)? {
        return Ok(Some(vec![id]));
    }
    if let Some(id) = moved(c, p, op)? {
        return Ok(Some(vec![id]));
    }
    match op {
        "unbind" => {
            let x = c.tensor(p, "self")?;
            let dim = axis(&c.name, c.int_or("dim", 0)?, p.shape(x).len())?;
            let n = p.shape(x)[dim];
            (0..n).map(|i| p.select(&c.name, x, dim, i)).collect::<Result<Vec<_>>>().map(Some)
        }
        "split" | "split_with_sizes" | "chunk" => split(c, p, op).map(Some),
        _ => Ok(None),
    }
}

/// Tensors of one value.
fn constant(c: &Call, p: &mut Program, op: &str) -> Result<Option<Id>> {
    let value = match op {
        "zeros" | "zeros_like" | "new_zeros" => 0.0,
        "ones" | "ones_like" | "new_ones" => 1.0,
        "full" | "full_like" | "new_full" => c.real("fill_value")?,
        "scalar_tensor" => c.real("s")?,
        _ => return Ok(None),
    };
    let shape = if op.ends_with("_like") {
        let x = c.tensor(p, "self")?;
        p.shape(x).to_vec()
    } else if op == "scalar_tensor" {
        Vec::new()
    } else {
        let sizes = c.ints("size")?;
        let sizes: Option<Vec<usize>> = sizes.into_iter().map(|n| usize::try_from(n).ok()).collect();
        sizes.ok_or_else(|| mismatch(&c.name, "a negative size"))?
    };
    p.constants(&c.name, &shape, vec![value]).map(Some)
}

/// The same numbers elsewhere.
fn moved(c: &Call, p: &mut Program, op: &str) -> Result<Option<Id>> {
    if matches!(op, "stack" | "cat" | "concat" | "concatenate") {
        return joined(c, p, op).map(Some);
    }
    match reshaped(c, p, op)? {
        Some(id) => Ok(Some(id)),
        None => turned(c, p, op),
    }
}

/// Several tensors as one.
fn joined(c: &Call, p: &mut Program, op: &str) -> Result<Id> {
    let parts = c.list("tensors")?;
    let rank = parts.first().map_or(0, |&x| p.shape(x).len());
    if op == "stack" {
        let dim = axis(&c.name, c.int_or("dim", 0)?, rank + 1)?;
        return p.stack(&c.name, parts, dim);
    }
    let dim = axis(&c.name, c.int_or("dim", 0)?, rank)?;
    p.cat(&c.name, parts, dim)
}

/// Another shape.
fn reshaped(c: &Call, p: &mut Program, op: &str) -> Result<Option<Id>> {
    let name = c.name.as_str();
    let known = [
        "view",
        "reshape",
        "_unsafe_view",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "expand",
        "repeat",
        "expand_as",
    ];
    if !known.contains(&op) {
        return Ok(None);
    }
    let x = c.tensor(p, "self")?;
    let rank = p.shape(x).len();
    let id = match op {
        "view" | "reshape" | "_unsafe_view" => match (c.args.get("size"), c.args.get("shape")) {
            (Some(Arg::Ints(sizes)), _) | (None, Some(Arg::Ints(sizes))) => p.reshape(name, x, sizes)?,
            _ => return Ok(None),
        },
        "flatten" => {
            let (a, b) = (c.int_or("start_dim", 0)?, c.int_or("end_dim", -1)?);
            let (a, b) = (axis(name, a, rank)?, axis(name, b, rank)?);
            p.flatten(name, x, a, b)?
        }
        "unflatten" => unflatten(c, p, x)?,
        "unsqueeze" => {
            let dim = axis(name, c.int("dim")?, rank + 1)?;
            let mut shape = p.shape(x).to_vec();
            shape.insert(dim, 1);
            p.view(name, x, shape)?
        }
        "squeeze" => squeeze(c, p, x)?,
        "expand" => p.expand(name, x, &c.ints("size")?)?,
        "repeat" => repeat(c, p, x)?,
        _ => {
            let other = c.tensor(p, "other")?;
            let sizes: Vec<i64> = p.shape(other).iter().map(|&n| n as i64).collect();
            p.expand(name, x, &sizes)?
        }
    };
    Ok(Some(id))
}

/// Another order of axes, or a part of one.
fn turned(c: &Call, p: &mut Program, op: &str) -> Result<Option<Id>> {
    let name = c.name.as_str();
    if !["permute", "t", "transpose", "swapaxes", "select", "slice"].contains(&op) {
        return Ok(None);
    }
    let x = c.tensor(p, "self")?;
    let rank = p.shape(x).len();
    let id = match op {
        "permute" => {
            let order =
                c.ints("dims")?.into_iter().map(|d| axis(name, d, rank)).collect::<Result<Vec<_>>>()?;
            p.permute(name, x, &order)?
        }
        "t" if rank < 2 => x,
        "t" => p.permute(name, x, &[1, 0])?,
        "transpose" | "swapaxes" => {
            let keys = if op == "transpose" { ["dim0", "dim1"] } else { ["axis0", "axis1"] };
            let [a, b] = [axis(name, c.int(keys[0])?, rank)?, axis(name, c.int(keys[1])?, rank)?];
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(a, b);
            p.permute(name, x, &order)?
        }
        "select" => {
            let dim = axis(name, c.int("dim")?, rank)?;
            let index = axis(name, c.int("index")?, p.shape(x)[dim])?;
            p.select(name, x, dim, index)?
        }
        _ => {
            let dim = axis(name, c.int_or("dim", 0)?, rank)?;
            let (from, to) = (c.int_or("start", 0)?, c.int_or("end", i64::MAX)?);
            if c.int_or("step", 1)? == 1 {
                p.slice(name, x, dim, from, to)?
            } else {
                let shape = p.shape(x).to_vec();
                p.unknown(name, "every other entry of an axis", &[x], shape)?
            }
        }
    };
    Ok(Some(id))
}

/// Copies along axes of size 1, or along new ones.
fn repeat(c: &Call, p: &mut Program, x: Id) -> Result<Id> {
    let times = c.ints("repeats")?;
    let shape = p.shape(x).to_vec();
    let new = times.len().saturating_sub(shape.len());
    let sizes: Option<Vec<i64>> = times
        .iter()
        .enumerate()
        .map(|(i, &n)| match i.checked_sub(new).map_or(1, |i| shape[i]) {
            1 => Some(n.max(0)),
            _ => (n == 1).then_some(-1),
        })
        .collect();
    match sizes.filter(|s| s.len() >= shape.len()) {
        Some(sizes) => p.expand(&c.name, x, &sizes),
        None => p.unknown(&c.name, "copies along an axis of several entries", &[x], shape),
    }
}

fn unflatten(c: &Call, p: &mut Program, x: Id) -> Result<Id> {
    let shape = p.shape(x).to_vec();
    let dim = axis(&c.name, c.int("dim")?, shape.len())?;
    let mut sizes: Vec<i64> = shape[..dim].iter().map(|&n| n as i64).collect();
    sizes.extend(c.ints("sizes")?);
    sizes.extend(shape[dim + 1..].iter().map(|&n| n as i64));
    p.reshape(&c.name, x, &sizes)
}

fn squeeze(c: &Call, p: &mut Program, x: Id) -> Result<Id> {
    let shape = p.shape(x).to_vec();
    let dims: Vec<usize> = match c.args.get("dim") {
        None | Some(Arg::Nothing) => (0..shape.len()).collect(),
        _ => c.ints("dim")?.into_iter().map(|d| axis(&c.name, d, shape.len())).collect::<Result<_>>()?,
    };
    let kept = shape.iter().enumerate().filter(|(d, n)| **n != 1 || !dims.contains(d));
    p.view(&c.name, x, kept.map(|(_, &n)| n).collect())
}

/// Parts of an axis: single entries, or refused when used.
fn split(c: &Call, p: &mut Program, op: &str) -> Result<Vec<Id>> {
    let x = c.tensor(p, "self")?;
    let dim = axis(&c.name, c.int_or("dim", 0)?, p.shape(x).len())?;
    let size = p.shape(x)[dim] as i64;
    let even = |part: i64| -> Vec<i64> {
        let part = part.max(1);
        (0..size).step_by(part as usize).map(|from| part.min(size - from)).collect()
    };
    let sizes = match (op, c.args.get("split_size"), c.args.get("split_sizes")) {
        ("chunk", _, _) => even((size + c.int("chunks")?.max(1) - 1) / c.int("chunks")?.max(1)),
        (_, Some(Arg::Int(n)), _) => even(*n),
        (_, Some(Arg::Ints(list)), _) | (_, _, Some(Arg::Ints(list))) => list.clone(),
        _ => return Err(mismatch(&c.name, "its parts have no sizes")),
    };
    let mut from = 0i64;
    let mut parts = Vec::with_capacity(sizes.len().min(1 << 16));
    for n in sizes {
        let to = from.checked_add(n).filter(|to| n > 0 && *to <= size);
        let to = to.ok_or_else(|| mismatch(&c.name, "its parts are larger than the axis"))?;
        parts.push(p.slice(&c.name, x, dim, from, to)?);
        from = to;
    }
    Ok(parts)
}
