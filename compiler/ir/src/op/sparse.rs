//! `y[j] = Σ_i w[i→j] · x[i]` over stored connections only (compressed rows by source), one timestep at a time.

use super::{EvalCx, InferCx, OpRule};
use crate::diag::Result;
use crate::graph::Level;
use crate::shape::{IntType, Shape, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `sparse`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sparse {
    /// Targets of the synapses in source order `[synapses]`.
    pub targets: String,
    /// First synapse of every source, and the end `[in + 1]`.
    pub rows: String,
    /// Weights in the same order `[synapses]`.
    pub weight: String,
    /// Number of targets.
    pub outputs: usize,
}

impl OpRule for Sparse {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        let weight = cx.tensor(&self.weight, &[None])?;
        let n = weight.len();
        if self.outputs == 0 || self.outputs > 1 << 20 {
            return Err(cx.refuse(format!("{} targets", self.outputs), "give from 1 to 1048576 targets"));
        }
        let targets = cx.tensor(&self.targets, &[Some(n)])?.as_int().unwrap_or(&[]);
        let rows = cx.tensor(&self.rows, &[Some(x.shape.step_len() + 1)])?.as_int().unwrap_or(&[]);
        let ordered = rows.first() == Some(&0) && rows.last() == Some(&(n as i32)) && rows.windows(2).all(|p| p[0] <= p[1]);
        if !ordered || targets.iter().any(|&j| j < 0 || j as usize >= self.outputs) {
            return Err(cx.refuse("row pointers are not ascending from 0 to the synapse count, or a target is out of range", "rebuild the connectivity"));
        }
        let int = x.as_int(cx.name)?;
        let (mut lo, mut hi) = (vec![0i64; self.outputs], vec![0i64; self.outputs]);
        for (&j, &w) in targets.iter().zip(weight.as_int().unwrap_or(&[])) {
            let (p, q) = (i64::from(w).saturating_mul(int.lo.min(0)), i64::from(w).saturating_mul(int.hi.max(0)));
            let (l, h) = (&mut lo[j as usize], &mut hi[j as usize]);
            (*l, *h) = (l.saturating_add(p.min(q)), h.saturating_add(p.max(q)));
        }
        let scale = vec![weight.scale()[0] * int.single_scale(cx.name)?];
        let ty = IntType { lo: lo.into_iter().min().unwrap_or(0), hi: hi.into_iter().max().unwrap_or(0), scale };
        cx.int_or_real(Shape::new(x.shape.t, self.outputs, 1, 1), || Ok(ty))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let ints = |name| cx.tensor(name).as_int().expect("level flow");
        let (targets, rows, weight) = (ints(&self.targets), ints(&self.rows), ints(&self.weight));
        let x = cx.inputs[0];
        let mut y = vec![0i64; cx.ty.shape.len()];
        for (step, out) in x.ints().chunks_exact(x.shape.step_len()).zip(y.chunks_exact_mut(self.outputs)) {
            for (i, &v) in step.iter().enumerate().filter(|(_, v)| **v != 0) {
                for s in rows[i] as usize..rows[i + 1] as usize {
                    out[targets[s] as usize] += i64::from(weight[s]) * v;
                }
            }
        }
        Value::int(cx.ty.shape, y)
    }

    fn tensors(&self) -> Vec<&str> {
        vec![&self.targets, &self.rows, &self.weight]
    }
}
