//! Line charts, drawn by plotters; its colours are exchanged for the classes of the page.

use super::svg::{legend_height, Svg};
use super::PALETTE;
use crate::table::escape;
use plotters::prelude::*;

/// A named line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Name.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// What the chart says about itself.
pub struct Frame<'a> {
    /// Title.
    pub title: &'a str,
    /// Name of the axis across.
    pub x: &'a str,
    /// Name of the axis up.
    pub y: &'a str,
    /// Whether y starts at zero.
    pub from_zero: bool,
    /// Text of a y tick.
    pub show: fn(f64) -> String,
}

const SIZE: (u32, u32) = (760, 300);
const GRID: RGBColor = RGBColor(1, 1, 1);
const AXIS: RGBColor = RGBColor(2, 2, 2);
const INK: RGBColor = RGBColor(3, 3, 3);

/// The chart, or nothing without points.
pub fn lines(frame: &Frame, lines: &[Line]) -> Option<String> {
    let points =
        || lines.iter().flat_map(|l| &l.points).copied().filter(|p| p.0.is_finite() && p.1.is_finite());
    points().next()?;
    let bound = |pick: fn((f64, f64)) -> f64| {
        points().map(pick).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)))
    };
    let (x0, x1) = bound(|p| p.0);
    let (y0, y1) = bound(|p| p.1);
    let y0 = if frame.from_zero { 0.0 } else { y0 };
    let margin = if y1 > y0 { (y1 - y0) * 0.06 } else { y1.abs().max(1.0) * 0.5 };
    let low = if frame.from_zero { 0.0 } else { y0 - margin };
    let mut chart = String::new();
    draw(&mut chart, frame, lines, [x0, x1.max(x0 + 1.0), low, y1 + margin])
        .expect("invariant: drawing into a string cannot fail");
    let keys: Vec<(&str, &str)> =
        lines.iter().enumerate().map(|(i, l)| (l.name.as_str(), PALETTE[i % PALETTE.len()])).collect();
    Some(with_legend(&dress(&chart), frame.title, &keys))
}

fn draw(
    out: &mut String,
    frame: &Frame,
    lines: &[Line],
    [x0, x1, y0, y1]: [f64; 4],
) -> Result<(), Box<dyn std::error::Error>> {
    let root = SVGBackend::with_string(out, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(6)
        .margin_right(14)
        .x_label_area_size(40)
        .y_label_area_size(68)
        .build_cartesian_2d(x0..x1, y0..y1)?;
    // plotters draws a font a fifth smaller than its number.
    let text = ("sans-serif", 15).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_desc(frame.x)
        .y_desc(frame.y)
        .x_labels(16)
        .y_labels(6)
        .x_label_formatter(&|x| if (x - x.round()).abs() < 1e-6 { format!("{x:.0}") } else { String::new() })
        .y_label_formatter(&|y| tidy(&(frame.show)(*y)))
        .draw()?;
    for (i, line) in lines.iter().enumerate() {
        let style = colour(PALETTE[i % PALETTE.len()]).stroke_width(2);
        // The palette repeats after eight lines; a new dash tells the rounds apart.
        let points = line.points.iter().copied();
        match (i / PALETTE.len()) as u32 {
            0 => chart.draw_series(LineSeries::new(points, style)).map(|_| ())?,
            round => chart.draw_series(DashedLineSeries::new(points, 2 + 4 * round, 3, style)).map(|_| ())?,
        }
    }
    drop(chart);
    root.present()?;
    Ok(())
}

/// A tick without zeros at the end of its fraction: `1.50 µJ` is `1.5 µJ`.
pub(super) fn tidy(label: &str) -> String {
    let (number, unit) = label.split_once(' ').unwrap_or((label, ""));
    let short =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{short} {unit}").trim_end().to_owned()
}

fn colour(hex: &str) -> RGBColor {
    let byte = |i: usize| u8::from_str_radix(hex.get(i..i + 2).unwrap_or("00"), 16).unwrap_or(0);
    RGBColor(byte(1), byte(3), byte(5))
}

/// Classes instead of the three marker colours.
fn dress(chart: &str) -> String {
    let pairs = [
        ("fill=\"#030303\"", "class=\"t\""),
        ("stroke=\"#010101\"", "class=\"g\""),
        ("stroke=\"#020202\"", "class=\"a\""),
    ];
    pairs.iter().fold(chart.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// The chart below its legend in one picture.
fn with_legend(chart: &str, title: &str, keys: &[(&str, &str)]) -> String {
    let (w, h) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let top = if keys.len() > 1 { legend_height(w, keys) + 4.0 } else { 0.0 };
    let mut legend = Svg::new(w, h + top);
    if keys.len() > 1 {
        legend.legend((0.0, 12.0), w, keys);
    }
    let whole = legend.finish(title);
    let inner =
        chart.find("<svg").and_then(|s| chart[s..].find('>').map(|e| &chart[s + e + 1..])).unwrap_or("");
    let inner = inner.trim_end().trim_end_matches("</svg>");
    let end = whole.len() - "</svg>".len();
    debug_assert!(whole.contains(&escape(title)));
    format!("{}<g transform=\"translate(0 {top})\">{inner}</g></svg>", &whole[..end])
}
