//! Studies of a space: every point in closed form, the front once more by simulation, and one page of what was found.

use crate::args::{Global, StudyArgs};
use crate::{facts, output, progress, source};
use pulvinar_explore::results::figures::Figure;
use pulvinar_explore::results::page::{self, Page, Wanted};
use pulvinar_explore::results::{front, Front, Selected, Selection};
use pulvinar_explore::sample::{sample, Sampler};
use pulvinar_explore::sweep::{self, Options, Shard};
use pulvinar_explore::{Evaluator, Key, Plan, Scalar, Settings, Space, Store};
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// A study of a space.
pub struct Explored {
    /// What it is about, as the title of its page.
    pub title: &'static str,
    /// The space, and the name of its file.
    pub space: (&'static str, &'static str),
    /// Files beside it that it names.
    pub beside: &'static [(&'static str, &'static str)],
    /// How the chip is named in the space, if it is not the default one.
    pub chip: Option<(&'static str, &'static str)>,
    /// What figures are drawn of.
    pub wanted: fn() -> Wanted,
    /// Points to simulate beside those of the front.
    pub further: fn(&Selected) -> Vec<usize>,
    /// What was found, and figures of its own.
    pub found: fn(&Space, &Selected, &Front) -> Result<Found>,
}

/// What a study finds beside its front.
pub struct Found {
    /// Paragraphs.
    pub lead: Vec<String>,
    /// Figures, before those that every page has.
    pub figures: Vec<Figure>,
}

/// The chip of a study in its output.
const CHIP: &str = "chip.toml";

/// Makes the runs of a study and writes its folder: page, figures, tables, space and store.
pub fn study(explored: &Explored, args: &StudyArgs, global: &Global) -> Result<()> {
    output::check_writable(&args.output)?;
    let mut shown = None;
    output::folder(&args.output, |folder| {
        let space = written(explored, args, folder)?;
        let (selected, front) = runs(explored, &space, folder, global)?;
        let found = (explored.found)(&space, &selected, &front)?;
        let mut figures = found.figures;
        figures.extend(page::figures(&selected, &front, &(explored.wanted)())?);
        let title = explored.title.to_owned();
        let page = Page { title, lead: found.lead, figures, command: facts::command() };
        for (name, bytes) in page.files(&selected, &front)? {
            output::file(&folder.join(name), &bytes)?;
        }
        shown = Some((page.lead, selected, front));
        Ok(())
    })?;
    let (lead, selected, front) = shown.expect("invariant: the folder was filled");
    crate::verbs::show(global.json, &page::facts(&selected, &front), || {
        let table = page::front_table(&selected, &front).to_text("  ", facts::style(output::colours()));
        let summary = page::summary(&selected, &front).join("\n");
        let page = args.output.join("index.html");
        format!("{}\n\n{table}\n{summary}\npage: {}", lead.join("\n"), page.display())
    });
    Ok(())
}

/// Writes the space with what it names, and reads it.
fn written(explored: &Explored, args: &StudyArgs, folder: &Path) -> Result<Space> {
    let (name, text) = explored.space;
    let mut text = text.replacen("[set]\n", &format!("[set]\nseed = {}\n", args.seed), 1);
    for (name, content) in explored.beside {
        output::file(&folder.join(name), content.as_bytes())?;
    }
    let own = explored.chip.map(|(written, chip)| (written, chip.to_owned()));
    let given = match &args.arch {
        Some(file) => Some(source::arch(Some(file))?.to_toml()),
        None => None,
    };
    match (own, given) {
        (None, None) => {}
        (None, Some(chip)) => {
            output::file(&folder.join(CHIP), chip.as_bytes())?;
            text = format!("arch = \"{CHIP}\"\n{text}");
        }
        (Some((written, own)), given) => {
            output::file(&folder.join(CHIP), given.unwrap_or(own).as_bytes())?;
            text = text.replacen(written, CHIP, 1);
        }
    }
    let path = folder.join(name);
    output::file(&path, text.as_bytes())?;
    Space::read(&path)
}

/// Sweeps the grid, selects it, sweeps the front and further points by simulation, and selects again.
fn runs(explored: &Explored, space: &Space, folder: &Path, global: &Global) -> Result<(Selected, Front)> {
    let store = Store::create(&folder.join("store"))?;
    let evaluator = Evaluator::new(&space.folder, 2);
    let screen = Plan::new(space, sample(space, Sampler::Grid, 0, 0)?, &evaluator)?;
    run(&screen, &store, folder, global)?;
    let keys = screen.points.iter().map(|p| p.key).collect();
    let selection = Selection { keys: Some(keys), ..Selection::default() };
    let selected = Selected::read(&store, &selection)?;
    let found = front(&selected, &space.goal)?;
    let settings: BTreeMap<Key, &Settings> = screen.points.iter().map(|p| (p.key, &p.set)).collect();
    let further = (explored.further)(&selected);
    let wanted = found.members.iter().chain(&further).filter_map(|&i| {
        let mut set = (*settings.get(&selected.rows[i].key)?).clone();
        set.insert("fidelity".to_owned(), Scalar::Text("cycle".to_owned()));
        Some(set)
    });
    let confirm = Plan::new(space, wanted.collect(), &evaluator)?;
    run(&confirm, &store, folder, global)?;
    store.compact(true)?;
    let selected = Selected::read(&store, &selection)?;
    let found = front(&selected, &space.goal)?;
    Ok((selected, found))
}

/// Runs the points of a plan on all cores.
fn run(plan: &Plan, store: &Store, folder: &Path, global: &Global) -> Result<()> {
    static GO_ON: AtomicBool = AtomicBool::new(false);
    let path = folder.join("plan");
    plan.write(&path)?;
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options { shard: Shard::WHOLE, jobs, limit: None, point: None, retry: Vec::new() };
    let bar = progress::rate(global, plan.points.len(), "evaluating");
    let summary = sweep::run(&path, store, &options, &GO_ON, &|_| bar.inc(1))?;
    bar.finish_and_clear();
    if summary.crash + summary.timeout > 0 {
        return Err(Diagnostic::new(
            "E0911",
            plan.head.name.clone(),
            format!("{} points crashed, {} timed out", summary.crash, summary.timeout),
            "this is a bug of ours; please report it with the command",
        ));
    }
    fs::remove_file(&path).map_err(|e| {
        let help = "see to the permissions of the folder";
        Diagnostic::new("E0501", path.display().to_string(), format!("cannot remove: {e}"), help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studies_read_their_spaces_with_the_chip_and_seed_given() {
        let chip = tempfile::NamedTempFile::new().unwrap();
        fs::write(
            chip.path(),
            pulvinar_ir::Arch::default_chip().to_toml().replace("lanes = 16", "lanes = 12"),
        )
        .unwrap();
        for (explored, points) in
            [(&super::super::attention_pays::STUDY, 84), (&super::super::cheapest_chip::STUDY, 19_200)]
        {
            for arch in [None, Some(chip.path().to_owned())] {
                let folder = tempfile::tempdir().unwrap();
                let output = folder.path().join("out");
                let args = StudyArgs {
                    study: crate::args::StudyArg::CheapestChip,
                    arch: arch.clone(),
                    seed: 7,
                    output,
                };
                let space = written(explored, &args, folder.path()).unwrap();
                assert_eq!((space.grid(), space.base.seed), (Some(points), 7), "{}", explored.title);
                assert_eq!(space.base.core.lanes, if arch.is_some() { 12 } else { 16 }, "{}", explored.title);
            }
        }
    }
}
