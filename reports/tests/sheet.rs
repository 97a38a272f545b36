//! The sheet of estimates: its numbers, its files, and LaTeX that TeX would take, checked without TeX.

#![allow(clippy::unwrap_used)] // a test

#[allow(dead_code)] // each test binary uses a part of it
mod report_fixture;

use pulvinar_reports::compare::{files as compared, Comparison, Entry};
use pulvinar_reports::energy::{bibtex, estimators, EstimatorInput};
use pulvinar_reports::sheet::{methods, render, Basis, Facts, LayerRate, Rates, Sheet};
use std::collections::BTreeSet;

/// A name that would break TeX, CSV and HTML if it were not escaped.
const HOSTILE: &str = r#"net_1 {50%} $x^2$ \end{document} & <b>"~#, Φ⁰ 网络"#;

fn sheet(simulated: bool) -> Sheet {
    let input = EstimatorInput { workload: report_fixture::workload(), ..EstimatorInput::default() };
    let estimates = estimators::possible(&input).unwrap();
    let rate = |name: &str, rate: f64| LayerRate { layer: name.to_owned(), rate, without_attention: 0.2 };
    let facts = Facts {
        version: "0.0.0".to_owned(),
        command: "pulvinar energy".to_owned(),
        network: HOSTILE.to_owned(),
        network_hash: None,
        timesteps: 20,
        rates: Rates {
            basis: Basis::Measured {
                on: "the trained network".to_owned(),
                inputs: 4,
                inputs_hash: "0".to_owned(),
            },
            input: 0.05,
            layers: vec![rate("conv1", 0.061), rate(HOSTILE, 0.027)],
            without_attention: Some(HOSTILE.to_owned()),
        },
        assumptions: vec![HOSTILE.to_owned()],
    };
    let report = report_fixture::report();
    Sheet::new(&input.workload, &estimates, facts, simulated.then_some(&report)).unwrap()
}

#[test]
fn json_comes_back_and_what_does_not_add_up_is_refused() {
    let sheet = sheet(true);
    let text = sheet.to_json();
    assert_eq!(Sheet::from_json(&text).unwrap(), sheet);
    let code = |text: &str| Sheet::from_json(text).unwrap_err().code;
    assert_eq!(code("{"), "E0613");
    assert_eq!(code("{}"), "E0613");
    assert_eq!(code(&text.replacen("\"energy_format\": 1", "\"energy_format\": 9", 1)), "E0614");
    let total = sheet.estimates[0].total_pj;
    let mut other = sheet.clone();
    other.estimates[0].total_pj = 2.0 * total;
    let refusal = Sheet::from_json(&other.to_json()).unwrap_err();
    assert_eq!((refusal.code, refusal.place.as_str()), ("E0613", "estimator `paper-sop`"));
    other.estimates[0].terms_pj[0].value = -total;
    assert_eq!(code(&other.to_json()), "E0613");
}

#[test]
fn the_run_stands_beside_the_formulae() {
    let (alone, with) = (sheet(false), sheet(true));
    let report = report_fixture::report();
    let row = with.estimate("simulated").unwrap();
    assert_eq!(row.total_pj.to_bits(), report.energy.total_pj.to_bits());
    assert_eq!(with.estimates.len(), alone.estimates.len() + 1);
    assert_eq!(with.constants_of("simulated").count(), report.provenance.constants.len());
    assert!(with.constants_of("paper-sop").map(|c| c.name.as_str()).eq(["paper_mac", "paper_ac"]));
    assert!(methods::text(&with).contains("at 22 nm"));
}

/// Files of a kind.
fn files(sheet: &Sheet, kind: &str) -> Vec<(String, String)> {
    let mut files = render::files(sheet);
    files.retain(|(name, _)| name.split_once('.').is_some_and(|(_, end)| end == kind));
    assert!(files.len() > 2);
    files
}

/// Rows of a CSV file, quotes resolved.
fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    rows
}

#[test]
fn csv_files_are_rectangular_and_add_up() {
    let sheet = sheet(true);
    for (name, text) in files(&sheet, "csv") {
        let rows = csv(&text);
        assert!(rows.len() > 2 && rows.iter().all(|r| r.len() == rows[0].len()), "{name}");
    }
    let terms = csv(&render::terms_csv(&sheet));
    for row in &csv(&render::estimates_csv(&sheet))[1..] {
        let own = terms.iter().filter(|t| t[0] == row[0]);
        let sum: f64 = own.map(|t| t[2].parse::<f64>().unwrap()).sum();
        let total: f64 = row[2].parse().unwrap();
        assert!((sum - total).abs() <= 1e-9 * total, "{}: {sum} against {total}", row[0]);
    }
}

/// Keys that a text cites.
fn cited(tex: &str) -> BTreeSet<String> {
    let groups = tex.split("\\cite{").skip(1).map(|rest| rest.split('}').next().unwrap());
    groups.flat_map(|keys| keys.split(',').map(str::to_owned)).collect()
}

#[test]
fn every_citation_is_in_the_bibliography_and_nothing_else_is() {
    for sheet in [sheet(false), sheet(true)] {
        let bib = bibtex(&sheet.sources());
        let entries: BTreeSet<String> = bib
            .lines()
            .filter_map(|l| Some(l.strip_prefix('@')?.split_once('{')?.1.trim_end_matches(',').to_owned()))
            .collect();
        assert_eq!(cited(&methods::latex(&sheet)), entries);
        for tex in [render::tables_tex(&sheet), render::constants_tex(&sheet)] {
            assert!(cited(&tex).is_subset(&entries) && !cited(&tex).is_empty());
        }
    }
}

/// Reads LaTeX as far as it can be wrong: braces, environments, mathematics, bare special characters, cells of rows,
/// signs that pdfTeX does not know.
#[derive(Default)]
struct Tex {
    environments: Vec<String>,
    depth: i32,
    math: bool,
    /// Columns of the table that is open, and cells of the row so far less one.
    cells: Option<(usize, usize)>,
}

/// Commands whose argument is a name and no text.
const NAMES: [&str; 7] = ["cite", "label", "ref", "input", "bibliography", "usepackage", "documentclass"];

impl Tex {
    /// Reads a command, `after` its backslash; gives what follows it.
    fn command<'a>(&mut self, after: &'a str, line: &str) -> Result<&'a str, &'static str> {
        let name: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
        let argument = after[name.len()..].strip_prefix('{').and_then(|a| a.split('}').next());
        match (name.as_str(), argument) {
            ("begin", Some(a)) => {
                self.environments.push(a.to_owned());
                if a == "tabular" || a == "longtable" {
                    self.cells = Some((cells(after), 0));
                }
            }
            ("end", Some(a)) => {
                if self.environments.pop().as_deref() != Some(a) {
                    return Err("an environment ends that has not begun");
                }
                self.cells = self.cells.filter(|_| a == "table");
            }
            (name, Some(a)) if NAMES.contains(&name) => return Ok(&after[name.len() + a.len() + 2..]),
            ("", _) if after.starts_with('\\') => {
                if let Some((wanted, seen)) = &mut self.cells {
                    if *seen + 1 != *wanted && !line.contains("\\caption") {
                        return Err("a row has another number of cells");
                    }
                    *seen = 0;
                }
            }
            _ => {}
        }
        let sign = after.chars().next().map_or(0, char::len_utf8);
        Ok(&after[if name.is_empty() { sign } else { name.len() }..])
    }

    fn sign(&mut self, c: char) -> Result<(), &'static str> {
        match c {
            '{' => self.depth += 1,
            '}' => self.depth -= 1,
            '$' => self.math = !self.math,
            '&' => self.cells.as_mut().ok_or("a bare &")?.1 += 1,
            '_' | '^' | '#' if !self.math => return Err("a bare special character"),
            '%' => return Err("a bare %"),
            c if !c.is_ascii() && !('\u{c0}'..='\u{17f}').contains(&c) => return Err("a foreign sign"),
            _ => {}
        }
        if self.depth < 0 {
            return Err("a brace too many");
        }
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix('\\') {
                rest = self.command(after, line)?;
                continue;
            }
            self.sign(c)?;
            rest = &rest[c.len_utf8()..];
        }
        if self.math {
            return Err("open mathematics");
        }
        Ok(())
    }
}

/// What is wrong with a LaTeX text.
fn fault(text: &str) -> Option<String> {
    let mut tex = Tex::default();
    for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.starts_with('%')) {
        if let Err(what) = tex.line(line) {
            return Some(format!("line {}: {what}: {line}", n + 1));
        }
    }
    (tex.depth != 0 || !tex.environments.is_empty()).then(|| "something is left open".to_owned())
}

/// Columns of `begin{tabular}{spec}`.
fn cells(begin: &str) -> usize {
    let spec = begin.split_once('}').map_or("", |(_, rest)| rest);
    let mut depth = 0;
    spec.chars()
        .filter(|c| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 1 && ['l', 'r', 'p'].contains(c)
        })
        .count()
}

#[test]
fn latex_is_well_formed() {
    let sheet = sheet(true);
    for (name, tex) in files(&sheet, "tex") {
        assert_eq!(fault(&tex), None, "{name}");
        assert!(tex.len() > 200, "{name}");
    }
    let report = report_fixture::report();
    assert_eq!(fault(&pulvinar_reports::latex::tables(&report)), None);
    let table = render::tables_tex(&sheet);
    // The check can fail.
    for (from, to) in [
        ("\\_", "_"),
        ("\\%", "%"),
        (" & ", " "),
        ("\\end{tabular}", ""),
        ("\\begin{table}", "{"),
        ("$\\Phi$", "Φ"),
    ] {
        assert!(table.contains(from), "{from}");
        assert!(fault(&table.replacen(from, to, 1)).is_some(), "{from}");
    }
}

#[test]
fn the_rates_are_read_again() {
    let rows = csv(&render::rates_csv(&sheet(false)));
    assert_eq!(rows[0], ["layer", "rate"]);
    assert_eq!(rows[1], ["input", "0.05"]);
    assert_eq!(rows[2], ["conv1", "0.061"]);
}

#[test]
fn estimates_stand_side_by_side() {
    let (first, mut second) = (sheet(true), sheet(true));
    for e in &mut second.estimates {
        e.total_pj *= 2.0;
        e.terms_pj.iter_mut().for_each(|t| t.value *= 2.0);
    }
    let entry = |s: &Sheet| ("a, \"b\"".to_owned(), Entry::from_json(&s.to_json()).unwrap());
    let both =
        [entry(&first), entry(&second), ("run".to_owned(), Entry::Run(Box::new(report_fixture::report())))];
    let all = Comparison::new(&both).unwrap();
    let lines: Vec<_> = all.groups.iter().flat_map(|g| &g.lines).collect();
    let paper = lines.iter().find(|l| l.name == "paper-sop").unwrap();
    assert_eq!(paper.ratios[..2], [Some(1.0), Some(2.0)]);
    let limit = lines.iter().find(|l| l.name.starts_with("spikes of a neuron")).unwrap();
    assert!(limit.sides[0].as_deref().unwrap().contains(':') && limit.values[2].is_some());
    let latency = lines.iter().find(|l| l.name == "latency").unwrap();
    assert!(latency.values[0].is_none() && latency.values[2].is_some());
    assert_eq!(fault(&all.latex()), None);
    let rows = csv(&all.csv());
    assert!(rows.iter().all(|r| r.len() == 3 + 2 * both.len()) && rows.len() == lines.len() + 1);
    assert!(compared(&both).unwrap().iter().any(|f| f.0 == "estimators.svg"));
    // The terms of an estimator add up to it, in the comparison too.
    let of = |name: &str| {
        lines.iter().filter(|l| l.name.starts_with(name)).filter_map(|l| l.values[1]).sum::<f64>()
    };
    let total = paper.values[1].unwrap();
    assert!((of("paper-sop: ") - total).abs() < 1e-9 * total);
    let mut other = first.clone();
    (other.estimates, other.break_even) = (Vec::new(), Vec::new());
    assert_eq!(Comparison::new(&[entry(&first), entry(&other)]).unwrap_err().code, "E0617");
}
