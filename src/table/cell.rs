//! Conversion of the fields of rows to columns of a polars frame.

use isoflop_core::metrics::Scores;
use isoflop_core::run::Budget;
use polars::prelude::Column;

use super::RunStatus;

/// A type of field that can be a column.
pub(super) trait ColumnType: Sized {
    /// Builds the column of a field from its values.
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;
}

/// Implements [`ColumnType`]: the expression maps a value of the field to a value of the column.
macro_rules! cells {
    ($($field:ty: $held:expr;)+) => {
        $(impl ColumnType for $field {
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
                Column::new(name.into(), values.map($held).collect::<Vec<_>>())
            }
        })+
    };
}

cells! {
    u32: |number| *number;
    u64: |number| *number;
    f64: |number| *number;
    Option<u32>: |number| *number;
    Option<u64>: |number| *number;
    Option<f64>: |number| *number;
    &'static str: |text| *text;
    String: String::as_str;
    Option<String>: Option::as_deref;
    Budget: |budget| budget.value();
    RunStatus: |status| status.name();
}

/// Builds the columns of scores, one for each metric of an evaluation.
pub(super) fn score_columns(rows: impl Iterator<Item = Option<Scores>> + Clone) -> Vec<Column> {
    let columns = Scores::METRICS.map(|(metric, value)| {
        let values = rows.clone().map(|scores| value(&scores?));
        Column::new(metric.name.into(), values.collect::<Vec<_>>())
    });
    columns.into()
}
