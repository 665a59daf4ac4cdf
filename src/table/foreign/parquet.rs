//! Parquet to a sheet.

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{ArrowDataType, Column, DataFrame, DataType, ParquetReader, PolarsError, SerReader};

use super::ForeignError;
use super::sheet::{Sheet, Values};

/// Reads a Parquet file's bytes: numbers of any type as numbers, texts and booleans as text.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Sheet, ForeignError> {
    sheet(bytes).map_err(|error| {
        // The first line says it; what may follow are polars's own thoughts.
        let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
        ForeignError::NotParquet { path: path.to_owned(), reason }
    })
}

fn sheet(bytes: &[u8]) -> Result<Sheet, PolarsError> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let rows = reader.num_rows()?;
    let schema = reader.schema()?;
    let fields: Vec<(String, &ArrowDataType)> =
        schema.iter_values().map(|field| (field.name.to_string(), field.dtype())).collect();
    // polars panics where it meets a type whose feature is off: it is given those alone that it knows.
    let readable = fields.iter().filter(|(_, kind)| is_readable(kind)).map(|(name, _)| name.clone()).collect();
    let frame = reader.with_columns(Some(readable)).finish()?;
    let columns: Result<Vec<Values>, PolarsError> =
        fields.iter().map(|(name, kind)| column(&frame, name, kind, rows)).collect();
    Ok(Sheet::of_columns(fields.into_iter().map(|(name, _)| name).collect(), columns?, rows))
}

fn is_readable(kind: &ArrowDataType) -> bool {
    use ArrowDataType as A;
    let text = matches!(kind, A::Utf8 | A::LargeUtf8 | A::Utf8View | A::Boolean | A::Null);
    let whole = matches!(kind, A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32 | A::UInt64);
    // Categories of pandas.
    let category =
        matches!(kind, A::Dictionary(_, values, _) if matches!(**values, A::Utf8 | A::LargeUtf8 | A::Utf8View));
    text || category || whole || matches!(kind, A::Float32 | A::Float64)
}

fn column(frame: &DataFrame, name: &str, kind: &ArrowDataType, rows: usize) -> Result<Values, PolarsError> {
    if is_readable(kind) {
        return values(frame.column(name)?);
    }
    // Times, decimals and lists are no values of a run: whoever maps one reads what it is.
    let kind = format!("{kind:?}");
    let kind = kind.split(['(', ' ']).next().unwrap_or_default();
    Ok(Values::Texts(vec![Some(format!("{kind} of Parquet")); rows]))
}

fn values(column: &Column) -> Result<Values, PolarsError> {
    if column.dtype().is_primitive_numeric() {
        return Ok(Values::Numbers(column.cast(&DataType::Float64)?.f64()?.iter().collect()));
    }
    let texts = column.cast(&DataType::String)?;
    Ok(Values::Texts(texts.str()?.iter().map(|text| text.map(str::to_owned)).collect()))
}
