//! Atomic writes: a file appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Part of the name of an incomplete file.
const INCOMPLETE: &str = "tmp";

/// Failure to write a file or folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {source}")]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// Error of the system.
    pub source: io::Error,
}

/// Adds the path to an error of the system.
pub fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> WriteError + use<> {
    let path = path.to_owned();
    |source| WriteError { path, source }
}

/// Converts the error for a missing file or folder to `None`.
///
/// # Errors
/// Any other failure.
pub fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Writes a file under a temporary name, syncs it, and renames it: a reader, or a
/// machine that loses power, sees the old file or the new one, never a part.
///
/// # Errors
/// Any failure to write, sync or rename. The old file remains.
pub fn write_atomic(path: &Path, contents: &[u8]) -> io::Result<()> {
    write_streamed(path, |file| file.write_all(contents))
}

/// Writes a file like [`write_atomic`], with content that `write` streams through a buffer: for
/// files too large to hold in memory.
///
/// # Errors
/// The errors of [`write_atomic`], and those of `write`.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    write_renamed(path, |temporary| {
        let mut file = BufWriter::new(File::create(temporary)?);
        write(&mut file)?;
        file.into_inner()?.sync_all()
    })?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Replaces a file with a value as indented JSON. A reader sees the old file or the new one, but
/// the file is not synced: use it for files that can be rebuilt.
///
/// # Errors
/// Any failure to write or rename. The old file remains.
pub fn write_json_unsynced(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_renamed(path, |temporary| fs::write(temporary, json(value)?))
}

/// Calls `write` with a temporary path in the same folder, then renames the file to `path`.
fn write_renamed(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension(format!("{INCOMPLETE}.{}", std::process::id()));
    let renamed = write(&temporary).and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // Return the failure above, not a failure to clean up.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Removes the incomplete files that a killed writer left in a folder. A file that cannot be
/// removed costs only space.
pub fn remove_incomplete(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_incomplete(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_incomplete(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    parts
        .windows(2)
        .any(|pair| pair[0] == INCOMPLETE && is_number(pair[1]))
}

/// Writes a value as indented JSON, like [`write_atomic`].
///
/// # Errors
/// The errors of [`write_atomic`], or if the value is not representable as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_atomic(path, &json(value)?)
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// BLAKE3 of a file's content, as hexadecimal digits.
///
/// # Errors
/// If it cannot be read.
pub fn read_digest(path: &Path) -> io::Result<String> {
    // In pieces: a corpus may be larger than memory.
    Ok(blake3::Hasher::new()
        .update_reader(File::open(path)?)?
        .finalize()
        .to_hex()
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_the_making_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.tmp.12",
            "b.tmp.3.png",
            "c.json",
            "tmp",
            "d.tmp",
            "e.tmp.f",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        write_atomic(&folder.path().join("g.json"), b"y").unwrap();
        remove_incomplete(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["c.json", "d.tmp", "e.tmp.f", "g.json", "tmp"]);
    }
}
