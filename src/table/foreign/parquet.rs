//! Reader of Parquet files.

use std::any::Any;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

use polars::prelude::{
    ArrowDataType, Column, DataFrame, DataType, ParquetReader, PolarsError, SerReader,
};

use super::ForeignFault;
use super::sheet::{ColumnValues, Sheet};

/// Reads the bytes of a Parquet file. Numbers of any type become numbers; texts and booleans become
/// text.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, ForeignFault> {
    let read = catch_panic_silently(|| sheet(bytes).map_err(|error| error.to_string()));
    read.unwrap_or_else(|panic| {
        Err(format!(
            "polars panicked: {}",
            panic_message(panic.as_ref())
        ))
    })
    .map_err(|error| {
        // The first line is the error; polars adds context after it.
        ForeignFault::NotParquet(error.lines().next().unwrap_or_default().to_owned())
    })
}

/// Calls a function and returns its panic, if any, without printing it. polars panics on many
/// damaged files, also in its own threads. The user needs an error about the file, not a backtrace
/// of polars.
fn catch_panic_silently<T>(what: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // The panic hook is global. Two threads that replace it at once would leave the silent one.
    static HOOK: Mutex<()> = Mutex::new(());
    let _guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    // The closure borrows bytes that are only read.
    let done = catch_unwind(AssertUnwindSafe(what));
    set_hook(hook);
    done
}

/// Returns the message of a panic.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown cause")
}

fn sheet(bytes: &[u8]) -> Result<Sheet, PolarsError> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let rows = reader.num_rows()?;
    let schema = reader.schema()?;
    let fields: Vec<(String, &ArrowDataType)> = schema
        .iter_values()
        .map(|field| (field.name.to_string(), field.dtype()))
        .collect();
    // polars panics on types whose feature is disabled, so only select supported columns.
    let readable = fields
        .iter()
        .filter(|(_, kind)| is_readable(kind))
        .map(|(name, _)| name.clone())
        .collect();
    let frame = reader.with_columns(Some(readable)).finish()?;
    // The metadata of a damaged file may claim more rows.
    let rows = if frame.width() > 0 {
        frame.height()
    } else {
        rows
    };
    let values = fields.iter().map(|(name, kind)| column(&frame, name, kind));
    let columns = values.collect::<Result<_, _>>()?;
    let names = fields.into_iter().map(|(name, _)| name).collect();
    Ok(Sheet::of_columns(names, columns, rows))
}

fn is_readable(kind: &ArrowDataType) -> bool {
    use ArrowDataType as A;
    let text = matches!(
        kind,
        A::Utf8 | A::LargeUtf8 | A::Utf8View | A::Boolean | A::Null
    );
    let whole = matches!(
        kind,
        A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32 | A::UInt64
    );
    // Categorical columns of pandas.
    let category = matches!(kind, A::Dictionary(_, values, _) if matches!(**values, A::Utf8 | A::LargeUtf8 | A::Utf8View));
    text || category || whole || matches!(kind, A::Float32 | A::Float64)
}

fn column(
    frame: &DataFrame,
    name: &str,
    kind: &ArrowDataType,
) -> Result<ColumnValues, PolarsError> {
    if is_readable(kind) {
        return values(frame.column(name)?);
    }
    let kind = format!("{kind:?}");
    Ok(ColumnValues::Unsupported(
        kind.split(['(', ' ']).next().unwrap_or_default().to_owned(),
    ))
}

fn values(column: &Column) -> Result<ColumnValues, PolarsError> {
    if column.dtype().is_primitive_numeric() {
        let numbers = column.cast(&DataType::Float64)?;
        return Ok(ColumnValues::Numbers(numbers.f64()?.iter().collect()));
    }
    let texts = column.cast(&DataType::String)?;
    let texts = texts.str()?.iter().map(|text| text.map(str::to_owned));
    Ok(ColumnValues::Texts(texts.collect()))
}
