//! Dots on a common logarithmic scale, one row a label: for values that lie orders of magnitude apart.

use super::svg::{cut, legend_height, text_width, Anchor, Svg};

/// What dots of one colour stand for.
pub struct Series {
    pub name: String,
    pub colour: &'static str,
}

/// One value.
#[derive(Clone, Copy)]
pub struct Dot {
    /// Index of its series.
    pub series: usize,
    pub value: f64,
}

/// One row.
pub struct Row {
    pub label: String,
    pub dots: Vec<Dot>,
    /// Text at the end of the row.
    pub note: String,
}

const WIDTH: f64 = 760.0;
const ROW: f64 = 22.0;
const AXIS: f64 = 22.0;

/// The figure, or nothing without a value above zero.
pub fn dots(title: &str, series: &[Series], rows: &[Row], show: fn(f64) -> String) -> Option<String> {
    let values = || rows.iter().flat_map(|r| &r.dots).map(|d| d.value).filter(|v| v.is_finite() && *v > 0.0);
    let (low, high) = values().fold((f64::INFINITY, 0.0_f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if high <= 0.0 {
        return None;
    }
    let first = low.log10().floor() as i32;
    let last = (high.log10().ceil() as i32).max(first + 1);
    let longest = |f: fn(&Row) -> &str| rows.iter().map(|r| text_width(f(r))).fold(0.0, f64::max);
    let left = (longest(|r| &r.label) * 1.08 + 12.0).min(230.0);
    let right = WIDTH - longest(|r| &r.note) - 14.0;
    let keys: Vec<(&str, &str)> = series.iter().map(|s| (s.name.as_str(), s.colour)).collect();
    let top = if keys.len() > 1 { legend_height(WIDTH, &keys) + 6.0 } else { 2.0 };
    let bottom = top + ROW * rows.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + AXIS);
    if keys.len() > 1 {
        svg.legend((0.0, 12.0), WIDTH, &keys);
    }
    let x = |v: f64| left + (v.log10() - f64::from(first)) / f64::from(last - first) * (right - left);
    for decade in first..=last {
        let at = x(10_f64.powi(decade));
        svg.line([at, top, at, bottom], "class=\"g\"");
        let anchor = if decade == last { Anchor::End } else { Anchor::Middle };
        svg.text((at, bottom + 16.0), anchor, "m", &show(10_f64.powi(decade)));
    }
    for (i, row) in rows.iter().enumerate() {
        let y = top + ROW * (i as f64 + 0.5);
        svg.text((left - 8.0, y + 4.0), Anchor::End, "t", &cut(&row.label, left - 8.0));
        let seen: Vec<Dot> =
            row.dots.iter().copied().filter(|d| d.value.is_finite() && d.value > 0.0).collect();
        let ends = seen.iter().fold((right, left), |(a, b), d| (a.min(x(d.value)), b.max(x(d.value))));
        if ends.1 > ends.0 {
            svg.line([ends.0, y, ends.1, y], "class=\"a\"");
        }
        for dot in seen {
            let Some(s) = series.get(dot.series) else { continue };
            let tip = format!("{}: {} {}", row.label, s.name, show(dot.value));
            svg.circle((x(dot.value), y), 5.0, s.colour, &tip);
        }
        svg.text((right + 10.0, y + 4.0), Anchor::Start, "m", &row.note);
    }
    Some(svg.finish(title))
}
