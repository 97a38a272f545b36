//! What a trained network holds and costs, counted from its graph: parameters, dense multiply-accumulates, neurons, and
//! apart from them what its attention modules add.

use pulvinar_ir::op::expand;
use pulvinar_ir::tensor::FIXED;
use pulvinar_ir::{Graph, Node, NodeId, Op, Result};
use std::collections::BTreeSet;

/// Kind of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Convolution over rows and columns.
    Conv,
    /// Fully connected.
    Linear,
    /// Map along one axis, or convolution along t or c.
    Axis,
}

/// One layer with learned weights, outside of attention modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Node.
    pub name: String,
    /// Kind.
    pub kind: LayerKind,
    /// Dense multiply-accumulates of one sample, all timesteps; products with padding count.
    pub macs: u64,
    /// Timesteps at which it is evaluated.
    pub steps: u64,
}

impl Layer {
    /// Dense multiply-accumulates of one timestep.
    pub fn macs_per_step(&self) -> u64 {
        self.macs / self.steps
    }
}

/// One attention module; all figures are for one sample and all timesteps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Node.
    pub name: String,
    /// Learned numbers.
    pub parameters: u64,
    /// Multiply-accumulates that make its gates, as the compiler computes them.
    pub macs: u64,
    /// The same when both branches of a shared MLP go through both of its layers, as papers count them; the compiler
    /// adds the branches before the second layer, which is linear.
    pub macs_by_branch: u64,
    /// Products of values with values: gates with currents, spikes or other gates.
    pub gate_multiplies: u64,
}

/// Spiking neurons; each is one membrane, whatever the number of timesteps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neurons {
    /// Behind convolutions.
    pub conv: u64,
    /// Behind fully connected layers.
    pub linear: u64,
    /// Inside attention modules.
    pub attention: u64,
}

impl Neurons {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.conv + self.linear + self.attention
    }
}

/// Counts of one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Learned numbers: weights, biases, gains and offsets of norms, attention. Running statistics are not learned.
    pub parameters: u64,
    /// Layers, in the order of the graph.
    pub layers: Vec<Layer>,
    /// Attention modules, in the order of the graph.
    pub attention: Vec<Attention>,
    /// Neurons.
    pub neurons: Neurons,
}

impl Census {
    /// Counts a graph of level `trained`.
    /// Refuses what the expansion of a module refuses, which is nothing for a verified graph.
    pub fn of(graph: &Graph) -> Result<Self> {
        let mut census = Census { parameters: parameters(graph, &graph.nodes), ..Census::default() };
        for node in &graph.nodes {
            let elements = node.ty.shape.step_len() as u64;
            match &node.op {
                Op::Neuron(_) | Op::MaNeuron(_) | Op::Radix(_) if behind_linear(graph, node) => {
                    census.neurons.linear += elements;
                }
                Op::Neuron(_) | Op::MaNeuron(_) | Op::Radix(_) => census.neurons.conv += elements,
                _ => census.layers.extend(layer(graph, node)),
            }
            if let Some(expansion) = expansion(graph, node) {
                let mut module = Attention {
                    name: node.name.clone(),
                    parameters: parameters(graph, std::slice::from_ref(node)),
                    macs: 0,
                    macs_by_branch: 0,
                    gate_multiplies: 0,
                };
                let neurons = module.add(&expansion?)?;
                // The comparator of a gated neuron is that neuron.
                census.neurons.attention += if matches!(node.op, Op::MaNeuron(_)) { 0 } else { neurons };
                census.attention.push(module);
            }
        }
        Ok(census)
    }

    /// Dense multiply-accumulates of the layers, all timesteps.
    pub fn layer_macs(&self) -> u64 {
        self.layers.iter().map(|l| l.macs).sum()
    }

    /// Dense multiply-accumulates of the layers, each for one timestep.
    pub fn layer_macs_per_step(&self) -> u64 {
        self.layers.iter().map(Layer::macs_per_step).sum()
    }

    /// Learned numbers of the attention modules.
    pub fn attention_parameters(&self) -> u64 {
        self.attention.iter().map(|a| a.parameters).sum()
    }

    /// Multiply-accumulates of the attention modules as papers count them, all timesteps.
    pub fn attention_macs_by_branch(&self) -> u64 {
        self.attention.iter().map(|a| a.macs_by_branch).sum()
    }

    /// Multiply-accumulates of the attention modules as the compiler computes them, all timesteps.
    pub fn attention_macs(&self) -> u64 {
        self.attention.iter().map(|a| a.macs).sum()
    }
}

impl Attention {
    /// Adds a module's expansion; gives its number of neurons.
    fn add(&mut self, module: &Graph) -> Result<u64> {
        let mut neurons = 0;
        for node in &module.nodes {
            let elements = node.ty.shape.len() as u64;
            match &node.op {
                Op::Mul(_) => self.gate_multiplies += elements,
                Op::Neuron(_) => neurons += node.ty.shape.step_len() as u64,
                Op::Matmul(m) => {
                    let macs = elements * m.terms(module.node(node.inputs[0]).ty.shape) as u64;
                    self.macs += macs;
                    self.macs_by_branch += macs;
                }
                _ => {}
            }
            if let Some(macs) = macs(module, node) {
                self.macs += macs;
                self.macs_by_branch += macs * if joins_branches(module, node) { 2 } else { 1 };
            }
            if let Some(inner) = expansion(module, node) {
                neurons += self.add(&inner?)?;
            }
        }
        Ok(neurons)
    }
}

/// The expansion of a module. A layer is none, and its weights are not worth copying to find that out.
fn expansion(graph: &Graph, node: &Node) -> Option<Result<Graph>> {
    if weight_of(&node.op).is_some() {
        None
    } else {
        expand::alone(graph, node)
    }
}

/// True for a layer on the sum of two rectified branches.
fn joins_branches(graph: &Graph, node: &Node) -> bool {
    let relu = |id: &NodeId| matches!(graph.node(*id).op, Op::Relu(_));
    let sum = graph.node(node.inputs[0]);
    matches!(sum.op, Op::Add(_)) && sum.inputs.iter().all(relu)
}

fn weight_of(op: &Op) -> Option<(&str, LayerKind)> {
    match op {
        Op::Conv2d(c) => Some((&c.weight, LayerKind::Conv)),
        Op::ConvTranspose2d(c) => Some((&c.weight, LayerKind::Conv)),
        Op::Linear(l) => Some((&l.weight, LayerKind::Linear)),
        Op::Dense(d) => Some((&d.weight, LayerKind::Axis)),
        Op::Conv1d(c) => Some((&c.weight, LayerKind::Axis)),
        _ => None,
    }
}

/// Every output of a layer sums one row of its weights; every input of a transposed one is spread by its channel's.
fn macs(graph: &Graph, node: &Node) -> Option<u64> {
    let (weight, _) = weight_of(&node.op)?;
    if matches!(node.op, Op::ConvTranspose2d(_)) {
        let x = graph.node(node.inputs[0]).ty.shape;
        return Some((x.len() / x.c * graph.tensors[weight].len()) as u64);
    }
    let row: usize = graph.tensors[weight].shape[1..].iter().product();
    Some((node.ty.shape.len() * row) as u64)
}

fn layer(graph: &Graph, node: &Node) -> Option<Layer> {
    let (weight, kind) = weight_of(&node.op)?;
    if weight.starts_with(FIXED) {
        return None;
    }
    Some(Layer { name: node.name.clone(), kind, macs: macs(graph, node)?, steps: node.ty.shape.t as u64 })
}

/// True if the nearest layer at or before the node's first operand is fully connected.
fn behind_linear(graph: &Graph, node: &Node) -> bool {
    let mut at = node;
    for _ in 0..graph.nodes.len() {
        match at.op {
            Op::Linear(_) => return true,
            Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Input(_) => return false,
            _ => at = graph.node(at.inputs[0]),
        }
    }
    false
}

/// Learned numbers that these nodes read, each tensor once.
fn parameters(graph: &Graph, nodes: &[Node]) -> u64 {
    let mut learned = BTreeSet::new();
    let mut scalars = 0;
    for node in nodes {
        learned.extend(node.op.rule().tensors());
    }
    for node in nodes {
        match &node.op {
            Op::BatchNorm(n) => {
                learned.remove(n.mean.as_str());
                learned.remove(n.var.as_str());
            }
            Op::Fsta(f) => {
                f.bank.as_deref().map(|bank| learned.remove(bank));
                scalars += 4; // α, β, t and s
            }
            Op::Asa(_) => scalars += 2, // α and β
            _ => {}
        }
    }
    let numbers = learned.iter().filter(|n| !n.starts_with(FIXED)).map(|&n| graph.tensors[n].len() as u64);
    numbers.sum::<u64>() + scalars
}
