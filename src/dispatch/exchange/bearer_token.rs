//! Bearer tokens, read from files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;

/// Random bytes from `/dev/urandom`.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes))?;
    Ok(bytes)
}

/// Reason to reject a token file.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read `{0}`: {1}")]
    Unreadable(PathBuf, io::Error),
    /// Other users can access the file, and could use the token.
    #[error(
        "`{0}` contains a token and is accessible to other users: expected mode 0600, found {1:04o}"
    )]
    Open(PathBuf, u32),
    /// The file does not contain a token.
    #[error(
        "`{0}` does not contain a token: expected one line of visible ASCII characters without spaces"
    )]
    NoToken(PathBuf),
}

/// Token that authenticates requests. `Debug` does not print it.
#[derive(Clone, Debug)]
pub struct BearerToken(pub(super) HeaderValue);

impl BearerToken {
    /// Value of the header `Authorization`.
    pub fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Reads a token from its file.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let unreadable = |e| TokenError::Unreadable(path.to_owned(), e);
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Open(path.to_owned(), mode));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let word = text.trim();
        let visible = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::try_from(format!("Bearer {word}")).ok();
        let value = value.filter(|_| visible);
        let mut value = value.ok_or_else(|| TokenError::NoToken(path.to_owned()))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, mode: u32) -> Result<BearerToken, TokenError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        BearerToken::read(&path)
    }

    #[test]
    fn a_token_is_one_word_for_its_owner_alone() {
        assert_eq!(said("  secret\n", 0o600).unwrap().0, "Bearer secret");
        assert_eq!(said("secret", 0o400).unwrap().0, "Bearer secret");
        for mode in [0o644, 0o640, 0o604, 0o601] {
            assert!(
                matches!(said("secret", mode), Err(TokenError::Open(..))),
                "{mode:o}"
            );
        }
        for text in ["", "\n", "two words", "a\nb", "sécret"] {
            assert!(
                matches!(said(text, 0o600), Err(TokenError::NoToken(_))),
                "{text:?}"
            );
        }
        assert!(matches!(
            BearerToken::read(Path::new("/nowhere/token")),
            Err(TokenError::Unreadable(..))
        ));
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", said("secret", 0o600)).contains("secret"));
    }
}
