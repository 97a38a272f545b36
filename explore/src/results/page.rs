//! The results of a selection: what was found as data, a table, and one page with figures that needs no other file.

use super::figures::{self, Figure};
use super::front::Front;
use super::importance::importance;
use super::select::Selected;
use super::trials::Trials;
use super::{cell, text};
use crate::frame::Frame;
use crate::metrics::{self, Metric};
use crate::scalar::Scalar;
use pulvinar_ir::{Diagnostic, Result};
use pulvinar_reports::plots::standalone;
use pulvinar_reports::table::{escape, Table};
use pulvinar_reports::units;
use serde_json::{json, Value as Json};
use std::collections::BTreeMap;

/// Most keys in a table of points.
const MOST_KEYS: usize = 10;

/// What figures are drawn of; what is not given follows from the objectives.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Metric across.
    pub x: Option<String>,
    /// Metric up.
    pub y: Option<String>,
    /// Metric or key that colours.
    pub colour: Option<String>,
    /// Two keys of the heat map.
    pub heat: Option<[String; 2]>,
    /// Metric of the heat map.
    pub of: Option<String>,
    /// Points of the energy stacks, by the beginning of their key.
    pub points: Vec<String>,
    /// Logs of searches.
    pub trials: Vec<Trials>,
}

/// Everything a page shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// Title.
    pub title: String,
    /// What was found, a paragraph each; figures and tables follow.
    pub lead: Vec<String>,
    /// Figures.
    pub figures: Vec<Figure>,
    /// The command that made it.
    pub command: String,
}

fn metric(name: &str, place: &str) -> Result<&'static Metric> {
    let known = || metrics::METRICS.iter().map(|m| m.name);
    metrics::find(name).ok_or_else(|| crate::keys::unknown("metric", name, known(), place))
}

/// All figures that the points give.
///
/// # Errors
/// E0902 for a name that is nothing, E0931 for a point that is not there, E0932 for a metric that points lack, E0933 for a key
/// that does not vary.
pub fn figures(selected: &Selected, front: &Front, wanted: &Wanted) -> Result<Vec<Figure>> {
    let objective = |i: usize| front.objectives.get(i).map(|m| m.name);
    let other = |not: &str| ["energy_pj", "latency_us"].into_iter().find(|m| *m != not).unwrap_or("area_mm2");
    let x = metric(wanted.x.as_deref().or(objective(0)).unwrap_or("latency_us"), "--x")?;
    let y = metric(wanted.y.as_deref().or(objective(1)).unwrap_or(other(x.name)), "--y")?;
    let first = front.objectives[0];
    let decisive: Vec<&str> =
        importance(selected, first).iter().map(|i| selected.varying[i.key].key.as_str()).collect();
    let key = decisive.first().copied();
    let colour = wanted.colour.as_deref().or(objective(2)).or(key).unwrap_or("area_mm2");
    let mut all = vec![figures::points(selected, front, [x, y], colour)?];
    all.extend(figures::coordinates(selected, front));
    all.extend(front.objectives.iter().filter_map(|m| figures::shares(selected, m)));
    let of = wanted.of.as_deref().map_or(Ok(first), |name| metric(name, "--heat-of"))?;
    match (&wanted.heat, &decisive[..]) {
        (Some([a, b]), _) => all.push(figures::table(selected, front, [a, b], of)?),
        (None, [a, b, ..]) => all.push(figures::table(selected, front, [a, b], of)?),
        _ => {}
    }
    all.extend(figures::energy(selected, &chosen(selected, front, &wanted.points)?));
    all.extend(figures::progress(selected, front, &wanted.trials));
    Ok(all)
}

/// The points asked for; without any the best in every objective and the one nearest to the best of all.
fn chosen(selected: &Selected, front: &Front, begins: &[String]) -> Result<Vec<(String, usize)>> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for begin in begins {
        let named = |i: &usize| selected.rows[*i].key.to_string().starts_with(begin.as_str());
        let all: Vec<usize> = (0..selected.rows.len()).filter(named).collect();
        let [one] = all[..] else {
            let message = format!("{} of the points selected have a key that begins so", all.len());
            let help =
                "give the first digits of a key of `pulvinar explore pareto`, as many as tell it apart";
            return Err(Diagnostic::new("E0931", format!("--points {begin}"), message, help));
        };
        found.push((begin.clone(), one));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let best = front.objectives.iter().enumerate().map(|(d, m)| (short(m.name), front.best(selected, d)));
    for (name, i) in best.chain([("near all".to_owned(), front.knee(selected))]) {
        let Some(i) = i else { continue };
        match found.iter_mut().find(|(_, other)| *other == i) {
            Some((first, _)) => *first = format!("{first}, {name}"),
            None if name == "near all" => found.push((name, i)),
            None => found.push((format!("best {name}"), i)),
        }
    }
    Ok(found)
}

/// Name of a metric without its unit.
fn short(name: &str) -> String {
    let bare = name.rsplit_once('_').map_or(name, |(bare, _)| bare);
    bare.replace('_', " ")
}

/// The front as a table.
pub fn front_table(selected: &Selected, front: &Front) -> Table {
    let confirmed = front.confirmed(selected) > 0;
    let mut heads = vec!["point".to_owned()];
    for m in &front.objectives {
        heads.push(format!(">{}", m.name));
        if confirmed {
            heads.push(">by cycle".to_owned());
        }
    }
    let on_front = |v: &&super::select::Varying| {
        front.members.iter().any(|&i| v.of_row[i] != v.of_row[front.members[0]])
    };
    let keys: Vec<_> = selected.varying.iter().filter(on_front).take(MOST_KEYS).collect();
    heads.extend(keys.iter().map(|v| format!(">{}", v.name())));
    heads.push(">equal points".to_owned());
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let names: Vec<&str> = front.objectives.iter().map(|m| m.name).collect();
    let mut table = Table::new(&format!("Front of {}", names.join(", ")), &heads).in_brief();
    for (&i, equals) in front.members.iter().zip(&front.equals) {
        let row = &selected.rows[i];
        let mut cells = vec![row.key.to_string()[..8].to_owned()];
        for m in &front.objectives {
            cells.push(text(m.name, row.metrics[m.name]));
            if confirmed {
                let twin = selected.confirmed.get(&row.key).and_then(|v| v.get(m.name));
                cells.push(twin.map_or(units::ABSENT.to_owned(), |v| text(m.name, *v)));
            }
        }
        cells.extend(keys.iter().map(|v| cell(&v.key, &v.values[v.of_row[i]])));
        cells.push(if *equals > 0 { format!("+{equals}") } else { String::new() });
        table.row(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    table
}

/// What was counted and measured, in a few lines.
pub fn summary(selected: &Selected, front: &Front) -> Vec<String> {
    let given = |m: &&Metric| format!("{} {}", m.name, text(m.name, front.goal.reference[m.name]));
    let reference: Vec<String> = front.objectives.iter().map(given).collect();
    let mut lines = vec![
        format!(
            "{} points, {} within reference and bounds, {} on the front",
            selected.rows.len(),
            front.within.len(),
            front.members.len()
        ),
        format!(
            "hypervolume {:.4} of the box between ideal and reference ({:.4e} in units of the objectives); reference: {}",
            front.share,
            front.hypervolume,
            reference.join(", ")
        ),
    ];
    for (name, limit) in &front.goal.bounds {
        let least = limit.at_least.map(|v| format!("at least {}", text(name, v)));
        let most = limit.at_most.map(|v| format!("at most {}", text(name, v)));
        let both: Vec<String> = least.into_iter().chain(most).collect();
        lines.push(format!("bound: {name} {}", both.join(", ")));
    }
    if let Some(error) = analytic_error(selected) {
        let confirmed = front.confirmed(selected);
        lines.push(format!(
            "by closed form; confirmed by cycle: {confirmed} of {} of the front",
            front.members.len()
        ));
        lines.push(error);
        lines.extend(differences(selected, front));
    }
    let reasons =
        selected.reasons.iter().map(|(code, (words, n))| format!("no result for {n} points: {code} {words}"));
    lines.extend(reasons);
    lines
}

/// How far the front in closed form is from its simulation, by objective.
fn differences(selected: &Selected, front: &Front) -> Option<String> {
    let far = |m: &&'static Metric| {
        let of = |&i: &usize| {
            let row = &selected.rows[i];
            let cycle = selected.confirmed.get(&row.key)?.get(m.name)?;
            (*cycle != 0.0).then(|| (row.metrics[m.name] / cycle - 1.0).abs())
        };
        let most = front
            .members
            .iter()
            .filter_map(of)
            .fold(None, |most: Option<f64>, v| Some(most.map_or(v, |x| x.max(v))));
        most.map(|v| format!("{} at most {}", m.name, units::percent(v)))
    };
    let all: Vec<String> = front.objectives.iter().filter_map(far).collect();
    (!all.is_empty()).then(|| {
        format!("closed form against cycle on the confirmed points of the front: {}", all.join(", "))
    })
}

/// The measured error of the closed form, if any point is by it.
fn analytic_error(selected: &Selected) -> Option<String> {
    let is = |v: &Scalar| v.to_string() == "analytic";
    let any = selected.rows.iter().any(|r| r.set.get("fidelity").is_some_and(is));
    let all = selected.constant.get("fidelity").is_some_and(is);
    (any || all).then(|| pulvinar_simulator::analytic::measured_error().to_string())
}

/// All of it as JSON.
pub fn facts(selected: &Selected, front: &Front) -> Json {
    let member = |(&i, equals): (&usize, &usize)| {
        let row = &selected.rows[i];
        json!({
            "key": row.key, "metrics": row.metrics, "set": row.set, "equals": equals,
            "confirmed": selected.confirmed.get(&row.key),
        })
    };
    let reasons: BTreeMap<&String, Json> =
        selected.reasons.iter().map(|(c, (words, n))| (c, json!({"points": n, "first": words}))).collect();
    json!({
        "points": selected.rows.len(), "within": front.within.len(), "goal": front.goal,
        "hypervolume": front.hypervolume, "share": front.share,
        "front": front.members.iter().zip(&front.equals).map(member).collect::<Vec<_>>(),
        "constant": selected.constant, "without_result": reasons,
        "analytic_error": analytic_error(selected),
    })
}

/// All points selected with their metrics and keys that vary.
pub fn points(selected: &Selected) -> Frame {
    let names: std::collections::BTreeSet<&String> =
        selected.rows.iter().flat_map(|r| r.metrics.keys()).collect();
    let keys: std::collections::BTreeSet<&String> = selected.rows.iter().flat_map(|r| r.set.keys()).collect();
    let columns = ["key", "sweep"].into_iter().map(str::to_owned);
    let columns = columns.chain(names.iter().chain(&keys).map(|n| (*n).clone())).collect();
    let mut frame = Frame { columns, rows: Vec::new() };
    for row in &selected.rows {
        let fixed = [row.key.to_string(), row.facts.sweep.clone()].map(|t| Some(Scalar::Text(t)));
        let metrics = names.iter().map(|n| row.metrics.get(*n).map(|v| Scalar::Real(*v)));
        frame.row(fixed.into_iter().chain(metrics).chain(keys.iter().map(|k| row.set.get(*k).cloned())));
    }
    frame
}

impl Page {
    /// The page.
    pub fn html(&self, selected: &Selected, front: &Front) -> String {
        let mut body = format!(
            "<header><h1>{}</h1>\n{}</header>\n<main>\n",
            escape(&self.title),
            cards(selected, front)
        );
        let paragraph = |text: &String| format!("<p>{}</p>\n", escape(text));
        body += &self.lead.iter().map(paragraph).collect::<String>();
        for figure in &self.figures {
            body += &format!(
                "<section><h2>{3}</h2><figure id=\"{0}\"><div class=\"scroll\">{1}</div><figcaption>{2} <a href=\"{0}.svg\">SVG</a>, \
                 <a href=\"{0}.csv\">CSV</a>, <a href=\"{0}.parquet\">Parquet</a></figcaption></figure></section>\n",
                figure.name,
                figure.svg,
                escape(&figure.caption),
                escape(&figure.title)
            );
        }
        body += "<section id=\"front\"><h2>The front</h2>\n";
        body += &front_table(selected, front).to_html();
        body += &summary(selected, front).iter().map(paragraph).collect::<String>();
        body += "</section>\n";
        let mut same = Table::new("Settings that are the same in all points", &["key", "value"]);
        selected.constant.iter().for_each(|(k, v)| same.row(&[k, &cell(k, v)]));
        body += &format!("<details><summary>{}</summary>\n{}</details>\n", same.caption, same.to_html());
        body += &format!("<p>Made by <code>{}</code>.</p>\n</main>\n", escape(&self.command));
        pulvinar_reports::html::page(&self.title, &body)
    }

    /// Every file: name and content.
    ///
    /// # Errors
    /// E0908 if a table cannot be put into Parquet.
    pub fn files(&self, selected: &Selected, front: &Front) -> Result<Vec<(String, Vec<u8>)>> {
        let json = serde_json::to_string_pretty(&facts(selected, front)).expect("plain JSON");
        let mut files = vec![
            ("index.html".to_owned(), self.html(selected, front).into_bytes()),
            ("front.json".to_owned(), (json + "\n").into_bytes()),
        ];
        for figure in &self.figures {
            files.push((format!("{}.svg", figure.name), standalone(&figure.svg).into_bytes()));
            files.extend(tables(&figure.name, &figure.data)?);
        }
        files.extend(tables("selected", &points(selected))?);
        files.extend(tables("front", &figures::members(selected, front))?);
        Ok(files)
    }
}

/// A table as CSV and Parquet.
fn tables(name: &str, frame: &Frame) -> Result<[(String, Vec<u8>); 2]> {
    let parquet = format!("{name}.parquet");
    let bytes = frame.parquet().map_err(|e| crate::files::failed(std::path::Path::new(&parquet), &e))?;
    Ok([(format!("{name}.csv"), frame.csv().into_bytes()), (parquet, bytes)])
}

/// The figures a reader looks for first.
fn cards(selected: &Selected, front: &Front) -> String {
    let mut cards = vec![
        (
            "points".to_owned(),
            units::count(selected.rows.len() as f64),
            format!("{} within bounds", front.within.len()),
        ),
        (
            "on the front".to_owned(),
            front.members.len().to_string(),
            format!("{} confirmed by cycle", front.confirmed(selected)),
        ),
        (
            "hypervolume".to_owned(),
            format!("{:.3}", front.share),
            "of the box up to the reference".to_owned(),
        ),
    ];
    for (d, m) in front.objectives.iter().enumerate() {
        let Some(i) = front.best(selected, d) else { continue };
        let row = &selected.rows[i];
        let most = if m.maximise { "most" } else { "least" };
        cards.push((
            format!("{most} {}", m.name),
            text(m.name, row.metrics[m.name]),
            row.key.to_string()[..8].to_owned(),
        ));
    }
    let mut out = String::from("<dl class=\"cards\">\n");
    for (name, value, note) in cards {
        out += &format!(
            "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n",
            escape(&name),
            escape(&value),
            escape(&note)
        );
    }
    out + "</dl>\n"
}
