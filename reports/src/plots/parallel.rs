//! Parallel coordinates: one axis a quantity, one line a point.

use super::scale::{colour_bar, Scale, Shade};
use super::scatter::Quantity;
use super::svg::{cut, num, Anchor, Svg};

/// One axis.
#[derive(Debug, Clone)]
pub struct Coordinate {
    /// Name.
    pub name: String,
    /// Texts at places, 0 below and 1 above.
    pub ticks: Vec<(f64, String)>,
}

/// One point.
#[derive(Debug, Clone)]
pub struct Track {
    /// Its place on every axis, 0 below and 1 above.
    pub places: Vec<f64>,
    /// What its colour says.
    pub value: f64,
    /// What is said of it under the pointer.
    pub tip: String,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const TOP: f64 = 92.0;
const SIDE: f64 = 46.0;
/// Room for the texts of the last axis.
const LAST: f64 = 78.0;

/// The figure; nothing with fewer than two axes or without a line.
pub fn parallel(title: &str, axes: &[Coordinate], colour: &Quantity, tracks: &[Track]) -> Option<String> {
    let shades = Scale::of(tracks.iter().map(|t| t.value))?;
    if axes.len() < 2 {
        return None;
    }
    let mut svg = Svg::new(WIDTH, TOP + HEIGHT + 14.0);
    let place = [SIDE, 4.0, 240.0];
    colour_bar(&mut svg, place, &format!("colour: {}", colour.name), shades, Shade::Amount, colour.show);
    let step = (WIDTH - SIDE - LAST) / (axes.len() - 1) as f64;
    let x = |axis: usize| SIDE + step * axis as f64;
    let y = |at: f64| TOP + (1.0 - at) * HEIGHT;
    for track in tracks {
        let point = |(i, at): (usize, &f64)| {
            format!("{}{} {}", if i == 0 { "M" } else { "L" }, num(x(i)), num(y(*at)))
        };
        let path: Vec<String> = track.places.iter().enumerate().map(point).collect();
        let colour = Shade::Amount.colour(shades.at(track.value));
        let paint = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" stroke-opacity=\"0.85\"");
        svg.path_with_tip(&path.join(" "), &paint, &track.tip);
    }
    for (i, axis) in axes.iter().enumerate() {
        svg.line([x(i), TOP, x(i), TOP + HEIGHT], "class=\"a\"");
        // Two lines of names, so that neighbours do not run into each other.
        let row = if axes.len() > 5 && i % 2 == 1 { 13.0 } else { 0.0 };
        let room = if axes.len() > 5 { 2.0 * step - 6.0 } else { step - 6.0 };
        let (anchor, left) = match i {
            0 => (Anchor::Start, 4.0),
            i if i + 1 == axes.len() => (Anchor::End, WIDTH - 4.0),
            _ => (Anchor::Middle, x(i)),
        };
        svg.text((left, TOP - 24.0 + row), anchor, "t", &cut(&axis.name, room));
        for (at, text) in &axis.ticks {
            svg.haloed(
                (x(i) + 4.0, y(*at) + 4.0),
                Anchor::Start,
                &cut(text, if i + 1 == axes.len() { LAST } else { step - 4.0 }),
            );
        }
    }
    Some(svg.finish(title))
}
