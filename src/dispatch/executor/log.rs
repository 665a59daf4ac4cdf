//! What a process prints, kept within bounds.

use std::io::{self, PipeReader, Read};

use tokio::sync::oneshot;
use tracing::debug;

use super::RotatedLog;
use isoflop_core::run::AttemptDir;

/// Bytes after which a log is put aside and begun anew: a run that prints for days keeps its last 8 to 16 MB.
const LOG_BYTES: u64 = 8 << 20;

/// Writes what comes through a pipe to an attempt's log, until every writer is gone; the receiver then hears of it.
pub(super) fn capture(pipe: PipeReader, attempt: &AttemptDir) -> io::Result<oneshot::Receiver<()>> {
    let (done, wait) = oneshot::channel();
    let mut log = RotatedLog::create(attempt.log(), attempt.older_log(), LOG_BYTES)?;
    std::thread::Builder::new()
        .name("log".into())
        .spawn(move || {
            copy(pipe, &mut log);
            if done.send(()).is_err() {
                debug!("nobody waits for the end of the log any more");
            }
        })?;
    Ok(wait)
}

fn copy(mut from: impl Read, log: &mut RotatedLog) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            // A log that cannot be written is lost, but its writer must not be held up. Not a line each: a full disk would have thousands.
            Ok(read) => drop(log.write(&buffer[..read])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return debug!(%error, "a log ends early"),
        }
    }
}
