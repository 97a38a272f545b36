//! A report as files, all of them or none.

use crate::plots::{standalone, PLOTS};
use crate::report::Report;
use crate::text::Style;
use crate::{csv, html, json, latex, text};
use pulvinar_ir::diag::{Diagnostic, Result};
use std::fs;
use std::io;
use std::path::Path;

/// Every file of a report: (path within the directory, content).
pub fn files(report: &Report) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = [
        ("report.json", json::to_json(report)),
        ("report.html", html::report(report)),
        ("summary.txt", text::summary(report, Style::default())),
        ("layers.csv", csv::layers(report)),
        ("energy.csv", csv::energy(report)),
        ("activity.csv", csv::activity(report)),
        ("rates.csv", csv::rates(report)),
        ("timeline.csv", csv::timeline(report)),
        ("tables.tex", latex::tables(report)),
        ("references.bib", latex::bibliography(report)),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .to_vec();
    for plot in PLOTS {
        if let Some(svg) = (plot.draw)(report) {
            out.push((format!("plots/{}.svg", plot.name), standalone(&svg)));
        }
    }
    out
}

/// Writes a report into a new directory, or over an older report, whole or not at all.
///
/// Refuses a directory that holds anything else (`E0615`) and one that cannot be written (`E0616`).
pub fn write_all(report: &Report, dir: &Path) -> Result<()> {
    refuse_foreign(dir)?;
    let name = dir.file_name().map_or_else(|| "report".to_owned(), |n| n.to_string_lossy().into_owned());
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let partial = parent.join(format!(".{name}.{}.partial", std::process::id()));
    let written = fill(report, &partial).and_then(|()| {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::rename(&partial, dir)
    });
    written.map_err(|e| {
        // What is left of a failed write is of no use; a second failure here changes nothing.
        let _ = fs::remove_dir_all(&partial);
        Diagnostic::new(
            "E0616",
            dir.display().to_string(),
            format!("the report cannot be written: {e}"),
            "give a directory on a disk with room where you may write",
        )
    })
}

fn fill(report: &Report, dir: &Path) -> io::Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir.join("plots"))?;
    files(report).iter().try_for_each(|(name, content)| fs::write(dir.join(name), content))
}

/// A directory may be replaced if everything in it has the name of a report's file.
fn refuse_foreign(dir: &Path) -> Result<()> {
    let mut foreign = names(dir);
    foreign.retain(|n| !NAMES.contains(&n.as_str()));
    let figure = |n: &String| PLOTS.iter().any(|p| n.strip_suffix(".svg") == Some(p.name));
    foreign.extend(names(&dir.join("plots")).into_iter().filter(|n| !figure(n)));
    foreign.sort();
    foreign.first().map_or(Ok(()), |first| {
        Err(Diagnostic::new(
            "E0615",
            dir.display().to_string(),
            format!("the directory holds `{first}`, which is no part of a report"),
            "give a new directory, or an older report to replace",
        ))
    })
}

/// Names in a directory; none if there is no such directory.
fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

/// What lies at the top of a report.
const NAMES: [&str; 11] = [
    "report.json",
    "report.html",
    "summary.txt",
    "layers.csv",
    "energy.csv",
    "activity.csv",
    "rates.csv",
    "timeline.csv",
    "tables.tex",
    "references.bib",
    "plots",
];
