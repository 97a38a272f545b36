//! Scales of axes and of colours.

use super::svg::{Anchor, Svg};

/// An axis from its lowest to its highest value, logarithmic where these are far apart.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

/// Ratio of the highest to the lowest value from which an axis is logarithmic.
const FAR: f64 = 8.0;

impl Scale {
    /// The scale of these values; none without a finite one.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let ends = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = values.filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        (low <= high).then(|| Scale { low, high, log: low > 0.0 && high / low >= FAR })
    }

    /// The same with a margin at both ends, a share of its length.
    pub fn widened(self, share: f64) -> Self {
        let Scale { low, high, log } = self;
        if log {
            let factor = (high / low).powf(share);
            return Scale { low: low / factor, high: high * factor, log };
        }
        let margin = if high > low { (high - low) * share } else { high.abs().max(1.0) * share };
        Scale { low: low - margin, high: high + margin, log }
    }

    /// Place of a value, 0 at the low end and 1 at the high end.
    pub fn at(self, value: f64) -> f64 {
        let Scale { low, high, log } = self;
        if high <= low {
            return 0.5;
        }
        if log {
            return (value.max(f64::MIN_POSITIVE) / low).ln() / (high / low).ln();
        }
        (value - low) / (high - low)
    }

    /// The value at a place.
    pub fn value(self, at: f64) -> f64 {
        let Scale { low, high, log } = self;
        if log {
            low * (high / low).powf(at)
        } else {
            low + (high - low) * at
        }
    }

    /// Round values within the scale, at most about `most`.
    pub fn ticks(self, most: usize) -> Vec<f64> {
        let Scale { low, high, log } = self;
        if high <= low {
            return vec![low];
        }
        if log {
            let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
            let round = |steps: &[f64]| -> Vec<f64> {
                let all = decades.clone().flat_map(|d| steps.iter().map(move |s| s * 10_f64.powi(d)));
                all.filter(|v| (low..=high).contains(v)).collect()
            };
            let all = [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]].map(round);
            let fits = all.iter().find(|ticks| ticks.len() <= most).or(all.last());
            return fits.filter(|t| !t.is_empty()).cloned().unwrap_or_else(|| vec![low, high]);
        }
        let rough = (high - low) / most.max(1) as f64;
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|s| s * decade).into_iter().find(|s| *s >= rough);
        let step = step.unwrap_or(10.0 * decade);
        let first = (low / step).ceil() as i64;
        (first..).map(|i| i as f64 * step).take_while(|v| *v <= high + step * 1e-9).collect()
    }
}

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// How much: dark is little, bright is much (viridis without its palest end; Smith and van der Walt, 2015).
    Amount,
    /// On which side of the middle: green below, red above.
    Sides,
}

const AMOUNT: [[f64; 3]; 5] =
    [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [222.0, 205.0, 40.0]];
const SIDES: [[f64; 3]; 5] = [
    [18.0, 110.0, 72.0],
    [120.0, 190.0, 150.0],
    [240.0, 240.0, 236.0],
    [232.0, 150.0, 120.0],
    [176.0, 36.0, 30.0],
];

impl Shade {
    /// Red, green, blue at a place from 0 to 1.
    fn rgb(self, at: f64) -> [f64; 3] {
        let stops = if self == Shade::Amount { &AMOUNT } else { &SIDES };
        let x = at.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let i = (x as usize).min(stops.len() - 2);
        let part = x - i as f64;
        [0, 1, 2].map(|c| stops[i][c] + (stops[i + 1][c] - stops[i][c]) * part)
    }

    /// Colour at a place from 0 to 1.
    pub fn colour(self, at: f64) -> String {
        let [r, g, b] = self.rgb(at).map(|c| c.round() as u8);
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Colour of a text on it.
    pub fn ink(self, at: f64) -> &'static str {
        let [r, g, b] = self.rgb(at);
        if 0.299 * r + 0.587 * g + 0.114 * b > 140.0 {
            "#1b1f24"
        } else {
            "#ffffff"
        }
    }
}

/// A bar of the colours of a scale with its ticks, from `x` on, `width` wide and 40 pixels high, below its name.
pub(crate) fn colour_bar(
    svg: &mut Svg,
    [x, y, width]: [f64; 3],
    name: &str,
    scale: Scale,
    shade: Shade,
    show: &dyn Fn(f64) -> String,
) {
    const PARTS: usize = 48;
    svg.text((x, y + 10.0), Anchor::Start, "t", name);
    let part = width / PARTS as f64;
    for i in 0..PARTS {
        let colour = shade.colour((i as f64 + 0.5) / PARTS as f64);
        svg.rect([x + part * i as f64, y + 16.0, part + 0.3, 9.0], &format!("fill=\"{colour}\""), "");
    }
    for (at, anchor) in [(0.0, Anchor::Start), (0.5, Anchor::Middle), (1.0, Anchor::End)] {
        svg.text((x + width * at, y + 38.0), anchor, "m", &show(scale.value(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_logarithmic_where_values_are_far_apart() {
        let near = Scale::of([2.0, 10.0].into_iter()).unwrap();
        assert_eq!((near.at(6.0), near.value(0.5)), (0.5, 6.0));
        assert_eq!(near.ticks(5), [2.0, 4.0, 6.0, 8.0, 10.0]);
        let far = Scale::of([1.0, f64::NAN, 10_000.0].into_iter()).unwrap();
        assert!((far.at(100.0) - 0.5).abs() < 1e-12 && (far.value(0.25) - 10.0).abs() < 1e-9);
        assert_eq!(far.ticks(6), [1.0, 10.0, 100.0, 1000.0, 10_000.0]);
        let one = Scale::of([3.0].into_iter()).unwrap();
        assert_eq!((one.at(3.0), one.ticks(4)), (0.5, vec![3.0]));
        assert!(Scale::of([f64::NAN].into_iter()).is_none());
        let wide = near.widened(0.5);
        assert_eq!((wide.value(0.0), wide.value(1.0)), (-2.0, 14.0));
    }

    #[test]
    fn colours_are_readable_under_a_text() {
        assert_eq!(Shade::Amount.colour(0.0), "#440154");
        assert_eq!((Shade::Amount.ink(0.0), Shade::Amount.ink(1.0)), ("#ffffff", "#1b1f24"));
        assert_eq!(Shade::Sides.ink(0.5), "#1b1f24");
        assert_eq!(Shade::Amount.colour(7.0), Shade::Amount.colour(1.0));
    }
}
