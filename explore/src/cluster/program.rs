//! Programs of an engine, and their words.

use pulvinar_ir::{Diagnostic, Result};
use std::io::ErrorKind;
use std::process::{Command, Stdio};

/// What a program prints.
///
/// # Errors
/// E0941 if it is not there, E0942 with its own words if it fails.
pub fn ask(command: &[String], remedy: &str) -> Result<String> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    let out = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(|e| {
        let message = match e.kind() {
            ErrorKind::NotFound => format!("there is no program `{program}` on PATH"),
            _ => format!("`{program}` cannot be started: {e}"),
        };
        Diagnostic::new("E0941", program, message, remedy)
    })?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let words = first_words(&[&out.stderr[..], &out.stdout[..]].concat());
    let said = if words.is_empty() { out.status.to_string() } else { words };
    Err(Diagnostic::new(
        "E0942",
        program,
        format!("the engine refuses: {said}"),
        "see to what it says, then give the same command again; what was finished is kept",
    ))
}

/// As [`ask`], for the question whether an engine is there: a failure means that it is not (E0941).
pub fn reach(command: &[String], remedy: &str) -> Result<String> {
    ask(command, remedy).map_err(|d| match d.code {
        "E0942" => {
            let said = d.message.trim_start_matches("the engine refuses: ");
            Diagnostic::new("E0941", d.place, format!("the engine does not answer: {said}"), remedy)
        }
        _ => d,
    })
}

/// The first lines of what a program says, on one line, without colours.
pub fn first_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut plain = String::new();
    let mut rest = text.as_ref();
    while let Some((before, colour)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = colour.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let words: Vec<&str> = plain.lines().map(str::trim).filter(|l| !l.is_empty()).take(3).collect();
    words.join("; ")
}

/// Words as a vector of arguments.
pub fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|&w| w.to_owned()).collect()
}

/// A command as a line of a POSIX shell.
pub fn line(command: &[String]) -> String {
    command.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ")
}

/// A word for a POSIX shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Ascending numbers as ranges: `0-3,7`.
pub fn ranges(ids: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &id in ids {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => runs.push((id, id)),
        }
    }
    let text = |(a, b): &(u32, u32)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    runs.iter().map(text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 3, 7, 9, 10]), "0-3,7,9-10");
        assert_eq!(ranges(&[5]), "5");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        let command = words(&["/a/b", "--x=1", "two words", "it's", ""]);
        assert_eq!(line(&command), r"/a/b --x=1 'two words' 'it'\''s' ''");
        let out = Command::new("sh").args(["-c", &format!("printf '%s|' {}", line(&command))]).output();
        assert_eq!(String::from_utf8_lossy(&out.unwrap().stdout), "/a/b|--x=1|two words|it's||");
    }

    #[test]
    fn colours_are_left_out() {
        assert_eq!(first_words(b"\x1b[31mError:\x1b[0m no\n\n server\n"), "Error: no; server");
    }
}
