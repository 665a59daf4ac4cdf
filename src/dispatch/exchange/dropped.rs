//! Errors that are ignored on purpose.

use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use serde::de::DeserializeOwned;
use tracing::debug;

/// Ignores an error, with a debug line. A file or process that no longer exists gets no line.
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

/// Reads a JSON file. `None` if it does not exist or is invalid.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let read = fs::read(path).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    if let Err(error) = &read
        && !is_gone(error)
    {
        debug!(path = %path.display(), %error, "cannot read a file");
    }
    read.ok()
}

/// Reports whether an error means that a file or a process does not exist.
fn is_gone(error: &(dyn Error + 'static)) -> bool {
    let file = error.downcast_ref::<io::Error>();
    let process = error.downcast_ref::<Errno>();
    file.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        || process == Some(&Errno::ESRCH)
}
