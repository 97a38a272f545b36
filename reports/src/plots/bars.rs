//! Horizontal stacked bars.

use super::svg::{cut, legend_height, text_width, Anchor, Svg};

/// One bar: a label and the values of its parts.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Text before it.
    pub label: String,
    /// (part, value, colour).
    pub parts: Vec<(String, f64, &'static str)>,
    /// Text at the end of the bar.
    pub note: String,
}

const WIDTH: f64 = 760.0;
const ROW: f64 = 26.0;

/// Bars on a common scale from 0 to `full` (or to the longest), with a legend of the parts.
pub fn stacked(title: &str, bars: &[Bar], full: Option<f64>, show: fn(f64) -> String) -> String {
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for (name, _, colour) in bars.iter().flat_map(|b| &b.parts) {
        if !keys.iter().any(|k| k.0 == name) {
            keys.push((name, colour));
        }
    }
    let longest = |f: fn(&Bar) -> &str| bars.iter().map(|b| text_width(f(b))).fold(0.0, f64::max);
    let label = (longest(|b| &b.label) + 10.0).min(200.0);
    let room = WIDTH - label - longest(|b| &b.note) - 16.0;
    let sum = |b: &Bar| b.parts.iter().map(|p| p.1).sum::<f64>();
    let scale = full.unwrap_or_else(|| bars.iter().map(sum).fold(0.0, f64::max));
    let keyed = if keys.len() > 1 { legend_height(WIDTH, &keys) + 8.0 } else { 4.0 };
    let mut svg = Svg::new(WIDTH, keyed + ROW * bars.len() as f64 + 4.0);
    if keys.len() > 1 {
        svg.legend((0.0, 12.0), WIDTH, &keys);
    }
    for (i, bar) in bars.iter().enumerate() {
        let y = keyed + ROW * i as f64;
        svg.text((label - 8.0, y + 16.0), Anchor::End, "t", &cut(&bar.label, label - 8.0));
        svg.rect([label, y + 3.0, room, ROW - 8.0], "class=\"b\"", "");
        let mut x = label;
        for (name, value, colour) in bar.parts.iter().filter(|p| p.1 > 0.0 && scale > 0.0) {
            let w = value / scale * room;
            let tip = format!("{}: {name} {}", bar.label, show(*value));
            svg.rect([x, y + 3.0, w, ROW - 8.0], &format!("fill=\"{colour}\""), &tip);
            x += w;
        }
        svg.text((x.max(label) + 6.0, y + 16.0), Anchor::Start, "m", &bar.note);
    }
    svg.finish(title)
}
