//! What a process prints, kept within bounds.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};

use tokio::sync::oneshot;

use isoflop_core::run::AttemptDir;

/// Bytes after which a log is put aside and begun anew: a run that prints for days keeps its last 8 to 16 MB.
const LOG_BYTES: u64 = 8 << 20;

/// Writes what comes through a pipe to an attempt's log, until every writer is gone; the receiver then hears of it.
pub(super) fn capture(pipe: PipeReader, attempt: &AttemptDir) -> io::Result<oneshot::Receiver<()>> {
    let (done, wait) = oneshot::channel();
    let mut log = Log {
        attempt: attempt.clone(),
        file: File::create(attempt.log())?,
        written: 0,
        limit: LOG_BYTES,
    };
    std::thread::Builder::new()
        .name("log".into())
        .spawn(move || {
            copy(pipe, &mut log);
            // Whoever waited may have given up.
            let _ = done.send(());
        })?;
    Ok(wait)
}

fn copy(mut from: impl Read, log: &mut Log) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            // A log that cannot be written is lost, but its writer must not be held up.
            Ok(read) => drop(log.write(&buffer[..read])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

struct Log {
    attempt: AttemptDir,
    file: File,
    written: u64,
    limit: u64,
}

impl Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written > self.limit {
            fs::rename(self.attempt.log(), self.attempt.older_log())?;
            (self.file, self.written) = (File::create(self.attempt.log())?, 0);
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_kept_and_the_first_go() {
        let folder = tempfile::tempdir().unwrap();
        let attempt = AttemptDir::new(folder.path().to_owned());
        let mut log = Log {
            attempt: attempt.clone(),
            file: File::create(attempt.log()).unwrap(),
            written: 0,
            limit: 99,
        };
        let lines: String = (0..100).map(|i| format!("line {i:04}\n")).collect();
        for line in lines.as_bytes().chunks(10) {
            copy(line, &mut log);
        }
        let kept = fs::read_to_string(attempt.older_log()).unwrap()
            + &fs::read_to_string(attempt.log()).unwrap();
        assert!(lines.ends_with(&kept), "{kept}");
        assert!((100..=210).contains(&kept.len()), "{}", kept.len());
    }
}
