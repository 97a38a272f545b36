//! Tables for a paper (booktabs) and the BibTeX of every source behind the numbers.

use crate::energy;
use crate::report::Report;
use crate::table::latex_escape;
use crate::tables;

/// `\input`-able tables: summary, energy by part, layers, estimators. Needs `booktabs`.
pub fn tables(report: &Report) -> String {
    let run = latex_escape(&format!("{} on {}", report.provenance.model, report.provenance.arch));
    let mut out = format!("% {run}; needs \\usepackage{{booktabs}}\n");
    let runs: Vec<_> = report.twin.iter().cloned().chain([report.summary()]).collect();
    out.push_str(&tables::comparison("Summary, per inference", &runs).to_latex("tab:pulvinar-summary"));
    out.push_str(&tables::energy_parts(report).to_latex("tab:pulvinar-energy"));
    out.push_str(&tables::layers(report).to_latex("tab:pulvinar-layers"));
    if !report.attention.is_empty() {
        out.push_str(&tables::attention(report).to_latex("tab:pulvinar-attention"));
    }
    let keys = report.sources();
    if !keys.is_empty() {
        out.push_str(&format!("% energy constants: \\cite{{{}}}\n", keys.join(",")));
    }
    out
}

/// BibTeX of every source behind the numbers.
pub fn bibliography(report: &Report) -> String {
    energy::bibtex(&report.sources())
}
