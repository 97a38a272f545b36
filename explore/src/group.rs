//! What points of one network and one choice of the quantiser share: the integer graph, expected events, accuracy.

use crate::config::Config;
use crate::mapping::Mapping;
use crate::network::{values, Network, Workload};
use crate::recent::Recent;
use pulvinar_compiler::{quantise, Options};
use pulvinar_ir::{interpret, Graph, Level, NodeId, Op, Result, Value};
use pulvinar_models::reference;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Inputs on which the events of every stream are counted for the mapper.
const EVENT_INPUTS: usize = 16;

/// Mappings that a group keeps.
const MAPPINGS: usize = 16;

/// A quantised network with its inputs.
pub struct Group {
    /// The integer graph.
    pub flow: Graph,
    /// Expected events a timestep, by stream.
    pub events: BTreeMap<String, f64>,
    /// Share of the labelled inputs answered rightly; none without labels.
    pub accuracy: Option<f64>,
    /// Where the inputs are.
    pub network: Arc<Network>,
    /// Where points put it, by what the mapper reads of their configurations.
    pub mappings: Recent<Mapping>,
    fold_pool: bool,
    reference: Vec<OnceLock<Result<Vec<Value>>>>,
}

impl Group {
    /// Name of the group of a configuration: equal names share a group.
    pub fn name(config: &Config) -> String {
        format!("{} {}", network_name(config), serde_json::json!(config.quantise))
    }

    /// Quantises, counts events, measures accuracy.
    pub fn prepare(config: &Config, network: Arc<Network>) -> Result<Self> {
        let options = Options { direct: network.direct, ..config.quantise.clone() };
        options.check()?;
        let fold_pool = options.fold_pool;
        let lowered = network.lowered(fold_pool)?;
        let flow = quantise(&lowered.graph, &options, Some(&lowered.ranges))?;
        let (events, accuracy) = match &network.workload {
            Workload::Data { inputs, calibration } => {
                let answers = |labels: &Vec<u32>| -> Result<f64> {
                    Ok(reference::accuracy(&reference::outputs(&flow, &inputs.frames)?, labels))
                };
                let samples = values(&calibration.slice(0..EVENT_INPUTS), Level::Flow)?;
                let streams = |op: &Op| matches!(op, Op::Input(_) | Op::Lif(_) | Op::MaxPool(_));
                let runs =
                    samples.par_iter().map(|x| interpret::run(&flow, x)).collect::<Result<Vec<_>>>()?;
                (expected_events(&flow, &runs, streams), inputs.labels.as_ref().map(answers).transpose()?)
            }
            Workload::Rates(_) => {
                let first =
                    reference_of(&flow, lowered.inputs.value(0, Level::Flow)?, Some(&lowered.given[0]))?;
                (expected_events(&flow, &[first], |_| true), None)
            }
        };
        let mappings = Recent::new(MAPPINGS);
        let reference = (0..lowered.inputs.len()).map(|_| OnceLock::new()).collect();
        Ok(Group { flow, events, accuracy, network, mappings, fold_pool, reference })
    }

    /// Samples that are simulated.
    pub fn samples(&self) -> usize {
        self.reference.len()
    }

    /// Input of a sample.
    pub fn input(&self, sample: usize) -> Result<Value> {
        self.network.lowered(self.fold_pool)?.inputs.value(sample, Level::Flow)
    }

    /// Spikes that the layers of a sample are given, by name; none where they compute their own.
    pub fn given(&self, sample: usize) -> Result<Option<&BTreeMap<String, Value>>> {
        Ok(self.network.lowered(self.fold_pool)?.given.get(sample))
    }

    /// Integer reference of a sample: the value of every node of the flow graph. Computed once and kept, on request only.
    pub fn reference(&self, sample: usize) -> Result<&[Value]> {
        let compute = || reference_of(&self.flow, self.input(sample)?, self.given(sample)?);
        let values = self.reference[sample].get_or_init(compute);
        values.as_ref().map(Vec::as_slice).map_err(Clone::clone)
    }
}

/// Name of the network and workload of a configuration.
pub fn network_name(config: &Config) -> String {
    serde_json::json!([config.model, config.timesteps, config.seed, config.input]).to_string()
}

fn reference_of(flow: &Graph, input: Value, given: Option<&BTreeMap<String, Value>>) -> Result<Vec<Value>> {
    let held = given.into_iter().flatten().filter_map(|(name, v)| Some((flow.find(name)?, v.clone())));
    let held: BTreeMap<NodeId, Value> = held.collect();
    interpret::run_with(flow, &input, &held)
}

/// Mean non-zero values a timestep of the nodes wanted, by name.
fn expected_events(flow: &Graph, runs: &[Vec<Value>], wanted: impl Fn(&Op) -> bool) -> BTreeMap<String, f64> {
    let steps = (flow.timesteps * runs.len().max(1)) as f64;
    let events = |i: usize| {
        runs.iter().map(|r| r[i].ints().iter().filter(|v| **v != 0).count()).sum::<usize>() as f64 / steps
    };
    let nodes = flow.nodes.iter().enumerate().filter(|(_, n)| wanted(&n.op));
    nodes.map(|(i, n)| (n.name.clone(), events(i))).collect()
}
