//! The coordinator's log: what was decided while this process held a sweep's lock, and why. Where events come from is everywhere's
//! business; which of them are written here is the subscriber's.

use std::io;

use parking_lot::Mutex;
use tracing::{Span, info_span, warn};

use super::redaction::redacted;
use crate::executor::RotatedLog;
use isoflop_core::run::SweepDir;

/// Bytes after which the log is set aside and begun anew: the last 4 to 8 MB are kept.
const LOG_BYTES: u64 = 4 << 20;

/// A process has one subscriber, and holds one lock: it has one log.
static LOG: Mutex<Option<Lines>> = Mutex::new(None);

/// The log of a sweep whose lock is held, written to until this is dropped.
#[derive(Debug)]
pub(super) struct CoordinatorLog(());

impl CoordinatorLog {
    /// Goes on with a sweep's log. Where it cannot be written there is none, and that is said: it is no reason to stop.
    pub(super) fn open(sweep: &SweepDir) -> Self {
        let path = sweep.coordinator_log();
        match RotatedLog::open(path.clone(), sweep.older_coordinator_log(), LOG_BYTES) {
            Ok(file) => *LOG.lock() = Some(Lines { file, lost: 0 }),
            Err(error) => {
                warn!(path = %path.display(), %error, "decisions are not logged: the file cannot be opened");
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

/// Writes lines to the log of the sweep whose lock this process holds; to nowhere while it holds none. Secrets are left out.
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

/// The lines of a log.
#[derive(Debug)]
struct Lines {
    file: RotatedLog,
    /// Those that could not be written since the last that was.
    lost: u64,
}

impl Lines {
    fn write(&mut self, line: &[u8]) {
        let text = redacted(&String::from_utf8_lossy(line)).into_owned();
        let text = match self.lost {
            0 => text,
            // The last of them may be there in part.
            lost => format!("\n{lost} lines could not be written here\n{text}"),
        };
        // A disk that is full is told by what must be on it: the log goes without.
        self.lost = match self.file.write(text.as_bytes()) {
            Ok(()) => 0,
            Err(_) => self.lost + 1,
        };
    }
}

/// The span of all that is decided about a sweep.
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
        let mut lines = Lines {
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
