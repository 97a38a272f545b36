//! Operators that move numbers or make constants, and those that change nothing.

use super::file::Call;
use crate::traced::build::axis;
use crate::traced::program::{mismatch, Id, Program};
use pulvinar_ir::Result;

/// Results of an operator, if it is one of these.
pub(super) fn call(c: &Call<'_>, p: &mut Program) -> Result<Option<Vec<Id>>> {
    let name = c.name.as_str();
    let one = |id: Id| Ok(Some(vec![id]));
    match c.op {
        "Identity" | "Cast" | "Dropout" | "CastLike" => Ok(Some(vec![c.input(0)?; c.outputs.max(1)])),
        "Constant" => constant(c, p),
        "ConstantOfShape" => {
            let sizes = c.numbers(p, "", 0)?.unwrap_or_default();
            let value = match c.tensor(p, "value")? {
                Some(id) => p.uniform(id).unwrap_or(0.0),
                None => 0.0,
            };
            let shape: Option<Vec<usize>> = sizes.into_iter().map(|n| usize::try_from(n).ok()).collect();
            let shape = shape.ok_or_else(|| mismatch(name, "a negative size"))?;
            one(p.constants(name, &shape, vec![value])?)
        }
        "Shape" => {
            let sizes: Vec<f64> = p.shape(c.input(0)?).iter().map(|&n| n as f64).collect();
            one(p.constants(name, &[sizes.len()], sizes)?)
        }
        "Concat" => {
            let parts = (0..c.inputs.len()).map(|i| c.input(i)).collect::<Result<Vec<_>>>()?;
            let rank = parts.first().map_or(0, |&x| p.shape(x).len());
            let dim = axis(name, c.int("axis", 0), rank)?;
            one(p.cat(name, &parts, dim)?)
        }
        "Split" => split(c, p).map(Some),
        _ => Ok(moved(c, p)?.map(|id| vec![id])),
    }
}

fn constant(c: &Call<'_>, p: &mut Program) -> Result<Option<Vec<Id>>> {
    if let Some(id) = c.tensor(p, "value")? {
        return Ok(Some(vec![id]));
    }
    let whole = c.ints("value_ints").filter(|l| !l.is_empty());
    let id = if let Some(list) = whole {
        p.constants(&c.name, &[list.len()], list.iter().map(|&v| v as f64).collect())?
    } else {
        let value = c.real("value_float", c.int("value_int", 0) as f64);
        p.scalar(value)
    };
    Ok(Some(vec![id]))
}

/// The same numbers elsewhere.
fn moved(c: &Call<'_>, p: &mut Program) -> Result<Option<Id>> {
    let name = c.name.as_str();
    if !["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Tile", "Slice", "Gather"]
        .contains(&c.op)
    {
        return Ok(None);
    }
    let x = c.input(0)?;
    let shape = p.shape(x).to_vec();
    let rank = shape.len();
    let axes = |list: Vec<i64>, rank: usize| {
        list.into_iter().map(|d| axis(name, d, rank)).collect::<Result<Vec<_>>>()
    };
    let id = match c.op {
        "Reshape" => {
            let sizes = c.numbers(p, "shape", 1)?.unwrap_or_default();
            let keep = c.int("allowzero", 0) == 0;
            let size = |(i, &n): (usize, &i64)| {
                if n == 0 && keep {
                    shape.get(i).map_or(0, |&s| s as i64)
                } else {
                    n
                }
            };
            let sizes: Vec<i64> = sizes.iter().enumerate().map(size).collect();
            p.reshape(name, x, &sizes)?
        }
        "Flatten" => {
            let at = axis(name, c.int("axis", 1), rank + 1)?;
            let sizes = [shape[..at].iter().product(), shape[at..].iter().product()];
            p.view(name, x, sizes.to_vec())?
        }
        "Squeeze" => {
            let dims = match c.numbers(p, "axes", 1)? {
                Some(list) => axes(list, rank)?,
                None => (0..rank).collect(),
            };
            let kept = shape.iter().enumerate().filter(|(d, n)| **n != 1 || !dims.contains(d));
            p.view(name, x, kept.map(|(_, &n)| n).collect())?
        }
        "Unsqueeze" => unsqueeze(c, p, x)?,
        "Transpose" => {
            let order = match c.ints("perm") {
                Some(list) if !list.is_empty() => axes(list.to_vec(), rank)?,
                _ => (0..rank).rev().collect(),
            };
            p.permute(name, x, &order)?
        }
        "Expand" => expand(c, p, x)?,
        "Tile" => tile(c, p, x)?,
        "Slice" => slice(c, p, x)?,
        _ => gather(c, p, x)?,
    };
    Ok(Some(id))
}

fn unsqueeze(c: &Call<'_>, p: &mut Program, x: Id) -> Result<Id> {
    let list = c.numbers(p, "axes", 1)?.unwrap_or_default();
    let mut out = p.shape(x).to_vec();
    let rank = out.len() + list.len().min(64);
    let mut dims = list.into_iter().map(|d| axis(&c.name, d, rank)).collect::<Result<Vec<_>>>()?;
    dims.sort_unstable();
    for d in dims {
        out.insert(d.min(out.len()), 1);
    }
    p.view(&c.name, x, out)
}

fn expand(c: &Call<'_>, p: &mut Program, x: Id) -> Result<Id> {
    let shape = p.shape(x).to_vec();
    let sizes = c.numbers(p, "", 1)?.unwrap_or_default();
    let wide: Vec<usize> = sizes.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
    let out = crate::traced::program::broadcast(&shape, &wide)
        .ok_or_else(|| mismatch(&c.name, format!("shape {shape:?} expanded to {wide:?}")))?;
    let sizes: Vec<i64> = out.iter().map(|&n| n as i64).collect();
    p.expand(&c.name, x, &sizes)
}

fn tile(c: &Call<'_>, p: &mut Program, x: Id) -> Result<Id> {
    let shape = p.shape(x).to_vec();
    let times = c.numbers(p, "", 1)?.unwrap_or_default();
    if times.len() != shape.len() || times.iter().zip(&shape).any(|(&n, &have)| n != 1 && have != 1) {
        return p.unknown(&c.name, "copies along an axis of several entries", &[x], shape);
    }
    let sizes: Vec<i64> = times.iter().zip(&shape).map(|(&n, &have)| n.max(0) * have as i64).collect();
    p.expand(&c.name, x, &sizes)
}

fn slice(c: &Call<'_>, p: &mut Program, x: Id) -> Result<Id> {
    let rank = p.shape(x).len();
    let from = c.numbers(p, "starts", 1)?.unwrap_or_default();
    let to = c.numbers(p, "ends", 2)?.unwrap_or_default();
    let along = c.numbers(p, "axes", 3)?.unwrap_or_else(|| (0..from.len() as i64).collect());
    let steps = c.numbers(p, "steps", 4)?.unwrap_or_else(|| vec![1; from.len()]);
    if [to.len(), along.len(), steps.len()].iter().any(|&n| n != from.len()) {
        return Err(mismatch(&c.name, "its starts, ends and axes differ in number"));
    }
    let mut y = x;
    for i in 0..from.len() {
        let dim = axis(&c.name, along[i], rank)?;
        if steps[i] != 1 {
            let shape = p.shape(x).to_vec();
            return p.unknown(&c.name, "every other entry of an axis", &[x], shape);
        }
        y = p.slice(&c.name, y, dim, from[i], to[i])?;
    }
    Ok(y)
}

/// One index of an axis.
fn gather(c: &Call<'_>, p: &mut Program, x: Id) -> Result<Id> {
    let shape = p.shape(x).to_vec();
    let index = c.input(1)?;
    let dim = axis(&c.name, c.int("axis", 0), shape.len())?;
    match (p.uniform(index), p.shape(index)) {
        (Some(v), []) => {
            let at = axis(&c.name, v as i64, shape[dim])?;
            p.select(&c.name, x, dim, at)
        }
        (Some(v), [1]) => {
            let at = axis(&c.name, v as i64, shape[dim])?;
            let one = p.select(&c.name, x, dim, at)?;
            let mut out = shape;
            out[dim] = 1;
            p.view(&c.name, one, out)
        }
        _ => p.unknown(&c.name, "a choice of several entries", &[x, index], shape),
    }
}

fn split(c: &Call<'_>, p: &mut Program) -> Result<Vec<Id>> {
    let x = c.input(0)?;
    let dim = axis(&c.name, c.int("axis", 0), p.shape(x).len())?;
    let (size, n) = (p.shape(x)[dim] as i64, c.outputs.max(1) as i64);
    let sizes = c.numbers(p, "split", 1)?.unwrap_or_else(|| {
        let part = (size + n - 1) / n;
        (0..n).map(|i| part.min(size - part * i)).collect()
    });
    let mut from = 0i64;
    let mut parts = Vec::with_capacity(sizes.len());
    for n in sizes {
        let to = from.checked_add(n).filter(|to| n > 0 && *to <= size);
        let to = to.ok_or_else(|| mismatch(&c.name, "its parts do not fit the axis"))?;
        parts.push(p.slice(&c.name, x, dim, from, to)?);
        from = to;
    }
    Ok(parts)
}
