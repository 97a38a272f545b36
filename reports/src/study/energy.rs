//! All estimators on many networks at their published rates: tables and figures for a written study.

use crate::plots::dots::{dots, Dot, Row, Series};
use crate::plots::{standalone, PALETTE};
use crate::report::Report;
use crate::sheet::Sheet;
use crate::table::Table;
use crate::units::{digits, energy, maybe};

/// One network at its rate.
#[derive(Debug, Clone)]
pub struct Case {
    /// A few words.
    pub name: String,
    /// Where the rate comes from.
    pub rate: String,
    /// Energy that the source publishes, pJ.
    pub published_pj: Option<f64>,
    /// The estimates.
    pub sheet: Sheet,
    /// The simulated run, where there is one.
    pub run: Option<Report>,
}

/// A network without attention and with it.
pub struct Pair<'a> {
    /// What attention it is.
    pub name: &'a str,
    /// Without.
    pub without: &'a Case,
    /// With.
    pub with: &'a Case,
}

/// The energy of a simulated run under another price list.
#[derive(Debug, Clone)]
pub struct Repriced {
    /// The memory or the node.
    pub name: String,
    /// Counted work and what is paid every cycle, pJ, one entry a run; none where there is no price.
    pub energies_pj: Vec<Option<(f64, f64)>>,
}

/// Estimators of all cases in the order of the registry.
fn names(cases: &[&Case]) -> Vec<&'static str> {
    let known = crate::energy::ESTIMATORS.iter().map(|e| e.name);
    known.filter(|name| cases.iter().any(|c| c.sheet.estimate(name).is_some())).collect()
}

fn pj(case: &Case, estimator: &str) -> Option<f64> {
    case.sheet.estimate(estimator).map(|e| e.total_pj)
}

fn table(caption: &str, first: &str, heads: impl Iterator<Item = String>) -> Table {
    let mut all = vec![first.to_owned()];
    all.extend(heads.map(|h| format!(">{h}")));
    Table::new(caption, &all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn push(table: &mut Table, name: &str, cells: impl Iterator<Item = String>) {
    table.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
}

/// Networks, their sizes and where their rates come from.
#[must_use]
pub fn networks(caption: &str, cases: &[Case]) -> Table {
    let heads = ["network", ">T", ">neurons", ">dense MAC a step", ">rate", "rate from", ">spikes"];
    let mut t = Table::new(caption, &heads);
    for c in cases {
        let s = &c.sheet;
        let rate = s.rates.layers.first().map_or(0.0, |l| l.rate);
        t.row(&[
            &c.name,
            &s.timesteps.to_string(),
            &crate::units::count(s.neurons as f64),
            &crate::units::count(s.macs),
            &digits(rate),
            &c.rate,
            &crate::units::count(s.spikes),
        ]);
    }
    t
}

/// Energies, one row an estimator, one column a network.
#[must_use]
pub fn estimates(caption: &str, cases: &[&Case]) -> Table {
    let mut t = table(caption, "estimator", cases.iter().map(|c| c.name.clone()));
    for name in names(cases) {
        push(&mut t, name, cases.iter().map(|c| maybe(pj(c, name), energy)));
    }
    if cases.iter().any(|c| c.published_pj.is_some()) {
        push(&mut t, "published", cases.iter().map(|c| maybe(c.published_pj, energy)));
    }
    let spread = |c: &&&Case| {
        let spiking =
            c.sheet.estimates.iter().filter(|e| !e.artificial && e.total_pj > 0.0).map(|e| e.total_pj);
        let (low, high) = spiking.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        format!("{} ×", digits(high / low))
    };
    push(&mut t, "largest over smallest", cases.iter().map(|c| spread(&c)));
    t
}

/// Every estimate over the counted work of the simulated chip, and over all of its energy.
#[must_use]
pub fn beside_the_chip(caption: &str, cases: &[&Case]) -> Table {
    let runs: Vec<(&Case, &Report)> = cases.iter().filter_map(|c| Some((*c, c.run.as_ref()?))).collect();
    let mut t = table(caption, "over the counted work", runs.iter().map(|r| r.0.name.clone()));
    let counted = |r: &Report| r.energy.total_pj - r.energy.static_pj;
    push(&mut t, "counted work", runs.iter().map(|r| energy(counted(r.1))));
    push(&mut t, "leakage, clock, DRAM idle", runs.iter().map(|r| energy(r.1.energy.static_pj)));
    for name in names(&runs.iter().map(|r| r.0).collect::<Vec<_>>()) {
        let over = |(case, run): &(&Case, &Report)| pj(case, name).map(|v| v / counted(run));
        push(&mut t, name, runs.iter().map(|r| maybe(over(r), |v| format!("{} ×", digits(v)))));
    }
    t
}

/// Energy with attention over energy without, one row an estimator.
#[must_use]
pub fn attention(caption: &str, pairs: &[Pair]) -> Table {
    let mut t = table(caption, "with over without", pairs.iter().map(|p| p.name.to_owned()));
    let spikes = |p: &Pair| digits(p.with.sheet.spikes / p.without.sheet.spikes);
    push(&mut t, "spikes", pairs.iter().map(spikes));
    for name in pair_names(pairs) {
        push(&mut t, name, pairs.iter().map(|p| maybe(ratio(p, name), digits)));
    }
    t
}

/// Estimators of spiking networks that both of some pair have.
fn pair_names(pairs: &[Pair]) -> Vec<&'static str> {
    let cases: Vec<&Case> = pairs.iter().flat_map(|p| [p.without, p.with]).collect();
    let spiking = |name: &&str| cases.iter().filter_map(|c| c.sheet.estimate(name)).all(|e| !e.artificial);
    let both = |name: &&str| pairs.iter().any(|p| ratio(p, name).is_some());
    names(&cases).into_iter().filter(spiking).filter(both).collect()
}

fn ratio(pair: &Pair, name: &str) -> Option<f64> {
    Some(pj(pair.with, name)? / pj(pair.without, name).filter(|v| *v > 0.0)?)
}

/// Runs under other prices: total, and in brackets the counted work.
#[must_use]
pub fn prices(caption: &str, first: &str, runs: &[String], rows: &[Repriced]) -> Table {
    let mut heads: Vec<String> = runs.to_vec();
    if let [a, b] = runs {
        heads.extend([format!("{b} over {a}"), "counted work alone".to_owned()]);
    }
    let mut t = table(caption, first, heads.into_iter());
    for row in rows {
        let total = |e: (f64, f64)| format!("{} ({})", energy(e.0 + e.1), energy(e.0));
        let mut cells: Vec<String> =
            row.energies_pj.iter().map(|e| e.map_or_else(|| "unpriced".to_owned(), total)).collect();
        if let [Some(a), Some(b)] = row.energies_pj[..] {
            cells.extend([digits((b.0 + b.1) / (a.0 + a.1)), digits(b.0 / a.0)]);
        } else if runs.len() == 2 {
            cells.extend(["–".to_owned(), "–".to_owned()]);
        }
        push(&mut t, &row.name, cells.into_iter());
    }
    t
}

/// Energies by estimator, one colour a network.
#[must_use]
pub fn figure(title: &str, cases: &[&Case]) -> String {
    let series =
        |(i, c): (usize, &&Case)| Series { name: c.name.clone(), colour: PALETTE[i % PALETTE.len()] };
    let row = |name: &'static str| Row {
        label: name.to_owned(),
        dots: cases
            .iter()
            .enumerate()
            .filter_map(|(i, c)| Some(Dot { series: i, value: pj(c, name)? }))
            .collect(),
        note: String::new(),
    };
    let rows: Vec<Row> = names(cases).into_iter().map(row).collect();
    let series: Vec<Series> = cases.iter().enumerate().map(series).collect();
    standalone(&dots(title, &series, &rows, energy).unwrap_or_default())
}

/// Energy with attention over energy without by estimator, one colour a pair; left of 1 attention pays.
#[must_use]
pub fn attention_figure(title: &str, pairs: &[Pair]) -> String {
    let series =
        |(i, p): (usize, &Pair)| Series { name: p.name.to_owned(), colour: PALETTE[i % PALETTE.len()] };
    let row = |name: &'static str| Row {
        label: name.to_owned(),
        dots: pairs
            .iter()
            .enumerate()
            .filter_map(|(i, p)| Some(Dot { series: i, value: ratio(p, name)? }))
            .collect(),
        note: String::new(),
    };
    let rows: Vec<Row> = pair_names(pairs).into_iter().map(row).collect();
    let series: Vec<Series> = pairs.iter().enumerate().map(series).collect();
    standalone(&dots(title, &series, &rows, |v| format!("{} ×", digits(v))).unwrap_or_default())
}
