//! `pulvinar run`: compile, simulate (or work out in closed form), check every event, price, report.

use crate::args::{EngineArg, Global, NirArgs, Run as RunArgs, Source};
use crate::compile::{self, compile, Compiled};
use crate::facts::{self, Simulated};
use crate::source::{self, Loaded};
use crate::{analytic, output, progress, rates};
use pulvinar_ir::{interpret, Diagnostic, Level, Program, Result, Strategy, Value};
use pulvinar_models::reference;
use pulvinar_reports::report::{StrategyFigures, Summary};
use pulvinar_reports::{text, write, Report};
use pulvinar_simulator::{simulate_many, EngineKind, Machine, Run, SimOptions};
use rayon::prelude::*;

/// Inputs on which the strategies that were not chosen are simulated for the comparison.
const ALTERNATIVE_INPUTS: usize = 4;

/// Ways a layer can wait for gates.
const WAITING_STRATEGIES: [Strategy; 5] =
    [Strategy::Step, Strategy::Window, Strategy::SpillSram, Strategy::Recompute, Strategy::SpillDram];

/// The verb.
pub fn run(args: &RunArgs, global: &Global) -> Result<()> {
    args.fidelity.check(args.engine)?;
    output::check_writable(&args.output)?;
    let report = match args.rates.plan()? {
        Some(plan) => rates::report(args, &plan, global)?,
        None => own(args, global)?,
    };
    output::folder(&args.output, |folder| {
        write::files(&report).iter().try_for_each(|(name, text)| {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), output::directory)?;
            output::file(&path, text.as_bytes())
        })
    })?;
    present(&report, args, global);
    Ok(())
}

/// The report of a network that computes its own spikes.
fn own(args: &RunArgs, global: &Global) -> Result<Report> {
    let loaded = source::load(&args.source)?;
    let twin = twin_name(args).map(|name| twin(&name, args, global)).transpose()?;
    progress::note(global, &format!("compiling {}", loaded.model.graph.name));
    let compiled = compile(&loaded, &args.choices, args.source.seed)?;
    let simulated = analytic::at(args.fidelity, &compiled.mapped.program, &loaded, args.engine, global)?;
    let alternatives = alternatives(&compiled, &loaded, args, global)?;
    facts::report(&loaded, &compiled, &simulated, args.source.seed, twin, alternatives)
}

fn present(report: &Report, args: &RunArgs, global: &Global) {
    if global.json {
        println!("{}", pulvinar_reports::json::to_json(report));
        return;
    }
    println!("{}", text::summary(report, facts::style(output::colours())));
    println!("page: {}", args.output.join("report.html").display());
}

/// The network to compare with: as asked, or the default network's twin without attention.
fn twin_name(args: &RunArgs) -> Option<String> {
    match args.twin.as_deref() {
        Some("none") => None,
        Some(name) => Some(name.to_owned()),
        None => (args.source.model == "ma-snn-tcsa").then(|| "vanilla".to_owned()),
    }
}

/// Runs the twin on the same inputs and chip.
fn twin(name: &str, args: &RunArgs, global: &Global) -> Result<Summary> {
    let nir = if source::foreign(name).is_some() { args.source.nir.clone() } else { NirArgs::default() };
    let source = Source { model: name.to_owned(), nir, ..args.source.clone() };
    let loaded = source::load(&source)?;
    progress::note(global, &format!("compiling {}", loaded.model.graph.name));
    let mut choices = args.choices.clone();
    choices.strategies.clear();
    let compiled = compile(&loaded, &choices, source.seed)?;
    let program = &compiled.mapped.program;
    let simulated = analytic::at(args.fidelity, program, &loaded, EngineArg::Fast, global)?;
    Ok(facts::report(&loaded, &compiled, &simulated, source.seed, None, Vec::new())?.summary())
}

/// Simulates all inputs and compares every event of every stage with the integer reference.
pub fn simulate_all(
    program: &Program,
    loaded: &Loaded,
    engine: EngineArg,
    global: &Global,
) -> Result<Simulated> {
    let machine = Machine::new(program)?;
    let inputs = source::values(&loaded.inputs.frames, Level::Flow)?;
    let kind = if engine == EngineArg::Plain { EngineKind::Plain } else { EngineKind::Fast };
    let options = SimOptions { engine: kind, values: true, ..SimOptions::default() };
    let bar = progress::bar(global, inputs.len(), "simulating");
    let runs = simulate_many(&machine, &inputs, &options, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    let timeline = machine.simulate(&inputs[0], &SimOptions { timeline: true, ..options })?.timeline;
    if engine == EngineArg::Both {
        compare_engines(&machine, &inputs, global)?;
    }
    let (compared, equal) = compare_with_reference(program, &inputs, &runs)?;
    let float = reference::outputs(&loaded.model.graph, &loaded.inputs.frames)?;
    Ok(Simulated { runs, timeline, compared, equal: Some(equal), float, ..Simulated::default() })
}

/// Both engines on every input: the listings must be the same to the byte.
pub fn compare_engines(machine: &Machine<'_>, inputs: &[Value], global: &Global) -> Result<()> {
    let bar = progress::bar(global, inputs.len(), "comparing engines");
    for (i, input) in inputs.iter().enumerate() {
        let listing =
            |engine| machine.simulate(input, &SimOptions { engine, trace: true, ..SimOptions::default() });
        let (fast, plain) = (listing(EngineKind::Fast)?, listing(EngineKind::Plain)?);
        if fast.trace != plain.trace || fast.counts != plain.counts {
            return Err(Diagnostic::new(
                "E0704",
                format!("input {i}"),
                "the fast and the plain engine disagree, which is a bug of ours",
                "please report it with the program (`pulvinar compile -o`) and this input",
            ));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Events compared and whether all were equal.
fn compare_with_reference(program: &Program, inputs: &[Value], runs: &[Run]) -> Result<(u64, bool)> {
    let each = inputs.par_iter().zip(runs).map(|(input, run)| {
        let reference = interpret::run(&program.graph, input)?;
        let mut events = 0;
        let mut equal = true;
        for (stage, value) in program.stages.iter().zip(&run.values) {
            let expected = &reference[stage.output.index()];
            events += expected.ints().iter().filter(|v| **v != 0).count() as u64;
            equal &= expected == value;
        }
        Ok((events, equal && run.output == reference[program.graph.output.index()]))
    });
    let each = each.collect::<Result<Vec<_>>>()?;
    Ok((each.iter().map(|e| e.0).sum(), each.iter().all(|e| e.1)))
}

/// Spill and recompute side by side: for each layer that waits each strategy that fits, simulated on a few inputs.
fn alternatives(
    compiled: &Compiled,
    loaded: &Loaded,
    args: &RunArgs,
    global: &Global,
) -> Result<Vec<(String, StrategyFigures)>> {
    let waiting: Vec<&str> =
        compiled.mapped.program.stages.iter().filter(|s| s.is_multipass()).map(|s| s.name.as_str()).collect();
    let inputs = source::values(&loaded.inputs.frames.slice(0..ALTERNATIVE_INPUTS), Level::Flow)?;
    let bar = progress::bar(global, waiting.len() * WAITING_STRATEGIES.len(), "spill and recompute");
    let mut figures = Vec::new();
    for layer in waiting {
        for strategy in WAITING_STRATEGIES {
            // A strategy that does not fit this chip is left out of the table.
            if let Ok(mapped) =
                compile::remap(compiled, &loaded.arch, &args.choices, args.source.seed, (layer, strategy))
            {
                let (program, how) = (&mapped.program, args.fidelity.words());
                let runs = args.fidelity.runs(program, &inputs)?;
                figures.push((layer.to_owned(), facts::strategy_figures(program, &runs, strategy, how)?));
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(figures)
}
