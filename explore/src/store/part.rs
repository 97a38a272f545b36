//! Parts: sealed rows in Parquet, compressed with zstd, sorted by key.

use super::row::{Row, COLUMNS};
use crate::files::failed;
use crate::metrics;
use crate::scalar::Scalar;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::record::Field;
use parquet::schema::types::Type;
use pulvinar_ir::{Diagnostic, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Most rows of a row group.
pub const GROUP_ROWS: usize = 131_072;

/// Names and types of columns, in order: those that every row has, then metrics, then settings.
#[derive(Debug, Default)]
pub struct Schema(BTreeMap<(usize, usize, String), Physical>);

impl Schema {
    /// Adds the columns of a row; the first row that has a column decides its type.
    pub fn add(&mut self, row: &Row) {
        for (name, value) in row.cells() {
            let fixed = COLUMNS.iter().position(|c| c.name == name);
            let metric = metrics::METRICS.iter().position(|m| m.name == name);
            let (kind, place) = match (fixed, metric) {
                (Some(i), _) => (0, i),
                (None, Some(i)) => (1, i),
                (None, None) => (2, 0),
            };
            self.0.entry((kind, place, name)).or_insert(physical(&value));
        }
    }

    /// Names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(_, _, name)| name.as_str())
    }
}

/// Type of the column of a value.
pub fn physical(value: &Scalar) -> Physical {
    match value {
        Scalar::Bool(_) => Physical::BOOLEAN,
        Scalar::Int(_) => Physical::INT64,
        Scalar::Real(_) => Physical::DOUBLE,
        Scalar::Text(_) => Physical::BYTE_ARRAY,
    }
}

/// A part that is being written.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<(String, Physical)>,
}

impl<W: Write + Send> Writer<W> {
    /// A part of these columns.
    pub fn new(out: W, schema: &Schema) -> io::Result<Self> {
        let columns = schema.0.iter().map(|((_, _, name), physical)| (name.clone(), *physical)).collect();
        Self::of_columns(out, columns)
    }

    /// A file of columns of these names and types.
    pub fn of_columns(out: W, columns: Vec<(String, Physical)>) -> io::Result<Self> {
        let field = |(name, physical): &(String, Physical)| {
            let text = (*physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
            let field = Type::primitive_type_builder(name, *physical).with_repetition(Repetition::OPTIONAL);
            field.with_logical_type(text).build().map(Arc::new)
        };
        let open = || {
            let fields = columns.iter().map(field).collect::<std::result::Result<Vec<_>, _>>()?;
            let schema = Type::group_type_builder("pulvinar").with_fields(fields).build()?;
            let zstd = Compression::ZSTD(ZstdLevel::try_new(3)?);
            let properties = WriterProperties::builder().set_compression(zstd).build();
            SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
        };
        let file = open().map_err(io::Error::other)?;
        Ok(Writer { file, columns })
    }

    /// Adds a row group; a cell of another type than its column is left empty.
    pub fn group(&mut self, rows: &[Row]) -> io::Result<()> {
        let mut cells: Vec<Vec<Option<Scalar>>> = vec![vec![None; rows.len()]; self.columns.len()];
        let place: BTreeMap<&str, usize> =
            self.columns.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
        for (i, row) in rows.iter().enumerate() {
            for (name, value) in row.cells() {
                if let Some(&column) = place.get(name.as_str()) {
                    cells[column][i] = Some(value);
                }
            }
        }
        self.columns(&cells)
    }

    /// Adds a row group of cells by column; a cell of another type than its column is left empty.
    pub fn columns(&mut self, cells: &[Vec<Option<Scalar>>]) -> io::Result<()> {
        let mut write = || -> std::result::Result<(), ParquetError> {
            let mut group = self.file.next_row_group()?;
            for (cells, (_, physical)) in cells.iter().zip(&self.columns) {
                let mut writer =
                    group.next_column()?.ok_or_else(|| ParquetError::EOF("no column".to_owned()))?;
                put(&mut writer, cells, *physical)?;
                writer.close()?;
            }
            group.close().map(|_| ())
        };
        write().map_err(io::Error::other)
    }

    /// Ends the file.
    pub fn close(self) -> io::Result<()> {
        self.file.close().map(|_| ()).map_err(io::Error::other)
    }
}

/// Writes rows as a part.
pub fn write(out: &mut (impl Write + Send), rows: &[Row]) -> io::Result<()> {
    let mut schema = Schema::default();
    rows.iter().for_each(|r| schema.add(r));
    let mut writer = Writer::new(out, &schema)?;
    rows.chunks(GROUP_ROWS).try_for_each(|rows| writer.group(rows))?;
    writer.close()
}

fn put(
    writer: &mut SerializedColumnWriter<'_>,
    cells: &[Option<Scalar>],
    physical: Physical,
) -> std::result::Result<(), ParquetError> {
    let kind = |c: &Scalar| self::physical(c) == physical;
    let levels: Vec<i16> = cells.iter().map(|c| i16::from(c.as_ref().is_some_and(kind))).collect();
    let present = cells.iter().flatten().filter(|c| kind(c));
    match physical {
        Physical::BOOLEAN => {
            let values: Vec<bool> = present.map(|c| matches!(c, Scalar::Bool(true))).collect();
            writer.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
        }
        Physical::INT64 => {
            let int = |c: &Scalar| if let Scalar::Int(v) = c { Some(*v) } else { None };
            let values: Vec<i64> = present.filter_map(int).collect();
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        }
        Physical::DOUBLE => {
            let values: Vec<f64> = present.filter_map(Scalar::number).collect();
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
        }
        _ => {
            let values: Vec<ByteArray> =
                present.map(|c| ByteArray::from(c.to_string().into_bytes())).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        }
    }
    Ok(())
}

/// Which columns are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// All.
    All,
    /// All but the settings, which then are none.
    Results,
}

/// Gives every row of a part to `look`.
pub fn read(path: &Path, cells: Cells, look: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
    let damaged = |why: String| {
        Diagnostic::new(
            "E0907",
            path.display().to_string(),
            format!("this part is damaged: {why}"),
            "remove this file; its points are run again by `pulvinar sweep resume`",
        )
    };
    let file = File::open(path).map_err(|e| failed(path, &e))?;
    let reader = SerializedFileReader::new(file).map_err(|e| damaged(e.to_string()))?;
    let wanted = (cells == Cells::Results).then(|| {
        let schema = reader.metadata().file_metadata().schema();
        let result = |name: &str| COLUMNS.iter().any(|c| c.name == name) || metrics::find(name).is_some();
        let fields = schema.get_fields().iter().filter(|f| result(f.name())).cloned().collect();
        Type::group_type_builder(schema.name()).with_fields(fields).build()
    });
    let wanted = wanted.transpose().map_err(|e| damaged(e.to_string()))?;
    let rows = reader.get_row_iter(wanted).map_err(|e| damaged(e.to_string()))?;
    for row in rows {
        let row = row.map_err(|e| damaged(e.to_string()))?;
        let cells = row.into_columns().into_iter().filter_map(|(name, field)| Some((name, scalar(field)?)));
        look(Row::of_cells(cells.collect()).ok_or_else(|| damaged("a row is not whole".to_owned()))?)?;
    }
    Ok(())
}

fn scalar(field: Field) -> Option<Scalar> {
    match field {
        Field::Bool(v) => Some(Scalar::Bool(v)),
        Field::Int(v) => Some(Scalar::Int(i64::from(v))),
        Field::Long(v) => Some(Scalar::Int(v)),
        Field::Double(v) => Some(Scalar::Real(v)),
        Field::Str(v) => Some(Scalar::Text(v)),
        _ => None,
    }
}
