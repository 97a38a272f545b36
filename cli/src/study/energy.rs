//! The study of docs/study-energy.md: every estimator on the networks of the papers at their published rates, some of them
//! simulated too.

use super::INPUT_RATE;
use crate::args::{Choices, EngineArg, Global, StudyArgs};
use crate::rates::{Inputs, Workload as Generated};
use crate::{facts, output, progress, workload};
use pulvinar_ir::{Arch, Program, Result};
use pulvinar_models::rates::{Plan, Rates, Spread};
use pulvinar_models::zoo::build::{self, Builder};
use pulvinar_reports::energy::estimators::{possible, Took};
use pulvinar_reports::energy::process::NODES_NM;
use pulvinar_reports::energy::workload::{spiking, Rate};
use pulvinar_reports::energy::{Data, EstimatorInput, Workload};
use pulvinar_reports::sheet::{self, Sheet};
use pulvinar_reports::study::energy::{self as tables, Case, Pair, Repriced};
use pulvinar_reports::table::Table;
use pulvinar_reports::Report;
use pulvinar_simulator::Run;
use rayon::prelude::*;

/// A network: its name here, in the zoo, timesteps, rate, where the rate comes from, published energy in mJ, whether it is
/// simulated.
struct Row(&'static str, &'static str, usize, f64, &'static str, Option<f64>, bool);

const NASAR: &str = "published average";
const INVERTED: &str = "what the published energy needs";
const ASSUMED: &str = "assumed, none is published";

#[rustfmt::skip]
const ROWS: [Row; 22] = [
    Row("Gesture", "ma-gesture", 60, 0.173, NASAR, None, true),
    Row("Gesture TCSA", "ma-gesture-tcsa", 60, 0.026, NASAR, None, true),
    Row("Gesture ASA", "asa-a", 60, 0.038, NASAR, None, false),
    Row("five-layer", "five-layer", 20, 0.023, NASAR, None, false),
    Row("five-layer ASA", "asa-b", 20, 0.018, NASAR, None, false),
    Row("five-layer TCJA", "tcja-dvs128", 20, 0.023, ASSUMED, None, false),
    Row("MS-Res-18", "ms-resnet-18", 1, 0.224, NASAR, None, true),
    Row("Att-Res-18", "att-res-18", 1, 0.148, NASAR, Some(0.283), true),
    Row("MS-Res-34", "ms-resnet-34", 1, 0.203, NASAR, None, false),
    Row("Att-Res-34", "att-res-34", 1, 0.153, NASAR, Some(0.571), false),
    Row("MS-Res-104", "ms-resnet-104", 1, 0.218, NASAR, None, false),
    Row("Att-Res-104", "att-res-104", 1, 0.201, NASAR, Some(1.702), false),
    Row("GAC R18", "gac-imagenet-18", 4, 0.157, INVERTED, Some(1.49), false),
    Row("GAC R34", "gac-imagenet-34", 4, 0.131, INVERTED, Some(2.20), false),
    Row("GAC CIFAR", "gac-cifar10-t2", 2, 0.15, ASSUMED, None, true),
    Row("FSTA R20", "fsta-resnet20", 2, 0.15, ASSUMED, None, false),
    Row("FSTA R19", "fsta-resnet19", 2, 0.15, ASSUMED, None, false),
    Row("SDT 8-384", "sdt-8-384", 4, 0.2176, INVERTED, Some(3.90), false),
    Row("SDT 6-512", "sdt-6-512", 4, 0.1266, INVERTED, Some(3.56), false),
    Row("SDT 8-512", "sdt-8-512", 4, 0.1394, INVERTED, Some(4.50), false),
    Row("SDT 8-768", "sdt-8-768", 4, 0.0830, INVERTED, Some(6.09), false),
    Row("Spikformer 8-384", "spikformer-8-384", 4, 0.2176, ASSUMED, None, false),
];

/// Names of pairs without attention and with it.
const PAIRS: [(&str, &str, &str); 6] = [
    ("Gesture TCSA", "Gesture", "Gesture TCSA"),
    ("Gesture ASA", "Gesture", "Gesture ASA"),
    ("five-layer ASA", "five-layer", "five-layer ASA"),
    ("Att-Res-18", "MS-Res-18", "Att-Res-18"),
    ("Att-Res-34", "MS-Res-34", "Att-Res-34"),
    ("Att-Res-104", "MS-Res-104", "Att-Res-104"),
];

/// Networks of a figure and a table: name of the file, title, and the rows.
const GROUPS: [(&str, &str, std::ops::Range<usize>); 4] = [
    ("events", "Networks on events", 0..6),
    ("residual", "Residual networks on ImageNet, without and with attention", 6..12),
    ("images", "Gated and frequency attention on images", 12..17),
    ("transformers", "Spiking transformers on ImageNet", 17..22),
];

/// A run with what prices it again.
struct Simulated {
    report: Report,
    program: Program,
    runs: Vec<Run>,
}

/// The verb: cases, tables and figures, written to a folder.
pub fn study(args: &StudyArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let arch = super::arch(args)?;
    let both: Vec<(Case, Option<Simulated>)> =
        ROWS.par_iter().map(|row| case(row, &arch, args.seed, global)).collect::<Result<_>>()?;
    let (cases, simulated): (Vec<Case>, Vec<Option<Simulated>>) = both.into_iter().unzip();
    let tables = all_tables(&cases, &simulated)?;
    let markdown: String =
        tables.iter().map(|t| format!("## {}\n\n{}\n", t.caption, t.to_markdown())).collect();
    let mut files =
        vec![("tables.md".to_owned(), format!("# Tables of `pulvinar study energy`\n\n{markdown}"))];
    for (name, title, rows) in GROUPS {
        let group: Vec<&Case> = cases[rows].iter().collect();
        files.push((format!("energy-{name}.svg"), tables::figure(title, &group)));
    }
    let title = "Energy with attention over energy without";
    files.push(("energy-attention.svg".to_owned(), tables::attention_figure(title, &pairs(&cases))));
    for c in &cases {
        files.push((format!("{}.json", c.sheet.network), c.sheet.to_json()));
    }
    output::folder(&args.output, |folder| {
        files.iter().try_for_each(|(name, text)| output::file(&folder.join(name), text.as_bytes()))
    })?;
    let sheets: Vec<&Sheet> = cases.iter().map(|c| &c.sheet).collect();
    crate::verbs::show(global.json, &serde_json::json!(sheets), || {
        tables.iter().map(|t| format!("{}\n{}\n", t.caption, t.to_text("  ", facts::style(false)))).collect()
    });
    Ok(())
}

fn pairs(cases: &[Case]) -> Vec<Pair<'_>> {
    let find = |name: &str| cases.iter().find(|c| c.name == name);
    PAIRS
        .iter()
        .filter_map(|&(name, without, with)| Some(Pair { name, without: find(without)?, with: find(with)? }))
        .collect()
}

fn all_tables(cases: &[Case], simulated: &[Option<Simulated>]) -> Result<Vec<Table>> {
    let mut all = vec![tables::networks("Networks and rates", cases)];
    for (_, title, rows) in GROUPS {
        all.push(tables::estimates(title, &cases[rows].iter().collect::<Vec<_>>()));
    }
    let every: Vec<&Case> = cases.iter().collect();
    all.push(tables::beside_the_chip("Estimates beside the simulated chip", &every));
    all.push(tables::attention("Where attention pays: energy with it over energy without", &pairs(cases)));
    for (first, caption, rows) in [
        ("memory", "The runs with other external memories, same cycles", memories(simulated)?),
        ("node", "The runs at other process nodes, same cycles", nodes(simulated)?),
    ] {
        for pair in [["Gesture", "Gesture TCSA"], ["MS-Res-18", "Att-Res-18"]] {
            let at = pair.map(|name| cases.iter().position(|c| c.name == name).unwrap_or(0));
            let own = |r: &Repriced| Repriced {
                name: r.name.clone(),
                energies_pj: at.iter().map(|&i| r.energies_pj[i]).collect(),
            };
            let rows: Vec<Repriced> = rows.iter().map(own).collect();
            all.push(tables::prices(
                &format!("{caption}: {}", pair[1]),
                first,
                &pair.map(str::to_owned),
                &rows,
            ));
        }
    }
    Ok(all)
}

/// One network: its estimates and, if the row says so, its run.
fn case(row: &Row, arch: &Arch, seed: u64, global: &Global) -> Result<(Case, Option<Simulated>)> {
    let &Row(name, network, timesteps, rate, from, published_mj, chip) = row;
    let structure = build::find(network).expect("the study names networks of the zoo").over(timesteps)?;
    let simulated = if chip { Some(simulate(&structure, rate, arch, seed, global)?) } else { None };
    let report = simulated.as_ref().map(|s| s.report.clone());
    let graph = structure.zeros()?;
    let input = if Plan::reads_image(&graph) { 1.0 } else { INPUT_RATE };
    let names = spiking(&graph);
    let rate_of = |layer: &str| Rate::same(if names.contains(&layer) { rate } else { input });
    let took = report.as_ref().map(|run| Took {
        seconds: run.timing.latency_us * 1e-6,
        dram_bits: 8.0 * (run.traffic.dram.read_bytes + run.traffic.dram.written_bytes),
    });
    let workload = Workload::of(&graph, &rate_of, &workload::modules(&graph)?);
    let estimator_input = EstimatorInput { workload, took, ..EstimatorInput::default() };
    let estimates = possible(&estimator_input)?;
    let layer = |layer: &&str| sheet::LayerRate { layer: (*layer).to_owned(), rate, without_attention: rate };
    let facts = sheet::Facts {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: facts::command(),
        network: network.to_owned(),
        network_hash: None,
        timesteps: graph.timesteps as u32,
        rates: sheet::Rates {
            basis: sheet::Basis::Given,
            input,
            layers: names.iter().map(layer).collect(),
            without_attention: None,
        },
        assumptions: graph.assumptions.clone(),
    };
    let sheet = Sheet::new(&estimator_input.workload, &estimates, facts, report.as_ref())?;
    let published_pj = published_mj.map(|mj| mj * 1e9);
    Ok((Case { name: name.to_owned(), rate: from.to_owned(), published_pj, sheet, run: report }, simulated))
}

fn simulate(structure: &Builder, rate: f64, arch: &Arch, seed: u64, global: &Global) -> Result<Simulated> {
    progress::note(global, &format!("simulating {}", structure.name));
    let model = structure.model(seed)?;
    let mut rates = Rates::uniform(rate)?;
    if let Some(id) = model.graph.input().filter(|_| !Plan::reads_image(&model.graph)) {
        rates.set(&model.graph.node(id).name, INPUT_RATE, None);
    }
    let (plan, choices) = (Plan { rates, spread: Spread::Bernoulli }, Choices::default());
    let work = Generated::new((model, arch.clone()), Inputs::Generated(1), seed, &choices, &plan)?;
    let compiled = work.compile(&choices, seed)?;
    let simulated = work.simulate(&compiled.mapped.program, EngineArg::Fast, global)?;
    let report = facts::report(&work.loaded, &compiled, &simulated, seed, None, Vec::new())?;
    Ok(Simulated { report, program: compiled.mapped.program, runs: simulated.runs })
}

/// The runs with every kind of external memory; cycles are those of the chip of the study.
fn memories(simulated: &[Option<Simulated>]) -> Result<Vec<Repriced>> {
    let kinds = Data::embedded().dram.kinds();
    kinds
        .into_iter()
        .map(|kind| repriced(kind, simulated, |arch| kind.clone_into(&mut arch.dram.kind)))
        .collect()
}

/// The runs at every process node that has data.
fn nodes(simulated: &[Option<Simulated>]) -> Result<Vec<Repriced>> {
    let node = |nm: u32| {
        repriced(&format!("{nm} nm"), simulated, |arch| {
            arch.technology.node_nm = nm;
            arch.technology.far_scaling = true;
        })
    };
    NODES_NM.into_iter().map(node).collect()
}

fn repriced(name: &str, simulated: &[Option<Simulated>], change: impl Fn(&mut Arch)) -> Result<Repriced> {
    let energy = |s: &Simulated| {
        let mut arch = s.program.arch.clone();
        change(&mut arch);
        let energy = facts::priced(&s.program, &s.runs, &arch)?;
        let counted = energy.total_aj - energy.static_aj;
        Ok((counted as f64 / 1e6, energy.static_aj as f64 / 1e6))
    };
    let energies_pj = simulated.iter().map(|s| s.as_ref().map(energy).transpose()).collect::<Result<_>>()?;
    Ok(Repriced { name: name.to_owned(), energies_pj })
}
