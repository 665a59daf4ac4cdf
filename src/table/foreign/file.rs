//! Files that are tables: which kind, and their sheets.

use std::path::Path;

use super::sheet::Sheet;
use super::{ForeignFault, delimited, parquet};

/// Whether a file is a table by its name.
pub fn is_table(path: &Path) -> bool {
    Kind::of(path).is_some()
}

/// Reads a file as its kind wants.
pub(super) fn sheet(path: &Path) -> Result<Sheet, ForeignFault> {
    let (kind, compressed) = Kind::of(path).ok_or(ForeignFault::Extension)?;
    let mut bytes = std::fs::read(path).map_err(ForeignFault::Unreadable)?;
    if bytes.is_empty() {
        return Err(ForeignFault::Empty);
    }
    if compressed {
        bytes = zstd::decode_all(&*bytes).map_err(ForeignFault::NotZstd)?;
    }
    let sheet = match kind {
        Kind::Delimited { separator } => delimited::read(&bytes, separator),
        Kind::Parquet => parquet::read(&bytes),
    }?;
    if sheet.len() == 0 {
        return Err(ForeignFault::HeaderOnly);
    }
    Ok(sheet)
}

enum Kind {
    Delimited { separator: Option<u8> },
    Parquet,
}

impl Kind {
    /// The kind that a name tells of, and whether the file is compressed.
    fn of(path: &Path) -> Option<(Self, bool)> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let (name, compressed) = match name.strip_suffix(".zst") {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let kind = match name.rsplit_once('.')?.1 {
            "csv" => Self::Delimited { separator: None },
            "tsv" => Self::Delimited {
                separator: Some(b'\t'),
            },
            "parquet" if !compressed => Self::Parquet,
            _ => return None,
        };
        Some((kind, compressed))
    }
}
