//! Parquet to a sheet.

use std::any::Any;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

use polars::prelude::{
    ArrowDataType, Column, DataFrame, DataType, ParquetReader, PolarsError, SerReader,
};

use super::ForeignFault;
use super::sheet::{Sheet, Values};

/// Reads a Parquet file's bytes: numbers of any type as numbers, texts and booleans as text.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, ForeignFault> {
    let read = quietly(|| sheet(bytes).map_err(|error| error.to_string()));
    read.unwrap_or_else(|panic| Err(format!("polars gives it up: {}", said(panic.as_ref()))))
        .map_err(|error| {
            // The first line says it; what may follow are polars's own thoughts.
            ForeignFault::NotParquet(error.lines().next().unwrap_or_default().to_owned())
        })
}

/// Does what may panic, and hands back the panic. polars panics at many a damaged file, in threads of its own too, and it is
/// the file that is to be told of, not a place in polars: meanwhile nothing is printed.
fn quietly<T>(what: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // There is one hook: two that changed it at once would leave the silent one.
    static HOOK: Mutex<()> = Mutex::new(());
    let _guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    // What is borrowed are bytes that are only read.
    let done = catch_unwind(AssertUnwindSafe(what));
    set_hook(hook);
    done
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it panicked")
}

fn sheet(bytes: &[u8]) -> Result<Sheet, PolarsError> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let rows = reader.num_rows()?;
    let schema = reader.schema()?;
    let fields: Vec<(String, &ArrowDataType)> = schema
        .iter_values()
        .map(|field| (field.name.to_string(), field.dtype()))
        .collect();
    // polars panics where it meets a type whose feature is off: it is given those alone that it knows.
    let readable = fields
        .iter()
        .filter(|(_, kind)| is_readable(kind))
        .map(|(name, _)| name.clone())
        .collect();
    let frame = reader.with_columns(Some(readable)).finish()?;
    // A damaged file may say that it has more.
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
    // Categories of pandas.
    let category = matches!(kind, A::Dictionary(_, values, _) if matches!(**values, A::Utf8 | A::LargeUtf8 | A::Utf8View));
    text || category || whole || matches!(kind, A::Float32 | A::Float64)
}

fn column(frame: &DataFrame, name: &str, kind: &ArrowDataType) -> Result<Values, PolarsError> {
    if is_readable(kind) {
        return values(frame.column(name)?);
    }
    let kind = format!("{kind:?}");
    Ok(Values::Unread(
        kind.split(['(', ' ']).next().unwrap_or_default().to_owned(),
    ))
}

fn values(column: &Column) -> Result<Values, PolarsError> {
    if column.dtype().is_primitive_numeric() {
        let numbers = column.cast(&DataType::Float64)?;
        return Ok(Values::Numbers(numbers.f64()?.iter().collect()));
    }
    let texts = column.cast(&DataType::String)?;
    let texts = texts.str()?.iter().map(|text| text.map(str::to_owned));
    Ok(Values::Texts(texts.collect()))
}
