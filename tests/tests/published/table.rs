//! Rows of the page.

use std::fmt::Write;

/// A published figure and ours.
pub struct Row {
    /// What it is about.
    pub what: String,
    /// Published figure.
    pub published: f64,
    /// Digits behind its point.
    pub digits: usize,
    /// Our figure.
    pub ours: f64,
    /// What went into ours.
    pub toggles: String,
    /// Why they agree or differ.
    pub reason: String,
}

impl Row {
    /// True if ours rounds to the published figure.
    pub fn follows(&self) -> bool {
        (self.ours - self.published).abs() <= 0.5 * 0.1f64.powi(self.digits as i32) * (1.0 + 1e-9)
    }
}

/// A row; the reason is looked at by the reader, the numbers by [`Row::follows`].
pub fn row(
    what: impl Into<String>,
    (published, digits): (f64, usize),
    ours: f64,
    toggles: impl Into<String>,
    reason: impl Into<String>,
) -> Row {
    Row { what: what.into(), published, digits, ours, toggles: toggles.into(), reason: reason.into() }
}

/// Published, ours, difference, toggles, reason.
pub fn table(unit: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "| | published{unit} | ours{unit} | difference | toggles | reason |\n|---|---|---|---|---|---|\n"
    );
    for r in rows {
        // Adding 0 turns a rounded -0 into 0.
        let relative = (1e3 * (r.ours / r.published - 1.0)).round() / 10.0 + 0.0;
        let difference =
            if r.follows() { format!("{relative:+.1} %, follows") } else { format!("{relative:+.1} %") };
        let (what, published, ours) = (&r.what, number(r.published, r.digits), number(r.ours, r.digits + 1));
        writeln!(text, "| {what} | {published} | {ours} | {difference} | {} | {} |", r.toggles, r.reason)
            .unwrap();
    }
    text
}

/// A table of words.
pub fn words(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    rows.iter().for_each(|r| writeln!(text, "| {} |", r.join(" | ")).unwrap());
    text
}

/// A number with thousands apart if it is whole.
pub fn number(value: f64, digits: usize) -> String {
    if value.fract() != 0.0 || digits > 1 || value < 1e4 {
        return format!("{value:.digits$}");
    }
    whole(value as u64)
}

/// A whole number with thousands apart.
pub fn whole(value: u64) -> String {
    let text = value.to_string();
    let groups: Vec<&str> =
        text.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
    groups.join(",")
}
