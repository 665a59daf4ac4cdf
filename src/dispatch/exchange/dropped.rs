//! Failures that are dropped on purpose.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use serde::de::DeserializeOwned;
use tracing::debug;

/// Leaves a debug line of a failure that nothing follows from; what is gone already, as it should be, leaves none.
pub(crate) fn dropped<T, E: Error + 'static>(
    result: Result<T, E>,
    what: &'static str,
) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    if !is_gone(&error) {
        debug!(error = error.to_string(), "{what}");
    }
    None
}

/// What a file of JSON holds, if it is there and whole.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    if let Err(error) = &read
        && !is_gone(error)
    {
        debug!(path = %path.display(), %error, "a file was not read");
    }
    read.ok()
}

/// Whether a file or a process is not there.
fn is_gone(error: &(dyn Error + 'static)) -> bool {
    let file = error.downcast_ref::<io::Error>();
    let process = error.downcast_ref::<Errno>();
    file.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        || process == Some(&Errno::ESRCH)
}
