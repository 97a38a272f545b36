//! Several runs side by side.

use crate::html::page;
use crate::report::Report;
use crate::table::{escape, Table};
use crate::tables;
use crate::text::Style;

fn table(reports: &[Report]) -> Table {
    let summaries: Vec<_> = reports.iter().map(Report::summary).collect();
    tables::comparison("Runs side by side, per inference; in brackets the ratio to the first", &summaries)
}

/// The comparison as text.
pub fn text(reports: &[Report], style: Style) -> String {
    let table = table(reports);
    format!("{}\n{}", style.title(&table.caption), table.to_text("  ", style))
}

/// The comparison as one self-contained page.
pub fn html(reports: &[Report]) -> String {
    let mut body = String::from("<h1>Runs side by side</h1>\n");
    body.push_str(&table(reports).to_html());
    body.push_str(&energy_table(reports).to_html());
    body.push_str("<h2>What ran</h2>\n");
    for report in reports {
        let name = format!("{} on {}", report.provenance.model, report.provenance.arch);
        body.push_str(&format!("<details><summary>{}</summary>\n", escape(&name)));
        body.push_str(&tables::provenance(report).to_html());
        body.push_str("</details>\n");
    }
    page("Runs side by side", &body)
}

/// The comparison as a LaTeX table.
pub fn latex(reports: &[Report]) -> String {
    table(reports).to_latex("tab:pulvinar-comparison")
}

/// Energy by part of the chip, one column a run.
fn energy_table(reports: &[Report]) -> Table {
    let mut heads = vec!["part".to_owned()];
    heads.extend(reports.iter().map(|r| format!(">{} on {}", r.provenance.model, r.provenance.arch)));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut out = Table::new("Energy per inference by part", &heads);
    let names = crate::report::COMPONENTS.map(crate::report::component_name);
    for name in names {
        let part =
            |r: &Report| r.energy.by_component.iter().find(|c| c.component == name).map(|c| c.energy_pj);
        if reports.iter().all(|r| part(r).is_none()) {
            continue;
        }
        let mut cells = vec![name.to_owned()];
        cells.extend(reports.iter().map(|r| crate::units::maybe(part(r), crate::units::energy)));
        out.rows.push(cells);
    }
    let mut cells = vec!["total".to_owned()];
    cells.extend(reports.iter().map(|r| crate::units::energy(r.energy.total_pj)));
    out.rows.push(cells);
    out.total = true;
    out
}
