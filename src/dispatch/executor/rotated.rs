//! Logs that are rotated by size. A long log keeps its last part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use isoflop_core::run::if_exists;

/// A log of at most two files.
#[derive(Debug)]
pub(crate) struct RotatedLog {
    path: PathBuf,
    older: PathBuf,
    file: File,
    written: u64,
    /// Bytes after which it is rotated.
    limit: u64,
}

impl RotatedLog {
    /// Opens a log for appending, or creates it. Rotation moves it to `older`.
    pub(crate) fn open(path: PathBuf, older: PathBuf, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let written = file.metadata()?.len();
        Ok(Self {
            path,
            older,
            file,
            written,
            limit,
        })
    }

    /// Creates a log, and removes the content of an existing one.
    pub(crate) fn create(path: PathBuf, older: PathBuf, limit: u64) -> io::Result<Self> {
        File::create(&path)?;
        Self::open(path, older, limit)
    }

    /// Writes bytes into one file, without splitting them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written > self.limit {
            self.set_aside()?;
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        // An earlier rotation may have moved the log without space for a new one.
        if_exists(fs::rename(&self.path, &self.older))?;
        (self.file, self.written) = (File::create(&self.path)?, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_kept_and_the_first_go() {
        let folder = tempfile::tempdir().unwrap();
        let [path, older] = ["log", "older"].map(|name| folder.path().join(name));
        let log = || RotatedLog::open(path.clone(), older.clone(), 99).unwrap();
        let lines: String = (0..100).map(|i| format!("line {i:04}\n")).collect();
        for part in lines.as_bytes().chunks(200) {
            // A reopened log is appended to.
            let mut log = log();
            part.chunks(10).for_each(|line| log.write(line).unwrap());
        }
        let kept = fs::read_to_string(&older).unwrap() + &fs::read_to_string(&path).unwrap();
        assert!(lines.ends_with(&kept), "{kept}");
        assert!((100..=210).contains(&kept.len()), "{}", kept.len());
        // A log that was removed is created again at the next rotation.
        let mut log = log();
        fs::remove_file(&path).unwrap();
        for _ in 0..12 {
            log.write(b"0123456789").unwrap();
        }
        assert!(path.exists());
    }
}
