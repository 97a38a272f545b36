//! One self-contained page: no external resource, light and dark, readable on a phone.

use crate::plots::{plot, CLASSES};
use crate::report::Report;
use crate::sections::{answers, details, Section};
use crate::table::escape;
use crate::tables;
use crate::units::{energy, maybe, percent, si, time};
use crate::{energy::sources, latex};

const STYLE: &str = include_str!("page.css");

/// The page of one run.
pub fn report(report: &Report) -> String {
    let p = &report.provenance;
    let title = format!("{} on {}", p.model, p.arch);
    let sections: Vec<Section> = answers(report).into_iter().chain(details(report)).collect();
    let mut body = format!("<header><h1>{}</h1>\n{}</header>\n", escape(&title), cards(report));
    body.push_str("<nav aria-label=\"Contents\"><ol>\n");
    let last = [("sources", "Provenance and sources")];
    let entries = sections.iter().map(|s| (s.id, s.title)).chain(last);
    for (id, title) in entries {
        body.push_str(&format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(title)));
    }
    body.push_str("</ol></nav>\n<main>\n");
    for section in &sections {
        body.push_str(&section_html(report, section));
    }
    body.push_str(&provenance(report));
    body.push_str("</main>\n");
    page(&title, &body)
}

/// A whole page around a body.
pub fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <style>\n{STYLE}{CLASSES}\n</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// The figures a reader looks for first.
fn cards(report: &Report) -> String {
    let (c, t) = (&report.correctness, &report.timing);
    let equal = match c.spikes_equal_to_reference {
        Some(true) => "exact",
        Some(false) => "differs",
        None => "not compared",
    };
    let interval = report.energy.uncertainty.as_ref().map_or_else(
        || "per inference".to_owned(),
        |u| format!("per inference, {} to {}", energy(u.p5_pj), energy(u.p95_pj)),
    );
    let cards = [
        ("accuracy", maybe(c.accuracy, percent), format!("float {}", maybe(c.float_accuracy, percent))),
        ("events", equal.to_owned(), "against the integer reference".to_owned()),
        ("latency", time(t.latency_us), format!("{} inferences/s", crate::units::count(t.throughput_per_s))),
        ("energy", energy(report.energy.total_pj), interval),
        ("power", si(report.power_mw() * 1e-3, "W"), "mean".to_owned()),
        ("synaptic event", maybe(report.pj_per_synaptic_event(), energy), "everything priced".to_owned()),
    ];
    let mut out = String::from("<dl class=\"cards\">\n");
    for (name, value, note) in cards {
        let bad = if value == "differs" { " class=\"bad\"" } else { "" };
        out.push_str(&format!(
            "<div{bad}><dt>{name}</dt><dd>{}<small>{}</small></dd></div>\n",
            escape(&value),
            escape(&note)
        ));
    }
    out + "</dl>\n"
}

fn section_html(report: &Report, section: &Section) -> String {
    let mut out = format!("<section id=\"{}\">\n<h2>{}</h2>\n", section.id, escape(section.title));
    for line in &section.lines {
        out.push_str(&format!("<p>{}</p>\n", escape(line)));
    }
    if let Some(alarm) = &section.alarm {
        out.push_str(&format!("<p class=\"bad\" role=\"alert\">{}</p>\n", escape(alarm)));
    }
    let (brief, rest): (Vec<_>, Vec<_>) =
        section.tables.iter().filter(|t| !t.rows.is_empty()).partition(|t| t.brief);
    brief.iter().for_each(|t| out.push_str(&t.to_html()));
    for plot in section.plots.iter().filter_map(|name| plot(name)) {
        if let Some(svg) = (plot.draw)(report) {
            out.push_str(&format!(
                "<figure id=\"plot-{}\"><div class=\"scroll\">{svg}</div><figcaption>{}</figcaption></figure>\n",
                plot.name,
                escape(plot.caption)
            ));
        }
    }
    for table in rest {
        let caption = escape(&table.caption);
        out.push_str(&format!("<details><summary>{caption}</summary>\n{}</details>\n", table.to_html()));
    }
    out + "</section>\n"
}

fn provenance(report: &Report) -> String {
    let mut out = String::from("<section id=\"sources\">\n<h2>Provenance and sources</h2>\n");
    out.push_str(&tables::provenance(report).to_html());
    out.push_str(&list("Assumptions", &report.provenance.assumptions));
    out.push_str(&list("Remarks on prices", &report.energy.notes));
    let constants = tables::constants(report);
    if !constants.rows.is_empty() {
        let caption = escape(&constants.caption);
        out.push_str(&format!("<details><summary>{caption}</summary>\n{}</details>\n", constants.to_html()));
    }
    let keys = report.sources();
    let cited: Vec<String> =
        sources::all().iter().filter(|s| keys.contains(&s.key.as_str())).map(reference).collect();
    if !cited.is_empty() {
        out.push_str("<h3>Sources</h3>\n<ul class=\"refs\">\n");
        cited.iter().for_each(|r| out.push_str(r));
        let bib = escape(&latex::bibliography(report));
        out.push_str(&format!("</ul>\n<details><summary>BibTeX</summary><pre>{bib}</pre></details>\n"));
    }
    out + "</section>\n"
}

fn list(title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let rows: String = items.iter().map(|i| format!("<li>{}</li>\n", escape(i))).collect();
    format!("<details><summary>{title} ({})</summary><ul>\n{rows}</ul></details>\n", items.len())
}

/// One line of the bibliography.
fn reference(source: &sources::Source) -> String {
    let field = |names: &[&str]| {
        let found = source.fields.iter().find(|(name, _)| names.contains(name));
        found.map_or_else(String::new, |(_, value)| escape(value))
    };
    let venue = field(&["journal", "booktitle", "howpublished"]);
    let place = match (field(&["doi"]), field(&["url"])) {
        (doi, _) if !doi.is_empty() => format!(" <a href=\"https://doi.org/{doi}\">doi:{doi}</a>"),
        (_, url) if url.starts_with("https://") => format!(" <a href=\"{url}\">{url}</a>"),
        _ => String::new(),
    };
    let key = escape(&source.key);
    format!(
        "<li id=\"ref-{key}\"><b>{key}</b>: {}. <i>{}</i>. {venue} {}.{place}</li>\n",
        field(&["author"]),
        field(&["title"]),
        field(&["year"])
    )
}
