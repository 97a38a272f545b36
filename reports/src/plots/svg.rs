//! A small SVG writer: rectangles, lines, paths, text.

use crate::table::escape;

/// An SVG under construction; coordinates in its own pixels.
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Self {
        Svg { width, height, body: String::new() }
    }

    /// A rectangle with an optional tooltip.
    pub fn rect(&mut self, [x, y, w, h]: [f64; 4], paint: &str, tip: &str) {
        let (x, y, w, h) = (num(x), num(y), num(w), num(h));
        self.body.push_str(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" {paint}"));
        if tip.is_empty() {
            self.body.push_str("/>\n");
        } else {
            self.body.push_str(&format!("><title>{}</title></rect>\n", escape(tip)));
        }
    }

    /// A filled circle with an optional tooltip.
    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, colour: &str, tip: &str) {
        let (x, y, r) = (num(x), num(y), num(radius));
        self.body.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" fill=\"{colour}\""));
        if tip.is_empty() {
            self.body.push_str("/>\n");
        } else {
            self.body.push_str(&format!("><title>{}</title></circle>\n", escape(tip)));
        }
    }

    /// A circle that is not filled by a colour of its own.
    pub fn ring(&mut self, (x, y): (f64, f64), radius: f64, paint: &str) {
        let (x, y, r) = (num(x), num(y), num(radius));
        self.body.push_str(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {paint}/>\n"));
    }

    /// Text around its middle, turned.
    pub fn turned(&mut self, (x, y): (f64, f64), transform: &str, class: &str, text: &str) {
        let (x, y) = (num(x), num(y));
        self.body.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"middle\" transform=\"{transform}\">{}</text>\n",
            escape(text)
        ));
    }

    /// Muted text that stays readable over lines.
    pub fn haloed(&mut self, at: (f64, f64), anchor: Anchor, text: &str) {
        self.text(at, anchor, "m h", text);
    }

    /// Text around its middle in a colour of its own.
    pub fn inked(&mut self, (x, y): (f64, f64), colour: &str, text: &str) {
        let (x, y) = (num(x), num(y));
        self.body.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" text-anchor=\"middle\">{}</text>\n",
            escape(text)
        ));
    }

    /// Text of class `t` (ink) or `m` (muted).
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y) = (num(x), num(y));
        self.body.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\"{anchor}>{}</text>\n",
            escape(text)
        ));
    }

    /// A line.
    pub fn line(&mut self, [x1, y1, x2, y2]: [f64; 4], paint: &str) {
        let (x1, y1, x2, y2) = (num(x1), num(y1), num(x2), num(y2));
        self.body.push_str(&format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {paint}/>\n"));
    }

    /// A path.
    pub fn path(&mut self, data: &str, paint: &str) {
        self.body.push_str(&format!("<path d=\"{data}\" {paint}/>\n"));
    }

    /// A path with a tooltip.
    pub fn path_with_tip(&mut self, data: &str, paint: &str, tip: &str) {
        self.body.push_str(&format!("<path d=\"{data}\" {paint}><title>{}</title></path>\n", escape(tip)));
    }

    /// Colour keys in lines of the given width; returns the y below them.
    pub fn legend(&mut self, (x, y): (f64, f64), width: f64, entries: &[(&str, &str)]) -> f64 {
        let (mut cx, mut cy) = (x, y);
        for (name, colour) in entries {
            let step = 26.0 + text_width(name);
            if cx > x && cx + step > x + width {
                (cx, cy) = (x, cy + 18.0);
            }
            self.rect([cx, cy - 9.0, 10.0, 10.0], &format!("fill=\"{colour}\""), "");
            self.text((cx + 14.0, cy), Anchor::Start, "t", name);
            cx += step;
        }
        cy + 18.0
    }

    /// The finished picture; `title` is read to those who cannot see it.
    pub fn finish(self, title: &str) -> String {
        let (w, h, title) = (num(self.width), num(self.height), escape(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
             role=\"img\" aria-label=\"{title}\">\n{}</svg>",
            self.body
        )
    }
}

/// Height of a legend of these entries.
pub fn legend_height(width: f64, entries: &[(&str, &str)]) -> f64 {
    Svg::new(0.0, 0.0).legend((0.0, 0.0), width, entries)
}

/// Rough width of a 12-pixel text.
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.8
}

/// A text cut to a width, with an ellipsis.
pub fn cut(text: &str, width: f64) -> String {
    let room = (width / 6.8).floor().max(0.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    if kept.is_empty() {
        kept
    } else {
        kept + "…"
    }
}

/// A coordinate with at most two decimals.
pub fn num(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}
