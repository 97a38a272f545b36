//! Operations that somebody else has counted, for `paper-sop`, and the rate that is applied twice.
//!
//! A table of operations often holds a rate beside each count, and the count may have the rate in it already. Multiplying once
//! more makes a network look better by 1/Φ: PMC10242054, Table 3, gives 2.51 M operations, which are 0.1366 of the 18.4 M of the
//! dense network, times 0.1366 again: 0.309 µJ in place of 2.26 µJ, 274 times less than the artificial network in place of 37
//! times. So a row with a rate also says how many operations the dense network has, and what the count is of follows:
//!
//! ```text
//! operations = dense          a dense count: operations·Φ are priced
//! operations = dense·Φ        the rate is in already: refused (E0626)
//! anything else               refused (E0627)
//! ```
//!
//! within 1 %, the rounding of published counts. A row without a rate is priced as it stands.

use super::data::Data;
use super::estimators::Estimate;
use pulvinar_ir::{Diagnostic, Result};

/// First line of a table of operations.
pub const HEADER: &str = "layer,kind,operations,rate,dense";

/// Relative difference within which two counts are the same.
const ROUNDING: f64 = 0.01;

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Layer, or network.
    pub name: String,
    /// True for multiply-accumulates, false for accumulations.
    pub multiplies: bool,
    /// Operations of one sample, all steps.
    pub operations: f64,
    /// Rate that is to be applied; none if the operations are what is done.
    pub rate: Option<f64>,
    /// Operations of the same layer at a rate of 1.
    pub dense: Option<f64>,
}

impl Counted {
    /// Operations that are done.
    ///
    /// # Errors
    /// A rate that the operations have in them already (`E0626`); numbers that are none, and a rate that cannot be checked (`E0627`).
    pub fn done(&self) -> Result<f64> {
        let numbers = [Some(self.operations), self.rate, self.dense];
        if numbers.into_iter().flatten().any(|n| !n.is_finite() || n < 0.0) {
            return Err(self.refused("a count or a rate below 0", "give counts and rates of 0 or more"));
        }
        let Some(rate) = self.rate else { return Ok(self.operations) };
        let Some(dense) = self.dense else {
            let help = "give the operations at a rate of 1 as `dense`, or no rate if it is in the operations already";
            return Err(self.refused("nothing says whether the rate is in the operations already", help));
        };
        let same = |a: f64, b: f64| (a - b).abs() <= ROUNDING * b;
        if same(self.operations, dense) {
            return Ok(self.operations * rate);
        }
        if same(self.operations, dense * rate) {
            return Err(self.twice(rate, dense)?);
        }
        let said = format!("{} operations are neither the dense {dense} nor {rate} of them", self.operations);
        Err(self.refused(&said, "check the three numbers"))
    }

    fn refused(&self, message: &str, help: &str) -> Diagnostic {
        Diagnostic::new("E0627", &self.name, message, help)
    }

    fn twice(&self, rate: f64, dense: f64) -> Result<Diagnostic> {
        let pj = self.price_pj()? * self.operations;
        let message = format!(
            "the rate {rate} is in the {} operations already, which are {rate} of {dense}: once more gives {:.3} uJ in place of {:.2} uJ",
            self.operations,
            pj * rate * 1e-6,
            pj * 1e-6
        );
        Ok(Diagnostic::new("E0626", &self.name, message, "leave the rate of this row out"))
    }

    fn price_pj(&self) -> Result<f64> {
        Ok(Data::embedded().constants.per_term(if self.multiplies { "paper_mac" } else { "paper_ac" })?.pj())
    }
}

/// Reads a table of operations: the line [`HEADER`], then rows such as `conv1,ac,2.51e6,0.1366,18.4e6`. Kinds are `ac` and `mac`;
/// `rate` and `dense` may be empty.
///
/// # Errors
/// Text that is no such table (`E0627`).
pub fn parse(text: &str, place: &str) -> Result<Vec<Counted>> {
    let refused = |line: usize, message: String| {
        let help =
            format!("the first line is `{HEADER}`; kinds are ac and mac, `rate` and `dense` may be empty");
        Diagnostic::new("E0627", format!("{place}: line {line}"), message, help)
    };
    let mut lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    if lines.next().map(|l| l.1) != Some(HEADER) {
        return Err(refused(1, "this is no table of operations".to_owned()));
    }
    let row = |(at, line): (usize, &str)| {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let &[name, kind, operations, rate, dense] = fields.as_slice() else {
            return Err(refused(at + 1, format!("{} columns in place of 5", fields.len())));
        };
        let number = |field: &str| {
            field.parse::<f64>().map_err(|_| refused(at + 1, format!("`{field}` is no number")))
        };
        let optional = |field: &str| if field.is_empty() { Ok(None) } else { number(field).map(Some) };
        let multiplies = match kind {
            "mac" => true,
            "ac" => false,
            other => return Err(refused(at + 1, format!("there is no kind `{other}`"))),
        };
        let (rate, dense) = (optional(rate)?, optional(dense)?);
        Ok(Counted { name: name.to_owned(), multiplies, operations: number(operations)?, rate, dense })
    };
    let rows = lines.map(row).collect::<Result<Vec<_>>>()?;
    if rows.is_empty() {
        return Err(refused(2, "the table has no rows".to_owned()));
    }
    Ok(rows)
}

/// The estimate of `paper-sop` on counted operations.
pub(super) fn estimate(name: &'static str, rows: &[Counted]) -> Result<Estimate> {
    let mut terms = [("accumulations (AC)", 0.0), ("multiply-accumulates (MAC)", 0.0)];
    for row in rows {
        terms[usize::from(row.multiplies)].1 += row.done()? * row.price_pj()?;
    }
    let leaves_out =
        ["whatever is not in the table", "every memory access, network on chip, leakage and clock"];
    let estimate = Estimate::new(name, &terms, &leaves_out, &["paper_mac", "paper_ac"]);
    Ok(estimate.choosing([(true, "operations as given", None)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pmc10242054(rate: Option<f64>, dense: Option<f64>) -> Counted {
        Counted { name: "PMC10242054".to_owned(), multiplies: false, operations: 2.51e6, rate, dense }
    }

    #[test]
    fn a_rate_applied_twice_is_refused() {
        let refusal = pmc10242054(Some(0.1366), Some(18.4e6)).done().unwrap_err();
        assert_eq!(refusal.code, "E0626");
        assert!(refusal.message.ends_with("once more gives 0.309 uJ in place of 2.26 uJ"), "{refusal}");
        assert_eq!(pmc10242054(Some(0.1366), None).done().unwrap_err().code, "E0627");
        assert_eq!(pmc10242054(Some(0.1366), Some(9e6)).done().unwrap_err().code, "E0627");
        let once = estimate("paper-sop", &[pmc10242054(None, None)]).unwrap();
        assert!((once.total_pj * 1e-6 - 2.259).abs() < 1e-9);
        let dense = Counted { operations: 18.4e6, ..pmc10242054(Some(0.1366), Some(18.4e6)) };
        assert!((dense.done().unwrap() / 2.51e6 - 1.0).abs() < 0.01);
        let ann = Counted { multiplies: true, ..Counted { rate: None, ..dense } };
        let ann = estimate("paper-sop", &[ann]).unwrap().total_pj;
        assert_eq!((ann / once.total_pj).round(), 37.0);
        assert_eq!((ann / (once.total_pj * 0.1366)).round(), 274.0);
    }

    #[test]
    fn tables_are_read() {
        let text = "layer,kind,operations,rate,dense\nstem,mac,100,,\nconv1,ac, 200 ,0.5,200\n";
        let rows = parse(text, "ops.csv").unwrap();
        assert_eq!(estimate("paper-sop", &rows).unwrap().total_pj, 4.6 * 100.0 + 0.9 * 100.0);
        for bad in ["", "layer,kind\n", "layer,kind,operations,rate,dense\n"] {
            assert_eq!(parse(bad, "ops.csv").unwrap_err().code, "E0627");
        }
        for row in ["a,ac,1", "a,add,1,,", "a,ac,x,,", "a,ac,,,"] {
            assert_eq!(parse(&format!("{HEADER}\n{row}\n"), "ops.csv").unwrap_err().code, "E0627", "{row}");
        }
    }
}
