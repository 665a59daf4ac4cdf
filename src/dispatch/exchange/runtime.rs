//! The runtime of programs that mostly wait.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime of one thread.
///
/// # Errors
/// When the system does not let it be made.
pub(crate) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
