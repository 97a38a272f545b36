//! One op in a graph of its own, random numbers, and measures.

#![allow(dead_code)] // no test needs all of it

use pulvinar_ir::op::expand::expand;
use pulvinar_ir::op::input::{Input, InputKind};
use pulvinar_ir::{interpret, Graph, Level, NodeId, Op, Result, Shape, Tensor, Value};

/// Random numbers that depend on the seed only (SplitMix64).
pub struct Rng(pub u64);

impl Rng {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A whole number from `lo` to `hi`, both included.
    pub fn size(&mut self, lo: usize, hi: usize) -> usize {
        lo + (self.bits() % (hi - lo + 1) as u64) as usize
    }
    /// A number in `lo..hi`.
    pub fn real(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// A value of this shape.
    pub fn value(&mut self, shape: Shape, lo: f64, hi: f64) -> Vec<f64> {
        (0..shape.len()).map(|_| self.real(lo, hi)).collect()
    }
    /// 0 or 1 everywhere.
    pub fn spikes(&mut self, shape: Shape) -> Vec<f64> {
        (0..shape.len()).map(|_| (self.bits() % 3 == 0) as u8 as f64).collect()
    }
    /// A shape of up to these sizes.
    pub fn shape(&mut self, most: [usize; 4]) -> Shape {
        let [t, c, h, w] = most.map(|n| self.size(1, n));
        Shape::new(t, c, h, w)
    }
}

/// Tensors under construction, and an op that names them.
pub struct Case {
    /// The graph: an input, then what is tested.
    pub graph: Graph,
    /// Random numbers.
    pub rng: Rng,
}

impl Case {
    /// A graph with an input of this shape only.
    pub fn new(seed: u64, shape: Shape) -> Self {
        let mut graph = Graph::new("case", Level::Trained, shape.t);
        let input = Input { shape: [shape.c, shape.h, shape.w], kind: InputKind::Real, max: 0 };
        graph.push("input", input.into(), &[]).expect("small shapes are valid");
        Case { graph, rng: Rng(seed) }
    }
    /// Adds a random tensor and gives its values.
    pub fn tensor(&mut self, name: &str, shape: &[usize], lo: f64, hi: f64) -> Vec<f64> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.rng.real(lo, hi) as f32).collect();
        let exact = values.iter().map(|&v| f64::from(v)).collect();
        self.graph.tensors.insert(name.to_owned(), Tensor::real(shape.to_vec(), values));
        exact
    }
    /// Adds an op of the input.
    pub fn push(&mut self, op: impl Into<Op>) -> Result<NodeId> {
        self.graph.push("op", op.into(), &[NodeId(0)])
    }
    /// Value of the last node on this input.
    pub fn run(&self, x: &[f64]) -> Vec<f64> {
        let input = Value::real(self.graph.node(NodeId(0)).ty.shape, x.to_vec());
        interpret::output(&self.graph, &input).expect("the input fits").reals().to_vec()
    }
    /// Timesteps of the output that change when all of step `t` of the input does.
    pub fn touched(&mut self, x: &[f64], t: usize) -> Vec<usize> {
        let (from, to) = (self.graph.node(NodeId(0)).ty.shape, self.graph.node(self.graph.output).ty.shape);
        let mut other = x.to_vec();
        for v in &mut other[t * from.step_len()..(t + 1) * from.step_len()] {
            *v = self.rng.real(-1.0, 2.0);
        }
        let (a, b) = (self.run(x), self.run(&other));
        let n = to.step_len();
        (0..to.t).filter(|&t| a[t * n..(t + 1) * n] != b[t * n..(t + 1) * n]).collect()
    }
    /// The diagnostic code of an op that must be refused.
    pub fn refused(&mut self, op: impl Into<Op>) -> String {
        self.push(op).expect_err("these weights do not fit").code.to_string()
    }
    /// Multiply-accumulates of the last op's expansion in layers, and its products by gates larger than a map.
    pub fn work(&self) -> Work {
        let mut graph = self.graph.clone();
        let node = graph.node(graph.output).clone();
        let given = graph.nodes.len();
        expand(&mut graph, &node).expect("a module").expect("it has been inferred");
        let mut work = Work::default();
        for i in given.. {
            let Some(node) = graph.nodes.get(i).cloned() else { break };
            // A module of the expansion is counted by its own.
            if expand(&mut graph, &node).is_some() {
                continue;
            }
            let size = node.ty.shape.len() as u64;
            let row = |w: &str| (graph.tensors[w].len() / graph.tensors[w].shape[0]) as u64;
            work.macs += match &node.op {
                Op::Dense(d) => size * row(&d.weight),
                Op::Conv1d(c) => size * row(&c.weight),
                Op::Conv2d(c) => size * row(&c.weight),
                Op::Matmul(m) => size * m.terms(graph.node(node.inputs[0]).ty.shape) as u64,
                _ => 0,
            };
            let large = node.ty.shape.len() == graph.node(graph.output).ty.shape.len();
            work.products += if large && matches!(node.op, Op::Mul(_)) { size } else { 0 };
            work.sigmoids += if matches!(node.op, Op::Sigmoid(_)) { size } else { 0 };
        }
        work
    }
    /// Parameters of the model.
    pub fn parameters(&self) -> usize {
        self.graph.tensors.values().map(Tensor::len).sum()
    }
}

/// What the expansion of a module does for a sample.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiply-accumulates of its layers.
    pub macs: u64,
    /// Elements of its products that are as large as its output.
    pub products: u64,
    /// Sigmoids.
    pub sigmoids: u64,
}

/// Equal within 1e-6 of the largest magnitude.
pub fn assert_close(got: &[f64], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= 1e-6 * largest, "{what}, element {i}: {g} where {w} is right");
    }
}

/// The logistic function.
pub fn sigma(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A 2-D convolution of stride 1 with zeros around, as long as its input: `[inputs, h, w]` and
/// `[outputs, inputs, k, k]`; an even k has one zero more below and on the right.
pub fn conv_same(x: &[f64], [inputs, h, w]: [usize; 3], kernel: &[f64], outputs: usize) -> Vec<f64> {
    let k = (kernel.len() as f64 / (inputs * outputs) as f64).sqrt().round() as usize;
    let before = (k - 1) as i64 / 2;
    let mut y = vec![0.0; outputs * h * w];
    for o in 0..outputs {
        for row in 0..h as i64 {
            for col in 0..w as i64 {
                for i in 0..inputs {
                    for ky in 0..k as i64 {
                        for kx in 0..k as i64 {
                            let (r, c) = (row + ky - before, col + kx - before);
                            if r >= 0 && r < h as i64 && c >= 0 && c < w as i64 {
                                let weight = kernel[((o * inputs + i) * k + ky as usize) * k + kx as usize];
                                y[(o * h + row as usize) * w + col as usize] +=
                                    weight * x[(i * h + r as usize) * w + c as usize];
                            }
                        }
                    }
                }
            }
        }
    }
    y
}
