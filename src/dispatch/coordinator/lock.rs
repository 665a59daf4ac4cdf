//! One coordinator a sweep.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};

use super::log::CoordinatorLog;
use crate::exchange::dropped;
use isoflop_core::run::SweepDir;

/// The lock of a sweep's results, held until dropped; the system frees it when the process dies, however it dies. Its holder writes the
/// coordinator's log.
#[derive(Debug)]
pub struct SweepLock {
    // Dropped in this order: the log is its holder's alone.
    _log: CoordinatorLog,
    _file: File,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another coordinator holds it.
    #[error("`{folder}` is in use by another isoflop ({holder})")]
    Held {
        /// The results folder.
        folder: String,
        /// Its process and host.
        holder: String,
    },
    /// The folder cannot be written to.
    #[error("cannot write to `{folder}`: {source}")]
    Unwritable {
        /// The results folder.
        folder: String,
        /// What the system said.
        source: io::Error,
    },
}

impl SweepLock {
    /// Who holds the lock of a sweep; none where nobody does.
    pub fn holder(sweep: &SweepDir) -> Option<String> {
        let mut file = dropped(File::open(sweep.lock()), "the lock was not opened")?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(&mut file)),
            _ => None,
        }
    }

    /// Takes the lock of a sweep, making its folder.
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

/// Locks the file, unless a coordinator has. Whoever asks for the holder shares the lock for a moment: that refuses nobody.
fn lock(file: &File) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            locked => return locked,
        }
        file.try_lock_shared()?;
        // Two that kept their shares would wait for each other.
        file.unlock().map_err(TryLockError::Error)?;
        std::thread::yield_now();
    }
}

/// What the holder wrote: a courtesy, without which the refusal still stands.
fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    let read = file.read_to_string(&mut holder);
    dropped(read, "the lock's holder was not read");
    match holder.trim() {
        "" => "process unknown".to_owned(),
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
