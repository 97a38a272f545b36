//! A table of two keys whose cells are coloured by a value.

use super::scale::{colour_bar, Scale, Shade};
use super::scatter::Quantity;
use super::svg::{cut, text_width, Anchor, Svg};

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What its colour says.
    pub value: f64,
    /// Text in it.
    pub text: String,
    /// What is said of it under the pointer.
    pub tip: String,
}

/// Names of rows and columns, and what they are values of.
#[derive(Debug, Clone)]
pub struct Side {
    /// The key.
    pub name: String,
    /// Its values, in order.
    pub labels: Vec<String>,
}

const WIDTH: f64 = 760.0;
const ROW: f64 = 34.0;
const HEAD: f64 = 66.0;

/// The figure: a row a value of the key `down`, a column a value of `across`; a cell without points is empty. Nothing without
/// any value. Colours of [`Shade::Sides`] have 1 in their middle, and as far above as below.
pub fn heat(
    title: &str,
    [across, down]: [&Side; 2],
    shown: &Quantity,
    shade: Shade,
    cells: &[Vec<Option<Cell>>],
) -> Option<String> {
    let values = || cells.iter().flatten().flatten().map(|c| c.value);
    let scale = match shade {
        Shade::Amount => Scale::of(values())?,
        Shade::Sides => {
            let far = values().filter(|v| *v > 0.0).map(|v| v.max(1.0 / v)).fold(1.01, f64::max).min(1e6);
            // A ratio that is near 1 everywhere is still drawn on a logarithmic scale by its ends.
            Scale::of([1.0 / far.max(3.0), far.max(3.0)].into_iter())?
        }
    };
    let left =
        down.labels.iter().map(|l| text_width(l)).fold(text_width(&down.name), f64::max).min(200.0) + 14.0;
    let step = ((WIDTH - left - 4.0) / across.labels.len().max(1) as f64).min(150.0);
    let bottom = HEAD + ROW * down.labels.len() as f64;
    let mut svg = Svg::new(WIDTH, bottom + 42.0);
    colour_bar(&mut svg, [left, 4.0, 240.0], shown.name, scale, shade, shown.show);
    svg.text((left - 8.0, HEAD - 8.0), Anchor::End, "t", &cut(&down.name, left - 8.0));
    for (r, (label, row)) in down.labels.iter().zip(cells).enumerate() {
        let y = HEAD + ROW * r as f64;
        svg.text((left - 8.0, y + ROW / 2.0 + 4.0), Anchor::End, "m", &cut(label, left - 8.0));
        for (c, cell) in row.iter().enumerate() {
            let x = left + step * c as f64;
            let Some(cell) = cell else {
                svg.rect([x, y, step - 2.0, ROW - 2.0], "class=\"b\"", "no point");
                continue;
            };
            let at = scale.at(cell.value);
            svg.rect([x, y, step - 2.0, ROW - 2.0], &format!("fill=\"{}\"", shade.colour(at)), &cell.tip);
            let middle = (x + step / 2.0 - 1.0, y + ROW / 2.0 + 3.0);
            svg.inked(middle, shade.ink(at), &cut(&cell.text, step));
        }
    }
    for (c, label) in across.labels.iter().enumerate() {
        let x = left + step * (c as f64 + 0.5) - 1.0;
        svg.text((x, bottom + 14.0), Anchor::Middle, "m", &cut(label, step));
    }
    let middle = left + step * across.labels.len() as f64 / 2.0;
    svg.text((middle, bottom + 34.0), Anchor::Middle, "t", &across.name);
    Some(svg.finish(title))
}
