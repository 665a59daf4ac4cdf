//! Tokens of workers. Each worker has one, of which only the hash is stored.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::exchange::{dropped, random};
use isoflop_core::run::if_exists;

/// File mode: only the owner can read and write.
const SECRET: u32 = 0o600;

/// A worker with a token, valid or revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredWorker {
    /// Name of the worker.
    pub name: String,
    /// BLAKE3 of its token.
    token_digest: String,
    /// True if its token is revoked.
    pub revoked: bool,
}

/// Error of the list of workers and their tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The file cannot be read or written.
    #[error("cannot read or write `{0}`: {1}")]
    File(PathBuf, io::Error),
    /// The file is damaged.
    #[error("`{0}` is not a valid list of workers: {1}")]
    Damaged(PathBuf, serde_json::Error),
    /// Other users can access the file.
    #[error("`{0}` is accessible to other users: expected mode 0600, found {1:04o}")]
    Open(PathBuf, u32),
    /// The name is taken.
    #[error("the worker `{0}` already exists")]
    Taken(String),
    /// The worker is not in the list.
    #[error("no such worker `{0}`")]
    Unknown(String),
    /// The name is invalid.
    #[error("invalid worker name `{0}`: expected 1 to 63 letters, digits, dashes and dots")]
    Name(String),
    /// The system provides no random numbers.
    #[error("cannot make a token: {0}")]
    Random(io::Error),
}

/// Workers and their tokens, listed in a file.
#[derive(Debug)]
pub struct WorkerTokens {
    path: PathBuf,
    read: Mutex<TokenSnapshot>,
}

/// Workers as last read, and the version of the file.
#[derive(Debug, Default)]
struct TokenSnapshot {
    version: Option<(i64, i64, u64, u64)>,
    known: Vec<RegisteredWorker>,
}

impl WorkerTokens {
    /// Uses the list in a file. A missing file is an empty list.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read: Mutex::default(),
        }
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all workers, including those with a revoked token.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn list(&self) -> Result<Vec<RegisteredWorker>, TokensError> {
        let metadata = if_exists(fs::metadata(&self.path)).map_err(|error| self.failed(error))?;
        let Some(metadata) = metadata else {
            return Ok(Vec::new());
        };
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokensError::Open(self.path.clone(), mode));
        }
        let bytes = fs::read(&self.path).map_err(|error| self.failed(error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.damaged(error))
    }

    /// Makes a token for a new worker, and returns it. The list stores only its hash.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn add(&self, name: &str) -> Result<String, TokensError> {
        let proper = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if name.is_empty() || name.len() > 63 || !name.chars().all(proper) {
            return Err(TokensError::Name(name.to_owned()));
        }
        let mut known = self.list()?;
        if known.iter().any(|worker| worker.name == name) {
            return Err(TokensError::Taken(name.to_owned()));
        }
        let bytes = random().map_err(TokensError::Random)?;
        let token = blake3::Hash::from_bytes(bytes).to_hex().to_string();
        known.push(RegisteredWorker {
            name: name.to_owned(),
            token_digest: digest(&token).to_hex().to_string(),
            revoked: false,
        });
        self.write(&known).map(|()| token)
    }

    /// Revokes a worker's token, with immediate effect.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn revoke(&self, name: &str) -> Result<(), TokensError> {
        let mut known = self.list()?;
        let worker = known.iter_mut().find(|worker| worker.name == name);
        worker
            .ok_or_else(|| TokensError::Unknown(name.to_owned()))?
            .revoked = true;
        self.write(&known)
    }

    fn write(&self, known: &[RegisteredWorker]) -> Result<(), TokensError> {
        let temporary = self
            .path
            .with_extension(format!("new.{}", std::process::id()));
        let text = serde_json::to_string_pretty(known).map_err(|error| self.damaged(error))?;
        dropped(fs::remove_file(&temporary), "cannot remove a file");
        let written = write_secret(&temporary, &format!("{text}\n"))
            .and_then(|()| fs::rename(&temporary, &self.path));
        written.map_err(|error| self.failed(error))
    }

    /// Finds the worker with a token. `None` if the token is unknown or revoked.
    pub(super) fn find_worker(&self, token: &str) -> Option<String> {
        let digest = digest(token);
        let mut read = self.read.lock();
        self.refresh(&mut read);
        let mut whose = None;
        // Compare with all tokens, each in constant time, so that the duration reveals nothing.
        for worker in &read.known {
            let is =
                blake3::Hash::from_hex(&worker.token_digest).is_ok_and(|known| known == digest);
            if is && !worker.revoked {
                whose = Some(worker.name.clone());
            }
        }
        whose
    }

    /// Reads the file again if it has changed. An unreadable file admits no worker.
    fn refresh(&self, read: &mut TokenSnapshot) {
        let metadata = fs::metadata(&self.path);
        let metadata = dropped(metadata, "cannot read the metadata of the list of workers");
        let version = metadata.map(|m| (m.mtime(), m.mtime_nsec(), m.size(), m.ino()));
        if version.is_none() || version != read.version {
            *read = TokenSnapshot {
                version,
                known: dropped(self.list(), "cannot read the list of workers").unwrap_or_default(),
            };
        }
    }

    fn failed(&self, error: io::Error) -> TokensError {
        TokensError::File(self.path.clone(), error)
    }

    fn damaged(&self, error: serde_json::Error) -> TokensError {
        TokensError::Damaged(self.path.clone(), error)
    }
}

/// Creates a file that only its owner can read.
///
/// # Errors
/// When the file exists, or cannot be written.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    use io::Write;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(SECRET)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn digest(token: &str) -> blake3::Hash {
    blake3::hash(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_count_until_they_are_revoked() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let tokens = WorkerTokens::at(&folder.path().join("workers.json"));
        assert_eq!(tokens.find_worker("anything"), None);
        let (one, two) = (tokens.add("one").unwrap(), tokens.add("two").unwrap());
        assert!(one.len() == 64 && one != two);
        assert_eq!(tokens.find_worker(&one).as_deref(), Some("one"));
        assert_eq!(tokens.find_worker(&two).as_deref(), Some("two"));
        assert_eq!(tokens.find_worker(&two[1..]), None);
        assert_eq!(tokens.find_worker(""), None);
        let text = fs::read_to_string(tokens.path()).unwrap();
        assert!(
            !text.contains(&one) && !text.contains(&two),
            "a token is stored in the file"
        );
        // The hash of a token is not a valid token.
        assert_eq!(
            tokens.find_worker(blake3::hash(one.as_bytes()).to_hex().as_str()),
            None
        );
        tokens.revoke("one").unwrap();
        assert_eq!(tokens.find_worker(&one), None);
        assert_eq!(tokens.find_worker(&two).as_deref(), Some("two"));
        assert!(matches!(tokens.add("one"), Err(TokensError::Taken(_))));
        assert!(matches!(
            tokens.revoke("three"),
            Err(TokensError::Unknown(_))
        ));
        assert!(matches!(tokens.add("../x"), Err(TokensError::Name(_))));
        fs::set_permissions(tokens.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(tokens.list(), Err(TokensError::Open(_, 0o644))));
    }
}
