//! Lock of a sweep's results: one coordinator per sweep.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};

use super::log::CoordinatorLog;
use crate::exchange::dropped;
use isoflop_core::run::SweepDir;

/// The lock of a sweep's results, held until dropped. Its holder writes the coordinator's log.
///
/// The system frees the lock when the process ends, for any reason.
#[derive(Debug)]
pub struct SweepLock {
    // Fields are dropped in this order: the log must be closed before another process can take the
    // lock.
    _log: CoordinatorLog,
    _file: File,
}

/// A lock that was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another coordinator holds the lock.
    #[error("`{folder}` is in use by another isoflop ({holder})")]
    Held {
        /// The results folder.
        folder: String,
        /// Process and host of the holder.
        holder: String,
    },
    /// The folder cannot be written to.
    #[error("cannot write to `{folder}`: {source}")]
    Unwritable {
        /// The results folder.
        folder: String,
        /// The system's error.
        source: io::Error,
    },
}

impl SweepLock {
    /// The holder of a sweep's lock; `None` if it is free.
    pub fn holder(sweep: &SweepDir) -> Option<String> {
        let mut file = dropped(File::open(sweep.lock()), "failed to open the lock")?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&mut file)),
            _ => None,
        }
    }

    /// Takes the lock of a sweep, creating its folder.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(sweep: &SweepDir) -> Result<Self, LockError> {
        let folder = sweep.root().display().to_string();
        let unwritable = |source| LockError::Unwritable {
            folder: folder.clone(),
            source,
        };
        std::fs::create_dir_all(sweep.runs()).map_err(unwritable)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(sweep.lock())
            .map_err(unwritable)?;
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = read_holder(&mut file);
                return Err(LockError::Held { folder, holder });
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        let host = nix::unistd::gethostname().unwrap_or_else(|_| "unknown host".into());
        let host = host.display();
        let text = format!("process {} on {host}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(unwritable)?;
        Ok(Self {
            _log: CoordinatorLog::open(sweep),
            _file: file,
        })
    }
}

/// Locks the file, unless a coordinator holds the lock.
///
/// [`SweepLock::holder`] takes a shared lock for a moment. Retries in that case, instead of
/// reporting a coordinator that does not exist.
fn lock(file: &File) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            locked => return locked,
        }
        file.try_lock_shared()?;
        // Release the shared lock: two processes that kept theirs would wait for each other.
        file.unlock().map_err(TryLockError::Error)?;
        std::thread::yield_now();
    }
}

/// Reads what the holder wrote. A failure to read it does not matter: the lock is refused anyway.
fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.read_to_string(&mut holder);
    dropped(read, "failed to read the lock's holder");
    match holder.trim() {
        "" => "unknown process".to_owned(),
        holder => holder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn asking_for_the_holder_refuses_nobody() {
        let root = tempfile::tempdir().unwrap();
        let sweep = SweepDir::new(root.path(), "sweep");
        drop(SweepLock::take(&sweep).unwrap());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    SweepLock::holder(&sweep);
                }
            });
            let taken = (0..2000).try_for_each(|_| SweepLock::take(&sweep).map(drop));
            over.store(true, Ordering::Relaxed);
            taken.unwrap();
        });
        let held = SweepLock::take(&sweep).unwrap();
        assert!(matches!(
            SweepLock::take(&sweep),
            Err(LockError::Held { .. })
        ));
        assert!(SweepLock::holder(&sweep).is_some());
        drop(held);
        assert_eq!(SweepLock::holder(&sweep), None);
    }
}
