//! A space of points: axes of values, what depends on them, what they must satisfy, and what is looked for.
//!
//! A point is named by its *digits*, one an axis, or by its *index*, the digits as a number in mixed radix.

mod axes;
mod file;
mod goal;

pub use axes::{Axis, Constraint, Fold, Term};
pub use goal::{Goal, Limit};

use crate::config::Config;
use crate::keys;
use crate::metrics::Metric;
use crate::scalar::{Scalar, Settings};
use pulvinar_ir::{Diagnostic, Result};
use std::path::{Path, PathBuf};

/// A key that follows another.
#[derive(Debug, Clone, PartialEq)]
pub struct Tie {
    /// The key.
    pub key: String,
    /// The one it follows.
    pub of: String,
    /// Factor on its value.
    pub times: Option<f64>,
}

/// A space.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Name in results.
    pub name: String,
    /// Folder that paths are relative to.
    pub folder: PathBuf,
    /// What no axis changes.
    pub base: Config,
    /// Axes: single keys in alphabetical order, then those of several keys as they are written.
    pub axes: Vec<Axis>,
    /// Keys that follow others.
    pub ties: Vec<Tie>,
    /// What a point must satisfy.
    pub constraints: Vec<Constraint>,
    /// Points listed one by one.
    pub listed: Vec<Settings>,
    /// Objectives.
    pub goal: Goal,
    /// The base as JSON.
    json: serde_json::Value,
}

impl Space {
    /// Reads a file.
    ///
    /// # Errors
    /// E0111 if it cannot be read, and those of [`Space::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            let message = format!("cannot read the space: {e}");
            Diagnostic::new("E0111", &place, message, "check the path and its permissions")
        })?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Self::parse(&text, &place, &folder)
    }

    /// Reads a text; `place` names it in messages.
    ///
    /// # Errors
    /// E0901 for a text that is no space, E0902 for a wrong name, E0903 for a range or value that no point can have.
    pub fn parse(text: &str, place: &str, folder: &Path) -> Result<Self> {
        file::parse(text, place, folder)
    }

    /// Number of values of every axis.
    pub fn sizes(&self) -> Vec<usize> {
        self.axes.iter().map(|a| a.values.len()).collect()
    }

    /// Points of the whole grid, those that break a constraint among them; none if they are too many to be numbered.
    pub fn grid(&self) -> Option<u128> {
        self.sizes().into_iter().try_fold(1u128, |n, size| n.checked_mul(size as u128))
    }

    /// Digits of an index; the last axis changes fastest.
    pub fn digits(&self, mut index: u128) -> Vec<usize> {
        let mut digits: Vec<usize> = self
            .sizes()
            .into_iter()
            .rev()
            .map(|size| {
                let digit = index % size as u128;
                index /= size as u128;
                digit as usize
            })
            .collect();
        digits.reverse();
        digits
    }

    /// Index of digits.
    pub fn index(&self, digits: &[usize]) -> u128 {
        self.sizes().into_iter().zip(digits).fold(0, |index, (size, &d)| index * size as u128 + d as u128)
    }

    /// What a point sets; none if it breaks a constraint.
    pub fn settings(&self, digits: &[usize]) -> Option<Settings> {
        let mut settings = Settings::new();
        for (axis, &digit) in self.axes.iter().zip(digits) {
            let values = axis.keys.iter().cloned().zip(axis.values[digit].iter().cloned());
            settings.extend(values);
        }
        self.complete(settings)
    }

    /// Adds what follows; none if a constraint is broken.
    pub fn complete(&self, mut settings: Settings) -> Option<Settings> {
        let base = &self.json;
        let value = |settings: &Settings, key: &str| {
            settings.get(key).cloned().or_else(|| keys::get(base, key).and_then(Scalar::of_json))
        };
        for tie in &self.ties {
            let followed = value(&settings, &tie.of)?;
            let own = match (&followed, tie.times) {
                (_, None) => followed,
                (Scalar::Int(v), Some(times)) => Scalar::Int((*v as f64 * times).round() as i64),
                (v, Some(times)) => Scalar::Real(v.number()? * times),
            };
            settings.insert(tie.key.clone(), keys::fitted(base, &tie.key, own));
        }
        let number = |key: &str| value(&settings, key).and_then(|v| v.number());
        self.constraints.iter().all(|c| c.holds(&number)).then_some(settings)
    }

    /// The configuration of settings.
    ///
    /// # Errors
    /// E0903 for values of the wrong type.
    pub fn config(&self, settings: &Settings) -> Result<Config> {
        keys::with(&self.json, settings)
    }

    /// Metrics of the objectives.
    pub fn objectives(&self) -> Vec<&'static Metric> {
        self.goal.metrics()
    }
}
