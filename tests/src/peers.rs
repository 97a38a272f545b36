//! The networks that other simulators run too, on our machine: spikes, counts and cycles of a run (`docs/peers.md`).

#[path = "../../simulator/tests/peer_nets/mod.rs"]
pub mod nets;

use nets::Net;
use pulvinar_ir::{Arch, NodeId, Result, Value};
use pulvinar_reports::energy::sanafe::{tally, Placed, Tally};
use pulvinar_simulator::{Machine, Run, SimOptions};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What SANA-FE 2.2.9 reports on a network: `tests/peers/sanafe_runs.py`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Published {
    /// Network.
    pub network: String,
    /// Steps.
    pub steps: usize,
    /// Kind of synapses.
    pub synapses: String,
    /// Timing model.
    pub timing: String,
    /// Synaptic events.
    pub spikes: u64,
    /// Messages.
    pub packets_sent: u64,
    /// Updates.
    pub neurons_updated: u64,
    /// Spikes.
    pub neurons_fired: u64,
    /// Energies by part and `total`, J.
    pub energy: BTreeMap<String, f64>,
    /// Time, s.
    pub sim_time: f64,
}

/// All that SANA-FE has run.
pub fn published() -> Vec<Published> {
    serde_json::from_str(include_str!("../peers/sanafe_runs.json"))
        .expect("the file is written by the script")
}

/// A network, simulated.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// What the machine did.
    pub run: Run,
    /// Whether each neuron fires, by step and neuron, in the network's order.
    pub spikes: Vec<Vec<bool>>,
    /// The events that SANA-FE prices.
    pub tally: Tally,
}

/// The chip of `arch/loihi128.toml` with this many lanes and this clock.
pub fn chip(lanes: u32, clock_mhz: f64) -> Arch {
    let mut arch =
        Arch::from_toml(include_str!("../../arch/loihi128.toml")).expect("the file is a valid chip");
    (arch.core.lanes, arch.core.accumulator_banks) = (lanes, lanes);
    arch.technology.clock_mhz = clock_mhz;
    arch
}

/// Runs the network over some steps.
pub fn simulate(net: &Net, steps: usize, arch: Arch) -> Result<Simulated> {
    let program = nets::program(net, steps, arch);
    let input = Value::int(program.graph.node(NodeId(0)).ty.shape, vec![0; steps]);
    let options = SimOptions { values: true, ..SimOptions::default() };
    let run = Machine::new(&program)?.simulate(&input, &options)?;
    let of = |t: usize| {
        let layers = run.values.iter().zip(&net.layers);
        layers.flat_map(|(v, &n)| v.ints()[t * n..(t + 1) * n].iter().map(|s| *s != 0)).collect()
    };
    let spikes: Vec<Vec<bool>> = (0..steps).map(of).collect();
    let placed = Placed {
        core: &net.core,
        bias: &net.bias,
        rows: &net.rows,
        targets: &net.targets,
        weights: &net.weights,
    };
    let tally = tally(&placed, &spikes)?;
    Ok(Simulated { run, spikes, tally })
}

impl Simulated {
    /// Spikes as bits, most significant first, each step filled up to a byte.
    pub fn packed(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| bits.iter().enumerate().fold(0, |sum, (i, bit)| sum | u8::from(*bit) << (7 - i));
        self.spikes.iter().flat_map(|step| step.chunks(8).map(byte)).collect()
    }
}
