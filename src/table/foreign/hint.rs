//! What to do where a table is not usable.

use super::error::{ForeignFault, OneColumn};

impl ForeignFault {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path".to_owned(),
            Self::Extension => {
                "save it as CSV or Parquet; a sweep goes by its name, or by its file in YAML".to_owned()
            }
            Self::Empty | Self::HeaderOnly => {
                "give it a header and a row a run: params, tokens, loss and what else is known".to_owned()
            }
            Self::NotUtf8(_) => "convert it, for example with `iconv -f latin1 -t utf8`".to_owned(),
            Self::Utf16(encoding) => format!("convert it, for example with `iconv -f {encoding} -t utf-8`"),
            Self::Nul(_) => {
                "write the file again: it is damaged, or no text; `tr -d '\\000'` takes such bytes out".to_owned()
            }
            Self::OneColumn { seeming, .. } => seeming.hint(),
            Self::Ragged { .. } => {
                "give the row a value for each column; a value with a separator in it needs quotes, and decimals begin with a point".to_owned()
            }
            Self::NotParquet(_) => "write it again, for example with `pandas.DataFrame.to_parquet`".to_owned(),
            Self::NotZstd(_) => "compress it again with `zstd`, or give the file as it is".to_owned(),
            Self::UnknownRole { .. } => "write `--map params=COLUMN,tokens=COLUMN,loss=COLUMN`".to_owned(),
            Self::MappedTwice { role, .. } => format!("name one column for `{role}`"),
            Self::NoSuchColumn { role, .. } => format!("name one of its columns: `--map {role}=COLUMN`"),
            Self::MissingColumn { role, nearest, .. } => {
                says_which(role.name(), nearest.first().map_or("COLUMN", String::as_str))
            }
            Self::ColumnTaken { role, by, .. } => format!("name a column for each: `--map {by}=COLUMN,{role}=COLUMN`"),
            Self::Ambiguous { role, example, .. } => says_which(role, example),
            Self::ColumnTwice(_) => "rename one of them in the file's header".to_owned(),
            Self::Value { .. } => "correct the value, or remove the row if it is no run".to_owned(),
            Self::Comma { decimal, whole, .. } => with_point(decimal, whole.as_deref()),
            Self::Unread { column, named, .. } => cast(column, *named),
            Self::PartAboveAll { part, all, .. } => other_way_round(part, all),
            Self::NoRuns { .. } => "name the columns with `--map`, or give it runs that are finished".to_owned(),
        }
    }
}

impl OneColumn {
    fn hint(self) -> String {
        match self {
            Self::Separated(' ') => "put commas there, for example with `tr -s ' ' ','`".to_owned(),
            Self::Separated(separator) => format!("put commas there, for example with `tr '{separator}' ','`"),
            Self::Quoted => "remove the quotes around the lines, for example with `tr -d '\"'`".to_owned(),
            Self::Comment => "remove the lines before the header, for example with `grep -v '^#'`".to_owned(),
            Self::Unknown => {
                "give it a header that names its columns: params, tokens, loss and what else is known".to_owned()
            }
        }
    }
}

fn with_point(decimal: &str, whole: Option<&str>) -> String {
    match whole {
        Some(whole) => {
            format!("write `{decimal}` or `{whole}`, whichever it is, and so in all rows")
        }
        None => format!("write `{decimal}`, and so in all rows"),
    }
}

fn cast(column: &str, named: bool) -> String {
    let (kind, to) = if named {
        ("text", "str")
    } else {
        ("float64", "float64")
    };
    format!("cast it to {kind}, for example with `df[\"{column}\"].astype(\"{to}\")`")
}

fn other_way_round(part: &str, all: &str) -> String {
    let swapped = for_shell(&format!("params={part},params_without_embedding={all}"));
    format!("correct them, or if the columns are the other way round say so: `--map {swapped}`")
}

fn says_which(role: &str, column: &str) -> String {
    format!(
        "say which it is: `--map {}`",
        for_shell(&format!("{role}={column}"))
    )
}

fn for_shell(word: &str) -> String {
    let is_plain = word
        .chars()
        .all(|c| c.is_alphanumeric() || "_-./%=,".contains(c));
    if is_plain {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}
