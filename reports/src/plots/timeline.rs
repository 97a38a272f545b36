//! What each core did when.

use super::svg::{cut, Anchor, Svg};
use super::Plot;
use crate::report::{Report, Span};
use crate::units::{count, time};

/// The figure.
pub const PLOT: Plot = Plot {
    name: "timeline",
    caption: "What each core did during the first input. Upper half of a row: loading, DMA and synapses; lower half: \
              sweeps (one shade a pass) and attention. Empty means waiting.",
    draw,
};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const TOP: f64 = 30.0;

/// Kinds of spans in the order of the legend, with colour and half of the row.
const KINDS: [(&str, &str, usize); 6] = [
    ("load and DMA", "#c0392b", 0),
    ("synapses", "#2f78c4", 0),
    ("sweep, pass 0", "#2e9e6b", 1),
    ("sweep, pass 1", "#84cba8", 1),
    ("sweep, later pass", "#1d6b48", 1),
    ("attention", "#e07b22", 1),
];

fn kind(span: &Span) -> usize {
    match span.kind.as_str() {
        "accumulate" => 1,
        "sweep" | "sweep 0" => 2,
        "sweep 1" => 3,
        other if other.starts_with("sweep") => 4,
        "attention" => 5,
        _ => 0,
    }
}

fn draw(report: &Report) -> Option<String> {
    let line = &report.timeline;
    let mut cores: Vec<u32> = line.spans.iter().map(|s| s.core).collect();
    cores.dedup();
    if cores.is_empty() || line.cycles == 0 {
        return None;
    }
    let row = (560.0 / cores.len() as f64).clamp(5.0, 22.0);
    let height = TOP + row * cores.len() as f64;
    let mut svg = Svg::new(WIDTH, height + 34.0);
    let used: Vec<(&str, &str)> = (0..KINDS.len())
        .filter(|k| line.spans.iter().any(|s| kind(s) == *k))
        .map(|k| (KINDS[k].0, KINDS[k].1))
        .collect();
    svg.legend((LEFT, 12.0), WIDTH - LEFT, &used);
    for (i, core) in cores.iter().enumerate() {
        let y = TOP + row * i as f64;
        if row >= 11.0 {
            let layer = report.mesh.core_layers.get(*core as usize).map_or("", String::as_str);
            let label = format!("core {core} · {layer}");
            svg.text((LEFT - 8.0, y + row / 2.0 + 4.0), Anchor::End, "t", &cut(&label, LEFT - 8.0));
        }
        svg.rect([LEFT, y + 0.5, WIDTH - LEFT - 4.0, row - 1.0], "class=\"b\"", "");
        let own: Vec<&Span> = line.spans.iter().filter(|s| s.core == *core).collect();
        (0..KINDS.len()).for_each(|k| spans(&mut svg, &own, k, [y, row, line.cycles as f64]));
    }
    axis(&mut svg, report, height);
    Some(svg.finish("Timeline of the cores"))
}

/// Draws the spans of one kind on one core; those less than half a pixel apart become one.
fn spans(svg: &mut Svg, own: &[&Span], k: usize, [y, row, cycles]: [f64; 3]) {
    let (_, colour, half) = KINDS[k];
    let scale = (WIDTH - LEFT - 4.0) / cycles;
    let near = (0.5 / scale) as u64;
    let mut merged: Vec<(u64, u64, &Span, u32)> = Vec::new();
    for span in own.iter().filter(|s| kind(s) == k) {
        match merged.last_mut() {
            Some(last) if span.layer == last.2.layer && span.start_cycle <= last.1 + near => {
                last.1 = last.1.max(span.end_cycle);
                last.3 += 1;
            }
            _ => merged.push((span.start_cycle, span.end_cycle, span, 1)),
        }
    }
    let h = (row - 2.0) / 2.0;
    for (start, end, span, n) in merged {
        let x = LEFT + start as f64 * scale;
        let w = ((end - start) as f64 * scale).max(0.4);
        let times = if n > 1 { format!(" ({n} spans)") } else { String::new() };
        let tip = format!("{} {}, cycles {start} to {end}{times}", span.layer, span.kind);
        svg.rect([x, y + 1.0 + h * half as f64, w, h], &format!("fill=\"{colour}\""), &tip);
    }
}

fn axis(svg: &mut Svg, report: &Report, y: f64) {
    let cycles = report.timeline.cycles as f64;
    for i in 0..=4 {
        let part = f64::from(i) / 4.0;
        let x = LEFT + (WIDTH - LEFT - 4.0) * part;
        let anchor = match i {
            0 => Anchor::Start,
            4 => Anchor::End,
            _ => Anchor::Middle,
        };
        svg.line([x, TOP, x, y + 3.0], "class=\"g\" stroke-dasharray=\"2 3\"");
        svg.text((x, y + 16.0), anchor, "t", &time(cycles * part / report.timing.clock_mhz));
        svg.text((x, y + 31.0), anchor, "m", &format!("{} cycles", count(cycles * part)));
    }
}
