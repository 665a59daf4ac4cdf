//! Files of tables, by their kind.

use std::path::Path;

use super::sheet::Sheet;
use super::{ForeignFault, delimited, parquet};

/// Reports whether the name of a file is that of a table.
pub fn is_table(path: &Path) -> bool {
    FileKind::of(path).is_some()
}

/// Reads a file according to its kind.
pub(super) fn sheet(path: &Path) -> Result<Sheet, ForeignFault> {
    let (kind, compressed) = FileKind::of(path).ok_or(ForeignFault::Extension)?;
    let mut bytes = std::fs::read(path).map_err(ForeignFault::Unreadable)?;
    if bytes.is_empty() {
        return Err(ForeignFault::Empty);
    }
    if compressed {
        bytes = zstd::decode_all(&*bytes).map_err(ForeignFault::NotZstd)?;
    }
    let sheet = match kind {
        FileKind::Delimited { separator } => delimited::read(&bytes, separator),
        FileKind::Parquet => parquet::read(&bytes),
    }?;
    if sheet.len() == 0 {
        return Err(ForeignFault::HeaderOnly);
    }
    Ok(sheet)
}

enum FileKind {
    Delimited { separator: Option<u8> },
    Parquet,
}

impl FileKind {
    /// Returns the kind of a file by its name, and whether it is compressed.
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
