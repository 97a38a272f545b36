//! `pulvinar study`: the runs behind a written study, as tables and figures.

mod attention_pays;
mod cheapest_chip;
mod energy;
mod explored;
mod prosperity;

use crate::args::{Choices, EngineArg, Fidelity, Global, StudyArg, StudyArgs};
use crate::facts;
use crate::rates::{Inputs, Workload};
use crate::{output, progress, source};
use pulvinar_ir::{Arch, Result};
use pulvinar_models::rates::{Plan, Rates, Spread};
use pulvinar_models::zoo::build;
use pulvinar_reports::study::{chip, encoder, formula, ratios, sensitivity, table, Case};
use rayon::prelude::*;

/// The chip of the study: 8 × 8 tiles, with memories for the statistics of 60 steps and 128 channels.
const CHIP: &str = include_str!("../../arch/study.toml");

/// Events of a pixel and step that the study assumes; the papers give none.
const INPUT_RATE: f64 = 0.1;

/// Rate of all neurons of the network behind GAC; the paper's table of energies implies 0.13 to 0.20.
const GAC_RATE: f64 = 0.15;

/// Bursts of the same mean: patches of 4 × 4 places, a quarter of them active, most of which stay so.
const BURSTS: Spread = Spread::Correlated { patch: 4, active: 0.25, persistence: 0.8 };

/// One run: its name in the study, network, rate and spread.
type Row = (&'static str, &'static str, f64, Spread);

/// One run of a study.
struct Run {
    /// What it is called there.
    name: &'static str,
    /// Structure of the zoo.
    network: &'static str,
    /// Its spikes.
    plan: Plan,
}

const GESTURE: [Row; 5] = [
    ("no gates, 0.173", "ma-gesture", 0.173, Spread::Bernoulli),
    ("TCSA, 0.026", "ma-gesture-tcsa", 0.026, Spread::Bernoulli),
    ("TCSA, 0.026 in bursts", "ma-gesture-tcsa", 0.026, BURSTS),
    ("no gates, 0.026", "ma-gesture", 0.026, Spread::Bernoulli),
    ("TCSA, 0.173", "ma-gesture-tcsa", 0.173, Spread::Bernoulli),
];

const GAC: [Row; 1] = [("GAC, T = 4, 0.15", "gac-cifar10-t4", GAC_RATE, Spread::Bernoulli)];

/// The verb.
pub fn study(args: &StudyArgs, global: &Global) -> Result<()> {
    match args.study {
        StudyArg::Attention => attention(args, global),
        StudyArg::Energy => energy::study(args, global),
        StudyArg::Prosperity => prosperity::study(args, global),
        StudyArg::WhereAttentionPays => explored::study(&attention_pays::STUDY, args, global),
        StudyArg::CheapestChip => explored::study(&cheapest_chip::STUDY, args, global),
    }
}

/// The chip of the study, or the one that is given.
fn arch(args: &StudyArgs) -> Result<Arch> {
    match &args.arch {
        Some(file) => source::arch(Some(file)),
        None => Arch::from_toml(CHIP).map_err(|d| d.within("arch/study.toml")),
    }
}

fn attention(args: &StudyArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let arch = arch(args)?;
    // Every run is by itself, so the figures do not depend on threads.
    let runs: Vec<&Row> = GESTURE.iter().chain(&GAC).collect();
    let mut gesture =
        runs.into_par_iter().map(|r| case(r, &arch, args.seed, global)).collect::<Result<Vec<Case>>>()?;
    let gac = gesture.split_off(GESTURE.len());
    let tables = [
        table("Gesture network of MA-SNN, 2 × 32 × 32, T = 60", &gesture),
        table("CIFAR network of GAC", &gac),
        encoder("GAC: the encoder and the network behind it", &gac[0], "encoder"),
    ];
    let markdown: String =
        tables.iter().map(|t| format!("## {}\n\n{}\n", t.caption, t.to_markdown())).collect();
    let files = [
        ("tables.md", format!("# Tables of `pulvinar study attention`\n\n{markdown}")),
        ("ratios.svg", ratios("TCSA at 0.026 over no gates at 0.173", [&gesture[0], &gesture[1]])),
        ("formula.svg", formula("Energy by the papers' formula", &gesture)),
        ("chip.svg", chip("Energy of the simulated chip", &gesture)),
        (
            "input-rate.svg",
            sensitivity("Ratio of energies by the papers' formula", [&gesture[0], &gesture[1]], INPUT_RATE),
        ),
    ];
    output::folder(&args.output, |folder| {
        files.iter().try_for_each(|(name, text)| output::file(&folder.join(name), text.as_bytes()))
    })?;
    let reports: Vec<_> = gesture.iter().chain(&gac).map(|c| &c.report).collect();
    crate::verbs::show(global.json, &serde_json::json!(reports), || {
        tables.iter().map(|t| format!("{}\n{}\n", t.caption, t.to_text("  ", facts::style(false)))).collect()
    });
    Ok(())
}

fn case(row: &Row, arch: &Arch, seed: u64, global: &Global) -> Result<Case> {
    let (name, network, rate, spread) = *row;
    let structure = build::find(network).expect("the study names networks of the zoo");
    let mut rates = Rates::uniform(rate)?;
    if !Plan::reads_image(&structure.zeros()?) {
        rates.set("input", INPUT_RATE, Some(Spread::Bernoulli));
    }
    measure(&Run { name, network, plan: Plan { rates, spread } }, arch, seed, global)
}

/// Simulates a network by rates.
fn measure(run: &Run, arch: &Arch, seed: u64, global: &Global) -> Result<Case> {
    let [case] = measure_at(run, [(arch, Fidelity::Cycle)], seed, global)?;
    Ok(case)
}

/// Runs a network by rates, quantised once, on each of the chips at its fidelity.
fn measure_at<const N: usize>(
    run: &Run,
    chips: [(&Arch, Fidelity); N],
    seed: u64,
    global: &Global,
) -> Result<[Case; N]> {
    progress::note(global, &format!("running {}", run.name));
    let structure = build::find(run.network).expect("studies name networks of the zoo");
    let choices = Choices::default();
    let networks = (structure.model(seed)?, chips[0].0.clone());
    let mut workload = Workload::new(networks, Inputs::Generated(1), seed, &choices, &run.plan)?;
    let quantised = workload.quantised(&choices)?;
    let mut compiled = workload.mapped(&quantised, &choices, seed)?;
    let cases = chips.map(|(arch, fidelity)| {
        if *arch != workload.loaded.arch {
            workload.loaded.arch = arch.clone();
            compiled = workload.mapped(&quantised, &choices, seed)?;
        }
        let program = &compiled.mapped.program;
        let counted = match fidelity {
            Fidelity::Cycle => workload.simulate(program, EngineArg::Fast, global)?,
            Fidelity::Analytic => workload.closed(program, Some(&quantised))?,
        };
        let report = facts::report(&workload.loaded, &compiled, &counted, seed, None, Vec::new())?;
        Ok(Case { name: run.name.to_owned(), report })
    });
    let cases: Vec<Case> = cases.into_iter().collect::<Result<_>>()?;
    Ok(cases.try_into().expect("one case a chip"))
}
