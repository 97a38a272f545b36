//! The network as the papers' formula sees it: dense operations of the trained graph and measured rates.

use crate::facts::Simulated;
use pulvinar_ir::{Graph, Level, NodeId, Op, Program, Result};
use pulvinar_models::zoo::census::Census;
use pulvinar_models::Frames;
use pulvinar_reports::energy::papers::{Layer, LayerKind};
use pulvinar_reports::report::Summary;
use std::collections::BTreeMap;

/// One entry a convolution or linear layer of the trained graph.
pub fn layers(
    graph: &Graph,
    simulated: &Simulated,
    program: &Program,
    inputs: &Frames,
    twin: Option<&Summary>,
) -> Result<Vec<Layer>> {
    let rates = Rates::measure(graph, simulated, program, inputs, twin)?;
    let costs = attention_costs(graph)?;
    let synapses = graph.ids().filter(|&id| layer_kind(graph, id).is_some());
    Ok(synapses
        .map(|id| {
            let node = graph.node(id);
            let source = upstream(graph, node.inputs[0], |op| matches!(op, Op::Neuron(_) | Op::Input(_)));
            let is_first = source.is_none_or(|s| matches!(graph.node(s).op, Op::Input(_)));
            let (rate, rate_without_attention) = source.map_or((1.0, 1.0), |s| rates.of(graph, s));
            let (attention_macs, gate_multiplies) = costs.get(&id).copied().unwrap_or((0, 0));
            Layer {
                name: node.name.clone(),
                kind: layer_kind(graph, id).unwrap_or(LayerKind::Linear),
                dense_macs_per_step: dense_macs(graph, id),
                is_first,
                rate,
                rate_without_attention,
                timesteps: graph.timesteps as u32,
                attention_macs,
                gate_multiplies,
            }
        })
        .collect())
}

/// Convolutions and linear layers on full-size streams; the small convolutions of attention have no time axis.
fn layer_kind(graph: &Graph, id: NodeId) -> Option<LayerKind> {
    let node = graph.node(id);
    match node.op {
        Op::Conv2d(_) | Op::ConvTranspose2d(_) if node.ty.shape.t == graph.timesteps => Some(LayerKind::Conv),
        Op::Linear(_) => Some(LayerKind::Linear),
        _ => None,
    }
}

fn dense_macs(graph: &Graph, id: NodeId) -> u64 {
    let node = graph.node(id);
    match &node.op {
        Op::Conv2d(c) => graph.tensors[&c.weight].len() as u64 * (node.ty.shape.h * node.ty.shape.w) as u64,
        Op::ConvTranspose2d(c) => {
            let x = graph.node(node.inputs[0]).ty.shape;
            graph.tensors[&c.weight].len() as u64 * (x.h * x.w) as u64
        }
        Op::Linear(l) => graph.tensors[&l.weight].len() as u64,
        _ => 0,
    }
}

/// Nearest node at or before `id`, along first operands, whose op is wanted.
fn upstream(graph: &Graph, id: NodeId, wanted: impl Fn(&Op) -> bool) -> Option<NodeId> {
    let mut at = id;
    for _ in 0..graph.nodes.len() {
        if wanted(&graph.node(at).op) {
            return Some(at);
        }
        at = *graph.node(at).inputs.first()?;
    }
    None
}

/// Attention of each layer, all timesteps: multiply-accumulates that make gates, multiplications by gates.
fn attention_costs(graph: &Graph) -> Result<BTreeMap<NodeId, (u64, u64)>> {
    let modules = Census::of(graph)?.attention;
    let mut costs = BTreeMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let elements = node.ty.shape.len() as u64;
        let module = modules.iter().find(|m| m.name == node.name);
        let cost = match (&node.op, module) {
            (_, Some(module)) => (module.macs_by_branch, module.gate_multiplies),
            (Op::Dense(d), _) => (
                graph.tensors[&d.weight].len() as u64 * elements
                    / graph.tensors[&d.weight].shape[0].max(1) as u64,
                0,
            ),
            (Op::Conv2d(_), _) if layer_kind(graph, id).is_none() => (dense_macs(graph, id), 0),
            (Op::Mul(_), _) if elements > graph.timesteps as u64 && node.ty.shape.t == graph.timesteps => {
                (0, elements)
            }
            _ => continue,
        };
        let before = node.inputs.first().and_then(|&i| {
            upstream(graph, i, |op| matches!(op, Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear(_)))
        });
        if let Some(layer) = before {
            let sum: &mut (u64, u64) = costs.entry(layer).or_default();
            *sum = (sum.0 + cost.0, sum.1 + cost.1);
        }
    }
    Ok(costs)
}

/// Mean value an element and step of the input and of every stage, here and in the twin.
struct Rates {
    input: f64,
    own: BTreeMap<String, f64>,
    twin: BTreeMap<String, f64>,
}

impl Rates {
    fn measure(
        graph: &Graph,
        simulated: &Simulated,
        program: &Program,
        inputs: &Frames,
        twin: Option<&Summary>,
    ) -> Result<Self> {
        let runs = simulated.runs.len().max(1) as f64;
        let mut input = 0.0;
        for i in 0..inputs.len() {
            input +=
                inputs.value(i, Level::Trained)?.reals().iter().sum::<f64>() / inputs.shape().len() as f64;
        }
        let own = program.stages.iter().enumerate().map(|(i, stage)| {
            let spikes: i64 = simulated.runs.iter().map(|r| r.values[i].ints().iter().sum::<i64>()).sum();
            (
                stage.name.clone(),
                spikes as f64 / runs / program.graph.node(stage.output).ty.shape.len() as f64,
            )
        });
        let elements = |name: &str| graph.find(name).map(|id| graph.node(id).ty.shape.len() as f64);
        let twin = twin.iter().flat_map(|t| &t.layer_spikes);
        let twin = twin.filter_map(|l| Some((l.name.clone(), l.value / elements(&l.name)?))).collect();
        Ok(Rates { input: input / inputs.len().max(1) as f64, own: own.collect(), twin })
    }

    /// Rate here and without attention (the same where there is no twin).
    fn of(&self, graph: &Graph, id: NodeId) -> (f64, f64) {
        let node = graph.node(id);
        if matches!(node.op, Op::Input(_)) {
            return (self.input, self.input);
        }
        let own = self.own.get(&node.name).copied().unwrap_or(0.0);
        (own, self.twin.get(&node.name).copied().unwrap_or(own))
    }
}
