//! The network as estimators see it: shapes of the trained graph, and rates that are measured or given.

use crate::facts::Simulated;
use pulvinar_ir::op::input::InputKind;
use pulvinar_ir::{Graph, Level, Op, Program, Result};
use pulvinar_models::zoo::census::Census;
use pulvinar_models::Frames;
use pulvinar_reports::energy::workload::{ModuleCost, Rate};
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
    let rates = Rates::measure(graph, simulated, program, inputs, twin)?;
    Ok(Workload::of(graph, &|name| rates.of(name), &modules(graph)?))
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
        // An image counts in full (table S1 of MA-SNN).
        let image = graph.nodes.iter().any(|n| matches!(&n.op, Op::Input(i) if i.kind == InputKind::Real));
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
        let input = if image { 1.0 } else { input / inputs.len().max(1) as f64 };
        Ok(Rates { input, own: own.collect(), twin })
    }

    /// Rate here and without attention (the same where there is no twin). What is no stage is the input.
    fn of(&self, name: &str) -> Rate {
        let own = self.own.get(name).copied().unwrap_or(self.input);
        Rate { own, without_attention: self.twin.get(name).copied().unwrap_or(own) }
    }
}
