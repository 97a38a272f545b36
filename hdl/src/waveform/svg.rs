//! Timing diagrams as SVG, the same bytes for the same content.

use std::fmt::Write;
use std::ops::Range;

/// A line of a diagram; values are those of its cycles, from the first on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Heading of the rows below it.
    Group(String),
    /// One bit; nothing where it is unknown.
    Level {
        /// Name shown.
        name: String,
        /// Value in each cycle.
        values: Vec<Option<bool>>,
    },
    /// A value; nothing where it does not matter.
    Bus {
        /// Name shown.
        name: String,
        /// Text in each cycle.
        values: Vec<Option<String>>,
        /// Equal neighbours share a box.
        joined: bool,
    },
}

/// Cycles that are set off, with a word on why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// First cycle and end, counted from the diagram's first.
    pub cycles: Range<usize>,
    /// Rows that are coloured.
    pub rows: Range<usize>,
    /// Written above; spans with the same text have the same colour.
    pub text: String,
}

/// A timing diagram.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagram {
    /// Written at the top.
    pub title: String,
    /// Number of the first cycle.
    pub first: i64,
    /// Cycles shown.
    pub cycles: usize,
    /// Lines from the top.
    pub rows: Vec<Row>,
    /// Set off cycles.
    pub spans: Vec<Span>,
}

const ROW: usize = 22;
const TITLE: usize = 26;
const NOTE: usize = 15;
const AXIS: usize = 18;
const EDGE: usize = 3;
/// Cycles from which on they are drawn narrow and only every fifth is numbered.
const LONG: usize = 44;
const TINTS: [&str; 4] = ["#fff3bf", "#d3f9d8", "#dbe4ff", "#ffe3e3"];

/// Width of a text in the fonts used, in pixels; a bound, as fonts differ.
fn text_width(text: &str, size: usize) -> usize {
    (text.chars().count() * size * 62).div_ceil(100)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Where things are.
struct Frame {
    left: usize,
    cell: usize,
    top: usize,
}

impl Frame {
    fn x(&self, cycle: usize) -> usize {
        self.left + cycle * self.cell
    }

    fn y(&self, row: usize) -> usize {
        self.top + row * ROW
    }
}

impl Diagram {
    /// The picture.
    pub fn svg(&self) -> String {
        let names = self.rows.iter().map(|r| match r {
            Row::Group(name) => text_width(name, 11),
            Row::Level { name, .. } | Row::Bus { name, .. } => text_width(name, 11) + 10,
        });
        let left = names.max().unwrap_or(0) + 14;
        let lanes = self.lanes(left);
        let notes = lanes.iter().map(|(lane, _)| lane + 1).max().unwrap_or(0);
        let frame = Frame { left, cell: self.cell(), top: TITLE + notes * NOTE + AXIS };
        let width = (frame.x(self.cycles) + 10).max(text_width(&self.title, 13) + 20);
        let height = frame.y(self.rows.len()) + 8;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"11\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"10\" y=\"18\" font-size=\"13\" font-weight=\"bold\">{}</text>\n",
            escape(&self.title)
        );
        self.draw_spans(&mut out, &frame, &lanes);
        self.draw_grid(&mut out, &frame);
        for (i, row) in self.rows.iter().enumerate() {
            draw_row(&mut out, &frame, i, row);
        }
        out.push_str("</svg>\n");
        out
    }

    /// Width of a cycle: wide enough for the texts of the buses, each within its box.
    fn cell(&self) -> usize {
        let mut cell = if self.cycles > LONG { 13 } else { 24 };
        for row in &self.rows {
            if let Row::Bus { values, joined, .. } = row {
                for run in boxes(values, *joined) {
                    let text = values[run.start].as_deref().unwrap_or("");
                    cell = cell.max((text_width(text, 10) + 8).div_ceil(run.len()));
                }
            }
        }
        cell
    }

    /// Height and left edge of each span's text, so that no two texts meet.
    fn lanes(&self, left: usize) -> Vec<(usize, usize)> {
        let cell = self.cell();
        let mut ends: Vec<usize> = Vec::new();
        let mut lanes = Vec::new();
        for span in &self.spans {
            let middle = left + (span.cycles.start + span.cycles.end) * cell / 2;
            let width = text_width(&span.text, 10);
            let right = left + self.cycles * cell;
            let x = middle.saturating_sub(width / 2).min(right.saturating_sub(width)).max(4);
            let lane = ends.iter().position(|&end| end + 8 <= x).unwrap_or(ends.len());
            if lane == ends.len() {
                ends.push(0);
            }
            ends[lane] = x + width;
            lanes.push((lane, x));
        }
        lanes
    }

    fn draw_spans(&self, out: &mut String, frame: &Frame, lanes: &[(usize, usize)]) {
        let mut texts: Vec<&str> = Vec::new();
        for (span, (lane, x)) in self.spans.iter().zip(lanes) {
            let colour = texts.iter().position(|t| *t == span.text).unwrap_or(texts.len());
            if colour == texts.len() {
                texts.push(&span.text);
            }
            let (from, to) = (frame.x(span.cycles.start), frame.x(span.cycles.end));
            let (top, bottom) = (frame.y(span.rows.start), frame.y(span.rows.end));
            let note = frame.top - AXIS - lane * NOTE - 4;
            let _ = writeln!(
                out,
                "<rect x=\"{from}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n\
                 <path d=\"M{from} {} h{}\" stroke=\"#868e96\" stroke-width=\"2\"/>\n\
                 <text x=\"{x}\" y=\"{note}\" font-size=\"10\" fill=\"#495057\">{}</text>",
                to - from,
                bottom - top,
                TINTS[colour % TINTS.len()],
                frame.top - AXIS + 1,
                to - from,
                escape(&span.text)
            );
        }
    }

    fn draw_grid(&self, out: &mut String, frame: &Frame) {
        let bottom = frame.y(self.rows.len());
        let mut path = String::new();
        for c in 0..=self.cycles {
            let _ = write!(path, "M{} {}V{bottom}", frame.x(c), frame.top - 2);
        }
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"#dee2e6\" fill=\"none\"/>");
        for c in 0..self.cycles {
            let number = self.first + c as i64;
            let every = if self.cycles > LONG { 5 } else { 1 };
            if number % every == 0 {
                let (x, y) = (frame.x(c) + frame.cell / 2, frame.top - 5);
                let _ = writeln!(
                    out,
                    "<text x=\"{x}\" y=\"{y}\" font-size=\"10\" fill=\"#868e96\" text-anchor=\"middle\">{number}</text>"
                );
            }
        }
    }
}

/// Cycles with the same value, as ranges.
fn runs<T: PartialEq>(values: &[T]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if values[run.start] == *value => run.end = i + 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}

/// Cycles of a bus that are drawn as one.
fn boxes(values: &[Option<String>], joined: bool) -> Vec<Range<usize>> {
    if joined {
        return runs(values);
    }
    (0..values.len()).map(|i| i..i + 1).collect()
}

fn draw_row(out: &mut String, frame: &Frame, i: usize, row: &Row) {
    let middle = frame.y(i) + ROW / 2;
    let label = |out: &mut String, name: &str, x: usize, more: &str| {
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\"{more}>{}</text>", middle + 4, escape(name));
    };
    match row {
        Row::Group(name) => label(out, name, 8, " font-weight=\"bold\" fill=\"#1864ab\""),
        Row::Level { name, values } => {
            label(out, name, 18, "");
            draw_level(out, frame, middle, values);
        }
        Row::Bus { name, values, joined } => {
            label(out, name, 18, "");
            draw_bus(out, frame, middle, values, *joined);
        }
    }
}

fn draw_level(out: &mut String, frame: &Frame, middle: usize, values: &[Option<bool>]) {
    let height = |v: Option<bool>| match v {
        Some(true) => middle - 7,
        Some(false) => middle + 7,
        None => middle,
    };
    let mut path = String::new();
    for run in runs(values) {
        let y = height(values[run.start]);
        let start = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{start}{} {y}H{}", frame.x(run.start), frame.x(run.end));
        if values[run.start] == Some(true) {
            let _ = writeln!(
                out,
                "<rect x=\"{}\" y=\"{y}\" width=\"{}\" height=\"14\" fill=\"#74c0fc\" fill-opacity=\"0.35\"/>",
                frame.x(run.start),
                frame.x(run.end) - frame.x(run.start)
            );
        }
    }
    let _ = writeln!(out, "<path d=\"{path}\" stroke=\"#1c7ed6\" stroke-width=\"1.3\" fill=\"none\"/>");
}

fn draw_bus(out: &mut String, frame: &Frame, middle: usize, values: &[Option<String>], joined: bool) {
    for run in boxes(values, joined) {
        let (from, to) = (frame.x(run.start), frame.x(run.end));
        let Some(text) = &values[run.start] else {
            let _ = writeln!(out, "<path d=\"M{from} {middle}H{to}\" stroke=\"#adb5bd\" fill=\"none\"/>");
            continue;
        };
        let (top, bottom) = (middle - 8, middle + 8);
        let _ = writeln!(
            out,
            "<path d=\"M{from} {middle}L{} {top}H{}L{to} {middle}L{} {bottom}H{}Z\" stroke=\"#37b24d\" fill=\"#ffffff\" \
             fill-opacity=\"0.7\"/>\n\
             <text x=\"{}\" y=\"{}\" font-size=\"10\" text-anchor=\"middle\">{}</text>",
            from + EDGE,
            to - EDGE,
            to - EDGE,
            from + EDGE,
            usize::midpoint(from, to),
            middle + 4,
            escape(text)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagram, Row, Span};

    fn sample() -> Diagram {
        let text = |t: &str| Some(t.to_owned());
        Diagram {
            title: "a < b".to_owned(),
            first: -1,
            cycles: 3,
            rows: vec![
                Row::Group("unit".to_owned()),
                Row::Level { name: "valid".to_owned(), values: vec![Some(false), Some(true), None] },
                Row::Bus { name: "data".to_owned(), values: vec![None, text("7"), text("7")], joined: true },
            ],
            spans: (0..2)
                .map(|i| Span { cycles: i..i + 1, rows: 1..3, text: format!("a long text {i}") })
                .collect(),
        }
    }

    #[test]
    fn a_diagram_shows_its_content_once() {
        let svg = sample().svg();
        for part in ["a &lt; b", ">unit<", ">valid<", ">-1<", ">0<", ">1<", ">a long text 0<"] {
            assert_eq!(svg.matches(part).count(), 1, "{part} in\n{svg}");
        }
        assert_eq!(svg.matches(">7<").count(), 1, "equal neighbours share a box");
        assert_eq!(svg, sample().svg());
        let mut apart = sample();
        if let Row::Bus { joined, .. } = &mut apart.rows[2] {
            *joined = false;
        }
        assert_eq!(apart.svg().matches(">7<").count(), 2, "a box a cycle");
    }

    #[test]
    fn texts_of_spans_do_not_meet() {
        let lanes = sample().lanes(50);
        assert_ne!(lanes[0].0, lanes[1].0);
    }
}
