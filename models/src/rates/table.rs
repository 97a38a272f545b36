//! Rates by layer: `layer,rate` with that header, one row a layer; `#` begins a line of remarks.

use crate::read_file;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// First line of a file of rates.
pub const HEADER: &str = "layer,rate";

/// Mean spikes of an element and step: of layers by name, and one for all others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    others: Option<f64>,
    layers: BTreeMap<String, f64>,
}

impl Rates {
    /// One rate for all layers.
    ///
    /// # Errors
    /// A rate outside 0..=1 (E0407).
    pub fn uniform(rate: f64) -> Result<Self> {
        Rates::default().with_others(rate)
    }

    /// These, and one rate for every layer that is not named.
    ///
    /// # Errors
    /// A rate outside 0..=1 (E0407).
    pub fn with_others(self, rate: f64) -> Result<Self> {
        check(rate, "the rate of all layers")?;
        Ok(Rates { others: Some(rate), ..self })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// An unreadable file (E0111), and those of [`Rates::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        Self::parse(&String::from_utf8_lossy(&read_file(path)?), &place)
    }

    /// Reads the text of a file, `place`.
    ///
    /// # Errors
    /// Another header, a row that is not a name and a number, a layer named twice (E0408); a rate outside 0..=1 (E0407).
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let refuse = |line: usize, message: String| {
            let help = format!(
                "begin with the line `{HEADER}`, then give one row a layer, such as `conv0.spikes,0.17`"
            );
            Err(Diagnostic::new("E0408", format!("{place}, line {line}"), message, help))
        };
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let mut rows =
            lines.map(|(i, l)| (i + 1, l.trim())).filter(|(_, l)| !l.is_empty() && !l.starts_with('#'));
        match rows.next() {
            Some((_, line)) if fields(line) == fields(HEADER) => {}
            Some((n, line)) => return refuse(n, format!("`{line}` is not the header of a file of rates")),
            None => return refuse(1, "the file has no rates".to_owned()),
        }
        let mut layers = BTreeMap::new();
        for (n, line) in rows {
            let Some((name, Ok(rate))) = fields(line).map(|(name, rate)| (name, rate.parse::<f64>())) else {
                return refuse(n, format!("`{line}` is not a layer and its rate"));
            };
            check(rate, &format!("{place}, line {n}"))?;
            if layers.insert(name.to_owned(), rate).is_some() {
                return refuse(n, format!("`{name}` has a rate already"));
            }
        }
        Ok(Rates { others: None, layers })
    }

    /// The rate of a layer that is named.
    pub fn named(&self, layer: &str) -> Option<f64> {
        self.layers.get(layer).copied()
    }

    /// The rate of a layer, if it has one.
    pub fn of(&self, layer: &str) -> Option<f64> {
        self.named(layer).or(self.others)
    }

    /// Refuses rates that do not fit these layers, of which the `optional` ones may go without.
    ///
    /// # Errors
    /// A rate of a layer that is not there, a layer without a rate (E0409).
    pub fn check(&self, layers: &[&str], optional: &[&str]) -> Result<()> {
        let known = |name: &str| layers.contains(&name) || optional.contains(&name);
        if let Some(name) = self.layers.keys().find(|name| !known(name)) {
            let names = [layers, optional].concat().join(", ");
            return Err(Diagnostic::new(
                "E0409",
                format!("rate of `{name}`"),
                "no layer of this name spikes in the network",
                format!("name one of {names}"),
            ));
        }
        if let Some(name) = layers.iter().find(|name| self.of(name).is_none()) {
            return Err(Diagnostic::new(
                "E0409",
                format!("layer `{name}`"),
                "it spikes and has no rate",
                "add its row to the file of rates, or give one rate for all layers that have no row",
            ));
        }
        Ok(())
    }
}

/// Name and rate of a row; quotes around a name fall away.
fn fields(line: &str) -> Option<(&str, &str)> {
    let (name, rate) = line.rsplit_once(',')?;
    let name = name.trim().trim_matches('"');
    (!name.is_empty()).then_some((name, rate.trim()))
}

fn check(rate: f64, place: &str) -> Result<()> {
    super::Spread::Bernoulli.check(rate, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let text = "\u{feff}# of a run\nlayer,rate\r\n\nconv0.spikes, 0.25\n\"a, b\",1\ninput,0\n";
        let rates = Rates::parse(text, "rates.csv").unwrap();
        let of = |name| rates.of(name);
        assert_eq!(
            (of("conv0.spikes"), of("a, b"), of("input"), of("fc")),
            (Some(0.25), Some(1.0), Some(0.0), None)
        );
        rates.check(&["conv0.spikes", "a, b"], &["input"]).unwrap();
        let all = rates.with_others(0.5).unwrap();
        assert_eq!((all.of("input"), all.of("fc")), (Some(0.0), Some(0.5)));
        all.check(&["conv0.spikes", "a, b", "fc"], &["input"]).unwrap();
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let of = |text: &str| Rates::parse(text, "rates.csv").unwrap_err();
        for text in [
            "",
            "a,0.1",
            "layer,rate\na",
            "layer,rate\na,much",
            "layer,rate\n,0.1",
            "layer,rate\na,0.1\na,0.1",
        ] {
            assert_eq!(of(text).code, "E0408", "{text}");
        }
        assert_eq!(of("layer,rate\n\na,x").place, "rates.csv, line 3");
        for rate in ["-0.1", "1.5", "NaN", "inf"] {
            assert_eq!(of(&format!("layer,rate\na,{rate}")).code, "E0407");
        }
        assert_eq!(Rates::uniform(2.0).unwrap_err().code, "E0407");
    }

    #[test]
    fn names_must_fit_the_network() {
        let rates = Rates::parse("layer,rate\na,0.1", "rates.csv").unwrap();
        assert_eq!(rates.check(&["a", "b"], &[]).unwrap_err().place, "layer `b`");
        assert_eq!(rates.check(&["c"], &["d"]).unwrap_err().place, "rate of `a`");
    }
}
