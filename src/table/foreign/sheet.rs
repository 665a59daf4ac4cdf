//! A table as it stands in its file: named columns, and the place of each row.

use csv::StringRecord;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing, or a word for nothing.
    Missing,
    /// A number that its file keeps as one.
    Number(f64),
    /// Anything that is written.
    Text(&'a str),
}

/// A table as read.
#[derive(Debug)]
pub(super) struct Sheet {
    /// The columns, in the file's order.
    pub(super) names: Vec<String>,
    rows: Rows,
}

#[derive(Debug)]
enum Rows {
    /// Each with its line in the file.
    Lines(Vec<(u64, StringRecord)>),
    /// By column, each of the same length.
    Columns { columns: Vec<Values>, rows: usize },
}

/// The values of a column that has a type.
#[derive(Debug)]
pub(super) enum Values {
    /// Numbers.
    Numbers(Vec<Option<f64>>),
    /// All that is text.
    Texts(Vec<Option<String>>),
    /// Times, decimals, lists: values of a type, by its name, that is not read.
    Unread(String),
}

impl Sheet {
    /// Of lines, each with as many values as there are names.
    pub(super) fn of_lines(names: Vec<String>, lines: Vec<(u64, StringRecord)>) -> Self {
        Self {
            names: in_one_line(names),
            rows: Rows::Lines(lines),
        }
    }

    /// Of columns, one a name.
    pub(super) fn of_columns(names: Vec<String>, columns: Vec<Values>, rows: usize) -> Self {
        Self {
            names: in_one_line(names),
            rows: Rows::Columns { columns, rows },
        }
    }

    /// How many rows it has, without the header.
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Lines(lines) => lines.len(),
            Rows::Columns { rows, .. } => *rows,
        }
    }

    /// What stands in a column at a row.
    pub(super) fn cell(&self, column: usize, row: usize) -> Cell<'_> {
        match &self.rows {
            Rows::Lines(lines) => {
                written(lines.get(row).and_then(|(_, record)| record.get(column)))
            }
            Rows::Columns { columns, .. } => match columns.get(column) {
                Some(Values::Numbers(values)) => values
                    .get(row)
                    .copied()
                    .flatten()
                    .map_or(Cell::Missing, Cell::Number),
                Some(Values::Texts(values)) => written(values.get(row).and_then(Option::as_deref)),
                Some(Values::Unread(_)) | None => Cell::Missing,
            },
        }
    }

    /// The type of a column whose values are not read.
    pub(super) fn unread(&self, column: usize) -> Option<&str> {
        match &self.rows {
            Rows::Columns { columns, .. } => match columns.get(column) {
                Some(Values::Unread(kind)) => Some(kind),
                _ => None,
            },
            Rows::Lines(_) => None,
        }
    }

    /// The number of a row, as [`Self::place`] says it.
    pub(super) fn number(&self, row: usize) -> u64 {
        match &self.rows {
            Rows::Lines(lines) => lines.get(row).map_or(0, |(line, _)| *line),
            Rows::Columns { .. } => row as u64 + 1,
        }
    }

    /// `line 4`, or `row 3` where a file has no lines.
    pub(super) fn place(&self, row: usize) -> String {
        format!("{} {}", self.unit(), self.number(row))
    }

    /// `lines 3, 5 and 7`: so many are named, more are counted.
    pub(super) fn places(&self, rows: &[usize]) -> String {
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

    /// `line` or `row`.
    pub(super) fn unit(&self) -> &'static str {
        match &self.rows {
            Rows::Lines(_) => "line",
            Rows::Columns { .. } => "row",
        }
    }
}

/// Names without line breaks, as spreadsheets wrap them, and other characters that only move a cursor.
fn in_one_line(names: Vec<String>) -> Vec<String> {
    names
        .into_iter()
        .map(|name| name.replace(char::is_control, " "))
        .collect()
}

/// What spreadsheets, pandas and R write where there is nothing. `nan` is none of them: a loss that is NaN says something.
const NOTHING: [&str; 7] = ["", "-", "NA", "N/A", "null", "NULL", "None"];

fn written(text: Option<&str>) -> Cell<'_> {
    match text.map(str::trim) {
        Some(text) if !NOTHING.contains(&text) => Cell::Text(text),
        _ => Cell::Missing,
    }
}
