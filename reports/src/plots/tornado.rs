//! What one constant moves the total: the largest first.

use super::svg::{cut, text_width, Anchor, Svg};
use super::Plot;
use crate::report::Report;
use crate::units::energy;

/// The figure.
pub const PLOT: Plot = Plot {
    name: "tornado",
    caption: "Total energy when one constant, or a table that is wrong together, is one spread lower (light) or higher \
              (dark); the line is the total as it is, the band its 5th to 95th percentile with all constants drawn.",
    draw,
};

const WIDTH: f64 = 760.0;
const ROW: f64 = 24.0;
/// Most bars.
const BARS: usize = 12;

fn draw(report: &Report) -> Option<String> {
    let u = report.energy.uncertainty.as_ref()?;
    let total = report.energy.total_pj;
    let seen = |s: &&crate::report::SwingRow| (s.up_pj - s.down_pj).abs() > 1e-4 * total;
    let bars: Vec<_> = u.swings.iter().filter(seen).take(BARS).collect();
    let ends = bars.iter().flat_map(|s| [s.down_pj, s.up_pj]).chain([u.p5_pj, u.p95_pj, total]);
    let (low, high) = ends.fold((f64::MAX, 0.0), |(lo, hi), x| (x.min(lo), x.max(hi)));
    if bars.is_empty() || high <= low {
        return None;
    }
    let label = bars.iter().map(|s| text_width(&s.constant)).fold(0.0, f64::max).min(300.0) + 10.0;
    // Room for the figures at both ends.
    let (left, right) = (label + 66.0, WIDTH - 66.0);
    let x = |pj: f64| left + (pj - low) / (high - low) * (right - left);
    let bottom = 24.0 + ROW * bars.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 22.0);
    svg.rect(
        [x(u.p5_pj), 20.0, x(u.p95_pj) - x(u.p5_pj), bottom - 16.0],
        "class=\"b\"",
        "5th to 95th percentile",
    );
    let head = format!("{}, 5 % to 95 %: {} to {}", energy(total), energy(u.p5_pj), energy(u.p95_pj));
    let middle = x(total).clamp(text_width(&head) / 2.0, WIDTH - text_width(&head) / 2.0);
    svg.text((middle, 13.0), Anchor::Middle, "t", &head);
    for (i, s) in bars.iter().enumerate() {
        let y = 24.0 + ROW * i as f64;
        svg.text((label - 8.0, y + 15.0), Anchor::End, "t", &cut(&s.constant, label - 8.0));
        for (pj, colour, way) in [(s.down_pj, "#6aa9e0", "below"), (s.up_pj, "#2f78c4", "above")] {
            let (from, to) = (x(pj).min(x(total)), x(pj).max(x(total)));
            let tip = format!("{} one spread {way} (×/÷ {:.2}): {}", s.constant, s.spread.exp(), energy(pj));
            svg.rect([from, y + 4.0, (to - from).max(0.5), ROW - 10.0], &format!("fill=\"{colour}\""), &tip);
        }
        let (first, last) = (s.down_pj.min(s.up_pj), s.down_pj.max(s.up_pj));
        svg.text((x(first) - 5.0, y + 15.0), Anchor::End, "m", &energy(first));
        svg.text((x(last) + 5.0, y + 15.0), Anchor::Start, "m", &energy(last));
    }
    svg.line([x(total), 20.0, x(total), bottom + 4.0], "class=\"a\"");
    let legend = [("one spread below", "#6aa9e0"), ("one spread above", "#2f78c4")];
    svg.legend((label, bottom + 16.0), right - label, &legend);
    Some(svg.finish("Constants that move the total energy most"))
}
