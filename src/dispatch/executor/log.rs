//! Capture of a process's output in a log of limited size.

use std::io::{self, PipeReader, Read};

use tokio::sync::oneshot;
use tracing::debug;

use super::RotatedLog;
use isoflop_core::run::AttemptDir;

/// Bytes after which a log is rotated. A run that prints for days keeps its last 8 to 16 MB.
const LOG_BYTES: u64 = 8 << 20;

/// Copies a pipe to an attempt's log until all writers have closed it, and then notifies the
/// receiver.
pub(super) fn capture(pipe: PipeReader, attempt: &AttemptDir) -> io::Result<oneshot::Receiver<()>> {
    let (done, wait) = oneshot::channel();
    let mut log = RotatedLog::create(attempt.log(), attempt.older_log(), LOG_BYTES)?;
    std::thread::Builder::new()
        .name("log".into())
        .spawn(move || {
            copy(pipe, &mut log);
            if done.send(()).is_err() {
                debug!("no receiver for the end of a log");
            }
        })?;
    Ok(wait)
}

fn copy(mut from: impl Read, log: &mut RotatedLog) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            // A full disk must not block the process, so output that cannot be written is lost. A
            // debug line for each failure would be thousands.
            Ok(read) => drop(log.write(&buffer[..read])),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return debug!(%error, "cannot read the output of a process"),
        }
    }
}
