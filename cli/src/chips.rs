//! Chips that come with Pulvinar: architectures to simulate on, and published figures to compare with.

use crate::args::ChipsArgs;
use crate::verbs::show;
use pulvinar_explore::chips::{preset, PRESETS};
use pulvinar_ir::{Arch, Diagnostic, Result};
use pulvinar_reports::energy::constants::Constant;
use pulvinar_reports::energy::{Data, Scope};
use serde_json::json;

/// `pulvinar chips`.
pub fn chips(args: &ChipsArgs, json: bool) -> Result<()> {
    match &args.name {
        None => list(json),
        Some(name) => one(name, json),
    }
}

/// A chip: its architecture, if it can be simulated, and its published figures.
struct Chip {
    name: String,
    arch: Option<Arch>,
    figures: Vec<&'static Constant>,
}

impl Chip {
    fn new(name: &str) -> Result<Self> {
        let arch = preset(name).map(Arch::from_toml).transpose()?;
        let figures = Data::embedded().constants.of_chip(name);
        if arch.is_none() && figures.is_empty() {
            let known = names().join(", ");
            return Err(Diagnostic::new(
                "E0509",
                name,
                "there is no such chip",
                format!("use one of {known}"),
            ));
        }
        Ok(Chip { name: name.to_owned(), arch, figures })
    }

    fn of_scope(&self, scope: Scope) -> usize {
        self.figures.iter().filter(|c| c.scope == scope).count()
    }

    fn line(&self) -> String {
        let geometry = self.arch.as_ref().map_or_else(
            || "no architecture: figures only".to_owned(),
            |a| {
                let m = &a.mesh;
                let t = &a.technology;
                format!(
                    "--arch {}: {} x {} x {} cores, {} nm, {} MHz",
                    self.name, m.width, m.height, m.cores_per_tile, t.node_nm, t.clock_mhz
                )
            },
        );
        let (terms, all_in) = (self.of_scope(Scope::PerTerm), self.of_scope(Scope::AllIn));
        format!("{:<14}{:>2} energies of events, {:>2} all-in; {geometry}\n", self.name, terms, all_in)
    }

    fn facts(&self) -> serde_json::Value {
        let figures: Vec<_> =
            self.figures.iter().map(|c| json!({"origin": c.origin, "scope": c.scope})).collect();
        json!({"name": self.name, "arch": self.arch, "figures": figures})
    }
}

fn names() -> Vec<&'static str> {
    let mut names = vec!["default"];
    names.extend(PRESETS.iter().map(|p| p.0));
    names.extend(Data::embedded().constants.chips());
    names.sort_unstable();
    names.dedup();
    names
}

fn list(json: bool) -> Result<()> {
    let chips = names().into_iter().map(Chip::new).collect::<Result<Vec<_>>>()?;
    let facts: Vec<_> = chips.iter().map(Chip::facts).collect();
    show(json, &json!(facts), || chips.iter().map(Chip::line).collect());
    Ok(())
}

fn one(name: &str, json: bool) -> Result<()> {
    let chip = Chip::new(name)?;
    show(json, &chip.facts(), || chip.line() + &chip.figures.iter().map(|c| figure(c)).collect::<String>());
    Ok(())
}

/// A figure with its scope, grade and sources.
fn figure(constant: &Constant) -> String {
    let origin = &constant.origin;
    let scope = match constant.scope {
        Scope::PerTerm => "may be added",
        Scope::AllIn => "all-in, in no sum",
        Scope::None => "",
    };
    let name = origin.name.split_once('.').map_or("", |n| n.1);
    let grade = json!(origin.grade);
    format!(
        "  {name:<24}{:>12} {:<44}{scope:<20}{:<10} {}\n",
        origin.value,
        origin.unit,
        grade.as_str().unwrap_or_default(),
        origin.sources.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Every file of `arch/` is a preset of its own name, and valid.
    #[test]
    fn architectures_are_presets() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../arch");
        let files =
            std::fs::read_dir(folder).expect("the folder is there").map(|e| e.expect("readable").path());
        let mut found: Vec<String> =
            files.map(|p| p.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
        found.sort();
        assert_eq!(found, PRESETS.iter().map(|p| p.0).collect::<Vec<_>>());
        for (name, text) in PRESETS {
            assert_eq!(Arch::from_toml(text).expect("a valid chip").name, *name);
        }
        assert!(names().into_iter().all(|name| Chip::new(name).is_ok()));
    }
}
