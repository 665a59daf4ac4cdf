//! Values of a row as columns of a frame.

use isoflop_core::metrics::Scores;
use isoflop_core::run::Budget;
use polars::prelude::Column;

use super::RunStatus;

/// The type of a field, which is one column.
pub(super) trait Cell: Sized {
    /// The column of a field's values.
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;
}

/// Columns of numbers hold them as they are.
macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Cell for $number {
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
                Column::new(name.into(), values.copied().collect::<Vec<_>>())
            }
        })+
    };
}

numbers!(
    u32,
    u64,
    f64,
    Option<u32>,
    Option<u64>,
    Option<f64>,
    &'static str
);

impl Cell for String {
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.map(String::as_str).collect::<Vec<_>>())
    }
}

impl Cell for Option<String> {
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(
            name.into(),
            values.map(Option::as_deref).collect::<Vec<_>>(),
        )
    }
}

impl Cell for Budget {
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(
            name.into(),
            values.map(|budget| budget.value()).collect::<Vec<_>>(),
        )
    }
}

impl Cell for RunStatus {
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(
            name.into(),
            values.map(|status| status.name()).collect::<Vec<_>>(),
        )
    }
}

/// The columns of scores: one for each metric of an evaluation.
pub(super) fn score_columns(rows: impl Iterator<Item = Option<Scores>> + Clone) -> Vec<Column> {
    let columns = Scores::METRICS.map(|(metric, value)| {
        let values = rows.clone().map(|scores| value(&scores?));
        Column::new(metric.name.into(), values.collect::<Vec<_>>())
    });
    columns.into()
}
