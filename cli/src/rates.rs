//! `pulvinar run --rate ...`: a workload by firing rate. The layers send generated spikes in place of their own, so neither
//! data nor trained weights are needed; everything else is worked on, and counted, as ever.

use crate::args::{Choices, EngineArg, Fidelity, Global, RatesArgs, Run as RunArgs};
use crate::compile::{self, Compiled};
use crate::facts::{self, Simulated};
use crate::source::{self, Loaded};
use crate::{analytic, progress, run};
use pulvinar_compiler::map::map;
use pulvinar_compiler::{lower, quantise, Calibration};
use pulvinar_ir::{interpret, Arch, Graph, Level, NodeId, Program, Result, Value};
use pulvinar_models::rates::{of_bytes, sample_seed, Plan, Rates, Spread};
use pulvinar_models::{dataset, Dataset, Model};
use pulvinar_reports::Report;
use pulvinar_simulator::{EngineKind, Machine, Run, SimOptions};
use std::collections::BTreeMap;
use std::path::Path;

/// Spikes of a sample's neurons, by name.
type Given = BTreeMap<String, Value>;

impl RatesArgs {
    /// The rates asked for, if any.
    pub fn plan(&self) -> Result<Option<Plan>> {
        let Some(rates) = read(self.rates.as_deref(), self.rate)? else { return Ok(None) };
        Ok(Some(Plan { rates, spread: Spread::parse(&self.spread, "--spread")? }))
    }
}

/// Rates of a file, and one for all others; none if neither is given.
pub fn read(file: Option<&Path>, others: Option<f64>) -> Result<Option<Rates>> {
    let table = file.map(Rates::read).transpose()?;
    match others {
        Some(rate) => table.unwrap_or_default().with_others(rate).map(Some),
        None => Ok(table),
    }
}

/// The report of a run by rates.
pub fn report(args: &RunArgs, plan: &Plan, global: &Global) -> Result<Report> {
    let source = &args.source;
    let model = source::model(&source.model, source.seed, &source.nir)?;
    let inputs = source.input.as_deref().map(|path| source::some(dataset::load(path)?, source.inputs));
    let inputs = inputs.transpose()?.map_or(Inputs::Generated(source.inputs.unwrap_or(1)), Inputs::Given);
    let arch = source::arch(source.arch.as_deref())?;
    let workload = Workload::new((model, arch), inputs, source.seed, &args.choices, plan)?;
    progress::note(global, &format!("compiling {}", workload.loaded.model.graph.name));
    let compiled = workload.compile(&args.choices, source.seed)?;
    let program = &compiled.mapped.program;
    let simulated = match args.fidelity {
        Fidelity::Cycle => workload.simulate(program, args.engine, global)?,
        Fidelity::Analytic => workload.closed(program, None)?,
    };
    facts::report(&workload.loaded, &compiled, &simulated, source.seed, None, Vec::new())
}

/// Where inputs come from.
pub enum Inputs {
    /// These.
    Given(Dataset),
    /// As many as this, of the plan's rate.
    Generated(usize),
}

/// A network in whole numbers, with the values of all its nodes for the first sample.
pub struct Quantised {
    flow: Graph,
    values: Vec<Value>,
}

/// A network, its inputs and what its layers will send.
pub struct Workload {
    /// Network, inputs and chip.
    pub loaded: Loaded,
    /// The lowered network, whose input is whole numbers.
    lowered: Graph,
    /// Spikes of every sample.
    given: Vec<Given>,
    /// The rates in words.
    text: String,
}

impl Workload {
    /// Generates the spikes of every input, and the inputs.
    pub fn new(
        (model, arch): (Model, Arch),
        inputs: Inputs,
        seed: u64,
        choices: &Choices,
        plan: &Plan,
    ) -> Result<Self> {
        let direct = matches!(inputs, Inputs::Generated(_)) && Plan::reads_image(&model.graph);
        let lowered = lower(&model.graph, &compile::options(choices, direct)?)?;
        plan.check(&lowered)?;
        let inputs = match inputs {
            Inputs::Given(inputs) => inputs,
            Inputs::Generated(count) => {
                let frames = plan.frames(&lowered, seed, count)?;
                source::some(Dataset { frames, labels: None }, Some(count))?
            }
        };
        inputs.frames.check(&model.graph)?;
        let given = (0..inputs.frames.len())
            .map(|i| plan.spikes(&lowered, sample_seed(seed, i)))
            .collect::<Result<Vec<_>>>()?;
        let mut assumptions = vec![format!("layers send spikes of given rates: {plan}")];
        if Plan::reads_image(&lowered) {
            assumptions.push("the image is 8 bits a value".to_owned());
        }
        let lowered = of_bytes(lowered);
        let inputs_hash = pulvinar_models::sha256_hex(&dataset::to_bytes(&inputs));
        let calibration = inputs.frames.slice(0..1);
        let loaded = Loaded { model, inputs, inputs_hash, calibration, arch, direct, assumptions };
        Ok(Workload { loaded, lowered, given, text: plan.to_string() })
    }

    /// Calibrates on the first sample, its layers held at their spikes, quantises and maps.
    pub fn compile(&self, choices: &Choices, seed: u64) -> Result<Compiled> {
        self.mapped(&self.quantised(choices)?, choices, seed)
    }

    /// Calibrates on the first sample, its layers held at their spikes, and quantises.
    pub fn quantised(&self, choices: &Choices) -> Result<Quantised> {
        let first = self.loaded.calibration.value(0, Level::Trained)?;
        let ranges = Calibration::from_given(&self.lowered, &[first], &self.given[0])?;
        let flow = quantise(&self.lowered, &compile::options(choices, self.loaded.direct)?, Some(&ranges))?;
        let values = self.reference(&flow, 0)?;
        Ok(Quantised { flow, values })
    }

    /// Maps the quantised network to the chip.
    pub fn mapped(&self, quantised: &Quantised, choices: &Choices, seed: u64) -> Result<Compiled> {
        let flow = quantised.flow.clone();
        let events = events(&flow, &quantised.values);
        let options = compile::map_options(choices, seed, events.clone())?;
        let mapped = map(&flow, &self.loaded.arch, &options)?;
        Ok(Compiled { flow, mapped, events })
    }

    /// Value of every node of the integer graph for a sample, its neurons held at their spikes.
    fn reference(&self, flow: &Graph, sample: usize) -> Result<Vec<Value>> {
        let given = self.given[sample].iter();
        let given: BTreeMap<NodeId, Value> =
            given.filter_map(|(name, v)| Some((flow.find(name)?, v.clone()))).collect();
        interpret::run_with(flow, &self.loaded.inputs.frames.value(sample, Level::Flow)?, &given)
    }

    /// Works out every sample in closed form; the values of the first are those of `known`, if it is of the same graph.
    pub fn closed(&self, program: &Program, known: Option<&Quantised>) -> Result<Simulated> {
        let machine = Machine::new(program)?;
        let known = known.filter(|q| q.flow == program.graph);
        let one = |i| match known {
            Some(first) if i == 0 => analytic::closed(&machine, &first.values),
            _ => analytic::closed(&machine, &self.reference(&program.graph, i)?),
        };
        let runs = (0..self.given.len()).map(one).collect::<Result<Vec<Run>>>()?;
        let (workload, closed_form) = (Some(self.text.clone()), Some(analytic::error()));
        Ok(Simulated { runs, closed_form, workload, ..Simulated::default() })
    }

    /// Simulates every sample; what the layers sum from the spikes is compared with the integer reference.
    pub fn simulate(&self, program: &Program, engine: EngineArg, global: &Global) -> Result<Simulated> {
        let mut machine = Machine::new(program)?;
        let kind = if engine == EngineArg::Plain { EngineKind::Plain } else { EngineKind::Fast };
        let options = SimOptions { engine: kind, values: true, timeline: true, ..SimOptions::default() };
        let bar = progress::bar(global, self.given.len(), "simulating");
        let mut simulated = Simulated { workload: Some(self.text.clone()), ..Simulated::default() };
        for (i, given) in self.given.iter().enumerate() {
            let outputs = program.stages.iter().map(|s| given.get(&s.name).cloned());
            machine.give(&outputs.collect::<Vec<_>>())?;
            let input = self.loaded.inputs.frames.value(i, Level::Flow)?;
            let mut run = machine.simulate(&input, &options)?;
            if engine == EngineArg::Both {
                run::compare_engines(&machine, std::slice::from_ref(&input), global)?;
            }
            let (events, equal) = compare(program, &run, &self.reference(&program.graph, i)?, given);
            simulated.compared += events;
            if events > 0 {
                simulated.equal = Some(simulated.equal.unwrap_or(true) && equal);
            }
            let timeline = std::mem::take(&mut run.timeline);
            if i == 0 {
                simulated.timeline = timeline;
            }
            simulated.runs.push(run);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(simulated)
    }
}

/// Mean non-zero values a timestep of every node.
fn events(flow: &Graph, values: &[Value]) -> BTreeMap<String, f64> {
    let steps = flow.timesteps as f64;
    let count = |v: &Value| v.ints().iter().filter(|x| **x != 0).count() as f64 / steps;
    flow.nodes.iter().zip(values).map(|(n, v)| (n.name.clone(), count(v))).collect()
}

/// Events of the layers that were given nothing, and whether all equal the reference.
fn compare(program: &Program, run: &Run, reference: &[Value], given: &Given) -> (u64, bool) {
    let own = program.stages.iter().zip(&run.values).filter(|(s, _)| !given.contains_key(&s.name));
    let (mut events, mut equal) = (0, run.output == reference[program.graph.output.index()]);
    for (stage, value) in own {
        events += value.ints().iter().filter(|v| **v != 0).count() as u64;
        equal &= *value == reference[stage.output.index()];
    }
    (events, equal)
}
