//! Several runs or tables of estimates side by side, each with its ratio to the first: vanilla against attention, a spiking
//! network against an artificial one.

use crate::csv::field;
use crate::html::page;
use crate::plots::dots::{dots, Dot, Row, Series};
use crate::plots::PALETTE;
use crate::report::{component_name, BreakEvenRow, EstimateRow, Report, Summary, COMPONENTS};
use crate::sheet::Sheet;
use crate::table::{escape, Table};
use crate::tables::{self, METRICS, NO_RATIO};
use crate::text::Style;
use crate::units::{digits, energy, maybe};
use pulvinar_ir::diag::{Diagnostic, Result};
use serde::Serialize;

/// What is compared.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A simulated run.
    Run(Box<Report>),
    /// Estimates of a network at its rates.
    Sheet(Box<Sheet>),
}

impl Entry {
    /// Reads a `report.json` or an `energy.json`.
    ///
    /// # Errors
    /// What is neither (`E0613`), another version of the form (`E0614`).
    pub fn from_json(text: &str) -> Result<Self> {
        let sheet =
            serde_json::from_str::<serde_json::Value>(text).is_ok_and(|v| v.get("energy_format").is_some());
        if sheet {
            return Sheet::from_json(text).map(|s| Entry::Sheet(Box::new(s)));
        }
        crate::json::from_json(text).map(|r| Entry::Run(Box::new(r)))
    }

    /// Network, and chip of a run.
    pub fn name(&self) -> String {
        match self {
            Entry::Run(r) => format!("{} on {}", r.provenance.model, r.provenance.arch),
            Entry::Sheet(s) => s.network.clone(),
        }
    }

    fn report(&self) -> Option<&Report> {
        match self {
            Entry::Run(r) => Some(r),
            Entry::Sheet(_) => None,
        }
    }

    fn estimates(&self) -> &[EstimateRow] {
        match self {
            Entry::Run(r) => &r.energy.estimates,
            Entry::Sheet(s) => &s.estimates,
        }
    }

    fn estimate(&self, name: &str) -> Option<&EstimateRow> {
        self.estimates().iter().find(|e| e.estimator == name)
    }

    fn break_even(&self) -> &[BreakEvenRow] {
        match self {
            Entry::Run(r) => &r.energy.break_even,
            Entry::Sheet(s) => &s.break_even,
        }
    }
}

/// One quantity of all entries.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// What.
    pub name: String,
    /// Its unit; empty for counts and ratios.
    pub unit: &'static str,
    /// Values; none where an entry has none.
    pub values: Vec<Option<f64>>,
    /// Values over that of the first entry; none where that says nothing.
    pub ratios: Vec<Option<f64>>,
    /// Side of a limit of break-even, for lines that are such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Option<String>>,
    #[serde(skip)]
    show: fn(f64) -> String,
}

/// Lines of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// What they are.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Entries side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Names of the entries.
    pub entries: Vec<String>,
    /// Kinds of quantities.
    pub groups: Vec<Group>,
}

const ESTIMATES: &str = "Energy by estimator";
const TERMS: &str = "Terms of the estimators";

impl Line {
    fn new(
        name: impl Into<String>,
        unit: &'static str,
        values: Vec<Option<f64>>,
        show: fn(f64) -> String,
    ) -> Self {
        let first = values.first().copied().flatten().filter(|f| *f > 0.0);
        let ratios = values.iter().map(|v| Some((*v)? / first?)).collect();
        Line { name: name.into(), unit, values, ratios, sides: Vec::new(), show }
    }

    /// A cell: the value, and in brackets the ratio or the side.
    fn cell(&self, i: usize) -> String {
        let value = maybe(self.values[i], self.show);
        match (self.sides.get(i), self.ratios[i]) {
            (Some(Some(side)), _) => format!("{value} ({side})"),
            (None, Some(ratio)) if i > 0 => format!("{value} ({}×)", digits(ratio)),
            _ => value,
        }
    }
}

impl Comparison {
    /// Compares entries under these names.
    ///
    /// # Errors
    /// Nothing that any two of them both have (`E0617`).
    pub fn new(entries: &[(String, Entry)]) -> Result<Self> {
        let all: Vec<&Entry> = entries.iter().map(|e| &e.1).collect();
        let mut groups = vec![
            Group { title: "Figures of the runs, per inference", lines: figures(&all) },
            Group { title: "Energy by part of the chip", lines: parts(&all) },
            Group { title: ESTIMATES, lines: estimates(&all) },
            Group { title: TERMS, lines: terms(&all) },
            Group { title: "Spiking network over artificial network (ann-equivalent)", lines: against(&all) },
            Group { title: "Published limits of break-even", lines: limits(&all) },
        ];
        groups.retain(|g| !g.lines.is_empty());
        let both = |l: &Line| l.values.iter().flatten().count() > 1;
        if entries.len() > 1 && !groups.iter().flat_map(|g| &g.lines).any(both) {
            let names: Vec<&str> = entries.iter().map(|e| e.0.as_str()).collect();
            return Err(Diagnostic::new(
                "E0617",
                names.join(", "),
                "there is no figure that two of them have",
                "compare runs with runs, or estimates that have an estimator in common",
            ));
        }
        Ok(Comparison { entries: entries.iter().map(|e| e.0.clone()).collect(), groups })
    }

    fn table(&self, group: &Group) -> Table {
        let mut heads = vec!["per inference".to_owned()];
        heads.extend(self.entries.iter().map(|name| format!(">{name}")));
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let caption = format!("{}; in brackets the ratio to the first", group.title);
        let mut table = Table::new(&caption, &heads);
        for line in &group.lines {
            let cells = (0..line.values.len()).map(|i| line.cell(i));
            table.rows.push(std::iter::once(line.name.clone()).chain(cells).collect());
        }
        table
    }

    /// The comparison as text; the terms of the estimators are left to the files.
    pub fn text(&self, style: Style) -> String {
        let shown = self.groups.iter().filter(|g| g.title != TERMS);
        shown
            .map(|g| self.table(g))
            .map(|t| format!("{}\n{}\n", style.title(&t.caption), t.to_text("  ", style)))
            .collect()
    }

    /// The comparison as one self-contained page.
    pub fn html(&self, entries: &[(String, Entry)]) -> String {
        let mut body = String::from("<h1>Side by side</h1>\n");
        if let Some(svg) = self.figure() {
            body += &format!("<figure><div class=\"scroll\">{svg}</div></figure>\n");
        }
        self.groups.iter().for_each(|g| body += &self.table(g).to_html());
        body += "<h2>What ran</h2>\n";
        for (name, entry) in entries {
            let table = match entry {
                Entry::Run(report) => tables::provenance(report),
                Entry::Sheet(sheet) => provenance(sheet),
            };
            let name = escape(name);
            body += &format!("<details><summary>{name}</summary>\n{}</details>\n", table.to_html());
        }
        page("Side by side", &body)
    }

    /// The comparison as LaTeX tables; needs `booktabs`.
    pub fn latex(&self) -> String {
        let shown = self.groups.iter().filter(|g| g.title != TERMS).enumerate();
        shown.fold("% written by pulvinar; needs \\usepackage{booktabs}\n".to_owned(), |out, (i, g)| {
            out + &self.table(g).to_latex(&format!("tab:pulvinar-comparison-{}", i + 1))
        })
    }

    /// One row a line: values, then ratios to the first.
    pub fn csv(&self) -> String {
        let names = self.entries.iter().map(|n| field(n)).collect::<Vec<_>>();
        let ratios = self.entries.iter().map(|n| field(&format!("{n}, ratio"))).collect::<Vec<_>>();
        let mut out = format!("group,line,unit,{},{}\n", names.join(","), ratios.join(","));
        let number = |v: &Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        for group in &self.groups {
            for line in &group.lines {
                let cells: Vec<String> = line.values.iter().chain(&line.ratios).map(number).collect();
                let (title, name) = (field(group.title), field(&line.name));
                out += &format!("{title},{name},{},{}\n", field(line.unit), cells.join(","));
            }
        }
        out
    }

    /// JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("invariant: plain data always serialises") + "\n"
    }

    /// Energies by estimator on a logarithmic scale.
    pub fn figure(&self) -> Option<String> {
        let lines = &self.groups.iter().find(|g| g.title == ESTIMATES)?.lines;
        let series = self.entries.iter().enumerate();
        let series: Vec<Series> = series
            .map(|(i, name)| Series { name: name.clone(), colour: PALETTE[i % PALETTE.len()] })
            .collect();
        let row = |l: &Line| {
            let dots = l.values.iter().enumerate();
            let note = l.ratios.get(1).copied().flatten().filter(|_| l.values.len() == 2);
            Row {
                label: l.name.clone(),
                dots: dots.filter_map(|(i, v)| Some(Dot { series: i, value: (*v)? })).collect(),
                note: note.map_or_else(String::new, |r| format!("{} ×", digits(r))),
            }
        };
        dots(
            "Energy of one inference by estimator",
            &series,
            &lines.iter().map(row).collect::<Vec<_>>(),
            energy,
        )
    }
}

/// Files of a comparison.
pub fn files(entries: &[(String, Entry)]) -> Result<Vec<(String, String)>> {
    let all = Comparison::new(entries)?;
    let mut files = vec![
        ("comparison.json", all.to_json()),
        ("comparison.csv", all.csv()),
        ("comparison.tex", all.latex()),
        ("comparison.txt", all.text(Style::default())),
        ("report.html", all.html(entries)),
    ];
    files.extend(all.figure().map(|svg| ("estimators.svg", crate::plots::standalone(&svg))));
    Ok(files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
}

/// What a run is compared by.
fn figures(entries: &[&Entry]) -> Vec<Line> {
    let summaries: Vec<Option<Summary>> = entries.iter().map(|e| e.report().map(Report::summary)).collect();
    let line = |(name, unit, get, show): &tables::Metric| {
        let values: Vec<_> = summaries.iter().map(|s| s.as_ref().and_then(get)).collect();
        let mut line = Line::new(*name, unit, values, *show);
        if NO_RATIO.contains(name) {
            line.ratios.fill(None);
        }
        line.values.iter().any(Option::is_some).then_some(line)
    };
    METRICS.iter().filter_map(line).collect()
}

/// Energy by part of the chip, and the total.
fn parts(entries: &[&Entry]) -> Vec<Line> {
    let line = |name: &'static str, get: &dyn Fn(&Report) -> Option<f64>| {
        let values: Vec<_> = entries.iter().map(|e| e.report().and_then(get)).collect();
        let line = Line::new(name, "pJ", values, energy);
        line.values.iter().any(Option::is_some).then_some(line)
    };
    let part = |name: &'static str| {
        line(name, &|r| r.energy.by_component.iter().find(|c| c.component == name).map(|c| c.energy_pj))
    };
    let parts = COMPONENTS.iter().filter_map(|c| part(component_name(*c)));
    parts.chain(line("total", &|r| Some(r.energy.total_pj))).collect()
}

/// Names in order of first sight, each once.
fn union<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut out: Vec<&str> = Vec::new();
    for name in names {
        if !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

fn estimators<'a>(entries: &[&'a Entry]) -> Vec<&'a str> {
    union(entries.iter().flat_map(|e| e.estimates()).map(|e| e.estimator.as_str()))
}

fn estimates(entries: &[&Entry]) -> Vec<Line> {
    let values = |name: &str| entries.iter().map(|e| e.estimate(name).map(|e| e.total_pj)).collect();
    estimators(entries).into_iter().map(|name| Line::new(name, "pJ", values(name), energy)).collect()
}

fn terms(entries: &[&Entry]) -> Vec<Line> {
    let mut lines = Vec::new();
    for name in estimators(entries) {
        let rows: Vec<Option<&EstimateRow>> = entries.iter().map(|e| e.estimate(name)).collect();
        for term in union(rows.iter().flatten().flat_map(|e| &e.terms_pj).map(|t| t.name.as_str())) {
            let value = |e: &EstimateRow| e.terms_pj.iter().find(|t| t.name == term).map(|t| t.value);
            let values: Vec<_> = rows.iter().map(|e| e.and_then(value)).collect();
            if values.iter().flatten().any(|v| *v > 0.0) {
                lines.push(Line::new(format!("{name}: {term}"), "pJ", values, energy));
            }
        }
    }
    lines
}

/// Every estimate of the spiking network over the dense network of its layers.
fn against(entries: &[&Entry]) -> Vec<Line> {
    let artificial = crate::energy::ann::ESTIMATOR.name;
    let spiking = |name: &&str| entries.iter().filter_map(|e| e.estimate(name)).all(|e| !e.artificial);
    let value = |e: &Entry, name: &str| Some(e.estimate(name)?.total_pj / e.estimate(artificial)?.total_pj);
    let line = |name: &str| {
        let values: Vec<_> = entries.iter().map(|e| value(e, name)).collect();
        let line = Line::new(name, "", values, digits);
        line.values.iter().any(Option::is_some).then_some(line)
    };
    estimators(entries).into_iter().filter(spiking).filter_map(line).collect()
}

fn limits(entries: &[&Entry]) -> Vec<Line> {
    let names = union(entries.iter().flat_map(|e| e.break_even()).map(|b| b.quantity.as_str()));
    let line = |name: &str| {
        let rows: Vec<_> =
            entries.iter().map(|e| e.break_even().iter().find(|b| b.quantity == name)).collect();
        let limit = rows.iter().flatten().next().map_or_else(String::new, |b| b.limit());
        let mut line = Line::new(
            format!("{name}, limit {limit}"),
            "",
            rows.iter().map(|b| b.map(|b| b.value)).collect(),
            digits,
        );
        line.ratios.fill(None);
        line.sides = rows.iter().map(|b| b.map(|b| format!("{}: {}", b.side, b.cheaper()))).collect();
        line
    };
    names.into_iter().map(line).collect()
}

fn provenance(sheet: &Sheet) -> Table {
    let mut t = Table::new("Estimates", &["what", "value"]);
    t.row(&["version", &sheet.version]);
    t.row(&["command", &sheet.command]);
    t.row(&[
        "network",
        &format!("{}, {} timesteps, {} neurons", sheet.network, sheet.timesteps, sheet.neurons),
    ]);
    t.row(&["spikes", &crate::units::count(sheet.spikes)]);
    t
}
