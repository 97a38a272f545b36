//! `pulvinar energy`: the estimators on a network and its rates.

use crate::args::{Energy, InOut, NirArgs, RateArgs, StemArg};
use crate::verbs::show;
use crate::{options, source, workload};
use pulvinar_ir::{Diagnostic, Graph, Result};
use pulvinar_models::rates::Rates;
use pulvinar_models::zoo::build::{self, Fill, Setting};
use pulvinar_reports::energy::break_even::{verdicts, Side, Verdict};
use pulvinar_reports::energy::papers::{Stem, Terms};
use pulvinar_reports::energy::workload::{spiking, Rate};
use pulvinar_reports::energy::{estimators, Estimate, Estimator, EstimatorInput, Workload, ESTIMATORS};
use serde_json::json;
use std::path::Path;

/// Name of the input in files of rates.
const INPUT: &str = "input";

impl RateArgs {
    /// The rates, if any are given.
    fn read(&self) -> Result<Option<Rates>> {
        read(self.rates.as_deref(), self.rate)
    }
}

fn read(file: Option<&Path>, others: Option<f64>) -> Result<Option<Rates>> {
    let table = file.map(Rates::read).transpose()?;
    match others {
        Some(rate) => table.unwrap_or_default().with_others(rate).map(Some),
        None => Ok(table),
    }
}

/// Runs the verb.
pub fn energy(args: &Energy, json: bool) -> Result<()> {
    if let Some(file) = &args.options.operations {
        return options::operations(file, json);
    }
    let wanted = wanted(&args.estimators)?;
    let graph = graph(&args.model, &args.nir)?;
    let names = spiking(&graph);
    let own = args.rates.read()?.unwrap_or_default();
    own.check(&names, &[INPUT])?;
    let base = read(args.base_rates.as_deref(), args.base_rate)?.unwrap_or_else(|| own.clone());
    base.check(&names, &[INPUT])?;
    let input_name = graph.input().map(|id| graph.node(id).name.clone()).unwrap_or_default();
    // Without a row of its own every value of the sample counts, as in a still image.
    let of = |rates: &Rates, name: &str| {
        let given = if name == input_name { rates.named(INPUT) } else { rates.of(name) };
        given.unwrap_or(1.0)
    };
    let rate_of = |name: &str| Rate { own: of(&own, name), without_attention: of(&base, name) };
    let workload = Workload::of(&graph, &rate_of, &workload::modules(&graph)?);
    let input = EstimatorInput { workload, terms: terms(args), ..EstimatorInput::default() };
    let input = args.options.of(input);
    let estimates = match args.estimators.as_slice() {
        [] => estimators::possible(&input)?,
        _ => wanted.into_iter().map(|e| (e.estimate)(&input)).collect::<Result<Vec<_>>>()?,
    };
    let limits = verdicts(&input.workload)?;
    let facts = json!({
        "network": args.model, "timesteps": graph.timesteps, "neurons": input.workload.neuron_count(),
        "spikes": input.workload.spikes(), "estimates": estimates, "break_even": limits,
    });
    show(json, &facts, || {
        let head = format!(
            "`{}`, T = {}: {} neurons, {:.0} spikes\n\n",
            args.model,
            graph.timesteps,
            input.workload.neuron_count(),
            input.workload.spikes()
        );
        let limits: String = limits.iter().map(limit).collect();
        head + &estimates.iter().map(text).collect::<String>()
            + "Against an artificial network, by published limits:\n"
            + &limits
    });
    Ok(())
}

/// The estimators that are named.
fn wanted(names: &[String]) -> Result<Vec<&'static Estimator>> {
    let find = |name: &String| {
        estimators::estimator(name).ok_or_else(|| {
            let known: Vec<&str> = ESTIMATORS.iter().map(|e| e.name).collect();
            Diagnostic::new(
                "E0506",
                format!("--estimator {name}"),
                "there is no such estimator",
                format!("use one of {}", known.join(", ")),
            )
        })
    };
    names.iter().map(find).collect()
}

/// The network; a structure with zeros for weights, and with other timesteps if they are given.
fn graph(name: &str, nir: &NirArgs) -> Result<Graph> {
    let Some(structure) = build::find(name) else { return Ok(source::model(name, 1, nir)?.graph) };
    NirArgs { timesteps: None, ..nir.clone() }.refuse(name)?;
    let timesteps = nir.timesteps.unwrap_or(structure.setting.timesteps);
    (structure.build)(&Setting { timesteps, ..structure.setting }, Fill::Zeros)
}

fn terms(args: &Energy) -> Terms {
    let stem = match args.stem {
        StemArg::Once => Stem::Once,
        StemArg::Steps => Stem::Steps,
        StemArg::None => Stem::Excluded,
    };
    Terms {
        stem,
        attention: args.attention == InOut::In,
        shortcut: args.shortcut == InOut::In,
        ..Terms::default()
    }
}

fn text(estimate: &Estimate) -> String {
    let mj = |pj: f64| format!("{:>12.6} mJ", pj * 1e-9);
    let doc = estimators::estimator(estimate.estimator).map_or("", |e| e.doc);
    let ratio = estimate.r_ee.filter(|r| (r - 1.0).abs() > 1e-12).map(|r| format!(", r_EE {r:.2}"));
    let terms =
        estimate.terms.iter().filter(|t| t.1 > 0.0).map(|(name, pj)| format!("  {name:<32}{}\n", mj(*pj)));
    format!(
        "{:<34}{}{}\n  {doc}\n{}\n",
        estimate.estimator,
        mj(estimate.total_pj),
        ratio.unwrap_or_default(),
        terms.collect::<String>()
    )
}

fn limit(verdict: &Verdict) -> String {
    let (low, high) = verdict.limits;
    let limits = if low < high { format!("{low} to {high}") } else { low.to_string() };
    let said = match verdict.side {
        Side::Below => "below: the spiking network costs less",
        Side::Between => "between: it depends on the hardware",
        Side::Above => "above: the artificial network costs less",
    };
    let sources: Vec<String> = verdict.origins.iter().flat_map(|o| o.sources.clone()).collect();
    let source = sources.first().map_or("", String::as_str);
    format!("  {:<20}{:>9.4}, limit {limits} ({source}): {said}\n", verdict.quantity, verdict.value)
}
