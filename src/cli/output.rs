//! Printing. Results go to standard output, everything else to standard error.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use super::ExitReason;
use isoflop_app::AppError;
use isoflop_core::run::write_json;

/// Width of everything that is printed, columns, unless `COLUMNS` sets another.
const DEFAULT_COLUMNS: usize = 80;
/// Columns between the columns of a table.
const GAP: u16 = 2;

const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Width of everything that is printed, columns.
fn columns() -> usize {
    let set = std::env::var("COLUMNS").ok();
    let set = set.and_then(|text| text.parse().ok());
    set.filter(|columns| (40..=10_000).contains(columns))
        .unwrap_or(DEFAULT_COLUMNS)
}

/// Prints a line of a result.
pub(super) fn line(text: impl AsRef<str>) {
    // Styles stay on a terminal only, unless `NO_COLOR` is set.
    let Err(error) = writeln!(anstream::stdout(), "{}", text.as_ref()) else {
        return;
    };
    // A reader such as `head` may close the pipe early. That is not an error.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(ExitReason::Ok.code().into());
    }
    let message = format!("cannot write to standard output: {error}");
    let hint = "free space on the disk that it is redirected to, then run the command again";
    let failed = AppError::bug(message, hint);
    self::error(&failed);
    std::process::exit(ExitReason::Failed(failed.kind).code().into());
}

/// Writes JSON to a file that the user named. A regular file is replaced atomically; links are
/// followed and permissions are kept. A pipe or a device is written to directly.
pub(super) fn file(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    match std::fs::metadata(path) {
        Ok(there) if there.is_file() => {
            let path = path.canonicalize()?;
            write_json(&path, value)?;
            std::fs::set_permissions(&path, there.permissions())
        }
        Ok(_) => {
            let mut text = serde_json::to_vec_pretty(value)?;
            text.push(b'\n');
            std::fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .write_all(&text)
        }
        Err(_) => write_json(path, value),
    }
}

/// Prints a result as indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), AppError> {
    line(serde_json::to_string_pretty(value).map_err(|e| AppError::bug(e, ""))?);
    Ok(())
}

/// Prints a result as JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), AppError> {
    line(serde_json::to_string(value).map_err(|e| AppError::bug(e, ""))?);
    Ok(())
}

/// The progress bars on the terminal, if there are any. A line printed among them would break them.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Sets the bars above which lines are printed.
pub(super) fn set_bars(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Shows one bar, above which lines are printed from now on.
pub(super) fn bar(bar: ProgressBar) -> ProgressBar {
    let bars = MultiProgress::new();
    let bar = bars.add(bar);
    set_bars(Some(bars));
    bar
}

/// Prints text to standard error. A full disk or a closed pipe there must not stop the work.
/// Terminals get colours, unless `NO_COLOR` is set (<https://no-color.org>).
fn print_message(text: std::fmt::Arguments<'_>) {
    let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let write = || {
        let _ = writeln!(anstream::stderr(), "{text}");
    };
    match bars {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Prints a note about the work, wrapped to 80 columns.
pub(super) fn note(text: impl AsRef<str>) {
    print_message(format_args!("{}", wrapped(text.as_ref(), "")));
}

/// Prints a line of the log, which is not wrapped: programs read it line by line.
pub(super) fn log_line(text: &str) {
    print_message(format_args!("{text}"));
}

/// Prints a warning, which the user should check.
pub(super) fn warning(text: impl AsRef<str>) {
    print_labelled("33", "warning:", text.as_ref());
}

/// Prints a remark that may interest the user.
pub(super) fn remark(text: impl AsRef<str>) {
    print_labelled("36", "note:", text.as_ref());
}

/// Prints a sentence of a result, wrapped to 80 columns.
pub(super) fn paragraph(text: impl AsRef<str>) {
    line(fill(text.as_ref(), "", "  "));
}

/// Prints lines of a result, each wrapped to 80 columns under its own indentation.
pub(super) fn block(text: impl AsRef<str>) {
    line(wrapped(text.as_ref(), ""));
}

/// Prints a name and its description, in lines that begin `indent` columns from the left.
pub(super) fn print_entry(name: &str, text: &str, indent: usize) {
    line(fill(text, &format!("{name:indent$}"), &" ".repeat(indent)));
}

/// Prints the answer of a study: a sentence of a result, in bold.
pub(super) fn verdict(text: &str) {
    for text in fill(text, "", "  ").lines() {
        line(format!("{BOLD}{text}{PLAIN}"));
    }
}

/// Wraps text between words only, so that options and numbers stay whole.
fn fill(text: &str, first: &str, others: &str) -> String {
    let options = textwrap::Options::new(columns())
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// Wraps each line of a message after `mark`. Continued lines are indented by four columns more
/// than the line that they continue, so that the items of a list stay apart.
fn wrapped(text: &str, mark: &str) -> String {
    let wrap = |(i, line): (usize, &str)| {
        let words = line.trim_start();
        let indent = &line[..line.len() - words.len()];
        let first = format!("{}{indent}", if i == 0 { mark } else { "" });
        fill(words, &first, &format!("{indent}    "))
    };
    let lines: Vec<_> = text.lines().enumerate().map(wrap).collect();
    lines.join("\n")
}

/// Prints an error and its hint.
pub(super) fn error(failed: &AppError) {
    print_labelled("1;31", "error:", &failed.message);
    if !failed.hint.is_empty() {
        note("");
        print_labelled("1;36", "hint:", &failed.hint);
    }
}

/// Prints an error in the arguments, as clap words it.
pub(super) fn usage_error(text: &str) {
    let message = text.strip_prefix("error: ").unwrap_or(text);
    print_labelled("1;31", "error:", message.trim_end());
}

/// Prints text after a coloured mark.
fn print_labelled(style: &str, mark: &str, text: &str) {
    let message = wrapped(text, &format!("{mark} "));
    let message = message.strip_prefix(mark).unwrap_or(&message);
    print_message(format_args!("\u{1b}[{style}m{mark}{PLAIN}{message}"));
}

/// Formats a cell of a table, `-` if it has no value.
pub(super) fn or_dash<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// Formats a number of runs: `1 run`, `2 runs`.
pub(super) fn runs(count: usize) -> String {
    counted(count as u64, "run")
}

/// Formats a number of things: `1 slot`, `2 slots`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Prints a plain table of a result. Columns from `first_number` on are numbers, aligned right.
pub(super) fn table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    first_number: usize,
) {
    laid_out(header, rows, first_number).iter().for_each(line);
}

/// Prints a table like [`table`]. The words of the right-aligned column `coloured` have a colour,
/// if `colour` gives them one.
pub(super) fn coloured_table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    first_number: usize,
    coloured: &str,
    colour: fn(&str) -> Option<&'static str>,
) {
    let lines = laid_out(header, rows, first_number);
    let end = lines
        .first()
        .and_then(|first| Some(first.find(coloured)? + coloured.len()));
    for text in &lines {
        line(with_colour(text, end.unwrap_or(0), colour));
    }
}

/// Colours the word of a line that ends at column `end`.
fn with_colour(text: &str, end: usize, colour: fn(&str) -> Option<&'static str>) -> String {
    let split = text
        .char_indices()
        .nth(end)
        .map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(split);
    let (before, word) = before.rsplit_once(' ').unwrap_or(("", before));
    match colour(word) {
        Some(style) => format!("{before} \u{1b}[{style}m{word}{PLAIN}{after}"),
        None => text.to_owned(),
    }
}

/// Lays out a table within 80 columns: cells that are too wide are wrapped.
fn laid_out(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    first_number: usize,
) -> Vec<String> {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        // The gap after the last column is cut off below.
        .set_width(columns() as u16 + GAP)
        .set_header(header.to_vec())
        .add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, GAP));
        if i >= first_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
        .lines()
        .map(|text| text.trim_end().to_owned())
        .collect()
}
