//! Rows and their columns.

use crate::metrics::{self, Values};
use crate::point::Key;
use crate::scalar::{Scalar, Settings};
use serde::{Deserialize, Serialize};

/// How a point ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has metrics.
    Ok,
    /// It cannot be built.
    Infeasible,
    /// A bug of ours.
    Crash,
    /// It took longer than allowed.
    Timeout,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 4] = [Status::Ok, Status::Infeasible, Status::Crash, Status::Timeout];

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Infeasible => "infeasible",
            Status::Crash => "crash",
            Status::Timeout => "timeout",
        }
    }

    /// The status of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// True for a result: the same point always comes to it, and it is never run again.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Ok | Status::Infeasible)
    }
}

/// Who computed a row and what it took; no result depends on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Version of the numbers.
    pub semantics: i64,
    /// Version of the program.
    pub version: String,
    /// Name of the plan.
    pub sweep: String,
    /// Name of the machine.
    pub host: String,
    /// Process that computed it: each has a name of its own.
    pub attempt: String,
    /// Time of the point without what its group shares, seconds.
    pub wall_s: f64,
    /// Processor time of the same, seconds.
    pub cpu_s: f64,
}

/// A result with everything that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Key of the point.
    pub key: Key,
    /// How it ended.
    pub status: Status,
    /// Code of the diagnostic; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Why it is not ok; empty if it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The configuration, every key of it.
    pub set: Settings,
    /// Metrics by name.
    #[serde(default)]
    pub metrics: Values,
    /// Who and how.
    pub facts: Facts,
}

/// A column that every row has.
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Meaning.
    pub doc: &'static str,
}

/// Columns beside settings and metrics, in order.
pub const COLUMNS: [Column; 11] = [
    Column {
        name: "key",
        doc: "first 128 bits of the SHA-256 of all that determines the result, hexadecimal",
    },
    Column { name: "status", doc: "ok, infeasible, crash or timeout" },
    Column { name: "code", doc: "code of the diagnostic that says why it is not ok" },
    Column { name: "reason", doc: "the diagnostic in words" },
    Column { name: "semantics", doc: "version of the numbers" },
    Column { name: "version", doc: "version of the program" },
    Column { name: "sweep", doc: "name of the plan" },
    Column { name: "host", doc: "name of the machine" },
    Column { name: "attempt", doc: "process that computed the row" },
    Column { name: "wall_s", doc: "time of the point without what its group shares, seconds" },
    Column { name: "cpu_s", doc: "processor time of the same, seconds" },
];

impl Row {
    /// Hash of what must be the same whoever computed it: status, code and the bits of every metric.
    pub(super) fn digest(&self) -> u64 {
        let metrics = self.metrics.iter().map(|(name, v)| format!("{name}={:x};", v.to_bits()));
        let text = format!("{} {} {}", self.status.name(), self.code, metrics.collect::<String>());
        let hash = pulvinar_models::sha256_hex(text.as_bytes());
        u64::from_str_radix(&hash[..16], 16).expect("a hash is hexadecimal")
    }

    /// All cells by column name.
    pub fn cells(&self) -> Vec<(String, Scalar)> {
        let text = |s: &str| Scalar::Text(s.to_owned());
        let facts = &self.facts;
        let fixed = [
            Scalar::Text(self.key.to_string()),
            text(self.status.name()),
            text(&self.code),
            text(&self.reason),
            Scalar::Int(facts.semantics),
            text(&facts.version),
            text(&facts.sweep),
            text(&facts.host),
            text(&facts.attempt),
            Scalar::Real(facts.wall_s),
            Scalar::Real(facts.cpu_s),
        ];
        let mut cells: Vec<(String, Scalar)> = COLUMNS.iter().map(|c| c.name.to_owned()).zip(fixed).collect();
        cells.extend(self.metrics.iter().map(|(name, v)| (name.clone(), Scalar::Real(*v))));
        cells.extend(self.set.iter().map(|(name, v)| (name.clone(), v.clone())));
        cells
    }

    /// The row of cells; none if a column that every row has is missing or of another type.
    pub fn of_cells(cells: Vec<(String, Scalar)>) -> Option<Self> {
        let (mut set, mut metrics, mut fixed) = (Settings::new(), Values::new(), Settings::new());
        for (name, value) in cells {
            if COLUMNS.iter().any(|c| c.name == name) {
                fixed.insert(name, value);
            } else if metrics::find(&name).is_some() {
                metrics.insert(name, value.number()?);
            } else {
                set.insert(name, value);
            }
        }
        let text = |name: &str| match fixed.get(name) {
            Some(Scalar::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |name: &str| fixed.get(name).and_then(Scalar::number);
        Some(Row {
            key: text("key")?.parse().ok()?,
            status: Status::from_name(&text("status")?)?,
            code: text("code")?,
            reason: text("reason")?,
            set,
            metrics,
            facts: Facts {
                semantics: number("semantics")? as i64,
                version: text("version")?,
                sweep: text("sweep")?,
                host: text("host")?,
                attempt: text("attempt")?,
                wall_s: number("wall_s")?,
                cpu_s: number("cpu_s")?,
            },
        })
    }
}
