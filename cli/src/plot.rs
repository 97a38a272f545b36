//! `pulvinar explore pareto` and `explore plot`: what a store says.

use crate::args::{FidelityArg, Global, ParetoArgs, PlotArgs, SelectArgs, StatusArg};
use crate::verbs::show;
use crate::{facts, output};
use pulvinar_explore::plan::Reading;
use pulvinar_explore::results::page::{self, Page, Wanted};
use pulvinar_explore::results::{figures, front, Condition, Front, Selected, Selection, Trials};
use pulvinar_explore::space::Goal;
use pulvinar_explore::{Status, Store};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// Objectives without a plan and without `--objectives`.
const OBJECTIVES: [&str; 3] = ["latency_us", "energy_pj", "area_mm2"];

/// The points selected and their front.
fn selected(args: &SelectArgs) -> Result<(Selected, Front)> {
    let plan = args.plan.as_deref().map(read_plan).transpose()?;
    let status = args.status.map(|s| match s {
        StatusArg::Ok => Status::Ok,
        StatusArg::Infeasible => Status::Infeasible,
        StatusArg::Crash => Status::Crash,
        StatusArg::Timeout => Status::Timeout,
    });
    let fidelity = args.fidelity.map(|f| match f {
        FidelityArg::Cycle => "cycle".to_owned(),
        FidelityArg::Analytic => "analytic".to_owned(),
    });
    let conditions = args.conditions.iter().map(|c| Condition::parse(c)).collect::<Result<_>>()?;
    let (keys, planned) = plan.map_or((None, None), |(keys, goal)| (Some(keys), Some(goal)));
    let goal = goal(args, planned)?;
    let selection = Selection { sweep: args.sweep.clone(), status, fidelity, conditions, keys };
    let selected = Selected::read(&Store::open(&args.store)?, &selection)?;
    let front = front(&selected, &goal)?;
    Ok((selected, front))
}

/// Keys of the points of a plan, and its goal.
fn read_plan(path: &Path) -> Result<(BTreeSet<pulvinar_explore::Key>, Goal)> {
    let reading = Reading::open(path)?;
    let goal = reading.head.goal.clone();
    Ok((reading.map(|p| p.map(|p| p.key)).collect::<Result<_>>()?, goal))
}

/// The goal: that of the plan, with what is given in its place.
fn goal(args: &SelectArgs, planned: Option<Goal>) -> Result<Goal> {
    let mut goal = planned
        .unwrap_or_else(|| Goal { objectives: OBJECTIVES.map(str::to_owned).to_vec(), ..Goal::default() });
    if !args.objectives.is_empty() {
        goal.objectives.clone_from(&args.objectives);
        goal.reference.retain(|name, _| args.objectives.contains(name));
    }
    for text in &args.reference {
        let refuse = |message: String| {
            let help = "write --reference NAME=VALUE of an objective, for example energy_pj=2e7";
            Diagnostic::new("E0910", format!("--reference {text}"), message, help)
        };
        let (name, value) = text.split_once('=').ok_or_else(|| refuse("this is no reference".to_owned()))?;
        let value: f64 = value.parse().map_err(|_| refuse(format!("`{value}` is no number")))?;
        if !goal.objectives.iter().any(|o| o == name) {
            return Err(refuse(format!("`{name}` is no objective")));
        }
        goal.reference.insert(name.to_owned(), value);
    }
    Ok(goal)
}

/// `explore pareto`.
pub fn pareto(args: &ParetoArgs, global: &Global) -> Result<()> {
    if let Some(target) = &args.output {
        output::check_writable(target)?;
    }
    let (selected, front) = selected(&args.select)?;
    if let Some(target) = &args.output {
        let frame = figures::members(&selected, &front);
        match target.extension().and_then(|e| e.to_str()) {
            Some("csv") => output::file(target, frame.csv().as_bytes())?,
            Some("parquet") => {
                let bytes = frame.parquet().expect("invariant: writing into memory cannot fail");
                output::file(target, &bytes)?;
            }
            _ => {
                let place = target.display().to_string();
                let help = "end the file in .csv or .parquet";
                return Err(Diagnostic::new("E0910", place, "the ending names no format", help));
            }
        }
    }
    show(global.json, &page::facts(&selected, &front), || {
        let table = page::front_table(&selected, &front);
        let text = table.to_text("  ", facts::style(output::colours()));
        format!("{}\n{}", text, page::summary(&selected, &front).join("\n"))
    });
    Ok(())
}

/// `explore plot`.
pub fn plot(args: &PlotArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let heat = match &args.heat[..] {
        [] => None,
        [across, down] => Some([across.clone(), down.clone()]),
        _ => {
            let place = format!("--heat {}", args.heat.join(","));
            let help = "write --heat KEY,KEY";
            return Err(Diagnostic::new("E0910", place, "a heat map has two keys", help));
        }
    };
    let wanted = Wanted {
        x: args.x.clone(),
        y: args.y.clone(),
        colour: args.colour.clone(),
        heat,
        of: args.heat_of.clone(),
        points: args.points.clone(),
        trials: args.trials.iter().map(|p| Trials::read(p)).collect::<Result<_>>()?,
    };
    let (selected, front) = selected(&args.select)?;
    let figures = page::figures(&selected, &front, &wanted)?;
    let title = format!("Results of {}", args.select.store.display());
    let page = Page { title, lead: Vec::new(), figures, command: facts::command() };
    write(&page, &selected, &front, &args.output)?;
    show(global.json, &page::facts(&selected, &front), || {
        let summary = page::summary(&selected, &front).join("\n");
        format!("{summary}\npage: {}", args.output.join("index.html").display())
    });
    Ok(())
}

/// Writes a page into a folder that it replaces.
fn write(page: &Page, selected: &Selected, front: &Front, target: &Path) -> Result<()> {
    let files = page.files(selected, front)?;
    output::folder(target, |folder| {
        files.iter().try_for_each(|(name, bytes)| output::file(&folder.join(name), bytes))
    })
}
