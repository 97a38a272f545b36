//! What a figure shows, and how it comes from a run.

use super::run::{Recording, CLOCK, RESET};
use pulvinar_hdl::waveform::{Diagram, Row, Span, Waves};

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Unsigned decimal.
    Number,
    /// Signed decimal.
    Signed,
    /// Binary.
    Binary,
    /// Hexadecimal.
    Hex,
    /// A flit: kind (e events, t end token, c credit), stream, step.
    Flit,
    /// A flit: endpoint that sent it, number of its packet there.
    Packet,
}

/// A line of a figure. A signal is named by its path below the machine (from `bench` on where it begins so), and
/// `@first+width` takes a part of its bits.
#[derive(Debug, Clone, Copy)]
pub enum Line {
    /// Heading.
    Group(&'static str),
    /// Name and path: set in the cycles in which a bit is 1.
    Level(&'static str, &'static str),
    /// Name, path, format and the signal that says when the value matters ("" for always).
    Bus(&'static str, &'static str, Format, &'static str),
    /// The same of something that is new in every cycle.
    Items(&'static str, &'static str, Format, &'static str),
}

/// A figure.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Name without `.svg`.
    pub file: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Run it is from: index into `run::CHIPS`.
    pub run: usize,
    /// It begins `before` cycles before the `nth` time (from 0) that this signal becomes 1.
    pub anchor: &'static str,
    /// See `anchor`.
    pub nth: usize,
    /// See `anchor`.
    pub before: usize,
    /// Cycles shown.
    pub cycles: usize,
    /// Lines.
    pub lines: &'static [Line],
    /// Cycles in which a signal is 1 are set off in the lines of groups first to last (from 0): path, text, groups.
    pub marks: &'static [Mark],
    /// Each mark is one cycle only, the first one from that of the mark before it on: the way of one packet.
    pub chain: bool,
}

/// Path, text, groups.
pub type Mark = (&'static str, &'static str, [usize; 2]);

/// Full name of a path, and the part of its bits: first and width.
fn resolve(path: &str) -> (String, Option<(usize, usize)>) {
    let (name, part) = path.split_once('@').map_or((path, None), |(n, p)| (n, Some(p)));
    let part =
        part.and_then(|p| p.split_once('+')).and_then(|(f, w)| Some((f.parse().ok()?, w.parse().ok()?)));
    let full = if name.starts_with("bench") { name.to_owned() } else { format!("bench.dut.machine.{name}") };
    (full, part)
}

impl Figure {
    /// Full names of the signals it needs.
    pub fn names(&self) -> Vec<String> {
        let mut paths = vec![self.anchor];
        paths.extend(self.marks.iter().map(|m| m.0));
        for line in self.lines {
            match line {
                Line::Group(_) => {}
                Line::Level(_, path) => paths.push(path),
                Line::Bus(_, path, _, when) | Line::Items(_, path, _, when) => paths.extend([path, when]),
            }
        }
        paths.into_iter().filter(|p| !p.is_empty()).map(|p| resolve(p).0).collect()
    }

    /// The diagram, from the run.
    pub fn draw(&self, recording: &Recording, waves: &Waves) -> Diagram {
        let view = View { waves, recording };
        let rises =
            (1..waves.cycles()).filter(|&c| view.set(self.anchor, c) && !view.set(self.anchor, c - 1));
        let first = if self.nth == 0 && view.set(self.anchor, 0) { Some(0) } else { None };
        let at = first.or_else(|| rises.clone().nth(self.nth));
        let at = at.unwrap_or_else(|| panic!("{}: {} does not rise so often", self.file, self.anchor));
        let start = at.saturating_sub(self.before);
        let window = start..start + self.cycles;
        assert!(window.end <= waves.cycles(), "{} reaches beyond the run", self.file);
        let rows: Vec<Row> = self.lines.iter().map(|line| view.row(*line, window.clone())).collect();
        let mut spans: Vec<Span> = Vec::new();
        for mark in self.marks {
            let from = if self.chain { spans.last().map_or(self.before, |s| s.cycles.start) } else { 0 };
            spans.extend(self.spans(&view, mark, start, from));
        }
        spans.sort_by_key(|s| s.cycles.start);
        Diagram { title: self.title.to_owned(), first: view.cycle(window), cycles: self.cycles, rows, spans }
    }

    /// Runs of cycles of a mark, from cycle `from` of the figure on.
    fn spans(&self, view: &View<'_>, mark: &Mark, start: usize, from: usize) -> Vec<Span> {
        let (path, text, groups) = mark;
        let heads: Vec<usize> =
            (0..self.lines.len()).filter(|&i| matches!(self.lines[i], Line::Group(_))).collect();
        let end = heads.get(groups[1] + 1).copied().unwrap_or(self.lines.len());
        let mut spans: Vec<Span> = Vec::new();
        for c in (from..self.cycles).filter(|c| view.set(path, start + c)) {
            match spans.last_mut() {
                Some(span) if span.cycles.end == c && !self.chain => span.cycles.end += 1,
                _ => spans.push(Span {
                    cycles: c..c + 1,
                    rows: heads[groups[0]]..end,
                    text: (*text).to_owned(),
                }),
            }
        }
        assert!(!spans.is_empty(), "{}: {path} is never 1", self.file);
        spans.truncate(if self.chain { 1 } else { spans.len() });
        spans
    }
}

/// A run's signals by path.
struct View<'a> {
    waves: &'a Waves,
    recording: &'a Recording,
}

impl View<'_> {
    /// Bits of a path in a cycle, most significant first.
    fn bits(&self, path: &str, at: usize) -> &str {
        let (name, part) = resolve(path);
        let bits = self.waves.bits(&name, at).unwrap_or("");
        part.map_or(bits, |(first, width)| &bits[bits.len() - first - width..bits.len() - first])
    }

    fn set(&self, path: &str, at: usize) -> bool {
        self.bits(path, at).contains('1')
    }

    /// Number of the first cycle of a window: cycle 0 is the first one out of reset after the window's start, if there
    /// is one within it, else the last before it.
    fn cycle(&self, window: std::ops::Range<usize>) -> i64 {
        let zero = |c: &usize| !self.set(RESET, *c) && (*c == 0 || self.set(RESET, c - 1));
        let inside = window.clone().find(zero);
        let zero = inside.or_else(|| (0..window.start).rev().find(zero)).unwrap_or(0);
        window.start as i64 - zero as i64
    }

    fn row(&self, line: Line, window: std::ops::Range<usize>) -> Row {
        match line {
            Line::Group(name) => Row::Group(name.to_owned()),
            Line::Level(name, path) => {
                let value = |c| match self.bits(path, c) {
                    bits if bits.contains('1') => Some(true),
                    bits => bits.chars().all(|b| b == '0').then_some(false),
                };
                Row::Level { name: name.to_owned(), values: window.map(value).collect() }
            }
            Line::Bus(name, path, format, when) | Line::Items(name, path, format, when) => {
                let shown = |c: &usize| when.is_empty() || self.set(when, *c);
                let text = |c| shown(&c).then(|| self.text(self.bits(path, c), format));
                let joined = matches!(line, Line::Bus(..));
                Row::Bus { name: name.to_owned(), values: window.map(text).collect(), joined }
            }
        }
    }

    fn text(&self, bits: &str, format: Format) -> String {
        let flit = &self.recording.format;
        let number = |bits: &str| u128::from_str_radix(bits, 2).ok();
        let field = |first: u32, width: u32| {
            let end = bits.len() - first as usize;
            number(&bits[end - width as usize..end]).map_or("x".to_owned(), |n| n.to_string())
        };
        match format {
            Format::Binary => bits.to_owned(),
            Format::Number => number(bits).map_or("x".to_owned(), |n| n.to_string()),
            Format::Hex => number(bits).map_or("x".to_owned(), |n| format!("{n:x}")),
            Format::Signed => number(bits).map_or("x".to_owned(), |n| {
                let negative = bits.starts_with('1');
                (n as i128 - if negative { 1 << bits.len() } else { 0 }).to_string()
            }),
            Format::Flit => {
                let kind = ["e", "t", "c", "?"][field(1 + flit.dest, 2).parse::<usize>().unwrap_or(3)];
                let stream = field(3 + flit.dest, flit.stream);
                format!("{kind}{stream}.{}", field(3 + flit.dest + flit.stream, flit.step))
            }
            Format::Packet => format!("{}:{}", field(flit.body() + 32, 16), field(flit.body(), 32)),
        }
    }
}

/// Reads what some figures need from a run.
pub fn waves(recording: &Recording, figures: &[&Figure]) -> Waves {
    let names: Vec<String> = figures.iter().flat_map(|f| f.names()).chain([RESET.to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Waves::read(&recording.dump, CLOCK, &names).expect("the signals of the figures are in the design")
}
