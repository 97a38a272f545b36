//! Networks without attention, written as NIR.
//!
//! Sums become edges into one node, the readout over time is left out (NIR has none), and a neuron's constants are those
//! whose forward Euler step of `dt` gives its own back ([`super::neuron`]).

use super::param::{refuse, Array, Param, RawGraph, RawNode};
use super::{file, Rating, Reason, DEFAULT_DT};
use pulvinar_ir::op::avg_pool::AvgPool;
use pulvinar_ir::op::conv2d::Conv2d;
use pulvinar_ir::op::neuron::{Compare, Neuron, Reset};
use pulvinar_ir::op::window::same_padding;
use pulvinar_ir::{Diagnostic, Graph, Level, Node, NodeId, Op, Result};
use std::collections::BTreeSet;

/// Version of the format's description written here.
const VERSION: &str = "1.0.8";

/// The package takes the channels of one group for those of the input.
const GROUPED: &str = "the Python package (1.0.8) reads convolutions in groups with `type_check=False` only";

/// The outcome of an export.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The worst of all nodes.
    pub rating: Rating,
    /// Where something is to be said.
    pub reasons: Vec<Reason>,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Writes a network of level `trained`; `dt` in seconds, [`DEFAULT_DT`] if it is not given.
pub fn export(graph: &Graph, dt: Option<f64>) -> Result<Exported> {
    let dt = dt.unwrap_or(DEFAULT_DT);
    if !dt.is_finite() || dt <= 0.0 {
        let message = format!("a time step of {dt} s");
        return Err(Diagnostic::new("E0516", "`--dt`", message, "give the seconds of one step, more than 0"));
    }
    if graph.level != Level::Trained {
        return Err(Diagnostic::new(
            "E0517",
            &graph.name,
            "only trained networks can be written as NIR",
            "export the network before it is quantised",
        ));
    }
    let mut export =
        Export { graph, dt, shapes: shapes(graph), raw: RawGraph::default(), reasons: Vec::new() };
    for id in graph.ids() {
        export.node(id)?;
    }
    export.output()?;
    let rating = export.reasons.iter().map(|r| r.rating).max().unwrap_or(Rating::Exact);
    let bytes = file::write(VERSION, &export.raw)?;
    Ok(Exported { rating, reasons: export.reasons, bytes })
}

/// Shapes as NIR writes them: a vector after a linear layer, `[C, H, W]` after a convolution.
fn shapes(graph: &Graph) -> Vec<Vec<usize>> {
    let users = graph.users();
    let spatial = |id: &NodeId| matches!(graph.node(*id).op, Op::Conv2d(_) | Op::AvgPool(_) | Op::Flatten(_));
    let mut shapes: Vec<Vec<usize>> = Vec::with_capacity(graph.nodes.len());
    for id in graph.ids() {
        let node = graph.node(id);
        let s = node.ty.shape;
        let vector = s.h == 1
            && s.w == 1
            && match &node.op {
                Op::Input(_) => !users[id.index()].iter().any(spatial),
                Op::Conv2d(_) | Op::AvgPool(_) => false,
                Op::Flatten(_) | Op::Linear(_) => true,
                _ => node.inputs.first().and_then(|i| shapes.get(i.index())).is_none_or(|s| s.len() == 1),
            };
        shapes.push(if vector { vec![s.c] } else { vec![s.c, s.h, s.w] });
    }
    shapes
}

fn no(node: &Node, message: impl Into<String>, help: &str) -> Diagnostic {
    refuse("E0517", &node.name, message, help)
}

fn integers(values: &[usize]) -> Param {
    Param::Integers(Array { shape: vec![values.len()], values: values.iter().map(|&v| v as f64).collect() })
}

fn integer(value: f64) -> Param {
    Param::Integers(Array { shape: Vec::new(), values: vec![value] })
}

fn full(shape: &[usize], value: f64) -> Param {
    Param::Reals(Array { shape: shape.to_vec(), values: vec![value; shape.iter().product()] })
}

/// Numbers around `guess`, the nearest first.
fn around(guess: f64) -> impl Iterator<Item = f64> {
    (0..32i64).flat_map(|d| [d, -d]).map(move |d| f64::from_bits(guess.to_bits().wrapping_add_signed(d)))
}

/// A number near `target / k` whose product with `k` is the target; the quotient where there is none.
fn quotient(target: f64, k: f64) -> (f64, bool) {
    let exact = around(target / k).find(|x| k * x == target);
    (exact.unwrap_or(target / k), exact.is_some())
}

/// `tau`, `r` and `v_leak` of a leaky neuron. Several time constants round to one leak; one whose other constants come
/// back to the last bit is taken, if there is one.
fn leaky(n: &Neuron, dt: f64) -> [f64; 3] {
    let guess = dt / (1.0 - n.leak);
    let constants = |tau: f64| {
        let k = (dt / tau).min(1.0);
        let (r, rest) = (quotient(n.input_gain, k), quotient(n.input_bias, k));
        ([tau, r.0, rest.0], 1.0 - k == n.leak, r.1 && rest.1)
    };
    let tried: Vec<_> = around(guess).map(constants).filter(|c| c.1).collect();
    let best = tried.iter().find(|c| c.2).or(tried.first());
    best.map_or_else(|| constants(guess).0, |c| c.0)
}

/// The same neuron with its potential measured from its start, so that it starts at 0 as NIR's do.
fn from_zero(n: &Neuron) -> Neuron {
    let start = n.initial;
    let reset = match n.reset {
        Reset::Value { value } => Reset::Value { value: value - start },
        other => other,
    };
    let input_bias = n.input_bias - (1.0 - n.leak) * start;
    Neuron { input_bias, threshold: n.threshold - start, reset, initial: 0.0, ..n.clone() }
}

struct Export<'a> {
    graph: &'a Graph,
    dt: f64,
    shapes: Vec<Vec<usize>>,
    raw: RawGraph,
    reasons: Vec<Reason>,
}

impl Export<'_> {
    fn add(&mut self, name: &str, kind: &str, params: Vec<(&str, Param)>) {
        let params = params.into_iter().map(|(key, p)| (key.to_owned(), p)).collect();
        self.raw.nodes.insert(name.to_owned(), RawNode { kind: kind.to_owned(), params, graph: None });
    }

    fn say(&mut self, node: &str, rating: Rating, text: &str) {
        self.reasons.push(Reason { node: node.to_owned(), rating, text: text.to_owned() });
    }

    /// Edges into a node, sums resolved.
    fn connect(&mut self, to: &str, node: &Node) -> Result<()> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<NodeId> = node.inputs.iter().rev().copied().collect();
        while let Some(id) = open.pop() {
            let source = self.graph.node(id);
            if matches!(source.op, Op::Add(_)) {
                open.extend(source.inputs.iter().rev());
            } else if seen.insert(id) {
                self.raw.edges.push((source.name.clone(), to.to_owned()));
            } else {
                let text = format!("`{}` comes in twice, which NIR cannot say", source.name);
                return Err(no(node, text, "put a factor of two into the weights"));
            }
        }
        Ok(())
    }

    fn node(&mut self, id: NodeId) -> Result<()> {
        let node = self.graph.node(id);
        let shape = self.shapes[id.index()].clone();
        let mut target = node.name.clone();
        match &node.op {
            Op::Input(_) => self.add(&node.name, "Input", vec![("shape", integers(&shape))]),
            Op::Add(_) => {
                let shapes = node.inputs.iter().map(|&i| self.graph.node(i).ty.shape);
                if shapes.clone().any(|s| s != node.ty.shape) {
                    return Err(no(
                        node,
                        "it adds values of two shapes",
                        "make both branches the same shape",
                    ));
                }
                return Ok(());
            }
            Op::Readout(_) if id == self.graph.output => return Ok(()),
            Op::Linear(l) => target = self.linear(id, &l.weight, l.bias.as_deref())?,
            Op::Conv2d(c) => self.conv(id, c)?,
            Op::AvgPool(p) => self.pool(id, p)?,
            Op::Flatten(_) => {
                let input = self.shapes[node.inputs[0].index()].clone();
                self.add(&node.name, "Flatten", flatten(&input));
            }
            Op::Scale(s) => {
                let factors = self.tensor(&s.factor);
                let plane = node.ty.shape.h * node.ty.shape.w;
                let one = factors.values.len() == 1;
                let of = |i: usize| factors.values[if one { 0 } else { i / plane }];
                let values = (0..shape.iter().product()).map(of).collect();
                self.add(&node.name, "Scale", vec![("scale", Param::Reals(Array { shape, values }))]);
            }
            Op::Affine(a) if a.add == 0.0 => {
                self.add(&node.name, "Scale", vec![("scale", full(&shape, a.mul))]);
            }
            Op::BatchNorm(b) if shape.len() == 3 => {
                let tensors = &self.graph.tensors;
                let slopes = b.slope_and_offset(|n| tensors[n].as_real().expect("invariant: level trained"));
                let (a, b): (Vec<f64>, Vec<f64>) = slopes.into_iter().unzip();
                self.norm(id, a, b);
            }
            Op::Delay(_) => self.add(&node.name, "Delay", vec![("delay", full(&shape, self.dt))]),
            Op::Neuron(n) => self.neuron(id, n, &shape)?,
            other => {
                let text = format!("NIR has nothing for a `{}` here", other.name());
                return Err(no(
                    node,
                    text,
                    "NIR holds linear and convolutional layers, mean pools and neurons; fold norms into the layer \
                     before them, and keep networks with attention in the native format",
                ));
            }
        }
        if node.inputs.is_empty() {
            return Ok(());
        }
        self.connect(&target, node)
    }

    fn tensor(&self, name: &str) -> Array {
        let tensor = &self.graph.tensors[name];
        let values =
            tensor.as_real().expect("invariant: level trained").iter().map(|&v| f64::from(v)).collect();
        Array { shape: tensor.shape.clone(), values }
    }

    /// The layer, and a flatten before it where NIR needs one; gives the node that takes the operand.
    fn linear(&mut self, id: NodeId, weight: &str, bias: Option<&str>) -> Result<String> {
        let node = self.graph.node(id);
        let mut params = vec![("weight", Param::Reals(self.tensor(weight)))];
        params.extend(bias.map(|b| ("bias", Param::Reals(self.tensor(b)))));
        self.add(&node.name, if bias.is_some() { "Affine" } else { "Linear" }, params);
        let input = self.shapes[node.inputs[0].index()].clone();
        if input.len() != 3 {
            return Ok(node.name.clone());
        }
        let flat = format!("{}.flat", node.name);
        if self.graph.find(&flat).is_some() {
            return Err(no(node, format!("it needs a flatten and `{flat}` is taken"), "rename that node"));
        }
        self.add(&flat, "Flatten", flatten(&input));
        self.raw.edges.push((flat.clone(), node.name.clone()));
        Ok(flat)
    }

    /// Three axes in front of a window.
    fn spatial(&self, id: NodeId) -> Result<[usize; 2]> {
        let node = self.graph.node(id);
        let input = node.inputs[0];
        let s = self.graph.node(input).ty.shape;
        if self.shapes[input.index()].len() == 3 {
            return Ok([s.h, s.w]);
        }
        Err(no(node, "it works on a vector, and NIR has no way to unflatten", "use a linear layer instead"))
    }

    fn conv(&mut self, id: NodeId, c: &Conv2d) -> Result<()> {
        let node = self.graph.node(id);
        let size = self.spatial(id)?;
        let weight = self.tensor(&c.weight);
        let axis = |i: usize| same_padding(c.dilation[i] * (weight.shape[2 + i] - 1) + 1);
        let ((top, bottom), (left, right)) = (axis(0), axis(1));
        let padding = match c.padding {
            [a, b, l, r] if a == b && l == r => integers(&[a, l]),
            p if p == [top, bottom, left, right] && c.stride == [1, 1] => Param::Text("same".to_owned()),
            p => return Err(uneven(node, p)),
        };
        let bias = match &c.bias {
            Some(bias) => Param::Reals(self.tensor(bias)),
            None => full(&weight.shape[..1], 0.0),
        };
        let params = vec![
            ("input_shape", integers(&size)),
            ("weight", Param::Reals(weight)),
            ("bias", bias),
            ("stride", integers(&c.stride)),
            ("padding", padding),
            ("dilation", integers(&c.dilation)),
            ("groups", integer(c.groups as f64)),
        ];
        self.add(&node.name, "Conv2d", params);
        if c.groups > 1 {
            self.say(&node.name, Rating::Exact, GROUPED);
        }
        Ok(())
    }

    /// A factor and an offset per channel: a 1 x 1 convolution, channel by channel.
    fn norm(&mut self, id: NodeId, factors: Vec<f64>, offsets: Vec<f64>) {
        let node = self.graph.node(id);
        let (c, s) = (factors.len(), node.ty.shape);
        let single = |v: Vec<f64>| v.into_iter().map(|v| f64::from(v as f32)).collect();
        let params = vec![
            ("input_shape", integers(&[s.h, s.w])),
            ("weight", Param::Reals(Array { shape: vec![c, 1, 1, 1], values: single(factors) })),
            ("bias", Param::Reals(Array { shape: vec![c], values: single(offsets) })),
            ("stride", integers(&[1, 1])),
            ("padding", integers(&[0, 0])),
            ("dilation", integers(&[1, 1])),
            ("groups", integer(c as f64)),
        ];
        self.add(&node.name, "Conv2d", params);
        self.say(&node.name, Rating::Exact, "a norm, written as a 1 x 1 convolution, channel by channel");
        self.say(&node.name, Rating::Exact, GROUPED);
    }

    fn pool(&mut self, id: NodeId, p: &AvgPool) -> Result<()> {
        let node = self.graph.node(id);
        self.spatial(id)?;
        let [top, bottom, left, right] = p.padding;
        if top != bottom || left != right {
            return Err(uneven(node, p.padding));
        }
        let params = vec![
            ("kernel_size", integers(&p.kernel)),
            ("stride", integers(&p.stride)),
            ("padding", integers(&[top, left])),
        ];
        self.add(&node.name, "AvgPool2d", params);
        Ok(())
    }

    fn neuron(&mut self, id: NodeId, n: &Neuron, shape: &[usize]) -> Result<()> {
        let node = self.graph.node(id);
        if !n.is_plain() {
            let text = "NIR has no word for its spikes, its current or its constants by channel";
            return Err(no(node, text, "keep the native format"));
        }
        let n = &from_zero(n);
        let array = |value: f64| full(shape, value);
        if n.compare == Compare::AtLeast {
            self.say(&node.name, Rating::Approximated, "it fires at its threshold, NIR's neurons above it");
        }
        if n.leak == 0.0 && n.input_gain == 1.0 && n.input_bias == 0.0 {
            self.add(&node.name, "Threshold", vec![("threshold", array(n.threshold))]);
            return Ok(());
        }
        let v_reset = match n.reset {
            Reset::Value { value } => value,
            Reset::Subtract { value } if value == n.threshold => {
                self.say(&node.name, Rating::Approximated, "NIR does not say that its reset subtracts");
                0.0
            }
            _ if n.leak == 0.0 => 0.0,
            _ => {
                return Err(no(node, "NIR does not have its reset", "reset to a value, or by the threshold"))
            }
        };
        if n.clamp_min.is_some() {
            let text = "NIR has no lower bound of a potential";
            return Err(no(node, text, "train without one, or keep the native format"));
        }
        let mut params = vec![("v_threshold", array(n.threshold)), ("v_reset", array(v_reset))];
        if n.leak == 1.0 {
            if n.input_bias != 0.0 {
                return Err(no(node, "NIR's IF has no constant current", "put it into the layer's bias"));
            }
            params.push(("r", array(quotient(n.input_gain, self.dt).0)));
            self.add(&node.name, "IF", params);
            return Ok(());
        }
        let constants = ["tau", "r", "v_leak"].into_iter().zip(leaky(n, self.dt));
        params.extend(constants.map(|(key, value)| (key, array(value))));
        self.add(&node.name, "LIF", params);
        Ok(())
    }

    /// The `Output`; a readout gives it its name.
    fn output(&mut self) -> Result<()> {
        let id = self.graph.output;
        let node = self.graph.node(id);
        let (name, source) = match node.op {
            Op::Readout(_) => (node.name.clone(), node.inputs[0]),
            _ => (self.graph.fresh_name("output"), id),
        };
        if name == node.name {
            self.say(
                &name,
                Rating::Exact,
                "NIR's output is a stream; the readout over time is not in the file",
            );
        }
        self.add(&name, "Output", vec![("shape", integers(&self.shapes[source.index()].clone()))]);
        let reader = Node { name: name.clone(), inputs: vec![source], ..node.clone() };
        self.connect(&name, &reader)
    }
}

fn flatten(input: &[usize]) -> Vec<(&'static str, Param)> {
    vec![("input_type", integers(input)), ("start_dim", integer(0.0)), ("end_dim", integer(-1.0))]
}

fn uneven(node: &Node, padding: [usize; 4]) -> Diagnostic {
    let text = format!("padding {padding:?} (top, bottom, left, right) is not the same on both sides");
    no(node, text, "pad both sides alike")
}
