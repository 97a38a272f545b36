//! Points in a plane, coloured by a third value, with those of a front marked.

use super::lines::tidy;
use super::scale::{colour_bar, Scale, Shade};
use super::svg::{num, text_width, Anchor, Svg};
use super::PALETTE;

/// How a point stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Not at all.
    Plain,
    /// It is of the front.
    Front,
    /// It is of the front and was confirmed.
    Confirmed,
}

/// One point.
#[derive(Debug, Clone)]
pub struct Spot {
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// What its colour says: an amount, or the index of a class.
    pub value: f64,
    /// How it stands out.
    pub mark: Mark,
    /// What is said of it under the pointer.
    pub tip: String,
}

/// What the colours say.
#[derive(Debug, Clone)]
pub enum Colours {
    /// Amounts.
    Amounts,
    /// Classes by name, at most eight.
    Classes(Vec<String>),
}

/// A quantity on an axis.
pub struct Quantity<'a> {
    /// Name.
    pub name: &'a str,
    /// Text of a value.
    pub show: &'a dyn Fn(f64) -> String,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 22.0;
const BELOW: f64 = 46.0;
const HEAD: f64 = 66.0;

/// Number of points from which those on one spot are drawn once, smaller and without a tip.
const MANY: usize = 3000;

/// The figure of two quantities, and of a third that colours; nothing without a point.
pub fn scatter(
    title: &str,
    [across, up, third]: [&Quantity; 3],
    colours: &Colours,
    spots: &[Spot],
) -> Option<String> {
    let x = Scale::of(spots.iter().map(|s| s.x))?.widened(0.03);
    let y = Scale::of(spots.iter().map(|s| s.y))?.widened(0.05);
    let shades = Scale::of(spots.iter().map(|s| s.value))?;
    let mut svg = Svg::new(WIDTH, HEAD + HEIGHT + BELOW);
    match colours {
        Colours::Amounts => {
            let place = [LEFT, 4.0, 240.0];
            colour_bar(
                &mut svg,
                place,
                &format!("colour: {}", third.name),
                shades,
                Shade::Amount,
                third.show,
            );
        }
        Colours::Classes(names) => {
            let keys: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(PALETTE).collect();
            svg.text((LEFT, 14.0), Anchor::Start, "t", &format!("colour: {}", third.name));
            svg.legend((LEFT, 36.0), WIDTH - LEFT - 260.0, &keys);
        }
    }
    marks(&mut svg, spots);
    axes(&mut svg, [x, y], [across, up]);
    let place = |s: &Spot| (LEFT + x.at(s.x) * (WIDTH - LEFT - RIGHT), HEAD + (1.0 - y.at(s.y)) * HEIGHT);
    let mut order: Vec<&Spot> = spots.iter().filter(|s| s.x.is_finite() && s.y.is_finite()).collect();
    order.sort_by_key(|s| s.mark);
    let many = order.len() > MANY;
    if many {
        // What lies on one spot is drawn once.
        let mut seen = std::collections::BTreeSet::new();
        let spot = |s: &Spot| {
            let (x, y) = place(s);
            (s.mark, (x / 2.0).round() as i64, (y / 2.0).round() as i64)
        };
        order.retain(|s| seen.insert(spot(s)));
    }
    for spot in order {
        let colour = match colours {
            Colours::Amounts => Shade::Amount.colour(shades.at(spot.value)),
            Colours::Classes(_) => PALETTE[spot.value as usize % PALETTE.len()].to_owned(),
        };
        if spot.mark == Mark::Plain {
            svg.circle(place(spot), if many { 2.0 } else { 3.0 }, &colour, if many { "" } else { &spot.tip });
        } else {
            ringed(&mut svg, place(spot), &colour, spot);
        }
    }
    Some(svg.finish(title))
}

/// A point of the front: larger, with a ring; broken where it was not confirmed.
fn ringed(svg: &mut Svg, at: (f64, f64), colour: &str, spot: &Spot) {
    svg.circle(at, 5.0, colour, &spot.tip);
    let dashes = if spot.mark == Mark::Confirmed { "" } else { " stroke-dasharray=\"2.5 2\"" };
    svg.ring(at, 7.5, &format!("class=\"k\" fill=\"none\" stroke-width=\"1.6\"{dashes}"));
}

/// The legend of marks, at the upper right.
fn marks(svg: &mut Svg, spots: &[Spot]) {
    let x = WIDTH - RIGHT - 230.0;
    let kinds = [
        (Mark::Plain, "point"),
        (Mark::Front, "of the front"),
        (Mark::Confirmed, "of the front, confirmed by cycle"),
    ];
    let used = kinds.iter().filter(|(mark, _)| spots.iter().any(|s| s.mark == *mark));
    for (i, (mark, text)) in used.enumerate() {
        let y = 11.0 + 19.0 * i as f64;
        if *mark == Mark::Plain {
            svg.circle((x, y), 3.0, PALETTE[7], "");
        } else {
            let spot = Spot { x: 0.0, y: 0.0, value: 0.0, mark: *mark, tip: String::new() };
            ringed(svg, (x, y), PALETTE[7], &spot);
        }
        svg.text((x + 14.0, y + 4.0), Anchor::Start, "t", text);
    }
}

/// Both axes with their ticks and names.
fn axes(svg: &mut Svg, [x, y]: [Scale; 2], [across, up]: [&Quantity; 2]) {
    let (right, bottom) = (WIDTH - RIGHT, HEAD + HEIGHT);
    for tick in y.ticks(7) {
        let at = HEAD + (1.0 - y.at(tick)) * HEIGHT;
        svg.line([LEFT, at, right, at], "class=\"g\"");
        svg.text((LEFT - 6.0, at + 4.0), Anchor::End, "m", &tidy(&(up.show)(tick)));
    }
    let mut end = f64::NEG_INFINITY;
    for tick in x.ticks(9) {
        let at = LEFT + x.at(tick) * (right - LEFT);
        svg.line([at, HEAD, at, bottom], "class=\"g\"");
        let text = tidy(&(across.show)(tick));
        let half = text_width(&text) / 2.0;
        if at - half > end + 4.0 && at + half < WIDTH {
            svg.text((at, bottom + 16.0), Anchor::Middle, "m", &text);
            end = at + half;
        }
    }
    svg.line([LEFT, bottom, right, bottom], "class=\"a\"");
    svg.line([LEFT, HEAD, LEFT, bottom], "class=\"a\"");
    svg.text((f64::midpoint(LEFT, right), bottom + 38.0), Anchor::Middle, "t", across.name);
    let (tx, ty) = (13.0, HEAD + HEIGHT / 2.0);
    let turn = format!("rotate(-90 {} {})", num(tx), num(ty));
    svg.turned((tx, ty), &turn, "t", up.name);
}
