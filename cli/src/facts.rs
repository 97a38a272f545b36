//! From simulated runs to a report.

use crate::compile::Compiled;
use crate::source::Loaded;
use pulvinar_ir::counts::{Cost, DramAction};
use pulvinar_ir::{Activity, Arch, Counts, Diagnostic, Program, Result, Strategy};
use pulvinar_models::reference;
use pulvinar_models::zoo::census::Census;
use pulvinar_reports::compare::Entry;
use pulvinar_reports::energy::break_even::verdicts;
use pulvinar_reports::energy::estimators::{Estimator, EstimatorInput, Took, ESTIMATORS};
use pulvinar_reports::energy::simulated;
use pulvinar_reports::energy::{AreaReport, EnergyReport, PriceList, Widths, Workload};
use pulvinar_reports::report::{ClosedForm, LinkFlits, Span, SpikeDot, StrategyFigures, Summary};
use pulvinar_reports::table::Style;
use pulvinar_reports::{InputFacts, Report, RunFacts};
use pulvinar_simulator::{Run, Span as SimSpan, SpanKind};
use std::path::{Path, PathBuf};

/// Simulated inferences and what they were compared with.
#[derive(Default)]
pub struct Simulated {
    /// One run an input.
    pub runs: Vec<Run>,
    /// Timeline of the first input.
    pub timeline: Vec<SimSpan>,
    /// Events compared with the integer reference.
    pub compared: u64,
    /// True if all were equal; none if nobody compared.
    pub equal: Option<bool>,
    /// Scores of the float model, one row an input; empty for a workload by rates.
    pub float: Vec<Vec<f64>>,
    /// Measured error of the closed form, if it stands in for a simulation.
    pub closed_form: Option<ClosedForm>,
    /// Rates that the layers were given, in words; the answers then mean nothing.
    pub workload: Option<String>,
}

/// Counts of all runs together.
fn total(runs: &[Run]) -> Counts {
    let mut counts = Counts::default();
    runs.iter().for_each(|r| counts.merge(&r.counts));
    counts
}

fn prices(program: &Program) -> Result<PriceList> {
    PriceList::new(&program.arch, &Widths::of(program))
}

/// Energy of runs of a program at the prices of another chip.
pub fn priced(program: &Program, runs: &[Run], arch: &Arch) -> Result<EnergyReport> {
    Ok(EnergyReport::new(&total(runs), &PriceList::new(arch, &Widths::of(program))?))
}

/// The report of a run.
pub fn report(
    loaded: &Loaded,
    compiled: &Compiled,
    simulated: &Simulated,
    seed: u64,
    twin: Option<Summary>,
    alternatives: Vec<(String, StrategyFigures)>,
) -> Result<Report> {
    let program = &compiled.mapped.program;
    let counts = total(&simulated.runs);
    let energy = EnergyReport::new(&counts, &prices(program)?);
    let one = EnergyReport::new(&simulated.runs[0].counts, &prices(program)?);
    let workload = crate::workload::measured(
        &loaded.model.graph,
        simulated,
        program,
        &loaded.inputs.frames,
        twin.as_ref(),
    )?;
    let break_even = verdicts(&workload)?;
    // The estimator of simulated counts needs a simulation.
    let one = simulated.closed_form.is_none().then_some(one);
    let estimates = estimates(workload, one, took(program, &simulated.runs[0].counts))?;
    let inputs = input_facts(loaded, compiled, simulated);
    let arch_text = loaded.arch.to_toml();
    let facts = RunFacts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command(),
        model_hash: loaded.model.hash.clone(),
        input: format!("{} inputs", loaded.inputs.frames.len()),
        input_hash: loaded.inputs_hash.clone(),
        arch_hash: pulvinar_models::sha256_hex(arch_text.as_bytes()),
        seed,
        assumptions: loaded.assumptions.clone(),
        parameters: Census::of(&loaded.model.graph)?.parameters,
        inputs,
        load_cycles: simulated.runs[0].load_cycles,
        closed_form: simulated.closed_form,
        workload: simulated.workload.clone(),
        spikes_equal_to_reference: simulated.equal,
        compared_events: simulated.compared,
        core_busy_cycles: busy(&simulated.runs),
        link_flits: links(&simulated.runs),
        spans: simulated.timeline.iter().map(|s| span(program, s)).collect(),
        spikes: spikes(&simulated.runs[0]),
        alternatives,
        twin,
        bits: Vec::new(),
        estimates,
        break_even,
        area: Some(AreaReport::new(&loaded.arch, &Widths::of(program))?),
    };
    Report::build(program, &counts, &energy, &facts)
}

/// The command line, by the program's name alone: paths of a machine do not belong into a report.
pub fn command() -> String {
    std::iter::once("pulvinar".to_owned()).chain(std::env::args().skip(1)).collect::<Vec<_>>().join(" ")
}

fn estimates(
    workload: Workload,
    run: Option<EnergyReport>,
    took: Took,
) -> Result<Vec<pulvinar_reports::energy::Estimate>> {
    let input = EstimatorInput { workload, run, took: Some(took), ..EstimatorInput::default() };
    let there = |e: &&Estimator| input.run.is_some() || e.name != simulated::ESTIMATOR.name;
    ESTIMATORS.iter().filter(there).map(|e| (e.estimate)(&input)).collect()
}

/// Time and DRAM traffic of a run.
fn took(program: &Program, counts: &Counts) -> Took {
    let bursts = counts.total(Activity::DramRead) + counts.total(Activity::DramWrite);
    let burst_bits = f64::from(program.arch.dram.burst_bytes) * 8.0;
    let seconds = counts.cycles as f64 / (program.arch.technology.clock_mhz * 1e6);
    Took { seconds, dram_bits: bursts as f64 * burst_bits }
}

fn input_facts(loaded: &Loaded, compiled: &Compiled, simulated: &Simulated) -> Vec<InputFacts> {
    let ty = &compiled.flow.node(compiled.flow.output).ty;
    let class = |scores: &[f64]| reference::argmax(scores) as u32;
    let runs = simulated.runs.iter().enumerate();
    let answers = simulated.workload.is_none();
    runs.map(|(i, run)| InputFacts {
        cycles: run.counts.cycles,
        label: loaded.inputs.labels.as_ref().filter(|_| answers).map(|l| l[i]),
        prediction: answers.then(|| class(&reference::scores(&run.output, ty))),
        float_prediction: simulated.float.get(i).map(|f| class(f)),
    })
    .collect()
}

fn busy(runs: &[Run]) -> Vec<u64> {
    let mut busy = vec![0; runs.first().map_or(0, |r| r.busy_cycles.len())];
    for run in runs {
        busy.iter_mut().zip(&run.busy_cycles).for_each(|(a, b)| *a += b);
    }
    busy
}

fn links(runs: &[Run]) -> Vec<LinkFlits> {
    let mut flits = std::collections::BTreeMap::new();
    for link in runs.iter().flat_map(|r| &r.links) {
        *flits.entry((link.router, link.port)).or_insert(0) += link.flits;
    }
    flits.into_iter().map(|((router, port), flits)| LinkFlits { router, port, flits }).collect()
}

fn span(program: &Program, span: &SimSpan) -> Span {
    let kind = match span.kind {
        SpanKind::Load => "load".to_owned(),
        SpanKind::Accumulate { .. } => "accumulate".to_owned(),
        SpanKind::Sweep { pass, .. } => format!("sweep {pass}"),
        SpanKind::Attention { .. } => "attention".to_owned(),
        SpanKind::Dma { .. } => "dma".to_owned(),
    };
    let layer = program.stages.get(span.stage as usize).map(|s| s.name.clone()).unwrap_or_default();
    Span { core: span.core, start_cycle: span.start, end_cycle: span.end, kind, layer }
}

fn spikes(run: &Run) -> Vec<SpikeDot> {
    let mut dots = Vec::new();
    for (layer, value) in run.values.iter().enumerate() {
        let n = value.shape.step_len();
        let fired = value.ints().iter().enumerate().filter(|(_, v)| **v != 0);
        dots.extend(fired.map(|(i, _)| SpikeDot {
            layer: layer as u32,
            step: (i / n) as u32,
            neuron: (i % n) as u32,
        }));
    }
    dots
}

/// Figures of the whole network with one strategy in one layer, `simulated` or otherwise.
pub fn strategy_figures(
    program: &Program,
    runs: &[Run],
    strategy: Strategy,
    how: &str,
) -> Result<StrategyFigures> {
    let counts = total(runs);
    let energy = EnergyReport::new(&counts, &prices(program)?);
    let n = runs.len().max(1) as f64;
    Ok(StrategyFigures {
        strategy: strategy.name().to_owned(),
        cycles: Some(counts.cycles as f64 / n),
        traffic_bits: Some(memory_bits(program, &counts) / n),
        energy_pj: Some(energy.total_aj as f64 / 1e6 / n),
        basis: format!("whole network, {how}, mean of {} inputs", runs.len()),
    })
}

/// Bits moved in all memories of the cores and in DRAM.
fn memory_bits(program: &Program, counts: &Counts) -> f64 {
    let bits = |a: &Activity| {
        let word = match a.cost() {
            Cost::Read(m) | Cost::Write(m) => program.arch.word_bits(m),
            Cost::Dram(DramAction::ReadBurst | DramAction::WriteBurst) => program.arch.dram.burst_bytes * 8,
            _ => 0,
        };
        counts.total(*a) as f64 * f64::from(word)
    };
    Activity::ALL.iter().map(bits).sum()
}

/// Style of terminal text.
pub fn style(colour: bool) -> Style {
    Style { colour }
}

/// An earlier run or earlier estimates: a report.json, an energy.json, or the folder that holds it.
pub fn read_entry(path: &Path) -> Result<Entry> {
    let within = |name: &str| Some(path.join(name)).filter(|file| file.is_file());
    let file = within("report.json").or_else(|| within("energy.json")).unwrap_or_else(|| path.to_owned());
    let place = file.display().to_string();
    let text = std::fs::read_to_string(&file).map_err(|e| {
        Diagnostic::new(
            "E0111",
            &place,
            format!("cannot read the report: {e}"),
            "give the report.json of an earlier run, the energy.json of earlier estimates, or the folder of either",
        )
    })?;
    Entry::from_json(&text).map_err(|d| d.within(&place))
}

/// Several of them under their names; those of one name are told apart by their places.
pub fn read_entries(paths: &[PathBuf]) -> Result<Vec<(String, Entry)>> {
    let entries = paths.iter().map(|p| read_entry(p)).collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = entries.iter().map(Entry::name).collect();
    let name = |i: usize| match names.iter().filter(|n| **n == names[i]).count() {
        1 => names[i].clone(),
        _ => format!("{} ({})", names[i], paths[i].display()),
    };
    Ok(entries.into_iter().enumerate().map(|(i, e)| (name(i), e)).collect())
}
