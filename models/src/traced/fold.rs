//! Operations on constants.

use super::program::{count, Const, Id, Kind, Program};

/// Largest constant computed, in elements.
const MAX_FOLDED: usize = 1 << 24;

/// The value of an operation whose operands are constants, if it is one that is computed here.
pub(super) fn fold(program: &Program, kind: &Kind, inputs: &[Id], shape: &[usize]) -> Option<Const> {
    let operands: Option<Vec<&Const>> = inputs.iter().map(|&i| program.as_const(i)).collect();
    let operands = operands.filter(|o| !o.is_empty() && o.iter().all(|c| !c.0.is_empty()))?;
    let n = count(shape).filter(|n| (1..=MAX_FOLDED).contains(n))?;
    if let [x] = operands[..] {
        if let Some(f) = unary(kind) {
            return Some(Const(x.0.iter().map(|&v| f(v)).collect()));
        }
    }
    // What moves equal elements, or repeats them, leaves them equal.
    let moves = matches!(kind, Kind::View | Kind::Permute(_) | Kind::Expand | Kind::Select { .. });
    if moves {
        let x = operands[0];
        if let Some(v) = x.uniform() {
            return Some(Const(vec![v]));
        }
        let from = program.shape(inputs[0]);
        return Some(Const(match kind {
            Kind::View => x.0.clone(),
            Kind::Select { dim, index } => select(&x.0, from, *dim, *index),
            Kind::Permute(dims) => permute(&x.0, from, dims),
            _ => (0..n).map(|i| x.0[source(i, shape, from)]).collect(),
        }));
    }
    let f = binary(kind)?;
    let [a, b] = operands[..] else { return None };
    if let ([a], [b]) = (&a.0[..], &b.0[..]) {
        return Some(Const(vec![f(*a, *b)]));
    }
    let at = |c: &Const, operand: usize, i: usize| match &c.0[..] {
        [one] => *one,
        many => many[source(i, shape, program.shape(inputs[operand]))],
    };
    Some(Const((0..n).map(|i| f(at(a, 0, i), at(b, 1, i))).collect()))
}

fn unary(kind: &Kind) -> Option<fn(f64) -> f64> {
    match kind {
        Kind::Relu => Some(|v| v.max(0.0)),
        Kind::Sigmoid => Some(|v| 1.0 / (1.0 + (-v).exp())),
        _ => None,
    }
}

fn binary(kind: &Kind) -> Option<fn(f64, f64) -> f64> {
    match kind {
        Kind::Add => Some(|a, b| a + b),
        Kind::Sub => Some(|a, b| a - b),
        Kind::Mul => Some(|a, b| a * b),
        Kind::Compare { strict: true } => Some(|a, b| f64::from(u8::from(a > b))),
        Kind::Compare { strict: false } => Some(|a, b| f64::from(u8::from(a >= b))),
        _ => None,
    }
}

/// Position in an operand of element `i` of a broadcast value.
fn source(mut i: usize, shape: &[usize], operand: &[usize]) -> usize {
    let (mut at, mut step) = (0, 1);
    for (k, &n) in shape.iter().rev().enumerate() {
        let digit = i % n;
        i /= n;
        let Some(d) = operand.len().checked_sub(k + 1) else { continue };
        if operand[d] > 1 {
            at += digit * step;
        }
        step *= operand[d];
    }
    at
}

fn select(values: &[f64], shape: &[usize], dim: usize, index: usize) -> Vec<f64> {
    let inner: usize = shape[dim + 1..].iter().product();
    let block = inner * shape[dim];
    values.chunks_exact(block).flat_map(|b| b[index * inner..(index + 1) * inner].iter().copied()).collect()
}

fn permute(values: &[f64], shape: &[usize], dims: &[usize]) -> Vec<f64> {
    let mut strides = vec![1; shape.len()];
    for d in (0..shape.len().saturating_sub(1)).rev() {
        strides[d] = strides[d + 1] * shape[d + 1];
    }
    let sizes: Vec<usize> = dims.iter().map(|&d| shape[d]).collect();
    (0..values.len())
        .map(|mut i| {
            let mut at = 0;
            for (k, &n) in sizes.iter().enumerate().rev() {
                at += i % n * strides[dims[k]];
                i /= n;
            }
            values[at]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_move_as_they_should() {
        let v: Vec<f64> = (0..6).map(f64::from).collect();
        assert_eq!(permute(&v, &[2, 3], &[1, 0]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(select(&v, &[2, 3], 1, 2), [2.0, 5.0]);
        let spread: Vec<usize> = (0..6).map(|i| source(i, &[2, 3], &[2, 1])).collect();
        assert_eq!(spread, [0, 0, 0, 1, 1, 1]);
    }
}
