//! Small tables for other tools: CSV and Parquet.

use crate::scalar::Scalar;
use crate::store::part::{physical, Writer};
use crate::store::quoted;
use parquet::basic::Type as Physical;
use std::io;

/// Named columns and rows of cells; a cell may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, a cell a column.
    pub rows: Vec<Vec<Option<Scalar>>>,
}

impl Frame {
    /// A table without rows.
    pub fn new(columns: &[&str]) -> Self {
        Frame { columns: columns.iter().map(|c| (*c).to_owned()).collect(), rows: Vec::new() }
    }

    /// Appends a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Option<Scalar>>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// As CSV (RFC 4180), a header first.
    pub fn csv(&self) -> String {
        let line = |cells: &mut dyn Iterator<Item = String>| cells.collect::<Vec<_>>().join(",") + "\n";
        let mut out = line(&mut self.columns.iter().map(|c| quoted(c)));
        for row in &self.rows {
            out += &line(
                &mut row.iter().map(|c| c.as_ref().map(|v| quoted(&v.to_string())).unwrap_or_default()),
            );
        }
        out
    }

    /// As Parquet with zstd. A column of numbers that are not all whole is one of reals, one of several kinds one of texts.
    ///
    /// # Errors
    /// What the writer says.
    pub fn parquet(&self) -> io::Result<Vec<u8>> {
        let columns: Vec<(String, Physical)> =
            self.columns.iter().enumerate().map(|(i, name)| (name.clone(), self.kind(i))).collect();
        let cell = |i: usize, row: &[Option<Scalar>]| {
            let value = row.get(i).cloned().flatten()?;
            Some(match (columns[i].1, value) {
                (Physical::DOUBLE, Scalar::Int(v)) => Scalar::Real(v as f64),
                (Physical::BYTE_ARRAY, v) => Scalar::Text(v.to_string()),
                (_, v) => v,
            })
        };
        let cells: Vec<Vec<Option<Scalar>>> =
            (0..columns.len()).map(|i| self.rows.iter().map(|row| cell(i, row)).collect()).collect();
        let mut bytes = Vec::new();
        let mut writer = Writer::of_columns(&mut bytes, columns.clone())?;
        writer.columns(&cells)?;
        writer.close()?;
        Ok(bytes)
    }

    fn kind(&self, column: usize) -> Physical {
        let kinds: Vec<Physical> =
            self.rows.iter().filter_map(|r| r.get(column)?.as_ref().map(physical)).collect();
        let is = |all: &[Physical]| kinds.iter().all(|k| all.contains(k));
        [Physical::INT64, Physical::BOOLEAN]
            .into_iter()
            .find(|p| is(&[*p]))
            .or(is(&[Physical::INT64, Physical::DOUBLE]).then_some(Physical::DOUBLE))
            .unwrap_or(Physical::BYTE_ARRAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_csv_and_parquet() {
        let mut frame = Frame::new(&["a", "b,c", "d"]);
        frame.row([Some(Scalar::Int(1)), Some(Scalar::Int(2)), None]);
        frame.row([Some(Scalar::Real(0.5)), Some(Scalar::Text("x".to_owned())), Some(Scalar::Bool(true))]);
        assert_eq!(frame.csv(), "a,\"b,c\",d\n1,2,\n0.5,x,true\n");
        let kinds: Vec<Physical> = (0..3).map(|i| frame.kind(i)).collect();
        assert_eq!(kinds, [Physical::DOUBLE, Physical::BYTE_ARRAY, Physical::BOOLEAN]);
        let bytes = frame.parquet().unwrap();
        assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    }
}
