//! Products with a stream of zeros and ones, sums of a plane that a neuron takes, maxima of signed values: synapses, and
//! no multiplier.
//!
//! For a value g of 0 ..= M and s of 0 or 1, in integers,
//!
//! ```text
//! g · s = max(0, g + M·s − M)
//! ```
//!
//! s = 1 leaves max(0, g) = g; s = 0 leaves max(0, g − M) = 0. So a mask is a layer with two synapses, the events of g
//! with weight 1 and those of s with weight M, a bias of −M and a relu. A mask of one value a channel or a position is
//! spread by the kernel of its synapse; one that a layer spreads already is that layer with weights M times as large.

use super::Quantiser;
use pulvinar_ir::op::add::Add;
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::max_pool::MaxPool;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::op::relu::Relu;
use pulvinar_ir::op::requantise::Requantise;
use pulvinar_ir::{Axis, IntType, NodeId, Op, Result, Shape, Tensor};

/// Largest M: weights have up to 16 bits.
const MAX_WEIGHT: i64 = i16::MAX as i64;

/// Bits of weights of this size and 0.
fn weight_bits(weight: i64) -> u32 {
    1 + IntType::new(0, weight, 1.0).bits()
}

impl Quantiser<'_> {
    /// A product of two values of which neither is a statistic, if one is a stream of zeros and ones and the other
    /// is never negative; none for other products.
    pub(super) fn mask(&mut self, id: NodeId) -> Result<Option<NodeId>> {
        let node = self.old.node(id);
        let (shape, old) = (node.ty.shape, [node.inputs[0], node.inputs[1]]);
        if old.iter().any(|i| self.facts.statistic[i.index()]) {
            return Ok(None);
        }
        let new = old.map(|i| self.mapped(i));
        let sizes = new.map(|i| self.new.node(i).ty.shape);
        let fits = |value: usize| {
            let (g, s) = (self.int(new[value]), self.int(new[1 - value]));
            let steps = sizes.iter().all(|z| z.t == shape.t);
            steps && s.is_binary() && s.scale == [1.0] && g.lo >= 0 && (1..=MAX_WEIGHT).contains(&g.hi)
        };
        // Where both may be either, the larger one is the value.
        let larger = usize::from(sizes[1].len() > sizes[0].len());
        let Some(value) = [larger, 1 - larger].into_iter().find(|&v| fits(v)) else { return Ok(None) };
        if new[0] == new[1] {
            return self.counterpart(id, Relu {}, &[new[0]]).map(Some);
        }
        let (name, int) = (node.name.clone(), self.int(new[value]));
        let mut g = new[value];
        if sizes[value] != shape {
            let value = format!("{name}.value");
            let op = self.spread(&value, g, shape, (1, 0), &[1.0]);
            g = self.helper(&value, op, &[g])?;
        }
        let mask = format!("{name}.mask");
        let mut s = new[1 - value];
        let op = if let Some(conv) = self.spreading(s, shape) {
            s = self.new.node(s).inputs[0];
            self.enlarged(&mask, &conv, &int)
        } else {
            self.spread(&mask, s, shape, (int.hi, -int.hi), &int.scale)
        };
        let s = self.helper(&mask, op, &[s])?;
        let sum = self.helper(&format!("{name}.sum"), Add {}, &[g, s])?;
        self.counterpart(id, Relu {}, &[sum]).map(Some)
    }

    /// The layer without bias that makes this value of the whole shape.
    fn spreading(&self, x: NodeId, shape: Shape) -> Option<Conv2d> {
        let node = self.new.node(x);
        match &node.op {
            Op::Conv2d(conv) if node.ty.shape == shape && conv.bias.is_none() => Some(conv.clone()),
            _ => None,
        }
    }

    /// The layer `conv` of zeros and ones with results M times as large, less M.
    fn enlarged(&mut self, name: &str, conv: &Conv2d, value: &IntType) -> Conv2d {
        let old = &self.new.tensors[&conv.weight];
        let factor = i32::try_from(value.hi).expect("at most 16 bits");
        let weights: Vec<i32> = old.as_int().expect("level flow").iter().map(|w| w * factor).collect();
        let (shape, channels) = (old.shape.clone(), old.shape[0]);
        let weight = Tensor::int(shape, weights, weight_bits(value.hi), value.scale.clone());
        let bias = Tensor::int(vec![channels], vec![-factor; channels], 32, value.scale.clone());
        Conv2d {
            weight: self.table(&format!("{name}.weight"), weight),
            bias: Some(self.table(&format!("{name}.bias"), bias)),
            ..conv.clone()
        }
    }

    /// The layer `weight · x + bias` with a value in every element of `shape`; axes of size 1 are repeated.
    fn spread(
        &mut self,
        name: &str,
        x: NodeId,
        shape: Shape,
        (weight, bias): (i64, i64),
        scale: &[f64],
    ) -> Conv2d {
        let from = self.new.node(x).ty.shape;
        let kernel = |from: usize, to: usize| if from == to { 1 } else { to };
        let (kh, kw, channels) = (kernel(from.h, shape.h), kernel(from.w, shape.w), shape.c);
        let constant =
            |n: usize, v: i64, bits: u32| Tensor::int(vec![n], vec![v as i32; n], bits, scale.to_vec());
        let weights = constant(channels * kh * kw, weight, weight_bits(weight));
        let weights = Tensor { shape: vec![channels, 1, kh, kw], ..weights };
        Conv2d {
            weight: self.table(&format!("{name}.weight"), weights),
            bias: (bias != 0).then(|| self.table(&format!("{name}.bias"), constant(channels, bias, 32))),
            stride: [1, 1],
            padding: [kh - 1, kh - 1, kw - 1, kw - 1],
            dilation: [1, 1],
            groups: from.c,
        }
    }

    /// A maximum over windows. Zeros send no events, so values that may be negative are pooled as what they are above
    /// the lowest, which is also what a window finds outside.
    pub(super) fn max_pool(&mut self, id: NodeId, pool: &MaxPool) -> Result<NodeId> {
        let source = self.operands(id)?[0];
        let lowest = self.int(source).lo;
        if lowest >= 0 || self.facts.statistic[id.index()] {
            return self.counterpart(id, pool.clone(), &[source]);
        }
        let name = self.old.node(id).name.clone();
        let shape = |q: &Self, x: NodeId| q.new.node(x).ty.shape;
        let above = format!("{name}.above");
        let raise = self.spread(&above, source, shape(self, source), (1, -lowest), &[1.0]);
        let above = self.helper(&above, raise, &[source])?;
        let pooled = self.helper(&format!("{name}.pool"), pool.clone(), &[above])?;
        let lower = self.spread(&name, pooled, shape(self, pooled), (1, lowest), &[1.0]);
        self.counterpart(id, lower, &[pooled])
    }

    /// A reduction: a statistic, or the sum of a plane that neurons take, which a pool makes.
    pub(super) fn reduction(&mut self, id: NodeId, reduce: &Reduce) -> Result<NodeId> {
        let source = self.mapped(self.old.node(id).inputs[0]);
        if self.facts.statistic[id.index()] {
            return self.counterpart(id, reduce.clone(), &[source]);
        }
        let shape = self.new.node(source).ty.shape;
        let over = |axis, n| if reduce.axes.has(axis) { n } else { 1 };
        let kernel = [over(Axis::H, shape.h), over(Axis::W, shape.w)];
        let pool = AvgPool { kernel, stride: kernel, padding: [0; 4] };
        if reduce.kind == ReduceKind::Mean {
            return self.counterpart(id, pool, &[source]);
        }
        let name = self.old.node(id).name.clone();
        let unit = self.scale(source, &name)?;
        let pooled = self.helper(&format!("{name}.pool"), pool, &[source])?;
        let int = self.int(pooled);
        self.counterpart(id, Requantise { mul: 1, shift: 0, lo: int.lo, hi: int.hi, scale: unit }, &[pooled])
    }
}
