//! A workload from a trained graph and the rates of what spikes in it.

use super::{
    Elements, Geometry, Layer, LayerKind, ModuleCost, Operand, Population, Product, Rate, Role, Workload,
};
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::op::neuron::{Neuron, Output, Parameter};
use pulvinar_ir::op::reduce::ReduceKind;
use pulvinar_ir::op::spiking_attention::Form;
use pulvinar_ir::tensor::FIXED;
use pulvinar_ir::{Axis, Graph, Node, NodeId, Op};

/// What a node's value is made of.
#[derive(Debug, Clone, Copy)]
struct Stream {
    source: Source,
    operand: Operand,
    rate: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The sample, or what norms and pools make of it.
    Sample,
    /// The sample behind layers, without a neuron.
    Stem,
    /// Spikes.
    Spikes,
    /// Real numbers that neurons have had a part in.
    Real,
}

/// Nodes that spike, and so have a rate: neurons, trains of bits and spiking self-attention.
pub fn spiking(graph: &Graph) -> Vec<&str> {
    let spikes =
        |n: &&Node| matches!(n.op, Op::Neuron(_) | Op::MaNeuron(_) | Op::Radix(_) | Op::SpikingAttention(_));
    graph.nodes.iter().filter(spikes).map(|n| n.name.as_str()).collect()
}

impl Workload {
    /// Counts a graph of level `trained`. `rate_of` gives the rate of the input and of every node of [`spiking`] by name;
    /// `modules` are the graph's attention modules. Attention that is written out as small layers and products counts too.
    pub fn of(graph: &Graph, rate_of: &dyn Fn(&str) -> Rate, modules: &[ModuleCost]) -> Self {
        let mut walk = Walk { graph, users: graph.users(), streams: Vec::new(), work: Workload::default() };
        for id in graph.ids() {
            let stream = walk.stream(id, rate_of);
            walk.streams.push(stream);
            walk.count(id, stream, modules);
        }
        walk.work
    }
}

struct Walk<'a> {
    graph: &'a Graph,
    users: Vec<Vec<NodeId>>,
    streams: Vec<Stream>,
    work: Workload,
}

impl Walk<'_> {
    /// The stream of an operand; a value fed back has none yet and counts as its reader's own kind.
    fn operand(&self, node: &Node, i: usize) -> Stream {
        let unknown = Stream { source: Source::Real, operand: Operand::Real, rate: Rate::same(1.0) };
        node.inputs.get(i).and_then(|id| self.streams.get(id.index())).copied().unwrap_or(unknown)
    }

    fn stream(&self, id: NodeId, rate_of: &dyn Fn(&str) -> Rate) -> Stream {
        let node = self.graph.node(id);
        let x = self.operand(node, 0);
        let graded = |s: Stream| Stream {
            operand: if s.operand == Operand::Binary { Operand::Graded } else { s.operand },
            ..s
        };
        let real = Stream {
            source: if x.source == Source::Spikes { Source::Real } else { x.source },
            operand: Operand::Real,
            rate: Rate::same(1.0),
        };
        match &node.op {
            Op::Input(input) => {
                let operand = match input.kind {
                    InputKind::Binary => Operand::Binary,
                    InputKind::Counts => Operand::Graded,
                    InputKind::Real => Operand::Real,
                };
                Stream { source: Source::Sample, operand, rate: rate_of(&node.name) }
            }
            Op::Neuron(n) => {
                Stream { source: Source::Spikes, operand: emitted(n), rate: rate_of(&node.name) }
            }
            Op::MaNeuron(_) | Op::Radix(_) | Op::SpikingAttention(_) => {
                Stream { source: Source::Spikes, operand: Operand::Binary, rate: rate_of(&node.name) }
            }
            Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_) => {
                Stream { source: if x.source == Source::Sample { Source::Stem } else { real.source }, ..real }
            }
            Op::Reduce(r) if r.kind == ReduceKind::Sum => {
                let n = (self.graph.node(node.inputs[0]).ty.shape.len() / node.ty.shape.len()) as f64;
                let rate = Rate { own: x.rate.own * n, without_attention: x.rate.without_attention * n };
                Stream { rate, ..graded(x) }
            }
            Op::AvgPool(_) | Op::Reduce(_) | Op::Readout(_) | Op::Tcja(_) | Op::Stsc(_) => graded(x),
            Op::MaxPool(_)
            | Op::Upsample(_)
            | Op::Flatten(_)
            | Op::Delay(_)
            | Op::Concat(_)
            | Op::Relu(_) => x,
            Op::Add(_) => sum(x, self.operand(node, 1)),
            Op::Mul(_) => self.gated(node).map_or(real, graded),
            Op::BatchNorm(_) | Op::Affine(_) | Op::Scale(_) if x.source == Source::Sample => {
                Stream { operand: Operand::Real, ..x }
            }
            _ => real,
        }
    }

    /// The spikes that a product gates, if one of its operands is spikes of its own size.
    fn gated(&self, node: &Node) -> Option<Stream> {
        let own = |i: usize| {
            let id = *node.inputs.get(i)?;
            let stream = self.operand(node, i);
            (stream.source == Source::Spikes && self.graph.node(id).ty.shape == node.ty.shape)
                .then_some(stream)
        };
        own(0).or_else(|| own(1))
    }

    fn count(&mut self, id: NodeId, stream: Stream, modules: &[ModuleCost]) {
        let node = self.graph.node(id);
        let shape = node.ty.shape;
        let (elements, timesteps) = (shape.step_len() as u64, shape.t as u32);
        let own = modules.iter().find(|m| m.name == node.name);
        match (&node.op, own) {
            (Op::SpikingAttention(_), Some(module)) => self.product(node, module),
            (Op::Neuron(_) | Op::MaNeuron(_) | Op::Radix(_), _) => {
                let decays = |leak: f64| (leak - 1.0).abs() > f64::EPSILON;
                let leaky = match &node.op {
                    Op::Neuron(n) => decays(n.leak) || n.each.contains_key(&Parameter::Leak),
                    Op::MaNeuron(n) => decays(n.leak),
                    _ => false,
                };
                self.work.neurons.push(Population {
                    name: node.name.clone(),
                    elements,
                    channels: shape.c as u64,
                    timesteps,
                    rate: stream.rate.own,
                    leaky,
                });
                self.work.modules.extend(own.cloned());
            }
            (_, Some(module)) => self.work.modules.push(module.clone()),
            (Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_), _) => self.layer(id),
            (Op::BatchNorm(_), _) => {
                let of = self.elements(node);
                self.work.norms.push(of);
            }
            (Op::Relu(_), _) => {
                let of = self.elements(node);
                self.work.rectifiers.push(of);
            }
            (op, _) if is_pool(op) => {
                let of = self.elements(node);
                self.work.pools.push(of);
            }
            (Op::Dense(d), _) => {
                let weight = &self.graph.tensors[&d.weight];
                let macs = weight.len() as u64 * shape.len() as u64 / weight.shape[0].max(1) as u64;
                self.work.modules.push(ModuleCost { name: node.name.clone(), macs, gate_multiplies: 0 });
            }
            (Op::Mul(_), _) if shape.len() > self.graph.timesteps && shape.t == self.graph.timesteps => {
                let gate_multiplies = shape.len() as u64;
                self.work.modules.push(ModuleCost { name: node.name.clone(), macs: 0, gate_multiplies });
            }
            _ => {}
        }
    }

    fn elements(&self, node: &Node) -> Elements {
        let (shape, stream) = (self.graph.node(node.inputs[0]).ty.shape, self.operand(node, 0));
        Elements {
            name: node.name.clone(),
            elements: shape.step_len() as u64,
            channels: shape.c as u64,
            timesteps: shape.t as u32,
            operand: stream.operand,
            rate: stream.rate.own,
        }
    }

    fn product(&mut self, node: &Node, module: &ModuleCost) {
        let n = node.inputs.len().max(1) as f64;
        let mean = |of: fn(Rate) -> f64| {
            (0..node.inputs.len()).map(|i| of(self.operand(node, i).rate)).sum::<f64>() / n
        };
        let timesteps = node.ty.shape.t as u32;
        let of_three = matches!(&node.op, Op::SpikingAttention(a) if a.form == Form::Ssa);
        let query_key_value = of_three.then(|| [0, 1, 2].map(|i| self.operand(node, i).rate.own));
        self.work.products.push(Product {
            name: node.name.clone(),
            operations_per_step: (module.macs + module.gate_multiplies) / u64::from(timesteps.max(1)),
            timesteps,
            rate: mean(|r| r.own),
            rate_without_attention: mean(|r| r.without_attention),
            query_key_value,
        });
    }

    fn layer(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let Some((weight, kind, geometry)) = self.geometry(node) else { return };
        if weight.starts_with(FIXED) {
            return;
        }
        let (x, timesteps) = (self.operand(node, 0), node.ty.shape.t);
        let of_attention =
            kind == LayerKind::Conv && timesteps != self.graph.timesteps && x.source != Source::Spikes;
        if of_attention {
            let macs = geometry.dense_macs() * timesteps as u64;
            self.work.modules.push(ModuleCost { name: node.name.clone(), macs, gate_multiplies: 0 });
            return;
        }
        let role = match x.source {
            Source::Sample => Role::Stem,
            Source::Spikes => Role::Spiking,
            _ if self.is_shortcut(id) => Role::Shortcut,
            Source::Stem => Role::Stem,
            Source::Real => Role::Analog,
        };
        self.work.layers.push(Layer {
            name: node.name.clone(),
            kind,
            role,
            operand: x.operand,
            geometry,
            normed: self.users[id.index()].iter().any(|&u| matches!(self.graph.node(u).op, Op::BatchNorm(_))),
            rate: x.rate.own,
            rate_without_attention: x.rate.without_attention,
            timesteps: timesteps as u32,
        });
    }

    fn geometry<'n>(&self, node: &'n Node) -> Option<(&'n str, LayerKind, Geometry)> {
        let (x, y) = (self.graph.node(node.inputs[0]).ty.shape, node.ty.shape);
        let pair = |p: [usize; 2]| p.map(|v| v as u64);
        let (weight, bias) = node.op.weights()?;
        let linear = Geometry::linear(x.c as u64, y.c as u64, bias.is_some());
        let (stride, dilation, padding, groups, transposed) = match &node.op {
            Op::Conv2d(c) => (c.stride, c.dilation, c.padding, c.groups, false),
            Op::ConvTranspose2d(c) => (c.stride, c.dilation, c.padding, c.groups, true),
            Op::Linear(_) => return Some((weight, LayerKind::Linear, linear)),
            _ => return None,
        };
        let shape = &self.graph.tensors[weight].shape;
        let geometry = Geometry {
            groups: groups as u64,
            kernel: pair([shape[2], shape[3]]),
            stride: pair(stride),
            dilation: pair(dilation),
            padding: pair([padding[0], padding[2]]),
            plane: pair([x.h, x.w]),
            out_plane: pair([y.h, y.w]),
            transposed,
            ..linear
        };
        Some((weight, LayerKind::Conv, geometry))
    }

    /// True if the layer's result is added, behind norms at most, and its operand has other readers: the branch.
    fn is_shortcut(&self, id: NodeId) -> bool {
        let mut at = self.graph.node(id).inputs[0];
        while matches!(self.graph.node(at).op, Op::AvgPool(_) | Op::MaxPool(_))
            && self.users[at.index()].len() == 1
        {
            at = self.graph.node(at).inputs[0];
        }
        self.users[at.index()].len() > 1 && self.is_added(id)
    }

    fn is_added(&self, id: NodeId) -> bool {
        self.users[id.index()].iter().any(|&user| match self.graph.node(user).op {
            Op::Add(_) => true,
            Op::BatchNorm(_) => self.is_added(user),
            _ => false,
        })
    }
}

/// What a neuron sends: spikes of one value are as good as ones.
fn emitted(neuron: &Neuron) -> Operand {
    match neuron.output {
        Output::Membrane { .. } => Operand::Real,
        Output::Spikes if neuron.levels > 1 || neuron.negative.is_some() => Operand::Graded,
        Output::Spikes => Operand::Binary,
    }
}

/// A pool over windows or over the plane.
fn is_pool(op: &Op) -> bool {
    match op {
        Op::AvgPool(_) | Op::MaxPool(_) => true,
        Op::Reduce(r) => r.axes.has(Axis::H) && r.axes.has(Axis::W) && !r.axes.has(Axis::C),
        _ => false,
    }
}

/// The sum of two streams. Spikes on spikes are graded; anything else on a membrane is a membrane.
fn sum(a: Stream, b: Stream) -> Stream {
    match (a.source, b.source) {
        (Source::Spikes, Source::Spikes) => {
            let rate = Rate {
                own: a.rate.own + b.rate.own,
                without_attention: a.rate.without_attention + b.rate.without_attention,
            };
            Stream { source: Source::Spikes, operand: Operand::Graded, rate }
        }
        (Source::Sample, Source::Sample) => a,
        (Source::Sample | Source::Stem, Source::Sample | Source::Stem) => {
            Stream { source: Source::Stem, operand: Operand::Real, rate: Rate::same(1.0) }
        }
        _ => Stream { source: Source::Real, operand: Operand::Real, rate: Rate::same(1.0) },
    }
}
