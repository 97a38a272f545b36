//! A sheet as tables, figures and files.

use super::{methods, Basis, Sheet};
use crate::csv::field;
use crate::energy;
use crate::plots::estimators;
use crate::plots::standalone;
use crate::report::EstimateRow;
use crate::table::{Style, Table};
use crate::text::wrap;
use crate::units::{digits, energy as joules, maybe};

/// Estimators side by side, each with the ratio to the first.
pub fn estimates(sheet: &Sheet) -> Table {
    let caption = format!("Energy of one inference of {} by different estimators", sheet.network);
    let mut t = Table::new(&caption, &["estimator", ">energy", ">ratio", ">r_EE", "prices", "@sources"]);
    let first = sheet.estimates.first().map_or(0.0, |e| e.total_pj);
    for e in &sheet.estimates {
        let ratio = (first > 0.0).then(|| e.total_pj / first);
        let prices = if e.artificial { "an artificial network" } else { "the spiking network" };
        let efficiency = e.attention_efficiency.filter(|r| (r - 1.0).abs() > 1e-12);
        t.row(&[
            &e.estimator,
            &joules(e.total_pj),
            &maybe(ratio, digits),
            &maybe(efficiency, digits),
            prices,
            &e.sources.join(","),
        ]);
    }
    t
}

/// What an estimator is, its terms and what it leaves out, as text.
fn detail(e: &EstimateRow, style: Style) -> String {
    let mut terms = Table::new("", &["term", ">energy"]);
    for term in e.terms_pj.iter().filter(|t| t.value > 0.0) {
        terms.row(&[&term.name, &joules(term.value)]);
    }
    terms.sum(&["total", &joules(e.total_pj)]);
    let left = wrap(&format!("leaves out {}", e.leaves_out.join("; ")));
    let about = wrap(&e.about);
    format!("{}\n{about}{}{left}\n", style.title(&e.estimator), terms.to_text("    ", style))
}

/// The network against published limits.
pub fn break_even(sheet: &Sheet) -> Table {
    let heads = ["quantity", "unit", ">value", ">limit", "side", "costs less", "@source"];
    let mut t = Table::new("Against an artificial network, by published limits", &heads);
    for b in &sheet.break_even {
        let source = b.sources.join(",");
        t.row(&[&b.quantity, &b.unit, &digits(b.value), &b.limit(), &b.side, b.cheaper(), &source]);
    }
    t
}

/// Constants with node, grade and source.
pub fn constants(sheet: &Sheet) -> Table {
    let heads = ["constant", ">value", "unit", ">node", "grade", "@source", "used by"];
    let mut t = Table::new("Constants behind the estimates", &heads);
    for c in &sheet.constants {
        let node = c.node_nm.map_or_else(String::new, |n| format!("{n} nm"));
        let users =
            if c.terms.len() > 3 { format!("{} estimators", c.terms.len()) } else { c.terms.join(", ") };
        t.row(&[&c.name, &short(c.value), &c.unit, &node, &c.grade, &c.sources.join(","), &users]);
    }
    t
}

/// Six significant digits; the CSV file has them all.
fn short(value: f64) -> String {
    format!("{value:.5e}").parse::<f64>().unwrap_or(value).to_string()
}

/// Rates, as `--rates` reads them.
pub fn rates_csv(sheet: &Sheet) -> String {
    let row = |(name, rate): (&str, f64)| format!("{},{rate}\n", field(name));
    let layers = sheet.rates.layers.iter().map(|l| (l.layer.as_str(), l.rate));
    std::iter::once(("input", sheet.rates.input))
        .chain(layers)
        .fold("layer,rate\n".to_owned(), |out, r| out + &row(r))
}

/// One row an estimator.
pub fn estimates_csv(sheet: &Sheet) -> String {
    let mut out = String::from("estimator,prices,energy_pj,attention_efficiency,sources\n");
    for e in &sheet.estimates {
        let prices = if e.artificial { "artificial" } else { "spiking" };
        let ratio = e.attention_efficiency.map_or_else(String::new, |r| r.to_string());
        let sources = e.sources.join(";");
        out += &format!("{},{prices},{},{ratio},{sources}\n", field(&e.estimator), e.total_pj);
    }
    out
}

/// One row a term; those of an estimator add up to its energy.
pub fn terms_csv(sheet: &Sheet) -> String {
    let mut out = String::from("estimator,term,energy_pj\n");
    for e in &sheet.estimates {
        for t in &e.terms_pj {
            out += &format!("{},{},{}\n", field(&e.estimator), field(&t.name), t.value);
        }
    }
    out
}

/// One row a constant.
pub fn constants_csv(sheet: &Sheet) -> String {
    let mut out = String::from("constant,value,unit,node_nm,grade,sources,estimators\n");
    for c in &sheet.constants {
        let node = c.node_nm.map_or_else(String::new, |n| n.to_string());
        let (sources, users) = (c.sources.join(";"), c.terms.join(";"));
        let (name, unit) = (field(&c.name), field(&c.unit));
        out += &format!("{name},{},{unit},{node},{},{sources},{users}\n", c.value, c.grade);
    }
    out
}

/// Tables of estimators and limits for a paper; needs `booktabs`.
pub fn tables_tex(sheet: &Sheet) -> String {
    "% written by pulvinar; needs \\usepackage{booktabs}\n".to_owned()
        + &estimates(sheet).to_latex("tab:pulvinar-estimators")
        + &break_even(sheet).to_latex("tab:pulvinar-break-even")
}

/// The long table of constants for an appendix; needs `booktabs` and `longtable`, and one column.
pub fn constants_tex(sheet: &Sheet) -> String {
    "% written by pulvinar; needs \\usepackage{booktabs,longtable} and a page of one column\n".to_owned()
        + &constants(sheet).to_longtable(methods::CONSTANTS_LABEL, "p{4.6cm}rlrlp{1.4cm}p{2.4cm}")
}

/// A document that holds all of it, to begin with.
const PAPER: &str = include_str!("paper.tex");

/// Everything on a terminal.
pub fn text(sheet: &Sheet, style: Style) -> String {
    let basis = match &sheet.rates.basis {
        Basis::Given => "rates given".to_owned(),
        Basis::Measured { on, inputs, .. } => format!("rates measured on {inputs} inputs by {on}"),
    };
    let mut out = format!(
        "`{}`, T = {}: {} neurons, {:.0} spikes; {basis}\n\n",
        sheet.network, sheet.timesteps, sheet.neurons, sheet.spikes
    );
    sheet.estimates.iter().for_each(|e| out += &detail(e, style));
    for table in [break_even(sheet), estimates(sheet)] {
        out += &format!("{}\n{}\n", style.title(&table.caption), table.to_text("  ", style));
    }
    sheet.assumptions.iter().for_each(|a| out += &format!("assumed: {a}\n"));
    out
}

/// Every file of a sheet: (path within the directory, content).
pub fn files(sheet: &Sheet) -> Vec<(String, String)> {
    let files = [
        ("energy.json", sheet.to_json()),
        ("energy.csv", estimates_csv(sheet)),
        ("terms.csv", terms_csv(sheet)),
        ("constants.csv", constants_csv(sheet)),
        ("rates.csv", rates_csv(sheet)),
        ("energy.txt", text(sheet, Style::default())),
        ("energy.tex", tables_tex(sheet)),
        ("constants.tex", constants_tex(sheet)),
        ("methods.tex", methods::latex(sheet)),
        ("methods.txt", methods::text(sheet)),
        ("energy.bib", energy::bibtex(&sheet.sources())),
        ("paper.tex", PAPER.to_owned()),
        (
            "estimators.svg",
            estimators::draw(&sheet.estimates).map_or_else(String::new, |svg| standalone(&svg)),
        ),
    ];
    files.map(|(name, text)| (name.to_owned(), text)).into_iter().filter(|f| !f.1.is_empty()).collect()
}
