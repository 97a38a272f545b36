//! Bibliography of every source used.

use super::csv;

const TABLE: &str = include_str!("../../data/sources.csv");
const HEADER: &str = "key,type,author,title,venue,year,volume,number,pages,doi,url";

/// One entry of the bibliography; empty fields are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// BibTeX key.
    pub key: String,
    /// BibTeX entry type: `article`, `inproceedings` or `misc`.
    pub kind: String,
    /// Fields in BibTeX order: (name, value).
    pub fields: Vec<(&'static str, String)>,
}

/// Every source, in the order of its key.
pub fn all() -> Vec<Source> {
    csv::rows(TABLE, HEADER).into_iter().map(Source::from_row).collect()
}

/// BibTeX entries of the given keys, each once, in the order of the key. Unknown keys are left out.
pub fn bibtex<S: AsRef<str>>(keys: &[S]) -> String {
    let wanted = |source: &&Source| keys.iter().any(|k| k.as_ref() == source.key);
    all().iter().filter(wanted).map(Source::bibtex).collect()
}

impl Source {
    fn from_row(row: Vec<String>) -> Self {
        let [key, kind, author, title, venue, year, volume, number, pages, doi, url]: [String; 11] =
            row.try_into().expect("invariant: the table is rectangular");
        let venue_name = match kind.as_str() {
            "article" => "journal",
            "inproceedings" => "booktitle",
            _ => "howpublished",
        };
        let names = ["author", "title", venue_name, "year", "volume", "number", "pages", "doi", "url"];
        let values = [author, title, venue, year, volume, number, pages, doi, url];
        let fields = names.into_iter().zip(values).filter(|(_, value)| !value.is_empty()).collect();
        Source { key, kind, fields }
    }

    /// The entry as BibTeX. Titles keep their capitals.
    pub fn bibtex(&self) -> String {
        let mut out = format!("@{}{{{},\n", self.kind, self.key);
        for (name, value) in &self.fields {
            let (open, close) = if *name == "title" { ("{{", "}}") } else { ("{", "}") };
            // Places on the web are no text.
            let plain = ["doi", "url"].contains(name);
            let value = if plain { value.clone() } else { latex_field(value) };
            out.push_str(&format!("  {name} = {open}{value}{close},\n"));
        }
        out + "}\n"
    }
}

/// Text of a field, whose braces group.
fn latex_field(text: &str) -> String {
    text.chars().fold(String::new(), |out, c| match c {
        '&' | '%' | '$' | '#' | '_' => out + "\\" + &c.to_string(),
        c => out + &c.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_fields() {
        let text = bibtex(&["horowitz2014", "no_such_key", "cacti7", "cacti7"]);
        assert_eq!(text.matches('@').count(), 2);
        assert!(text.starts_with("@article{cacti7,\n  author = {Balasubramonian, Rajeev and "));
        assert!(text.contains("@inproceedings{horowitz2014,\n  author = {Horowitz, Mark},\n"));
        assert!(text.contains("  doi = {10.1109/ISSCC.2014.6757323},\n}\n"));
    }

    #[test]
    fn keys_are_sorted_and_entries_complete() {
        let sources = all();
        assert!(sources.windows(2).all(|w| w[0].key < w[1].key));
        for source in sources {
            for field in ["author", "title", "year"] {
                assert!(source.fields.iter().any(|(n, _)| *n == field), "{} lacks {field}", source.key);
            }
            assert!(source.fields.iter().any(|(n, _)| ["doi", "url"].contains(n)), "{}", source.key);
        }
    }
}
