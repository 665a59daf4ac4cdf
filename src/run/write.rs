//! Files appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

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
pub fn write_streamed(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let temporary = path.with_extension(format!("tmp.{}", std::process::id()));
    let written = write_and_rename(&temporary, path, write);
    if written.is_err() {
        // The failure above is what the caller must hear of.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_and_rename(
    temporary: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(temporary)?);
    write(&mut file)?;
    file.into_inner()?.sync_all()?;
    fs::rename(temporary, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// [`write_whole`] of a value as indented JSON.
///
/// # Errors
/// As [`write_whole`]; also when the value is not representable as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    write_whole(path, &text)
}
