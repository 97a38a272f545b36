//! Estimators `device-*`: what published figures of a chip say of a network of this activity.
//!
//! Per event: synaptic operations Σ T·FL·Φ inside the plane, neuron updates N·T and spikes, each times its energy.
//!
//! | name | synapse | update | spike | source |
//! |---|---|---|---|---|
//! | `device-loihi` | 23.6 | 52 of a neuron that is silent, 81 of one that fires | | `davies2018loihi`, before silicon |
//! | `device-loihi-sanafe` | 24.0 of convolutions, 35.5 of fully connected layers | 51.2 + 21.6 | 69.3 + 111 of one message | regression of `boyle2025sanafe` |
//! | `device-loihi-keras` | 27.1, one hop in it | 81 | | `kerasspiking` |
//! | `device-spinnaker` | 13,300 | 26,000 | | `kerasspiking` |
//! | `device-spinnaker2` | 450 | 2190 | | `kerasspiking` (test chip of `hoppner2019dpm`) |
//!
//! in pJ. Affine: a chip draws power whether anything happens or not, so a duration goes in.
//!
//! ```text
//! device-truenorth   E = chips·64.43 mW·t + 2.297 pJ·operations                     0.8 V; chips = ⌈neurons / 1,048,576⌉
//! device-odin        E = (27.3 µW + 1.78 µW/MHz·f)·t + 8.43 pJ·operations           0.55 V, f = 75 MHz
//! ```
//!
//! t is what is given, or T ticks; a tick of TrueNorth is 1 ms. Without either ODIN takes the time it works, two cycles an operation.
//! The affine law of TrueNorth is a fit to three points of `akopyan2015`. All-in figures of a chip are in no sum.

use super::data::Data;
use super::estimators::{Estimate, Estimator, EstimatorInput, Network};
use super::workload::{LayerKind, Population, Workload};
use pulvinar_ir::Result;

/// Loihi before silicon.
pub const LOIHI: Estimator = device(
    "device-loihi",
    "Loihi, published figures: 23.6 pJ per synaptic operation, 81 pJ per update that fires and 52 pJ per other",
    &["davies2018loihi"],
    |input| {
        let prices = Prices {
            name: "device-loihi",
            conv: "loihi.sop",
            linear: "loihi.sop",
            update: &[],
            fired: &["loihi.neuron_active"],
            silent: &["loihi.neuron_inactive"],
        };
        per_event(input, &prices)
    },
);

/// Loihi by a regression on silicon.
pub const LOIHI_SANAFE: Estimator = device(
    "device-loihi-sanafe",
    "Loihi, regression of SANA-FE on silicon: synapses by kind of layer, soma, spikes, one message a spike",
    &["boyle2025sanafe"],
    |input| {
        let prices = Prices {
            name: "device-loihi-sanafe",
            conv: "loihi-sanafe.sop_conv",
            linear: "loihi-sanafe.sop_dense",
            update: &["loihi-sanafe.soma_access", "loihi-sanafe.soma_update"],
            fired: &["loihi-sanafe.spike_out", "loihi-sanafe.axon_out"],
            silent: &[],
        };
        per_event(input, &prices)
    },
);

/// Loihi as a training framework reports it.
pub const LOIHI_KERAS: Estimator = device(
    "device-loihi-keras",
    "Loihi as keras-spiking has it: 27.1 pJ per synaptic operation, 81 pJ per update",
    &["kerasspiking"],
    |input| keras(input, "device-loihi-keras", "loihi-keras.sop", &["loihi-keras.neuron"]),
);

/// `SpiNNaker` as a training framework reports it.
pub const SPINNAKER: Estimator = device(
    "device-spinnaker",
    "SpiNNaker as keras-spiking has it: 13.3 nJ per synaptic operation, 26 nJ per update",
    &["kerasspiking"],
    |input| keras(input, "device-spinnaker", "spinnaker.sop", &["spinnaker.neuron"]),
);

/// `SpiNNaker` 2 as a training framework reports it.
pub const SPINNAKER2: Estimator = device(
    "device-spinnaker2",
    "SpiNNaker 2 as keras-spiking has it: 450 pJ per synaptic operation, 2.19 nJ per update",
    &["kerasspiking"],
    |input| keras(input, "device-spinnaker2", "spinnaker2.sop", &["spinnaker2.neuron"]),
);

/// `TrueNorth` by its affine law.
pub const TRUENORTH: Estimator = device(
    "device-truenorth",
    "TrueNorth, affine: 64.43 mW a chip over the time, and 2.297 pJ per synaptic operation; a timestep is 1 ms",
    &["akopyan2015"],
    truenorth,
);

/// ODIN by its affine law.
pub const ODIN: Estimator = device(
    "device-odin",
    "ODIN, affine: 27.3 uW and 1.78 uW/MHz over the time, and 8.43 pJ per synaptic operation",
    &["frenkel2019odin"],
    odin,
);

const fn device(
    name: &'static str,
    doc: &'static str,
    sources: &'static [&'static str],
    estimate: fn(&EstimatorInput) -> Result<Estimate>,
) -> Estimator {
    Estimator { name, doc, network: Network::Spiking, sources, estimate }
}

const LEAVES_OUT: [&str; 4] = [
    "hops and messages between cores, unless they are in a figure",
    "static power and the host",
    "spiking self-attention and attention modules",
    "whether the network fits the chip",
];
const AFFINE_LEAVES_OUT: [&str; 3] = [
    "spiking self-attention and attention modules",
    "traffic between chips",
    "whether the layers fit the cores",
];

/// Names of the constants of a chip that is priced by its events.
struct Prices {
    name: &'static str,
    /// A synaptic operation of a convolution.
    conv: &'static str,
    /// A synaptic operation of a fully connected layer.
    linear: &'static str,
    /// An update.
    update: &'static [&'static str],
    /// An update that fires, besides.
    fired: &'static [&'static str],
    /// An update that does not, besides.
    silent: &'static [&'static str],
}

fn keras(
    input: &EstimatorInput,
    name: &'static str,
    sop: &'static str,
    update: &'static [&'static str],
) -> Result<Estimate> {
    per_event(input, &Prices { name, conv: sop, linear: sop, update, fired: &[], silent: &[] })
}

fn per_event(input: &EstimatorInput, prices: &Prices) -> Result<Estimate> {
    let work = &input.workload;
    work.check()?;
    let constants = &Data::embedded().constants;
    let pj =
        |names: &[&str]| names.iter().map(|n| constants.per_term(n).map(|c| c.pj())).sum::<Result<f64>>();
    let updates: f64 = work.neurons.iter().map(Population::updates).sum();
    let fired: f64 = work.neurons.iter().map(|n| n.spikes().min(n.updates())).sum();
    let operations = |kind, name| Ok(work.synaptic_operations(kind) * pj(&[name])?);
    let terms = [
        ("convolutions", operations(LayerKind::Conv, prices.conv)?),
        ("fully connected layers", operations(LayerKind::Linear, prices.linear)?),
        ("neuron updates", updates * pj(prices.update)? + (updates - fired) * pj(prices.silent)?),
        ("spikes", fired * pj(prices.fired)?),
    ];
    let mut used = vec![prices.conv, prices.linear];
    used.dedup();
    used.extend(prices.update.iter().chain(prices.fired).chain(prices.silent));
    Ok(Estimate::new(prices.name, &terms, &LEAVES_OUT, &used))
}

fn operations(work: &Workload) -> f64 {
    work.synaptic_operations(LayerKind::Conv) + work.synaptic_operations(LayerKind::Linear)
}

fn truenorth(input: &EstimatorInput) -> Result<Estimate> {
    let (work, given) = (&input.workload, &input.conditions);
    work.check()?;
    given.check()?;
    let constants = &Data::embedded().constants;
    let value = |name: &str| constants.get(name).map(|c| c.origin.value);
    let chips = (work.neuron_count() as f64 / value("truenorth.neurons")?).ceil().max(1.0);
    let tick = given.tick_seconds.map_or_else(|| value("truenorth.tick"), Ok)?;
    let seconds = given.seconds.unwrap_or(f64::from(work.timesteps()) * tick);
    let terms = [
        ("chips at rest", chips * value("truenorth.rest")? * 1e9 * seconds),
        ("synaptic operations", constants.per_term("truenorth.sop")?.pj() * operations(work)),
    ];
    let used = ["truenorth.rest", "truenorth.sop", "truenorth.neurons", "truenorth.tick"];
    let asked = given.seconds.is_some() || given.tick_seconds.is_some();
    let estimate = Estimate::new(TRUENORTH.name, &terms, &AFFINE_LEAVES_OUT, &used);
    Ok(estimate.choosing([(asked, format!("{seconds} s as given"), None)]))
}

fn odin(input: &EstimatorInput) -> Result<Estimate> {
    let (work, given) = (&input.workload, &input.conditions);
    work.check()?;
    given.check()?;
    let constants = &Data::embedded().constants;
    let value = |name: &str| constants.get(name).map(|c| c.origin.value);
    let clock_mhz = given.clock_mhz.map_or_else(|| value("odin.clock"), Ok)?;
    let working = operations(work) * value("odin.sop_cycles")? / (clock_mhz * 1e6);
    let ticks = given.tick_seconds.map(|tick| f64::from(work.timesteps()) * tick);
    let seconds = given.seconds.or(ticks).unwrap_or(working);
    // 1 uW = 1e6 pJ/s.
    let terms = [
        ("static power", value("odin.static")? * 1e6 * seconds),
        ("idle clock", value("odin.idle_clock")? * clock_mhz * 1e6 * seconds),
        ("synaptic operations", constants.per_term("odin.sop")?.pj() * operations(work)),
    ];
    let used = ["odin.static", "odin.idle_clock", "odin.sop", "odin.clock", "odin.sop_cycles"];
    let asked = given.seconds.is_some() || given.tick_seconds.is_some();
    Ok(Estimate::new(ODIN.name, &terms, &AFFINE_LEAVES_OUT, &used).choosing([
        (asked, format!("{seconds} s as given"), None),
        (given.clock_mhz.is_some(), format!("a clock of {clock_mhz} MHz"), None),
    ]))
}
