//! Who may call: tokens, one a worker, of which only hashes are kept.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::exchange::{dropped, random};
use isoflop_core::run::if_there;

/// Read and written by its owner alone.
const SECRET: u32 = 0o600;

/// A worker that may call, or might once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What it is called.
    pub name: String,
    /// BLAKE3 of its token.
    token_digest: String,
    /// Whether its token counts no more.
    pub revoked: bool,
}

/// What is wrong with a file of tokens, or a token's.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read or written.
    #[error("`{0}`: {1}")]
    File(PathBuf, io::Error),
    /// It is not what was written.
    #[error("`{0}` is no list of workers: {1}")]
    Damaged(PathBuf, serde_json::Error),
    /// Others may read it, by its mode.
    #[error("`{0}` may be read by others: its mode is {1:o}")]
    Open(PathBuf, u32),
    /// A worker of this name is there.
    #[error("there is a worker `{0}` already")]
    Taken(String),
    /// No worker of this name is there.
    #[error("there is no worker `{0}`")]
    Nobody(String),
    /// The name is not of the form that it should be.
    #[error("`{0}` is no name of a worker: letters, digits, dashes, dots, at most 63")]
    Name(String),
    /// The system has no random numbers.
    #[error("no token can be made: {0}")]
    Random(io::Error),
}

/// The workers that a file lists.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What was read last, and from which version of the file.
#[derive(Debug, Default)]
struct Read {
    version: Option<(i64, i64, u64, u64)>,
    known: Vec<Known>,
}

impl Tokens {
    /// The file of the workers; one that is not there lists none.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read: Mutex::default(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All workers.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn list(&self) -> Result<Vec<Known>, TokensError> {
        let metadata = if_there(fs::metadata(&self.path)).map_err(|error| self.failed(error))?;
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

    /// Makes a token for a new worker, and returns it: it is kept nowhere else.
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
        known.push(Known {
            name: name.to_owned(),
            token_digest: digest(&token).to_hex().to_string(),
            revoked: false,
        });
        self.write(&known).map(|()| token)
    }

    /// Makes a worker's token count no more, at once.
    ///
    /// # Errors
    /// [`TokensError`].
    pub fn revoke(&self, name: &str) -> Result<(), TokensError> {
        let mut known = self.list()?;
        let worker = known.iter_mut().find(|worker| worker.name == name);
        worker
            .ok_or_else(|| TokensError::Nobody(name.to_owned()))?
            .revoked = true;
        self.write(&known)
    }

    fn write(&self, known: &[Known]) -> Result<(), TokensError> {
        let temporary = self
            .path
            .with_extension(format!("new.{}", std::process::id()));
        let text = serde_json::to_string_pretty(known).map_err(|error| self.damaged(error))?;
        dropped(fs::remove_file(&temporary), "a file was not removed");
        let written = write_secret(&temporary, &format!("{text}\n"))
            .and_then(|()| fs::rename(&temporary, &self.path));
        written.map_err(|error| self.failed(error))
    }

    /// Whose token it is; nothing if it is nobody's, or counts no more.
    pub(super) fn whose(&self, token: &str) -> Option<String> {
        let digest = digest(token);
        let mut read = self.read.lock();
        self.refresh(&mut read);
        let mut whose = None;
        // All are looked at, each in constant time: how long it takes says nothing.
        for worker in &read.known {
            let is =
                blake3::Hash::from_hex(&worker.token_digest).is_ok_and(|known| known == digest);
            if is && !worker.revoked {
                whose = Some(worker.name.clone());
            }
        }
        whose
    }

    /// Reads the file again where it is another; one that cannot be read lets nobody in.
    fn refresh(&self, read: &mut Read) {
        let metadata = fs::metadata(&self.path);
        let metadata = dropped(metadata, "the list of workers could not be looked at");
        let version = metadata.map(|m| (m.mtime(), m.mtime_nsec(), m.size(), m.ino()));
        if version.is_none() || version != read.version {
            *read = Read {
                version,
                known: dropped(self.list(), "the list of workers was not read").unwrap_or_default(),
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

/// Writes a file that is not there yet, for its owner alone.
///
/// # Errors
/// When it is there, or cannot be written.
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
        let tokens = Tokens::at(&folder.path().join("workers.json"));
        assert_eq!(tokens.whose("anything"), None);
        let (one, two) = (tokens.add("one").unwrap(), tokens.add("two").unwrap());
        assert!(one.len() == 64 && one != two);
        assert_eq!(tokens.whose(&one).as_deref(), Some("one"));
        assert_eq!(tokens.whose(&two).as_deref(), Some("two"));
        assert_eq!(tokens.whose(&two[1..]), None);
        assert_eq!(tokens.whose(""), None);
        let text = fs::read_to_string(tokens.path()).unwrap();
        assert!(
            !text.contains(&one) && !text.contains(&two),
            "a token is written down"
        );
        // The hash of a token is no token.
        assert_eq!(
            tokens.whose(blake3::hash(one.as_bytes()).to_hex().as_str()),
            None
        );
        tokens.revoke("one").unwrap();
        assert_eq!(tokens.whose(&one), None);
        assert_eq!(tokens.whose(&two).as_deref(), Some("two"));
        assert!(matches!(tokens.add("one"), Err(TokensError::Taken(_))));
        assert!(matches!(
            tokens.revoke("three"),
            Err(TokensError::Nobody(_))
        ));
        assert!(matches!(tokens.add("../x"), Err(TokensError::Name(_))));
        fs::set_permissions(tokens.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(tokens.list(), Err(TokensError::Open(_, 0o644))));
    }
}
