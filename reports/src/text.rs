//! The summary on a terminal: the six answers in order.

use crate::report::Report;
use crate::sections::{answers, details, Section};

pub use crate::table::Style;

/// Widest line of prose, characters.
const WIDTH: usize = 100;

/// The summary as text.
pub fn summary(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let all = answers(report).into_iter().chain(details(report).into_iter().take(1));
    for section in all {
        out.push_str(&section_text(&section, style));
    }
    out.push_str(&(style.title("Provenance") + "\n"));
    let p = &report.provenance;
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    out.push_str(&wrap(&format!(
        "version {}; seed {}; sha256 of model {}, input {}, chip {}; {} constants with sources.",
        clean(&p.version),
        p.seed,
        short(&p.model_hash),
        short(&p.input_hash),
        short(&p.arch_hash),
        p.constants.len()
    )));
    for assumption in &p.assumptions {
        out.push_str(&wrap(&format!("assumed: {}", clean(assumption))));
    }
    out
}

fn section_text(section: &Section, style: Style) -> String {
    let mut out = style.title(section.title) + "\n";
    section.lines.iter().for_each(|line| out.push_str(&wrap(&clean(line))));
    if let Some(alarm) = &section.alarm {
        out.push_str(&style.warning(&wrap(&clean(alarm))));
    }
    for table in section.tables.iter().filter(|t| t.brief && !t.rows.is_empty()) {
        out.push('\n');
        out.push_str(&table.to_text("  ", style));
    }
    out.push('\n');
    out
}

/// Text without control characters, so that no file can steer a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Breaks a sentence at spaces and indents it by two.
pub(crate) fn wrap(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = line.chars().count() + word.chars().count() + 1;
        if !line.is_empty() && length > WIDTH {
            out.push_str(&format!("  {line}\n"));
            line = String::from("  ");
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out + &format!("  {line}\n")
}
