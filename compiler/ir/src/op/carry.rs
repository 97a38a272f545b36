//! What a neuron carries on of its membrane u to the next step, in integers:
//!
//! ```text
//! y = reset where u ≥ threshold, max((u · leak) >> (leak_shift + fraction), floor) elsewhere      (>> towards −∞)
//! ```
//!
//! u may have more fraction bits than what is carried on (gates give it some): the unit of y is that of u · 2^`fraction`.
//! `floor` bounds the type, as y comes back through a `delay` and its range depends on itself; the quantiser sets it where
//! the timesteps of the graph cannot get.
//!
//! The delayed y is the membrane memory of the layer, not a stream: only an addition of the same layer may read it.

use super::{EvalCx, InferCx, Op, OpRule};
use crate::diag::Result;
use crate::graph::{Graph, Level, NodeId};
use crate::shape::{IntType, Type};
use crate::tensor::Value;
use serde::{Deserialize, Serialize};

/// Attributes of `carry`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carry {
    /// Leak multiplier, 0 ..= 2^`leak_shift`.
    pub leak: i64,
    /// Fraction bits of the leak.
    pub leak_shift: u32,
    /// Fraction bits of u that are dropped.
    pub fraction: u32,
    /// Threshold, in units of u.
    pub threshold: i64,
    /// Membrane after a spike, in units of y.
    pub reset: i64,
    /// Lower bound, in units of y.
    pub floor: i64,
}

impl Carry {
    /// The value of one element.
    #[inline]
    pub fn apply(&self, u: i64) -> i64 {
        if u >= self.threshold { self.reset } else { self.leaked(u) }
    }

    fn leaked(&self, u: i64) -> i64 {
        ((u * self.leak) >> (self.leak_shift + self.fraction)).max(self.floor)
    }

    /// Smallest and largest value for operands in `lo..=hi`.
    fn range(&self, (lo, hi): (i64, i64)) -> (i64, i64) {
        let silent = (lo < self.threshold).then(|| (self.leaked(lo), self.leaked(hi.min(self.threshold - 1))));
        let fired = (hi >= self.threshold).then_some((self.reset, self.reset));
        let both = silent.into_iter().chain(fired);
        both.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, 0))
    }
}

/// The `carry` whose value this delay brings to the next step, if it is such a delay: a layer's membrane memory.
pub fn carried(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let source = *node.inputs.first().filter(|_| matches!(node.op, Op::Delay(_)))?;
    graph.nodes.get(source.index()).filter(|n| matches!(n.op, Op::Carry(_))).map(|_| source)
}

impl OpRule for Carry {
    fn infer(&self, cx: &InferCx<'_>) -> Result<Type> {
        cx.only(Level::Flow)?;
        let [x] = cx.operands()?;
        let int = x.as_int(cx.name)?;
        if self.leak_shift > 16 || self.fraction > 16 || !(0..=1i64 << self.leak_shift).contains(&self.leak) {
            return Err(cx.refuse("leak or shift is out of range", "leak from 0 to 2^leak_shift, shifts at most 16"));
        }
        let small = |v: i64| v.unsigned_abs() < 1 << 47;
        if int.bits() > 44 || ![self.threshold, self.reset, self.floor].into_iter().all(small) {
            return Err(cx.refuse("an operand or constant is wider than 44 bits", "use fewer weight bits or a smaller layer"));
        }
        let (lo, hi) = self.range((int.lo, int.hi));
        let unit = f64::from(self.fraction).exp2();
        let kept = IntType { lo, hi, scale: int.scale.iter().map(|s| s * unit).collect() };
        if kept.bits() > 32 {
            return Err(cx.refuse(
                format!("the membrane potential can need {} bits, more than 32", kept.bits()),
                "use a leak, a lower floor, or fewer weight bits",
            ));
        }
        Ok(Type::int(kept, x.shape))
    }

    fn eval(&self, cx: &EvalCx<'_>) -> Value {
        let x = cx.inputs[0];
        Value::int(x.shape, x.ints().iter().map(|&u| self.apply(u)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_is_that_of_all_operands() {
        let carry = Carry { leak: 3, leak_shift: 2, fraction: 1, threshold: 11, reset: -2, floor: -9 };
        assert_eq!([10, 11, -1, -100].map(|u| carry.apply(u)), [3, -2, -1, -9]);
        for (lo, hi) in [(-30, 5), (-30, 40), (11, 40), (-3, 10), (4, 4)] {
            let all: Vec<i64> = (lo..=hi).map(|u| carry.apply(u)).collect();
            let want = (*all.iter().min().unwrap(), *all.iter().max().unwrap());
            assert_eq!(carry.range((lo, hi)), want, "{lo}..={hi}");
        }
    }
}
