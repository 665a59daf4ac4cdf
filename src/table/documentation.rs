//! The tables' part of results/README.md.

use isoflop_core::metrics::{DEVICE_SECONDS, Metric, Scores};

use super::row::{ColumnDoc, TableRow};
use super::{CurveRow, RunRow};

/// Tables in Markdown that say what is written, each with the heading that it stands under.
pub fn documentation() -> [(&'static str, String); 3] {
    [
        ("`runs.parquet`", columns(RunRow::documentation())),
        ("`curves.parquet`", columns(CurveRow::documentation())),
        ("Metrics", metrics()),
    ]
}

fn columns(columns: Vec<ColumnDoc>) -> String {
    let row = |column: ColumnDoc| {
        let ColumnDoc {
            name,
            unit,
            description,
        } = column;
        vec![format!("`{name}`"), unit.to_owned(), description]
    };
    markdown(
        &["column", "unit", "description"],
        columns.into_iter().map(row),
    )
}

fn metrics() -> String {
    let row = |metric: &Metric| {
        let fitted_as = metric.fitted_as.map_or("", |part| part.word());
        let words = [
            metric.unit,
            metric.direction.better(),
            metric.aggregation.words(),
            fitted_as,
            metric.description,
        ];
        let words = words.into_iter().map(str::to_owned);
        [format!("`{}`", metric.name)]
            .into_iter()
            .chain(words)
            .collect()
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
    markdown(&header, scores.chain([&DEVICE_SECONDS]).map(row))
}

fn markdown(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!(" {cell} |")).collect();
        // An empty cell has one space.
        format!("|{}\n", cells.replace("  |", " |"))
    };
    let header_line = line(header.iter().map(|name| (*name).to_owned()).collect());
    let rule = format!("|{}\n", "---|".repeat(header.len()));
    header_line + &rule + &rows.map(line).collect::<String>()
}
