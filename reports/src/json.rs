//! The report as JSON, and back; its JSON Schema.

use crate::report::{Report, FORMAT};
use pulvinar_ir::diag::{Diagnostic, Result};

/// JSON, indented, one line feed at the end.
pub fn to_json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("invariant: plain data always serialises") + "\n"
}

/// A report from JSON. Refuses what does not parse (`E0613`) and other versions of the form (`E0614`).
pub fn from_json(text: &str) -> Result<Report> {
    let report: Report = serde_json::from_str(text).map_err(|e| {
        Diagnostic::new(
            "E0613",
            format!("line {}", e.line()),
            format!("this is no report: {e}"),
            "give a report.json written by this version of the program",
        )
    })?;
    if report.format != FORMAT {
        return Err(Diagnostic::new(
            "E0614",
            "format",
            format!("the report has format {} and this program reads format {FORMAT}", report.format),
            "run the simulation again, or use the version of the program that wrote it",
        ));
    }
    Ok(report)
}

/// JSON Schema of the report.
pub fn schema() -> String {
    serde_json::to_string_pretty(&schemars::schema_for!(Report)).expect("invariant: a schema is plain JSON")
        + "\n"
}
