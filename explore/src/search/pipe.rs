//! A sampler in another program: it writes proposals and reads what came of them, a line of JSON each.
//!
//! ```text
//! out: {"axes": [{"size": 3, "ordered": true, "values": [{"core.lanes": 4}, ...]}, ...], "objectives": [...], "budget": 200}
//! in:  [[0, 2, 1], [2, 2, 0]]              proposals: one digit an axis, counted from 0
//! out: [{"digits": [2, 2, 0], "number": 1, "key": "..", "status": "ok", "unit": [0.4, 0.7], "hypervolume": 0.18}, ...]
//! ```
//!
//! Answers come in order of the keys, refused proposals last (`"status": "refused"`). The end of the input ends the search.

use super::{Digits, Gene, Sampler, Told};
use pulvinar_ir::{Diagnostic, Result};
use serde_json::{json, Value as Json};
use std::io::{BufRead, Write};

/// The sampler.
pub struct Pipe<R, W> {
    genes: Vec<Gene>,
    input: R,
    output: W,
    line: usize,
}

fn refused(place: String, message: impl Into<String>) -> Diagnostic {
    let help =
        "write one line a batch: a JSON list of points, each a list of digits, one an axis (docs/explore.md)";
    Diagnostic::new("E0921", place, message, help)
}

impl<R: BufRead, W: Write> Pipe<R, W> {
    /// A sampler on these ends; `head` is written at once.
    ///
    /// # Errors
    /// E0921 if the other program is gone.
    pub fn new(genes: Vec<Gene>, input: R, output: W, head: &Json) -> Result<Self> {
        let mut pipe = Pipe { genes, input, output, line: 0 };
        pipe.write(head)?;
        Ok(pipe)
    }

    fn write(&mut self, value: &Json) -> Result<()> {
        let written = writeln!(self.output, "{value}").and_then(|()| self.output.flush());
        written.map_err(|e| refused("standard output".to_owned(), format!("no one reads the answers: {e}")))
    }
}

impl<R: BufRead, W: Write> Sampler for Pipe<R, W> {
    fn ask(&mut self, count: usize) -> Result<Vec<Digits>> {
        self.line += 1;
        let place = || format!("standard input: line {}", self.line);
        let mut text = String::new();
        let read = self.input.read_line(&mut text);
        read.map_err(|e| refused(place(), format!("the proposals cannot be read: {e}")))?;
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<Digits> = serde_json::from_str(&text)
            .map_err(|e| refused(place(), format!("this is no list of points: {e}")))?;
        if asked.len() > count || asked.is_empty() {
            let message = format!("{} points are proposed and {count} are left of the budget", asked.len());
            return Err(refused(place(), message));
        }
        let fits = |d: &&Digits| {
            d.len() == self.genes.len() && d.iter().zip(&self.genes).all(|(d, gene)| *d < gene.size)
        };
        match asked.iter().find(|d| !fits(d)) {
            None => Ok(asked),
            Some(wrong) => {
                let sizes: Vec<usize> = self.genes.iter().map(|g| g.size).collect();
                Err(refused(place(), format!("{wrong:?} is no point of axes with {sizes:?} values")))
            }
        }
    }

    fn tell(&mut self, told: &[Told]) -> Result<()> {
        let answer = |t: &Told| match t.trial {
            None => json!({"digits": t.digits, "status": "refused"}),
            Some(trial) => json!({
                "digits": t.digits, "number": trial.number, "key": trial.key, "status": trial.outcome.status,
                "unit": trial.outcome.unit, "hypervolume": trial.hypervolume,
            }),
        };
        self.write(&told.iter().map(answer).collect())
    }
}
