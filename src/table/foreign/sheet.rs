//! Table as read from its file: named columns, and the line or number of each row.

use csv::StringRecord;

/// A cell of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SheetCell<'a> {
    /// An empty cell, or a word for a missing value.
    Missing,
    /// A number in a typed column.
    Number(f64),
    /// Any other text.
    Text(&'a str),
}

/// A table as read.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Names of the columns, in the file's order.
    pub(super) names: Vec<String>,
    rows: SheetRows,
}

#[derive(Debug)]
enum SheetRows {
    /// Rows of text, each with its line in the file.
    Lines(Vec<(u64, StringRecord)>),
    /// Typed columns of the same length.
    Columns {
        columns: Vec<ColumnValues>,
        rows: usize,
    },
}

/// Values of a typed column.
#[derive(Debug)]
pub(super) enum ColumnValues {
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
    /// Values of an unsupported type, such as times, decimals or lists. Contains the type's name.
    Unsupported(String),
}

impl Sheet {
    /// Builds a sheet from lines, each with one value per name.
    pub(super) fn of_lines(names: Vec<String>, lines: Vec<(u64, StringRecord)>) -> Self {
        Self {
            names: in_one_line(names),
            rows: SheetRows::Lines(lines),
        }
    }

    /// Builds a sheet from typed columns, one per name.
    pub(super) fn of_columns(names: Vec<String>, columns: Vec<ColumnValues>, rows: usize) -> Self {
        Self {
            names: in_one_line(names),
            rows: SheetRows::Columns { columns, rows },
        }
    }

    /// Returns the number of rows, without the header.
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            SheetRows::Lines(lines) => lines.len(),
            SheetRows::Columns { rows, .. } => *rows,
        }
    }

    /// Returns the cell of a column and row.
    pub(super) fn cell(&self, column: usize, row: usize) -> SheetCell<'_> {
        match &self.rows {
            SheetRows::Lines(lines) => {
                text_cell(lines.get(row).and_then(|(_, record)| record.get(column)))
            }
            SheetRows::Columns { columns, .. } => match columns.get(column) {
                Some(ColumnValues::Numbers(values)) => values
                    .get(row)
                    .copied()
                    .flatten()
                    .map_or(SheetCell::Missing, SheetCell::Number),
                Some(ColumnValues::Texts(values)) => {
                    text_cell(values.get(row).and_then(Option::as_deref))
                }
                Some(ColumnValues::Unsupported(_)) | None => SheetCell::Missing,
            },
        }
    }

    /// Returns the type of a column with unsupported values.
    pub(super) fn unsupported_type(&self, column: usize) -> Option<&str> {
        match &self.rows {
            SheetRows::Columns { columns, .. } => match columns.get(column) {
                Some(ColumnValues::Unsupported(kind)) => Some(kind),
                _ => None,
            },
            SheetRows::Lines(_) => None,
        }
    }

    /// Returns the line or row number of a row, as in [`Self::location`].
    pub(super) fn number(&self, row: usize) -> u64 {
        match &self.rows {
            SheetRows::Lines(lines) => lines.get(row).map_or(0, |(line, _)| *line),
            SheetRows::Columns { .. } => row as u64 + 1,
        }
    }

    /// Formats the location of a row: `line 4`, or `row 3` if the file has no lines.
    pub(super) fn location(&self, row: usize) -> String {
        format!("{} {}", self.unit(), self.number(row))
    }

    /// Formats the locations of rows, such as `lines 3, 5 and 7`. Lists at most ten and counts the
    /// others.
    pub(super) fn locations(&self, rows: &[usize]) -> String {
        const FEW: usize = 10;
        let numbers: Vec<String> = rows
            .iter()
            .map(|row| self.number(*row).to_string())
            .collect();
        let unit = self.unit();
        match numbers.as_slice() {
            [] => format!("no {unit}"),
            [one] => format!("{unit} {one}"),
            [before @ .., last] if numbers.len() <= FEW => {
                format!("{unit}s {} and {last}", before.join(", "))
            }
            _ => format!(
                "{unit}s {} and {} more",
                numbers[..FEW].join(", "),
                numbers.len() - FEW
            ),
        }
    }

    /// Returns `line` or `row`.
    pub(super) fn unit(&self) -> &'static str {
        match &self.rows {
            SheetRows::Lines(_) => "line",
            SheetRows::Columns { .. } => "row",
        }
    }
}

/// Replaces control characters in names by spaces. Spreadsheets wrap names with line breaks.
fn in_one_line(names: Vec<String>) -> Vec<String> {
    names
        .into_iter()
        .map(|name| name.replace(char::is_control, " "))
        .collect()
}

/// Texts that spreadsheets, pandas and R write for missing values. Excludes `nan`: a loss of NaN is
/// a result.
const MISSING_VALUES: [&str; 7] = ["", "-", "NA", "N/A", "null", "NULL", "None"];

fn text_cell(text: Option<&str>) -> SheetCell<'_> {
    match text.map(str::trim) {
        Some(text) if !MISSING_VALUES.contains(&text) => SheetCell::Text(text),
        _ => SheetCell::Missing,
    }
}
