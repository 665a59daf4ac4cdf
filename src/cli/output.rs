//! Printing. Results go to standard output, everything else to standard error.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use super::Exit;
use isoflop_app::AppError;
use isoflop_core::run::write_json;

/// Width that everything fits in.
const COLUMNS: usize = 80;

/// A line of a result.
pub(super) fn line(text: impl AsRef<str>) {
    let Err(error) = writeln!(std::io::stdout(), "{}", text.as_ref()) else {
        return;
    };
    // Whoever reads may have seen enough, as `head` has: that is no fault, and nothing is left to do for them.
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(Exit::Ok.code().into());
    }
    let message = format!("cannot write to standard output: {error}");
    let hint = "free space where it leads to, then run the command again";
    let failed = AppError::bug(message, hint);
    self::error(&failed);
    std::process::exit(Exit::Failed(failed.kind).code().into());
}

/// Writes JSON to a file that the user named: a regular file appears whole, where a link leads and with the rights it had;
/// anything else, a pipe or a device, is written to and stays what it is.
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

/// A result for programs.
pub(super) fn json(value: &impl Serialize) -> Result<(), AppError> {
    line(serde_json::to_string_pretty(value).map_err(|e| AppError::bug(e, ""))?);
    Ok(())
}

/// A result for programs that read line by line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), AppError> {
    line(serde_json::to_string(value).map_err(|e| AppError::bug(e, ""))?);
    Ok(())
}

/// The bars on the terminal, while there are some: a line among them would tear them.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// Has lines printed above these bars from here on; above none, if that is what is given.
pub(super) fn above(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// One bar, above which lines are printed from here on.
pub(super) fn bar(bar: ProgressBar) -> ProgressBar {
    let bars = MultiProgress::new();
    let bar = bars.add(bar);
    above(Some(bars));
    bar
}

/// Says something to people. Where nobody can hear it, a full disk or a pipe whose reader is gone, the work goes on all the same.
/// Colours stay on a terminal alone, unless `NO_COLOR` is set (<https://no-color.org>).
fn say(text: std::fmt::Arguments<'_>) {
    let bars = BARS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let write = || {
        let _ = writeln!(anstream::stderr(), "{text}");
    };
    match bars {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// A line for people, beside the result.
pub(super) fn note(text: impl AsRef<str>) {
    say(format_args!("{}", text.as_ref()));
}

/// Something the user should look at.
pub(super) fn warning(text: impl AsRef<str>) {
    say_marked("33", "warning:", text.as_ref());
}

/// Something the user may want to know.
pub(super) fn remark(text: impl AsRef<str>) {
    say_marked("36", "note:", text.as_ref());
}

/// A sentence of a result, over as many lines as 80 columns ask for.
pub(super) fn paragraph(text: &str) {
    line(fill(text, "", "  "));
}

/// A name, and what it is beside it, in lines that begin `indent` columns from the left.
pub(super) fn described(name: &str, text: &str, indent: usize) {
    line(fill(text, &format!("{name:indent$}"), &" ".repeat(indent)));
}

/// Lines that are broken between words alone: options and numbers stay whole.
fn fill(text: &str, first: &str, others: &str) -> String {
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// An error, and what to do about it.
pub(super) fn error(failed: &AppError) {
    say_marked("1;31", "error:", &failed.message);
    if !failed.hint.is_empty() {
        note("");
        say_marked("1;36", "hint:", &failed.hint);
    }
}

/// Says something after a word in colour.
fn say_marked(style: &str, mark: &str, text: &str) {
    say(format_args!("\u{1b}[{style}m{mark}\u{1b}[0m {text}"));
}

/// What a table shows where there is nothing.
pub(super) fn or_dash<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

/// `1 run`, `2 runs`.
pub(super) fn runs(count: usize) -> String {
    format!("{count} run{}", if count == 1 { "" } else { "s" })
}

/// A plain table of a result; the columns from `first_number` on are numbers, aligned right.
pub(super) fn table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    first_number: usize,
) {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(header.to_vec())
        .add_rows(rows);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if i >= first_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().for_each(|text| line(text.trim_end()));
}
