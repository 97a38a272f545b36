//! What the quantiser must know about a value before it sees its readers.

use crate::pass::edit::non_negative;
use crate::Options;
use pulvinar_ir::op::accumulate::AccumulateKind;
use pulvinar_ir::op::neuron::Output;
use pulvinar_ir::op::reduce::{Reduce, ReduceKind};
use pulvinar_ir::{Axis, Graph, NodeId, Op, Tensor};

/// Facts per node of a lowered trained graph.
pub(super) struct Facts {
    /// Real value of one unit, for values made of spikes and counts only: exact integers without weights.
    pub unit: Vec<Option<f64>>,
    /// Values computed from reductions only: the small side of attention.
    pub statistic: Vec<bool>,
    /// Of those, the ones as large as a layer, which layers take as streams.
    pub large: Vec<bool>,
    /// Layers whose readers all lead elementwise to a neuron.
    pub per_channel: Vec<bool>,
    /// Scale of the products of a layer that meets others in additions.
    pub shared_scale: Vec<Option<f64>>,
}

impl Facts {
    pub fn of(graph: &Graph, options: &Options) -> Self {
        let users = graph.users();
        let unit = units(graph);
        let (statistic, large) = engine_values(graph);
        let per_channel = lead_to_neurons(graph, &users, &statistic);
        let shared_scale = shared_scales(graph, &unit, options);
        Facts { unit, statistic, large, per_channel, shared_scale }
    }

    /// True for spikes, counts and their pools.
    pub fn is_stream(&self, id: NodeId) -> bool {
        self.unit[id.index()].is_some()
    }

    /// True for the product that gates a current for the first time: one operand is neither a statistic nor gated yet.
    pub fn first_gate(&self, graph: &Graph, id: NodeId) -> bool {
        let gated = |mut i: NodeId| loop {
            match &graph.node(i).op {
                Op::Relu(_) | Op::MaxPool(_) | Op::AvgPool(_) | Op::Upsample(_) => {
                    i = graph.node(i).inputs[0];
                }
                op => return matches!(op, Op::Mul(_)),
            }
        };
        let inputs = &graph.node(id).inputs;
        !self.statistic[id.index()]
            && inputs.iter().filter(|i| !self.statistic[i.index()]).all(|&i| !gated(i) && !self.is_stream(i))
    }
}

fn units(graph: &Graph) -> Vec<Option<f64>> {
    let mut unit: Vec<Option<f64>> = vec![None; graph.nodes.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        let of = |i: &NodeId| unit[i.index()];
        let value = match &node.op {
            Op::Input(_) | Op::Radix(_) => Some(1.0),
            Op::Neuron(n) => n.spike_unit(),
            Op::AvgPool(p) => of(&node.inputs[0]).map(|u| u / (p.kernel[0] * p.kernel[1]) as f64),
            Op::Delay(_) if node.inputs[0] >= id => match &graph.node(node.inputs[0]).op {
                Op::Neuron(n) => n.spike_unit(),
                _ => None,
            },
            Op::Accumulate(a) if a.bias.is_none() => {
                let steps = if a.kind == AccumulateKind::Mean { a.window as f64 } else { 1.0 };
                of(&node.inputs[0]).map(|u| u / steps)
            }
            Op::MaxPool(_) | Op::Upsample(_) | Op::Flatten(_) | Op::Delay(_) => of(&node.inputs[0]),
            Op::Mul(_) => of(&node.inputs[0]).zip(of(&node.inputs[1])).map(|(a, b)| a * b),
            Op::Add(_) | Op::Concat(_) => {
                let first = of(&node.inputs[0]);
                first.filter(|_| node.inputs.iter().all(|i| of(i) == first))
            }
            _ => None,
        };
        unit[id.index()] = value;
    }
    unit
}

/// For every node, whether it is computed from reductions only, or by an op that only the attention engine has; a
/// sum of a plane that only neurons and the answer take is none, but a layer.
pub(in crate::pass) fn statistics(graph: &Graph) -> Vec<bool> {
    engine_values(graph).0
}

/// The statistics, and those of them that come from whole streams with no reduction since. A layer that reads one of the
/// latter is a layer as behind a stream, and no statistic.
fn engine_values(graph: &Graph) -> (Vec<bool>, Vec<bool>) {
    let users = graph.users();
    let (mut yes, mut large) = (vec![false; graph.nodes.len()], vec![false; graph.nodes.len()]);
    for id in graph.ids() {
        let node = graph.node(id);
        let all = node.inputs.iter().all(|i| yes[i.index()]);
        let any_large = node.inputs.iter().any(|i| large[i.index()]);
        let layer = node.op.weights().is_some_and(|_| !matches!(node.op, Op::Conv1d(_) | Op::Dense(_)))
            || matches!(node.op, Op::AvgPool(_) | Op::MaxPool(_) | Op::Upsample(_) | Op::Flatten(_))
            || matches!(node.op, Op::BatchNorm(_) | Op::Accumulate(_) | Op::Readout(_));
        (yes[id.index()], large[id.index()]) = match &node.op {
            Op::Reduce(r) => (all || !is_pool(r) || !leads_on(graph, &users, id), false),
            Op::Conv1d(_) | Op::Matmul(_) => (true, any_large || !all),
            Op::Input(_) | Op::Neuron(_) | Op::Delay(_) => (false, false),
            _ if layer && any_large => (false, false),
            _ => (all, all && any_large),
        };
    }
    (yes, large)
}

/// True for sums and means over rows and columns only.
fn is_pool(reduce: &Reduce) -> bool {
    let plane = reduce.axes.members().iter().all(|a| [Axis::H, Axis::W].contains(a));
    plane && reduce.kind != ReduceKind::Max
}

/// True if a value has readers, and all of them lead to neurons or the answer through layers only.
fn leads_on(graph: &Graph, users: &[Vec<NodeId>], id: NodeId) -> bool {
    let leads = |&user: &NodeId| match &graph.node(user).op {
        Op::Neuron(_) | Op::Accumulate(_) | Op::Readout(_) => true,
        Op::Affine(_) | Op::BatchNorm(_) | Op::Conv2d(_) | Op::Linear(_) | Op::Flatten(_) => {
            leads_on(graph, users, user)
        }
        _ => false,
    };
    graph.output != id && !users[id.index()].is_empty() && users[id.index()].iter().all(leads)
}

/// For every value, whether a scale per channel of it ends in the constants of neurons.
fn lead_to_neurons(graph: &Graph, users: &[Vec<NodeId>], statistic: &[bool]) -> Vec<bool> {
    let (mut yes, positive) = (vec![false; graph.nodes.len()], non_negative(graph));
    for i in (0..graph.nodes.len()).rev() {
        let id = NodeId(i as u32);
        let shape = |id: NodeId| graph.node(id).ty.shape;
        let absorbs = |user: NodeId| match &graph.node(user).op {
            // A membrane that leaves has one unit.
            Op::Neuron(n) => n.output == Output::Spikes,
            Op::Relu(_) | Op::AvgPool(_) | Op::Upsample(_) => yes[user.index()],
            // Signed values are pooled above their lowest one, which takes one scale.
            Op::MaxPool(_) => yes[user.index()] && positive[id.index()],
            Op::Mul(_) => {
                let other = graph.node(user).inputs.iter().find(|&&i| i != id);
                yes[user.index()] && other.is_some_and(|&o| statistic[o.index()] && shape(o) != shape(id))
            }
            _ => false,
        };
        yes[i] = !users[i].is_empty() && graph.output != id && users[i].iter().all(|&u| absorbs(u));
    }
    yes
}

/// Largest weight of a tensor.
pub(super) fn largest(tensor: &Tensor) -> f64 {
    tensor.as_real().unwrap_or(&[]).iter().fold(0.0, |a, &w| a.max(f64::from(w).abs()))
}

/// Layers that meet in additions get the scale of the one with the largest products.
fn shared_scales(graph: &Graph, unit: &[Option<f64>], options: &Options) -> Vec<Option<f64>> {
    let mut shared = vec![None; graph.nodes.len()];
    let mut seen = vec![false; graph.nodes.len()];
    // Last addition first, so that a chain of additions makes one group.
    for i in (0..graph.nodes.len()).rev() {
        let layers = layers_below(graph, NodeId(i as u32), &mut seen);
        let product = |&l: &NodeId| product_scale(graph, unit, options, l);
        if let Some(scales) = layers.iter().map(product).collect::<Option<Vec<f64>>>() {
            let scale = scales.into_iter().fold(0.0, f64::max);
            for layer in layers {
                shared[layer.index()].get_or_insert(scale);
            }
        }
    }
    shared
}

/// Layers whose sums an addition adds, through further additions; each addition is seen once.
fn layers_below(graph: &Graph, add: NodeId, seen: &mut [bool]) -> Vec<NodeId> {
    let (mut layers, mut todo) = (Vec::new(), vec![add]);
    while let Some(id) = todo.pop() {
        match graph.node(id).op {
            Op::Add(_) if !std::mem::replace(&mut seen[id.index()], true) => {
                todo.extend(&graph.node(id).inputs);
            }
            Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) if id != add => layers.push(id),
            _ => {}
        }
    }
    layers
}

/// Weight scale times input unit of a layer on spikes or counts.
fn product_scale(graph: &Graph, unit: &[Option<f64>], options: &Options, layer: NodeId) -> Option<f64> {
    let node = graph.node(layer);
    let (weight, _) = node.op.weights()?;
    let top = f64::from((1 << (options.weight_bits_of(&node.name, false) - 1)) - 1);
    let scale = largest(&graph.tensors[weight]) / top * unit[node.inputs[0].index()]?;
    (scale > 0.0).then_some(scale)
}
