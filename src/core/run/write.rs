//! Files appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Stands in the name of a file in the making.
const IN_THE_MAKING: &str = "tmp";

/// A file or folder cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{path}`: {source}")]
pub struct Unwritable {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What the system said of a path.
pub fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Unwritable + use<> {
    let path = path.to_owned();
    |source| Unwritable { path, source }
}

/// What came of a file or folder; nothing where it is not there.
///
/// # Errors
/// Any other failure.
pub fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// Writes a file under a temporary name, syncs it, and renames it: a reader, or a
/// machine that loses power, sees the old file or the new one, never a part.
///
/// # Errors
/// Any failure to write, sync or rename; the old file then still stands.
pub fn write_whole(path: &Path, contents: &[u8]) -> io::Result<()> {
    write_streamed(path, |file| file.write_all(contents))
}

/// [`write_whole`] of what `write` puts through a buffer: for files that are better not held in memory.
///
/// # Errors
/// As [`write_whole`], and those of `write`.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    renamed(path, |temporary| {
        let mut file = BufWriter::new(File::create(temporary)?);
        write(&mut file)?;
        file.into_inner()?.sync_all()
    })?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Replaces a file by a value as indented JSON: whole or not at all to a reader, but not synced. For what can be made again.
///
/// # Errors
/// Any failure to write or rename; the old file then still stands.
pub fn replace_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    renamed(path, |temporary| fs::write(temporary, json(value)?))
}

/// A file that `write` makes under a temporary name beside it.
fn renamed(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension(format!("{IN_THE_MAKING}.{}", std::process::id()));
    let renamed = write(&temporary).and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // The failure above is what the caller must hear of.
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Removes what was in the making in a folder when its writer died. What cannot be removed costs only space.
pub fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_in_the_making(&entry.path()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_in_the_making(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    parts
        .windows(2)
        .any(|pair| pair[0] == IN_THE_MAKING && is_number(pair[1]))
}

/// [`write_whole`] of a value as indented JSON.
///
/// # Errors
/// As [`write_whole`]; also when the value is not representable as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_whole(path, &json(value)?)
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// BLAKE3 of a file's content, as hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn read_digest(path: &Path) -> io::Result<String> {
    // By pieces: a corpus may be larger than memory.
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
        write_whole(&folder.path().join("g.json"), b"y").unwrap();
        remove_unfinished(folder.path());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["c.json", "d.tmp", "e.tmp.f", "g.json", "tmp"]);
    }
}
