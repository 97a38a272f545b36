//! A store as one file for other tools.

use super::part::{Schema, Writer, GROUP_ROWS};
use super::row::Row;
use super::Store;
use crate::files::{self, failed};
use crate::scalar::Scalar;
use pulvinar_ir::Result;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header and a line a row.
    Csv,
    /// A JSON object a line, flat.
    Jsonl,
    /// Parquet with zstd.
    Parquet,
}

impl Store {
    /// Writes the rows that count to a file, whole or not at all; returns their number. With `varying`, settings that are
    /// the same in every row are left out.
    ///
    /// # Errors
    /// As [`Store::known`], and E0908 if the file cannot be written.
    pub fn export(&self, format: Format, varying: bool, target: &Path) -> Result<u64> {
        let constant = if varying { self.constant()? } else { BTreeMap::new() };
        let thin = |mut row: Row| {
            row.set.retain(|name, _| !constant.contains_key(name));
            row
        };
        let mut schema = Schema::default();
        self.unique(&mut |row| {
            schema.add(&thin(row));
            Ok(())
        })?;
        let mut count = 0;
        // The reader's refusal is told rather than the writer's.
        let mut refused = None;
        let fill = |out: &mut BufWriter<File>| -> io::Result<()> {
            let mut sink = Sink::new(format, &schema, out)?;
            let outcome = self.unique(&mut |row| {
                count += 1;
                sink.add(thin(row)).map_err(|e| failed(target, &e))
            });
            if let Err(diagnostic) = outcome {
                let message = diagnostic.to_string();
                refused = Some(diagnostic);
                return Err(io::Error::other(message));
            }
            sink.end()
        };
        let written = files::write(target, fill);
        refused.map_or(written, Err).map(|()| count)
    }

    /// Settings that are the same in every row, with their value.
    fn constant(&self) -> Result<BTreeMap<String, Scalar>> {
        let mut seen: BTreeMap<String, (Scalar, bool, u64)> = BTreeMap::new();
        let mut rows = 0;
        self.unique(&mut |row| {
            rows += 1;
            for (name, value) in row.set {
                let entry = seen.entry(name).or_insert_with(|| (value.clone(), true, 0));
                entry.1 &= entry.0 == value;
                entry.2 += 1;
            }
            Ok(())
        })?;
        Ok(seen.into_iter().filter(|(_, v)| v.1 && v.2 == rows).map(|(name, v)| (name, v.0)).collect())
    }
}

/// Where rows go.
enum Sink<'a> {
    Csv(Vec<String>, &'a mut BufWriter<File>),
    Jsonl(&'a mut BufWriter<File>),
    Parquet(Box<Writer<&'a mut BufWriter<File>>>, Vec<Row>),
}

impl<'a> Sink<'a> {
    fn new(format: Format, schema: &Schema, out: &'a mut BufWriter<File>) -> io::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let names: Vec<String> = schema.names().map(str::to_owned).collect();
                files::line(out, &names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(","))?;
                Sink::Csv(names, out)
            }
            Format::Jsonl => Sink::Jsonl(out),
            Format::Parquet => Sink::Parquet(Box::new(Writer::new(out, schema)?), Vec::new()),
        })
    }

    fn add(&mut self, row: Row) -> io::Result<()> {
        match self {
            Sink::Csv(names, out) => {
                let cells: BTreeMap<String, Scalar> = row.cells().into_iter().collect();
                let cell = |n: &String| cells.get(n).map(|v| quoted(&v.to_string())).unwrap_or_default();
                files::line(out, &names.iter().map(cell).collect::<Vec<_>>().join(","))
            }
            Sink::Jsonl(out) => {
                let object: serde_json::Map<String, serde_json::Value> =
                    row.cells().into_iter().map(|(name, v)| (name, v.json())).collect();
                files::line(out, &serde_json::Value::Object(object).to_string())
            }
            Sink::Parquet(writer, rows) => {
                rows.push(row);
                if rows.len() == GROUP_ROWS {
                    writer.group(rows)?;
                    rows.clear();
                }
                Ok(())
            }
        }
    }

    fn end(self) -> io::Result<()> {
        if let Sink::Parquet(mut writer, rows) = self {
            if !rows.is_empty() {
                writer.group(&rows)?;
            }
            return writer.close();
        }
        Ok(())
    }
}

/// A cell of CSV (RFC 4180).
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.to_owned()
}
