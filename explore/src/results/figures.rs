//! Figures of the points selected, each with the table it was drawn from.

use super::front::Front;
use super::importance::importance;
use super::select::{Selected, Varying};
use super::trials::Trials;
use super::{cell, least, text};
use crate::frame::Frame;
use crate::metrics::{self, Metric};
use crate::pareto;
use crate::sample::Random;
use crate::scalar::Scalar;
use crate::store::Row;
use pulvinar_ir::Result;
use pulvinar_reports::plots::bars::{stacked, Bar};
use pulvinar_reports::plots::heat::{heat, Cell, Side};
use pulvinar_reports::plots::lines::{lines, Frame as Axes, Line};
use pulvinar_reports::plots::parallel::{parallel, Coordinate, Track};
use pulvinar_reports::plots::scale::{Scale, Shade};
use pulvinar_reports::plots::scatter::{scatter, Colours, Mark, Quantity, Spot};
use pulvinar_reports::plots::{component_colour, PALETTE};
use pulvinar_reports::report::{component_name, COMPONENTS};
use pulvinar_reports::units;
use std::collections::BTreeMap;

/// A figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// File name without ending, and anchor on the page.
    pub name: String,
    /// Title.
    pub title: String,
    /// What it shows and how to read it.
    pub caption: String,
    /// The picture, coloured by the classes of the page.
    pub svg: String,
    /// What it was drawn from.
    pub data: Frame,
}

/// Most classes of colour.
const CLASSES: usize = 8;
/// Most axes of parallel coordinates, and most bars of energy stacks.
const MOST_AXES: usize = 10;
const MOST_BARS: usize = 12;
/// Share of the variance of some objective from which a key is an axis of parallel coordinates.
const DECIDES: f64 = 0.002;

/// What colours a point: an amount, or the index of a class.
struct Colouring {
    name: String,
    values: Vec<f64>,
    colours: Colours,
}

/// Colours by a metric or a key; keys of few values are classes.
fn colouring(selected: &Selected, name: &str) -> Result<Colouring> {
    if let Some(metric) = metrics::find(name) {
        selected.check(&[metric])?;
        let values = selected.rows.iter().map(|r| r.metrics[name]).collect();
        return Ok(Colouring { name: name.to_owned(), values, colours: Colours::Amounts });
    }
    let key = selected.vary(name, "--colour")?;
    let numbers: Option<Vec<f64>> = key.values.iter().map(Scalar::number).collect();
    let (values, colours) = match numbers {
        Some(numbers) if key.values.len() > CLASSES => {
            (key.of_row.iter().map(|&v| numbers[v]).collect(), Colours::Amounts)
        }
        _ => {
            let mut names: Vec<String> = key.values.iter().map(ToString::to_string).collect();
            if names.len() > CLASSES {
                names.truncate(CLASSES);
                "others".clone_into(&mut names[CLASSES - 1]);
            }
            let last = names.len() - 1;
            (key.of_row.iter().map(|&v| v.min(last) as f64).collect(), Colours::Classes(names))
        }
    };
    Ok(Colouring { name: key.name(), values, colours })
}

/// What is said of a row under the pointer.
fn tip(selected: &Selected, row: &Row, objectives: &[&Metric]) -> String {
    let goals = objectives.iter().map(|m| format!("{} {}", m.name, text(m.name, row.metrics[m.name])));
    let keys = selected.varying.iter().filter_map(|v| Some(format!("{} {}", v.key, row.set.get(&v.key)?)));
    goals.chain(keys).collect::<Vec<_>>().join("\n")
}

/// Two metrics across and up, a metric or key as colour, the front marked.
///
/// # Errors
/// E0902 for a name that is nothing, E0932 for a metric that points lack, E0933 for a key that does not vary.
pub fn points(
    selected: &Selected,
    front: &Front,
    [x, y]: [&'static Metric; 2],
    colour: &str,
) -> Result<Figure> {
    selected.check(&[x, y])?;
    let by = colouring(selected, colour)?;
    let mark = |i: usize| match (front.holds(i), selected.confirmed.contains_key(&selected.rows[i].key)) {
        (false, _) => Mark::Plain,
        (true, false) => Mark::Front,
        (true, true) => Mark::Confirmed,
    };
    let mut data = Frame::new(&["key", x.name, y.name, colour, "front", "confirmed"]);
    let mut spots = Vec::new();
    for (i, row) in selected.rows.iter().enumerate() {
        let at = |m: &Metric| row.metrics[m.name];
        let shown = match metrics::find(colour) {
            Some(_) => Some(Scalar::Real(row.metrics[colour])),
            None => selected.vary(colour, "--colour").ok().map(|v| v.values[v.of_row[i]].clone()),
        };
        let mark = mark(i);
        data.row([
            Some(Scalar::Text(row.key.to_string())),
            Some(Scalar::Real(at(x))),
            Some(Scalar::Real(at(y))),
            shown,
            Some(Scalar::Bool(mark != Mark::Plain)),
            Some(Scalar::Bool(mark == Mark::Confirmed)),
        ]);
        let tip = tip(selected, row, &front.objectives);
        spots.push(Spot { x: at(x), y: at(y), value: by.values[i], mark, tip });
    }
    let show = |name: &str| {
        let name = name.to_owned();
        move |v: f64| text(&name, v)
    };
    let (shows, names) = ([show(x.name), show(y.name), show(&by.name)], [x.name, y.name, &by.name]);
    let quantities: Vec<Quantity> = (0..3).map(|i| Quantity { name: names[i], show: &shows[i] }).collect();
    let title = format!("{} against {}", y.name, x.name);
    let svg = scatter(&title, [&quantities[0], &quantities[1], &quantities[2]], &by.colours, &spots);
    let goals: Vec<&str> = front.objectives.iter().map(|m| m.name).collect();
    let caption = format!(
        "Every point selected: {} against {}, coloured by {}. Ringed are those that no other beats in {}.",
        y.name,
        x.name,
        by.name,
        goals.join(", ")
    );
    Ok(Figure { name: "points".to_owned(), title, caption, svg: svg.unwrap_or_default(), data })
}

/// The front as lines over keys that vary on it and the objectives; nothing for a front of one point.
pub fn coordinates(selected: &Selected, front: &Front) -> Option<Figure> {
    let rows: Vec<&Row> = front.members.iter().map(|&i| &selected.rows[i]).collect();
    let first = front.objectives[0];
    let varies = |v: &Varying| front.members.iter().any(|&i| v.of_row[i] != v.of_row[front.members[0]]);
    let shares: Vec<_> = front.objectives.iter().map(|m| importance(selected, m)).collect();
    let rank = |k: usize| shares[0].iter().position(|i| i.key == k).unwrap_or(usize::MAX);
    let size = |i: &super::Importance| i.total.unwrap_or(i.alone).max(i.alone);
    // What decides nothing takes its values on the front by chance.
    let decides = |k: usize| shares.iter().flatten().any(|i| i.key == k && size(i) >= DECIDES);
    let mut keys: Vec<usize> =
        (0..selected.varying.len()).filter(|&k| varies(&selected.varying[k]) && decides(k)).collect();
    keys.sort_by_key(|&k| rank(k));
    keys.truncate(MOST_AXES.saturating_sub(front.objectives.len()));
    let mut axes: Vec<Coordinate> = Vec::new();
    let mut places: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for &k in &keys {
        let key = &selected.varying[k];
        let mut used: Vec<usize> = front.members.iter().map(|&i| key.of_row[i]).collect();
        used.sort_unstable();
        used.dedup();
        let at = |v: usize| used.iter().position(|u| *u == v).unwrap_or(0) as f64 / (used.len() - 1) as f64;
        let ticks = used.iter().map(|&v| (at(v), key.values[v].to_string())).collect();
        axes.push(Coordinate { name: key.name(), ticks });
        front.members.iter().zip(&mut places).for_each(|(&i, p)| p.push(at(key.of_row[i])));
    }
    for metric in &front.objectives {
        let scale = Scale::of(rows.iter().map(|r| r.metrics[metric.name]))?;
        let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|at| (at, text(metric.name, scale.value(at)))).to_vec();
        axes.push(Coordinate { name: metric.name.to_owned(), ticks });
        rows.iter().zip(&mut places).for_each(|(r, p)| p.push(scale.at(r.metrics[metric.name])));
    }
    let tracks: Vec<Track> = rows
        .iter()
        .zip(places)
        .map(|(row, places)| Track {
            places,
            value: row.metrics[first.name],
            tip: tip(selected, row, &front.objectives),
        })
        .collect();
    let show = |v: f64| text(first.name, v);
    let colour = Quantity { name: first.name, show: &show };
    let title = "The front over keys and objectives".to_owned();
    let svg = parallel(&title, &axes, &colour, &tracks)?;
    let caption = format!(
        "The {} points of the front, a line each: keys that vary on it and decide something, those that decide {} first, then the objectives.",
        rows.len(),
        first.name
    );
    Some(Figure { name: "coordinates".to_owned(), title, caption, svg, data: members(selected, front) })
}

/// Points of the front with objectives, confirmation and keys that vary.
pub fn members(selected: &Selected, front: &Front) -> Frame {
    let mut columns: Vec<String> = vec!["key".to_owned(), "sweep".to_owned()];
    columns.extend(front.objectives.iter().map(|m| m.name.to_owned()));
    let confirmed = front.confirmed(selected) > 0;
    if confirmed {
        columns.extend(front.objectives.iter().map(|m| format!("cycle.{}", m.name)));
    }
    columns.push("equals".to_owned());
    let keys: Vec<&String> =
        selected.varying.iter().flat_map(|v| std::iter::once(&v.key).chain(&v.along)).collect();
    columns.extend(keys.iter().map(|k| (*k).clone()));
    let mut frame = Frame { columns, rows: Vec::new() };
    for (&i, &equals) in front.members.iter().zip(&front.equals) {
        let row = &selected.rows[i];
        let mut cells =
            vec![Some(Scalar::Text(row.key.to_string())), Some(Scalar::Text(row.facts.sweep.clone()))];
        cells.extend(front.objectives.iter().map(|m| row.metrics.get(m.name).map(|v| Scalar::Real(*v))));
        if confirmed {
            let twin = selected.confirmed.get(&row.key);
            cells.extend(front.objectives.iter().map(|m| twin?.get(m.name).map(|v| Scalar::Real(*v))));
        }
        cells.push(Some(Scalar::Int(equals as i64)));
        cells.extend(keys.iter().map(|k| match selected.varying.iter().find(|v| v.key == **k) {
            Some(v) => Some(v.values[v.of_row[i]].clone()),
            None => row.set.get(*k).cloned(),
        }));
        frame.row(cells);
    }
    frame
}

/// Shares of the keys in an objective; nothing if it is the same everywhere.
pub fn shares(selected: &Selected, metric: &Metric) -> Option<Figure> {
    let found = importance(selected, metric);
    let mut data = Frame::new(&["key", "alone", "total"]);
    let mut bars = Vec::new();
    for one in &found {
        let name = selected.varying[one.key].name();
        data.row([
            Some(Scalar::Text(name.clone())),
            Some(Scalar::Real(one.alone)),
            one.total.map(Scalar::Real),
        ]);
        let more = one.total.map_or(0.0, |t| (t - one.alone).max(0.0));
        let parts = vec![
            ("alone".to_owned(), one.alone, PALETTE[0]),
            ("together with other keys".to_owned(), more, "#a9cdee"),
        ];
        bars.push(Bar { label: name, note: units::percent(one.alone + more), parts });
    }
    bars.truncate(MOST_BARS);
    let shown = found.iter().take(MOST_BARS);
    let together = shown.clone().any(|i| i.total.is_some());
    if !together {
        bars.iter_mut().for_each(|b| b.parts.truncate(1));
    }
    let caption = format!(
        "How much of the variance of {} each key explains alone (first-order index){}, over the {} points selected.",
        metric.name,
        if together { " and with what it does together with others (total-effect index)" } else { "" },
        selected.rows.len()
    );
    let full = bars.iter().map(|b| b.parts.iter().map(|p| p.1).sum::<f64>()).fold(1.0, f64::max);
    let title = format!("Keys that decide {}", metric.name);
    let svg = (!bars.is_empty()).then(|| stacked(&title, &bars, Some(full), units::percent))?;
    Some(Figure { name: format!("importance-{}", metric.name), title, caption, svg, data })
}

/// Orders in which points are taken at random.
const ORDERS: u64 = 21;

/// Hypervolume against the number of evaluations: that of searches by their logs, and of points taken at random from those
/// selected (median of 21 orders, as a share of the box up to the reference).
pub fn progress(selected: &Selected, front: &Front, searches: &[Trials]) -> Option<Figure> {
    let mut all: Vec<Line> = searches
        .iter()
        .map(|s| Line {
            name: s.name.clone(),
            points: s.trials.iter().map(|t| (t.number, t.hypervolume)).collect(),
        })
        .collect();
    if searches.is_empty() {
        all.push(at_random(selected, front));
    }
    let mut data = Frame::new(&["search", "evaluations", "hypervolume"]);
    for (line, (x, y)) in all.iter().flat_map(|l| l.points.iter().map(move |p| (l, *p))) {
        data.row([Some(Scalar::Text(line.name.clone())), Some(Scalar::Real(x)), Some(Scalar::Real(y))]);
    }
    let show = |v: f64| units::digits(v);
    let title = "Hypervolume against evaluations";
    let axes = Axes { title, x: "evaluations", y: "hypervolume", from_zero: true, show };
    let svg = lines(&axes, &all)?;
    let caption = if searches.is_empty() {
        format!(
            "Hypervolume that the best of n points reach which are taken at random from the {} selected, as a share of the box between \
             ideal and reference: median of {ORDERS} orders, up to 99 % of what all reach. A search is good as far as it is above this line (--trials LOG).",
            selected.rows.len()
        )
    } else {
        "Hypervolume of all evaluations so far, by search, from its log.".to_owned()
    };
    Some(Figure { name: "hypervolume".to_owned(), title: title.to_owned(), caption, svg, data })
}

fn at_random(selected: &Selected, front: &Front) -> Line {
    let n = selected.rows.len();
    let step = |i: u32| (1.2_f64.powi(i as i32) as usize).min(n);
    let steps: std::collections::BTreeSet<usize> =
        (0..).map(step).take_while(|s| *s < n).chain([n]).collect();
    let units: Vec<Option<Vec<f64>>> = selected.rows.iter().map(|r| front.goal.unit(&r.metrics)).collect();
    let reference = vec![1.0; front.objectives.len()];
    let mut by_step: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for seed in 0..ORDERS {
        let mut random = Random::new(seed);
        let mut order: Vec<usize> = (0..n).collect();
        (1..n).rev().for_each(|i| order.swap(i, random.below(i + 1)));
        let mut kept: Vec<Vec<f64>> = Vec::new();
        let mut from = 0;
        for &step in &steps {
            kept.extend(order[from..step].iter().filter_map(|&i| units[i].clone()));
            from = step;
            let best = pareto::front(&kept);
            kept = best.into_iter().map(|i| kept[i].clone()).collect();
            by_step.entry(step).or_default().push(pareto::hypervolume(&kept, &reference));
        }
    }
    let median = |mut v: Vec<f64>| {
        v.sort_by(f64::total_cmp);
        v[v.len() / 2]
    };
    let mut points: Vec<(f64, f64)> = by_step.into_iter().map(|(step, v)| (step as f64, median(v))).collect();
    let all = points.last().map_or(0.0, |p| p.1);
    let enough = points.iter().position(|p| p.1 >= 0.99 * all).unwrap_or(0);
    points.truncate(enough.max(1) + 1);
    Line { name: "points at random".to_owned(), points }
}

/// Energy of chosen rows by part of the chip; nothing if the rows do not say.
pub fn energy(selected: &Selected, rows: &[(String, usize)]) -> Option<Figure> {
    let part = |row: &Row, i: usize| row.metrics.get(metrics::of_part(COMPONENTS[i])).copied();
    let mut columns = vec!["point", "key", "energy_pj"];
    columns.extend(COMPONENTS.iter().map(|c| metrics::of_part(*c)));
    let mut data = Frame::new(&columns);
    let mut bars = Vec::new();
    for (name, i) in rows.iter().take(MOST_BARS) {
        let row = &selected.rows[*i];
        let values: Vec<f64> = (0..COMPONENTS.len()).map(|c| part(row, c)).collect::<Option<_>>()?;
        let total = *row.metrics.get("energy_pj")?;
        let fixed = [Scalar::Text(name.clone()), Scalar::Text(row.key.to_string()), Scalar::Real(total)];
        data.row(fixed.into_iter().chain(values.iter().map(|v| Scalar::Real(*v))).map(Some));
        let parts = COMPONENTS
            .iter()
            .zip(&values)
            .filter(|(_, v)| **v > 0.0)
            .map(|(c, v)| {
                let name = component_name(*c);
                (name.to_owned(), *v, component_colour(name).unwrap_or(PALETTE[7]))
            })
            .collect();
        bars.push(Bar { label: name.clone(), note: units::energy(total), parts });
    }
    let title = "Energy of an inference by part of the chip".to_owned();
    let svg = (!bars.is_empty()).then(|| stacked(&title, &bars, None, units::energy))?;
    let caption = "Energy of one inference of chosen points by part of the chip; leakage and clock are paid every cycle.".to_owned();
    Some(Figure { name: "energy".to_owned(), title, caption, svg, data })
}

/// The best value of a metric for every pair of values of two keys.
///
/// # Errors
/// E0902 for a name that does not vary in these points, E0932 for a metric that they lack, E0933 for a key that is constant.
pub fn table(
    selected: &Selected,
    front: &Front,
    [across, down]: [&str; 2],
    metric: &'static Metric,
) -> Result<Figure> {
    let place = "--heat";
    let (x, y) = (selected.vary(across, place)?, selected.vary(down, place)?);
    selected.check(&[metric])?;
    let mut best: BTreeMap<(usize, usize), (f64, usize)> = BTreeMap::new();
    for &i in &front.within {
        let value = selected.rows[i].metrics[metric.name];
        let entry = best.entry((y.of_row[i], x.of_row[i])).or_insert((value, 0));
        entry.1 += 1;
        if least(metric, value) < least(metric, entry.0) {
            entry.0 = value;
        }
    }
    let mut data = Frame::new(&[&y.name(), &x.name(), metric.name, "points"]);
    for ((r, c), (value, n)) in &best {
        data.row([
            Some(y.values[*r].clone()),
            Some(x.values[*c].clone()),
            Some(Scalar::Real(*value)),
            Some(Scalar::Int(*n as i64)),
        ]);
    }
    let side =
        |v: &Varying| Side { name: v.name(), labels: v.values.iter().map(|s| cell(&v.key, s)).collect() };
    let cell = |r: usize, c: usize| {
        let (value, n) = best.get(&(r, c))?;
        let shown = text(metric.name, *value);
        let tip = format!("{} {}, {} {}: {shown}, best of {n}", y.key, y.values[r], x.key, x.values[c]);
        Some(Cell { value: *value, text: shown, tip })
    };
    let cells: Vec<Vec<Option<Cell>>> =
        (0..y.values.len()).map(|r| (0..x.values.len()).map(|c| cell(r, c)).collect()).collect();
    let title = format!("Best {} over {} and {}", metric.name, x.name(), y.name());
    let name = format!("best {}", metric.name);
    let show = |v: f64| text(metric.name, v);
    let shown = Quantity { name: &name, show: &show };
    let svg = heat(&title, [&side(x), &side(y)], &shown, Shade::Amount, &cells);
    let caption = format!(
        "The best {} of all points within the reference and bounds with these two values; other keys are free. Empty cells have no \
         such point.",
        metric.name
    );
    Ok(Figure { name: "heat".to_owned(), title, caption, svg: svg.unwrap_or_default(), data })
}
