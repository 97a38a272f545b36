//! Rates by layer: `layer,rate` with that header, one row a layer; `#` begins a line of remarks. A third column `spread`
//! may say how a layer's spikes are spread ([`Spread::parse`]).

use super::Spread;
use crate::read_file;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// First line of a file of rates.
pub const HEADER: &str = "layer,rate";
/// The same with spreads.
pub const SPREAD_HEADER: &str = "layer,rate,spread";

/// Mean spikes of an element and step: of layers by name, and one for all others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates {
    others: Option<f64>,
    layers: BTreeMap<String, (f64, Option<Spread>)>,
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

    /// Gives one layer its own rate and spread, which [`super::Plan::check`] looks at.
    pub fn set(&mut self, layer: &str, rate: f64, spread: Option<Spread>) {
        self.layers.insert(layer.to_owned(), (rate, spread));
    }

    /// Takes the row of a layer away.
    pub fn remove(&mut self, layer: &str) {
        self.layers.remove(layer);
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
        let spreads = match rows.next() {
            Some((_, line)) if fields(line) == fields(HEADER) => false,
            Some((_, line)) if fields(line) == fields(SPREAD_HEADER) => true,
            Some((n, line)) => return refuse(n, format!("`{line}` is not the header of a file of rates")),
            None => return refuse(1, "the file has no rates".to_owned()),
        };
        let mut layers = BTreeMap::new();
        for (n, line) in rows {
            let place = format!("{place}, line {n}");
            let (row, spread) = match line.rsplit_once(',').filter(|_| spreads) {
                Some((row, text)) if text.trim().is_empty() => (row, None),
                Some((row, text)) => (row, Some(Spread::parse(text.trim(), &place)?)),
                None => (line, None),
            };
            let Some((name, Ok(rate))) = fields(row).map(|(name, rate)| (name, rate.parse::<f64>())) else {
                return refuse(n, format!("`{line}` is not a layer and its rate"));
            };
            spread.unwrap_or(Spread::Bernoulli).check(rate, &place)?;
            if layers.insert(name.to_owned(), (rate, spread)).is_some() {
                return refuse(n, format!("`{name}` has a rate already"));
            }
        }
        Ok(Rates { others: None, layers })
    }

    /// The rate of a layer that is named.
    pub fn named(&self, layer: &str) -> Option<f64> {
        self.layers.get(layer).map(|l| l.0)
    }

    /// The rate of a layer, if it has one.
    pub fn of(&self, layer: &str) -> Option<f64> {
        self.named(layer).or(self.others)
    }

    /// How a layer's spikes are spread, if its row says so.
    pub fn spread(&self, layer: &str) -> Option<Spread> {
        self.layers.get(layer)?.1
    }

    /// The rates in a few words.
    pub fn text(&self) -> String {
        let own = match self.layers.len() {
            0 => String::new(),
            n => format!("{n} layers with their own rates, "),
        };
        own + &self.others.map_or("no others".to_owned(), |r| format!("{r} spikes a neuron and step"))
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
    fn spreads_are_read() {
        let text = "layer,rate,spread\na,0.1,correlated:4:0.5:0.8\nb,0.2,\n";
        let rates = Rates::parse(text, "rates.csv").unwrap();
        let bursts = Spread::Correlated { patch: 4, active: 0.5, persistence: 0.8 };
        assert_eq!((rates.of("a"), rates.spread("a")), (Some(0.1), Some(bursts)));
        assert_eq!((rates.of("b"), rates.spread("b")), (Some(0.2), None));
        let of = |row: &str| Rates::parse(&format!("layer,rate,spread\n{row}"), "rates.csv").unwrap_err();
        assert_eq!(of("a,0.1,everywhere").code, "E0407");
        assert_eq!(of("a,0.6,correlated:4:0.5:0.8").code, "E0407");
        assert_eq!(of("a,much,bernoulli").code, "E0408");
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
