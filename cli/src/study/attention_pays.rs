//! The study of docs/study-where-attention-pays.md: chips on which the gates of MA-SNN save more than they cost.

use super::explored::{Explored, Found};
use pulvinar_explore::results::figures::Figure;
use pulvinar_explore::results::page::Wanted;
use pulvinar_explore::results::{text, Front, Selected};
use pulvinar_explore::{Frame, Row, Scalar, Space};
use pulvinar_ir::Result;
use pulvinar_reports::plots::heat::{heat, Cell, Side};
use pulvinar_reports::plots::scale::Shade;
use pulvinar_reports::plots::scatter::Quantity;
use pulvinar_reports::units::digits;
use std::collections::{BTreeMap, BTreeSet};

/// The study.
pub const STUDY: Explored = Explored {
    title: "Where attention pays: the Gesture network of MA-SNN with and without its gates",
    space: ("attention-pays.toml", include_str!("../../../explore/examples/attention-pays.toml")),
    beside: &[("gesture-input.csv", include_str!("../../../explore/examples/gesture-input.csv"))],
    chip: Some(("../../arch/study.toml", include_str!("../../../arch/study.toml"))),
    wanted: || Wanted {
        colour: Some("model".to_owned()),
        heat: Some(["core.gate_kib".to_owned(), "mesh.width".to_owned()]),
        ..Wanted::default()
    },
    further: |selected| extremes(&chips(selected), selected),
    found,
};

/// The network with gates; the other one has none.
const GATES: &str = "ma-gesture-tcsa";

/// Memories of a core that the study scales together.
const MEMORIES: [&str; 7] = ["weight", "accumulator", "state", "statistics", "gate", "frame", "spike_store"];

/// A chip and its rows without and with gates, where they fit.
struct Chip {
    memory_kib: i64,
    side: i64,
    bits: i64,
    without: Option<usize>,
    with: Option<usize>,
}

impl Chip {
    /// With over without.
    fn ratio(&self, selected: &Selected, metric: &str) -> Option<f64> {
        let value = |i: usize| selected.rows[i].metrics.get(metric).copied();
        Some(value(self.with?)? / value(self.without?)?)
    }
}

fn setting<'a>(selected: &'a Selected, row: &'a Row, key: &str) -> Option<&'a Scalar> {
    row.set.get(key).or_else(|| selected.constant.get(key))
}

/// Chips by memory, mesh and bits.
fn chips(selected: &Selected) -> Vec<Chip> {
    let mut found: BTreeMap<(i64, i64, i64), [Option<usize>; 2]> = BTreeMap::new();
    for (i, row) in selected.rows.iter().enumerate() {
        let number = |key: &str| setting(selected, row, key).and_then(Scalar::number).unwrap_or(0.0) as i64;
        let memory = MEMORIES.iter().map(|m| number(&format!("core.{m}_kib"))).sum();
        let chip = (number("mesh.width"), number("quantise.weight_bits"), memory);
        let gates = setting(selected, row, "model").is_some_and(|m| m.to_string() == GATES);
        found.entry(chip).or_default()[usize::from(gates)] = Some(i);
    }
    let all = found.into_iter();
    all.map(|((side, bits, memory_kib), [without, with])| Chip { memory_kib, side, bits, without, with })
        .collect()
}

/// Rows of the chips on which gates pay most and least.
fn extremes(chips: &[Chip], selected: &Selected) -> Vec<usize> {
    let mut both: Vec<(&Chip, f64)> =
        chips.iter().filter_map(|c| Some((c, c.ratio(selected, "energy_pj")?))).collect();
    both.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ends = both.first().into_iter().chain(both.last());
    ends.flat_map(|(c, _)| [c.without, c.with]).flatten().collect()
}

fn found(_: &Space, selected: &Selected, _: &Front) -> Result<Found> {
    // Nothing can be said where only one of the networks fits.
    selected.vary("model", "study where-attention-pays")?;
    let chips = chips(selected);
    let both = chips.iter().filter(|c| c.with.is_some() && c.without.is_some()).count();
    let mut lead = vec![
        "Spikes are generated at the published mean rates, 0.173 without gates and 0.026 with TCSA, T = 60, events in 10 % of \
         the pixels and steps. Below 1 the network with gates is the cheaper one."
            .to_owned(),
    ];
    for (metric, what) in [("energy_pj", "energy"), ("latency_us", "latency"), ("dynamic_pj", "counted work")]
    {
        let ratios: Vec<f64> = chips.iter().filter_map(|c| c.ratio(selected, metric)).collect();
        let pays = ratios.iter().filter(|r| **r < 1.0).count();
        let (low, high) = ratios.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), r| (l.min(*r), h.max(*r)));
        lead.push(format!(
            "In {what} gates pay on {pays} of {both} chips that hold both networks; with over without is {} to {}.",
            digits(low),
            digits(high)
        ));
    }
    let least = |gates: bool| {
        let row = |c: &Chip| if gates { c.with } else { c.without };
        let energy = |i: usize| selected.rows[i].metrics["energy_pj"];
        chips.iter().filter_map(|c| Some((c, energy(row(c)?)))).min_by(|a, b| a.1.total_cmp(&b.1))
    };
    if let (Some((a, without)), Some((b, with))) = (least(false), least(true)) {
        let chip = |c: &Chip| format!("{0} x {0} cores of {1} KiB, {2} bits", c.side, c.memory_kib, c.bits);
        lead.push(format!(
            "Each on its best chip: {} without gates ({}), {} with gates ({}), ratio {}.",
            text("energy_pj", without),
            chip(a),
            text("energy_pj", with),
            chip(b),
            digits(with / without)
        ));
    }
    lead.extend(simulated(&chips, selected));
    let figures = [
        ("ratio-energy", "energy_pj", "energy with gates over without"),
        ("ratio-latency", "latency_us", "latency with gates over without"),
        ("ratio-work", "dynamic_pj", "counted work with gates over without"),
    ];
    let figures = figures.iter().filter_map(|f| ratios(selected, &chips, *f)).collect();
    Ok(Found { lead, figures })
}

/// The best of the points that were simulated too.
fn simulated(chips: &[Chip], selected: &Selected) -> Option<String> {
    let least = |rows: Vec<usize>| {
        let energy = |i: usize| selected.confirmed.get(&selected.rows[i].key)?.get("energy_pj").copied();
        rows.into_iter().filter_map(energy).min_by(f64::total_cmp)
    };
    let without = least(chips.iter().filter_map(|c| c.without).collect())?;
    let with = least(chips.iter().filter_map(|c| c.with).collect())?;
    Some(format!(
        "By cycle, among the points simulated: {} without gates, {} with gates, ratio {}.",
        text("energy_pj", without),
        text("energy_pj", with),
        digits(with / without)
    ))
}

/// Ratios over memory, and mesh with bits.
fn ratios(selected: &Selected, chips: &[Chip], (name, metric, what): (&str, &str, &str)) -> Option<Figure> {
    let columns: Vec<i64> = chips.iter().map(|c| c.memory_kib).collect::<BTreeSet<_>>().into_iter().collect();
    let rows: Vec<(i64, i64)> =
        chips.iter().map(|c| (c.side, c.bits)).collect::<BTreeSet<_>>().into_iter().collect();
    let mut data = Frame::new(&["mesh", "weight_bits", "memory_kib", "without", "with", "ratio"]);
    let mut cells: Vec<Vec<Option<Cell>>> = vec![vec![None; columns.len()]; rows.len()];
    for chip in chips {
        let value = |i: Option<usize>| i.and_then(|i| selected.rows[i].metrics.get(metric).copied());
        let (without, with) = (value(chip.without), value(chip.with));
        let ratio = chip.ratio(selected, metric);
        let cell = [chip.side, chip.bits, chip.memory_kib].map(|v| Some(Scalar::Int(v)));
        data.row(cell.into_iter().chain([without, with, ratio].map(|v| v.map(Scalar::Real))));
        let r = rows.iter().position(|r| *r == (chip.side, chip.bits))?;
        let c = columns.iter().position(|m| *m == chip.memory_kib)?;
        let shown = |v: Option<f64>| v.map_or("does not fit".to_owned(), |v| text(metric, v));
        let tip = format!("without gates {}, with gates {}", shown(without), shown(with));
        cells[r][c] = ratio.map(|value| Cell { value, text: digits(value), tip });
    }
    let across = Side {
        name: "memories of a core, KiB".to_owned(),
        labels: columns.iter().map(ToString::to_string).collect(),
    };
    let down = Side {
        name: "mesh, bits".to_owned(),
        labels: rows.iter().map(|(side, bits)| format!("{side} x {side}, {bits} bits")).collect(),
    };
    let show = |v: f64| format!("{} ×", digits(v));
    let shown = Quantity { name: what, show: &show };
    let svg = heat(what, [&across, &down], &shown, Shade::Sides, &cells)?;
    let caption = format!(
        "The {what}. Green: the network with gates is cheaper. Empty: one of the networks does not fit the chip."
    );
    let title = format!("{}{}", what[..1].to_uppercase(), &what[1..]);
    Some(Figure { name: name.to_owned(), title, caption, svg, data })
}
