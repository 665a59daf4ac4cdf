//! Hints for tables that are not usable.

use super::error::{ForeignFault, OneColumn};

impl ForeignFault {
    /// Returns the hint for the user.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path".to_owned(),
            Self::Extension => {
                "save the table as CSV or Parquet, or give the name or the YAML file of a sweep".to_owned()
            }
            Self::Empty | Self::HeaderOnly => {
                "write a header and one row per run, with the columns params, tokens, loss and any others you know".to_owned()
            }
            Self::NotUtf8(_) => "convert the file, for example with `iconv -f latin1 -t utf8`".to_owned(),
            Self::Utf16(encoding) => format!("convert the file, for example with `iconv -f {encoding} -t utf-8`"),
            Self::Nul(_) => {
                "write the file again, because it is damaged or not text; `tr -d '\\000'` removes NUL bytes".to_owned()
            }
            Self::OneColumn { seeming, .. } => seeming.hint(),
            Self::Ragged { .. } => {
                "give the row one value per column; quote values that contain the separator, and write decimals with a point".to_owned()
            }
            Self::NotParquet(_) => "write the file again, for example with `pandas.DataFrame.to_parquet`".to_owned(),
            Self::NotZstd(_) => "compress the file again with `zstd`, or give the uncompressed file".to_owned(),
            Self::UnknownRole { .. } => "write `--map params=COLUMN,tokens=COLUMN,loss=COLUMN`".to_owned(),
            Self::DuplicateMapping { role, .. } => format!("name one column for `{role}`"),
            Self::UnknownColumn { role, .. } => format!("name one of its columns with `--map {role}=COLUMN`"),
            Self::MissingColumn { role, nearest, .. } => {
                name_column_hint(role.name(), nearest.first().map_or("COLUMN", String::as_str))
            }
            Self::ColumnTaken { role, by, .. } => format!("name a column for each with `--map {by}=COLUMN,{role}=COLUMN`"),
            Self::Ambiguous { role, example, .. } => name_column_hint(role, example),
            Self::DuplicateColumn(_) => "rename one of the two in the header of the file".to_owned(),
            Self::Value { .. } => "fix the value, or remove the row if it is not a run".to_owned(),
            Self::AmbiguousComma { decimal, whole, .. } => decimal_point_hint(decimal, whole.as_deref()),
            Self::UnsupportedType { column, named, .. } => cast(column, *named),
            Self::ParamsWithoutEmbeddingTooLarge { part, all, .. } => swap_columns_hint(part, all),
            Self::NoRuns { .. } => "name the columns with `--map`, or add finished runs".to_owned(),
        }
    }
}

impl OneColumn {
    fn hint(self) -> String {
        match self {
            Self::Separated(' ') => "separate the columns by commas, for example with `tr -s ' ' ','`".to_owned(),
            Self::Separated(separator) => format!("separate the columns by commas, for example with `tr '{separator}' ','`"),
            Self::Quoted => "remove the quotes around the lines, for example with `tr -d '\"'`".to_owned(),
            Self::Comment => "remove the lines before the header, for example with `grep -v '^#'`".to_owned(),
            Self::Unknown => {
                "write a header that names the columns: params, tokens, loss and any others you know".to_owned()
            }
        }
    }
}

fn decimal_point_hint(decimal: &str, whole: Option<&str>) -> String {
    match whole {
        Some(whole) => {
            format!(
                "write `{decimal}` or `{whole}`, and the numbers of all other rows in the same way"
            )
        }
        None => format!("write `{decimal}`, and decimal points in all other rows"),
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

fn swap_columns_hint(part: &str, all: &str) -> String {
    let swapped = for_shell(&format!("params={part},params_without_embedding={all}"));
    format!("fix the values, or swap the columns with `--map {swapped}`")
}

fn name_column_hint(role: &str, column: &str) -> String {
    format!(
        "name the column with `--map {}`",
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
