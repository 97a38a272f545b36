//! `--fidelity analytic`: the closed form in place of a simulation.

use crate::args::{EngineArg, Fidelity, Global};
use crate::facts::Simulated;
use crate::source::{self, Loaded};
use crate::{progress, run};
use pulvinar_ir::{interpret, Diagnostic, Level, Program, Result, Value};
use pulvinar_models::reference;
use pulvinar_reports::report::{ClosedForm, ErrorSpread};
use pulvinar_simulator::analytic::{estimate, measured_error, Spread};
use pulvinar_simulator::{simulate_many, Machine, Run, SimOptions};
use rayon::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

impl Fidelity {
    /// Refuses an engine where nothing is simulated (E0520).
    pub fn check(self, engine: EngineArg) -> Result<()> {
        if self == Fidelity::Cycle || engine == EngineArg::Fast {
            return Ok(());
        }
        Err(Diagnostic::new(
            "E0520",
            "--fidelity analytic",
            "nothing is simulated, so no engine can be chosen",
            "leave --engine out, or take --fidelity cycle",
        ))
    }

    /// Runs of a program for their counts alone.
    pub fn runs(self, program: &Program, inputs: &[Value]) -> Result<Vec<Run>> {
        let machine = Machine::new(program)?;
        match self {
            Fidelity::Cycle => simulate_many(&machine, inputs, &SimOptions::default(), &|_| ()),
            Fidelity::Analytic => many(&machine, inputs, &|_| ()),
        }
    }

    /// How the figures of such runs came about.
    pub fn words(self) -> &'static str {
        match self {
            Fidelity::Cycle => "simulated",
            Fidelity::Analytic => "in closed form",
        }
    }
}

/// Everything of a run that the values of all nodes and the closed form give.
pub fn closed(machine: &Machine<'_>, values: &[Value]) -> Result<Run> {
    let graph = &machine.program.graph;
    Ok(Run {
        counts: estimate(machine, values)?,
        output: values[graph.output.index()].clone(),
        values: machine.stages.iter().map(|s| values[s.stage.output.index()].clone()).collect(),
        trace: None,
        timeline: Vec::new(),
        accesses: Vec::new(),
        links: Vec::new(),
        busy_cycles: Vec::new(),
        phase_starts: Vec::new(),
        load_cycles: machine.load_cycles(),
        injected_flits: 0,
        ejected_flits: 0,
        visited_cycles: 0,
    })
}

fn many(machine: &Machine<'_>, inputs: &[Value], done: &(dyn Fn(usize) + Sync)) -> Result<Vec<Run>> {
    let count = AtomicUsize::new(0);
    let one = |input: &Value| {
        let run = closed(machine, &interpret::run(&machine.program.graph, input)?);
        done(count.fetch_add(1, Ordering::Relaxed) + 1);
        run
    };
    inputs.par_iter().map(one).collect()
}

/// Runs of a network on all its inputs.
pub fn all(program: &Program, loaded: &Loaded, global: &Global) -> Result<Simulated> {
    let machine = Machine::new(program)?;
    let inputs = source::values(&loaded.inputs.frames, Level::Flow)?;
    let bar = progress::bar(global, inputs.len(), "closed form");
    let runs = many(&machine, &inputs, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    let float = reference::outputs(&loaded.model.graph, &loaded.inputs.frames)?;
    Ok(Simulated { runs, float, closed_form: Some(error()), ..Simulated::default() })
}

/// Runs at a fidelity.
pub fn at(
    fidelity: Fidelity,
    program: &Program,
    loaded: &Loaded,
    engine: EngineArg,
    global: &Global,
) -> Result<Simulated> {
    match fidelity {
        Fidelity::Cycle => run::simulate_all(program, loaded, engine, global),
        Fidelity::Analytic => all(program, loaded, global),
    }
}

/// The measured error of the build.
pub fn error() -> ClosedForm {
    let spread = |s: Spread| ErrorSpread {
        median_percent: s.median,
        percentile_95_percent: s.percentile_95,
        largest_percent: s.largest,
    };
    let error = measured_error();
    ClosedForm { points: error.points as u64, latency: spread(error.latency), energy: spread(error.energy) }
}
