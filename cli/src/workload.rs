//! The network as estimators see it: shapes of the trained graph, and rates that are measured or given.

use crate::facts::Simulated;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Graph, Level, Op, Program, Result, Value};
use pulvinar_models::zoo::census::Census;
use pulvinar_models::{reference, Frames};
use pulvinar_reports::energy::workload::{spiking, ModuleCost, Rate};
use pulvinar_reports::energy::Workload;
use pulvinar_reports::report::Summary;
use std::collections::BTreeMap;

/// The network with the rates of a simulated run, and those of its twin without attention.
pub fn measured(
    graph: &Graph,
    simulated: &Simulated,
    program: &Program,
    inputs: &Frames,
    twin: Option<&Summary>,
) -> Result<Workload> {
    let own = Measured::on_chip(graph, simulated, program, inputs)?;
    let elements = |name: &str| graph.find(name).map(|id| graph.node(id).ty.shape.len() as f64);
    let twin = twin.iter().flat_map(|t| &t.layer_spikes);
    let twin: BTreeMap<&str, f64> =
        twin.filter_map(|l| Some((l.name.as_str(), l.value / elements(&l.name)?))).collect();
    // What is no stage is the input.
    let rate_of = |name: &str| {
        let rate = own.layer(name).unwrap_or(own.input);
        Rate { own: rate, without_attention: twin.get(name).copied().unwrap_or(rate) }
    };
    Ok(Workload::of(graph, &rate_of, &modules(graph)?))
}

/// Attention modules of a graph with their costs as papers count them.
pub fn modules(graph: &Graph) -> Result<Vec<ModuleCost>> {
    let census = Census::of(graph)?;
    let cost = |a: pulvinar_models::zoo::census::Attention| ModuleCost {
        name: a.name,
        macs: a.macs_by_branch,
        gate_multiplies: a.gate_multiplies,
    };
    Ok(census.attention.into_iter().map(cost).collect())
}

/// Mean value of an element and step, over all inputs.
pub struct Measured {
    /// Of the input; 1 for an image, which counts in full (table S1 of MA-SNN).
    pub input: f64,
    layers: BTreeMap<String, f64>,
}

impl Measured {
    /// On the simulated chip: rates of every stage.
    pub fn on_chip(graph: &Graph, simulated: &Simulated, program: &Program, inputs: &Frames) -> Result<Self> {
        let runs = simulated.runs.len().max(1) as f64;
        let stages = program.stages.iter().enumerate().map(|(i, stage)| {
            let spikes: i64 = simulated.runs.iter().map(|r| r.values[i].ints().iter().sum::<i64>()).sum();
            let elements = program.graph.node(stage.output).ty.shape.len() as f64;
            (stage.name.clone(), spikes as f64 / runs / elements)
        });
        Ok(Measured { input: input(graph, inputs)?, layers: stages.collect() })
    }

    /// By the trained network in floating point: rates of every layer that spikes.
    pub fn in_float(graph: &Graph, inputs: &Frames) -> Result<Self> {
        let names = spiking(graph);
        let ids: Vec<_> = names.iter().filter_map(|name| graph.find(name)).collect();
        let mean = |value: &Value| value.reals().iter().sum::<f64>() / value.shape.len().max(1) as f64;
        let samples = reference::map(graph, inputs, |_, values| {
            ids.iter().map(|id| mean(&values[id.index()])).collect::<Vec<_>>()
        })?;
        let n = samples.len().max(1) as f64;
        let layers = names
            .iter()
            .enumerate()
            .map(|(i, name)| ((*name).to_owned(), samples.iter().map(|s| s[i]).sum::<f64>() / n));
        Ok(Measured { input: input(graph, inputs)?, layers: layers.collect() })
    }

    /// Of a layer.
    pub fn layer(&self, name: &str) -> Option<f64> {
        self.layers.get(name).copied()
    }
}

fn input(graph: &Graph, inputs: &Frames) -> Result<f64> {
    let image = graph.nodes.iter().any(|n| matches!(&n.op, Op::Input(i) if i.kind == InputKind::Real));
    if image {
        return Ok(1.0);
    }
    let mut sum = 0.0;
    for i in 0..inputs.len() {
        sum += inputs.value(i, Level::Trained)?.reals().iter().sum::<f64>() / inputs.shape().len() as f64;
    }
    Ok(sum / inputs.len().max(1) as f64)
}
