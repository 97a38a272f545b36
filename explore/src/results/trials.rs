//! Logs of searches: a line of JSON an evaluation.

use pulvinar_ir::{Diagnostic, Result};
use std::path::Path;

/// One evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Number of the evaluation, from the log.
    pub number: f64,
    /// Hypervolume of all evaluations so far.
    pub hypervolume: f64,
}

/// A search.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    /// Name: that of the file.
    pub name: String,
    /// Evaluations in order.
    pub trials: Vec<Trial>,
}

impl Trials {
    /// Reads a log. Lines without a number and a hypervolume, such as a head, are passed over.
    ///
    /// # Errors
    /// E0111 if it cannot be read, E0935 if it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            let help = "give the log that `pulvinar explore search` wrote";
            Diagnostic::new("E0111", &place, format!("cannot read the log: {e}"), help)
        })?;
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Self::parse(name, &text, &place)
    }

    fn parse(name: String, text: &str, place: &str) -> Result<Self> {
        let refuse = |line: usize, message: &str| {
            let help = "give the log that `pulvinar explore search` wrote";
            Err(Diagnostic::new("E0935", format!("{place}: line {line}"), message, help))
        };
        let mut trials = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            let Ok(json) = serde_json::from_str::<serde_json::Value>(line) else {
                return refuse(i + 1, "this line is no JSON");
            };
            let number = |field: &str| json.get(field).and_then(serde_json::Value::as_f64);
            if let (Some(number), Some(hypervolume)) = (number("number"), number("hypervolume")) {
                trials.push(Trial { number, hypervolume });
            }
        }
        if trials.is_empty() {
            return refuse(1, "no line has a number and a hypervolume");
        }
        Ok(Trials { name, trials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_lines_of_json() {
        let log = "{\"seed\":1}\n{\"number\":0,\"hash\":\"a\",\"hypervolume\":0.5}\n{\"number\":1,\"hypervolume\":2}\n";
        let read = Trials::parse("a".to_owned(), log, "a.jsonl").unwrap();
        assert_eq!(read.trials[1], Trial { number: 1.0, hypervolume: 2.0 });
        assert_eq!(Trials::parse(String::new(), "{}\n", "a").unwrap_err().code, "E0935");
        assert_eq!(Trials::parse(String::new(), "x\n", "a").unwrap_err().code, "E0935");
    }
}
