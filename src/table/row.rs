//! Declaration of tables by their rows. A field of a row is declared once; its column and its
//! documentation follow from the declaration.

use isoflop_core::metrics::Scores;
use polars::prelude::Column;

/// A row of a table that isoflop writes.
pub(super) trait TableRow: Sized {
    /// Returns the descriptions of the columns, in their order.
    fn documentation() -> Vec<ColumnDoc>;

    /// Builds the columns of rows.
    fn columns<'a>(rows: impl Iterator<Item = &'a Self> + Clone) -> Vec<Column>
    where
        Self: 'a;
}

/// The description of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ColumnDoc {
    pub(super) name: &'static str,
    /// Unit, empty for a column without a unit.
    pub(super) unit: &'static str,
    pub(super) description: String,
}

impl ColumnDoc {
    /// Builds the description of a field from the lines of its documentation.
    pub(super) fn new(name: &'static str, unit: &'static str, lines: &[&str]) -> Self {
        let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
        Self {
            name,
            unit,
            description: lines.join(" "),
        }
    }

    /// Builds the descriptions of the scores, in their order.
    pub(super) fn scores() -> [Self; Scores::METRICS.len()] {
        Scores::METRICS
            .map(|(metric, _)| Self::new(metric.name, metric.unit, &[metric.description]))
    }
}

/// Declares a row. A field is written as `/// description`, then `name: type [unit] = value`.
/// Values are expressions of the arguments in the parentheses. `..scores` represents the metrics of
/// an evaluation, one column each.
macro_rules! row {
    (
        $(#[$about:meta])*
        pub struct $row:ident($($source:ident: $from:ty),+) {
            $($(#[doc = $line:literal])+ $field:ident: $kind:ty $([$unit:literal])? = $value:expr;)*
            ..scores: $scores:ty = $scored:expr;
            $($(#[doc = $end_line:literal])+ $end_field:ident: $end_kind:ty $([$end_unit:literal])? = $end_value:expr;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $row {
            $($(#[doc = $line])+ pub $field: $kind,)*
            /// Scores on held-out text.
            pub scores: $scores,
            $($(#[doc = $end_line])+ pub $end_field: $end_kind,)*
        }

        impl $row {
            pub(super) fn new($($source: $from),+) -> Self {
                Self {
                    $($field: $value,)*
                    scores: $scored,
                    $($end_field: $end_value,)*
                }
            }
        }

        impl $crate::row::TableRow for $row {
            fn documentation() -> Vec<$crate::row::ColumnDoc> {
                use $crate::row::ColumnDoc;
                let first = [$(ColumnDoc::new(stringify!($field), concat!($($unit)?), &[$($line),+]),)*];
                let last = [$(ColumnDoc::new(stringify!($end_field), concat!($($end_unit)?), &[$($end_line),+]),)*];
                first.into_iter().chain(ColumnDoc::scores()).chain(last).collect()
            }

            fn columns<'a>(rows: impl Iterator<Item = &'a Self> + Clone) -> Vec<polars::prelude::Column> {
                use $crate::cell::{ColumnType, score_columns};
                let first = [$(<$kind>::column(stringify!($field), rows.clone().map(|row| &row.$field)),)*];
                let scores = score_columns(rows.clone().map(|row| row.scores.into()));
                let last = [$(<$end_kind>::column(stringify!($end_field), rows.clone().map(|row| &row.$end_field)),)*];
                first.into_iter().chain(scores).chain(last).collect()
            }
        }
    };
}

pub(super) use row;
