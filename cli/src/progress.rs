//! Progress on terminals only.

use crate::args::Global;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// A bar over `n` items, invisible with `--quiet`, `--json` or without a terminal.
pub fn bar(global: &Global, n: usize, what: &str) -> ProgressBar {
    styled(global, n, what, "{msg:24} [{bar:30}] {pos}/{len} {eta}")
}

/// The same with the rate.
pub fn rate(global: &Global, n: usize, what: &str) -> ProgressBar {
    styled(global, n, what, "{msg:12} [{bar:30}] {pos}/{len} {per_sec} {eta}")
}

fn styled(global: &Global, n: usize, what: &str, template: &str) -> ProgressBar {
    if global.quiet || global.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(n as u64);
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar
}

/// A note on what is being done, on terminals only.
pub fn note(global: &Global, text: &str) {
    if !global.quiet && !global.json && std::io::stderr().is_terminal() {
        eprintln!("{text}");
    }
}
