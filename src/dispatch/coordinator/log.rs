//! The coordinator's log: the decisions made while this process held a sweep's lock, with their
//! reasons.
//!
//! Every module emits events; the subscriber decides which of them are written here.

use std::io;

use parking_lot::Mutex;
use tracing::{Span, info_span, warn};

use super::redaction::redacted;
use crate::executor::RotatedLog;
use isoflop_core::run::SweepDir;

/// Bytes after which the log is rotated: the latest 4 to 8 MB are kept.
const LOG_BYTES: u64 = 4 << 20;

/// The log of this process: it has one subscriber and holds at most one lock.
static LOG: Mutex<Option<LogLines>> = Mutex::new(None);

/// The log of a sweep whose lock is held, open until dropped.
#[derive(Debug)]
pub(super) struct CoordinatorLog(());

impl CoordinatorLog {
    /// Continues a sweep's log. If it cannot be opened, warns and logs no decisions.
    pub(super) fn open(sweep: &SweepDir) -> Self {
        let path = sweep.coordinator_log();
        match RotatedLog::open(path.clone(), sweep.older_coordinator_log(), LOG_BYTES) {
            Ok(file) => *LOG.lock() = Some(LogLines { file, lost: 0 }),
            Err(error) => {
                warn!(path = %path.display(), %error, "cannot open the coordinator's log: decisions are not logged");
            }
        }
        Self(())
    }
}

impl Drop for CoordinatorLog {
    fn drop(&mut self) {
        *LOG.lock() = None;
    }
}

/// Writes lines to the log of the sweep whose lock this process holds, without secrets.
///
/// Discards lines while no lock is held.
#[derive(Clone, Copy, Debug)]
pub struct CoordinatorLogWriter;

impl io::Write for CoordinatorLogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(lines) = &mut *LOG.lock() {
            lines.write(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An open log.
#[derive(Debug)]
struct LogLines {
    file: RotatedLog,
    /// Lines lost since the last successful write.
    lost: u64,
}

impl LogLines {
    fn write(&mut self, line: &[u8]) {
        let text = redacted(&String::from_utf8_lossy(line)).into_owned();
        let text = match self.lost {
            0 => text,
            // The last lost line may have been written in part: start a new line.
            lost => format!("\n{lost} lines could not be written here\n{text}"),
        };
        // A full disk must not stop the sweep because of its log: the files that matter report it.
        self.lost = match self.file.write(text.as_bytes()) {
            Ok(()) => 0,
            Err(_) => self.lost + 1,
        };
    }
}

/// The span of all events about a sweep.
pub(super) fn sweep_span(sweep: &SweepDir) -> Span {
    info_span!("sweep", name = sweep.name())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    #[test]
    fn lines_are_written_while_the_log_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let sweep = SweepDir::at(folder.path());
        let say = |line: &str| CoordinatorLogWriter.write_all(line.as_bytes()).unwrap();
        say("before\n");
        {
            let _log = CoordinatorLog::open(&sweep);
            say("first\n");
            say("at https://me:secret@host/\n");
        }
        say("between\n");
        {
            let _log = CoordinatorLog::open(&sweep);
            say("second\n");
        }
        assert_eq!(
            fs::read_to_string(sweep.coordinator_log()).unwrap(),
            "first\nat https://***@host/\nsecond\n"
        );
    }

    #[test]
    fn lines_that_are_lost_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let [path, older] = ["log", "older"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let open = || RotatedLog::open(path.clone(), older.clone(), 99).unwrap();
        let mut lines = LogLines {
            file: open(),
            lost: 0,
        };
        lines.write(b"one\n");
        lines.write(b"two\n");
        fs::remove_file(&path).unwrap();
        lines.file = open();
        lines.write(b"three\n");
        lines.write(b"four\n");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "\n2 lines could not be written here\nthree\nfour\n"
        );
    }
}
