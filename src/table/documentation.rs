//! Documentation of the tables' columns, for docs/results.md.

use isoflop_core::metrics::{DEVICE_SECONDS, Metric, Scores};

use super::row::{ColumnDoc, TableRow};
use super::{CurveRow, RunRow};

/// Returns Markdown tables of all columns and metrics, each with the heading of its section.
pub fn documentation() -> [(&'static str, String); 3] {
    [
        ("`runs.parquet`", columns(&RunRow::documentation())),
        ("`curves.parquet`", columns(&CurveRow::documentation())),
        ("Metrics", metrics()),
    ]
}

fn columns(columns: &[ColumnDoc]) -> String {
    let rows = columns
        .iter()
        .map(|column| [column.name, column.unit, &column.description]);
    markdown(["column", "unit", "description"], rows)
}

fn metrics() -> String {
    let row = |metric: &'static Metric| {
        [
            metric.name,
            metric.unit,
            metric.direction.name(),
            metric.aggregation.name(),
            metric.fitted_as.map_or("", |part| part.name()),
            metric.description,
        ]
    };
    let header = [
        "metric",
        "unit",
        "better",
        "aggregation",
        "fitted as",
        "description",
    ];
    let scores = Scores::METRICS.into_iter().map(|(metric, _)| metric);
    markdown(header, scores.chain([&DEVICE_SECONDS]).map(row))
}

/// Formats a table whose rows begin with a name in backticks.
fn markdown<'a, const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [&'a str; N]>,
) -> String {
    let named = |cells: [&str; N]| {
        let (name, mut cells) = (format!("`{}`", cells[0]), cells);
        cells[0] = &name;
        line(cells)
    };
    let rule = format!("|{}\n", "---|".repeat(N));
    line(header) + &rule + &rows.map(named).collect::<String>()
}

fn line<const N: usize>(cells: [&str; N]) -> String {
    let cells = cells.map(|cell| format!(" {cell} |")).concat();
    // Write an empty cell as one space.
    format!("|{}\n", cells.replace("  |", " |"))
}
