//! Diagnostics: every refusal names a place and a remedy.

use std::fmt;

/// One message about one fault. `help` is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, e.g. `E0102`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where: file, node, tensor, tile or key.
    pub place: String,
    /// A way out.
    pub help: String,
}

/// Result of anything that can refuse.
pub type Result<T> = std::result::Result<T, Diagnostic>;

impl Diagnostic {
    /// A diagnostic from its four parts.
    pub fn new(
        code: &'static str,
        place: impl Into<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Diagnostic { code, message: message.into(), place: place.into(), help: help.into() }
    }
    /// The same diagnostic, its place prefixed by an outer one (a file, for instance).
    pub fn within(mut self, outer: &str) -> Self {
        self.place =
            if self.place.is_empty() { outer.to_owned() } else { format!("{outer}: {}", self.place) };
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}\n  at: {}\n  help: {}", self.code, self.message, self.place, self.help)
    }
}

impl std::error::Error for Diagnostic {}
